//! Why something is not done.

use crate::model::NodeAddr;
use crate::render::ui::{Dialect, Ui};
use crate::wire::WireError;

/// A refusal that scripts know by its words. Nodes are named as the user or the cluster names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The node belongs to a cluster already or has keys.
    NotEmpty(NodeAddr),
    /// The node that is to be added has functions.
    HasFunctions,
    /// There is no connection to the node that is to be added.
    NewUnreachable(NodeAddr),
    /// No such node to remove.
    NoSuchNode(String),
    /// The node to remove owns slots.
    OwnsSlots(String),
    /// No such master for a replica.
    NoSuchMaster(String),
    /// No such master to give a weight to.
    NoSuchWeight(String),
    /// Slots are to come from, or go to, what is no master.
    NotAMaster(String),
    /// Slots are to come from where they are to go.
    SourceIsTarget,
    /// No master is left that slots could come from.
    NoSource,
    /// The cluster has problems that come before a reshard, or a rebalance.
    FixFirst(&'static str),
    UnknownSubcommand,
    UnknownOption(String),
    /// Arguments are missing, or there are too many.
    WrongNumber,
    /// What should be an address is none.
    NoAddress,
    NotACluster(NodeAddr),
    /// There is no connection to a node: the cause.
    Unreachable(NodeAddr, String),
    /// A server refused to tell of itself: what it said.
    Denied(NodeAddr, String),
    /// A server refused a command: what it said.
    Replied(NodeAddr, String),
}

impl Refusal {
    /// Tells it where the old program does: a few on stderr.
    pub fn tell(&self, ui: &Ui, dialect: Dialect) {
        let text = self.words(dialect);
        match self {
            Refusal::NoSource
            | Refusal::FixFirst("resharding")
            | Refusal::UnknownSubcommand
            | Refusal::UnknownOption(_)
            | Refusal::WrongNumber
            | Refusal::NoAddress
            | Refusal::Unreachable(..) => ui.say(&text),
            // Nothing can be done where nobody can read it.
            _ => drop(ui.print(&text)),
        }
    }

    fn words(&self, dialect: Dialect) -> String {
        let (server, master) = (dialect.server(), dialect.master());
        match self {
            Refusal::NotEmpty(node) => format!(
                "[ERR] Node {node} is not empty. Either the node already knows other nodes (check \
                 with CLUSTER NODES) or contains some key in database 0."
            ),
            Refusal::HasFunctions => {
                ">>> New node already contains functions and can not be added \
                 to the cluster. Use FUNCTION FLUSH and try again."
                    .to_owned()
            }
            Refusal::NewUnreachable(node) => format!("[ERR] Sorry, can't connect to node {node}"),
            Refusal::NoSuchNode(id) => format!("[ERR] No such node ID {id}"),
            Refusal::OwnsSlots(node) => {
                format!("[ERR] Node {node} is not empty! Reshard data away and try again.")
            }
            Refusal::NoSuchMaster(id) => format!("[ERR] No such {master} ID {id}"),
            Refusal::NoSuchWeight(id) => format!("*** No such {master} node {id}"),
            Refusal::NotAMaster(id) => {
                format!(
                    "*** The specified node ({id}) is not known or not a {master}, please retry."
                )
            }
            Refusal::SourceIsTarget => {
                "*** It is not possible to use the target node as source node.".to_owned()
            }
            Refusal::NoSource => "*** No source nodes given, operation aborted.".to_owned(),
            Refusal::FixFirst(before) => {
                format!("*** Please fix your cluster problems before {before}")
            }
            Refusal::UnknownSubcommand => "Unknown --cluster subcommand".to_owned(),
            Refusal::UnknownOption(word) => {
                format!("Unrecognized option or bad number of args for: '{word}'")
            }
            Refusal::WrongNumber => {
                "[ERR] Wrong number of arguments for specified --cluster sub command".to_owned()
            }
            Refusal::NoAddress => "[ERR] Invalid arguments: you need to pass either a valid \
                 address (ie. 120.0.0.1:7000) or space separated IP and port (ie. 120.0.0.1 7000)"
                .to_owned(),
            Refusal::NotACluster(node) => {
                format!("[ERR] Node {node} is not configured as a cluster node.")
            }
            Refusal::Unreachable(node, why) => {
                let (first, rest) = why.split_at(why.chars().next().map_or(0, char::len_utf8));
                let why = first.to_uppercase() + rest;
                format!("Could not connect to {server} at {node}: {why}")
            }
            Refusal::Denied(node, said) => format!("[ERR] Node {node} {said}"),
            Refusal::Replied(node, said) => format!("Node {node} replied with error:\n{said}"),
        }
    }
}

/// What an old program says of a failed exchange, where it has words of its own for it.
pub fn wire(error: &WireError) -> Option<Refusal> {
    let addr = error.addr().clone();
    match error {
        WireError::Connect { why, .. } | WireError::Resolve { why, .. } => {
            Some(Refusal::Unreachable(addr, why.clone()))
        }
        error if error.is_cluster_off() => Some(Refusal::NotACluster(addr)),
        WireError::Refused { command, said, .. } if command != "AUTH" && error.is_denied() => {
            Some(Refusal::Denied(addr, said.clone()))
        }
        WireError::Refused { said, .. } => Some(Refusal::Replied(addr, said.clone())),
        _ => None,
    }
}
