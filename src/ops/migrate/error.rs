//! Why a move did not go on.

use std::time::Duration;

use crate::model::{NodeAddr, NodeId, Slot};
use crate::wire::WireError;

/// Why a move did not go on.
#[derive(Clone, Debug, thiserror::Error)]
pub enum MigrateError {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error(transparent)]
    Unable(Box<Unable>),
    #[error("{from}: keys of slot {slot} cannot go to {to}: {said}")]
    Refused { from: NodeAddr, to: NodeAddr, slot: Slot, said: String },
    #[error("{from}: the migration of {slots} to {to} ended as {state}: {message}")]
    Failed { from: NodeAddr, to: NodeAddr, slots: String, state: String, message: String },
    #[error("{node}: {command} returned an unexpected reply: {said}")]
    Odd { node: NodeAddr, command: &'static str, said: String },
    #[error("{node} has a stale owner for {slots}")]
    StaleOwner { node: NodeAddr, slots: String },
    #[error("{node}: the owner of {slots} cannot change: {why}")]
    Unproven { node: NodeAddr, slots: String, why: String },
    #[error(
        "slot {slot} may still be marked as importing, for a test whether keys can go there: {error}"
    )]
    MarkLeft { slot: Slot, error: WireError },
    #[error("{0} is in the plan, but not among the nodes that answered")]
    Gone(NodeId),
    #[error("{0} reports cluster_state:fail: keys cannot be moved")]
    NotServing(NodeAddr),
    #[error("stopped by {0}")]
    Interrupted(&'static str),
    #[error("not done within {}", humantime::format_duration(*.0))]
    Late(Duration),
}

/// Keys of one node cannot go to another at all, whatever the key.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{from}: keys cannot go to {to}: {at} refused {command}: {said}")]
pub struct Unable {
    pub from: NodeAddr,
    pub to: NodeAddr,
    /// Who refused it: one of both.
    pub at: NodeAddr,
    pub command: &'static str,
    /// Word for word.
    pub said: String,
    /// The servers' versions, source and target.
    pub versions: (String, String),
    pub obstacle: Obstacle,
}

/// What has to be put right before keys can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The target cannot read what the source writes.
    OlderVersion,
    Memory,
    /// The last save failed, or the append-only file cannot be written.
    Disk,
    ReadOnly,
    /// Too few replicas are in sync (`min-replicas-to-write`).
    Replicas,
    Rights,
    /// The command is renamed or switched off.
    NoCommand,
    /// The source cannot log in at the target with our credentials.
    Login,
    /// The source cannot talk to the target at its address.
    Connection,
    Other,
}

impl Obstacle {
    /// Read off a refusal.
    pub fn of(said: &str) -> Obstacle {
        // What a target said stands behind the source's own words.
        let said = said.rsplit("replied with error: ").next().unwrap_or(said);
        let begins = |word: &str| said.starts_with(word);
        match said {
            _ if said.contains("DUMP payload version") => Obstacle::OlderVersion,
            _ if begins("OOM") => Obstacle::Memory,
            _ if begins("MISCONF") => Obstacle::Disk,
            _ if begins("READONLY") => Obstacle::ReadOnly,
            _ if begins("NOREPLICAS") => Obstacle::Replicas,
            _ if begins("NOPERM") => Obstacle::Rights,
            _ if begins("NOAUTH") || begins("WRONGPASS") || said.contains("invalid password") => {
                Obstacle::Login
            }
            _ if begins("IOERR") => Obstacle::Connection,
            _ if is_unknown(said) => Obstacle::NoCommand,
            _ => Obstacle::Other,
        }
    }
}

/// Whether a server knows no such command, or no such part of one.
fn is_unknown(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    ["unknown command", "unknown subcommand"].iter().any(|words| said.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn obstacles_are_read_off_what_either_end_says() {
        let of = |said: &str| Obstacle::of(said);
        let behind = "ERR Target instance replied with error: ";
        let cases = [
            ("ERR DUMP payload version or checksum are wrong", Obstacle::OlderVersion),
            ("OOM command not allowed when used memory > 'maxmemory'.", Obstacle::Memory),
            ("MISCONF Redis is configured to save RDB snapshots", Obstacle::Disk),
            ("NOREPLICAS Not enough good replicas to write.", Obstacle::Replicas),
            ("NOPERM User lim has no permissions to run the 'restore' command", Obstacle::Rights),
            ("READONLY You can't write against a read only replica.", Obstacle::ReadOnly),
            ("WRONGPASS invalid username-password pair", Obstacle::Login),
            ("CLUSTERDOWN The cluster is down", Obstacle::Other),
        ];
        for (said, obstacle) in cases {
            assert_eq!(of(said), obstacle);
            assert_eq!(of(&format!("{behind}{said}")), obstacle);
        }
        assert_eq!(of("IOERR error or timeout reading to target instance"), Obstacle::Connection);
        assert_eq!(of("ERR unknown command 'MIGRATE', with args"), Obstacle::NoCommand);
    }
}
