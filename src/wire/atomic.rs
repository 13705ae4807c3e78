//! The servers' own moves of slots: `CLUSTER MIGRATESLOTS` of Valkey 9 and `CLUSTER MIGRATION
//! IMPORT` of Redis 8.4.

use redis::Cmd;

use super::error::WireError;
use super::resp::Value;
use super::server::{Server, cluster, words};
use crate::model::{NodeId, SlotRange, SlotSet, printable_lines};

/// What a server can do by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MigrationSupport {
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

impl MigrationSupport {
    /// What lists a server's moves, if it can have any.
    pub(super) fn command(self) -> Option<Cmd> {
        match self {
            MigrationSupport::Classic => None,
            MigrationSupport::Import => Some(cluster(&["MIGRATION", "STATUS", "ALL"])),
            MigrationSupport::MigrateSlots => Some(cluster(&["GETSLOTMIGRATIONS"])),
        }
    }
}

impl Server {
    /// What it can do by itself.
    pub fn migration_support(&mut self) -> Result<MigrationSupport, WireError> {
        let known = ["cluster|migrateslots", "cluster|migration"];
        let commands = known.map(|name| words(&["COMMAND", "INFO", name]));
        let replies = self.pipeline(&commands)?;
        // One entry a name: empty, or nil, where the server knows no such command.
        let knows = |reply: &Value| {
            matches!(reply, Value::Array(items) if
                items.iter().any(|item| matches!(item, Value::Array(entry) if !entry.is_empty())))
        };
        Ok(match &replies[..] {
            [first, _] if knows(first) => MigrationSupport::MigrateSlots,
            [_, second] if knows(second) => MigrationSupport::Import,
            _ => MigrationSupport::Classic,
        })
    }

    /// CLUSTER MIGRATESLOTS, to the source: the server moves them by itself.
    pub fn migrate_slots(&mut self, slots: &SlotSet, to: NodeId) -> Result<(), WireError> {
        let mut command = with_ranges(cluster(&["MIGRATESLOTS", "SLOTSRANGE"]), slots);
        command.arg("NODE").arg(to.to_string());
        self.one(command).map(drop)
    }

    /// CLUSTER MIGRATION IMPORT, to the target: gives the task's id.
    pub fn import_slots(&mut self, slots: &SlotSet) -> Result<String, WireError> {
        let command = with_ranges(cluster(&["MIGRATION", "IMPORT"]), slots);
        let reply = self.one(command.clone())?;
        self.text(&command, reply)
    }

    /// The moves that the server knows of, newest first.
    pub fn tasks(&mut self, support: MigrationSupport) -> Result<Vec<Task>, WireError> {
        let Some(command) = support.command() else { return Ok(Vec::new()) };
        match self.one(command.clone())? {
            reply @ Value::Array(_) => Ok(read_tasks(&reply)),
            other => Err(self.unexpected(&command, &other)),
        }
    }

    /// CLUSTER MIGRATION CANCEL ID, on the target; others go on.
    pub fn cancel_import(&mut self, id: &str) -> Result<(), WireError> {
        self.one(cluster(&["MIGRATION", "CANCEL", "ID", id])).map(drop)
    }

    /// CLUSTER CANCELSLOTMIGRATIONS, on the source: Valkey cancels all that it sends, and knows no
    /// other way.
    pub fn cancel_exports(&mut self) -> Result<(), WireError> {
        match self.one(cluster(&["CANCELSLOTMIGRATIONS"])) {
            Err(error) if error.refusal().is_some_and(|said| said.contains("No migrations")) => {
                Ok(())
            }
            answer => answer.map(drop),
        }
    }
}

fn with_ranges(mut command: Cmd, slots: &SlotSet) -> Cmd {
    for range in slots.ranges() {
        command.arg(range.first().get()).arg(range.last().get());
    }
    command
}

/// The moves of a reply; none where it is a refusal.
pub(super) fn read_tasks(reply: &Value) -> Vec<Task> {
    match reply {
        Value::Array(items) => items.iter().map(read_task).collect(),
        _ => Vec::new(),
    }
}

/// One entry of GETSLOTMIGRATIONS or MIGRATION STATUS: a flat list of names and values.
fn read_task(entry: &Value) -> Task {
    let items: &[Value] = match entry {
        Value::Array(items) => items,
        _ => &[],
    };
    let text = |value: &Value| match value {
        Value::Int(number) => number.to_string(),
        other => other.bytes().map(printable_lines).unwrap_or_default(),
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

#[cfg(test)]
mod tests {
    use super::super::resp::tests::any_reply;
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_reply_about_moves_makes_it_panic(reply in any_reply()) {
            let _ = read_task(&reply);
        }
    }
}
