use serde::Serialize;

use crate::plan::layout::Verdict;

/// How good a layout is at one level.
#[derive(Debug, Serialize)]
pub struct VerdictJson {
    /// 1 to 4.
    level: u8,
    /// Whether the level leaves nothing to wish for.
    met: bool,
    text: String,
}

pub fn verdicts_json(verdicts: &[Verdict]) -> Vec<VerdictJson> {
    let json = |Verdict { level, met, text }: &Verdict| VerdictJson {
        level: *level,
        met: *met,
        text: text.clone(),
    };
    verdicts.iter().map(json).collect()
}
