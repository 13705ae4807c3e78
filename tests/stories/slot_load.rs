//! `slots`: the heaviest are found, whatever the servers count.

use std::sync::atomic::{AtomicBool, Ordering};

use rcluster::model::Slot;
use redis::Connection;
use serde_json::Value;

use crate::support::{Run, Server, TestCluster, rcluster, server_under_test};

/// Hash tags of slots of the second master.
const MANY: &str = "{foo0}";
const BIG: &str = "{bar1}";

fn slot(tag: &str) -> u16 {
    Slot::of_key(tag.as_bytes()).get()
}

/// The master that owns the slot of a tag, of three that share them evenly.
fn owner(tag: &str) -> usize {
    usize::from(slot(tag) > 5460) + usize::from(slot(tag) > 10922)
}

fn slots(cluster: &TestCluster, more: &[&str]) -> Run {
    rcluster(&[&["slots", &cluster.addr(2), "--json"], more].concat())
}

fn first(run: &Run) -> Value {
    run.json()["slots"][0].clone()
}

/// Writes keys of one slot with values of sizes that follow no order.
fn write(connection: &mut Connection, tag: &str, count: usize, size: usize) {
    let mut pipe = redis::pipe();
    for n in 0..count {
        let value = "x".repeat(size + (n * 7919) % (size + 1));
        pipe.cmd("SET").arg(format!("{tag}:{n}")).arg(value).ignore();
    }
    pipe.query::<()>(connection).expect("they are written");
}

fn memory(connection: &mut Connection, tag: &str, count: usize) -> u64 {
    let mut pipe = redis::pipe();
    for n in 0..count {
        pipe.cmd("MEMORY").arg("USAGE").arg(format!("{tag}:{n}"));
    }
    pipe.query::<Vec<u64>>(connection).expect("their sizes").iter().sum()
}

#[test]
fn the_heaviest_slots_are_found_by_keys_and_by_memory() {
    let databases = server_under_test().starts_with("valkey-9");
    // It counts the memory of slots, if it is told to when it starts.
    let counts = server_under_test() == "redis-8.6";
    let setting = match (databases, counts) {
        (true, _) => vec!["cluster-databases 4"],
        (_, true) => vec!["cluster-slot-stats-enabled yes"],
        _ => Vec::new(),
    };
    let mut cluster = TestCluster::start_as(3, &Server::with(&setting));
    cluster.create(0).succeeds();
    cluster.write_everywhere();
    let (many, big) = (owner(MANY), owner(BIG));
    let mut at_many = cluster.connect(many);
    let mut at_big = cluster.connect(big);
    write(&mut at_many, MANY, 3000, 40);
    write(&mut at_big, BIG, 1500, 2000);
    let truth = memory(&mut at_big, BIG, 1500);
    let mut elsewhere = 0;
    if databases {
        redis::cmd("SELECT").arg(2).query::<()>(&mut at_many).unwrap();
        write(&mut at_many, MANY, 500, 40);
        elsewhere = 500;
    }

    let by_keys = slots(&cluster, &[]).succeeds();
    let heaviest = first(&by_keys);
    assert_eq!(
        (&heaviest["slot"], &heaviest["amount"]),
        (&slot(MANY).into(), &(3000 + elsewhere).into())
    );
    assert_eq!(heaviest["master"]["addr"], cluster.addr(many));
    assert_eq!(heaviest["margin"], 0);
    assert_eq!(by_keys.json()["total"], 200 + 3000 + 1500 + elsewhere);
    assert_eq!(by_keys.json()["slots"].as_array().unwrap().len(), 20);

    // More keys than are measured one by one: it may be off, and says by how much.
    let by_memory = slots(&cluster, &["--by", "memory", "--top", "3"]).succeeds();
    let heaviest = first(&by_memory);
    let (amount, error) = (&heaviest["amount"], &heaviest["margin"]);
    let (amount, error) = (amount.as_u64().unwrap(), error.as_u64().unwrap());
    assert_eq!((&heaviest["slot"], &heaviest["keys"]), (&slot(BIG).into(), &1500.into()));
    let off = if counts { truth / 50 } else { 2 * error };
    assert!(amount.abs_diff(truth) <= off, "{amount} ± {error}, and not {truth}");
    assert!(counts || (error > 0 && error < truth / 10), "{amount} ± {error}, {truth}");
    // Keys of all databases count.
    let second = by_memory.json()["slots"][1].clone();
    assert_eq!(
        (&second["slot"], &second["keys"]),
        (&slot(MANY).into(), &(3000 + elsewhere).into())
    );
    let masters = by_memory.json()["masters"].clone();
    let source = if counts { "slot-stats" } else { "samples" };
    assert!(masters.as_array().unwrap().iter().all(|master| master["source"] == source));

    let text = rcluster(&["slots", &cluster.addr(0), "--by", "memory"]).succeeds().out;
    let told = if counts { "CLUSTER SLOT-STATS" } else { "in 95 of 100 cases" };
    assert!(text.contains("MiB") && text.contains(told), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");

    // Only of one master, and of those that reply.
    let other = (0..3).find(|node| *node != many && *node != big).unwrap_or(1);
    let one = slots(&cluster, &["--node", &cluster.addr(other)]).succeeds().json();
    assert_eq!(one["masters"].as_array().unwrap().len(), 1);
    assert!(
        one["slots"]
            .as_array()
            .unwrap()
            .iter()
            .all(|slot| slot["master"]["addr"] == cluster.addr(other))
    );
    let (gone, entry) = (cluster.addr(other), cluster.addr(many));
    cluster.nodes[other].kill();
    let run = rcluster(&["slots", &entry, "--json"]).succeeds().tells(&[&gone, "not included"]);
    assert_eq!(run.json()["unreachable"][0]["addr"], gone);
    rcluster(&["slots", &entry, "--node", &gone]).exits(3).tells(&[&gone]);
}

#[test]
fn a_hot_slot_is_found_where_servers_count_and_told_where_not() {
    let server = server_under_test();
    let enable = match server.as_str() {
        "redis-6.2" | "redis-7.0" => None,
        "redis-8.6" => Some("cpu net"),
        _ => Some("yes"),
    };
    let cluster = TestCluster::formed(3, 0);
    let why = if enable.is_some() {
        "cluster-slot-stats-enabled is no"
    } else {
        "SLOT-STATS was refused"
    };
    slots(&cluster, &["--by", "cpu"])
        .exits(1)
        .tells(&[why, "CONFIG SET cluster-slot-stats-enabled"]);
    slots(&cluster, &["--by", "memory", "--sample", "1s"]).exits(2);
    let Some(enable) = enable else { return };
    cluster.tell_all(&["CONFIG", "SET", "cluster-slot-stats-enabled", enable]);

    let stop = AtomicBool::new(false);
    let [mut cold, mut hot] =
        [BIG, MANY].map(|tag| (cluster.connect(owner(tag)), format!("{tag}:1")));
    // What was before counts in the sum, and not in a sample.
    redis::cmd("SET").arg(&cold.1).arg("x".repeat(4 << 20)).query::<()>(&mut cold.0).unwrap();
    assert_eq!(first(&slots(&cluster, &["--by", "network"]).succeeds())["slot"], slot(BIG));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                redis::cmd("APPEND").arg(&hot.1).arg("x").query::<()>(&mut hot.0).unwrap();
            }
        });
        let sample = |by| slots(&cluster, &["--by", by, "--sample", "300ms"]);
        let (cpu, network) = (sample("cpu"), sample("network"));
        stop.store(true, Ordering::Relaxed);
        assert_eq!(first(&cpu.succeeds())["slot"], slot(MANY));
        let network = network.succeeds();
        assert_eq!(
            (&first(&network)["slot"], &network.json()["unit"]),
            (&slot(MANY).into(), &"bytes/s".into())
        );
        assert!(first(&network)["network_in"].as_u64().unwrap() > 100, "{network:?}");
    });
}
