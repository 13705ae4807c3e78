//! When a run is killed, and where it was by then.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::time::Duration;

use crate::support::{Run, start};

/// All that a run goes through: it tells of what is between the first and the last.
pub const PHASES: [&str; 7] = ["plan", "epochs", "meet", "assign", "agree", "serve", "verify"];

/// What a run has to have told of.
#[derive(Clone, Copy, Debug)]
enum Cue {
    /// This many events.
    Events(usize),
    /// The start of the phase in which node timeouts are lowered.
    Serve,
}

/// A run is killed this long after it told of something.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    cue: Cue,
    after: Duration,
}

impl Moment {
    /// The moment of one kill of so many, in runs with so many events.
    ///
    /// Four of five are spread over all events, half of them with up to 30 ms to follow. The last
    /// fifth falls between two events: most of a run's time passes there, with lowered timeouts.
    pub fn of(kill: usize, kills: usize, events: usize) -> Moment {
        let after = |most: usize| Duration::from_millis((kill * 37 % (most + 1)) as u64);
        let spread = (kills * 4).div_ceil(5);
        if kill >= spread {
            return Moment { cue: Cue::Serve, after: after(400) };
        }
        let late = (kill / crate::GROUPS) % 2 == 1;
        let after = if late { after(30) } else { Duration::ZERO };
        Moment { cue: Cue::Events(kill * (events + 1) / spread), after }
    }

    /// A moment before this one, for a run that had ended by then.
    pub fn earlier(self) -> Moment {
        let cue = match self.cue {
            Cue::Events(events) if self.after.is_zero() => Cue::Events(events.saturating_sub(1)),
            cue => cue,
        };
        let after = self.after / 2;
        let after = if after < Duration::from_millis(1) { Duration::ZERO } else { after };
        Moment { cue, after }
    }

    fn has_come(&self, told: &str) -> bool {
        match self.cue {
            Cue::Events(events) => told.lines().count() >= events,
            Cue::Serve => told.contains(r#"{"event":"start","phase":"serve""#),
        }
    }
}

/// Starts rcluster and kills it; has no exit code where it was not over by then.
///
/// What it tells goes through a pipe: looking into the file that it writes would move the place
/// where it writes on.
pub fn killed(args: &[String], moment: Moment) -> Run {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut run = start(&args, |command| {
        command.stderr(Stdio::piped());
    });
    let mut pipe = BufReader::new(run.child.stderr.take().expect("a pipe"));
    let mut told = String::new();
    while !moment.has_come(&told) && pipe.read_line(&mut told).expect("events") > 0 {}
    std::thread::sleep(moment.after);
    run.child.kill().expect("it can be killed");
    pipe.read_to_string(&mut told).expect("events");
    Run { err: told, ..run.finish() }
}

/// The phase that the last event leaves a run in.
pub fn phase(told: &str) -> &'static str {
    let event = |line: &str| serde_json::from_str::<serde_json::Value>(line).ok();
    let last = told.lines().rev().filter_map(event).find(|event| event["phase"].is_string());
    let Some(last) = last else { return PHASES[0] };
    let known = PHASES.iter().position(|phase| last["phase"] == **phase);
    let known = known.unwrap_or_else(|| panic!("a new phase in {last}"));
    PHASES[known + usize::from(last["event"] == "done")]
}
