//! A kind of problem in words, for the terminal and for `docs/problems.md`.

use crate::plan::check::{Explanation, Kind};
use crate::render::table::wrapped_with;

/// The explanation of one kind.
pub fn explained_text(kind: Kind) -> String {
    let Explanation { meaning, why, fix, commands, .. } = kind.explanation();
    let paragraphs = [meaning.to_owned(), format!("Why: {why}"), format!("Fix: {fix}")];
    let mut text = format!("{} ({})\n", kind.name(), severities(kind));
    for paragraph in paragraphs {
        text += &format!("\n{}\n", wrapped_with(&paragraph, ""));
    }
    if !commands.is_empty() {
        text.push('\n');
        commands.iter().for_each(|command| text += &format!("    {command}\n"));
    }
    text
}

fn severities(kind: Kind) -> String {
    let names = kind.explanation().severities.iter().map(|severity| severity.name());
    names.collect::<Vec<_>>().join(" or ")
}

/// `docs/problems.md`.
#[cfg(test)]
pub fn page() -> String {
    let mut text = "\
# Problems that check reports

Every kind of problem: what was found, why it matters, and what fixes it. `rcluster check --explain KIND` prints the same. The problem itself names nodes and slots, and the exact command if there is one. An error makes the cluster unhealthy, a warning only with `--strict`.
"
    .to_owned();
    for kind in Kind::ALL {
        let Explanation { meaning, why, fix, commands, .. } = kind.explanation();
        text += &format!(
            "\n## {}\n\n{}. {meaning}\n\n**Why:** {why}\n\n**Fix:** {fix}\n",
            kind.name(),
            match severities(*kind).as_str() {
                "error" => "Error",
                "warning" => "Warning",
                _ => "Error or warning",
            },
        );
        if !commands.is_empty() {
            text.push('\n');
            commands.iter().for_each(|command| text += &format!("    {command}\n"));
        }
    }
    text
}
