//! The commands that move slots and their keys, in all three ways that servers know.

use std::time::Duration;

use redis::{Cmd, Value, cmd};

use super::commands::REPLICA_MIGRATION;
use super::error::WireError;
use super::server::{Server, cluster, words};
use crate::model::{InfoMap, NodeAddr, NodeId, Slot, SlotRange, SlotSet};

/// How many keys of a slot are listed at a time.
const LISTED: usize = 100;

/// What an exchange of MIGRATEs may take beyond the time-out that the servers are given.
const SLACK: Duration = Duration::from_secs(5);

/// What a server says when a slot of a master that has become a replica is assigned: the slot has
/// gone already.
const ONLY_MASTERS: &str = "SETSLOT only with masters";

/// A key, any bytes.
pub type Key = Vec<u8>;

/// The keys of one slot that are to go together: MIGRATE takes no keys of two slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    pub slot: Slot,
    pub keys: Vec<Key>,
}

/// How keys are to be migrated.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub database: u32,
    /// How long each MIGRATE may stand still, as the server understands it: its talk with the target
    /// must not pause for longer.
    pub limit: Duration,
    /// Whether the target's copy of a key gives way.
    pub replace: bool,
}

/// What a server can do by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ability {
    /// SETSLOT and MIGRATE only.
    Classic,
    /// `CLUSTER MIGRATION IMPORT`, Redis 8.4 and later.
    Import,
    /// `CLUSTER MIGRATESLOTS`, Valkey 9 and later.
    MigrateSlots,
}

/// How a server's own move of slots is getting on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Redis tells tasks apart by it; Valkey gives none to whoever asks for a move.
    pub id: Option<String>,
    pub from: Option<NodeId>,
    pub to: Option<NodeId>,
    pub slots: SlotSet,
    pub state: String,
    /// What it says about it, a reason where it failed.
    pub message: String,
    /// Whether it has come to its end. Redis tries a failed one again until it is cancelled.
    pub is_over: bool,
}

impl Task {
    /// `completed` is Redis's word, `success` Valkey's.
    pub fn succeeded(&self) -> bool {
        matches!(&*self.state, "completed" | "success")
    }

    pub fn failed(&self) -> bool {
        matches!(&*self.state, "failed" | "cancelled" | "canceled")
    }
}

impl Server {
    /// What it can do by itself.
    pub fn ability(&mut self) -> Result<Ability, WireError> {
        let known = ["cluster|migrateslots", "cluster|migration"];
        let commands = known.map(|name| words(&["COMMAND", "INFO", name]));
        let replies = self.pipeline(&commands)?;
        // One entry a name: empty, or nil, where the server knows no such command.
        let knows = |reply: &Value| {
            matches!(reply, Value::Array(items) if
                items.iter().any(|item| matches!(item, Value::Array(entry) if !entry.is_empty())))
        };
        Ok(match &replies[..] {
            [first, _] if knows(first) => Ability::MigrateSlots,
            [_, second] if knows(second) => Ability::Import,
            _ => Ability::Classic,
        })
    }

    /// CLUSTER SETSLOT … IMPORTING; gives how many keys of each slot are here already, in the
    /// selected database.
    pub fn open_import(&mut self, slots: &SlotSet, from: NodeId) -> Result<Vec<u64>, WireError> {
        let open = slots.slots().map(|slot| setslot(slot, "IMPORTING", Some(from)));
        let count = slots.slots().map(|slot| cluster(&["COUNTKEYSINSLOT", &slot.to_string()]));
        let commands: Vec<Cmd> = open.chain(count).collect();
        let replies = self.all(&commands)?;
        let counted = commands.iter().zip(replies).skip(slots.len());
        counted.map(|(command, reply)| self.number(command, reply)).collect()
    }

    /// How many keys the node holds in slots that it neither owns nor imports. Redis 8.4 and later
    /// neither lists nor counts those by slot; other servers hide nothing from COUNTKEYSINSLOT.
    pub fn hidden_keys(&mut self) -> Result<u64, WireError> {
        // A keyspace that is being trimmed holds keys that have moved away.
        if self.info()?.trims {
            return Ok(0);
        }
        let slots = SlotSet::all();
        let mut commands = vec![cmd("MULTI"), words(&["INFO", "keyspace"])];
        commands.extend(slots.slots().map(|slot| cluster(&["COUNTKEYSINSLOT", &slot.to_string()])));
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

    /// CLUSTER SETSLOT … MIGRATING.
    pub fn open_export(&mut self, slots: &SlotSet, to: NodeId) -> Result<(), WireError> {
        self.setslots(slots, "MIGRATING", Some(to))
    }

    /// CLUSTER SETSLOT … STABLE.
    pub fn close(&mut self, slots: &SlotSet) -> Result<(), WireError> {
        self.setslots(slots, "STABLE", None)
    }

    /// CLUSTER SETSLOT … NODE. A node that has become a replica meanwhile needs no telling.
    pub fn give(&mut self, slots: &SlotSet, owner: NodeId) -> Result<(), WireError> {
        self.setslots(slots, "NODE", Some(owner))
    }

    fn setslots(
        &mut self,
        slots: &SlotSet,
        what: &str,
        node: Option<NodeId>,
    ) -> Result<(), WireError> {
        let commands: Vec<Cmd> = slots.slots().map(|slot| setslot(slot, what, node)).collect();
        let replies = self.pipeline(&commands)?;
        for (command, reply) in commands.iter().zip(replies) {
            match self.accept(command, reply) {
                Err(error)
                    if what != "MIGRATING"
                        && error.refusal().is_some_and(|said| said.contains(ONLY_MASTERS)) => {}
                answer => drop(answer?),
            }
        }
        Ok(())
    }

    /// Some keys of each slot in the selected database; slots without any are left out.
    pub fn list_keys(&mut self, slots: &SlotSet) -> Result<Vec<Parcel>, WireError> {
        let list = |slot: Slot| cluster(&["GETKEYSINSLOT", &slot.to_string(), &LISTED.to_string()]);
        let commands: Vec<Cmd> = slots.slots().map(list).collect();
        let replies = self.pipeline(&commands)?;
        let mut parcels = Vec::new();
        for ((slot, command), reply) in slots.slots().zip(&commands).zip(replies) {
            let keys = self.bytes_list(command, reply)?;
            if !keys.is_empty() {
                parcels.push(Parcel { slot, keys });
            }
        }
        Ok(parcels)
    }

    /// Every key of a slot in the selected database.
    pub fn all_keys(&mut self, slot: Slot) -> Result<Vec<Key>, WireError> {
        let command = cluster(&["GETKEYSINSLOT", &slot.to_string(), "1000000000"]);
        let reply = self.one(command.clone())?;
        self.bytes_list(&command, reply)
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
        let size = |(command, reply)| match self.accept(command, reply)? {
            Value::Int(size) => Ok(size.unsigned_abs()),
            _ => Ok(0),
        };
        commands.iter().zip(replies).map(size).collect()
    }

    /// MIGRATE of each parcel to a node, in one go; what each was refused with, if it was.
    ///
    /// `NOKEY` is no refusal: the keys have expired or were deleted. Gives the error of the whole
    /// exchange only where the source itself is lost.
    pub fn migrate(
        &mut self,
        parcels: &[Parcel],
        to: &NodeAddr,
        target: &Server,
        Terms { database, limit, replace }: Terms,
    ) -> Result<Vec<Option<String>>, WireError> {
        let command = |parcel: &Parcel| {
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
            command.arg("KEYS").arg(&parcel.keys);
            command
        };
        let commands: Vec<Cmd> = parcels.iter().map(command).collect();
        // The server keeps the limit for each; the exchange gets more, to hear its words.
        let within = limit * parcels.len() as u32 + SLACK;
        let replies = self.pipeline_within(&commands, within.max(self.timeout()));
        let answers = commands.iter().zip(replies?);
        answers
            .map(|(command, reply)| match self.accept(command, reply) {
                Ok(_) => Ok(None),
                Err(WireError::Refused { said, .. }) => Ok(Some(said)),
                Err(error) => Err(error),
            })
            .collect()
    }

    /// Tries whether MIGRATE is allowed, with a key that does not exist.
    ///
    /// # Errors
    /// The refusal, where the user lacks the right.
    pub fn may_migrate(&mut self, to: &NodeAddr) -> Result<(), WireError> {
        let mut command = cmd("MIGRATE");
        command.arg(to.host()).arg(to.port()).arg("").arg(0).arg(1000).arg("KEYS");
        command.arg("rcluster: may this user move keys? 5f0c1e0a2b7d4c");
        match self.one(command) {
            // Whatever else it says, it would have done it.
            Err(error) if error.refusal().is_some() && !error.is_denied() => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// Deletes a key here; it may be in a slot that is being imported.
    pub fn delete(&mut self, key: &Key) -> Result<(), WireError> {
        let mut command = cmd("UNLINK");
        command.arg(key);
        self.all(&[cmd("ASKING"), command]).map(drop)
    }

    /// `cluster-allow-replica-migration`; `None` where the server has no such setting or denies it.
    pub fn replica_migration(&mut self) -> Result<Option<String>, WireError> {
        let command = words(&["CONFIG", "GET", REPLICA_MIGRATION]);
        match self.one(command.clone()) {
            Ok(Value::Array(items)) => match items.into_iter().nth(1) {
                Some(value) => self.text(&command, value).map(Some),
                None => Ok(None),
            },
            Ok(other) => Err(self.unexpected(&command, &other)),
            Err(error) => Err(error),
        }
    }

    pub fn set_replica_migration(&mut self, value: &str) -> Result<(), WireError> {
        self.one(words(&["CONFIG", "SET", REPLICA_MIGRATION, value])).map(drop)
    }

    /// Bytes that have come in over the network so far (INFO stats).
    pub fn bytes_in(&mut self) -> Result<u64, WireError> {
        let command = words(&["INFO", "stats"]);
        let reply = self.one(command.clone())?;
        let text = self.text(&command, reply)?;
        Ok(InfoMap::parse(&text).number("total_net_input_bytes").unwrap_or(0))
    }

    /// CLUSTER MIGRATESLOTS, to the source: the server moves them by itself.
    pub fn migrate_slots(&mut self, slots: &SlotSet, to: NodeId) -> Result<(), WireError> {
        let mut command = cluster(&["MIGRATESLOTS", "SLOTSRANGE"]);
        for range in slots.ranges() {
            command.arg(range.first().get()).arg(range.last().get());
        }
        command.arg("NODE").arg(to.to_string());
        self.one(command).map(drop)
    }

    /// CLUSTER MIGRATION IMPORT, to the target: gives the task's id.
    pub fn import_slots(&mut self, slots: &SlotSet) -> Result<String, WireError> {
        let mut command = cluster(&["MIGRATION", "IMPORT"]);
        for range in slots.ranges() {
            command.arg(range.first().get()).arg(range.last().get());
        }
        let reply = self.one(command.clone())?;
        self.text(&command, reply)
    }

    /// The moves that the server knows of, newest first.
    pub fn tasks(&mut self, ability: Ability) -> Result<Vec<Task>, WireError> {
        let command = match ability {
            Ability::Classic => return Ok(Vec::new()),
            Ability::Import => cluster(&["MIGRATION", "STATUS", "ALL"]),
            Ability::MigrateSlots => cluster(&["GETSLOTMIGRATIONS"]),
        };
        let reply = self.one(command.clone())?;
        let Value::Array(items) = reply else { return Err(self.unexpected(&command, &reply)) };
        Ok(items.iter().map(read_task).collect())
    }

    /// Stops the server's moves: on the source for Valkey, on the target for Redis.
    pub fn cancel_tasks(&mut self, ability: Ability) -> Result<(), WireError> {
        let command = match ability {
            Ability::Classic => return Ok(()),
            Ability::Import => cluster(&["MIGRATION", "CANCEL", "ALL"]),
            Ability::MigrateSlots => cluster(&["CANCELSLOTMIGRATIONS"]),
        };
        match self.one(command) {
            Err(error) if error.refusal().is_some_and(|said| said.contains("No migrations")) => {
                Ok(())
            }
            answer => answer.map(drop),
        }
    }
}

fn setslot(slot: Slot, what: &str, node: Option<NodeId>) -> Cmd {
    let mut command = cluster(&["SETSLOT", &slot.to_string(), what]);
    if let Some(node) = node {
        command.arg(node.to_string());
    }
    command
}

/// One entry of GETSLOTMIGRATIONS or MIGRATION STATUS: a flat list of names and values.
fn read_task(entry: &Value) -> Task {
    let items: &[Value] = match entry {
        Value::Array(items) => items,
        _ => &[],
    };
    let text = |value: &Value| match value {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::SimpleString(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        _ => String::new(),
    };
    let get = |names: &[&str]| {
        let pair = items.chunks_exact(2).find(|pair| names.contains(&&*text(&pair[0])));
        pair.map(|pair| text(&pair[1])).unwrap_or_default()
    };
    let state = get(&["state"]);
    let id = get(&["id"]);
    let ranges = get(&["slot_ranges", "slots"]);
    let parsed = ranges.split([' ', ',']).filter_map(|range| range.parse::<SlotRange>().ok());
    let over = match &*state {
        // Redis goes on trying while it has no end.
        "failed" => get(&["end_time"]) != "-1",
        state => matches!(state, "success" | "completed" | "cancelled" | "canceled"),
    };
    Task {
        id: (!id.is_empty()).then_some(id),
        from: get(&["source_node", "source"]).parse().ok(),
        to: get(&["target_node", "dest"]).parse().ok(),
        slots: parsed.collect(),
        message: get(&["message", "last_error"]).split_whitespace().collect::<Vec<_>>().join(" "),
        is_over: over,
        state,
    }
}
