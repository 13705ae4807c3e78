//! Ctrl-C and its kin, noted instead of obeyed while something half-done has to be put right.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Whether the user, or the system, asked to stop. All clones are one flag.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Option<Arc<Caught>>);

#[derive(Debug)]
struct Caught {
    pending: Mutex<Signals>,
    first: AtomicUsize,
    count: AtomicUsize,
}

impl Interrupt {
    /// From now on SIGINT, SIGTERM and SIGHUP are only noted.
    pub fn catch() -> io::Result<Interrupt> {
        let pending = Mutex::new(Signals::new([SIGINT, SIGTERM, SIGHUP])?);
        let (first, count) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Ok(Interrupt(Some(Arc::new(Caught { pending, first, count }))))
    }

    /// The first signal that came, by name.
    pub fn signal(&self) -> Option<&'static str> {
        match self.look()?.first.load(Ordering::Relaxed) as i32 {
            0 => None,
            SIGINT => Some("SIGINT"),
            SIGTERM => Some("SIGTERM"),
            _ => Some("SIGHUP"),
        }
    }

    /// Whether a second one came: nothing more is to be finished.
    pub fn is_urgent(&self) -> bool {
        self.look().is_some_and(|caught| caught.count.load(Ordering::Relaxed) > 1)
    }

    fn look(&self) -> Option<&Caught> {
        let caught = self.0.as_deref()?;
        let mut pending = caught.pending.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        for signal in pending.pending() {
            let (first, count) = (&caught.first, &caught.count);
            let _ = first.compare_exchange(0, signal as usize, Ordering::Relaxed, Ordering::Relaxed);
            count.fetch_add(1, Ordering::Relaxed);
        }
        drop(pending);
        Some(caught)
    }
}
