//! What came of all rounds.

use std::fmt;
use std::time::Duration;

use crate::moment::PHASES;

/// One kill, and what became of it.
pub struct Round {
    /// The phase that the killed run was in.
    pub phase: &'static str,
    /// Whether it left a node timeout lowered.
    pub lowered: bool,
    /// How long the run that finished it took.
    pub finished: Duration,
    pub failed: bool,
}

pub struct Tally(Vec<Round>);

impl Tally {
    pub fn failures(&self) -> usize {
        self.0.iter().filter(|round| round.failed).count()
    }
}

impl FromIterator<Round> for Tally {
    fn from_iter<I: IntoIterator<Item = Round>>(rounds: I) -> Tally {
        Tally(rounds.into_iter().collect())
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} kills, {} not finished by the same command", self.0.len(), self.failures())?;
        PHASES.iter().try_for_each(|phase| {
            let rounds = || self.0.iter().filter(|round| round.phase == *phase);
            let (kills, lowered) = (rounds().count(), rounds().filter(|round| round.lowered).count());
            let failed = rounds().filter(|round| round.failed).count();
            let longest = rounds().map(|round| round.finished).max().unwrap_or_default();
            write!(
                f,
                "\n  {phase:6} {kills:3} kills, {lowered:2} left a timeout lowered, {failed} failed, finished within {:.2} s",
                longest.as_secs_f64()
            )
        })
    }
}
