//! A thread that starts servers, and lives as long as they may.
//!
//! The kernel ends a server with the thread that started it. A test's own thread ends with the test,
//! though what it started may be for all tests of the program.

use std::io;
use std::sync::mpsc::{Sender, channel};
use std::thread;

type Job = Box<dyn FnOnce() + Send>;

/// Ends when this is dropped, or with the process.
#[derive(Debug)]
pub(super) struct Keeper(Sender<Job>);

impl Keeper {
    pub(super) fn start() -> io::Result<Keeper> {
        let (sender, jobs) = channel::<Job>();
        thread::Builder::new()
            .name("rcluster-sandbox".to_owned())
            .spawn(move || jobs.into_iter().for_each(|job| job()))?;
        Ok(Keeper(sender))
    }

    /// What the job gives; `None` where the thread is gone.
    pub(super) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (sender, answer) = channel();
        let job = move || {
            // Whoever asked waits for it.
            let _ = sender.send(job());
        };
        self.0.send(Box::new(job)).ok()?;
        answer.recv().ok()
    }
}
