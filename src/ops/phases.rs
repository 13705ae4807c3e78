//! The one runner of phases: signals, timing, what is done, whether anything was changed.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::abort::{AbortCause, Aborted, PhaseError};
use super::event::{Event, Observer, Phase, Tally};
use super::interrupt::Interrupt;
use super::wait::Deadline;

/// A run of phases, and how far it has come.
pub(super) struct Phases<'a> {
    interrupt: &'a Interrupt,
    observer: &'a dyn Observer,
    done: Mutex<Vec<Phase>>,
    changed: AtomicBool,
}

impl<'a> Phases<'a> {
    pub fn new(deadline: &'a Deadline, observer: &'a dyn Observer) -> Phases<'a> {
        let (done, changed) = (Mutex::new(Vec::new()), AtomicBool::new(false));
        Phases { interrupt: deadline.interrupt(), observer, done, changed }
    }

    pub fn observer(&self) -> &'a dyn Observer {
        self.observer
    }

    /// Some node may have accepted something.
    pub fn set_changed(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    pub fn has_changed(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    /// Runs one phase, unless a signal has come.
    pub fn run<T>(
        &self,
        phase: Phase,
        work: impl FnOnce(&Tally) -> Result<T, AbortCause>,
    ) -> Result<T, Aborted> {
        let worked = run(phase, self.interrupt, self.observer, |tally| {
            let value = work(tally)?;
            Ok((value, tally.had_work()))
        });
        let mut done = self.done.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match worked {
            Ok((value, had_work)) => {
                done.extend(had_work.then_some(phase));
                Ok(value)
            }
            Err(cause) => {
                let (done, changed) = (std::mem::take(&mut *done), self.has_changed());
                Err(Aborted { cause, done, during: phase, changed })
            }
        }
    }
}

/// Runs one phase, unless a signal has come.
pub(super) fn run<T, E: PhaseError>(
    phase: Phase,
    interrupt: &Interrupt,
    observer: &dyn Observer,
    work: impl FnOnce(&Tally) -> Result<T, E>,
) -> Result<T, E> {
    if let Some(signal) = interrupt.signal() {
        return Err(E::interrupted(signal));
    }
    timed(phase, observer, work).map_err(|error| match interrupt.signal() {
        // Whatever a wait was missing, the signal is why it was not waited for any longer.
        Some(signal) if error.is_wait() => E::interrupted(signal),
        _ => error,
    })
}

/// Runs one phase whose report has the signal; where it ends well and had begun, that is told.
pub(super) fn timed<T, E>(
    phase: Phase,
    observer: &dyn Observer,
    work: impl FnOnce(&Tally) -> Result<T, E>,
) -> Result<T, E> {
    let begun = Instant::now();
    let tally = Tally::new(phase, observer);
    let value = work(&tally)?;
    if tally.has_begun() {
        observer.on(Event::Done { phase, elapsed: begun.elapsed() });
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[derive(Default)]
    struct Events(Mutex<Vec<Event>>);

    impl Observer for Events {
        fn on(&self, event: Event) {
            self.0.lock().unwrap().push(event);
        }
    }

    fn not_serving() -> AbortCause {
        AbortCause::NotServing { nodes: "a".to_owned(), after: Duration::ZERO }
    }

    /// The error of a wait that a signal ends.
    #[derive(Debug, PartialEq)]
    enum Ended {
        By(&'static str),
        Late,
        Refused,
    }

    impl PhaseError for Ended {
        fn interrupted(signal: &'static str) -> Ended {
            Ended::By(signal)
        }

        fn is_wait(&self) -> bool {
            *self == Ended::Late
        }
    }

    #[test]
    fn a_signal_is_why_a_wait_ends_and_why_no_phase_begins() {
        let (interrupt, events) = (Interrupt::catch().unwrap(), Events::default());
        let late = |signal| {
            move |_: &Tally| {
                if signal {
                    signal_hook::low_level::raise(signal_hook::consts::SIGHUP).unwrap();
                }
                Err::<(), _>(Ended::Late)
            }
        };
        assert_eq!(run(Phase::Load, &interrupt, &events, late(false)), Err(Ended::Late));
        assert_eq!(run(Phase::Load, &interrupt, &events, late(true)), Err(Ended::By("SIGHUP")));
        let refused = |_: &Tally| -> Result<(), Ended> { panic!("it is not begun") };
        assert_eq!(run(Phase::Load, &interrupt, &events, refused), Err(Ended::By("SIGHUP")));
        assert_ne!(Ended::Refused, Ended::Late);
    }

    #[test]
    fn every_phase_that_begins_ends_and_those_that_had_work_are_done() {
        let events = Events::default();
        let deadline = Deadline::after(Duration::from_secs(60), Interrupt::default());
        let phases = Phases::new(&deadline, &events);
        for (phase, total) in [(Phase::Meet, 2), (Phase::Assign, 0)] {
            let begin = |tally: &Tally| {
                tally.expect(total);
                Ok(())
            };
            phases.run(phase, begin).unwrap();
        }
        phases.run(Phase::Agree, |_| Ok(())).unwrap();
        phases.set_changed();
        let aborted = phases.run(Phase::Serve, |_| Err::<(), _>(not_serving())).unwrap_err();
        assert_eq!((aborted.done, aborted.during), (vec![Phase::Meet], Phase::Serve));
        assert!(aborted.changed && aborted.cause.is_wait());
        let events = events.0.into_inner().unwrap();
        let ended = events.iter().filter_map(|event| match event {
            Event::Done { phase, .. } => Some(*phase),
            _ => None,
        });
        assert_eq!(ended.collect::<Vec<_>>(), [Phase::Meet, Phase::Assign]);
    }
}
