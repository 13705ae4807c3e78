//! What can go wrong between rcluster and one server.

use std::time::Duration;

use crate::model::{Loading, NodeAddr, NodeList, ViewError};

/// A failed talk with one server; each variant names it and what it said, word for word.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WireError {
    #[error("{addr}: the host name cannot be resolved: {why}")]
    Resolve { addr: NodeAddr, why: String },
    #[error("{addr}: cannot connect: {why}")]
    Connect { addr: NodeAddr, why: String },
    #[error("{addr}: cannot connect: rcluster has as many files open as it may (ulimit -n)")]
    OpenFiles { addr: NodeAddr },
    #[error("{addr}: TLS failed: {why}")]
    Tls { addr: NodeAddr, why: String },
    #[error("{addr}: {command} timed out after {}", humantime::format_duration(*after))]
    Timeout { addr: NodeAddr, command: String, after: Duration },
    #[error("{addr}: the connection broke during {command}: {why}")]
    Lost { addr: NodeAddr, command: String, why: String },
    #[error("{addr}: no Redis or Valkey server, it replied: {said}")]
    NotRedis { addr: NodeAddr, said: String },
    #[error("{addr}: {command} was refused: {said}")]
    Refused { addr: NodeAddr, command: String, said: String },
    #[error("{addr}: {command} returned an unexpected reply: {said}")]
    Unexpected { addr: NodeAddr, command: String, said: String },
    #[error("{addr}: the reply to {command} is {what}, and was not read")]
    TooMuch { addr: NodeAddr, command: String, what: String },
    #[error("{addr}: loading its data: {loading}")]
    Loading { addr: NodeAddr, loading: Loading },
    #[error("{addr}: {source}")]
    View { addr: NodeAddr, source: ViewError },
    #[error("no node of {list} is reachable")]
    NoneAnswers {
        list: NodeList,
        /// The first that was asked.
        addr: NodeAddr,
        errors: Vec<WireError>,
    },
}

impl WireError {
    /// What is said of a list none of which answers, by what each of them said.
    pub fn none_answers(list: &NodeList, errors: Vec<WireError>) -> WireError {
        match &errors[..] {
            [one] => one.clone(),
            several => {
                let addr = several.first().map(|error| error.addr().clone());
                let addr = addr.unwrap_or_else(|| NodeAddr::new("", 0, None));
                WireError::NoneAnswers { list: list.clone(), addr, errors }
            }
        }
    }

    /// What a server refused a command with, word for word; `None` for every other failure.
    pub fn refusal(&self) -> Option<&str> {
        match self {
            WireError::Refused { said, .. } => Some(said),
            _ => None,
        }
    }

    /// How far the server has loaded its data, where it gave no report for that.
    pub fn loading(&self) -> Option<Loading> {
        match self {
            WireError::Loading { loading, .. } => Some(*loading),
            _ => None,
        }
    }

    /// Whether the server refused a command because it loads its data.
    pub fn is_loading(&self) -> bool {
        self.refusal().is_some_and(|said| said.starts_with("LOADING"))
    }

    /// Whether the server turned the credentials (or their lack) down.
    pub fn is_denied(&self) -> bool {
        if let WireError::NoneAnswers { errors, .. } = self {
            return errors.iter().all(WireError::is_denied);
        }
        let words = ["NOAUTH", "WRONGPASS", "NOPERM", "DENIED"];
        let is_auth = matches!(self, WireError::Refused { command, .. } if command == "AUTH");
        self.refusal().is_some_and(|said| {
            // 6.2 answers a wrong password of the default user without a code of its own.
            is_auth
                || words.iter().any(|word| said.starts_with(word))
                || said.contains("invalid password")
        })
    }

    /// Whether the server has cluster mode switched off.
    pub fn is_cluster_off(&self) -> bool {
        if let WireError::NoneAnswers { errors, .. } = self {
            return errors.iter().all(WireError::is_cluster_off);
        }
        self.refusal().is_some_and(|said| said.contains("cluster support disabled"))
    }

    /// The same, told of a command in these words.
    pub(super) fn during(mut self, words: String) -> WireError {
        if let WireError::Timeout { command, .. }
        | WireError::Lost { command, .. }
        | WireError::Refused { command, .. }
        | WireError::Unexpected { command, .. }
        | WireError::TooMuch { command, .. } = &mut self
        {
            *command = words;
        }
        self
    }

    /// The node this is about.
    pub fn addr(&self) -> &NodeAddr {
        match self {
            WireError::Resolve { addr, .. }
            | WireError::Connect { addr, .. }
            | WireError::OpenFiles { addr }
            | WireError::Tls { addr, .. }
            | WireError::Timeout { addr, .. }
            | WireError::Lost { addr, .. }
            | WireError::NotRedis { addr, .. }
            | WireError::Refused { addr, .. }
            | WireError::Unexpected { addr, .. }
            | WireError::TooMuch { addr, .. }
            | WireError::Loading { addr, .. }
            | WireError::View { addr, .. }
            | WireError::NoneAnswers { addr, .. } => addr,
        }
    }
}

/// Whether a server says that a key is another's, now or for now.
pub fn is_redirect(said: &str) -> bool {
    ["MOVED ", "ASK ", "TRYAGAIN", "CLUSTERDOWN"].iter().any(|word| said.starts_with(word))
}
