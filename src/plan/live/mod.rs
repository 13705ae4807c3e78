//! A cluster over time: how fast things go, which slots are on their way, and since when what is wrong.
//!
//! One look after another comes in; each is compared with those before it.

mod log;
mod moves;
mod rates;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{Activity, ClusterReport, NodeId, Slot, SlotSet};
use crate::plan::check::{Kind, Problem};
use log::Log;
pub use log::Sighting;
use moves::Routes;
pub use moves::{Move, SlotTask};
use rates::RateBook;
pub use rates::Rates;

/// What a node reported beside its report, and when.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// When it was read, counted from when the watch began.
    pub at: Duration,
    /// Its counters.
    pub activity: Activity,
    /// What of them the watch itself has caused so far: commands, bytes received, bytes sent.
    pub own: [u64; 3],
    /// Its own moves of slots that are not over.
    pub tasks: Vec<SlotTask>,
    /// The keys of some of its slots.
    pub keys: BTreeMap<Slot, u64>,
}

/// One look at a cluster.
#[derive(Debug)]
pub struct Look<'a> {
    /// What the nodes reported.
    pub cluster: &'a ClusterReport,
    /// A reading for each of `cluster.nodes`.
    pub readings: &'a [Reading],
    /// What `check` finds.
    pub problems: Vec<Problem>,
    /// When it was, counted from when the watch began.
    pub at: Duration,
    /// The same in milliseconds since 1970.
    pub clock: u64,
}

/// What all looks so far come to.
#[derive(Debug, Default)]
pub struct History {
    rates: RateBook,
    routes: Routes,
    log: Log,
}

impl History {
    /// Takes in one more look.
    pub fn see(&mut self, look: Look<'_>) {
        self.rates.see(&look);
        self.routes.see(&look);
        let Look { problems, clock, .. } = look;
        // A slot that moves is open for as long; one that stays open is a problem.
        let is_stuck = |problem: &Problem| {
            problem.kind != Kind::SlotOpen || !self.routes.advances_at(&problem.slots)
        };
        self.log.see(problems.into_iter().filter(is_stuck), clock);
    }

    /// How fast a node goes; unknown until it was read twice.
    pub fn rates(&self, node: NodeId) -> Option<Rates> {
        self.rates.of(node)
    }

    /// The moves that are under way, or were a moment ago.
    pub fn moves(&self) -> Vec<Move> {
        self.routes.moves()
    }

    /// The slots whose keys are worth counting next, for each source.
    pub fn to_count(&self) -> BTreeMap<NodeId, Vec<Slot>> {
        self.routes.to_count()
    }

    /// The problems, errors first, and after them those that have gone, the latest first.
    pub fn problems(&self) -> impl Iterator<Item = &Sighting> {
        self.log.sightings()
    }
}

/// The slots of a set, as a set; a problem may have none.
fn overlaps(one: &SlotSet, other: &SlotSet) -> bool {
    !one.intersection(other).is_empty()
}

#[cfg(test)]
mod tests;
