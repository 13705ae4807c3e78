//! Measuring whole processes, and what to make of many measurements.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

use super::peer::{Program, command};

/// The argument that makes this program run one other and tell what it took.
pub const ONE: &str = "--one";

/// What one run of a program took.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    pub time: Duration,
    /// The most memory it had resident, in KiB.
    pub peak: u64,
}

/// Runs a program to its successful end.
///
/// A process of its own does this: the system tells the peak of all children together only, and
/// counts a child's share of its parent's memory, before the child becomes another program, as its
/// own. A process that has done nothing yet has next to none.
pub fn run(program: &Program, args: &[String]) -> Taken {
    run_ending(program, args, &[0])
}

/// The same for a program that may end with any of these exit codes.
pub fn run_ending(program: &Program, args: &[String], codes: &[u64]) -> Taken {
    let mut helper = Command::new(std::env::current_exe().expect("this program has a path"));
    helper.arg(ONE).args(program).args(args).stdin(Stdio::null());
    let output = helper.output().expect("the helper runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match numbers[..] {
        [nanoseconds, peak, code] if codes.contains(&code) => {
            Taken { time: Duration::from_nanos(nanoseconds), peak }
        }
        _ => panic!(
            "{program:?} {args:?} failed: {text} {}",
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

/// Runs one program; prints nanoseconds, KiB and exit code.
pub fn one(words: &[String]) {
    let mut child = command(&vec![words[0].clone().into()], &words[1..]);
    child.stdin(Stdio::null()).stdout(Stdio::null());
    let begun = Instant::now();
    let status = child.status().expect("the program runs");
    let time = begun.elapsed().as_nanos();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the system tells");
    println!("{time} {} {}", usage.max_rss(), status.code().unwrap_or(-1));
}

/// The system calls that a program makes in all its threads; `None` where strace is not installed.
pub fn system_calls(program: &Program, args: &[String]) -> Option<u64> {
    let summary = tempfile::NamedTempFile::new().expect("a file");
    let path = summary.path().to_str().expect("a name in UTF-8");
    let before = ["-f", "-c", "-o", path].map(str::to_owned);
    let mut words = before.to_vec();
    words.extend(program.iter().map(|word| word.to_string_lossy().into_owned()));
    words.extend_from_slice(args);
    let mut strace = command(&vec!["strace".into()], &words);
    let ended = strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if ended.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return None;
    }
    let text = std::fs::read_to_string(path).expect("the summary");
    let total = text.lines().find(|line| line.ends_with(" total")).expect("a total");
    // Per cent, seconds, microseconds a call, calls, and errors where there are any.
    Some(total.split_whitespace().nth(3)?.parse().expect("a number"))
}

/// Both measured `count` times, in turns, the first one changing.
pub fn in_turns<T>(
    count: usize,
    mut ours: impl FnMut() -> T,
    mut theirs: impl FnMut() -> T,
) -> Vec<(T, T)> {
    let both = |round: usize| {
        if round.is_multiple_of(2) {
            let first = ours();
            (first, theirs())
        } else {
            let first = theirs();
            (ours(), first)
        }
    };
    (0..count).map(both).collect()
}

/// The lower quartile, the median and the upper quartile.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Spread {
    pub fn of(values: impl IntoIterator<Item = f64>) -> Spread {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |quarter: usize| values[(values.len() - 1) * quarter / 4];
        Spread { low: at(1), median: at(2), high: at(3) }
    }

    /// Of the ratios of pairs, ours over theirs.
    pub fn of_ratios(pairs: &[(f64, f64)]) -> Spread {
        Spread::of(pairs.iter().map(|(ours, theirs)| ours / theirs))
    }
}
