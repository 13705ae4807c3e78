//! Whoever follows a command that `check` names, word for word and without thinking, loses no key and
//! ends healthy. Those of slots that replicas claim, of unreadable lines, of members that are elsewhere
//! and of nodes that load or fail are followed in the files of these stories; those of slots with two
//! owners and of equal epochs, where `check` names `fix`, in `fix.rs`.

use crate::support::data::{Contents, assert_same, contents, fill, owner, view};
use crate::support::{Run, Server, TestCluster, eventually, rcluster};
use rcluster::model::Slot;

fn filled(count: usize, replicas: usize) -> (TestCluster, Contents) {
    let cluster = TestCluster::formed(count, replicas);
    fill(&cluster, 300);
    let before = contents(&cluster);
    (cluster, before)
}

/// Waits until `check` finds a problem of one of these kinds, follows whatever it names as long as it
/// names anything, and asserts that all is well and as it was.
#[track_caller]
fn follow(cluster: &TestCluster, kinds: &[&str], before: &Contents) {
    follow_of(cluster, kinds, before, || ());
}

/// The same for what servers may mend before `check` sees it: it is `caused` until it is found.
#[track_caller]
fn follow_of(cluster: &TestCluster, kinds: &[&str], before: &Contents, caused: impl Fn()) {
    let named = |run: &Run| {
        let problems = run.json()["problems"].as_array().cloned().unwrap();
        problems.into_iter().find(|problem| problem["fix"].is_string())
    };
    let find = || rcluster(&["check", &cluster.addr(0), "--json"]);
    let mut next = None;
    eventually(&format!("check finds {kinds:?} and what to do"), || {
        caused();
        let run = find();
        next = named(&run);
        next.is_some() && run.kinds().iter().any(|found| kinds.contains(&&**found))
    });
    let mut followed = 0;
    while let Some(problem) = next {
        followed += 1;
        assert!(followed < 10, "it comes again and again: {problem}");
        Run::follow_fix(&problem);
        next = named(&find());
    }
    rcluster(&["check", &cluster.addr(0), "--wait", "30s"]).succeeds();
    assert_same(before, &contents(cluster));
}

/// A slot that holds a key, as words, and its owner.
fn slot_with_a_key(cluster: &TestCluster) -> (String, usize) {
    let slot = Slot::of_key(b"key:1");
    (slot.to_string(), owner(cluster, slot))
}

#[test]
fn of_a_slot_half_way() {
    let (cluster, before) = filled(3, 0);
    let (slot, from) = slot_with_a_key(&cluster);
    let to = (from + 1) % 3;
    cluster.tell(to, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &cluster.id(from)]);
    cluster.tell(from, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &cluster.id(to)]);
    let keys: Vec<String> = cluster.ask(from, &["CLUSTER", "GETKEYSINSLOT", &slot, "1"]);
    let port = cluster.port(to).to_string();
    cluster.tell(from, &["MIGRATE", "127.0.0.1", &port, &keys[0], "0", "5000"]);
    follow(&cluster, &["slot-open"], &before);
}

#[test]
fn of_a_node_that_another_forgot() {
    let (cluster, before) = filled(6, 1);
    cluster.tell(1, &["CLUSTER", "FORGET", &cluster.id(4)]);
    follow(&cluster, &["views-differ"], &before);
}

#[test]
fn of_a_node_that_believes_in_another_owner() {
    let (cluster, before) = filled(3, 0);
    let (slot, owner) = slot_with_a_key(&cluster);
    follow_of(&cluster, &["views-differ"], &before, || {
        // The owner's next message undoes it; until then a second time is refused.
        let _: Result<(), _> = cluster.try_ask((owner + 1) % 3, &["CLUSTER", "DELSLOTS", &slot]);
    });
}

#[test]
fn of_settings_that_differ() {
    let (cluster, before) = filled(3, 0);
    cluster.tell(1, &["CONFIG", "SET", "cluster-node-timeout", "7000"]);
    follow(&cluster, &["settings-differ"], &before);
    assert!(cluster.settings("cluster-node-timeout").iter().all(|value| value == "15000"));
}

#[test]
fn of_a_replica_that_came_back_empty() {
    let (mut cluster, before) = filled(6, 1);
    let old = cluster.id(3);
    cluster.restart_empty(3);
    // Servers may have found out by themselves that its address is another's.
    follow(&cluster, &["address-taken", "node-unreachable"], &before);
    assert!(view(&cluster, 0).node(old.parse().unwrap()).is_none());
}

#[test]
fn of_masters_that_crowd_a_host() {
    let hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.1", "127.0.0.2", "127.0.0.3"];
    let cluster = TestCluster::on_hosts(&hosts);
    cluster.create(1).succeeds();
    cluster.wait_for_replicas();
    fill(&cluster, 300);
    let before = contents(&cluster);
    let replica = (3..6).find(|node| {
        let master = view(&cluster, *node).me().role.master().unwrap();
        hosts[(0..3).find(|other| cluster.id(*other) == master.to_string()).unwrap()]
            != hosts[*node]
    });
    rcluster(&["failover", &cluster.addr(0), &cluster.addr(replica.unwrap()), "--yes"]).succeeds();
    follow(&cluster, &["masters-crowded"], &before);
}

#[test]
fn of_a_cluster_that_an_interrupted_run_left_with_short_timeouts() {
    let quick = Server::with(&["cluster-node-timeout 469"]);
    let cluster = TestCluster::start_as(3, &quick);
    rcluster(&["create", &cluster.addr(0), &cluster.addr(1), &cluster.addr(2), "--yes"]);
    fill(&cluster, 300);
    let before = contents(&cluster);
    cluster.tell(1, &["CONFIG", "SET", "cluster-node-timeout", "469"]);
    follow(&cluster, &["settings-differ"], &before);
}

#[test]
fn of_a_master_that_died_where_too_few_are_left_to_elect_its_replica() {
    let (mut cluster, _) = filled(2, 1);
    cluster.wait_for_replicas();
    let keys: u64 = cluster.ask(0, &["DBSIZE"]);
    cluster.nodes[0].kill();
    let problems = rcluster(&["check", &cluster.addr(1), "--json"]).json();
    let problems = problems["problems"].as_array().unwrap();
    let absent = problems.iter().find(|problem| problem["kind"] == "node-unreachable").unwrap();
    let (_, named) = absent["message"].as_str().unwrap().split_once("not come back: ").unwrap();
    Run::follow_fix(&serde_json::json!({ "fix": named }));
    assert_eq!(cluster.ask::<u64>(1, &["DBSIZE"]), keys);
    assert!(view(&cluster, 1).me().slots.len() == 16384);
}
