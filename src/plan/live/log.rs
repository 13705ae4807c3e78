//! Problems as they come and go.

use std::collections::VecDeque;

use itertools::Itertools;

use crate::plan::check::Problem;

/// How many problems that have gone are remembered.
const REMEMBERED: usize = 50;

/// A problem, since when it is seen, and when it was gone.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sighting {
    /// As it was seen last.
    pub problem: Problem,
    /// Milliseconds since 1970.
    pub since: u64,
    /// The same; `None` while it is there.
    pub until: Option<u64>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Log {
    present: Vec<Sighting>,
    gone: VecDeque<Sighting>,
}

impl Log {
    /// What is there at a time. A problem is the one that was there before if it is of the same kind
    /// and of the same nodes: its text changes, as it counts seconds or slots.
    pub(super) fn see(&mut self, problems: impl IntoIterator<Item = Problem>, clock: u64) {
        let mut before = std::mem::take(&mut self.present);
        for problem in problems {
            let is_same = |seen: &Sighting| {
                (seen.problem.kind, &seen.problem.nodes) == (problem.kind, &problem.nodes)
            };
            let since = match before.iter().position(is_same) {
                Some(index) => before.remove(index).since,
                None => clock,
            };
            self.present.push(Sighting { problem, since, until: None });
        }
        for seen in before {
            self.gone.push_front(Sighting { until: Some(clock), ..seen });
        }
        self.gone.truncate(REMEMBERED);
    }

    pub(super) fn sightings(&self) -> impl Iterator<Item = &Sighting> {
        let present = self.present.iter().sorted_by_key(|seen| seen.problem.severity);
        present.chain(&self.gone)
    }
}
