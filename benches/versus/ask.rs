//! `check` and `call` beside redis-cli's, as whole processes.

use super::limit::{self, CHECK};
use super::measure::{self, Spread, Taken, in_turns};
use super::peer::{rcluster, redis_cli};
use super::support::TestCluster;
use super::table::{Unit, alone, compared};

const PAIRS: usize = 60;

pub fn check(nodes: usize) {
    let goal = match nodes {
        ..=6 => Some(1.0),
        30 => Some(0.45),
        _ => None,
    };
    compare("check", &[], nodes, goal, CHECK);
}

/// One short command to every node.
pub fn call(nodes: usize) {
    compare("call", &["PING"], nodes, (nodes == 30).then_some(0.5), &["PING"]);
}

/// `NAME ENTRY REST…`, which both have.
fn compare(name: &str, rest: &[&str], nodes: usize, goal: Option<f64>, questions: &[&str]) {
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
    let addrs = cluster.addrs();
    let limit = Spread::of((0..PAIRS).map(|_| limit::ask_all(&addrs, questions))).median;
    let times = of(|taken| taken.time.as_secs_f64());
    compared(&title("time"), Unit::Milliseconds, &times, Some(limit), goal);
    let memory = of(|taken| taken.peak as f64 * 1024.0);
    compared(&title("memory"), Unit::Megabytes, &memory, None, Some(1.0));
    if name == "check" && nodes == 6 {
        let most = Spread::of(memory.iter().map(|(ours, _)| *ours)).median;
        alone(&title("memory"), Unit::Megabytes, most, None, 5e6);
    }
}
