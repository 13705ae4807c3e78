//! CONFIG: settings by their names.

use std::collections::BTreeMap;

use itertools::Itertools;
use redis::Cmd;

use super::error::WireError;
use super::resp::Value;
use super::server::{Server, words};
use crate::model::{Settings, printable};
use crate::plan::announced::ANNOUNCE_IP;
use crate::plan::bus_tls::TLS_CLUSTER;
use crate::plan::topology::is_same;

/// Settings that should be equal on all nodes and matter to the whole cluster.
pub(super) const SETTINGS: [&str; 4] =
    [NODE_TIMEOUT, "cluster-require-full-coverage", REPLICA_MIGRATION, TLS_CLUSTER];

/// How long a node may be silent before it counts as failed, in milliseconds.
pub const NODE_TIMEOUT: &str = "cluster-node-timeout";

/// Whether a master that lost its last slot becomes a replica, and spare replicas wander.
pub const REPLICA_MIGRATION: &str = "cluster-allow-replica-migration";

/// What a node announces of its address: to other nodes, and to clients in place of that.
pub(super) const ANNOUNCED: [&str; 3] =
    [ANNOUNCE_IP, "cluster-announce-client-ipv4", "cluster-announce-client-ipv6"];

/// What a server without a config file says to CONFIG REWRITE. Every other refusal means that it
/// has one, and could not write it.
const NO_CONFIG_FILE: &str = "The server is running without a config file";

/// Whether a server saved its settings.
#[derive(Clone, Debug)]
pub enum Saved {
    Written,
    /// It runs without a config file.
    NoFile,
    /// It has one and did not write it.
    Refused(WireError),
}

impl Server {
    /// `cluster-allow-replica-migration` and others; `None` where the server has no such setting.
    pub fn setting(&mut self, name: &str) -> Result<Option<String>, WireError> {
        let command = words(&["CONFIG", "GET", name]);
        match self.one(command.clone())? {
            reply @ Value::Array(_) => Ok(read_value(reply, name)),
            other => Err(self.unexpected(&command, &other)),
        }
    }

    /// CONFIG SET, for the running server only.
    pub fn set_setting(&mut self, name: &str, value: &str) -> Result<(), WireError> {
        self.one(words(&["CONFIG", "SET", name, value])).map(drop)
    }

    /// `cluster-node-timeout` in milliseconds.
    pub fn node_timeout(&mut self) -> Result<u64, WireError> {
        let command = words(&["CONFIG", "GET", NODE_TIMEOUT]);
        let reply = self.one(command.clone())?;
        let value = read_value(reply.clone(), NODE_TIMEOUT).and_then(|text| text.parse().ok());
        value.ok_or_else(|| self.unexpected(&command, &reply))
    }

    /// Sets `cluster-node-timeout`, in milliseconds, for the running server only.
    pub fn set_node_timeout(&mut self, milliseconds: u64) -> Result<(), WireError> {
        self.one(words(&["CONFIG", "SET", NODE_TIMEOUT, &milliseconds.to_string()])).map(drop)
    }

    /// Sets `cluster-node-timeout`, in milliseconds, for the running server, and reads it back.
    pub fn set_node_timeout_read_back(&mut self, milliseconds: u64) -> Result<(), WireError> {
        self.set_timeout_and(milliseconds, None).map(drop)
    }

    /// The same, and has the server write its config file, in one go.
    pub fn keep_node_timeout(&mut self, milliseconds: u64) -> Result<Saved, WireError> {
        let rewrite = words(&["CONFIG", "REWRITE"]);
        let Some(reply) = self.set_timeout_and(milliseconds, Some(&rewrite))? else {
            return Ok(Saved::Written);
        };
        Ok(match self.accept(&rewrite, reply) {
            Ok(_) => Saved::Written,
            Err(error) if error.refusal().is_some_and(|said| said.ends_with(NO_CONFIG_FILE)) => {
                Saved::NoFile
            }
            Err(error) => Saved::Refused(error),
        })
    }

    /// CONFIG GET of each of these; those that the server does not have are missing.
    pub fn settings(&mut self, names: &[String]) -> Result<BTreeMap<String, String>, WireError> {
        let commands = names.iter().map(|name| words(&["CONFIG", "GET", name])).collect_vec();
        let replies = self.pipeline(&commands)?;
        let accepted = commands
            .iter()
            .zip(replies)
            .map(|(command, reply)| Ok(read_pairs(self.accept(command, reply)?).collect_vec()));
        let accepted = accepted.collect::<Result<Vec<_>, WireError>>()?;
        Ok(accepted.into_iter().flatten().collect())
    }

    /// CONFIG SET of each of these, read back, and CONFIG REWRITE.
    pub fn keep_settings(&mut self, settings: &[(String, String)]) -> Result<Saved, WireError> {
        let set = |(name, value): &(String, String)| words(&["CONFIG", "SET", name, value]);
        let get = |(name, _): &(String, String)| words(&["CONFIG", "GET", name]);
        let commands: Vec<Cmd> = settings.iter().map(set).chain(settings.iter().map(get)).collect();
        let replies = self.pipeline(&commands)?;
        for (index, (command, reply)) in commands.iter().zip(replies).enumerate() {
            let reply = self.accept(command, reply)?;
            let Some((name, wanted)) = index.checked_sub(settings.len()).map(|at| &settings[at])
            else {
                continue;
            };
            let now = read_value(reply.clone(), name);
            if now.is_none_or(|now| !is_same(&now, wanted)) {
                return Err(self.unexpected(command, &reply));
            }
        }
        Ok(match self.one(words(&["CONFIG", "REWRITE"])) {
            Ok(_) => Saved::Written,
            Err(error) if error.refusal().is_some_and(|said| said.ends_with(NO_CONFIG_FILE)) => {
                Saved::NoFile
            }
            Err(error) if error.refusal().is_some() => Saved::Refused(error),
            Err(error) => return Err(error),
        })
    }

    /// Gives the reply to `then`.
    fn set_timeout_and(
        &mut self,
        milliseconds: u64,
        then: Option<&Cmd>,
    ) -> Result<Option<Value>, WireError> {
        let wanted = milliseconds.to_string();
        let set = words(&["CONFIG", "SET", NODE_TIMEOUT, &wanted]);
        let get = words(&["CONFIG", "GET", NODE_TIMEOUT]);
        let commands: Vec<Cmd> =
            [set.clone(), get.clone()].into_iter().chain(then.cloned()).collect();
        let mut replies = self.pipeline(&commands)?.into_iter();
        let mut reply = || replies.next().unwrap_or_default();
        self.accept(&set, reply())?;
        let now = self.accept(&get, reply())?;
        if read_value(now.clone(), NODE_TIMEOUT) != Some(wanted) {
            return Err(self.unexpected(&get, &now));
        }
        Ok(replies.next())
    }
}

/// The settings that matter to the whole cluster, taken out of those that a node told.
pub(super) fn known_settings(told: &mut BTreeMap<String, String>) -> Settings {
    SETTINGS.iter().filter_map(|name| Some((*name, told.remove(*name)?))).collect()
}

fn read_value(reply: Value, name: &str) -> Option<String> {
    read_pairs(reply).find(|(told, _)| told == name).map(|(_, value)| value)
}

/// Names and values from CONFIG GET. A refusal reads as none: CONFIG is often denied.
pub(super) fn read_pairs(reply: Value) -> impl Iterator<Item = (String, String)> {
    let items = if let Value::Array(items) = reply { items } else { Vec::new() };
    let text = |value: Value| match value {
        Value::BulkString(bytes) => Some(printable(&bytes)),
        _ => None,
    };
    items.into_iter().tuples().filter_map(move |(name, value)| Some((text(name)?, text(value)?)))
}
