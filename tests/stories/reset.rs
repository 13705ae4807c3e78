//! `reset`: nodes come out of whatever they are in, and nothing is lost unasked.

use crate::support::{Run, TestCluster, rcluster, server_under_test};

fn reset(cluster: &TestCluster, more: &[&str]) -> Run {
    let addrs = cluster.addrs();
    let mut args = vec!["reset"];
    args.extend(addrs.iter().map(String::as_str));
    args.extend(more);
    rcluster(&args)
}

/// Every node knows itself only, owns nothing and holds nothing.
fn assert_empty(cluster: &TestCluster) {
    for (node, fact) in cluster.facts().iter().enumerate() {
        assert_eq!(fact.lines().count(), 1, "{fact}");
        assert!(fact.contains("myself,master") && fact.ends_with("[]"), "{fact}");
        assert_eq!(cluster.ask::<u64>(node, &["DBSIZE"]), 0);
    }
}

#[test]
fn the_nodes_of_another_attempt_are_reset_and_formed_anew() {
    let cluster = TestCluster::start(6);
    let addrs = cluster.addrs();
    // A half-formed set: met, one of them with slots, one a replica.
    rcluster(&["meet", &addrs[0], &addrs[1], &addrs[2], &addrs[3]]).succeeds();
    rcluster(&["addslots", &addrs[3], "0-100"]).succeeds();
    rcluster(&["replicate", &addrs[0], &addrs[3]]).succeeds();
    let refused = cluster.create(1).exits(1);
    let hint = refused.err.lines().find(|line| line.contains("rcluster reset")).unwrap().to_owned();

    // The hint is a command that works.
    let words: Vec<&str> =
        hint.split("rcluster ").nth(1).unwrap().split(' ').chain(["--yes"]).collect();
    rcluster(&words).succeeds();
    reset(&cluster, &["--yes"]).succeeds();
    assert_empty(&cluster);
    cluster.create(1).succeeds();
    cluster.write_everywhere();
}

#[test]
fn keys_are_not_deleted_unless_asked() {
    let cluster = TestCluster::formed(3, 0);
    cluster.write_everywhere();
    let before = cluster.facts();

    reset(&cluster, &["--yes", "--force"]).exits(1).tells(&["keys", "--flush"]);
    assert_eq!(cluster.facts(), before);
    reset(&cluster, &["--yes", "--flush"])
        .exits(1)
        .tells(&["master of a working cluster", "--force"]);
    assert_eq!(cluster.facts(), before);
    cluster.write_everywhere();

    reset(&cluster, &["--yes", "--flush", "--force"]).succeeds();
    assert_empty(&cluster);
}

#[test]
fn it_asks_and_a_dry_run_only_tells() {
    let cluster = TestCluster::formed(3, 0);
    let before = cluster.facts();
    reset(&cluster, &["--force"]).exits(2).tells(&["no terminal"]);
    let run = reset(&cluster, &["--force", "--dry-run"]).succeeds();
    assert!(run.out.contains("forget 2 nodes, own no slots (now slots 0-5460)"), "{}", run.out);
    assert_eq!(cluster.facts(), before);
}

#[test]
fn again_it_changes_nothing_but_hard_gives_new_ids() {
    let cluster = TestCluster::formed(3, 0);
    let ids = |cluster: &TestCluster| (0..3).map(|node| cluster.id(node)).collect::<Vec<_>>();
    let first = ids(&cluster);
    reset(&cluster, &["--yes", "--force"]).succeeds();
    assert_eq!(ids(&cluster), first);
    assert_eq!(reset(&cluster, &["--yes", "--json"]).succeeds().json()["changed"], false);

    assert_eq!(reset(&cluster, &["--yes", "--hard", "--json"]).succeeds().json()["changed"], true);
    assert!(ids(&cluster).iter().all(|id| !first.contains(id)));
    cluster.create(0).succeeds();
    cluster.write_everywhere();
}

#[test]
fn replicas_and_functions_are_reset_too() {
    let cluster = TestCluster::formed(4, 1);
    let has_functions = server_under_test() != "redis-6.2";
    if has_functions {
        let code = "#!lua name=mylib\nredis.register_function('f', function() return 1 end)";
        cluster.tell(0, &["FUNCTION", "LOAD", code]);
        reset(&cluster, &["--yes", "--force"]).exits(1).tells(&["1 function library", "--flush"]);
    }
    cluster.write_everywhere();
    cluster.wait_for_replicas();

    reset(&cluster, &["--yes", "--force", "--flush"]).succeeds();

    assert_empty(&cluster);
    if has_functions {
        let left: Vec<redis::Value> = cluster.ask(0, &["FUNCTION", "LIST"]);
        assert!(left.is_empty(), "{left:?}");
    }
    cluster.create(1).succeeds();
}
