//! How fast keys move: a bound that the user sets, and one for the sake of the source's clients.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::ops::wait::Deadline;

/// How long one pipeline of MIGRATEs is meant to keep the source from its clients.
const BLOCKS: Duration = Duration::from_millis(10);

/// The fewest and the most keys in one pipeline.
const KEYS: (usize, usize) = (1, 2000);

/// At least so many go in one when the run is to end, however slow the servers are.
const AT_THE_END: usize = 500;

/// Keys a second over all routes, until the run is to end: then what is in hand goes at once.
pub(super) struct Pace {
    rate: Option<u32>,
    deadline: Deadline,
    next: Mutex<Instant>,
}

impl Pace {
    pub fn new(rate: Option<u32>, deadline: Deadline) -> Pace {
        Pace { rate, deadline, next: Mutex::new(Instant::now()) }
    }

    fn rate(&self) -> Option<u32> {
        self.rate.filter(|_| !self.deadline.is_over())
    }

    /// The most keys to move in one go, so that a slow rate is no series of bursts.
    pub fn most(&self) -> usize {
        self.rate().map_or(KEYS.1, |rate| (rate as usize / 10).clamp(KEYS.0, KEYS.1))
    }

    /// Waits until so many keys may move.
    pub fn wait(&self, keys: usize) {
        let Some(rate) = self.rate() else { return };
        let mut next = self.next.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let now = Instant::now();
        let begin = (*next).max(now);
        *next = begin + Duration::from_secs_f64(keys as f64 / f64::from(rate.max(1)));
        drop(next);
        self.deadline.within(begin.saturating_duration_since(now)).pass(|_| ());
    }
}

/// How many keys go into a pipeline: as many as the source moves in [`BLOCKS`], found by doing.
pub(super) struct BatchSizer(usize);

impl BatchSizer {
    pub fn new() -> BatchSizer {
        BatchSizer(32)
    }

    pub fn keys(&self, pace: &Pace) -> usize {
        match pace.deadline.is_over() {
            true => self.0.max(AT_THE_END),
            false => self.0.min(pace.most()),
        }
    }

    /// So many keys took so long.
    pub fn took(&mut self, keys: usize, elapsed: Duration) {
        if elapsed > BLOCKS {
            self.0 = (keys / 2).max(KEYS.0);
        } else if elapsed < BLOCKS / 2 && keys * 2 > self.0 {
            self.0 = (self.0 * 2).min(KEYS.1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Interrupt;

    fn pace(rate: Option<u32>) -> Pace {
        Pace::new(rate, Deadline::after(Duration::from_secs(60), Interrupt::default()))
    }

    #[test]
    fn a_pipeline_grows_while_it_is_quick_and_shrinks_when_it_blocks() {
        let (mut sizer, pace) = (BatchSizer::new(), pace(None));
        sizer.took(32, BLOCKS / 10);
        assert_eq!(sizer.keys(&pace), 64);
        sizer.took(64, BLOCKS * 3);
        assert_eq!(sizer.keys(&pace), 32);
        (0..10).for_each(|_| sizer.took(sizer.0, BLOCKS * 3));
        assert_eq!(sizer.0, 1);
    }

    #[test]
    fn a_rate_is_kept() {
        let (pace, begun) = (pace(Some(1000)), Instant::now());
        (0..5).for_each(|_| pace.wait(50));
        // The first goes at once, each other after the 50 ms of the one before.
        assert!(begun.elapsed() >= Duration::from_millis(200), "{:?}", begun.elapsed());
        assert_eq!(pace.most(), 100);
    }
}
