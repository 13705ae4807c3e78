//! Hash slots: the 16,384 parts of the key space.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// How many hash slots a cluster has: 16,384 (cluster specification, "Key distribution model").
pub const SLOTS: u16 = 16_384;

/// CRC16 as appendix A of the cluster specification defines it: polynomial 0x1021, initial value 0.
const KEY_CRC: crc::Crc<u16> = crc::Crc::<u16>::new(&crc::CRC_16_XMODEM);

/// One hash slot, 0 to 16383: checked once, when it is made.
///
/// ```
/// use rcluster::model::Slot;
///
/// assert_eq!(Slot::of_key(b"{user:7}.cart"), Slot::of_key(b"{user:7}.orders"));
/// assert_eq!(Slot::new(16384), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Slot(u16);

/// Why a text is not a slot or a slot range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SlotError {
    /// A number above 16383, as it was typed.
    #[error("slot {0} is out of range: slots go from 0 to 16383")]
    OutOfRange(String),
    /// Not a number, nor two with a separator; the text as it was typed.
    #[error("'{0}' is not a slot or a slot range: write 7000, 0-5460 or 0..5460")]
    NotASlot(String),
    /// The last slot is smaller than the first.
    #[error("slot range {0} runs backwards: write the smaller slot first")]
    Backwards(SlotRangeText),
}

/// The two ends of a range as they were typed, displayed as `first-last`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotRangeText(u16, u16);

impl fmt::Display for SlotRangeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

impl Slot {
    /// The slot with this number, or `None` above 16383.
    pub const fn new(number: u16) -> Option<Slot> {
        if number < SLOTS { Some(Slot(number)) } else { None }
    }

    /// The number, 0 to 16383.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// The slot of a key: CRC16 of the key, or of its [hash tag](hash_tag) if it has one, modulo
    /// 16384 (`keyHashSlot` in the server's `cluster.c`).
    pub fn of_key(key: &[u8]) -> Slot {
        Slot(KEY_CRC.checksum(hash_tag(key).unwrap_or(key)) % SLOTS)
    }

    /// A hash tag of this slot, of three letters and digits or a few more: keys that begin with it
    /// in braces are in the slot.
    pub fn tag(self) -> String {
        const SIGNS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        let mut tag = Vec::new();
        // The first number of three signs, and those after it.
        for number in 36 * 36.. {
            tag.clear();
            let mut rest: usize = number;
            while rest > 0 {
                tag.push(SIGNS[rest % SIGNS.len()]);
                rest /= SIGNS.len();
            }
            if Slot::of_key(&tag) == self {
                break;
            }
        }
        tag.into_iter().map(char::from).collect()
    }
}

/// The hash tag of a key: what stands between its first `{` and the next `}`; `None` where one is
/// missing or nothing stands between (cluster specification, "Hash tags").
///
/// ```
/// use rcluster::model::hash_tag;
///
/// assert_eq!(hash_tag(b"{user:7}.cart"), Some(&b"user:7"[..]));
/// assert_eq!(hash_tag(b"{}.cart"), None);
/// ```
pub fn hash_tag(key: &[u8]) -> Option<&[u8]> {
    let open = key.iter().position(|&b| b == b'{')?;
    let rest = &key[open + 1..];
    let close = rest.iter().position(|&b| b == b'}')?;
    (close > 0).then(|| &rest[..close])
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Slot {
    type Err = SlotError;

    fn from_str(text: &str) -> Result<Slot, SlotError> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits {
            return Err(SlotError::NotASlot(text.to_owned()));
        }
        text.parse().ok().and_then(Slot::new).ok_or_else(|| SlotError::OutOfRange(text.to_owned()))
    }
}

/// Slots `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotRange {
    first: Slot,
    last: Slot,
}

impl SlotRange {
    /// All 16,384 slots.
    pub const ALL: SlotRange = SlotRange { first: Slot(0), last: Slot(SLOTS - 1) };

    /// The range from `first` to `last`, both included; `None` where it runs backwards.
    pub fn new(first: Slot, last: Slot) -> Option<SlotRange> {
        (first <= last).then_some(SlotRange { first, last })
    }

    /// The slots from `start` to `end`, `end` excluded; `None` if there is none, or if one is above
    /// 16383.
    pub fn half_open(start: u16, end: u16) -> Option<SlotRange> {
        SlotRange::new(Slot::new(start)?, Slot::new(end.checked_sub(1)?)?)
    }

    /// The smallest slot.
    pub const fn first(self) -> Slot {
        self.first
    }

    /// The largest slot, which is part of the range.
    pub const fn last(self) -> Slot {
        self.last
    }

    /// How many slots it holds, at least 1.
    #[allow(clippy::len_without_is_empty)] // a range is never empty
    pub const fn len(self) -> usize {
        (self.last.0 - self.first.0) as usize + 1
    }

    /// Each slot, in order.
    pub fn slots(self) -> impl Iterator<Item = Slot> {
        (self.first.0..=self.last.0).map(Slot)
    }
}

impl From<Slot> for SlotRange {
    fn from(slot: Slot) -> SlotRange {
        SlotRange { first: slot, last: slot }
    }
}

impl fmt::Display for SlotRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            self.first.fmt(f)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

impl FromStr for SlotRange {
    type Err = SlotError;

    /// Reads `7000`, `0-5460` or `0..5460` (both ends included, as a shell's `{0..5460}`).
    fn from_str(text: &str) -> Result<SlotRange, SlotError> {
        let not_a_slot = || SlotError::NotASlot(text.to_owned());
        let ends = text.split_once("..").or_else(|| text.split_once('-'));
        let Some((first, last)) = ends else {
            return text.parse::<Slot>().map(SlotRange::from);
        };
        let end = |part: &str| match part.parse::<Slot>() {
            Err(SlotError::NotASlot(_)) => Err(not_a_slot()),
            other => other,
        };
        let (first, last) = (end(first)?, end(last)?);
        SlotRange::new(first, last).ok_or(SlotError::Backwards(SlotRangeText(first.0, last.0)))
    }
}

/// As `[first, last]`.
impl Serialize for SlotRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        [self.first, self.last].serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_land_where_the_specification_says() {
        // Appendix A's check value, then pairs read off `CLUSTER KEYSLOT` of a real server.
        assert_eq!(KEY_CRC.checksum(b"123456789"), 0x31C3);
        for (key, slot) in [("foo", 12182), ("", 0), ("{user1000}.following", 3443)] {
            assert_eq!(Slot::of_key(key.as_bytes()).get(), slot, "{key}");
        }
    }

    #[test]
    fn hash_tags_follow_the_first_brace_only() {
        let same = |a: &str, b: &str| Slot::of_key(a.as_bytes()) == Slot::of_key(b.as_bytes());
        assert!(same("{user1000}.following", "{user1000}.followers"));
        assert!(same("foo{{bar}}zap", "{bar"));
        assert!(same("foo{bar}{zap}", "bar"));
        assert!(!same("foo{}{bar}", "bar"), "an empty tag is no tag");
        assert!(!same("foo{bar", "bar"), "an open brace alone is no tag");
    }

    #[test]
    fn a_slot_has_a_short_tag() {
        for number in (0..SLOTS).step_by(331).chain([SLOTS - 1]) {
            let tag = Slot(number).tag();
            assert!((3..=4).contains(&tag.len()), "{number}: {tag}");
            assert_eq!(Slot::of_key(format!("{{{tag}}}:1").as_bytes()), Slot(number));
        }
    }

    #[test]
    fn ranges_are_read_in_every_form() {
        for text in ["0-5460", "0..5460"] {
            let range: SlotRange = text.parse().unwrap();
            assert_eq!((range.first().get(), range.last().get()), (0, 5460));
            assert_eq!(range.len(), 5461);
        }
        assert_eq!("7000".parse::<SlotRange>().unwrap().len(), 1);
    }

    #[test]
    fn bad_ranges_say_what_is_wrong() {
        let error = |text: &str| text.parse::<SlotRange>().unwrap_err().to_string();
        assert!(error("16384").contains("16384 is out of range"));
        assert!(error("0-99999999999").contains("99999999999 is out of range"));
        assert!(error("9-3").contains("9-3 runs backwards"));
        for text in ["", "-", "-5", "5-", "a", "1-2-3", "0...5", "+1", " 1", "{0..5460}", "½"] {
            assert!(
                error(text).contains(&format!("'{text}' is not a slot")),
                "{text}: {}",
                error(text)
            );
        }
    }
}
