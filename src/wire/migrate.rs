//! MIGRATE, and whether a server could do it.

use std::time::Duration;

use crc::{CRC_64_REDIS, Crc};
use redis::{Cmd, cmd};

use super::error::{WireError, is_redirect};
use super::keys::{Key, KeyBatch};
use super::resp::Value;
use super::server::{Bounds, Server, cluster, words};
use super::setslot::SlotChange;
use crate::model::{NodeAddr, NodeId, Slot};

/// What an exchange of MIGRATEs may take beyond the time-out that the servers are given.
const SLACK: Duration = Duration::from_secs(5);

/// The format that servers before 7.0, which cannot be asked for theirs, write at most (`rdb.h`).
const OLD_FORMAT: [u8; 2] = [9, 0];

/// How keys are to be migrated.
#[derive(Clone, Copy, Debug)]
pub struct MigrateOptions {
    pub database: u32,
    /// How long each MIGRATE may stand still, as the server understands it: its talk with the target
    /// must not pause for longer.
    pub limit: Duration,
    /// Whether the target's copy of a key gives way.
    pub replace: bool,
}

impl Server {
    /// MIGRATE of each batch to a node, in one go; what each was refused with, if it was.
    ///
    /// `NOKEY` is no refusal: the keys have expired or were deleted. Gives the error of the whole
    /// exchange only where the source itself is lost.
    pub fn migrate(
        &mut self,
        batches: &[KeyBatch],
        to: &NodeAddr,
        target: &Server,
        MigrateOptions { database, limit, replace }: MigrateOptions,
    ) -> Result<Vec<Option<String>>, WireError> {
        let command = |batch: &KeyBatch| {
            let mut command = cmd("MIGRATE");
            command.arg(to.host()).arg(to.port()).arg("").arg(database);
            command.arg(limit.as_millis() as u64);
            if replace {
                command.arg("REPLACE");
            }
            match target.credentials() {
                Some((Some(user), password)) => {
                    command.arg("AUTH2").arg(user).arg(password);
                }
                Some((None, password)) => {
                    command.arg("AUTH").arg(password);
                }
                None => {}
            }
            command.arg("KEYS").arg(&batch.keys);
            command
        };
        let commands: Vec<Cmd> = batches.iter().map(command).collect();
        // The server keeps the limit for each; the exchange gets more, to hear its words.
        let within = limit * batches.len() as u32 + SLACK;
        let time = within.max(self.timeout());
        let replies = self.pipeline_within(&commands, Bounds { time, ..self.bounds() });
        let answers = commands.iter().zip(replies?);
        answers
            .map(|(command, reply)| match self.accept(command, reply) {
                Ok(_) => Ok(None),
                Err(WireError::Refused { said, .. }) => Ok(Some(said)),
                Err(error) => Err(error),
            })
            .collect()
    }

    /// The format of the payloads that it sends (`DUMP`, `MIGRATE`), as a source of keys; also tries
    /// whether MIGRATE is there and allowed, with a key that does not exist.
    ///
    /// FUNCTION DUMP tells the format at the price of the libraries, where DUMP would take a key, and
    /// maybe a big one; both write the same footer (`cluster.c`, `createDumpPayload`).
    ///
    /// # Errors
    /// The refusal of MIGRATE.
    pub fn payload_format(&mut self, to: &NodeAddr) -> Result<[u8; 2], WireError> {
        let mut migrate = cmd("MIGRATE");
        migrate.arg(to.host()).arg(to.port()).arg("").arg(0).arg(1000).arg("KEYS");
        migrate.arg("rcluster: may this user move keys? 5f0c1e0a2b7d4c");
        let mut replies = self.pipeline(&[migrate.clone(), words(&["FUNCTION", "DUMP"])])?;
        let dump = replies.pop().unwrap_or_default();
        match self.accept(&migrate, replies.pop().unwrap_or_default()) {
            // A slot that it does not own, or no key: it would have done it.
            Err(error) if error.refusal().is_some_and(is_about_the_key) => {}
            answer => drop(answer?),
        }
        Ok(match dump {
            Value::BulkString(dump) => match dump.last_chunk::<10>() {
                Some([low, high, ..]) => [*low, *high],
                None => OLD_FORMAT,
            },
            _ => OLD_FORMAT,
        })
    }

    /// Tries whether a target would take a key of this format in this slot, which it owns or imports
    /// already, or is marked for the moment to import from `mark`: RESTORE with an end in the past
    /// writes nothing, and is refused as a real one would be.
    ///
    /// # Errors
    /// What it was refused with; if the connection broke, the mark may be left.
    pub fn try_restore(
        &mut self,
        format: [u8; 2],
        slot: Slot,
        mark: Option<NodeId>,
    ) -> Result<(), WireError> {
        let mut restore = cmd("RESTORE");
        restore.arg(key_of(slot)).arg(1).arg(empty_string(format)).arg("ABSTTL");
        let Some(from) = mark else { return self.asking(restore).map(drop) };
        let importing = SlotChange::Importing(from).command(slot);
        let commands = [importing, cmd("ASKING"), restore, SlotChange::Stable.command(slot)];
        self.all(&commands).map(drop)
    }

    /// The port of a peer that this server's own connections take: its TLS port where
    /// `tls-cluster` says so (`cluster.c`, `migrateGetSocket`), which a client without TLS is not
    /// told in CLUSTER NODES, and the other way round. `None` where the port in CLUSTER NODES is it.
    pub fn dialled_port(&mut self, peer: NodeId) -> Result<Option<u16>, WireError> {
        let wants_tls = match self.setting("tls-cluster") {
            Ok(value) => value.as_deref() == Some("yes"),
            // Who may not ask goes by what CLUSTER NODES says.
            Err(error) if error.refusal().is_some() => return Ok(None),
            Err(error) => return Err(error),
        };
        if wants_tls == self.is_tls() {
            return Ok(None);
        }
        let reply = match self.one(cluster(&["SHARDS"])) {
            Err(error) if error.refusal().is_some() => return Ok(None),
            answer => answer?,
        };
        Ok(port_in_shards(&reply, peer, if wants_tls { b"tls-port" } else { b"port" }))
    }

    /// Bytes that have come in over the network so far (INFO stats).
    pub fn bytes_in(&mut self) -> Result<u64, WireError> {
        let command = words(&["INFO", "stats"]);
        let reply = self.one(command.clone())?;
        let text = self.text(&command, reply)?;
        Ok(crate::model::InfoMap::parse(&text).number("total_net_input_bytes").unwrap_or(0))
    }
}

/// Whether MIGRATE was turned away for its key, not for itself.
fn is_about_the_key(said: &str) -> bool {
    is_redirect(said) || said.starts_with("IOERR")
}

/// A key of a slot, for a probe.
fn key_of(slot: Slot) -> Key {
    let keys = (0_u32..).map(|number| format!("rcluster:probe:{number}").into_bytes());
    // Any slot has one among a few times 16,384.
    keys.take(1 << 20).find(|key| Slot::of_key(key) == slot).unwrap_or_default()
}

/// An empty string as a payload: type, length, format, and the CRC-64 of all that, little-endian.
fn empty_string(format: [u8; 2]) -> Vec<u8> {
    let mut payload = vec![0, 0, format[0], format[1]];
    let checksum = Crc::<u64>::new(&CRC_64_REDIS).checksum(&payload);
    payload.extend(checksum.to_le_bytes());
    payload
}

/// CLUSTER SHARDS: maps in lists, flat; the one of `peer` has its ports.
fn port_in_shards(reply: &Value, peer: NodeId, name: &[u8]) -> Option<u16> {
    let Value::Array(items) = reply else { return None };
    let field = |name: &[u8]| {
        items.chunks_exact(2).find_map(|pair| match &pair[0] {
            Value::BulkString(found) if found == name => Some(&pair[1]),
            _ => None,
        })
    };
    match (field(b"id"), field(name)) {
        (Some(Value::BulkString(id)), Some(Value::Int(port)))
            if *id == peer.to_string().as_bytes() =>
        {
            u16::try_from(*port).ok()
        }
        _ => items.iter().find_map(|item| port_in_shards(item, peer, name)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::resp::tests::any_reply;
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_reply_of_cluster_shards_makes_it_panic(reply in any_reply()) {
            let id = "07c37dfeb235213a872192d90877d0cd55635b91".parse().unwrap();
            let _ = port_in_shards(&reply, id, b"port");
        }
    }

    #[test]
    fn every_slot_has_a_key_to_try_it_with() {
        for slot in [0, 1, 8191, 16383] {
            let slot = Slot::new(slot).unwrap();
            assert_eq!(Slot::of_key(&key_of(slot)), slot);
        }
    }

    #[test]
    fn a_peers_ports_are_found_in_cluster_shards() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let id = "07c37dfeb235213a872192d90877d0cd55635b91";
        let node = vec![text("id"), text(id), text("port"), Value::Int(7001), text("tls-port")];
        let node = Value::Array([node, vec![Value::Int(7101)]].concat());
        let shard = vec![text("slots"), Value::Array(vec![Value::Int(0), Value::Int(5)])];
        let shard = Value::Array([shard, vec![text("nodes"), Value::Array(vec![node])]].concat());
        let reply = Value::Array(vec![shard]);
        assert_eq!(port_in_shards(&reply, id.parse().unwrap(), b"tls-port"), Some(7101));
        assert_eq!(port_in_shards(&reply, id.parse().unwrap(), b"port"), Some(7001));
    }
}
