//! Errors as text, a hint and an exit code: the one place that knows all three.

mod import;
mod local;
mod migrate;
mod model;
mod ops;
mod own;
mod plan;
mod rolling;
mod sandbox;
#[cfg(test)]
pub mod tests;
mod wire;

use std::io;

use super::json::{CauseJson, ErrorJson, OutcomeJson};
use super::legacy::Refusal;
use super::report::{Trouble, UNKNOWN, report_trouble};
use super::ui::{Manner, OutputError, OutputFormat, Ui};
use crate::model::{ClusterReport, NodeId, NodeList};

/// What the process ends with. Part of the contract with scripts: README, "Exit codes".
pub mod exit {
    /// Done, or healthy.
    pub const OK: u8 = 0;
    /// The cluster has problems, or the operation was refused before anything changed.
    pub const PROBLEMS: u8 = 1;
    /// What was typed cannot be right, whatever the servers say.
    pub const USAGE: u8 = 2;
    /// A node cannot be reached or refuses the credentials.
    pub const UNREACHABLE: u8 = 3;
    /// Stopped after something had changed.
    pub const HALTED: u8 = 4;
}

/// How many of many details are printed.
const DETAILS: usize = 12;

/// What was typed cannot be right.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Usage {
    message: String,
    details: Vec<String>,
    hint: Option<String>,
}

impl Usage {
    pub fn new(message: impl Into<String>) -> Usage {
        Usage { message: message.into(), details: Vec::new(), hint: None }
    }

    /// All that is wrong, each with a line of its own; where it is one thing, that alone.
    pub fn several(message: String, each: impl IntoIterator<Item = String>) -> Usage {
        let mut details: Vec<String> = each.into_iter().collect();
        match details.len() {
            1 => Usage::new(details.remove(0)),
            _ => Usage { message, details, hint: None },
        }
    }

    /// A file or terminal that was named cannot be read, by its name and the cause.
    pub fn unreadable(error: anyhow::Error) -> Usage {
        Usage::new(format!("{error:#}"))
    }

    pub fn details(mut self, details: impl IntoIterator<Item = String>) -> Usage {
        self.details.extend(details);
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Usage {
        self.hint = Some(hint.into());
        self
    }
}

/// A failure as it is shown.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub message: String,
    /// Further lines: each node that failed, each gap that is left.
    pub details: Vec<String>,
    pub hint: Option<String>,
    pub exit_code: u8,
    /// Whether anything was changed on any node.
    pub changed: bool,
    /// What it came to, if anything was changed.
    pub outcome: Option<Box<OutcomeJson>>,
    /// Whether the user was asked, and did not say yes.
    pub declined: bool,
    /// What the old programs say of it, for scripts that look for that.
    pub known_as: Vec<Refusal>,
}

impl Failure {
    fn new(exit_code: u8, message: impl ToString) -> Failure {
        let message = message.to_string();
        Failure {
            message,
            details: Vec::new(),
            hint: None,
            exit_code,
            changed: false,
            outcome: None,
            declined: false,
            known_as: Vec::new(),
        }
    }

    /// What was typed cannot be right.
    pub fn usage(message: impl ToString) -> Failure {
        Failure::new(exit::USAGE, message)
    }

    /// The operation was refused, and nothing was changed.
    pub fn refused(message: impl ToString) -> Failure {
        Failure::new(exit::PROBLEMS, message)
    }

    /// The system refuses what every run needs; nothing was changed.
    pub fn system(error: io::Error) -> Failure {
        Failure::refused(error)
    }

    /// A node that has to be notified is unreachable; nothing was changed.
    pub fn cannot_notify(message: impl ToString) -> Failure {
        Failure::new(exit::UNREACHABLE, message).hint("restart it, or skip it: --force")
    }

    /// The node that all is about gives no answer; nothing was changed.
    pub fn unreachable(node: &str, why: &str) -> Failure {
        Failure::new(exit::UNREACHABLE, format!("{node} is unreachable: {why}"))
            .hint("nothing was changed; restart it first")
    }

    /// The first of these nodes that loads its data: it would come back after it was given up.
    pub fn loading(report: &ClusterReport, nodes: &[NodeId], entry: &NodeList) -> Option<Failure> {
        let unreachable = nodes.iter().find_map(|id| report.loading(*id))?;
        let hint =
            format!("nothing was changed; to wait for it: rcluster check {entry} --wait 10m");
        Some(Failure::refused(&unreachable.why).hint(hint))
    }

    /// It stopped half-way.
    pub fn aborted(message: impl ToString) -> Failure {
        Failure { changed: true, ..Failure::new(exit::HALTED, message) }
    }

    /// It went wrong once `before` was reached.
    pub fn after(self, before: OutcomeJson) -> Failure {
        let failure = match self.changed {
            true => self,
            // What it says of nothing having been changed is true of its own part only.
            false => {
                Failure { exit_code: exit::HALTED, changed: true, ..self }.hint("rerun to resume")
            }
        };
        let outcome = failure.outcome.clone().unwrap_or_default().after(before);
        failure.with_outcome(outcome)
    }

    pub fn with_outcome(self, outcome: OutcomeJson) -> Failure {
        Failure { outcome: Some(Box::new(outcome)), ..self }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }

    pub fn details(mut self, details: impl IntoIterator<Item = String>) -> Failure {
        self.details.extend(details);
        self
    }

    /// Shows it: text on stderr, and where the output has another format a document on stdout;
    /// `line` is the command line of this run.
    pub fn show(&self, ui: &Ui, line: &str) {
        // Agents take a plugin that writes to stderr for a broken one.
        if ui.format() != OutputFormat::Nagios {
            self.tell(ui);
        }
        let _ = self.print_document(ui, line);
    }

    /// What the process ends with.
    pub fn code(&self, ui: &Ui) -> u8 {
        match ui.format() {
            OutputFormat::Nagios => UNKNOWN,
            _ => self.exit_code,
        }
    }

    /// Tells it on stderr.
    pub fn tell(&self, ui: &Ui) {
        let red = console::Style::new().red().bold();
        match ui.manner() {
            Manner::Own => {
                let label = format!("{} ", ui.paint_err("error:", red));
                ui.say_wrapped(&label, &self.message, "  ");
            }
            // There a mistake in the command line is told on stderr.
            Manner::Old(_) if self.exit_code == exit::USAGE => {
                ui.say(&format!("[ERR] {}", self.message));
            }
            Manner::Old(_) => ui.note(&format!("[ERR] {}", self.message)),
        }
        // What was typed is put right in one go.
        let most = if self.exit_code == exit::USAGE { usize::MAX } else { DETAILS };
        for detail in self.details.iter().take(most).map(|detail| ui.runnable(detail)) {
            match ui.manner() {
                Manner::Own => ui.say_wrapped("  - ", &detail, "    "),
                // Scripts look for the nodes that refused something on stdout.
                Manner::Old(_) => ui.note(&format!("  - {detail}")),
            }
        }
        if self.details.len() > most {
            ui.note(&format!("  - and {} more", self.details.len() - most));
        }
        if let Some(hint) = &self.hint {
            let label = ui.paint_err("hint:", console::Style::new().cyan());
            ui.say_wrapped(&format!("{label} "), &ui.runnable(hint), "      ");
        }
    }

    /// As the one document on stdout, in the format that is wanted; nothing where that is text.
    pub fn print_document(&self, ui: &Ui, line: &str) -> Result<(), OutputError> {
        if ui.wants_json() {
            return self.print_json(ui, line);
        }
        let trouble = Trouble {
            message: self.message.clone(),
            details: self.details.iter().map(|detail| ui.runnable(detail)).collect(),
            hint: self.hint.as_ref().map(|hint| ui.runnable(hint)),
        };
        report_trouble(ui.format(), &trouble).map_or(Ok(()), |text| ui.print(&text))
    }

    /// As the one JSON document on stdout.
    pub fn print_json(&self, ui: &Ui, line: &str) -> Result<(), OutputError> {
        let runnable = |text: &String| ui.runnable(text);
        let error = CauseJson {
            message: self.message.clone(),
            details: self.details.iter().map(runnable).collect(),
            hint: self.hint.as_ref().map(runnable),
            exit_code: self.exit_code,
            changed: self.changed,
        };
        let outcome = self.changed.then(|| {
            let mut outcome = self.outcome.as_deref().cloned().unwrap_or_default();
            match outcome.run.is_empty() {
                // Every command goes on where it stopped.
                true => outcome.run.push(line.to_owned()),
                false => outcome.run.iter_mut().for_each(|run| *run = ui.runnable(run)),
            }
            outcome
        });
        ui.print_json(&ErrorJson { error, outcome })
    }
}
