//! Orphaned keys, at a master that does not own their slot, go to the owner; who owns what stays as
//! it is.

use std::time::Instant;

use super::classic::{BATCH, HELD_UP};
use super::migration::{Migration, Mover, crosses};
use super::pace::BatchSizer;
use super::session::Session;
use super::{KeptSlot, MigrateError};
use crate::model::{Slot, SlotSet};
use crate::ops::conflict::{self, Resolution, Side};
use crate::plan::transfer::Route;
use crate::wire::{Key, KeyBatch, MigrateOptions, SlotChange};

pub(super) struct OrphanMover;

impl Mover for OrphanMover {
    fn excludes(&self, one: &Route, other: &Route) -> bool {
        crosses(one, other)
    }

    fn carry(&self, migration: &Migration, route: &Route) -> Result<(), MigrateError> {
        let mut session = Session::open(migration, route)?;
        let (mut sizer, winner) = (BatchSizer::new(), migration.options.policy.winner(route));
        let slots: Vec<Slot> = route.slots.slots().collect();
        for slots in slots.chunks(BATCH) {
            if let Some(stop) = migration.stopped() {
                return Err(stop);
            }
            batch(migration, &mut session, &slots.iter().copied().collect(), winner, &mut sizer)?;
        }
        Ok(())
    }
}

/// Marks the slots at the holder, which is what lets it MIGRATE keys that are not its own, and
/// unmarks them on every way out. The owner serves them all the while.
fn batch(
    migration: &Migration,
    session: &mut Session,
    slots: &SlotSet,
    winner: Option<Side>,
    sizer: &mut BatchSizer,
) -> Result<(), MigrateError> {
    let (mut keys, owner) = (0, session.target.id);
    let marked = session.source.set(slots, SlotChange::Importing(owner));
    let moved = match marked {
        Ok(()) => slots_home(migration, session, slots, winner, sizer, &mut keys),
        Err(error) => Err(error.into()),
    };
    if session.source.close(slots).is_err() {
        migration.leave_open(slots);
    }
    migration.looks_at(owner, &mut session.target.server);
    let whole = slots.difference(moved.as_ref().unwrap_or(slots));
    migration.count_keys(keys);
    migration.tally.add(whole.len());
    moved.map(drop)
}

/// Moves the keys of all these slots; gives those of which some had to stay.
fn slots_home(
    migration: &Migration,
    session: &mut Session,
    slots: &SlotSet,
    winner: Option<Side>,
    sizer: &mut BatchSizer,
    keys: &mut u64,
) -> Result<SlotSet, MigrateError> {
    let mut kept = Vec::new();
    for slot in slots.slots() {
        if let Some(why) = move_slot(migration, session, slot, winner, sizer, keys)? {
            let node = session.source.addr().clone();
            kept.push(slot);
            migration.change(|outcome| outcome.kept.push(KeptSlot { slot, node, why }));
        }
    }
    Ok(kept.into_iter().collect())
}

/// Moves the keys of a slot, in all databases, from the session's source, where it is marked, to its
/// owner; says which of them stays, and why, where one does. Nobody writes to them at the source, so
/// one look at them is enough.
pub(super) fn move_slot(
    migration: &Migration,
    session: &mut Session,
    slot: Slot,
    winner: Option<Side>,
    sizer: &mut BatchSizer,
    keys: &mut u64,
) -> Result<Option<String>, MigrateError> {
    let mut stays = Vec::new();
    for database in session.source.server.databases()? {
        session.select(database)?;
        let all = session.source.server.all_keys(slot)?;
        let mut left: &[Key] = &all;
        while !left.is_empty() {
            if let Some(stop) = migration.stopped() {
                return Err(stop);
            }
            let (now, later) = left.split_at(left.len().min(sizer.keys(&migration.pace)));
            left = later;
            migration.pace.wait(now.len());
            let begun = Instant::now();
            let limit = HELD_UP.1.min(migration.access.timeout);
            let options = MigrateOptions { database, limit, replace: false };
            match migrate(session, slot, now, options)? {
                None => *keys += now.len() as u64,
                Some(_) => {
                    for key in now {
                        let alone = Alone { slot, key, database, winner };
                        stays.extend(alone.goes(migration, session, keys)?);
                    }
                }
            }
            sizer.took(now.len(), begun.elapsed());
        }
    }
    let more = stays.len().saturating_sub(1);
    Ok(stays.into_iter().next().map(|first| match more {
        0 => first,
        more => format!("{first} (and {more} more of this slot)"),
    }))
}

fn migrate(
    session: &mut Session,
    slot: Slot,
    keys: &[Key],
    options: MigrateOptions,
) -> Result<Option<String>, MigrateError> {
    let said = session.migrate(&[KeyBatch { slot, keys: keys.to_vec() }], options)?;
    Ok(said.into_iter().flatten().next())
}

/// A key that does not go with others.
struct Alone<'a> {
    slot: Slot,
    key: &'a Key,
    database: u32,
    winner: Option<Side>,
}

impl Alone<'_> {
    /// It may be at the owner as well: what is equal there gives way.
    fn goes(
        self,
        migration: &Migration,
        session: &mut Session,
        keys: &mut u64,
    ) -> Result<Option<String>, MigrateError> {
        let Alone { slot, key, database, winner } = self;
        let (holder, owner) = (&mut session.source.server, &mut session.target.server);
        match conflict::resolve(holder, owner, key, Side::Target, winner)? {
            Resolution::Goes => {}
            Resolution::Gone => return Ok(None),
            Resolution::Kept(why) => return Ok(Some(why)),
        }
        let options = MigrateOptions { database, limit: migration.access.timeout, replace: true };
        match migrate(session, slot, std::slice::from_ref(key), options)? {
            None => {
                *keys += 1;
                Ok(None)
            }
            Some(said) => Err(MigrateError::Refused {
                from: session.source.addr().clone(),
                to: session.to.clone(),
                slot,
                said: format!("key {}: {said}", conflict::name(key)),
            }),
        }
    }
}
