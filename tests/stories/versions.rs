//! Servers of several versions in one cluster: nobody becomes the replica of a master whose data it
//! cannot read without that being said.

use crate::support::{Server, TestCluster, are_here, eventually, rcluster, server_under_test};

/// Pairs of an older and a newer server: the older cannot replicate the newer.
fn pairs() -> Vec<(&'static str, &'static str)> {
    // The server under test, with another of its kind.
    let mut pairs = match &*server_under_test() {
        "redis-6.2" => vec![("redis-6.2", "redis-7.0")],
        "redis-7.0" => vec![("redis-7.0", "redis-8.6"), ("redis-6.2", "redis-7.0")],
        "redis-8.2" => vec![("redis-8.2", "redis-8.6")],
        _ => Vec::new(),
    };
    pairs.retain(|(older, newer)| are_here(&[older, newer]));
    pairs
}

fn servers(name: &str, count: usize) -> TestCluster {
    TestCluster::start_as(count, &Server { name: name.to_owned(), ..Server::default() })
}

/// Three masters and a replica each; those with these numbers are of the newer version.
fn mixed(pair: (&str, &str), newer: &[usize]) -> TestCluster {
    let mut cluster = TestCluster::start(0);
    for node in 0..6 {
        cluster.adopt(servers(if newer.contains(&node) { pair.1 } else { pair.0 }, 1));
    }
    cluster
}

fn keys(cluster: &TestCluster, node: usize) -> u64 {
    cluster.ask(node, &["DBSIZE"])
}

#[test]
fn a_promotion_that_leaves_older_nodes_behind_is_refused() {
    for pair in pairs() {
        let cluster = mixed(pair, &[3]);
        cluster.create(1).succeeds();
        cluster.wait_for_replicas();
        cluster.write_everywhere();
        let (entry, old, new) = (cluster.addr(1), cluster.addr(0), cluster.addr(3));
        let (before, held) = (cluster.facts(), keys(&cluster, 0));

        rcluster(&["failover", &entry, &new, "--yes"]).exits(1).tells(&[
            &format!("{old} (Redis"),
            &format!("cannot replicate {new} (Redis"),
            "nothing was changed",
            "--accept-older-replicas",
        ]);
        assert_eq!((cluster.facts(), keys(&cluster, 0)), (before, held));

        rcluster(&["failover", &entry, &new, "--yes", "--accept-older-replicas"])
            .succeeds()
            .tells(&["warning:", &old, "a full sync leaves it without data"]);
        // It goes on from where it was, and may become master again.
        eventually("the older one follows", || {
            let info: String = cluster.ask(0, &["INFO", "replication"]);
            info.contains("master_link_status:up")
        });
        assert_eq!(keys(&cluster, 0), held);
        rcluster(&["failover", &entry, &old, "--yes"]).succeeds();
    }
}

#[test]
fn a_node_joins_masters_that_it_can_read() {
    for pair in pairs() {
        // One master is older: the others are none for an older replica.
        let mut cluster = mixed(pair, &[0, 2, 3, 5]);
        let masters: Vec<String> = (0..3).map(|node| cluster.addr(node)).collect();
        rcluster(&["create", &masters[0], &masters[1], &masters[2], "--yes"]).succeeds();
        cluster.adopt(servers(pair.0, 2));
        let (entry, older, other) = (cluster.addr(0), cluster.addr(4), cluster.addr(6));

        let add = |more: &[&str]| {
            rcluster(&[&["add-node", &older, &entry, "--yes", "--replica-of"], more].concat())
        };
        let refused = ["cannot replicate", &masters[2], "upgrade", "--force"];
        add(&[&masters[2]]).exits(1).tells(&refused);
        add(&["auto"]).succeeds();
        assert_eq!(master_of(&cluster, 4), cluster.id(1));
        // Though that master has one already, the next goes there as well.
        rcluster(&["add-node", &other, &entry, "--yes", "--replica-of", "auto"]).succeeds();
        assert_eq!(master_of(&cluster, 6), cluster.id(1));
        rcluster(&["replicate", &other, &masters[2]]).exits(1).tells(&refused);
        assert_eq!(master_of(&cluster, 6), cluster.id(1));

        // A node of the newer version has the choice.
        let newer = cluster.addr(3);
        rcluster(&["add-node", &newer, &entry, "--yes", "--replica-of", "auto"]).succeeds();
        assert_ne!(master_of(&cluster, 3), cluster.id(1));

        // In place of a dead replica of a newer master no older one comes.
        let (dead, spare) = (cluster.id(3), cluster.addr(7));
        cluster.nodes[3].kill();
        let replace = ["replace-node", &masters[1], &dead, &spare, "--yes"];
        rcluster(&replace).exits(1).tells(&["cannot replicate", "upgrade"]);
        assert_eq!(cluster.ask::<String>(7, &["CLUSTER", "NODES"]).lines().count(), 1);
        let forced = rcluster(&[&replace[..], &["--force"]].concat()).succeeds();
        forced.tells(&["warning:", "cannot replicate"]);
    }
}

#[test]
fn replicas_that_would_get_a_newer_master_keep_theirs() {
    for pair in pairs() {
        // The only older master is to leave; its replica is older as well.
        let cluster = mixed(pair, &[1, 2, 4, 5]);
        cluster.create(1).succeeds();
        cluster.wait_for_replicas();
        let (entry, leaving) = (cluster.addr(1), cluster.addr(0));
        let before = cluster.facts();
        let leave = ["del-node", &entry, &leaving, "--drain", "--yes"];
        rcluster(&leave).exits(1).tells(&[&cluster.addr(3), "cannot replicate", "--force"]);
        assert_eq!(cluster.facts(), before);
    }
}

#[test]
fn create_refuses_replicas_that_are_too_old() {
    for pair in pairs() {
        let cluster = mixed(pair, &[1]);
        let before = cluster.facts();
        let refused = cluster.create(1).exits(1);
        refused.tells(&[&format!("{} (Redis", cluster.addr(4)), "cannot replicate", "--force"]);
        assert_eq!(cluster.facts(), before);
        // With the newer one as a replica the same nodes form a cluster.
        let addrs = [1, 0, 2, 3, 4, 5].map(|node| cluster.addr(node));
        let order = [&addrs[1..4], &addrs[..1], &addrs[4..]].concat();
        let order: Vec<&str> = order.iter().map(String::as_str).collect();
        rcluster(&[&["create", "--replicas", "1", "--yes"], &order[..]].concat()).succeeds();
    }
}

#[test]
fn valkey_9_has_older_replicas() {
    if server_under_test() != "valkey-9.1" || !are_here(&["valkey-8.1"]) {
        return;
    }
    let mut cluster = servers("valkey-9.1", 3);
    cluster.adopt(servers("valkey-8.1", 3));
    cluster.create(1).succeeds();
    eventually("older replicas are in sync", || {
        (3..6).all(|node| {
            let info: String = cluster.ask(node, &["INFO", "replication"]);
            info.contains("master_link_status:up")
        })
    });
    cluster.write_everywhere();
    rcluster(&["failover", &cluster.addr(0), &cluster.addr(3), "--yes"]).succeeds();
    rcluster(&["check", &cluster.addr(0), "--wait", "20s"]).succeeds();
    rcluster(&["failover", &cluster.addr(0), &cluster.addr(0), "--yes"]).succeeds();
    rcluster(&["check", &cluster.addr(0), "--wait", "20s"]).succeeds();
}

fn master_of(cluster: &TestCluster, node: usize) -> String {
    let nodes: String = cluster.ask(node, &["CLUSTER", "NODES"]);
    let own = nodes.lines().find(|line| line.contains("myself")).unwrap();
    own.split(' ').nth(3).unwrap().to_owned()
}
