//! Commands on fleets of simulated nodes: how time, memory and bytes grow with their number, and how
//! many round trips a command takes one after the other.

use std::time::Duration;

use super::fleet::{Fleet, Shape};
use super::measure::{self, Spread, Taken, in_turns};
use super::peer::{rcluster, redis_cli};
use super::table::{Unit, alone, compared};

const SIZES: [usize; 5] = [10, 30, 100, 300, 1000];

/// The command, and what comes after the entry node.
const LINES: [(&str, &[&str]); 9] = [
    ("check", &[]),
    ("info", &[]),
    ("nodes", &[]),
    ("map", &[]),
    ("call", &["PING"]),
    ("slots", &[]),
    ("rebalance", &["--dry-run"]),
    ("fix", &["--dry-run"]),
    ("watch", &["--json", "--count", "1"]),
];

/// Of the round trip, in milliseconds.
const DELAYS: [u64; 2] = [5, 50];

const MOST_ROUND_TRIPS: f64 = 6.0;

fn fleet(nodes: usize, milliseconds: u64) -> Fleet {
    let round_trip = Duration::from_millis(milliseconds);
    Fleet::start(Shape { round_trip, ..Shape::new(nodes / 2, 1) })
}

fn args(entry: &str, (name, rest): (&str, &[&str])) -> Vec<String> {
    [&[name, entry], rest].concat().into_iter().map(str::to_owned).collect()
}

/// The medians of a few runs: seconds, and bytes of memory.
fn median(fleet: &Fleet, line: (&str, &[&str]), runs: usize) -> (f64, f64) {
    let args = args(&fleet.addr(0), line);
    let taken: Vec<Taken> = (0..runs).map(|_| measure::run(&rcluster(), &args)).collect();
    let of = |value: fn(&Taken) -> f64| Spread::of(taken.iter().map(value)).median;
    (of(|taken| taken.time.as_secs_f64()), of(|taken| taken.peak as f64 * 1024.0))
}

pub fn growth() {
    println!("\nsimulated nodes, medians; round trips are those one after the other");
    println!(
        "{:<10} {:>5} {:>10} {:>9} {:>9} {:>15} {:>15}",
        "", "nodes", "time", "memory", "read", "trips of 5 ms", "of 50 ms"
    );
    for line in LINES {
        let mut of_most = (0.0, 0.0);
        for nodes in SIZES {
            let runs = if nodes < 1000 { 5 } else { 3 };
            let near = fleet(nodes, 0);
            of_most = median(&near, line, runs);
            let read = near.asked().1 / runs;
            drop(near);
            let trips = DELAYS.map(|delay| {
                let (time, _) = median(&fleet(nodes, delay), line, runs);
                (time - of_most.0) / (delay as f64 / 1e3)
            });
            let shown = trips.map(|trips| {
                let verdict = if trips.round() <= MOST_ROUND_TRIPS { "" } else { " missed" };
                format!("{trips:.1}{verdict}")
            });
            println!(
                "{:<10} {nodes:>5} {:>10} {:>9} {:>9} {:>15} {:>15}",
                line.0,
                Unit::Milliseconds.show(of_most.0),
                Unit::Megabytes.show(of_most.1),
                Unit::Megabytes.show(read as f64),
                shown[0],
                shown[1],
            );
        }
        if line.0 == "check" {
            alone("check 1000 simulated, time", Unit::Seconds, of_most.0, 2.0);
            alone("check 1000 simulated, mem.", Unit::Megabytes, of_most.1, 200e6);
        }
    }
}

/// `check` beside redis-cli's, where a round trip takes its time.
pub fn far() {
    let fleet = fleet(30, 5);
    let entry = fleet.addr(0);
    let theirs = args(&entry, ("--cluster", &[]));
    let theirs = [theirs[0].clone(), "check".to_owned(), theirs[1].clone()];
    let pairs = in_turns(
        7,
        || measure::run(&rcluster(), &args(&entry, ("check", &[]))).time.as_secs_f64(),
        || measure::run(&redis_cli(), &theirs).time.as_secs_f64(),
    );
    compared("check 30 simulated, 5 ms", Unit::Milliseconds, &pairs, Some(0.06));
}
