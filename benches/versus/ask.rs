//! `check` and `call` beside redis-cli's, as whole processes.

use super::measure::{self, Taken, in_turns};
use super::peer::{rcluster, redis_cli};
use super::support::TestCluster;
use super::table::{Unit, compared};

const PAIRS: usize = 60;

pub fn check(nodes: usize) {
    let goal = match nodes {
        ..=6 => Some(1.0),
        30 => Some(0.5),
        _ => None,
    };
    compare("check", &[], nodes, goal);
}

/// One short command to every node.
pub fn call(nodes: usize) {
    compare("call", &["PING"], nodes, (nodes == 30).then_some(0.5));
}

/// `NAME ENTRY REST…`, which both have.
fn compare(name: &str, rest: &[&str], nodes: usize, goal: Option<f64>) {
    let cluster = TestCluster::formed(nodes, 1);
    let entry = cluster.addr(0);
    let (rcluster, redis_cli) = (rcluster(), redis_cli());
    let (mine, theirs) = ([name], ["--cluster", name]);
    let args = |words: &[&str]| -> Vec<String> {
        [words, &[&entry], rest].concat().into_iter().map(str::to_owned).collect()
    };
    let ours = || measure::run(&rcluster, &args(&mine));
    let peers = || measure::run(&redis_cli, &args(&theirs));
    // To warm up.
    let _ = (ours(), peers());
    let pairs = in_turns(PAIRS, ours, peers);
    let of = |value: fn(&Taken) -> f64| -> Vec<(f64, f64)> {
        pairs.iter().map(|(ours, theirs)| (value(ours), value(theirs))).collect()
    };
    let title = |what: &str| format!("{name} {nodes} nodes, {what}");
    compared(&title("time"), Unit::Milliseconds, &of(|taken| taken.time.as_secs_f64()), goal);
    compared(&title("memory"), Unit::Megabytes, &of(|taken| taken.peak as f64 * 1024.0), Some(1.0));
}
