//! How a replica authenticates to its master, and why that fails.

use std::fmt;

use super::NodeAddr;
use super::printable::shell_word;

/// Why a replica cannot authenticate to its master with its `masteruser` and `masterauth`
/// (`syncWithMaster` in the server's `replication.c`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginFailure {
    /// The master requires a password, and the replica has no `masterauth`.
    NoPassword,
    /// The master refuses the replica's credentials.
    Refused {
        /// The replica's `masteruser`, if it is set.
        user: Option<String>,
        /// The master's reply to AUTH, verbatim.
        reply: String,
    },
    /// The master requires no password: it refuses AUTH, and the replica goes no further.
    NotRequired,
    /// The credentials are right, but the user lacks the rights to replicate.
    NotPermitted {
        /// The user that the replica authenticates as.
        user: String,
        /// The master's reply to the refused command, verbatim.
        reply: String,
    },
}

impl fmt::Display for LoginFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoginFailure::NoPassword => {
                f.write_str("a password is required, masterauth is not set")
            }
            LoginFailure::Refused { user: None, reply } => {
                write!(f, "masterauth was refused: {reply}")
            }
            LoginFailure::Refused { user: Some(user), reply } => {
                write!(f, "masteruser '{user}' with masterauth was refused: {reply}")
            }
            LoginFailure::NotRequired => {
                f.write_str("masterauth is set, but no password is required: AUTH is refused")
            }
            LoginFailure::NotPermitted { user, reply } => {
                write!(f, "user '{user}' may not replicate: {reply}")
            }
        }
    }
}

impl LoginFailure {
    /// The redis-cli command lines that let `replica` authenticate to `master`. `PASSWORD` and
    /// `USER` stand for what the user has to fill in.
    pub fn remedy(&self, replica: &NodeAddr, master: &NodeAddr) -> String {
        let cli = |node: &NodeAddr, command: &str| {
            format!("redis-cli -h {} -p {} {command}", node.shell_host(), node.port())
        };
        let (node, set) = match self {
            LoginFailure::NoPassword | LoginFailure::Refused { user: None, .. } => {
                (replica, "CONFIG SET masterauth PASSWORD".to_owned())
            }
            LoginFailure::Refused { .. } => {
                let set = "CONFIG SET masteruser USER";
                return format!(
                    "{} && {}",
                    cli(replica, set),
                    LoginFailure::NoPassword.remedy(replica, master)
                );
            }
            LoginFailure::NotRequired => (replica, "CONFIG SET masterauth ''".to_owned()),
            LoginFailure::NotPermitted { user, .. } => {
                (master, format!("ACL SETUSER {} +psync +replconf +ping", shell_word(user)))
            }
        };
        format!("{} && {}", cli(node, &set), cli(node, "CONFIG REWRITE"))
    }
}
