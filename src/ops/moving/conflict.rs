//! Keys that both ends of a move hold.

use std::collections::HashSet;

use crate::model::Slot;
use crate::wire::{Key, Server, WireError};

/// A key for a person: printable, and no screenful.
pub(super) fn name(key: &Key) -> String {
    let text = key.escape_ascii().to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("'{}…'", &text[..end]),
        None => format!("'{text}'"),
    }
}

/// The first key of a slot that both ends hold and that differs, in words; both are at the same
/// database, and the slot is open at both.
pub(super) fn clash(
    source: &mut Server,
    target: &mut Server,
    slot: Slot,
) -> Result<Option<String>, WireError> {
    let there: HashSet<Key> = target.all_keys(slot)?.into_iter().collect();
    for key in source.all_keys(slot)?.iter().filter(|key| there.contains(*key)) {
        let differs = differs(source, target, key)?;
        if differs.is_some() {
            return Ok(differs);
        }
    }
    Ok(None)
}

/// Whether both ends hold a key, but not with the same value and time to live; says how.
pub(super) fn differs(
    source: &mut Server,
    target: &mut Server,
    key: &Key,
) -> Result<Option<String>, WireError> {
    // Most often it is not there at all: a big value need not be read for that.
    let Some(there) = target.copy_of(key, true)? else { return Ok(None) };
    let Some(here) = source.copy_of(key, false)? else { return Ok(None) };
    Ok((!here.equals(&there)).then(|| {
        format!(
            "key {} differs: {} bytes on {}, {} bytes on {}; both are kept",
            name(key),
            here.size,
            source.addr(),
            there.size,
            target.addr()
        )
    }))
}
