//! Looking at a replica until it is ready: what `failover` and `rolling` have in common.

use crate::model::{NodeId, Vitals};
use crate::plan::readiness::{Unready, unready};
use crate::wire::{Server, WireError};

/// A replica that is waited for.
#[derive(Debug)]
pub(super) struct Readiness {
    master: NodeId,
    /// What the master had at the first look: under writes a replica is always a moment behind.
    at_least: Option<u64>,
}

impl Readiness {
    pub fn under(master: NodeId) -> Readiness {
        Readiness { master, at_least: None }
    }

    /// What the replica lacks by now. The master is asked first: what it has then is what counts.
    pub fn look(
        &mut self,
        replica: &mut Server,
        master: &mut Server,
    ) -> Result<Option<Unready>, WireError> {
        let above = master.vitals()?;
        let own = replica.vitals()?;
        Ok(self.judge(&own, &above))
    }

    /// The same with vitals of the master that were read before the replica's.
    pub fn judge(&mut self, replica: &Vitals, master: &Vitals) -> Option<Unready> {
        let at_least = *self.at_least.get_or_insert(master.offset);
        unready(replica, (self.master, master), at_least)
    }
}
