//! What a promotion does to the rest of the shard and to clients.
//!
//! Whoever is promoted, the rest of the shard follows. A server leaves a replica under the old master
//! that hears of the old one's new role first: with five of them, on busy cores, often one.

use std::time::{Duration, Instant};

use rcluster::model::{NodeId, Slot};

use crate::support::data::{assert_same, contents, fill, view};
use crate::support::{Server, TestCluster, are_here, rcluster, server_under_test};

const REPLICAS: usize = 5;

/// The server under test; where that is Redis 7.0, another one, if it was fetched.
fn or_else(other: &str) -> String {
    match &*server_under_test() {
        "redis-7.0" if are_here(&[other]) => other.to_owned(),
        name => name.to_owned(),
    }
}

/// Older ones of Redis hardly ever leave one behind.
fn server() -> Server {
    let newest = or_else("redis-8.6");
    let settings = ["cluster-node-timeout 5000", "cluster-migration-barrier 9"];
    Server { name: newest, ..Server::with(&settings) }
}

/// Three masters, all replicas with the first, and a server outside.
fn lopsided() -> TestCluster {
    let cluster = TestCluster::start_as(3 + REPLICAS + 1, &server());
    let addrs = cluster.addrs();
    let layout = format!(
        "[[shard]]\nmaster = \"{}\"\nreplicas = {:?}\n[[shard]]\nmaster = \"{}\"\n[[shard]]\nmaster = \"{}\"\n",
        addrs[0],
        &addrs[3..3 + REPLICAS],
        addrs[1],
        addrs[2]
    );
    let path = cluster.dir().join("layout.toml");
    std::fs::write(&path, layout).unwrap();
    rcluster(&["create", "--layout", path.to_str().unwrap(), "--yes"]).succeeds();
    cluster.wait_for_replicas();
    cluster
}

#[test]
fn a_promotion_takes_all_replicas_with_it_also_one_that_has_just_joined() {
    let cluster = lopsided();
    let addrs = cluster.addrs();
    fill(&cluster, 100);
    let before = contents(&cluster);
    let new = 3 + REPLICAS;
    // It waits for its first copy, and is not promoted before it has that.
    cluster.tell(0, &["CONFIG", "SET", "repl-diskless-sync-delay", "60"]);
    rcluster(&["add-node", &addrs[new], &addrs[0], "--replica-of", &addrs[0], "--yes"]).succeeds();
    let early = ["failover", &addrs[1], &addrs[new], "--yes", "--within", "500ms"];
    rcluster(&early).exits(1).tells(&[&addrs[new], "nothing was changed"]);

    for successor in [3, 4] {
        rcluster(&["failover", &addrs[1], &addrs[successor], "--yes"]).succeeds();

        rcluster(&["check", &addrs[1]]).succeeds();
        let master: NodeId = cluster.id(successor).parse().unwrap();
        for node in (3..=new).chain([0]).filter(|node| *node != successor) {
            assert_eq!(view(&cluster, node).me().role.master(), Some(master), "node {node}");
        }
    }
    assert_same(&before, &contents(&cluster));
}

/// Writes to a master until it is none; gives the longest that one write took.
fn longest_write(cluster: &TestCluster, master: usize) -> Duration {
    let owned = view(cluster, master).me().slots.clone();
    let keys = (0..).map(|number| format!("key:{number}"));
    let key = keys.into_iter().find(|key| owned.contains(Slot::of_key(key.as_bytes()))).unwrap();
    let (mut connection, mut longest) = (cluster.connect(master), Duration::ZERO);
    loop {
        let begun = Instant::now();
        let written = redis::cmd("SET").arg(&key).arg("v").query::<()>(&mut connection);
        longest = longest.max(begun.elapsed());
        if let Err(error) = written {
            assert_eq!(error.code(), Some("MOVED"), "{error}");
            return longest;
        }
    }
}

#[test]
fn writers_are_held_for_a_moment_only() {
    // Redis 6.2 holds them for 10 s, unless it is told CLIENT UNPAUSE.
    let cluster = TestCluster::three_and_three(&or_else("redis-6.2"), &[]);
    let master = cluster.id(0).parse::<NodeId>().unwrap();
    let follows = |node: &usize| view(&cluster, *node).me().role.master() == Some(master);
    let replica = (3..6).find(follows).unwrap();
    let words = ["failover", &cluster.addr(1), &cluster.addr(replica), "--yes"];
    let longest = std::thread::scope(|scope| {
        let writer = scope.spawn(|| longest_write(&cluster, 0));
        rcluster(&words).succeeds();
        writer.join().unwrap()
    });
    assert!(longest < Duration::from_secs(5), "{longest:?}");
}
