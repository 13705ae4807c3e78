//! `rcluster check` and `redis-cli --cluster check`, as whole processes.

use super::measure::{self, Taken, in_turns};
use super::peer::{rcluster, redis_cli};
use super::support::TestCluster;
use super::table::{Unit, compared};

const PAIRS: usize = 60;

pub fn run(nodes: usize) {
    let cluster = TestCluster::formed(nodes, 1);
    let entry = cluster.addr(0);
    let (rcluster, redis_cli) = (rcluster(), redis_cli());
    let (mine, theirs) = (["check"], ["--cluster", "check"]);
    let args = |words: &[&str]| -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).chain([entry.clone()]).collect()
    };
    let ours = || measure::run(&rcluster, &args(&mine));
    let peers = || measure::run(&redis_cli, &args(&theirs));
    // To warm up.
    let _ = (ours(), peers());
    let pairs = in_turns(PAIRS, ours, peers);
    let of = |value: fn(&Taken) -> f64| -> Vec<(f64, f64)> {
        pairs.iter().map(|(ours, theirs)| (value(ours), value(theirs))).collect()
    };
    let goal = match nodes {
        ..=6 => Some(1.0),
        30 => Some(0.5),
        _ => None,
    };
    let name = |what: &str| format!("check {nodes} nodes, {what}");
    compared(&name("time"), Unit::Milliseconds, &of(|taken| taken.time.as_secs_f64()), goal);
    compared(&name("memory"), Unit::Megabytes, &of(|taken| taken.peak as f64 * 1024.0), Some(1.0));
}
