use serde::Serialize;

use crate::plan::layout::Verdict;

/// How good a layout is at one level of placement.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct VerdictJson {
    /// 1 to 4.
    level: u8,
    /// Whether the layout is as good as it can be at this level.
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
