//! Waiting with an end: a deadline, an interrupt, or a neighbour's failure stops it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::interrupt::Interrupt;

/// Milliseconds since 1970, by our clock.
pub fn clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The shortest and the longest pause between two looks at a server.
const PAUSES: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(100));

/// A pause is this part of what has been waited for already: no wait lasts much longer than what it
/// is for, be that short or long.
const PART: u32 = 24;

/// When waiting has to end.
#[derive(Clone, Debug)]
pub struct Deadline {
    at: Instant,
    allowed: Duration,
    interrupt: Interrupt,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited<T> {
    Done(T),
    /// The deadline passed, a signal came, or another wait of the group failed.
    Incomplete(T),
}

/// Several waits side by side, for one purpose: when one fails, the others need not go on.
#[derive(Debug)]
pub(super) struct Together<'a> {
    deadline: &'a Deadline,
    failed: AtomicBool,
}

impl Deadline {
    /// `allowed` from now.
    pub fn after(allowed: Duration, interrupt: Interrupt) -> Deadline {
        Deadline { at: Instant::now() + allowed, allowed, interrupt }
    }

    /// How long it was when it was set.
    pub fn allowed(&self) -> Duration {
        self.allowed
    }

    /// What is left of it.
    pub fn left(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    pub fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    pub fn is_over(&self) -> bool {
        Instant::now() >= self.at || self.interrupt.signal().is_some()
    }

    /// Another deadline, no later than this one.
    pub fn within(&self, allowed: Duration) -> Deadline {
        let at = self.at.min(Instant::now() + allowed);
        Deadline { at, allowed, interrupt: self.interrupt.clone() }
    }

    /// Waits until it is over; `tell` is given what is left, again and again.
    pub(super) fn pass(&self, tell: impl Fn(Duration)) {
        while !self.is_over() {
            let left = self.left();
            tell(left);
            std::thread::sleep(left.min(PAUSES.1));
        }
    }

    pub(super) fn together(&self) -> Together<'_> {
        Together { deadline: self, failed: AtomicBool::new(false) }
    }
}

impl Together<'_> {
    /// Ends the others' waits.
    pub(super) fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Looks again and again, with pauses that grow, until nothing is left; gives what was left at
    /// the last look. A pause is no shorter than the look before it: servers that are slow to tell
    /// have work to do.
    pub(super) fn until_empty<T, E>(
        &self,
        mut look: impl FnMut() -> Result<Vec<T>, E>,
    ) -> Result<Waited<Vec<T>>, E> {
        let first = Instant::now();
        loop {
            let begun = Instant::now();
            let left = look().inspect_err(|_| self.failed.store(true, Ordering::Relaxed))?;
            if left.is_empty() {
                return Ok(Waited::Done(left));
            }
            if self.failed.load(Ordering::Relaxed) || self.deadline.is_over() {
                return Ok(Waited::Incomplete(left));
            }
            let pause = (first.elapsed() / PART).clamp(PAUSES.0, PAUSES.1);
            std::thread::sleep(pause.max(begun.elapsed()).min(self.deadline.left()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deadline(milliseconds: u64) -> Deadline {
        Deadline::after(Duration::from_millis(milliseconds), Interrupt::default())
    }

    #[test]
    fn it_ends_when_nothing_is_left() {
        let mut left = vec![1, 2, 3];
        let looked = deadline(60_000).together().until_empty(|| {
            left.pop();
            Ok::<_, ()>(left.clone())
        });
        assert_eq!(looked, Ok(Waited::Done(Vec::new())));
    }

    #[test]
    fn it_passes_and_not_sooner() {
        let (begun, told) = (Instant::now(), std::cell::Cell::new(0));
        deadline(150).pass(|left| told.set(told.get() + usize::from(left.as_millis() <= 150)));
        assert!(begun.elapsed() >= Duration::from_millis(150) && told.get() >= 2);
    }

    #[test]
    fn it_ends_at_the_deadline_and_says_what_was_left() {
        let waited = deadline(0).together().until_empty(|| Ok::<_, ()>(vec!["node 3"]));
        assert_eq!(waited, Ok(Waited::Incomplete(vec!["node 3"])));
    }

    #[test]
    fn one_failure_ends_the_others() {
        let deadline = deadline(60_000);
        let together = deadline.together();
        assert_eq!(together.until_empty(|| Err::<Vec<()>, _>("gone")), Err("gone"));
        assert_eq!(together.until_empty(|| Ok::<_, ()>(vec![7])), Ok(Waited::Incomplete(vec![7])));
    }
}
