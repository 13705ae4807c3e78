//! SETSLOT and MIGRATE, in batches of slots over pipelines: what every server understands.
//!
//! The way of one slot: [`open`] marks both ends, [`pump`] moves its keys, [`commit`] proves that the
//! source holds none any more and gives it to the target. [`undo`] takes back what an error, a
//! signal or a key that is refused leaves in between.

mod commit;
mod open;
mod pump;
mod undo;

use std::collections::BTreeSet;
use std::time::Duration;

use super::migration::{Migration, Mover, crosses};
use super::pace::BatchSizer;
use super::session::Session;
use super::{KeptSlot, MigrateError, epoch};
use crate::model::{Slot, SlotSet};
use crate::ops::conflict::Side;
use crate::plan::transfer::Route;

/// Slots that are open at a time on a route: what a kill can leave half-way.
pub(super) const BATCH: usize = 128;

/// Most MIGRATEs in one pipeline, and how long each may stand still: while a target hangs, the source
/// is held up by all of them, which has to stay below its node timeout.
pub(super) const HELD_UP: (usize, Duration) = (16, Duration::from_millis(500));

/// How often keys of a slot may turn up again that were moved.
const ROUNDS: usize = 5;

pub(super) struct Classic {
    /// These slots were open before: some of their keys may be at the target.
    pub resumed: bool,
}

impl Mover for Classic {
    /// A source sends to one target at a time, and takes no slots meanwhile: its config epoch must
    /// not grow while slots leave it. A target takes from any number.
    fn excludes(&self, one: &Route, other: &Route) -> bool {
        crosses(one, other)
    }

    fn carry(&self, migration: &Migration, route: &Route) -> Result<(), MigrateError> {
        let session = Session::open(migration, route)?;
        let (resumed, sizer, is_reached) = (self.resumed, BatchSizer::new(), false);
        let mut work = ClassicMove { migration, route, resumed, session, sizer, is_reached };
        let slots: Vec<Slot> = route.slots.slots().collect();
        for batch in slots.chunks(BATCH) {
            if let Some(stop) = migration.stopped() {
                return Err(stop);
            }
            work.batch(batch.iter().copied().collect())?;
        }
        Ok(())
    }
}

/// A route under way.
struct ClassicMove<'a, 'm> {
    migration: &'a Migration<'m>,
    route: &'a Route,
    resumed: bool,
    session: Session,
    sizer: BatchSizer,
    /// Whether a key has gone to the target: the source reaches it, and is let in.
    is_reached: bool,
}

/// Slots that are open together, and how far they have come.
struct Batch {
    /// Those that are to go to the target.
    left: SlotSet,
    /// Of which the target has keys already, none of them different: its copies give way.
    replace: BTreeSet<Slot>,
    /// Whose keys have begun to move.
    touched: SlotSet,
    /// Of which no key is left at the source, as far as was seen.
    through: SlotSet,
    /// That the target is being told to own.
    committing: SlotSet,
    /// That stay for one of their keys, and why.
    kept: Vec<(Slot, String)>,
    /// The source's connection over which all this goes.
    connection: u64,
    /// Keys moved.
    keys: u64,
}

impl ClassicMove<'_, '_> {
    fn batch(&mut self, slots: SlotSet) -> Result<(), MigrateError> {
        let mut batch = Batch {
            touched: if self.resumed { slots.clone() } else { SlotSet::EMPTY },
            left: slots,
            replace: BTreeSet::new(),
            through: SlotSet::EMPTY,
            committing: SlotSet::EMPTY,
            kept: Vec::new(),
            connection: 0,
            keys: 0,
        };
        let moved = self.open(&mut batch).and_then(|()| self.moves(&mut batch));
        let open = match &moved {
            Ok(()) => SlotSet::EMPTY,
            // Slots in hand are through, or stay open: clients find their keys at both ends.
            Err(MigrateError::Interrupted(_) | MigrateError::Late(_)) => self.release(&mut batch),
            Err(_) => self.undo(&mut batch),
        };
        self.migration.leave_open(&open);
        self.keep(&batch);
        moved
    }

    /// Moves keys until the source is proven to hold none, and gives the slots to the target.
    fn moves(&mut self, batch: &mut Batch) -> Result<(), MigrateError> {
        for _ in 0..ROUNDS {
            if let Some(stop) = self.pump(batch)? {
                return Err(stop);
            }
            let slots = batch.left.clone();
            if self.commit(&slots, batch)?.is_empty() {
                return Ok(());
            }
        }
        Err(MigrateError::Unproven {
            node: self.session.source.addr().clone(),
            slots: batch.left.summary(),
            why: "it still holds keys of them that are not listed".to_owned(),
        })
    }

    /// Whose value wins where both ends hold a key and differ.
    fn winner(&self) -> Option<Side> {
        self.migration.options.policy.winner(self.route)
    }

    /// Slots that stay go back to the source as a whole.
    fn keep(&mut self, batch: &Batch) {
        if batch.kept.is_empty() {
            return;
        }
        let slots = batch.kept.iter().map(|(slot, _)| *slot).collect();
        let node = self.session.source.addr().clone();
        self.migration.change(|outcome| {
            outcome.kept.extend(batch.kept.iter().map(|(slot, why)| KeptSlot {
                slot: *slot,
                node: node.clone(),
                why: why.clone(),
            }));
        });
        let open = self.take_back(&slots);
        self.migration.leave_open(&open);
    }
}

impl Batch {
    /// The slot stays where it is.
    fn keep(&mut self, slot: Slot, why: String) {
        self.left = self.left.difference(&SlotSet::from_iter([slot]));
        self.kept.push((slot, why));
    }

    fn is_kept(&self, slot: Slot) -> bool {
        self.kept.iter().any(|(kept, _)| *kept == slot)
    }
}
