//! Commands on fleets of simulated nodes: how time, memory and bytes grow with their number, and how
//! many round trips a command takes one after the other.

use std::time::Duration;

use super::curve;
use super::fleet::{Fleet, Shape};
use super::limit::{self, CHECK};
use super::measure::{self, Spread, Taken, in_turns};
use super::peer::{rcluster, redis_cli};
use super::table::{Unit, alone, compared, detail};

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

/// A power that is above that of the bytes read by no more may be the noise.
const SLACK: f64 = 0.15;

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

/// What a command took on a number of nodes.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    pub nodes: f64,
    /// Seconds, bytes, bytes read, and system calls (if strace is installed).
    pub of: [f64; 4],
}

pub fn growth() {
    println!("\nsimulated nodes, medians; round trips are those one after the other, at most 6");
    println!(
        "{:<10} {:>5} {:>10} {:>9} {:>9} {:>7} {:>11} {:>11}",
        "", "nodes", "time", "memory", "read", "calls", "5 ms trips", "50 ms trips"
    );
    let curves: Vec<(&str, Vec<Cost>)> =
        LINES.map(|line| (line.0, SIZES.map(|nodes| one(line, nodes)).to_vec())).to_vec();
    println!("\ngrowth from {} to {} nodes, as a power of their number", SIZES[3], SIZES[4]);
    for (name, costs) in &curves {
        let [time, memory, read, calls] = powers(&costs[3], &costs[4]);
        let too_fast = [time, memory, calls].iter().any(|power| *power > read + SLACK);
        let verdict = if too_fast { "faster than what is read: missed" } else { "met" };
        println!(
            "{name:<10} time {time:.2}, memory {memory:.2}, read {read:.2}, calls {calls:.2} {verdict}"
        );
    }
    curve::draw(&curves);
    for (name, costs) in &curves {
        if *name == "check" {
            let [time, memory, ..] = costs[4].of;
            let near = fleet(SIZES[4], 0);
            let limit = limit(&near, SIZES[4]);
            alone("check 1000, time", Unit::Seconds, time, Some(limit), 2.0);
            alone("check 1000, memory", Unit::Megabytes, memory, None, 200e6);
        }
    }
}

fn one(line: (&str, &[&str]), nodes: usize) -> Cost {
    let runs = if nodes < 1000 { 5 } else { 3 };
    let near = fleet(nodes, 0);
    let (time, memory) = median(&near, line, runs);
    let read = near.asked().1 / runs;
    let calls = measure::system_calls(&rcluster(), &args(&near.addr(0), line));
    drop(near);
    let trips = DELAYS.map(|delay| {
        let (far, _) = median(&fleet(nodes, delay), line, runs);
        let trips = (far - time) / (delay as f64 / 1e3);
        let verdict = if trips.round() <= MOST_ROUND_TRIPS { "" } else { " missed" };
        format!("{trips:.1}{verdict}")
    });
    println!(
        "{:<10} {nodes:>5} {:>10} {:>9} {:>9} {:>7} {:>11} {:>11}",
        line.0,
        Unit::Milliseconds.show(time),
        Unit::Megabytes.show(memory),
        Unit::Megabytes.show(read as f64),
        calls.map_or_else(String::new, |calls| calls.to_string()),
        trips[0],
        trips[1],
    );
    let calls = calls.unwrap_or(0) as f64;
    Cost { nodes: nodes as f64, of: [time, memory, read as f64, calls] }
}

/// The powers of the number of nodes by which a cost grows.
fn powers(few: &Cost, many: &Cost) -> [f64; 4] {
    let scale = (many.nodes / few.nodes).ln();
    std::array::from_fn(|index| {
        if few.of[index] > 0.0 { (many.of[index] / few.of[index]).ln() / scale } else { 0.0 }
    })
}

/// Of a `check` of so many nodes.
fn limit(fleet: &Fleet, nodes: usize) -> f64 {
    let addrs: Vec<String> = (0..nodes).map(|node| fleet.addr(node)).collect();
    limit::ask_all(&addrs, CHECK)
}

/// How long the nodes of a cluster that is created take to hear of each other.
const GOSSIP: Duration = Duration::from_millis(500);

/// `create` of simulated nodes: what is left is our own work, and reading what they tell.
pub fn forming() {
    for nodes in SIZES {
        let fleet = Fleet::start(Shape::strangers(nodes, GOSSIP));
        let addrs = (0..nodes).map(|node| fleet.addr(node));
        let words = ["create", "--replicas", "1", "--yes"].map(str::to_owned).into_iter();
        let taken = measure::run(&rcluster(), &words.chain(addrs).collect::<Vec<_>>());
        let name = format!("create {nodes} simulated");
        detail(&name, Unit::Seconds, taken.time.as_secs_f64());
        detail("  memory", Unit::Megabytes, taken.peak as f64 * 1024.0);
        detail("  read", Unit::Megabytes, fleet.asked().1 as f64);
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
    let limit = limit(&fleet, 30);
    compared("check 30 at 5 ms", Unit::Milliseconds, &pairs, Some(limit), Some(0.06));
}
