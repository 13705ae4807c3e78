//! `set-timeout`: one cluster-node-timeout for all nodes, for good.

use crate::support::{TestCluster, rcluster};

fn timeouts(cluster: &TestCluster) -> Vec<String> {
    cluster.settings("cluster-node-timeout")
}

#[test]
fn every_node_has_it_and_keeps_it_over_a_restart() {
    let mut cluster = TestCluster::formed(3, 0);
    let entry = cluster.addr(0);

    let dry = rcluster(&["set-timeout", &entry, "7000", "--dry-run"]).succeeds();
    assert!(dry.out.contains(&format!("{entry}: 15000 ms becomes 7000 ms")), "{dry:?}");
    assert_eq!(timeouts(&cluster), ["15000"; 3]);

    let set = rcluster(&["set-timeout", &entry, "7000", "--yes", "--json"]).succeeds();
    assert_eq!(
        (&set.json()["changed"], timeouts(&cluster)),
        (&true.into(), vec!["7000".into(); 3])
    );
    let before = cluster.changes();
    let again = rcluster(&["set-timeout", &entry, "7000", "--yes", "--json"]).succeeds();
    assert_eq!(again.json()["changed"], false);
    assert_eq!(cluster.changes(), before);

    let config = std::fs::read_to_string(cluster.nodes[1].dir().join("redis.conf")).unwrap();
    assert!(config.contains("cluster-node-timeout 7000"), "{config}");
    cluster.nodes[1].kill();
    rcluster(&["set-timeout", &entry, "9000", "--yes"])
        .exits(3)
        .tells(&["--force", &cluster.addr(1)]);
    assert_eq!(
        cluster.ask::<Vec<String>>(0, &["CONFIG", "GET", "cluster-node-timeout"])[1],
        "7000"
    );
    rcluster(&["set-timeout", &entry, "9000", "--yes", "--force"]).succeeds();
    assert_eq!(
        cluster.ask::<Vec<String>>(2, &["CONFIG", "GET", "cluster-node-timeout"])[1],
        "9000"
    );
}

#[test]
fn where_one_node_refuses_all_have_their_old_value_again() {
    let cluster = TestCluster::formed(3, 0);
    cluster.tell(1, &["CONFIG", "SET", "cluster-node-timeout", "5000"]);
    // Servers before 7.0 know no rights for a part of a command.
    let right = if cluster.try_ask::<String>(2, &["ACL", "SETUSER", "x", "-config|set"]).is_ok() {
        "-config|set"
    } else {
        "-config"
    };
    cluster.tell(2, &["ACL", "SETUSER", "default", right]);

    let refused = rcluster(&["set-timeout", &cluster.addr(0), "7000", "--yes"]);

    assert!([1, 3].contains(&refused.code.unwrap()), "{refused:?}");
    refused.tells(&[&cluster.addr(2)]);
    cluster.tell(2, &["ACL", "SETUSER", "default", "+config"]);
    assert_eq!(timeouts(&cluster), ["15000", "5000", "15000"]);
    let config = std::fs::read_to_string(cluster.nodes[1].dir().join("redis.conf")).unwrap();
    assert!(!config.contains("cluster-node-timeout 7000"), "{config}");
    rcluster(&["set-timeout", &cluster.addr(0), "99", "--yes"]).exits(2).tells(&["99"]);
    rcluster(&["set-timeout", &cluster.addr(0), "7000"]).exits(2).tells(&["--yes"]);
}
