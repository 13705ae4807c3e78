//! Nodes that announce host names: every command takes them by address, and by name.

use crate::support::data::{assert_same, contents, fill};
use crate::support::{Server, TestCluster, eventually, rcluster, server_under_test};

/// A server that knows host names (7.0 and later).
fn server(hostname: &str, more: &[&str]) -> Server {
    let under_test = server_under_test();
    let name = if under_test == "redis-6.2" { "redis-7.0".to_owned() } else { under_test };
    let mut settings = vec![
        format!("cluster-announce-hostname {hostname}"),
        "cluster-preferred-endpoint-type hostname".to_owned(),
    ];
    settings.extend(more.iter().map(|line| (*line).to_owned()));
    Server { name, settings, ..Server::default() }
}

fn named(names: &[&str]) -> TestCluster {
    let mut cluster = TestCluster::start(0);
    for name in names {
        cluster.adopt(TestCluster::start_as(1, &server(name, &[])));
    }
    cluster
}

fn every_command(cluster: &TestCluster) {
    let addrs = cluster.addrs();
    let addr = |node: usize| addrs[node].as_str();
    let entry = addr(1);
    let six: Vec<&str> = addrs[..6].iter().map(String::as_str).collect();
    let create = [&["create", "--replicas", "1", "--yes", "--json"], &six[..]].concat();
    rcluster(&create).succeeds();
    assert_eq!(rcluster(&create).succeeds().json()["changed"], false);
    cluster.wait_for_replicas();
    fill(cluster, 100);
    let before = contents(cluster);
    rcluster(&["check", entry, "--strict", "--wait", "20s"]).succeeds();
    for command in ["info", "nodes"] {
        rcluster(&[command, entry]).succeeds();
    }
    rcluster(&["add-node", addr(6), entry, "--yes", "--replica-of", addr(1)]).succeeds();
    rcluster(&["failover", entry, addr(3), "--yes"]).succeeds();
    rcluster(&["reshard", entry, "--to", addr(3), "--slots", "6000-6099", "--yes"]).succeeds();
    rcluster(&["rebalance", entry, "--yes"]).succeeds();
    rcluster(&["fix", entry, "--yes"]).succeeds();
    rcluster(&["set-timeout", entry, "5000", "--yes"]).succeeds();
    rcluster(&["del-node", entry, addr(6), "--yes"]).succeeds();
    rcluster(&["check", entry, "--wait", "20s"]).succeeds();
    assert_same(&before, &contents(cluster));
}

#[test]
fn nodes_with_names_are_managed_by_their_addresses() {
    let names = ["a", "b", "c", "d", "e", "f", "g"].map(|node| format!("{node}.example.com"));
    every_command(&named(&names.each_ref().map(String::as_str)));
}

#[test]
fn names_may_be_long_and_two_nodes_may_have_one() {
    let long = format!("{}.{}.example.com", "n".repeat(60), "m".repeat(60));
    let names = [&*long, "same", "same", "same", "d.example.com", &long, "g.example.com"];
    every_command(&named(&names));
}

#[test]
fn a_node_is_named_by_its_host_name() {
    let cluster = named(&["localhost", "localhost", "localhost", "localhost"]);
    let by_name = |node: usize| format!("localhost:{}", cluster.port(node));
    let names: Vec<String> = (0..4).map(by_name).collect();
    rcluster(&["create", &names[0], &names[1], &names[2], "--yes", "-4"]).succeeds();
    rcluster(&["add-node", &names[3], &names[0], "--replica-of", &names[1], "--yes", "-4"])
        .succeeds();
    eventually("the replica is in sync", || {
        cluster.ask::<String>(3, &["INFO", "replication"]).contains("master_link_status:up")
    });
    rcluster(&["failover", &names[0], &names[3], "--yes", "-4"]).succeeds();
    rcluster(&["check", &names[2], "--wait", "20s", "-4"]).succeeds();
}
