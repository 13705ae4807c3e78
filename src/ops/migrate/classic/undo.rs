//! What an error leaves half-way is taken back, as far as both ends can be reached.

use super::{Batch, ClassicMove, MigrateError, ROUNDS};
use crate::model::{NodeAddr, Slot, SlotSet};
use crate::ops::conflict::{self, Resolution, Side};
use crate::ops::migrate::KeptSlot;
use crate::ops::migrate::orphans::move_slot;
use crate::ops::migrate::pace::BatchSizer;
use crate::ops::migrate::session::Session;
use crate::plan::transfer::Route;
use crate::wire::{Key, SlotChange, WireError};

impl ClassicMove<'_, '_> {
    /// After a signal: slots that are through are given to the target, those that have not begun are
    /// closed; gives those that stay open.
    pub(super) fn release(&mut self, batch: &mut Batch) -> SlotSet {
        let done = batch.touched.intersection(&batch.through).intersection(&batch.left);
        let held = match self.commit(&done, batch) {
            Ok(held) => held,
            Err(_) => done.intersection(&batch.left),
        };
        let untouched = batch.left.difference(&batch.touched);
        let half_way = batch.left.difference(&untouched).difference(&done).union(&held);
        half_way.union(&self.close(&untouched))
    }

    /// After an error: slots that the target was being told to own go on, those of which no key has
    /// moved are closed, and keys that have moved go back; gives the slots that stay open.
    pub(super) fn undo(&mut self, batch: &mut Batch) -> SlotSet {
        let committing = std::mem::take(&mut batch.committing);
        let unsure = self.go_on(&committing, batch);
        let back = batch.left.difference(&committing);
        let untouched = back.difference(&batch.touched);
        let open = self.close(&untouched).union(&unsure);
        open.union(&self.take_back(&back.difference(&untouched)))
    }

    /// Slots whose keys are all at the target, which may own them by now: an answer was lost.
    /// Nothing of them may go back, as the target may hear of its new slots at any time.
    fn go_on(&mut self, slots: &SlotSet, batch: &mut Batch) -> SlotSet {
        if slots.is_empty() {
            return SlotSet::EMPTY;
        }
        // Whatever it says to that, its view decides.
        let _ = self.session.target.set(slots, SlotChange::Owner(self.route.to));
        let Ok(owned) = self.owned_by_target(slots) else { return slots.clone() };
        if !owned.is_empty() {
            self.have_arrived(&owned, batch);
            if let Err(error) = self.tell_source(&owned) {
                self.migration.change(|outcome| outcome.errors.push(error));
            }
        }
        slots.difference(&owned)
    }

    /// Closes slots at both ends; gives those where that failed.
    fn close(&mut self, slots: &SlotSet) -> SlotSet {
        if slots.is_empty() {
            return SlotSet::EMPTY;
        }
        let closed = [self.session.target.close(slots), self.session.source.close(slots)];
        if closed.iter().all(Result::is_ok) { SlotSet::EMPTY } else { slots.clone() }
    }

    /// Brings the keys of slots back to the source, which owns them, and closes both ends; gives the
    /// slots where that failed.
    pub(super) fn take_back(&mut self, slots: &SlotSet) -> SlotSet {
        if slots.is_empty() {
            return SlotSet::EMPTY;
        }
        let Route { from, to, .. } = *self.route;
        let back = Route { from: to, to: from, slots: slots.clone() };
        let Ok(mut session) = Session::open(self.migration, &back) else { return slots.clone() };
        let mut open = slots.clone();
        let mut sizer = BatchSizer::new();
        // The first of both is an owner's word: without it nothing goes back.
        let Ok(holds) = self.may_go_back(slots, &mut session) else { return open };
        let empty = slots.difference(&holds);
        open = open.difference(&empty).union(&self.close(&empty));
        for slot in holds.slots() {
            let one = SlotSet::from_iter([slot]);
            match self.slot_back(slot, &one, &mut session, &mut sizer) {
                Ok(()) => open = open.difference(&one),
                Err(error) => {
                    let words = error.to_string();
                    self.migration.change(|outcome| {
                        if outcome.errors.iter().all(|known| known.to_string() != words) {
                            outcome.errors.push(error);
                        }
                    });
                    break;
                }
            }
        }
        open
    }

    /// The slots of which the target holds keys, if the source still owns them all.
    fn may_go_back(&self, slots: &SlotSet, session: &mut Session) -> Result<SlotSet, MigrateError> {
        let (target, source) = (&mut session.source.server, &mut session.target.server);
        let census = target.census(slots)?;
        let taken = census.view.me().slots.intersection(slots);
        let lost = slots.difference(&source.view()?.me().slots);
        if !taken.is_empty() || !lost.is_empty() {
            let (node, slots) = (session.source.addr().clone(), taken.union(&lost).summary());
            let why = "their owner has changed meanwhile".to_owned();
            return Err(MigrateError::Unproven { node, slots, why });
        }
        Ok(census.keys.into_keys().collect())
    }

    fn slot_back(
        &self,
        slot: Slot,
        one: &SlotSet,
        session: &mut Session,
        sizer: &mut BatchSizer,
    ) -> Result<(), MigrateError> {
        // While it is marked the source takes no key that it lacks: it would send it on.
        session.target.close(one)?;
        let mut keys = 0;
        let stays = match move_slot(self.migration, session, slot, None, sizer, &mut keys) {
            // A target that takes no writes gives no keys by MIGRATE either, which deletes them.
            Err(MigrateError::Refused { .. }) => self.copy_back(slot, session)?,
            stays => stays?,
        };
        session.source.close(one)?;
        if let Some(why) = stays {
            let node = session.source.addr().clone();
            self.migration.change(|outcome| {
                if outcome.kept.iter().all(|kept| kept.slot != slot) {
                    outcome.kept.push(KeptSlot { slot, node, why });
                }
            });
        }
        Ok(())
    }

    /// Restores the keys of a slot at its owner and deletes them at the holder, where that lets us;
    /// says which of them stays, and why, where one does.
    fn copy_back(&self, slot: Slot, session: &mut Session) -> Result<Option<String>, MigrateError> {
        let mut stays = None;
        for database in session.source.server.databases()? {
            session.select(database)?;
            for key in session.source.server.all_keys(slot)? {
                stays = stays.or(self.copy_key(slot, &key, session)?);
            }
        }
        Ok(stays)
    }

    fn copy_key(
        &self,
        slot: Slot,
        key: &Key,
        session: &mut Session,
    ) -> Result<Option<String>, MigrateError> {
        let to = session.target.addr().clone();
        let (holder, owner) = (&mut session.source.server, &mut session.target.server);
        let refused = |at: &NodeAddr, said: String| MigrateError::Refused {
            from: at.clone(),
            to: to.clone(),
            slot,
            said: format!("key {}: {said}", conflict::name(key)),
        };
        // Ours since the first round: a client that was sent here before may write to it meanwhile.
        let mut is_ours = false;
        for _ in 0..ROUNDS {
            let dumped = match holder.watch_and_dump(key)? {
                Ok(Some(dumped)) => dumped,
                Ok(None) => return Ok(holder.unwatch().map(|()| None)?),
                Err(said) => return Err(refused(holder.addr(), said)),
            };
            match owner.restore([&dumped], is_ours, false)?.into_iter().flatten().next() {
                None => is_ours = true,
                Some(said) if said.contains("BUSYKEY") => {
                    let standing = conflict::resolve(holder, owner, key, Side::Target, None)?;
                    if let Resolution::Kept(why) = standing {
                        holder.unwatch()?;
                        return Ok(Some(why));
                    }
                }
                Some(said) => return Err(refused(owner.addr(), said)),
            }
            match holder.replace_watched(key, None) {
                Ok(true) => return Ok(None),
                Ok(false) => {}
                Err(WireError::Refused { addr, said, .. }) => {
                    self.migration.change(|outcome| outcome.left_copy(addr, slot, said));
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(refused(holder.addr(), "it keeps changing".to_owned()))
    }
}
