//! Rebalancing three masters onto a fourth, by each server's best way and by its own CLI.

use std::collections::BTreeMap;

use redis::Pipeline;

use super::measure::{Taken, in_turns, run};
use super::peer::{Program, rcluster};
use super::support::data::{Writer, owner};
use super::support::{Server, TestCluster, server_dir};
use super::table::{Unit, alone, compared, detail};
use rcluster::model::Slot;

const ROUNDS: usize = 3;

/// One comparison.
struct Case {
    server: &'static str,
    cli: &'static str,
    keys: usize,
    bytes: usize,
    /// Replicas of every master.
    replicas: usize,
    ours: &'static [&'static str],
    theirs: &'static [&'static str],
    goal: f64,
}

const BY_HAND: [Case; 3] = [
    Case { keys: 0, goal: 0.1, ..CLASSIC },
    CLASSIC,
    Case { keys: 50_000, bytes: 10_000, goal: 0.5, ..CLASSIC },
];

/// Valkey answers SETSLOT when a master's replicas have it.
const WITH_REPLICAS: [Case; 2] = [
    Case {
        server: "valkey-8.1",
        cli: "valkey-8.1/valkey-cli",
        keys: 100_000,
        replicas: 1,
        goal: 0.15,
        ..CLASSIC
    },
    Case { keys: 100_000, replicas: 1, goal: 0.13, ..CLASSIC },
];

const BY_SERVERS: [Case; 3] = [
    Case { server: "redis-8.6", cli: "redis-8.6/redis-cli", ours: &[], goal: 0.05, ..CLASSIC },
    Case { keys: 0, ..ATOMIC },
    ATOMIC,
];

const CLASSIC: Case = Case {
    server: "redis-7.0",
    cli: "redis-7.0/redis-cli",
    keys: 500_000,
    bytes: 100,
    replicas: 0,
    ours: &["--classic"],
    theirs: &[],
    goal: 0.25,
};

/// Three sources can run at once here.
const ATOMIC: Case = Case {
    server: "valkey-9.1",
    cli: "valkey-cli-9.1/valkey-cli",
    keys: 500_000,
    bytes: 100,
    replicas: 0,
    ours: &[],
    theirs: &["--cluster-use-atomic-slot-migration"],
    goal: 0.6,
};

/// SETSLOT and MIGRATE.
pub fn classic() {
    BY_HAND.iter().for_each(compare);
}

/// The same where every master has a replica.
pub fn with_replicas() {
    WITH_REPLICAS.iter().for_each(compare);
}

/// The servers' own moves.
pub fn atomic() {
    BY_SERVERS.iter().for_each(compare);
}

fn compare(case: &Case) {
    let cli: Program = vec![server_dir().join(case.cli).into()];
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let ours = || {
        let cluster = three_and_one(case);
        let mut args = words(&["rebalance", &cluster.addr(0), "--use-empty-masters", "--yes"]);
        args.extend(words(case.ours));
        run(&rcluster(), &args)
    };
    let theirs = || {
        let cluster = three_and_one(case);
        let mut args = words(&["--cluster", "rebalance", &cluster.addr(0)]);
        args.extend(words(&["--cluster-use-empty-masters"]));
        args.extend(words(case.theirs));
        run(&cli, &args)
    };
    let rounds = in_turns(ROUNDS, ours, theirs);
    let with = if case.replicas > 0 { ", replicas" } else { "" };
    let name = format!("move {} {}k x {} B{with}", case.server, case.keys / 1000, case.bytes);
    let times: Vec<_> = rounds
        .iter()
        .map(|(ours, theirs)| (ours.time.as_secs_f64(), theirs.time.as_secs_f64()))
        .collect();
    compared(&name, Unit::Seconds, &times, None, Some(case.goal));
    let peak = |taken: &Taken| taken.peak as f64 * 1024.0;
    let most = rounds.iter().map(|(ours, _)| peak(ours)).fold(0.0, f64::max);
    alone("  our memory", Unit::Megabytes, most, None, 12e6);
    pause(case);
}

/// The longest that one client waited for one write, while ours ran.
fn pause(case: &Case) {
    let cluster = three_and_one(case);
    let idle = Writer::start(&cluster);
    std::thread::sleep(std::time::Duration::from_millis(500));
    let idle = idle.finish();
    let writer = Writer::start(&cluster);
    let entry = cluster.addr(0);
    let mut args = vec!["rebalance", &entry, "--use-empty-masters", "--yes"];
    args.extend(case.ours);
    run(&rcluster(), &args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>());
    let written = writer.finish();
    assert_eq!(written.errors, Vec::<String>::new(), "a client saw errors");
    detail("longest wait of a client", Unit::Milliseconds, written.longest.as_secs_f64());
    detail("  the same at rest", Unit::Milliseconds, idle.longest.as_secs_f64());
}

/// Three masters with all slots and keys, and one with none; their replicas come last.
fn three_and_one(case: &Case) -> TestCluster {
    let server = Server { name: case.server.to_owned(), ..Server::default() };
    let cluster = TestCluster::start_as(4 * (1 + case.replicas), &server).settled();
    let addrs = cluster.addrs();
    super::support::rcluster(&["create", &addrs[0], &addrs[1], &addrs[2], "--yes"]).succeeds();
    let rest: Vec<&str> = addrs.iter().skip(3).map(String::as_str).collect();
    super::support::rcluster(&[&["meet", &addrs[0]], &rest[..]].concat()).succeeds();
    for (replica, master) in (4..addrs.len()).zip((0..4).cycle()) {
        super::support::rcluster(&["replicate", &addrs[replica], &addrs[master]]).succeeds();
    }
    cluster.wait_for_replicas();
    let owners = [0, 5461, 10923].map(|slot| owner(&cluster, Slot::new(slot).expect("a slot")));
    let value = "x".repeat(case.bytes);
    let mut pipelines: BTreeMap<usize, Pipeline> = BTreeMap::new();
    let mut connections: Vec<_> = (0..4).map(|node| cluster.connect(node)).collect();
    for number in 0..case.keys {
        let key = format!("key:{number}");
        let slot = usize::from(Slot::of_key(key.as_bytes()).get());
        let node = owners[if slot <= 5460 {
            0
        } else if slot <= 10922 {
            1
        } else {
            2
        }];
        let pipeline = pipelines.entry(node).or_default();
        pipeline.cmd("SET").arg(&key).arg(&value).ignore();
        if pipeline.len() == 2000 {
            pipeline.query::<()>(&mut connections[node]).expect("the keys are taken");
            pipeline.clear();
        }
    }
    for (node, pipeline) in pipelines {
        pipeline.query::<()>(&mut connections[node]).expect("the keys are taken");
    }
    cluster
}
