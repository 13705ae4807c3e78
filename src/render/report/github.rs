//! Workflow commands of GitHub Actions, which become annotations: `::error title=…::…`.

use super::data::{Found, Trouble};
use crate::plan::check::{Problem, Severity, is_healthy};

pub fn found(found: &Found) -> String {
    let verdict = if is_healthy(found.problems, found.strict) { "healthy" } else { "unhealthy" };
    let mut text = format!("{verdict} ({})\n", found.summary());
    for problem in found.problems {
        let level = match problem.severity {
            Severity::Error => "error",
            Severity::Warning if found.strict => "error",
            Severity::Warning => "warning",
        };
        text += &annotation(level, &title(problem), &lines(problem));
    }
    for ignored in found.ignored {
        let message = format!("ignored: {}\n{}", ignored.reason, ignored.problem.message);
        text += &annotation("notice", &title(&ignored.problem), &message);
    }
    text
}

pub fn trouble(trouble: &Trouble) -> String {
    let lines = std::iter::once(trouble.message.clone()).chain(trouble.more());
    annotation("error", "rcluster check", &lines.collect::<Vec<_>>().join("\n"))
}

fn title(problem: &Problem) -> String {
    format!("rcluster check: {}", problem.kind.name())
}

fn lines(problem: &Problem) -> String {
    let fix = problem.fix.as_ref().map(|fix| format!("\nfix: {fix}")).unwrap_or_default();
    format!("{}{fix}", problem.message)
}

/// `escapeData` and `escapeProperty` of GitHub's own toolkit (`packages/core/src/command.ts`).
fn annotation(level: &str, title: &str, message: &str) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    format!("::{level} title={}::{}\n", property(title), data(message))
}
