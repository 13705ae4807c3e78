//! Replicas with a say in slots: they claim some, or slots are migrating or importing at them.

use std::fs;

use serde_json::json;

use crate::support::data::{assert_same, contents, fill, view};
use crate::support::{Run, TestCluster, eventually, rcluster, server_under_test};

const REPLICA: usize = 3;

fn check(cluster: &TestCluster) -> Run {
    rcluster(&["check", &cluster.addr(0), "--json"])
}

/// A cluster with keys, every replica in sync.
fn filled() -> TestCluster {
    let cluster = TestCluster::formed(6, 1);
    fill(&cluster, 300);
    in_sync(&cluster);
    cluster
}

fn in_sync(cluster: &TestCluster) {
    cluster.wait_for_replicas();
    eventually("the replica has all keys of its master", || {
        let keys = |node| cluster.ask::<u64>(node, &["DBSIZE"]);
        keys(REPLICA) == keys(0)
    });
}

/// Has a node come back with more in its own line of nodes.conf.
fn remember(cluster: &mut TestCluster, node: usize, more: &str) {
    cluster.tell_all(&["SAVE"]);
    cluster.nodes[node].kill();
    let path = cluster.nodes[node].dir().join("nodes.conf");
    let text = fs::read_to_string(&path).unwrap();
    let lines = text.lines().map(|line| match line.contains("myself") {
        true => format!("{} {more}\n", line.trim_end()),
        false => format!("{line}\n"),
    });
    fs::write(&path, lines.collect::<String>()).unwrap();
    cluster.restart(node);
}

#[test]
fn a_replica_that_claims_slots_is_named_and_fix_takes_the_claim_away() {
    let cluster = filled();
    let before = contents(&cluster);
    cluster.tell_all(&["CLUSTER", "DELSLOTS", "16000", "16001"]);
    cluster.tell(REPLICA, &["CLUSTER", "ADDSLOTS", "16000", "16001"]);

    let run = check(&cluster).exits(1);
    let problem = run.problem("replica-claims-slots");
    assert_eq!(problem["nodes"], json!([cluster.addr(REPLICA)]));
    assert_eq!(problem["slots"], json!([[16000, 16001]]));
    assert_eq!(run.json()["cluster"]["slots_covered"], 16382, "a replica owns nothing");
    assert_eq!(run.json()["cluster"]["size"], 3);
    assert!(!run.kinds().contains(&"views-differ".to_owned()), "{run:?}");

    let dry = rcluster(&["fix", &cluster.addr(0), "--dry-run", "--json"]).succeeds().json();
    assert_eq!(dry["replicas"][0]["node"], cluster.addr(REPLICA));
    assert_eq!(dry["replicas"][0]["claims"], json!([[16000, 16001]]));
    run.follow("replica-claims-slots");

    rcluster(&["check", &cluster.addr(0), "--strict", "--wait", "10s"]).succeeds();
    assert!(view(&cluster, REPLICA).me().slots.is_empty());
    assert_same(&before, &contents(&cluster));
    rcluster(&["fix", &cluster.addr(0)]).succeeds();
}

#[test]
fn slots_open_at_a_replica_hold_up_no_move_and_fix_clears_them() {
    let mut cluster = filled();
    let before = contents(&cluster);
    let (id, other) = (cluster.id(REPLICA), cluster.id(1));
    remember(&mut cluster, REPLICA, &format!("[100-<-{other}] [101->-{other}]"));
    in_sync(&cluster);

    let run = check(&cluster).succeeds();
    assert_eq!(run.kinds(), ["replica-slot-open"]);
    assert_eq!(run.problem("replica-slot-open")["slots"], json!([[100, 101]]));
    let moved = ["reshard", &cluster.addr(0), "--slots", "16000", "--to", &other, "--yes"];
    rcluster(&moved).succeeds();
    rcluster(&["rebalance", &cluster.addr(0), "--yes"]).succeeds();
    let way = if server_under_test().starts_with("valkey") { "master" } else { "rejoin" };
    let dry = rcluster(&["fix", &cluster.addr(0), "--dry-run", "--json"]).succeeds().json();
    assert_eq!(dry["replicas"][0]["action"], way, "{dry}");

    run.follow("replica-slot-open");

    assert!(view(&cluster, REPLICA).open.is_empty());
    assert_eq!(cluster.id(REPLICA), id);
    in_sync(&cluster);
    rcluster(&["check", &cluster.addr(0), "--strict", "--wait", "10s"]).succeeds();
    assert_same(&before, &contents(&cluster));
    rcluster(&["fix", &cluster.addr(0)]).succeeds();
}

#[test]
fn a_replica_whose_master_is_gone_is_never_reset() {
    let mut cluster = filled();
    let before = cluster.ask::<u64>(REPLICA, &["DBSIZE"]);
    // Nobody is promoted meanwhile.
    cluster.tell_all(&["CONFIG", "SET", "cluster-node-timeout", "60000"]);
    let other = cluster.id(1);
    remember(&mut cluster, REPLICA, &format!("[100-<-{other}]"));
    cluster.tell(REPLICA, &["CONFIG", "SET", "cluster-node-timeout", "60000"]);
    in_sync(&cluster);
    cluster.nodes[0].kill();

    let found = rcluster(&["check", &cluster.addr(1), "--json"]).exits(1);
    assert_eq!(found.problem("replica-slot-open")["fix"], json!(null));
    rcluster(&["fix", &cluster.addr(1), "--yes"]);

    assert_eq!(cluster.ask::<u64>(REPLICA, &["DBSIZE"]), before);
    assert_eq!(view(&cluster, REPLICA).open.len(), 1);
}

#[test]
fn a_replica_that_was_reset_rejoins_its_master() {
    let cluster = filled();
    let before = contents(&cluster);
    let master: rcluster::model::NodeId = cluster.id(0).parse().unwrap();
    let rejoins = || {
        cluster.tell(REPLICA, &["CLUSTER", "RESET", "SOFT"]);
        rcluster(&["fix", &cluster.addr(0), "--yes"]).succeeds();
        let is_back = view(&cluster, REPLICA).me().role.master() == Some(master);
        // Where the others had heard that it is a master, nothing says what it was.
        if !is_back {
            rcluster(&["replicate", &cluster.addr(REPLICA), &cluster.addr(0)]).succeeds();
        }
        in_sync(&cluster);
        is_back
    };

    eventually("fix looks before the others hear of a reset", rejoins);

    rcluster(&["check", &cluster.addr(0), "--strict", "--wait", "10s"]).succeeds();
    assert_same(&before, &contents(&cluster));
}

/// Valkey takes the messages of a replica for old ones where it last heard of it, in the same shard, as
/// a master with a higher config epoch than its master's.
#[test]
fn a_former_master_with_a_higher_epoch_is_heard_as_a_replica() {
    let cluster = filled();
    let before = contents(&cluster);
    cluster.tell(REPLICA, &["CLUSTER", "RESET", "SOFT"]);
    cluster.tell(REPLICA, &["CLUSTER", "BUMPEPOCH"]);
    let id: rcluster::model::NodeId = cluster.id(REPLICA).parse().unwrap();
    let epoch = view(&cluster, REPLICA).me().epoch;
    for node in [0, 1, 2, 4, 5] {
        let port = cluster.port(node).to_string();
        cluster.tell(REPLICA, &["CLUSTER", "MEET", "127.0.0.1", &port]);
    }
    eventually("another has heard of its epoch", || {
        let others = [1, 2, 4, 5].map(|node| view(&cluster, node));
        others.iter().any(|view| view.node(id).is_some_and(|node| node.epoch >= epoch))
            && view(&cluster, REPLICA).members().count() == 6
    });

    rcluster(&["replicate", &cluster.addr(REPLICA), &cluster.addr(0)]).succeeds();

    in_sync(&cluster);
    rcluster(&["check", &cluster.addr(0), "--strict", "--wait", "10s"]).succeeds();
    assert_same(&before, &contents(&cluster));
}
