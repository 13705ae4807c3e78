//! Keys that both ends of a move hold.

use std::collections::HashSet;

use crate::model::Slot;
use crate::wire::{Copy, Key, Server, WireError};

/// A key for a person: printable, and no screenful.
pub(super) fn name(key: &Key) -> String {
    let text = key.escape_ascii().to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("'{}…'", &text[..end]),
        None => format!("'{text}'"),
    }
}

/// The first key of a slot that both ends hold and that differs, in words; both are at the same
/// database, and the slot is open at both. Where the target's value is to win, the source's is
/// deleted instead.
pub(super) fn clash(
    source: &mut Server,
    target: &mut Server,
    slot: Slot,
    winner: Option<Side>,
) -> Result<Option<String>, WireError> {
    let there: HashSet<Key> = target.all_keys(slot)?.into_iter().collect();
    for key in source.all_keys(slot)?.iter().filter(|key| there.contains(*key)) {
        if let Judged::Kept(why) = judge(source, target, key, Side::Source, winner)? {
            return Ok(Some(why));
        }
    }
    Ok(None)
}

/// One of both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Source,
    Target,
}

/// What becomes of a key that both ends may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// It may go, and replace what the target has.
    Goes,
    /// It was deleted at the source: the target's value or end won.
    Gone,
    /// Both differ and are kept; says how.
    Kept(String),
}

/// Compares a key at both ends, value and time to live.
///
/// A copy that a hanging server took in late ends too late: the end is what the slot's owner says.
/// Where both differ the winner's value stays, and the key is deleted at the source if that is the
/// target.
pub(super) fn judge(
    source: &mut Server,
    target: &mut Server,
    key: &Key,
    owner: Side,
    winner: Option<Side>,
) -> Result<Judged, WireError> {
    if winner == Some(Side::Source) {
        return Ok(Judged::Goes);
    }
    // Most often it is not there at all: a big value need not be read for that.
    let Some(there) = target.copy_of(key)? else { return Ok(Judged::Goes) };
    let Some(here) = source.copy_of(key)? else { return Ok(Judged::Goes) };
    if here.equals(&there) || owner == Side::Source && there.is_late_copy_of(&here) {
        return Ok(Judged::Goes);
    }
    if winner == Some(Side::Target) || owner == Side::Target && here.is_late_copy_of(&there) {
        source.delete(key)?;
        return Ok(Judged::Gone);
    }
    let told = |copy: &Copy| match here.has_value_of(&there) {
        true => copy.end(),
        false => format!("{} bytes", copy.size),
    };
    Ok(Judged::Kept(format!(
        "key {} differs: {} on {}, {} on {}; both are kept",
        name(key),
        told(&here),
        source.addr(),
        told(&there),
        target.addr()
    )))
}
