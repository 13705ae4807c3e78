//! Moves for any number of slots and masters: givers down to a level, by heavy slots, then by ranges,
//! then by what fits; the lowest level at which this works.

use std::collections::BTreeSet;

use super::problem::Problem;

/// Of a giver's excess, the part from which a slot is heavy: at most so many move one by one.
const HEAVY: u64 = 64;

/// Slots that are chosen one by one for what is left in the end, before one that is too heavy is.
const LAST: usize = 16;

/// How near the lowest level is looked for.
const NEAR: f64 = 1.001;

/// An owner for each item.
pub(super) fn fill(problem: &Problem) -> Vec<usize> {
    let at = |level: f64| Filling::new(problem, level).run();
    if let Some(owners) = at(problem.aim) {
        return owners;
    }
    // At this level it always works: who is above it is above its share, so another is below its
    // own, and has room for any slot.
    let free = problem.items.iter().zip(&problem.alone).filter(|(_, alone)| alone.is_none());
    let heaviest = free.map(|(item, _)| item.load).max().unwrap_or(0) as f64;
    let bounds = problem.shares.iter().filter(|share| **share > 0.0);
    let bounds = bounds.map(|share| (share + heaviest + 1.0) / share);
    let (mut low, mut high) = (problem.aim, bounds.fold(problem.aim, f64::max) * NEAR);
    let mut best = at(high).unwrap_or_else(|| problem.owners());
    while high / low > NEAR {
        let middle = (low * high).sqrt();
        match at(middle) {
            Some(owners) => (best, high) = (owners, middle),
            None => low = middle,
        }
    }
    best
}

struct Filling<'a> {
    problem: &'a Problem<'a>,
    owners: Vec<usize>,
    sums: Vec<u64>,
    /// What each may bear.
    caps: Vec<u64>,
    /// Who may take more: what is missing to its share, and its index.
    room: BTreeSet<(i64, usize)>,
}

impl<'a> Filling<'a> {
    fn new(problem: &'a Problem<'a>, level: f64) -> Filling<'a> {
        let mut owners = problem.owners();
        for (owner, alone) in owners.iter_mut().zip(&problem.alone) {
            *owner = alone.unwrap_or(*owner);
        }
        let caps = problem.shares.iter().map(|share| (share * level).floor() as u64).collect();
        let sums = problem.sums(&owners);
        let mut filling = Filling { problem, owners, sums, caps, room: BTreeSet::new() };
        (0..filling.sums.len()).for_each(|master| filling.offer(master));
        filling
    }

    /// The owners, if nobody is above its cap.
    fn run(mut self) -> Option<Vec<usize>> {
        let mut mine = vec![Vec::new(); self.sums.len()];
        for (item, owner) in self.owners.iter().enumerate() {
            if self.problem.alone[item].is_none() {
                mine[*owner].push(item);
            }
        }
        let excess = |master: &usize| self.sums[*master].saturating_sub(self.caps[*master]);
        let mut givers: Vec<usize> = (0..mine.len()).filter(|at| excess(at) > 0).collect();
        givers.sort_by_key(|giver| (std::cmp::Reverse(excess(giver)), *giver));
        for giver in givers {
            self.lower(giver, &mine[giver]);
            if self.excess(giver) > 0 {
                return None;
            }
            self.offer(giver);
        }
        self.take_back();
        Some(self.owners)
    }

    fn excess(&self, master: usize) -> u64 {
        self.sums[master].saturating_sub(self.caps[master])
    }

    /// Moves some of a giver's items, heaviest first in `mine`, until it is no more above its cap.
    fn lower(&mut self, giver: usize, mine: &[usize]) {
        let all = self.excess(giver);
        for &item in mine {
            let load = self.problem.items[item].load;
            if load < all.div_ceil(HEAVY) || self.excess(giver) == 0 {
                break;
            }
            self.give_within(giver, item, None);
        }
        self.give_ranges(giver, mine, all);
        let mut picks = 0;
        for &item in mine {
            if self.excess(giver) == 0 || picks == LAST {
                break;
            }
            picks += usize::from(self.give_within(giver, item, None).is_some());
        }
        // The lightest that is heavy enough.
        for &item in mine.iter().rev() {
            let excess = self.excess(giver);
            if excess == 0 {
                return;
            }
            if self.owners[item] == giver && self.problem.items[item].load >= excess {
                self.give(giver, item, None);
            }
        }
        for &item in mine {
            self.give_within(giver, item, None);
        }
    }

    /// Slots side by side, from the last on, so that ranges stay few.
    fn give_ranges(&mut self, giver: usize, mine: &[usize], all: u64) {
        let mut by_slot = mine.to_vec();
        by_slot.sort_by_key(|&item| std::cmp::Reverse(self.problem.slots[item]));
        let mut taker = None;
        for item in
            by_slot.into_iter().filter(|&item| self.owners[item] == giver).collect::<Vec<_>>()
        {
            let load = self.problem.items[item].load;
            if load > self.excess(giver) {
                // A heavy one is left out, an ordinary one says that this is the end.
                if load > all / 8 { continue } else { return }
            }
            taker = self.give_within(giver, item, taker);
        }
    }

    /// Moves an item unless its giver would give more than it has to; gives the taker.
    fn give_within(&mut self, giver: usize, item: usize, first: Option<usize>) -> Option<usize> {
        let may = self.owners[item] == giver && self.problem.items[item].load <= self.excess(giver);
        if may { self.give(giver, item, first) } else { None }
    }

    /// To `first` while that is below its share, else to who is furthest below.
    fn give(&mut self, giver: usize, item: usize, first: Option<usize>) -> Option<usize> {
        let load = self.problem.items[item].load;
        let fits = |master: usize| self.sums[master] + load <= self.caps[master];
        let below =
            |&master: &usize| (self.sums[master] + load) as f64 <= self.problem.shares[master];
        let first = first.filter(below);
        let next = || self.room.iter().rev().map(|(_, master)| *master).find(|at| fits(*at));
        let taker = first.or_else(next)?;
        self.room.remove(&(self.missing(taker), taker));
        self.sums[giver] -= load;
        self.sums[taker] += load;
        self.owners[item] = taker;
        self.offer(taker);
        Some(taker)
    }

    fn missing(&self, master: usize) -> i64 {
        self.problem.shares[master] as i64 - self.sums[master] as i64
    }

    fn offer(&mut self, master: usize) {
        if self.sums[master] < self.caps[master] {
            self.room.insert((self.missing(master), master));
        }
    }

    /// What was given and need not have been.
    fn take_back(&mut self) {
        for (at, item) in self.problem.items.iter().enumerate() {
            let (from, to) = (item.owner, self.owners[at]);
            let is_free = from != to && self.problem.alone[at].is_none();
            if is_free && self.sums[from] + item.load <= self.caps[from] {
                self.sums[to] -= item.load;
                self.sums[from] += item.load;
                self.owners[at] = from;
            }
        }
    }
}
