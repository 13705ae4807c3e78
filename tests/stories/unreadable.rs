//! A server started on a damaged `nodes.conf` and lists nodes whose ids are no ids.

use std::fs;

use serde_json::json;

use crate::support::data::{assert_same, contents, fill, view};
use crate::support::{Run, TestCluster, eventually, rcluster, server_under_test};

fn check(cluster: &TestCluster, node: usize) -> Run {
    rcluster(&["check", &cluster.addr(node), "--json"])
}

/// Has a node come back with another text in its nodes.conf.
fn damage(cluster: &mut TestCluster, node: usize, change: impl Fn(&str) -> String) {
    cluster.tell(node, &["SAVE"]);
    cluster.nodes[node].kill();
    let path = cluster.nodes[node].dir().join("nodes.conf");
    let lines = fs::read_to_string(&path).unwrap();
    let lines = lines.lines().map(|line| change(line) + "\n");
    fs::write(&path, lines.collect::<String>()).unwrap();
    cluster.restart(node);
}

/// Servers that start on such a file: Valkey 9.1 ends on an assertion once it spreads the id.
fn starts() -> bool {
    server_under_test() != "valkey-9.1"
}

#[test]
fn a_line_with_a_bad_id_is_a_problem_of_its_own_and_forgotten() {
    if !starts() {
        return;
    }
    let mut cluster = TestCluster::formed(6, 1);
    fill(&cluster, 300);
    let before = contents(&cluster);
    let other = cluster.id(2);
    let bad = format!("zz{}", &other[2..]);
    damage(&mut cluster, 0, |line| match line.starts_with(&other) {
        true => line.replacen(&other, &bad, 1),
        false => line.to_owned(),
    });

    let mut run = check(&cluster, 0);
    eventually("check finds the line and nothing that follows from it", || {
        run = check(&cluster, 0);
        run.kinds().iter().any(|kind| kind == "unreadable-line")
            && run.kinds().iter().all(|kind| kind == "unreadable-line" || kind == "state-not-ok")
    });
    let problem = run.problem("unreadable-line");
    assert!(problem["message"].as_str().unwrap().contains(&bad), "{problem}");
    assert_eq!(problem["slots"], json!([[10923, 16383]]));
    let fix = format!("rcluster forget {} --unreadable", cluster.addr(0));
    assert_eq!(problem["fix"], fix.as_str());
    rcluster(&["nodes", &cluster.addr(0)]).succeeds();
    let to = cluster.addr(2);
    rcluster(&["reshard", &cluster.addr(1), "--slots", "5461", "--to", &to, "--dry-run"])
        .succeeds();

    run.follow("unreadable-line");

    rcluster(&["check", &cluster.addr(0), "--strict", "--wait", "30s"]).succeeds();
    assert!((0..6).all(|node| view(&cluster, node).unreadable.is_empty()));
    assert_same(&before, &contents(&cluster));
    let again = rcluster(&["forget", &cluster.addr(0), "--unreadable", "--json"]).succeeds();
    assert_eq!(again.json()["changed"], false);
}

#[test]
fn slots_that_only_an_unreadable_line_has_are_never_given_away() {
    if !starts() {
        return;
    }
    let mut cluster = TestCluster::formed(3, 0);
    let other = cluster.id(2);
    let bad = format!("zz{}", &other[2..]);
    let change = |line: &str| match line.starts_with(&other) {
        true => line.replacen(&other, &bad, 1),
        false => line.to_owned(),
    };
    // The owner is gone, and nobody who answers knows its id any more.
    cluster.nodes[2].kill();
    cluster.nodes[1].kill();
    damage(&mut cluster, 0, change);
    let path = cluster.nodes[1].dir().join("nodes.conf");
    let lines = fs::read_to_string(&path).unwrap();
    fs::write(&path, lines.lines().map(|line| change(line) + "\n").collect::<String>()).unwrap();
    cluster.restart(1);

    let run = check(&cluster, 0).exits(1);

    assert!(!run.kinds().contains(&"slots-uncovered".to_owned()), "{run:?}");
    assert_eq!(run.problem("unreadable-line")["fix"], json!(null));
    let refused = ["forget", &cluster.addr(0), "--unreadable", "--yes"];
    rcluster(&refused).exits(1).tells(&["10923-16383 would have no owner", "nodes.conf"]);
    rcluster(&["fix", &cluster.addr(0), "--yes"]);
    assert_eq!(view(&cluster, 0).me().slots.to_string(), "0-5460");
    assert_eq!(view(&cluster, 1).me().slots.to_string(), "5461-10922");

    cluster.restart(2);
    eventually("the owner is known again", || {
        check(&cluster, 2).problem("unreadable-line")["fix"].is_string()
    });
}

#[test]
fn a_replica_whose_masters_id_is_damaged_follows_it_again() {
    if server_under_test() != "redis-6.2" {
        // Others do not start on an id that is too short.
        return;
    }
    let mut cluster = TestCluster::formed(6, 1);
    fill(&cluster, 300);
    let before = contents(&cluster);
    let master = cluster.id(0);
    let short = format!(" {} ", &master[..38]);
    damage(&mut cluster, 3, |line| match line.contains("myself") {
        true => line.replace(&format!(" {master} "), &short),
        false => line.to_owned(),
    });

    let run = check(&cluster, 0).exits(1);
    assert!(!run.kinds().contains(&"node-unreachable".to_owned()), "{run:?}");
    let replicate = format!("rcluster replicate {} {}", cluster.addr(3), cluster.addr(0));
    assert_eq!(run.problem("views-differ")["fix"], replicate.as_str());
    run.follow("unreadable-line");

    rcluster(&["check", &cluster.addr(0), "--strict", "--wait", "30s"]).succeeds();
    assert_same(&before, &contents(&cluster));
}
