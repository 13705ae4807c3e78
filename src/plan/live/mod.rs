//! A cluster over time: how fast things go, which slots are on their way, and since when what is wrong.
//!
//! One look after another comes in; each is compared with those before it.

mod log;
mod look;
mod moves;
mod rates;

use std::collections::BTreeMap;

use log::Log;
pub use log::Sighting;
pub use look::{Look, Reading, SlotTask};
pub use moves::Move;
use moves::Routes;
use rates::RateBook;
pub use rates::Rates;

use crate::model::{NodeId, Slot};
use crate::plan::check::{Kind, Problem};

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
            !matches!(problem.kind, Kind::SlotOpen | Kind::ReplicaSlotOpen)
                || !self.routes.advances_at(&problem.slots)
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

#[cfg(test)]
mod tests;
