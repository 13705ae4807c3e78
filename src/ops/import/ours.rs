//! Keys that an import has written and that change at the source before they are deleted there.
//! What the cluster holds is replaced or deleted only if it still is what was written: WATCH has the
//! master refuse it where a client is faster.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Instant;

use super::carrier::{Carrier, FOLLOWS, PAUSE, named};
use super::report::ImportAborted;
use crate::model::{NodeAddr, Slot};
use crate::wire::{Dumped, Key, WireError, is_redirect};

/// What was written, and where.
pub(super) type Ours = HashMap<Key, (Dumped, NodeAddr)>;

/// What the cluster holds of a key that we have written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// It was what we wrote, and is now as it should be.
    Ours,
    /// Nothing any more.
    Nothing,
    /// What a client has made of it.
    Theirs,
}

impl Carrier<'_, '_> {
    /// Deletes what we have written of these keys: the source's copies are the ones that count.
    pub(super) fn take_back(&mut self, keys: &[Key], ours: &mut Ours) -> Result<(), ImportAborted> {
        for key in keys {
            if let Some(written) = ours.remove(key) {
                self.redo(&written, None)?;
            }
        }
        Ok(())
    }

    /// Replaces what we have written by a newer value, or deletes it; gives where the key is now.
    pub(super) fn redo(
        &mut self,
        (written, at): &(Dumped, NodeAddr),
        newer: Option<&Dumped>,
    ) -> Result<(Held, NodeAddr), ImportAborted> {
        let (begun, mut at) = (Instant::now(), at.clone());
        let mut reworded = None;
        while begun.elapsed() < FOLLOWS {
            let master = self.master(&at)?;
            let there = match master.watch_and_dump(&written.key)? {
                Ok(Some(there)) => there,
                Ok(None) => {
                    master.unwatch()?;
                    return Ok((Held::Nothing, at));
                }
                Err(words) => {
                    match named(&words, &at) {
                        Some(addr) => at = addr,
                        None => std::thread::sleep(PAUSE),
                    }
                    continue;
                }
            };
            let is_ours = |known: &Dumped| known.equals(&there);
            if !is_ours(written) && !reworded.as_ref().is_some_and(is_ours) {
                master.unwatch()?;
                if reworded.is_none() {
                    // Another version, or other settings, may word it differently.
                    reworded = master.reworded(written, &aside(&written.key))?;
                    if reworded.is_some() {
                        continue;
                    }
                }
                return Ok((Held::Theirs, at));
            }
            match master.replace_watched(&written.key, newer) {
                Ok(true) => {
                    self.wrote();
                    return Ok((Held::Ours, at));
                }
                // Somebody was faster, or the slot has gone elsewhere: look again.
                Ok(false) => {}
                Err(WireError::Refused { said, .. }) if is_redirect(&said) => {}
                Err(WireError::Refused { said, .. }) if !said.starts_with("EXECABORT") => {
                    return Err(self.refused(&written.key, at, said));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok((Held::Theirs, at))
    }
}

/// A name that nobody has, in the same slot.
fn aside(key: &Key) -> Key {
    let slot = Slot::of_key(key);
    let own = RandomState::new().build_hasher().finish();
    let name = |number: u64| format!("rcluster:{own:016x}:{number}").into_bytes();
    // One in 16384 fits.
    (0..).map(name).find(|name| Slot::of_key(name) == slot).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_aside_is_in_the_same_slot_and_another_each_time() {
        for key in [&b"a"[..], b"{tag}b", b"", b"x}{y"] {
            let (one, other) = (aside(&key.to_vec()), aside(&key.to_vec()));
            assert_eq!(Slot::of_key(&one), Slot::of_key(key));
            assert_ne!(one, other);
        }
    }
}
