//! `meet`, `addslots`, `delslots`, `replicate`: the same cluster, step by step.

use serde_json::json;

use crate::support::{Run, TestCluster, rcluster};

fn meet_all(cluster: &TestCluster) -> Run {
    let addrs = cluster.addrs();
    let args: Vec<&str> = ["meet"].into_iter().chain(addrs.iter().map(String::as_str)).collect();
    rcluster(&args)
}

#[test]
fn the_steps_typed_by_hand_end_in_a_healthy_cluster() {
    let cluster = TestCluster::start(6);
    let addr = |node| cluster.addr(node);

    meet_all(&cluster).succeeds();
    // Each way to write ranges; the last is what a shell makes of {10923..16383}.
    rcluster(&["addslots", &addr(0), "0-5460"]).succeeds();
    rcluster(&["addslots", &addr(1), "5461..10000", "10001-10922"]).succeeds();
    let expanded: Vec<String> = (10_923..=16_383).map(|slot| slot.to_string()).collect();
    let third = addr(2);
    let args: Vec<&str> =
        ["addslots", &third].into_iter().chain(expanded.iter().map(String::as_str)).collect();
    rcluster(&args).succeeds();
    // Each way to name a master.
    rcluster(&["replicate", &addr(3), &addr(0)]).succeeds();
    rcluster(&["replicate", &addr(4), &cluster.id(1)]).succeeds();
    rcluster(&["replicate", &addr(5), &cluster.id(2)[..20]]).succeeds();

    let check = rcluster(&["check", &addr(0), "--json"]).succeeds();
    assert_eq!(check.json()["healthy"], true);
    cluster.write_everywhere();
    for replica in 3..6 {
        let info: String = cluster.ask(replica, &["INFO", "replication"]);
        assert!(info.contains(&format!("master_port:{}", cluster.port(replica - 3))), "{info}");
    }
}

#[test]
fn every_step_again_changes_nothing() {
    let cluster = TestCluster::formed(4, 1);
    cluster.tell_all(&["CONFIG", "RESETSTAT"]);
    let steps = [
        vec!["meet".to_owned(), cluster.addr(0), cluster.addr(1), cluster.addr(2)],
        vec!["addslots".to_owned(), cluster.addr(0), "0-100".to_owned()],
        vec!["replicate".to_owned(), cluster.addr(2), cluster.addr(0)],
    ];
    for step in steps {
        let args: Vec<&str> = step.iter().map(String::as_str).chain(["--json"]).collect();
        assert_eq!(rcluster(&args).succeeds().json()["changed"], false, "{step:?}");
    }
    assert_eq!(cluster.changes(), Vec::<String>::new());
}

#[test]
fn each_step_is_seen_by_every_node_when_it_returns() {
    let cluster = TestCluster::start(4);
    meet_all(&cluster).succeeds();
    for node in 0..4 {
        let nodes: String = cluster.ask(node, &["CLUSTER", "NODES"]);
        assert_eq!(nodes.lines().filter(|line| !line.contains("handshake")).count(), 4, "{nodes}");
    }

    rcluster(&["addslots", &cluster.addr(1), "7000", "9000-9001"]).succeeds();
    let owned = json!([[7000, 7000], [9000, 9001]]);
    for node in 0..4 {
        assert_eq!(seen(&cluster, node, 1)["slots"], owned);
    }

    rcluster(&["replicate", &cluster.addr(3), &cluster.addr(1)]).succeeds();
    for node in 0..4 {
        let nodes: String = cluster.ask(node, &["CLUSTER", "NODES"]);
        let line = nodes.lines().find(|line| line.starts_with(&cluster.id(3))).unwrap().to_owned();
        assert!(line.contains(&format!("slave {}", cluster.id(1))), "{line}");
    }

    rcluster(&["delslots", &cluster.addr(1), "9000-9001", "--yes"]).succeeds();
    for node in 0..4 {
        let nodes: String = cluster.ask(node, &["CLUSTER", "NODES"]);
        let line = nodes.lines().find(|line| line.starts_with(&cluster.id(1))).unwrap().to_owned();
        assert!(line.ends_with("connected 7000"), "{line}");
    }
}

/// How one node sees another, as `nodes --json` asked through the former tells.
fn seen(cluster: &TestCluster, by: usize, subject: usize) -> serde_json::Value {
    let nodes =
        rcluster(&["nodes", &cluster.addr(by), "--json"]).succeeds().json()["nodes"].clone();
    let id = cluster.id(subject);
    nodes.as_array().unwrap().iter().find(|node| node["id"] == id.as_str()).unwrap().clone()
}

#[test]
fn a_dry_run_of_each_step_tells_the_commands_and_changes_nothing() {
    let cluster = TestCluster::formed(3, 0);
    let before = cluster.facts();
    let run = rcluster(&["delslots", &cluster.addr(0), "5", "--dry-run"]).succeeds();
    assert!(run.out.contains("CLUSTER DELSLOTS 5"), "{}", run.out);
    let run = rcluster(&["delslots", &cluster.addr(0), "5", "--dry-run", "--json"]).succeeds();
    assert_eq!(run.json()["steps"][0]["command"], "CLUSTER DELSLOTS 5");
    assert_eq!(cluster.facts(), before);
}

#[test]
fn a_newcomer_joins_a_running_cluster_and_becomes_a_replica() {
    let cluster = TestCluster::start(4);
    let addrs = cluster.addrs();
    rcluster(&["create", &addrs[0], &addrs[1], &addrs[2], "--yes"]).succeeds();
    cluster_writes(&cluster);

    rcluster(&["meet", &addrs[0], &addrs[3]]).succeeds();
    rcluster(&["replicate", &addrs[3], &addrs[2]]).succeeds();

    let check = rcluster(&["check", &addrs[3], "--json", "--wait", "20s"]).succeeds();
    assert_eq!(check.json()["cluster"]["known_nodes"], 4);
}

fn cluster_writes(cluster: &TestCluster) {
    cluster.tell(0, &["SET", "{06S}x", "in slot 0"]);
}

#[test]
fn slots_with_keys_are_not_left_without_an_owner() {
    let cluster = TestCluster::formed(3, 0);
    cluster.write_everywhere();
    let slot: u16 = cluster.ask(0, &["CLUSTER", "KEYSLOT", "key:1"]);
    let owner = (0..3)
        .find(|&node| cluster.try_ask::<Option<String>>(node, &["GET", "key:1"]).is_ok())
        .unwrap();
    let before = cluster.facts();

    let run = rcluster(&["delslots", &cluster.addr(owner), &slot.to_string(), "--yes"]).exits(1);

    run.tells(&["holds", "keys", &slot.to_string()]);
    assert_eq!(cluster.facts(), before);
}

#[test]
fn slots_are_not_given_up_behind_the_back_of_a_node_that_hangs() {
    let cluster = TestCluster::formed(3, 0);
    cluster.nodes[2].signal(rustix::process::Signal::STOP);
    let args = ["delslots", &cluster.addr(0), "5", "--yes", "--timeout", "1s"];
    let run = rcluster(&args).exits(3);
    run.tells(&[&cluster.addr(2), "cannot be notified", "--force"]);
    let run = rcluster(&[&args[..], &["--force"]].concat());
    cluster.nodes[2].signal(rustix::process::Signal::CONT);
    run.succeeds();
    let nodes: String = cluster.ask(1, &["CLUSTER", "NODES"]);
    assert!(nodes.contains("0-4 6-5460"), "{nodes}");
}

#[test]
fn a_newcomer_is_met_whatever_the_old_nodes_think_of_each_other() {
    let cluster = TestCluster::start(4);
    let addrs = cluster.addrs();
    rcluster(&["create", &addrs[0], &addrs[1], &addrs[2], "--yes"]).succeeds();
    cluster.tell(0, &["CLUSTER", "DELSLOTS", "6000"]);
    rcluster(&["meet", &addrs[0], &addrs[3], "--join-timeout", "10s"]).succeeds();
    rcluster(&["meet", &addrs[0], &addrs[3], &addrs[3]]).exits(2).tells(&["given twice"]);
}
