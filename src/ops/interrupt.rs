//! Ctrl-C and its kin, noted instead of obeyed while something half-done has to be put right.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::wire::Cutoff;

/// Whether the user, or the system, asked to stop. All clones are one flag.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Option<Arc<Mutex<Caught>>>);

#[derive(Debug)]
struct Caught {
    pending: Signals,
    /// The first, and when it was seen.
    first: Option<(i32, Instant)>,
    count: usize,
}

impl Interrupt {
    /// From now on SIGINT, SIGTERM and SIGHUP are only noted.
    pub fn catch() -> io::Result<Interrupt> {
        let pending = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        Ok(Interrupt(Some(Arc::new(Mutex::new(Caught { pending, first: None, count: 0 })))))
    }

    /// The first signal that came, by name.
    pub fn signal(&self) -> Option<&'static str> {
        self.look(|caught| caught.first).map(|(signal, _)| match signal {
            SIGINT => "SIGINT",
            SIGTERM => "SIGTERM",
            _ => "SIGHUP",
        })
    }

    /// Whether a second one came: nothing more is to be finished.
    pub fn is_urgent(&self) -> bool {
        self.look(|caught| (caught.count > 1).then_some(())).is_some()
    }

    /// Whether the first came so long ago, or a second one did.
    pub fn is_older_than(&self, age: Duration) -> bool {
        self.is_urgent()
            || self.look(|caught| caught.first).is_some_and(|(_, at)| at.elapsed() > age)
    }

    /// Ends exchanges with servers so long after the first signal, and at once after a second one.
    pub fn cutoff(&self, grace: Duration) -> Cutoff {
        let interrupt = self.clone();
        Cutoff::new(move || interrupt.is_older_than(grace))
    }

    fn look<T>(&self, read: impl Fn(&Caught) -> Option<T>) -> Option<T> {
        let mut caught = self.0.as_deref()?.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let Caught { pending, first, count } = &mut *caught;
        for signal in pending.pending() {
            first.get_or_insert_with(|| (signal, Instant::now()));
            *count += 1;
        }
        read(&caught)
    }
}
