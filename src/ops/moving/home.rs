//! Keys at a master that does not own their slot go to the owner; who owns what stays as it is.

use std::time::Instant;

use super::classic::HELD_UP;
use super::pace::Load;
use super::{MoveError, Mover, Run, Skipped, crosses};
use crate::model::{NodeAddr, Slot, SlotSet};
use crate::ops::conflict::{self, Judged, Side};
use crate::plan::transfer::Route;
use crate::wire::{Key, Parcel, Server, Terms};

/// Slots that are open at a time on a route: what a kill leaves marked.
const BATCH: usize = 128;

pub(super) struct Home;

impl Mover for Home {
    fn excludes(&self, one: &Route, other: &Route) -> bool {
        crosses(one, other)
    }

    fn carry(&self, run: &Run, route: &Route) -> Result<(), MoveError> {
        let (holder, owner) = (run.connect(route.from)?, run.connect(route.to)?);
        let to = run.addr(route.to, route.from)?;
        let mut work = Work { run, route, holder, owner, to, load: Load::new(), keys: 0 };
        run.taken(route.to, work.owner.bytes_in()?);
        let slots: Vec<Slot> = route.slots.slots().collect();
        for batch in slots.chunks(BATCH) {
            if let Some(stop) = run.stopped() {
                return Err(stop);
            }
            work.batch(&batch.iter().copied().collect())?;
        }
        Ok(())
    }
}

struct Work<'a, 'r> {
    run: &'a Run<'r>,
    route: &'a Route,
    holder: Server,
    owner: Server,
    /// Where the holder reaches the owner.
    to: NodeAddr,
    load: Load,
    /// Keys moved in this batch.
    keys: u64,
}

impl Work<'_, '_> {
    /// Marks the slots at the holder, which is what lets it MIGRATE keys that are not its own, and
    /// unmarks them on every way out. The owner serves them all the while.
    fn batch(&mut self, slots: &SlotSet) -> Result<(), MoveError> {
        self.run.changed();
        self.at(0)?;
        self.holder.open_import(slots, self.route.to)?;
        let moved = self.databases(slots);
        let closed = self.holder.close(slots);
        if closed.is_err() {
            self.run.outcome(|outcome| outcome.open = outcome.open.union(slots));
        }
        let kept = moved?;
        closed?;
        self.run.taken(self.route.to, self.owner.bytes_in()?);
        let whole = slots.difference(&kept);
        self.run.arrived(&whole, std::mem::take(&mut self.keys));
        Ok(())
    }

    /// Moves the keys of all databases; gives the slots of which some had to stay.
    fn databases(&mut self, slots: &SlotSet) -> Result<SlotSet, MoveError> {
        let mut kept = Vec::new();
        for database in self.holder.databases()? {
            self.at(database)?;
            for slot in slots.slots() {
                let stays = self.slot(slot, database)?;
                if let Some(why) = stays {
                    let node = self.holder.addr().clone();
                    kept.push(slot);
                    self.run.outcome(|outcome| outcome.skipped.push(Skipped { slot, node, why }));
                }
            }
        }
        self.at(0)?;
        Ok(kept.into_iter().collect())
    }

    /// Goes to a database at both ends.
    fn at(&mut self, database: u32) -> Result<(), MoveError> {
        self.holder.select(database)?;
        Ok(self.owner.select(database)?)
    }

    /// Moves the keys of a slot; says which of them stays, and why, where one does. Nobody writes
    /// to them here, so one look at them is enough.
    fn slot(&mut self, slot: Slot, database: u32) -> Result<Option<String>, MoveError> {
        let keys = self.holder.all_keys(slot)?;
        let mut left: &[Key] = &keys;
        let mut stays = Vec::new();
        while !left.is_empty() {
            if let Some(stop) = self.run.stopped() {
                return Err(stop);
            }
            let (now, later) = left.split_at(left.len().min(self.load.keys(&self.run.pace)));
            left = later;
            self.run.pace.wait(now.len());
            let begun = Instant::now();
            let parcel = Parcel { slot, keys: now.to_vec() };
            let limit = HELD_UP.1.min(self.run.access.timeout);
            let terms = Terms { database, limit, replace: false };
            match self.migrate(parcel, terms)? {
                None => self.keys += now.len() as u64,
                Some(_) => {
                    for key in now {
                        stays.extend(self.alone(slot, key, database)?);
                    }
                }
            }
            self.load.took(now.len(), begun.elapsed());
        }
        let more = stays.len().saturating_sub(1);
        Ok(stays.into_iter().next().map(|first| match more {
            0 => first,
            more => format!("{first} (and {more} more of this slot)"),
        }))
    }

    fn migrate(&mut self, parcel: Parcel, terms: Terms) -> Result<Option<String>, MoveError> {
        let said = self.holder.migrate(&[parcel], &self.to, &self.owner, terms)?;
        Ok(said.into_iter().flatten().next())
    }

    /// Moves one key, which may be at the owner as well: what is equal there gives way.
    fn alone(&mut self, slot: Slot, key: &Key, database: u32) -> Result<Option<String>, MoveError> {
        let winner = self.run.options.winner.of(self.route);
        match conflict::judge(&mut self.holder, &mut self.owner, key, Side::Target, winner)? {
            Judged::Goes => {}
            Judged::Gone => return Ok(None),
            Judged::Kept(why) => return Ok(Some(why)),
        }
        let parcel = Parcel { slot, keys: vec![key.clone()] };
        let terms = Terms { database, limit: self.run.access.timeout, replace: true };
        match self.migrate(parcel, terms)? {
            None => {
                self.keys += 1;
                Ok(None)
            }
            Some(said) => Err(MoveError::Refused {
                from: self.holder.addr().clone(),
                to: self.to.clone(),
                slot,
                said: format!("key {}: {said}", conflict::name(key)),
            }),
        }
    }
}
