//! What a node reports again and again while it is watched.

use std::collections::BTreeMap;

use super::atomic::{MigrationSupport, Task, read_tasks};
use super::error::WireError;
use super::resp::Value;
use super::server::{Server, cluster, words};
use super::stream::Traffic;
use super::talk::alone;
use crate::model::{Activity, InfoMap, NodeReport, Slot};

/// What one round trip to a node brings.
#[derive(Debug)]
pub struct Pulse {
    pub report: NodeReport,
    pub activity: Activity,
    /// What of its counters is this connection's own.
    pub own: Traffic,
    /// Its own moves of slots; none where it has none, or does not show them to our user.
    pub tasks: Vec<Task>,
    /// The keys of the slots that were asked for; one that it refuses to count is missing.
    pub keys: BTreeMap<Slot, u64>,
}

impl Server {
    /// Everything the node reports of itself, what it is doing, its moves, and the keys of these slots.
    pub fn pulse(&mut self, support: MigrationSupport, slots: &[Slot]) -> Result<Pulse, WireError> {
        let count = |slot: &Slot| cluster(&["COUNTKEYSINSLOT", &slot.to_string()]);
        let mut commands: Vec<_> = slots.iter().map(count).collect();
        let moves = support.command();
        commands.extend(moves.clone());
        commands.push(words(&["INFO", "clients"]));
        // Last, so that all that came before it is among the commands that it counts.
        commands.push(words(&["INFO", "stats"]));
        // A reply counts once it is sent, with all others of its exchange.
        let received = self.traffic().received;
        let (report, info, mut replies) =
            alone(async |wait| self.report_with(&commands, wait).await)?;
        let own = Traffic { received, ..self.traffic() };
        let rest = replies.split_off(commands.len() - 2).into_iter();
        let info = info + &self.joined(&commands[commands.len() - 2..], rest)?;
        let tasks = moves.and_then(|_| replies.pop()).map(|reply| read_tasks(&reply));
        let counts = slots.iter().zip(replies).filter_map(|(slot, reply)| match reply {
            Value::Int(keys) => Some((*slot, keys.unsigned_abs())),
            _ => None,
        });
        Ok(Pulse {
            keys: counts.collect(),
            tasks: tasks.unwrap_or_default(),
            activity: Activity::read(&InfoMap::parse(&info)),
            own,
            report,
        })
    }
}
