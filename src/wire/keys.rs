//! Which keys a node holds of which slots, and how big they are.

use std::collections::BTreeMap;

use redis::{Cmd, cmd};

use super::error::{WireError, is_redirect};
use super::resp::{EXCHANGE, Value};
use super::server::{Bounds, Server, cluster, words};
use super::slot_stats::slot_stats;
use crate::model::{ClusterView, InfoMap, Slot, SlotSet};

/// How many keys of a slot are listed at a time.
pub const LISTED: usize = 100;

/// What a key takes in a list of all keys of a slot.
const KEY: u64 = 256;

/// A key, any bytes.
pub type Key = Vec<u8>;

/// What a key's value is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyMakeup {
    /// As TYPE names it; `none` where it is gone.
    pub kind: String,
    /// Fields of a hash, members of a set or sorted set; 0 of others, which are kept in pieces.
    pub elements: u64,
}

/// Keys of one slot that are to go together: MIGRATE takes no keys of two slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyBatch {
    pub slot: Slot,
    pub keys: Vec<Key>,
}

/// What a node said of itself and of the keys of some slots, over one connection in one go.
#[derive(Clone, Debug)]
pub struct Census {
    pub view: ClusterView,
    /// Keys of each slot in all databases; slots without any are left out.
    pub keys: BTreeMap<Slot, u64>,
}

fn count(slot: Slot) -> Cmd {
    cluster(&["COUNTKEYSINSLOT", &slot.to_string()])
}

impl Server {
    /// The databases that hold keys.
    pub fn databases(&mut self) -> Result<Vec<u32>, WireError> {
        let info = words(&["INFO", "keyspace"]);
        let reply = self.one(info.clone())?;
        let keyspace = self.text(&info, reply)?;
        let keyspace = InfoMap::parse(&keyspace);
        Ok(keyspace.keys_by_database().map(|(database, _)| database).collect())
    }

    /// How many keys of these slots the node holds, in all its databases.
    pub fn keys_in(&mut self, slots: &SlotSet) -> Result<u64, WireError> {
        Ok(self.count_keys(slots)?.values().sum())
    }

    /// How many keys of each of these slots the node holds, in all its databases; slots without any
    /// are left out.
    ///
    /// COUNTKEYSINSLOT counts the selected database only, and Valkey 9 may have several.
    pub fn count_keys(&mut self, slots: &SlotSet) -> Result<BTreeMap<Slot, u64>, WireError> {
        let databases = self.databases()?;
        self.count_keys_at(databases, slots)
    }

    /// The same in these databases alone; the last of them stays selected.
    pub fn count_keys_at(
        &mut self,
        databases: impl IntoIterator<Item = u32>,
        slots: &SlotSet,
    ) -> Result<BTreeMap<Slot, u64>, WireError> {
        let mut keys: BTreeMap<Slot, u64> = BTreeMap::new();
        let commands: Vec<Cmd> = slots.slots().map(count).collect();
        for database in databases {
            self.select(database)?;
            let replies = self.pipeline(&commands)?;
            for ((slot, command), reply) in slots.slots().zip(&commands).zip(replies) {
                let count = self.number(command, reply)?;
                if count > 0 {
                    *keys.entry(slot).or_default() += count;
                }
            }
        }
        Ok(keys)
    }

    /// The node's view, and the keys that it holds of these slots in every database.
    ///
    /// Where it knows `CLUSTER SLOT-STATS`, which sums all databases, the greater of both counts
    /// holds.
    ///
    /// # Errors
    /// The connection broke on the way: then nothing is known.
    pub fn census(&mut self, slots: &SlotSet) -> Result<Census, WireError> {
        let stats = slots.ranges().iter().map(|range| {
            let (first, last) = (range.first().to_string(), range.last().to_string());
            cluster(&["SLOT-STATS", "SLOTSRANGE", &first, &last])
        });
        let commands: Vec<Cmd> =
            [words(&["INFO", "keyspace"]), cluster(&["NODES"])].into_iter().chain(stats).collect();
        let mut replies = commands.iter().zip(self.pipeline(&commands)?);
        let connection = self.connection();
        let mut next = || replies.next().unwrap_or((&commands[0], Value::Nil));
        let (command, reply) = next();
        let keyspace = self.text(command, reply)?;
        let (command, reply) = next();
        let view = self.read_view(command, reply)?;
        let mut keys: BTreeMap<Slot, u64> = BTreeMap::new();
        for (command, reply) in replies {
            // Servers before Redis 8.2 and Valkey 8 know no such command, and users may lack it.
            let Ok(reply) = self.accept(command, reply) else { break };
            keys.extend(slot_stats(&reply).into_iter().map(|(slot, stats)| (slot, stats.keys)));
        }
        let keyspace = InfoMap::parse(&keyspace);
        let databases = keyspace.keys_by_database().map(|(database, _)| database);
        let counted = self.count_keys_at(databases, slots)?;
        if self.connection() != connection {
            let (addr, command) = (self.addr().clone(), "COUNTKEYSINSLOT".to_owned());
            let why = "it was made anew meanwhile".to_owned();
            return Err(WireError::Lost { addr, command, why });
        }
        for (slot, count) in counted {
            let known = keys.entry(slot).or_default();
            *known = count.max(*known);
        }
        keys.retain(|_, count| *count > 0);
        Ok(Census { view, keys })
    }

    /// How many keys the node holds in slots that it neither owns nor imports. Redis 8.4 and later
    /// neither lists nor counts those by slot; other servers hide nothing from COUNTKEYSINSLOT.
    pub fn hidden_keys(&mut self) -> Result<u64, WireError> {
        // A keyspace that is being trimmed holds keys that have moved away.
        if self.info()?.trims {
            return Ok(0);
        }
        let mut commands = vec![cmd("MULTI"), words(&["INFO", "keyspace"])];
        commands.extend(SlotSet::all().slots().map(count));
        commands.push(cmd("EXEC"));
        let reply = self.all(&commands)?.pop().unwrap_or_default();
        let Value::Array(replies) = reply else {
            return Err(self.unexpected(&commands[0], &reply));
        };
        let mut replies = commands[1..].iter().zip(replies);
        let held = match replies.next() {
            Some((command, reply)) => InfoMap::parse(&self.text(command, reply)?).keys(),
            None => 0,
        };
        let seen = replies.map(|(command, reply)| self.number(command, reply));
        Ok(held.saturating_sub(seen.sum::<Result<u64, _>>()?))
    }

    /// Up to [`LISTED`] keys of each slot in the selected database; slots without any are left out.
    pub fn list_keys(&mut self, slots: &SlotSet) -> Result<Vec<KeyBatch>, WireError> {
        self.list_some(slots, LISTED)
    }

    /// Up to `most` keys of each slot in the selected database; slots without any are left out.
    pub fn list_some(&mut self, slots: &SlotSet, most: usize) -> Result<Vec<KeyBatch>, WireError> {
        let list = |slot: Slot| cluster(&["GETKEYSINSLOT", &slot.to_string(), &most.to_string()]);
        let commands: Vec<Cmd> = slots.slots().map(list).collect();
        let replies = self.pipeline(&commands)?;
        let mut batches = Vec::new();
        for ((slot, command), reply) in slots.slots().zip(&commands).zip(replies) {
            let keys = self.bytes_list(command, reply)?;
            if !keys.is_empty() {
                batches.push(KeyBatch { slot, keys });
            }
        }
        Ok(batches)
    }

    /// Every key of a slot in the selected database.
    pub fn all_keys(&mut self, slot: Slot) -> Result<Vec<Key>, WireError> {
        let counted = count(slot);
        let reply = self.one(counted.clone())?;
        let count = self.number(&counted, reply)?;
        let command = cluster(&["GETKEYSINSLOT", &slot.to_string(), "1000000000"]);
        let bytes = EXCHANGE.saturating_add(count.saturating_mul(KEY));
        let bounds = Bounds { bytes, ..self.bounds() };
        let reply = self.pipeline_within(std::slice::from_ref(&command), bounds)?.pop();
        self.bytes_list(&command, reply.unwrap_or_default())
    }

    pub(super) fn bytes_list(&self, command: &Cmd, reply: Value) -> Result<Vec<Key>, WireError> {
        let Value::Array(items) = self.accept(command, reply)? else { return Ok(Vec::new()) };
        let bytes = |item| match item {
            Value::BulkString(bytes) => Ok(bytes),
            other => Err(self.unexpected(command, &other)),
        };
        items.into_iter().map(bytes).collect()
    }

    /// The bytes that each key takes (MEMORY USAGE, an estimate for long ones), 0 where it is gone.
    pub fn sizes(&mut self, keys: &[Key]) -> Result<Vec<u64>, WireError> {
        let usage = |key: &Key| {
            let mut command = words(&["MEMORY", "USAGE"]);
            command.arg(key);
            command
        };
        let commands: Vec<Cmd> = keys.iter().map(usage).collect();
        let replies = self.pipeline(&commands)?;
        let size = |(command, reply)| match self.accept(command, reply) {
            Ok(Value::Int(size)) => Ok(size.unsigned_abs()),
            Ok(_) => Ok(0),
            // Of a slot on its way: the target would have it.
            Err(error) if error.refusal().is_some_and(is_redirect) => Ok(0),
            Err(error) => Err(error),
        };
        commands.iter().zip(replies).map(size).collect()
    }

    /// What a key's value is made of (TYPE, and HLEN, SCARD or ZCARD).
    pub fn makeup(&mut self, key: &Key) -> Result<KeyMakeup, WireError> {
        let ask = |name: &str| {
            let mut command = cmd(name);
            command.arg(key);
            command
        };
        let kind = match self.one(ask("TYPE")).and_then(|kind| self.text(&ask("TYPE"), kind)) {
            Ok(kind) => kind,
            Err(error) if error.refusal().is_some() => "none".to_owned(),
            Err(error) => return Err(error),
        };
        let counts = match kind.as_str() {
            "hash" => Some("HLEN"),
            "set" => Some("SCARD"),
            "zset" => Some("ZCARD"),
            _ => None,
        };
        let elements = match counts.map(|name| self.one(ask(name))) {
            Some(Ok(Value::Int(count))) => count.unsigned_abs(),
            Some(Err(error)) if error.refusal().is_none() => return Err(error),
            _ => 0,
        };
        Ok(KeyMakeup { kind, elements })
    }

    /// Deletes a key here; it may be in a slot that is being imported.
    pub fn delete(&mut self, key: &Key) -> Result<(), WireError> {
        let mut command = cmd("UNLINK");
        command.arg(key);
        self.asking(command).map(drop)
    }
}
