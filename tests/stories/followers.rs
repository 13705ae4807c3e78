//! Whoever is promoted, the rest of the shard follows. A server leaves a replica under the old master
//! that hears of the old one's new role first: with five of them, on busy cores, often one.

use rcluster::model::NodeId;

use crate::support::data::{assert_same, contents, fill, view};
use crate::support::{Server, TestCluster, are_here, rcluster, server_under_test};

const REPLICAS: usize = 5;

/// Where Redis is under test, the newest there is: the older ones hardly ever leave one behind.
fn server() -> Server {
    let newest = match &*server_under_test() {
        "redis-7.0" if are_here(&["redis-8.6"]) => "redis-8.6".to_owned(),
        name => name.to_owned(),
    };
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
    rcluster(&["add-node", &addrs[new], &addrs[0], "--replica-of", &addrs[0], "--yes"]).succeeds();

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
