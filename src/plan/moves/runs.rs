//! Moving the fewest slots, in as whole pieces as can be.

use std::collections::VecDeque;

use itertools::Itertools;

/// Neighbouring slots of one owner, in a linked list.
#[derive(Clone, Copy, Debug)]
struct SlotRun {
    /// Master, or `None` where nobody owns the slots.
    owner: Option<usize>,
    start: usize,
    end: usize,
    before: Option<usize>,
    after: Option<usize>,
    gone: bool,
}

impl SlotRun {
    fn len(&self) -> usize {
        self.end - self.start
    }
}

/// Step 4 looks at so many runs in all.
const STRETCH_BUDGET: usize = 400_000;

/// Where a piece of a run is cut off.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Start,
    End,
}

/// The slots as runs, and what every master still has to give (`over`) or take (`under`).
///
/// Givers never take and takers never give, so whatever the order of steps, the fewest slots move.
/// The order decides how many ranges are left:
/// 1. whole runs that lie between runs of one taker go there (two ranges fewer);
/// 2. whole runs beside a taker's go there (one fewer), short ones first: many fit;
/// 3. borders between a giver and a taker shift (none more);
/// 4. a stretch of whole runs of givers, side by side, becomes one run of a taker (fewer), as
///    long as the budget for looking at all runs lasts;
/// 5. whole runs go to a taker elsewhere (none more), and what is left is cut off (one more).
///
/// A step 5 ends all that a giver or a taker has to do, hence the bound.
pub(super) struct Runs {
    runs: Vec<SlotRun>,
    over: Vec<usize>,
    under: Vec<usize>,
    /// Runs to look at for each of the steps 1 to 3.
    queues: [VecDeque<usize>; 3],
    of_master: Vec<Vec<usize>>,
    /// The givers, the one with the first slot last.
    order: Vec<usize>,
    /// The run with the first slot.
    head: usize,
    budget: usize,
}

impl Runs {
    pub fn new(owners: &[Option<usize>], sizes: &[usize], targets: &[usize]) -> Runs {
        let mut runs: Vec<SlotRun> = Vec::new();
        for (slot, &owner) in owners.iter().enumerate() {
            match runs.last_mut() {
                Some(last) if last.owner == owner => last.end = slot + 1,
                _ => {
                    let before = runs.len().checked_sub(1);
                    let (start, end) = (slot, slot + 1);
                    runs.push(SlotRun { owner, start, end, before, after: None, gone: false });
                }
            }
        }
        for at in 1..runs.len() {
            runs[at - 1].after = Some(at);
        }
        let pairs = || sizes.iter().zip(targets);
        let over: Vec<usize> = pairs().map(|(size, &target)| size.saturating_sub(target)).collect();
        let under = pairs().map(|(size, target)| target.saturating_sub(*size)).collect();
        let mut of_master = vec![Vec::new(); sizes.len()];
        for (at, run) in runs.iter().enumerate() {
            if let Some(owner) = run.owner {
                of_master[owner].push(at);
            }
        }
        let mut givers: Vec<usize> = (0..runs.len())
            .filter(|&at| runs[at].owner.is_some_and(|owner| over[owner] > 0))
            .collect();
        let order: Vec<usize> = givers.iter().filter_map(|&at| runs[at].owner).unique().collect();
        let order = order.into_iter().rev().collect();
        givers.sort_by_key(|&at| runs[at].len());
        let queue = VecDeque::from(givers);
        Runs {
            runs,
            over,
            under,
            queues: [queue.clone(), queue.clone(), queue],
            of_master,
            order,
            head: 0,
            budget: STRETCH_BUDGET,
        }
    }

    /// Moves everything and returns the new owner of each slot.
    pub fn settle(mut self) -> Vec<Option<usize>> {
        while self.merge_or_shift() || self.place_stretch() || self.place_elsewhere() {}
        let mut alive: Vec<&SlotRun> = self.runs.iter().filter(|run| !run.gone).collect();
        alive.sort_unstable_by_key(|run| run.start);
        alive.into_iter().flat_map(|run| std::iter::repeat_n(run.owner, run.len())).collect()
    }

    /// Looks at the next run of the first queue that has one; false where all are empty.
    fn merge_or_shift(&mut self) -> bool {
        let Some(step) = self.queues.iter().position(|queue| !queue.is_empty()) else {
            return false;
        };
        let Some(at) = self.queues[step].pop_front() else { return false };
        let run = self.runs[at];
        let Some(giver) = run.owner.filter(|&owner| !run.gone && self.over[owner] > 0) else {
            return true;
        };
        let taker = |side: Option<usize>| {
            side.and_then(|side| self.runs[side].owner).filter(|&owner| self.under[owner] > 0)
        };
        let (left, right) = (taker(run.before), taker(run.after));
        let whole = |to: &usize| self.over[giver] >= run.len() && self.under[*to] >= run.len();
        let pick = |to: Option<usize>| to.filter(whole);
        match step {
            0 if left == right => self.give_whole(at, pick(left)),
            1 => {
                let sides = [pick(left), pick(right)];
                let best = sides.into_iter().flatten().max_by_key(|&to| self.under[to]);
                self.give_whole(at, best);
            }
            2 => {
                let sides = [(left, End::Start), (right, End::End)];
                let sides = sides.into_iter().filter_map(|(to, end)| Some((to?, end)));
                if let Some((to, end)) = sides.max_by_key(|&(to, _)| self.under[to]) {
                    let amount = self.over[giver].min(self.under[to]).min(run.len());
                    self.cut(at, end, amount, to);
                    // The other border may shift too.
                    self.queues[2].push_back(at);
                }
            }
            _ => {}
        }
        true
    }

    fn give_whole(&mut self, at: usize, to: Option<usize>) {
        if let Some(to) = to {
            self.hand_over(at, to);
        }
    }

    /// The longest stretch of runs that the neediest taker can have from its givers, if two or
    /// more become one.
    fn place_stretch(&mut self) -> bool {
        let Some(taker) = (0..self.under.len()).max_by_key(|&i| self.under[i]) else {
            return false;
        };
        let need = self.under[taker];
        let (mut best, mut window, mut sum) = (Vec::new(), VecDeque::new(), 0);
        let mut spent = vec![0; self.over.len()];
        let mut next = Some(self.head).filter(|_| need > 0 && self.budget > 0);
        while let Some(at) = next {
            let run = self.runs[at];
            next = run.after;
            self.budget = self.budget.saturating_sub(1);
            let Some(giver) = run.owner.filter(|&owner| self.over[owner] > 0) else {
                window.drain(..).for_each(|(_, giver, _)| spent[giver] = 0);
                sum = 0;
                continue;
            };
            window.push_back((at, giver, run.len()));
            spent[giver] += run.len();
            sum += run.len();
            while sum > need || spent[giver] > self.over[giver] {
                let Some((_, giver, len)) = window.pop_front() else { break };
                spent[giver] -= len;
                sum -= len;
            }
            if window.len() > best.len() {
                best = window.iter().map(|&(at, ..)| at).collect();
            }
        }
        let found = best.len() > 1;
        best.into_iter().filter(|_| found).for_each(|at| self.hand_over(at, taker));
        found
    }

    /// Whole runs of a giver to a taker elsewhere, then a piece for what is left.
    ///
    /// Givers come in the order of their first slots: of two that lie side by side, the second
    /// then shifts its border to the piece that the first has cut off.
    fn place_elsewhere(&mut self) -> bool {
        while self.order.last().is_some_and(|&giver| self.over[giver] == 0) {
            self.order.pop();
        }
        let Some(&giver) = self.order.last() else { return false };
        let amount = self.over[giver];
        let fits = |&i: &usize| (self.under[i] == amount, self.under[i]);
        let Some(taker) = (0..self.under.len()).max_by_key(fits) else { return false };
        let mut amount = amount.min(self.under[taker]);
        if amount == 0 {
            return false;
        }
        let mut mine = std::mem::take(&mut self.of_master[giver]);
        mine.retain(|&at| !self.runs[at].gone && self.runs[at].owner == Some(giver));
        mine.sort_by_key(|&at| std::cmp::Reverse(self.runs[at].len()));
        for &at in &mine {
            let len = self.runs[at].len();
            if len <= amount {
                self.hand_over(at, taker);
                amount -= len;
            }
        }
        // The shortest run that is long enough, so that long ones stay whole for later.
        let longer = |&&at: &&usize| {
            let run = &self.runs[at];
            !run.gone && run.owner == Some(giver) && run.len() > amount
        };
        if let Some(&at) = mine.iter().rev().find(longer).filter(|_| amount > 0) {
            // Towards another giver, so that its border can shift to the taker next.
            let gives = |side: Option<usize>| {
                side.and_then(|side| self.runs[side].owner)
                    .is_some_and(|owner| self.over[owner] > 0)
            };
            let run = &self.runs[at];
            let end = if gives(run.before) && !gives(run.after) { End::Start } else { End::End };
            self.cut(at, end, amount, taker);
        }
        self.of_master[giver] = mine;
        true
    }

    /// Gives `amount` slots from one end of a run to `to`.
    fn cut(&mut self, at: usize, end: End, amount: usize, to: usize) {
        let run = self.runs[at];
        if amount >= run.len() {
            return self.hand_over(at, to);
        }
        let piece = self.runs.len();
        let mut cut = SlotRun { gone: false, ..run };
        match end {
            End::Start => {
                cut.end = run.start + amount;
                self.runs[at].start = cut.end;
                (cut.after, self.runs[at].before) = (Some(at), Some(piece));
                if let Some(before) = run.before {
                    self.runs[before].after = Some(piece);
                }
            }
            End::End => {
                cut.start = run.end - amount;
                self.runs[at].end = cut.start;
                (cut.before, self.runs[at].after) = (Some(at), Some(piece));
                if let Some(after) = run.after {
                    self.runs[after].before = Some(piece);
                }
            }
        }
        self.runs.push(cut);
        self.hand_over(piece, to);
    }

    /// Gives a whole run to `to`, joins it with its neighbours of that owner, and has the
    /// neighbours beyond looked at again.
    fn hand_over(&mut self, at: usize, to: usize) {
        let len = self.runs[at].len();
        if let Some(giver) = self.runs[at].owner {
            self.over[giver] -= len;
        }
        self.under[to] -= len;
        self.runs[at].owner = Some(to);
        if let Some(before) = self.runs[at].before.filter(|&run| self.runs[run].owner == Some(to)) {
            self.runs[before].gone = true;
            self.runs[at].start = self.runs[before].start;
            self.runs[at].before = self.runs[before].before;
        }
        if let Some(after) = self.runs[at].after.filter(|&run| self.runs[run].owner == Some(to)) {
            self.runs[after].gone = true;
            self.runs[at].end = self.runs[after].end;
            self.runs[at].after = self.runs[after].after;
        }
        let (before, after) = (self.runs[at].before, self.runs[at].after);
        match before {
            Some(before) => self.runs[before].after = Some(at),
            None => self.head = at,
        }
        if let Some(after) = after {
            self.runs[after].before = Some(at);
        }
        for beside in before.into_iter().chain(after) {
            self.queues.iter_mut().for_each(|queue| queue.push_back(beside));
        }
    }
}
