//! Keys go from the source to the target, a few slots at a time.

use std::time::Instant;

use super::{Batch, ClassicMove, HELD_UP, MigrateError};
use crate::model::{Slot, SlotSet};
use crate::ops::conflict::{self, Resolution, Side};
use crate::ops::migrate::capability::{self, Probe};
use crate::ops::migrate::error::Obstacle;
use crate::ops::migrate::session::Listing;
use crate::wire::{Key, KeyBatch, LISTED, MigrateOptions, WireError};

/// A key beyond this may be too much for the time or the settings; a smaller one is not.
const SMALL: u64 = 1 << 16;

/// Keys of a slot that were listed in one go.
struct Piece {
    database: u32,
    keys: KeyBatch,
    /// As many as are listed at a time: there may be more.
    is_full: bool,
}

impl Piece {
    fn new(database: u32, keys: KeyBatch) -> Piece {
        let is_full = keys.keys.len() == LISTED;
        Piece { database, keys, is_full }
    }
}

impl ClassicMove<'_, '_> {
    /// Moves the keys of all slots, of at most 16 at a time: those in hand are finished even if a
    /// signal comes, which it gives then, and the others are not begun.
    pub(super) fn pump(&mut self, batch: &mut Batch) -> Result<Option<MigrateError>, MigrateError> {
        let mut listing = self.session.list(&batch.left)?;
        let slots: Vec<Slot> = listing.keys().copied().collect();
        for hand in slots.chunks(HELD_UP.0) {
            if let Some(stop) = self.migration.stopped() {
                return Ok(Some(stop));
            }
            let keys = hand.iter().filter_map(|slot| listing.remove_entry(slot)).collect();
            if !self.hand(keys, batch)? {
                return Ok(self.migration.stopped());
            }
            batch.through = batch.through.union(&hand.iter().copied().collect());
        }
        Ok(None)
    }

    /// Moves what these slots hold; false where time was up before.
    fn hand(&mut self, listing: Listing, batch: &mut Batch) -> Result<bool, MigrateError> {
        let listed = listing.into_values().flatten();
        let mut queue: Vec<Piece> =
            listed.map(|(database, keys)| Piece::new(database, keys)).collect();
        while let Some(&Piece { database, .. }) = queue.first() {
            if self.migration.is_late() {
                return Ok(false);
            }
            let (load, again) = self.load(&mut queue, database, batch);
            if load.is_empty() {
                continue;
            }
            let keys = load.iter().map(|keys| keys.keys.len()).sum();
            batch.touched = batch.touched.union(&load.iter().map(|keys| keys.slot).collect());
            self.migration.pace.wait(keys);
            self.session.select(database)?;
            let begun = Instant::now();
            let winner = self.winner();
            let (over, plain): (Vec<KeyBatch>, Vec<KeyBatch>) =
                load.into_iter().partition(|keys| {
                    winner == Some(Side::Source) || batch.replace.contains(&keys.slot)
                });
            for (load, replace) in [(plain, false), (over, true)] {
                if !load.is_empty() {
                    self.send(&load, database, replace, batch)?;
                }
            }
            self.sizer.took(keys, begun.elapsed());
            let again: SlotSet = again.into_iter().filter(|slot| !batch.is_kept(*slot)).collect();
            if !again.is_empty() {
                let more = self.session.list_in(&again, database)?;
                queue.extend(more.into_iter().map(|keys| Piece::new(database, keys)));
            }
        }
        Ok(true)
    }

    /// Takes as much of one database as may go in one pipeline; also the slots of which that is all
    /// that was listed, and more may be there.
    fn load(
        &self,
        queue: &mut Vec<Piece>,
        database: u32,
        batch: &Batch,
    ) -> (Vec<KeyBatch>, Vec<Slot>) {
        // The first key of all goes alone: it shows whether the source reaches the target.
        let most = if self.is_reached { self.sizer.keys(&self.migration.pace) } else { 1 };
        let (mut load, mut again, mut count) = (Vec::new(), Vec::new(), 0);
        let mut index = 0;
        while index < queue.len() && count < most && load.len() < HELD_UP.0 {
            if queue[index].database != database {
                index += 1;
                continue;
            }
            let Piece { mut keys, is_full, .. } = queue.remove(index);
            if batch.is_kept(keys.slot) {
                continue;
            }
            if keys.keys.len() > most - count {
                let rest = KeyBatch { slot: keys.slot, keys: keys.keys.split_off(most - count) };
                queue.insert(index, Piece { database, keys: rest, is_full });
                index += 1;
            } else if is_full {
                again.push(keys.slot);
            }
            count += keys.keys.len();
            load.push(keys);
        }
        (load, again)
    }

    fn send(
        &mut self,
        load: &[KeyBatch],
        database: u32,
        replace: bool,
        batch: &mut Batch,
    ) -> Result<(), MigrateError> {
        let limit = HELD_UP.1.min(self.migration.access.timeout);
        let said = self.session.migrate(load, MigrateOptions { database, limit, replace })?;
        for (keys, said) in load.iter().zip(said) {
            match said {
                None => {
                    self.is_reached = true;
                    batch.keys += keys.keys.len() as u64;
                }
                Some(said) => self.one_by_one(keys, database, &said, batch)?,
            }
        }
        Ok(())
    }

    /// Finds the key that several were refused for; the others go. A slot whose key the target does
    /// not take stays.
    fn one_by_one(
        &mut self,
        keys: &KeyBatch,
        database: u32,
        said: &str,
        batch: &mut Batch,
    ) -> Result<(), MigrateError> {
        self.is_about_a_key(keys.slot, said)?;
        for key in &keys.keys {
            if let Some(why) = self.alone(keys.slot, key, database, batch)? {
                if !batch.is_kept(keys.slot) {
                    batch.keep(keys.slot, why);
                }
                return Ok(());
            }
        }
        Ok(())
    }

    /// Moves one key; says why it stays, if it does.
    fn alone(
        &mut self,
        slot: Slot,
        key: &Key,
        database: u32,
        batch: &mut Batch,
    ) -> Result<Option<String>, MigrateError> {
        let winner = self.winner();
        let (source, target) = (&mut self.session.source.server, &mut self.session.target.server);
        // A reply that was lost leaves both copies: what is equal may be replaced.
        let resolution = match conflict::resolve(source, target, key, Side::Source, winner) {
            // It went with others before one of them was refused: the source has it no longer and
            // redirects to the target.
            Err(WireError::Refused { said, .. }) if said.starts_with("ASK ") => {
                batch.keys += 1;
                return Ok(None);
            }
            resolution => resolution?,
        };
        match resolution {
            Resolution::Goes => {}
            Resolution::Gone => return Ok(None),
            Resolution::Kept(why) => return Ok(Some(why)),
        }
        let alone = KeyBatch { slot, keys: vec![key.clone()] };
        // Alone it may take the time that the user allows: a big key does.
        let limit = self.migration.access.timeout;
        let options = MigrateOptions { database, limit, replace: true };
        let said = self.session.migrate(&[alone], options)?;
        let Some(said) = said.into_iter().flatten().next() else {
            self.is_reached = true;
            batch.keys += 1;
            return Ok(None);
        };
        self.is_about_a_key(slot, &said)?;
        let size = self.session.source.server.sizes(std::slice::from_ref(key))?;
        let size = size.first().copied().unwrap_or(0);
        if !self.is_reached && Obstacle::of(&said) == Obstacle::Connection && size <= SMALL {
            return Err(self.unable(&said));
        }
        let longest = self.longest_value()?.filter(|longest| size > *longest);
        let why = longest.map(|longest| {
            let target = self.session.target.addr();
            format!("; {target} takes {longest} bytes at most (proto-max-bulk-len)")
        });
        let key = conflict::name(key);
        Ok(Some(format!("key {key} ({size} bytes): {said}{}", why.unwrap_or_default())))
    }

    /// The longest value that the target takes over a connection; `None` where it does not tell.
    fn longest_value(&mut self) -> Result<Option<u64>, MigrateError> {
        match self.session.target.server.setting("proto-max-bulk-len") {
            Err(error) if error.refusal().is_none() => Err(error.into()),
            answer => Ok(answer.ok().flatten().and_then(|value| value.parse().ok())),
        }
    }

    /// Whether a refusal is about a key, or about a slot's keys together.
    ///
    /// # Errors
    /// It is about all keys: what either end said, or says when it is asked again.
    fn is_about_a_key(&mut self, slot: Slot, said: &str) -> Result<(), MigrateError> {
        let obstacle = Obstacle::of(said);
        if !matches!(obstacle, Obstacle::Other | Obstacle::Connection) {
            return Err(self.unable(said));
        }
        if said.contains("BUSYKEY") {
            return Ok(());
        }
        let (report, route) = (self.migration.report, self.route);
        let format = capability::ask_format(report, route, &mut self.session.source.server)?;
        let probe = Probe { slot, mark: None };
        capability::try_target(report, route, format, probe, &mut self.session.target.server)
    }

    fn unable(&self, said: &str) -> MigrateError {
        let (source, target) = (self.session.source.addr(), self.session.target.addr());
        let at = if said.contains("Target instance") { target } else { source };
        capability::refused(self.migration.report, self.route, at, "MIGRATE", said)
    }
}
