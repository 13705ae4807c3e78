//! Sets of slots, kept as ranges: what CLUSTER NODES prints and what people read.

use std::fmt;

use itertools::Itertools;
use serde::Serialize;

use super::slot::{SLOTS, Slot, SlotRange};

/// A set of slots as sorted ranges that neither overlap nor touch; 24 bytes where it is empty.
///
/// Views of large clusters hold millions of them (one a node a view), so a bitmap of 2 KB each
/// would not do.
///
/// ```
/// use rcluster::model::{SlotRange, SlotSet};
///
/// let slots: SlotSet = ["0-99".parse::<SlotRange>()?, "100-199".parse()?].into_iter().collect();
/// assert_eq!((slots.to_string().as_str(), slots.len()), ("0-199", 200));
/// assert_eq!(slots.complement().to_string(), "200-16383");
/// # Ok::<(), rcluster::model::SlotError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct SlotSet {
    ranges: Vec<SlotRange>,
}

impl SlotSet {
    /// The empty set.
    pub const EMPTY: SlotSet = SlotSet { ranges: Vec::new() };

    /// All 16,384 slots.
    pub fn all() -> SlotSet {
        SlotRange::ALL.into()
    }

    /// The ranges, sorted; no two of them touch.
    pub fn ranges(&self) -> &[SlotRange] {
        &self.ranges
    }

    /// Each slot, in order.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        self.ranges.iter().flat_map(|range| range.slots())
    }

    /// How many slots it holds.
    pub fn len(&self) -> usize {
        self.ranges.iter().map(|range| range.len()).sum()
    }

    /// Whether it holds no slot.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether the slot is in it.
    pub fn contains(&self, slot: Slot) -> bool {
        let after = self.ranges.partition_point(|range| range.first() <= slot);
        after > 0 && slot <= self.ranges[after - 1].last()
    }

    /// The slots in either.
    pub fn union(&self, other: &SlotSet) -> SlotSet {
        self.ranges.iter().chain(&other.ranges).copied().collect()
    }

    /// The slots in both.
    pub fn intersection(&self, other: &SlotSet) -> SlotSet {
        let (mut a, mut b) = (self.ranges.iter().peekable(), other.ranges.iter().peekable());
        let mut both = SlotSet::EMPTY;
        while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
            both.ranges.extend(SlotRange::new(x.first().max(y.first()), x.last().min(y.last())));
            if x.last() < y.last() {
                a.next()
            } else {
                b.next()
            };
        }
        both
    }

    /// The slots that are not in it.
    pub fn complement(&self) -> SlotSet {
        let starts = std::iter::once(0).chain(self.ranges.iter().map(|r| r.last().get() + 1));
        let ends = self.ranges.iter().map(|r| r.first().get()).chain([SLOTS]);
        starts.zip(ends).filter_map(|(start, end)| SlotRange::half_open(start, end)).collect()
    }

    /// The slots in this set and not in the other.
    pub fn difference(&self, other: &SlotSet) -> SlotSet {
        self.intersection(&other.complement())
    }
}

/// Columns for slots in a sentence: `nothing to do: … owns slots … already` fits into 80 with it.
const SENTENCE: usize = 30;

impl SlotSet {
    /// For a sentence: `slot 5`, `slots 0-5460,7000`, `slots 0,80,160,… (200 ranges)`, `no slots`.
    pub fn summary(&self) -> String {
        match self.len() {
            0 => "no slots".to_owned(),
            1 => format!("slot {self}"),
            _ => format!("slots {}", self.short(SENTENCE)),
        }
    }

    /// For people, not for programs: all ranges if they fit into `columns` characters, else the
    /// first ones that do, and how many there are. A single range is always written.
    pub fn short(&self, columns: usize) -> String {
        let whole = self.to_string();
        if self.ranges.len() < 2 || whole.len() <= columns {
            return whole;
        }
        let count = format!("… ({} ranges)", self.ranges.len());
        let left = columns.saturating_sub(count.chars().count());
        let mut text = String::new();
        for range in self.ranges.iter().map(|range| format!("{range},")) {
            if text.len() + range.len() > left {
                break;
            }
            text += &range;
        }
        text + &count
    }
}

impl From<SlotRange> for SlotSet {
    fn from(range: SlotRange) -> SlotSet {
        SlotSet { ranges: vec![range] }
    }
}

impl FromIterator<SlotRange> for SlotSet {
    fn from_iter<I: IntoIterator<Item = SlotRange>>(ranges: I) -> SlotSet {
        let mut ranges: Vec<SlotRange> = ranges.into_iter().collect();
        ranges.sort_unstable();
        let ranges = ranges
            .into_iter()
            .coalesce(|a, b| {
                let touches = b.first().get() <= a.last().get() + 1;
                touches
                    .then(|| SlotRange::new(a.first(), a.last().max(b.last())))
                    .flatten()
                    .ok_or((a, b))
            })
            .collect();
        SlotSet { ranges }
    }
}

impl FromIterator<Slot> for SlotSet {
    fn from_iter<I: IntoIterator<Item = Slot>>(slots: I) -> SlotSet {
        slots.into_iter().map(SlotRange::from).collect()
    }
}

/// `0-5460,7000`; `none` where it is empty.
impl fmt::Display for SlotSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        self.ranges.iter().format(",").fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn set(text: &str) -> SlotSet {
        text.split(',').map(|range| range.parse::<SlotRange>().unwrap()).collect()
    }

    #[test]
    fn ranges_that_touch_become_one() {
        assert_eq!(set("5-9,0-4,20,21,7-12").to_string(), "0-12,20-21");
        assert_eq!(SlotSet::EMPTY.to_string(), "none");
        assert_eq!(SlotSet::all().len(), 16_384);
    }

    #[test]
    fn the_complement_of_everything_is_nothing() {
        assert!(SlotSet::all().complement().is_empty());
        assert_eq!(SlotSet::EMPTY.complement(), SlotSet::all());
        assert_eq!(set("0-5460,16383").complement(), set("5461-16382"));
    }

    #[test]
    fn people_are_told_a_few_ranges_and_how_many_there_are() {
        let scattered: SlotSet = (0..200).filter_map(|n| Slot::new(n * 80)).collect();
        assert_eq!(scattered.short(22), "0,80,… (200 ranges)");
        assert_eq!(scattered.short(0), "… (200 ranges)");
        assert_eq!(scattered.summary(), "slots 0,80,160,240,… (200 ranges)");
        assert_eq!(set("0-5460,7000").short(11), "0-5460,7000");
        assert_eq!(set("0-5460,7000").short(10), "… (2 ranges)");
        assert_eq!(set("10923-16383").short(0), "10923-16383", "one range is as short as it gets");
        assert_eq!(set("0-5460,7000").summary(), "slots 0-5460,7000");
    }

    fn some_slots() -> impl Strategy<Value = BTreeSet<u16>> {
        // A narrow band makes neighbours and overlaps common; the ends catch off-by-one errors.
        proptest::collection::btree_set(prop_oneof![0u16..40, 16_370u16..16_384], 0..40)
    }

    proptest! {
        /// The range arithmetic agrees with plain sets of numbers.
        #[test]
        fn set_operations_agree_with_a_plain_set(a in some_slots(), b in some_slots()) {
            let of = |numbers: &BTreeSet<u16>| -> SlotSet {
                numbers.iter().filter_map(|&n| Slot::new(n)).collect()
            };
            let numbers = |slots: &SlotSet| slots.slots().map(Slot::get).collect::<BTreeSet<u16>>();
            let (x, y) = (of(&a), of(&b));
            prop_assert_eq!(numbers(&x), a.clone());
            prop_assert_eq!(x.len(), a.len());
            prop_assert_eq!(numbers(&x.union(&y)), &a | &b);
            prop_assert_eq!(numbers(&x.intersection(&y)), &a & &b);
            prop_assert_eq!(numbers(&x.difference(&y)), &a - &b);
            prop_assert_eq!(x.complement().len(), 16_384 - a.len());
            for n in 0..SLOTS {
                prop_assert_eq!(x.contains(Slot::new(n).unwrap()), a.contains(&n));
            }
        }
    }
}
