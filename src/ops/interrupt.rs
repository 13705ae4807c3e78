//! Ctrl-C and its kin, noted instead of obeyed while something half-done has to be put right.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use crate::wire::Cutoff;

/// Whether the user, or the system, asked to stop. All clones are one flag.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Option<Arc<Mutex<Caught>>>);

#[derive(Debug)]
struct Caught {
    /// A byte for each that has come, by name: two of a kind are two.
    pending: Vec<(&'static str, UnixStream)>,
    /// The first, and when it was seen.
    first: Option<(&'static str, Instant)>,
    count: usize,
}

impl Interrupt {
    /// From now on SIGINT, SIGTERM and SIGHUP are only noted.
    pub fn catch() -> io::Result<Interrupt> {
        let mut pending = Vec::new();
        for (signal, name) in [(SIGINT, "SIGINT"), (SIGTERM, "SIGTERM"), (SIGHUP, "SIGHUP")] {
            let (taken, given) = UnixStream::pair()?;
            taken.set_nonblocking(true)?;
            pipe::register(signal, given)?;
            pending.push((name, taken));
        }
        Ok(Interrupt(Some(Arc::new(Mutex::new(Caught { pending, first: None, count: 0 })))))
    }

    /// The first signal that came, by name.
    pub fn signal(&self) -> Option<&'static str> {
        self.look(|caught| caught.first).map(|(name, _)| name)
    }

    /// Ends the process as the first signal would have, had it not been caught; does nothing where none
    /// came.
    pub fn obey(&self) {
        let number = match self.signal() {
            Some("SIGINT") => SIGINT,
            Some("SIGTERM") => SIGTERM,
            Some(_) => SIGHUP,
            None => return,
        };
        // Where the system refuses, the process ends by itself.
        let _ = signal_hook::low_level::emulate_default_handler(number);
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
        for (name, taken) in pending {
            let come = taken.read(&mut [0; 16]).unwrap_or(0);
            if come > 0 {
                first.get_or_insert((name, Instant::now()));
                *count += come;
            }
        }
        read(&caught)
    }
}
