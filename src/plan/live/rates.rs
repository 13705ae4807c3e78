//! Counters of two readings, as amounts a second.

use std::collections::BTreeMap;

use super::look::{Look, Reading};
use crate::model::NodeId;

/// What a node does in a second, without what the watch itself causes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Rates {
    /// Commands.
    pub ops: f64,
    /// Bytes received from clients.
    pub bytes_in: f64,
    /// Bytes sent to clients.
    pub bytes_out: f64,
}

/// The last reading of each node, and what it came to.
#[derive(Debug, Default)]
pub(super) struct RateBook(BTreeMap<NodeId, (Reading, Option<Rates>)>);

impl RateBook {
    pub(super) fn see(&mut self, look: &Look<'_>) {
        let mut book = BTreeMap::new();
        for (report, reading) in look.cluster.nodes.iter().zip(look.readings) {
            let rates = match self.0.get(&report.id()) {
                // It has not replied since.
                Some((before, rates)) if before.at == reading.at => *rates,
                Some((before, _)) => between(before, reading),
                None => None,
            };
            let reading = Reading { tasks: Vec::new(), keys: BTreeMap::new(), ..reading.clone() };
            book.insert(report.id(), (reading, rates));
        }
        self.0 = book;
    }

    pub(super) fn of(&self, node: NodeId) -> Option<Rates> {
        self.0.get(&node)?.1
    }
}

/// `None` where the process is another one, or its counters or ours began anew.
fn between(before: &Reading, after: &Reading) -> Option<Rates> {
    let seconds = after.at.checked_sub(before.at)?.as_secs_f64();
    if before.activity.run_id != after.activity.run_id || seconds <= 0.0 {
        return None;
    }
    let counters = |reading: &Reading| {
        let activity = &reading.activity;
        [activity.commands, activity.bytes_in, activity.bytes_out]
    };
    let (from, to) = (counters(before), counters(after));
    let rate = |counter: usize| {
        let own = after.own[counter].checked_sub(before.own[counter])?;
        let all = to[counter].checked_sub(from[counter])?;
        Some(all.saturating_sub(own) as f64 / seconds)
    };
    Some(Rates { ops: rate(0)?, bytes_in: rate(1)?, bytes_out: rate(2)? })
}
