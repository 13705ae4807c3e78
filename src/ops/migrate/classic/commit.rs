//! Slots without keys at the source change hands.

use std::time::Duration;

use super::{Batch, ClassicMove, MigrateError, Session, epoch};
use crate::model::SlotSet;
use crate::ops::interrupt::Interrupt;
use crate::ops::wait::{Deadline, Waited};
use crate::wire::{SlotChange, WireError};

/// How long a target's replicas may keep it from taking slots (`NOREPLICAS`), and how long a source
/// may take to hear of the new owner.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Valkey takes no change of a slot while too few of its replicas answer.
fn lacks_replicas(error: &WireError) -> bool {
    error.refusal().is_some_and(|said| said.starts_with("NOREPLICAS"))
}

impl ClassicMove<'_, '_> {
    /// Gives slots to the target once the source has proven that it holds none of their keys: there
    /// first, so that no slot is ever without an owner, then at the source. Gives the slots that are
    /// not through.
    pub(super) fn commit(
        &mut self,
        slots: &SlotSet,
        batch: &mut Batch,
    ) -> Result<SlotSet, MigrateError> {
        if slots.is_empty() {
            return Ok(SlotSet::EMPTY);
        }
        let Session { source, target, .. } = &mut self.session;
        epoch::await_known(self.migration, self.route, &mut source.server, &mut target.server)?;
        let (mut left, mut held) = (slots.clone(), SlotSet::EMPTY);
        let deadline = Deadline::after(TIMEOUT, Interrupt::default());
        let waited = deadline.together().until_empty(|| {
            held = self.session.prove_empty(&left, batch.connection)?;
            if !held.is_empty() {
                return Ok(Vec::new());
            }
            self.give(&mut left, batch)
        });
        all_taken(waited?)?;
        Ok(held)
    }

    /// Has the target take these slots, and takes out of them what it owns then; gives the refusal where
    /// that may be another one soon.
    fn give(
        &mut self,
        slots: &mut SlotSet,
        batch: &mut Batch,
    ) -> Result<Vec<WireError>, MigrateError> {
        batch.committing = slots.clone();
        let reply = self.session.target.set(slots, SlotChange::Owner(self.route.to));
        let owned = self.owned_by_target(slots)?;
        if !owned.is_empty() {
            self.have_arrived(&owned, batch);
            self.tell_source(&owned)?;
            *slots = slots.difference(&owned);
        }
        // Where the answer was lost it may own more of them at any time.
        batch.committing = match &reply {
            Err(error) if error.refusal().is_none() => slots.clone(),
            _ => SlotSet::EMPTY,
        };
        match reply {
            _ if slots.is_empty() => Ok(Vec::new()),
            Err(error) if lacks_replicas(&error) && !self.migration.is_late() => Ok(vec![error]),
            Err(error) => Err(error.into()),
            Ok(()) => {
                let (node, slots) = (self.session.target.addr().clone(), slots.summary());
                let why = "it replied OK and does not list them as its own".to_owned();
                Err(MigrateError::Unproven { node, slots, why })
            }
        }
    }

    /// Those of these slots that the target says it owns.
    pub(super) fn owned_by_target(&mut self, slots: &SlotSet) -> Result<SlotSet, WireError> {
        Ok(self.session.target.server.view()?.me().slots.intersection(slots))
    }

    /// Counted before anything else is asked.
    pub(super) fn have_arrived(&mut self, slots: &SlotSet, batch: &mut Batch) {
        batch.left = batch.left.difference(slots);
        self.migration.looks_at(self.route.to, &mut self.session.target.server);
        self.migration.arrived(self.route.to, slots, std::mem::take(&mut batch.keys));
    }

    /// The source may say anything now, or become a replica and close the connection: what counts is
    /// whether it still claims the slots.
    pub(super) fn tell_source(&mut self, slots: &SlotSet) -> Result<(), MigrateError> {
        let deadline = Deadline::after(TIMEOUT, Interrupt::default());
        let waited = deadline.together().until_empty(|| {
            let reply = self.session.source.set(slots, SlotChange::Owner(self.route.to));
            let Err(error) = reply else { return Ok(Vec::new()) };
            let claims = self.session.source.server.view().map(|view| {
                let me = view.me();
                me.is_master() && !me.slots.intersection(slots).is_empty()
            });
            match claims {
                Ok(false) => Ok(Vec::new()),
                Ok(true) if !self.migration.is_late() => Ok(vec![error]),
                _ => Err(MigrateError::from(error)),
            }
        });
        all_taken(waited?)
    }
}

/// The refusal that a wait has come to its end with is an error.
fn all_taken(waited: Waited<Vec<WireError>>) -> Result<(), MigrateError> {
    match waited {
        Waited::Incomplete(refusals) => {
            refusals.into_iter().next().map_or(Ok(()), |refusal| Err(refusal.into()))
        }
        Waited::Done(_) => Ok(()),
    }
}
