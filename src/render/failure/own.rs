//! Errors on the way to the user.

use super::{Failure, Usage, exit};
use crate::render::ask::NotConfirmed;
use crate::render::ui::OutputError;
use crate::render::watch::TerminalError;

impl From<Usage> for Failure {
    fn from(Usage { message, details, hint }: Usage) -> Failure {
        Failure { details, hint, ..Failure::new(exit::USAGE, message) }
    }
}

impl From<NotConfirmed> for Failure {
    fn from(error: NotConfirmed) -> Failure {
        match &error {
            NotConfirmed::Protected(name) => {
                let hint = format!("to proceed, add --confirm {name}");
                Failure::usage(error).hint(hint)
            }
            NotConfirmed::OtherName(_) => Failure { declined: true, ..Failure::refused(error) },
            NotConfirmed::NoTerminal => Failure::usage(error)
                .hint("add --yes to proceed, or --dry-run to show the plan only"),
            NotConfirmed::No => Failure { declined: true, ..Failure::refused(error) },
            NotConfirmed::Io(_) => Failure::refused(error),
        }
    }
}

impl From<TerminalError> for Failure {
    fn from(error: TerminalError) -> Failure {
        match error {
            TerminalError::Io(_) | TerminalError::Defect(_) => Failure::refused(error),
        }
    }
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Failure {
        Failure::refused(error)
    }
}
