//! Windows of keys, from a source to a master.

use std::time::Instant;

use itertools::Itertools;

use super::carrier::{Carrier, FOLLOWS, PAUSE, named};
use super::options::Existing;
use super::ours::{Held, Ours};
use super::report::{ImportAborted, NAMED};
use super::run::{ImportRun, Job};
use crate::model::NodeAddr;
use crate::ops::conflict::{self, Standing};
use crate::wire::{Dumped, Key, WireError, is_redirect};

/// Most bytes of values in a window, as the source counts them, unless one key has more.
const WINDOW: u64 = 2 << 20;

/// What a key counts as whose size the source does not tell.
const UNTOLD: u64 = 64 << 10;

/// How often keys that change while they are carried are tried again.
const TRIES: usize = 20;

/// What became of the keys of a window.
#[derive(Default)]
struct Landed {
    /// At the cluster, as they were read.
    keys: Vec<Key>,
    brought: u64,
    bytes: u64,
    present: u64,
    skipped: u64,
    conflicts: Vec<String>,
    left: Vec<String>,
    /// Changed at the source since we have written them: each goes by itself.
    later: Vec<Key>,
}

/// A key that the cluster holds already, and where.
type Busy = (Dumped, NodeAddr);

impl Landed {
    fn arrived(&mut self, dumped: Dumped, at: NodeAddr, ours: &mut Ours) {
        self.brought += 1;
        self.bytes += dumped.size() as u64;
        self.keys.push(dumped.key.clone());
        ours.insert(dumped.key.clone(), (dumped, at));
    }
}

impl Carrier<'_, '_> {
    pub fn carry(&mut self, job: Job) -> Result<(), ImportAborted> {
        let sizes = match self.source.sizes(&job.keys) {
            Err(error) if error.refusal().is_some() => vec![UNTOLD; job.keys.len()],
            sizes => sizes?,
        };
        let mut window = Vec::new();
        let mut bytes = 0;
        for (key, size) in job.keys.into_iter().zip(sizes) {
            if bytes + size > WINDOW && !window.is_empty() {
                self.window(job.target, &std::mem::take(&mut window), &mut Ours::new())?;
                bytes = 0;
                if self.run.is_over() {
                    return Ok(());
                }
            }
            window.push(key);
            bytes += size;
        }
        self.window(job.target, &window, &mut Ours::new())
    }

    /// Carries some keys. Where one changes meanwhile each half goes by itself, sooner done than the
    /// whole; a single key that keeps changing is left in the end. `ours` is what we have written of
    /// them before.
    fn window(
        &mut self,
        target: usize,
        keys: &[Key],
        ours: &mut Ours,
    ) -> Result<(), ImportAborted> {
        let tries = if keys.len() == 1 { TRIES } else { 1 };
        for _ in 0..tries {
            if self.run.is_over() {
                return self.take_back(keys, ours);
            }
            if let Some(mut landed) = self.attempt(target, keys, ours)? {
                let later = std::mem::take(&mut landed.later);
                self.note(landed);
                self.run.tell(keys.len() - later.len());
                let mut alone = |key| self.window(target, std::slice::from_ref(key), ours);
                return later.iter().try_for_each(&mut alone);
            }
        }
        let [key] = keys else {
            let (one, other) = keys.split_at(keys.len() / 2);
            self.window(target, one, ours)?;
            return self.window(target, other, ours);
        };
        self.take_back(keys, ours)?;
        let name = conflict::name(key);
        let why = format!("key {name} keeps changing: it is kept at {}", self.source.addr());
        self.note(Landed { left: vec![why], ..Landed::default() });
        self.run.tell(1);
        Ok(())
    }

    /// `None` where keys changed at the source meanwhile, which therefore keeps them.
    fn attempt(
        &mut self,
        target: usize,
        keys: &[Key],
        ours: &mut Ours,
    ) -> Result<Option<Landed>, ImportAborted> {
        let takes = !self.run.options.copy;
        let mut landed = Landed::default();
        if takes && let Some(said) = self.source.watch(keys)? {
            let why = |key| {
                format!(
                    "key {} is in a slot that the source does not own: {said}",
                    conflict::name(key)
                )
            };
            landed.left = keys.iter().map(why).collect();
            return Ok(Some(landed));
        }
        let mut found = Vec::new();
        let dumped = match self.source.dump(keys) {
            // Sizes are estimates: each half goes by itself.
            Err(WireError::TooMuch { .. }) if keys.len() > 1 => {
                self.source.unwatch()?;
                return Ok(None);
            }
            dumped => dumped?,
        };
        for (key, dumped) in keys.iter().zip(dumped) {
            match dumped {
                Ok(Some(dumped)) => found.push(dumped),
                // Deleted since we have written it: then it is to be gone here, too.
                Ok(None) => self.take_back(std::slice::from_ref(key), ours)?,
                Err(said) => {
                    landed.left.push(format!(
                        "key {} is in a slot that the node does not own: {said}",
                        conflict::name(key)
                    ));
                }
            }
        }
        self.land(target, found, ours, &mut landed)?;
        let is_done = match takes {
            false => true,
            true if landed.keys.is_empty() => self.source.unwatch().map(|()| true)?,
            true => {
                let deleted = self.source.delete_watched(&landed.keys)?;
                self.run.report().changed |= deleted;
                deleted
            }
        };
        Ok(is_done.then_some(landed))
    }

    /// Writes keys at their master.
    fn land(
        &mut self,
        target: usize,
        found: Vec<Dumped>,
        ours: &mut Ours,
        landed: &mut Landed,
    ) -> Result<(), ImportAborted> {
        let ImportRun { options, targets, .. } = self.run;
        let owner = targets.masters[target].clone();
        let replace = options.existing == Existing::Replace;
        let (mut fresh, mut theirs) = (Vec::new(), Vec::new());
        let is_alone = found.len() == 1;
        for dumped in found {
            let has_changed = |(written, _): &(Dumped, _)| !written.equals(&dumped);
            if !is_alone && !replace && ours.get(&dumped.key).is_some_and(has_changed) {
                landed.later.push(dumped.key);
                continue;
            }
            match self.again(&dumped, ours, replace)? {
                Some((Held::Ours, at)) => landed.arrived(dumped, at, ours),
                Some((Held::Theirs, at)) => theirs.push((dumped, at)),
                Some((Held::Nothing, _)) | None => fresh.push(dumped),
            }
        }
        let mut busy: Vec<Busy> = Vec::new();
        let said = self.write(&owner, &fresh.iter().collect_vec(), replace, false)?;
        for (dumped, said) in fresh.into_iter().zip(said) {
            let (said, at) = match said {
                Some(said) if is_redirect(&said) => self.follow(&dumped, &owner, said, replace)?,
                said => (said, owner.clone()),
            };
            match said {
                None => landed.arrived(dumped, at, ours),
                Some(said) if said.starts_with("BUSYKEY") => busy.push((dumped, at)),
                Some(said) => return Err(self.refused(&dumped.key, at, said)),
            }
        }
        if options.existing == Existing::Skip {
            landed.skipped += busy.len() as u64;
            busy.clear();
        }
        busy.extend(theirs);
        self.compare(busy, landed)
    }

    /// A key that we have written before: as it still is at the source it has arrived, whatever a
    /// client has made of it since. `None` for others, and where the source's is to win in any case.
    fn again(
        &mut self,
        dumped: &Dumped,
        ours: &Ours,
        replace: bool,
    ) -> Result<Option<(Held, NodeAddr)>, ImportAborted> {
        match ours.get(&dumped.key) {
            Some((written, at)) if written.equals(dumped) => Ok(Some((Held::Ours, at.clone()))),
            Some(written) if !replace => self.redo(written, Some(dumped)).map(Some),
            _ => Ok(None),
        }
    }

    /// Sends a key after the owner of its slot, which is on its way or has gone elsewhere.
    fn follow(
        &mut self,
        dumped: &Dumped,
        owner: &NodeAddr,
        said: String,
        replace: bool,
    ) -> Result<(Option<String>, NodeAddr), ImportAborted> {
        let begun = Instant::now();
        let (mut said, mut at) = (Some(said), owner.clone());
        while let Some(words) = said.as_deref().filter(|said| is_redirect(said)) {
            if begun.elapsed() > FOLLOWS || self.run.is_over() {
                break;
            }
            match named(words, &at) {
                Some(addr) => at = addr,
                None => std::thread::sleep(PAUSE),
            }
            said = self.write(&at, &[dumped], replace, true)?.pop().flatten();
        }
        Ok((said, at))
    }

    /// Keys that both ends hold: those that are equal have arrived.
    fn compare(&mut self, busy: Vec<Busy>, landed: &mut Landed) -> Result<(), ImportAborted> {
        let by_master = busy.into_iter().into_group_map_by(|(_, at)| at.clone());
        for (at, busy) in by_master {
            let keys = busy.iter().map(|(dumped, _)| dumped.key.clone()).collect_vec();
            let there = self.master(&at)?.dump(&keys)?;
            for ((here, _), there) in busy.into_iter().zip(there) {
                let is_same = matches!(&there, Ok(Some(there)) if there.equals(&here));
                match if is_same { Standing::Equal } else { self.stand(&here, &at)? } {
                    Standing::Equal => landed.present += 1,
                    // It has been written since we were told that it is taken.
                    Standing::NotThere => landed.brought += 1,
                    Standing::NotHere => continue,
                    Standing::Differ(why) | Standing::LateHere(why) | Standing::LateThere(why) => {
                        landed.conflicts.push(why);
                        continue;
                    }
                }
                landed.keys.push(here.key);
            }
        }
        Ok(())
    }

    /// How the copies of a key stand to each other when both ends are asked in words that all versions
    /// share. One that the cluster has lost meanwhile is written; nothing is ever replaced.
    fn stand(&mut self, here: &Dumped, at: &NodeAddr) -> Result<Standing, ImportAborted> {
        let Carrier { source, masters, .. } = self;
        let Some(master) = masters.get_mut(at) else { return Ok(Standing::NotHere) };
        let standing = conflict::compare(source, master, &here.key)?;
        if standing != Standing::NotThere {
            return Ok(standing);
        }
        match self.write(at, &[here], false, true)?.pop().flatten() {
            None => Ok(Standing::NotThere),
            Some(said) if said.starts_with("BUSYKEY") => {
                let name = conflict::name(&here.key);
                Ok(Standing::Differ(format!(
                    "key {name} differs: it changes at {at}; both are kept"
                )))
            }
            Some(said) => Err(self.refused(&here.key, at.clone(), said)),
        }
    }

    fn note(&self, landed: Landed) {
        let mut report = self.run.report();
        report.keys += landed.brought;
        report.bytes += landed.bytes;
        report.present += landed.present;
        report.skipped += landed.skipped;
        report.conflicting += landed.conflicts.len() as u64;
        report.leaving += landed.left.len() as u64;
        let room = NAMED.saturating_sub(report.conflicts.len());
        report.conflicts.extend(landed.conflicts.into_iter().take(room));
        let room = NAMED.saturating_sub(report.left.len());
        report.left.extend(landed.left.into_iter().take(room));
    }
}
