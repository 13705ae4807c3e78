//! The best plan, where there are few enough slots with load to look through: branch and bound.

use super::problem::{Cost, Problem};

/// Slots with load, and owners of slots that are tried, at most.
const SLOTS: usize = 64;
const TRIES: usize = 100_000;

/// The best owners that are found, and whether there are no better ones.
pub(super) fn improve(problem: &Problem, first: Vec<usize>) -> (Vec<usize>, bool) {
    let mut search = Search {
        sums: vec![0; problem.shares.len()],
        mine: problem.sums(&problem.owners()),
        owners: Vec::with_capacity(problem.items.len()),
        cost: problem.cost(&first),
        best: first,
        moved: (0, 0),
        tries: 0,
        problem,
    };
    // Of load alone: with fewer slots the same may be had.
    if search.cost.level <= problem.aim && search.cost.moved <= search.surplus(problem.aim) {
        return (search.best, true);
    }
    if problem.items.len() > SLOTS {
        return (search.best, false);
    }
    search.next(0.0);
    (search.best, search.tries < TRIES)
}

struct Search<'a> {
    problem: &'a Problem<'a>,
    /// Owners of the items that are decided, and what each master bears by them.
    owners: Vec<usize>,
    sums: Vec<u64>,
    /// What each master bears by its own items that are not decided.
    mine: Vec<u64>,
    /// Load and count of what moves so far.
    moved: (u64, usize),
    best: Vec<usize>,
    cost: Cost,
    tries: usize,
}

impl Search<'_> {
    fn next(&mut self, level: f64) {
        let problem = self.problem;
        let Some(item) = problem.items.get(self.owners.len()) else {
            let cost = problem.cost(&self.owners);
            if cost < self.cost {
                (self.best, self.cost) = (self.owners.clone(), cost);
            }
            return;
        };
        self.mine[item.owner] -= item.load;
        for master in self.candidates(item.owner, item.load) {
            self.tries += 1;
            if self.tries >= TRIES {
                break;
            }
            let is_moved = master != item.owner;
            let before = self.moved;
            if is_moved {
                self.moved = (before.0 + item.load, before.1 + 1);
            }
            self.sums[master] += item.load;
            let level = level.max(problem.level_of(master, self.sums[master]));
            if !self.is_hopeless(level) {
                self.owners.push(master);
                self.next(level);
                self.owners.pop();
            }
            self.sums[master] -= item.load;
            self.moved = before;
        }
        self.mine[item.owner] += item.load;
    }

    /// The owner first, then who bears least.
    fn candidates(&self, owner: usize, load: u64) -> Vec<usize> {
        let problem = self.problem;
        if let Some(master) = problem.alone[self.owners.len()] {
            return vec![master];
        }
        let level = |master: usize| problem.level_of(master, self.sums[master] + load);
        let mut all: Vec<usize> =
            (0..self.sums.len()).filter(|at| problem.shares[*at] > 0.0).collect();
        all.sort_by(|a, b| {
            (*a != owner).cmp(&(*b != owner)).then(level(*a).total_cmp(&level(*b))).then(a.cmp(b))
        });
        all
    }

    /// Whether nothing better than the best can come of what is decided.
    fn is_hopeless(&self, level: f64) -> bool {
        let level = level.max(self.problem.aim);
        let moved = self.moved.0 + self.surplus(self.cost.level);
        let least = Cost { level, moved, count: self.moved.1 };
        least >= self.cost || level > self.cost.level
    }

    /// What masters still have to give so that none is above the level.
    fn surplus(&self, level: f64) -> u64 {
        let masters = self.sums.iter().zip(&self.mine).zip(&self.problem.shares);
        // Rounded up: the sums are of whole numbers, and so exact enough.
        let surplus = masters.map(|((sum, mine), share)| {
            let most = (share * level * (1.0 + 1e-12)).floor() as u64;
            // What has arrived here was counted where it came from.
            (sum + mine).saturating_sub(most).min(*mine)
        });
        surplus.sum()
    }
}
