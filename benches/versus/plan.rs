//! Planning over hosts: `rcluster create --dry-run` and `redis-cli --cluster create` up to its
//! question, which gets no yes. Both ask every node first; every pair of nodes shares a loopback
//! address of its own, which counts as a host.

use super::measure::{self, Taken, in_turns};
use super::peer::{rcluster, redis_cli};
use super::support::TestCluster;
use super::table::{Unit, compared};

const PAIRS: usize = 20;

pub fn run(nodes: usize) {
    let hosts: Vec<String> = (0..nodes).map(|node| format!("127.0.0.{}", node / 2 + 1)).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let cluster = TestCluster::on_hosts(&hosts);
    let (rcluster, redis_cli) = (rcluster(), redis_cli());
    let args = |before: &[&str], after: &[&str]| -> Vec<String> {
        let words =
            |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        [words(before), cluster.addrs(), words(after)].concat()
    };
    let ours = args(&["create"], &["--replicas", "1", "--dry-run"]);
    let theirs = args(&["--cluster", "create"], &["--cluster-replicas", "1"]);
    let ours = || measure::run(&rcluster, &ours);
    let peers = || measure::run_ending(&redis_cli, &theirs, &[0, 1]);
    let _ = (ours(), peers());
    let pairs = in_turns(PAIRS, ours, peers);
    let time = |taken: &Taken| taken.time.as_secs_f64();
    let pairs: Vec<(f64, f64)> =
        pairs.iter().map(|(ours, theirs)| (time(ours), time(theirs))).collect();
    compared(
        &format!("plan {nodes} nodes over hosts, time"),
        Unit::Milliseconds,
        &pairs,
        None,
        None,
    );
}
