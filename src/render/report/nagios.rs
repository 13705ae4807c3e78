//! A Nagios plugin's output: one line with performance data, further lines with the problems, and
//! exit codes of their own (Monitoring Plugins Development Guidelines).

use super::data::{Found, Trouble};
use crate::model::{ClusterReport, SLOTS};
use crate::plan::check::{Problem, Severity, covered};

/// Nothing is known of the cluster.
pub const UNKNOWN: u8 = 3;

/// OK, WARNING or CRITICAL.
pub fn code(found: &Found) -> u8 {
    let is_critical = found.problems.iter().any(|problem| found.counts(problem));
    match (is_critical, found.problems.is_empty()) {
        (true, _) => 2,
        (false, false) => 1,
        (false, true) => 0,
    }
}

pub fn found(found: &Found) -> String {
    let word = ["OK", "WARNING", "CRITICAL"][usize::from(code(found))];
    // The worst comes first.
    let worst = found.problems.first().map(|problem| format!("; {}", problem.message));
    let status = format!("{}{}", found.summary(), worst.unwrap_or_default());
    let mut text = format!("CLUSTER {word}: {} | {}\n", plain(&status), measured(found));
    for problem in found.problems {
        text += &format!("{}\n", plain(&line(problem)));
    }
    for ignored in found.ignored {
        let problem = &ignored.problem;
        let line = format!("ignored: {} ({})", problem.message, ignored.reason);
        text += &format!("{}\n", plain(&line));
    }
    text
}

pub fn trouble(trouble: &Trouble) -> String {
    let mut text = format!("CLUSTER UNKNOWN: {}\n", plain(&trouble.message));
    trouble.more().for_each(|line| text += &format!("{}\n", plain(&line)));
    text
}

fn line(problem: &Problem) -> String {
    let fix = problem.fix.as_ref().map(|fix| format!(" (fix: {fix})")).unwrap_or_default();
    format!("{}: {}{fix}", problem.severity.name(), problem.message)
}

/// A bar begins performance data, and a line's end the next part.
fn plain(text: &str) -> String {
    text.replace('|', "/").replace(['\r', '\n'], " ")
}

/// `label=value[unit];warning;critical;minimum;maximum`.
fn measured(found: &Found) -> String {
    let ClusterReport { nodes, unreachable } = found.cluster;
    let keys = nodes.iter().filter(|node| node.view.me().is_master()).map(|node| node.keys);
    [
        format!("errors={};;;0", found.count(Severity::Error)),
        format!("warnings={};;;0", found.count(Severity::Warning)),
        format!("ignored={};;;0", found.ignored.len()),
        format!("slots_covered={};;;0;{SLOTS}", covered(found.cluster).len()),
        format!("nodes={};;;0", nodes.len() + unreachable.len()),
        format!("nodes_unreachable={};;;0", unreachable.len()),
        format!("keys={};;;0", keys.sum::<u64>()),
        format!("time={:.3}s;;;0", found.took.as_secs_f64()),
    ]
    .join(" ")
}
