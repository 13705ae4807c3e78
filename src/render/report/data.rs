//! What reports are made of.

use std::time::Duration;

use crate::model::ClusterReport;
use crate::plan::check::{Ignored, Kind, Problem, Severity};

/// A judged cluster.
#[derive(Debug)]
pub struct Found<'a> {
    /// The nodes that the user named.
    pub entry: String,
    pub cluster: &'a ClusterReport,
    pub problems: &'a [Problem],
    pub ignored: &'a [Ignored],
    /// The kinds that count; empty for all.
    pub only: &'a [Kind],
    /// Whether warnings count as errors.
    pub strict: bool,
    /// How long it took to judge.
    pub took: Duration,
}

impl<'a> Found<'a> {
    /// The problems of a kind.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &'a Problem> {
        self.problems.iter().filter(move |problem| problem.kind == kind)
    }

    pub fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.severity == severity).count()
    }

    /// Whether a problem makes the cluster unhealthy.
    pub fn counts(&self, problem: &Problem) -> bool {
        self.strict || problem.severity == Severity::Error
    }

    /// `2 errors, 1 warning, 1 ignored`; `no problems`.
    pub fn summary(&self) -> String {
        let counted = |count: usize, one: &str, several: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {several}")),
        };
        let parts = [
            counted(self.count(Severity::Error), "error", "errors"),
            counted(self.count(Severity::Warning), "warning", "warnings"),
            counted(self.ignored.len(), "problem ignored", "problems ignored"),
        ];
        match parts.into_iter().flatten().collect::<Vec<_>>() {
            parts if parts.is_empty() => "no problems".to_owned(),
            parts => parts.join(", "),
        }
    }
}

/// Why a cluster was not judged.
#[derive(Debug)]
pub struct Trouble {
    pub message: String,
    pub details: Vec<String>,
    pub hint: Option<String>,
}

impl Trouble {
    /// What there is to say after the message, a line each.
    pub fn more(&self) -> impl Iterator<Item = String> {
        let hint = self.hint.iter().map(|hint| format!("hint: {hint}"));
        self.details.iter().cloned().chain(hint)
    }
}
