//! What can be wrong with an old command line.

use super::vocabulary::Command;
use crate::model::AddrError;
use crate::render::Failure;

/// Why an old command line has no translation: a mistake in it, or something that rcluster does
/// not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DropinError {
    #[error("there is no --cluster: only cluster commands are translated")]
    NoCluster,
    #[error("the subcommand is missing: {}", Command::names())]
    NoSubcommand,
    #[error("there is no subcommand '{0}': {names}", names = Command::names())]
    UnknownSubcommand(String),
    #[error("there is no option '{0}'")]
    UnknownOption(String),
    #[error("'{option}' is no option of '{command}'")]
    ForeignOption { option: String, command: &'static str },
    #[error("{0} needs a value")]
    NoValue(String),
    #[error("{0} needs text in UTF-8")]
    NoText(String),
    #[error("{option} needs {wants}, not '{value}'")]
    BadValue { option: String, wants: &'static str, value: String },
    #[error("{0} is given twice")]
    Twice(&'static str),
    #[error("{0} and {1} exclude each other")]
    Exclusive(String, String),
    #[error("-u needs {wants}")]
    BadUri { wants: &'static str },
    #[error("'{0}' needs a node: host:port, host port, or -h and -p")]
    NoNode(&'static str),
    #[error(transparent)]
    BadNode(#[from] AddrError),
    #[error("'{command}' needs {what}")]
    Missing { command: &'static str, what: &'static str },
    #[error("'{command}' takes no more arguments: '{word}' is one too many")]
    TooMany { command: &'static str, word: String },
    #[error("-s is not possible: the nodes of a cluster are reached by TCP")]
    Socket,
    #[error("{0} is not possible: write the argument itself in place of standard input")]
    Stdin(String),
}

impl From<DropinError> for Failure {
    fn from(error: DropinError) -> Failure {
        Failure::usage(error)
    }
}
