//! SETSLOT and MIGRATE, in batches of slots over pipelines: what every server understands.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::pace::Load;
use super::{MoveError, Mover, Run, Skipped, crosses};
use crate::model::{NodeAddr, Slot, SlotSet};
use crate::ops::conflict::{self, Judged, Side};
use crate::plan::transfer::Route;
use crate::wire::{Parcel, Server, Terms, WireError};

/// Slots that are open at a time on a route: what a kill can leave half-way.
const BATCH: usize = 128;

/// How long a target's replicas may keep it from taking slots (`NOREPLICAS`).
const REPLICAS: Duration = Duration::from_secs(15);

/// Most MIGRATEs in one pipeline, and how long each may stand still: while a target hangs, the source
/// is held up by all of them, which has to stay below its node timeout.
pub(super) const HELD_UP: (usize, Duration) = (16, Duration::from_millis(500));

pub(super) struct Classic {
    /// These slots were open before: some of their keys may be at the target.
    pub resumed: bool,
}

impl Mover for Classic {
    /// A source sends to one target at a time; a target takes from any number. What is only finished
    /// was planned by nobody as a whole, and may go in circles.
    fn excludes(&self, one: &Route, other: &Route) -> bool {
        one.from == other.from || self.resumed && crosses(one, other)
    }

    fn carry(&self, run: &Run, route: &Route) -> Result<(), MoveError> {
        let (source, target) = (run.connect(route.from)?, run.connect(route.to)?);
        let to = run.addr(route.to, route.from)?;
        let resumed = self.resumed;
        let load = Load::new();
        let mut work =
            Work { run, route, resumed, source, target, to, load, connection: 0, keys: 0 };
        run.taken(route.to, work.target.bytes_in()?);
        let slots: Vec<Slot> = route.slots.slots().collect();
        for batch in slots.chunks(BATCH) {
            if let Some(stop) = run.stopped() {
                return Err(stop);
            }
            work.batch(batch.iter().copied().collect())?;
        }
        Ok(())
    }
}

/// A route under way.
struct Work<'a, 'r> {
    run: &'a Run<'r>,
    route: &'a Route,
    resumed: bool,
    source: Server,
    target: Server,
    /// Where the source reaches the target.
    to: NodeAddr,
    load: Load,
    /// The source's connection over which the batch is moved.
    connection: u64,
    /// Keys moved in this batch.
    keys: u64,
}

#[derive(Default)]
struct State {
    /// Slots of which the target has keys already, none of them different: its copies give way.
    replace: BTreeSet<Slot>,
    /// Slots whose keys have begun to move.
    touched: SlotSet,
}

/// Valkey takes no change of a slot while too few of its replicas answer.
fn lacks_replicas(error: &WireError) -> bool {
    error.refusal().is_some_and(|said| said.starts_with("NOREPLICAS"))
}

impl Work<'_, '_> {
    /// Opens some slots, moves their keys, gives them to the target.
    ///
    /// Order matters: the target takes a slot before the source knows that it is to go, so a client
    /// that is sent on finds it open; and it owns the slot before the source gives it up, so there
    /// is no moment without an owner. Until then the source owns it, whatever becomes of us.
    fn batch(&mut self, slots: SlotSet) -> Result<(), MoveError> {
        self.run.changed();
        self.keys = 0;
        let mut state = State::default();
        if self.resumed {
            state.touched = slots.clone();
        }
        let mut left = slots.clone();
        let moved = self.open(&slots, &mut state, &mut left).and_then(|()| {
            self.pump(&left, &mut state)?;
            Ok(self.run.stopped())
        });
        match moved {
            Ok(None) => self.give(&left),
            // Those under way have come to their end; the others are as if nothing had been.
            Ok(Some(stop)) => {
                let (done, untouched) = (state.touched.clone(), left.difference(&state.touched));
                self.give(&done)?;
                self.close(&untouched)?;
                Err(stop)
            }
            Err(error) => {
                self.wind_up(&left, &state.touched);
                Err(error)
            }
        }
    }

    /// Opens both ends, and leaves out of `left` those slots that have to stay.
    fn open(
        &mut self,
        slots: &SlotSet,
        state: &mut State,
        left: &mut SlotSet,
    ) -> Result<(), MoveError> {
        self.at(0)?;
        let here = self.target.open_import(slots, self.route.from)?;
        self.source.open_export(slots, self.route.to)?;
        self.connection = self.source.connection();
        let others = self.target.databases()?.iter().any(|database| *database != 0);
        let occupied = slots.slots().zip(here).filter(|(_, keys)| *keys > 0 || others);
        let occupied: Vec<Slot> = occupied.map(|(slot, _)| slot).collect();
        let mut stays = Vec::new();
        for slot in slots.slots() {
            let why = match occupied.contains(&slot) {
                true if self.winner() == Some(Side::Source) => None,
                true => self.clash(slot)?,
                false => self.too_big(slot)?,
            };
            match why {
                Some(why) => stays.push((slot, why)),
                None if occupied.contains(&slot) => {
                    state.replace.insert(slot);
                }
                None => {}
            }
        }
        let stay: SlotSet = stays.iter().map(|(slot, _)| *slot).collect();
        *left = slots.difference(&stay);
        let node = self.source.addr().clone();
        self.run.outcome(|outcome| {
            outcome.skipped.extend(stays.into_iter().map(|(slot, why)| Skipped {
                slot,
                node: node.clone(),
                why,
            }));
        });
        // A slot that was half-way before stays so: clients find its keys at both ends.
        if !self.resumed {
            return self.close(&stay);
        }
        self.run.outcome(|outcome| outcome.open = outcome.open.union(&stay));
        Ok(())
    }

    /// Whose value wins where both ends hold a key and differ.
    fn winner(&self) -> Option<Side> {
        self.run.options.winner.of(self.route)
    }

    /// Whether a slot's keys differ between both ends, in any database, and nobody's value is to win;
    /// says which.
    fn clash(&mut self, slot: Slot) -> Result<Option<String>, MoveError> {
        let winner = self.winner();
        for database in self.source.databases()? {
            self.at(database)?;
            let clash = conflict::clash(&mut self.source, &mut self.target, slot, winner)?;
            if clash.is_some() {
                return Ok(clash);
            }
        }
        Ok(None)
    }

    /// Whether a slot holds a key that is bigger than the user wants to move; says which.
    fn too_big(&mut self, slot: Slot) -> Result<Option<String>, MoveError> {
        let Some(limit) = self.run.options.big_key else { return Ok(None) };
        for database in self.source.databases()? {
            self.at(database)?;
            let keys = self.source.all_keys(slot)?;
            for keys in keys.chunks(1000) {
                let sizes = self.source.sizes(keys)?;
                if let Some((key, size)) = keys.iter().zip(sizes).find(|(_, size)| *size > limit) {
                    let key = conflict::name(key);
                    return Ok(Some(format!("key {key} takes {size} bytes, more than {limit}")));
                }
            }
        }
        Ok(None)
    }

    /// Moves keys until the source holds none of these slots, in any database. On a signal no slot
    /// is begun any more.
    fn pump(&mut self, slots: &SlotSet, state: &mut State) -> Result<(), MoveError> {
        loop {
            let mut found = false;
            for database in self.source.databases()? {
                self.at(database)?;
                let parcels = self.source.list_keys(slots)?;
                found |= self.send(parcels, database, state)?;
            }
            if !found {
                return Ok(());
            }
        }
    }

    /// Goes to a database at both ends.
    fn at(&mut self, database: u32) -> Result<(), WireError> {
        self.source.select(database)?;
        self.target.select(database)
    }

    /// Sends keys in pipelines that the source is through with soon; gives whether there were any.
    fn send(
        &mut self,
        parcels: Vec<Parcel>,
        database: u32,
        state: &mut State,
    ) -> Result<bool, MoveError> {
        let mut parcels = parcels.into_iter().peekable();
        let mut sent = false;
        while parcels.peek().is_some() {
            let most = self.load.keys(&self.run.pace);
            let stopping = self.run.stopped().is_some();
            let (mut load, mut keys) = (Vec::new(), 0);
            while keys < most
                && load.len() < HELD_UP.0
                && let Some(mut parcel) = parcels.next()
            {
                if stopping && !state.touched.contains(parcel.slot) {
                    continue;
                }
                // What does not fit is listed again in the next round.
                parcel.keys.truncate(most - keys);
                keys += parcel.keys.len();
                load.push(parcel);
            }
            if load.is_empty() {
                continue;
            }
            sent = true;
            state.touched = state.touched.union(&load.iter().map(|parcel| parcel.slot).collect());
            self.run.pace.wait(keys);
            let (begun, winner) = (Instant::now(), self.winner());
            let (again, plain): (Vec<Parcel>, Vec<Parcel>) = load.into_iter().partition(|parcel| {
                winner == Some(Side::Source) || state.replace.contains(&parcel.slot)
            });
            for (parcels, replace) in [(plain, false), (again, true)] {
                if !parcels.is_empty() {
                    self.migrate(&parcels, database, replace)?;
                }
            }
            self.load.took(keys, begun.elapsed());
        }
        Ok(sent)
    }

    fn migrate(
        &mut self,
        parcels: &[Parcel],
        database: u32,
        replace: bool,
    ) -> Result<(), MoveError> {
        let limit = HELD_UP.1.min(self.run.access.timeout);
        let terms = Terms { database, limit, replace };
        let said = self.source.migrate(parcels, &self.to, &self.target, terms)?;
        for (parcel, said) in parcels.iter().zip(said) {
            match said {
                None => self.keys += parcel.keys.len() as u64,
                Some(said) => self.one_by_one(parcel, database, &said)?,
            }
        }
        Ok(())
    }

    /// Finds the key that a parcel was refused for; the others go.
    fn one_by_one(&mut self, parcel: &Parcel, database: u32, said: &str) -> Result<(), MoveError> {
        let busy = |said: &str| said.contains("BUSYKEY");
        let lost = |said: &str| said.contains("IOERR");
        let refused = |work: &Self, key: Option<String>, said: &str| MoveError::Refused {
            from: work.source.addr().clone(),
            to: work.to.clone(),
            slot: parcel.slot,
            said: match key {
                Some(key) => format!("key {key}: {said}"),
                None => said.to_owned(),
            },
        };
        if !busy(said) && !lost(said) {
            return Err(refused(self, None, said));
        }
        for key in &parcel.keys {
            // A reply that was lost leaves both copies: what is equal may be replaced.
            let winner = self.winner();
            match conflict::judge(&mut self.source, &mut self.target, key, Side::Source, winner)? {
                Judged::Goes => {}
                Judged::Gone => continue,
                Judged::Kept(why) => return Err(refused(self, None, &why)),
            }
            let alone = Parcel { slot: parcel.slot, keys: vec![key.clone()] };
            // Alone it may take the time that the user allows: a big key does.
            let limit = self.run.access.timeout;
            let terms = Terms { database, limit, replace: true };
            let said = self.source.migrate(&[alone], &self.to, &self.target, terms)?;
            match said.into_iter().flatten().next() {
                None => self.keys += 1,
                Some(said) => {
                    let size = self.source.sizes(std::slice::from_ref(key))?;
                    let size = size.first().copied().unwrap_or(0);
                    let key = format!("{} ({size} bytes)", conflict::name(key));
                    return Err(refused(self, Some(key), &said));
                }
            }
        }
        Ok(())
    }

    /// Gives slots without keys at the source to the target: there first, then at the source, then
    /// everywhere else.
    fn give(&mut self, slots: &SlotSet) -> Result<(), MoveError> {
        if slots.is_empty() {
            return Ok(());
        }
        let Route { from, to, .. } = *self.route;
        let begun = Instant::now();
        let mut target_has_them = false;
        loop {
            let given = match target_has_them {
                false => self.target.give(slots, to),
                true => self.source.give(slots, to),
            };
            match given {
                Ok(()) if target_has_them => break,
                Ok(()) => target_has_them = true,
                Err(error) if !lacks_replicas(&error) || begun.elapsed() > REPLICAS => {
                    return Err(error.into());
                }
                // The source may have heard of it from the target meanwhile.
                Err(_) if target_has_them && self.is_gone(slots)? => break,
                Err(_) => std::thread::sleep(REPLICAS / 100),
            }
        }
        self.run.announce(slots, from, to);
        self.run.taken(to, self.target.bytes_in()?);
        self.run.arrived(slots, std::mem::take(&mut self.keys));
        Ok(())
    }

    /// Whether the source no longer says that it owns any of these.
    fn is_gone(&mut self, slots: &SlotSet) -> Result<bool, WireError> {
        Ok(self.source.view()?.me().slots.intersection(slots).is_empty())
    }

    /// Closes slots whose keys have not begun to move, at both ends.
    fn close(&mut self, slots: &SlotSet) -> Result<(), MoveError> {
        if slots.is_empty() {
            return Ok(());
        }
        self.target.close(slots)?;
        Ok(self.source.close(slots)?)
    }

    /// After an error, as far as both ends can still be reached: slots that are through are given,
    /// those that have not begun are closed, and what is left is told.
    fn wind_up(&mut self, slots: &SlotSet, touched: &SlotSet) {
        let mut open = slots.clone();
        let untouched = slots.difference(touched);
        if self.close(&untouched).is_ok() {
            open = touched.clone();
        }
        // What a server says over another connection is no proof of what went over this one: it may
        // have been started anew, empty, while a replica has the keys.
        if self.source.connection() == self.connection
            && let Ok(held) = self.held(touched)
        {
            let through = touched.difference(&held);
            if self.give(&through).is_ok() {
                open = open.difference(&through);
            }
        }
        self.run.outcome(|outcome| outcome.open = outcome.open.union(&open));
    }

    /// The slots that the source still holds keys of.
    fn held(&mut self, slots: &SlotSet) -> Result<SlotSet, WireError> {
        let mut held = SlotSet::EMPTY;
        for database in self.source.databases()? {
            self.at(database)?;
            let parcels = self.source.list_keys(slots)?;
            held = held.union(&parcels.iter().map(|parcel| parcel.slot).collect());
        }
        Ok(held)
    }
}
