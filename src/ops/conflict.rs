//! Keys that both ends of a move hold.

use std::collections::HashSet;

use crate::model::Slot;
use crate::wire::{Copy, Key, Server, WireError, hold_same};

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
pub(super) fn first(
    source: &mut Server,
    target: &mut Server,
    slot: Slot,
    winner: Option<Side>,
) -> Result<Option<String>, WireError> {
    let there: HashSet<Key> = target.all_keys(slot)?.into_iter().collect();
    for key in source.all_keys(slot)?.iter().filter(|key| there.contains(*key)) {
        if let Resolution::Kept(why) = resolve(source, target, key, Side::Source, winner)? {
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
pub(super) enum Resolution {
    /// It may go, and replace what the target has.
    Goes,
    /// It was deleted at the source: the target's value or end won.
    Gone,
    /// Both differ and are kept; says how.
    Kept(String),
}

/// How the copies of a key at two servers stand to each other, and in words where they differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The source has none.
    NotHere,
    /// The target has none.
    NotThere,
    Equal,
    /// The target's is what a hanging server made of the source's: it ends too late.
    LateThere(String),
    /// The same the other way round.
    LateHere(String),
    Differ(String),
}

/// Compares a key at both ends, value and time to live.
pub(super) fn compare(
    source: &mut Server,
    target: &mut Server,
    key: &Key,
) -> Result<Standing, WireError> {
    // Most often it is not there at all: a big value need not be read for that.
    let Some(there) = target.copy_of(key)? else { return Ok(Standing::NotThere) };
    let Some(here) = source.copy_of(key)? else { return Ok(Standing::NotHere) };
    // What has one form is not read again.
    let is_same = here.has_form_of(&there)
        || (here.kind == there.kind && hold_same(source, target, key, &here.kind)?);
    let described = |copy: &Copy| match is_same {
        true => copy.end(),
        false => format!("{} bytes", copy.size),
    };
    let why = format!(
        "key {} differs: {} on {}, {} on {}; both are kept",
        name(key),
        described(&here),
        source.addr(),
        described(&there),
        target.addr()
    );
    Ok(if is_same && here.ends_with(&there) {
        Standing::Equal
    } else if is_same && there.ends_late_after(&here) {
        Standing::LateThere(why)
    } else if is_same && here.ends_late_after(&there) {
        Standing::LateHere(why)
    } else {
        Standing::Differ(why)
    })
}

/// Decides what becomes of a key. A copy that a hanging server took in late ends too late: the end
/// is what the slot's owner says. Where both differ the winner's value stays, and the key is deleted
/// at the source if that is the target.
pub(super) fn resolve(
    source: &mut Server,
    target: &mut Server,
    key: &Key,
    owner: Side,
    winner: Option<Side>,
) -> Result<Resolution, WireError> {
    if winner == Some(Side::Source) {
        return Ok(Resolution::Goes);
    }
    let why = match (compare(source, target, key)?, owner) {
        (Standing::NotHere | Standing::NotThere | Standing::Equal, _)
        | (Standing::LateThere(_), Side::Source) => {
            return Ok(Resolution::Goes);
        }
        (Standing::LateHere(_), Side::Target) => None,
        (Standing::LateThere(why) | Standing::LateHere(why) | Standing::Differ(why), _) => {
            Some(why).filter(|_| winner != Some(Side::Target))
        }
    };
    match why {
        Some(why) => Ok(Resolution::Kept(why)),
        None => {
            source.delete(key)?;
            Ok(Resolution::Gone)
        }
    }
}
