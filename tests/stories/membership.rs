//! `add-node`, `del-node`, `replace-node`, `failover`, `forget`: nodes come, go, and change roles.

use std::collections::BTreeMap;

use rcluster::model::NodeId;

use crate::support::data::{assert_same, contents, fill, owner, view};
use crate::support::{
    Run, Server, TestCluster, eventually, rcluster, rcluster_asked, server_under_test,
};

/// A healthy cluster of these masters, with as many replicas each, and servers that wait outside.
fn cluster_and(masters: usize, replicas: usize, outside: usize) -> TestCluster {
    let members = masters * (replicas + 1);
    let mut cluster = TestCluster::start(members + outside);
    let addrs = cluster.addrs();
    let mut words = vec!["create"];
    words.extend(addrs[..members].iter().map(String::as_str));
    let count = replicas.to_string();
    words.extend(["--replicas", &count, "--yes"]);
    rcluster(&words).succeeds();
    cluster.tell_all(&["CONFIG", "SET", "cluster-node-timeout", "3000"]);
    if replicas > 0 {
        let members: Vec<_> = cluster.nodes.drain(members..).collect();
        cluster.wait_for_replicas();
        cluster.nodes.extend(members);
    }
    cluster
}

fn run(words: &[&str], more: &[&str]) -> Run {
    rcluster(&[words, more, &["--json"]].concat())
}

fn role(cluster: &TestCluster, node: usize) -> Option<NodeId> {
    view(cluster, node).me().role.master()
}

fn id(cluster: &TestCluster, node: usize) -> NodeId {
    cluster.id(node).parse().unwrap()
}

/// The index of a node by its id.
fn index(cluster: &TestCluster, wanted: NodeId) -> usize {
    (0..cluster.nodes.len()).find(|node| id(cluster, *node) == wanted).expect("a node of this id")
}

/// A replica of the cluster's first so many nodes, and its master.
fn a_replica(cluster: &TestCluster, members: usize) -> (usize, usize) {
    let replica = (0..members).find(|node| role(cluster, *node).is_some()).expect("a replica");
    (replica, index(cluster, role(cluster, replica).unwrap()))
}

fn listed_by(cluster: &TestCluster, gone: NodeId) -> Vec<usize> {
    let answers = |node: &usize| cluster.try_ask::<String>(*node, &["CLUSTER", "NODES"]).is_ok();
    let nodes = (0..cluster.nodes.len()).filter(answers);
    nodes.filter(|node| view(cluster, *node).node(gone).is_some()).collect()
}

#[test]
fn a_master_and_its_replica_join_back_to_back_and_always_find_each_other() {
    let cluster = cluster_and(3, 0, 2);
    let addrs = cluster.addrs();
    for round in 0..5 {
        run(&["add-node", &addrs[3], &addrs[0]], &[]).succeeds();
        let master = cluster.id(3);
        let replica = ["add-node", &addrs[4], &addrs[0], "--replica-of", &master];
        run(&replica, &[]).succeeds();

        assert_eq!(role(&cluster, 4), Some(id(&cluster, 3)), "round {round}");
        run(&["check", &addrs[1], "--wait", "10s"], &[]).succeeds();
        let before = cluster.facts();
        let again = run(&replica, &[]).succeeds().json();
        assert_eq!(again["changed"], false);
        assert_eq!(
            run(&["add-node", &addrs[3], &addrs[0]], &[]).succeeds().json()["changed"],
            false
        );
        assert_eq!(before, cluster.facts());

        run(&["del-node", &addrs[0], &addrs[3], &addrs[4], "--yes"], &[]).succeeds();
        run(&["check", &addrs[1], "--wait", "10s"], &[]).succeeds();
    }
}

#[test]
fn auto_gives_each_new_replica_to_the_master_that_needs_it_most() {
    let cluster = cluster_and(3, 0, 4);
    let addrs = cluster.addrs();
    for node in 3..7 {
        run(&["add-node", &addrs[node], &addrs[0], "--replica-of", "auto"], &[]).succeeds();
    }
    let mut replicas: BTreeMap<Option<NodeId>, usize> = BTreeMap::new();
    (3..7).for_each(|node| *replicas.entry(role(&cluster, node)).or_default() += 1);
    let mut counts: Vec<usize> = replicas.into_values().collect();
    counts.sort();
    assert_eq!(counts, [1, 1, 2]);
    let again = ["add-node", &addrs[3], &addrs[0], "--replica-of", "auto"];
    assert_eq!(run(&again, &[]).succeeds().json()["changed"], false);
}

#[test]
fn a_new_master_gets_the_functions_of_the_cluster() {
    if server_under_test() == "redis-6.2" {
        return;
    }
    let cluster = cluster_and(3, 0, 2);
    let addrs = cluster.addrs();
    let library = "#!lua name=mylib\nredis.register_function('f', function() return 7 end)";
    (0..3).for_each(|node| cluster.tell(node, &["FUNCTION", "LOAD", library]));
    let foreign = "#!lua name=foreign\nredis.register_function('g', function() return 8 end)";
    cluster.tell(4, &["FUNCTION", "LOAD", foreign]);

    run(&["add-node", &addrs[3], &addrs[0]], &[]).succeeds();
    rcluster(&["add-node", &addrs[4], &addrs[0]]).exits(1).tells(&["foreign", "reset"]);

    cluster.tell(3, &["FUNCTION", "DUMP"]);
    let listed = format!("{:?}", cluster.ask::<redis::Value>(3, &["FUNCTION", "LIST"]));
    assert!(listed.contains("mylib"), "{listed}");
    assert_eq!(view(&cluster, 0).nodes().len(), 4);
}

#[test]
fn a_node_that_does_not_fit_is_not_added() {
    let cluster = cluster_and(3, 0, 2);
    let stranger = TestCluster::start(2);
    rcluster(&["meet", &stranger.addr(0), &stranger.addr(1)]).succeeds();
    let addrs = cluster.addrs();
    cluster.put_a_key(3);
    let before = cluster.facts();

    rcluster(&["add-node", &addrs[3], &addrs[0]]).exits(1).tells(&["1 key", "reset"]);
    rcluster(&["add-node", &stranger.addr(0), &addrs[0]])
        .exits(1)
        .tells(&["another cluster", &stranger.addr(1)]);
    rcluster(&["add-node", &addrs[0], &addrs[0]]).exits(2);
    rcluster(&["add-node", &addrs[1], &addrs[0]]).exits(1).tells(&["owns"]);
    rcluster(&["add-node", &addrs[4], &addrs[0], "--replica-of", "127.0.0.1:1"]).exits(1);
    rcluster(&["add-node", &addrs[4], &addrs[0], "--replica-of", &addrs[4]]).exits(1);

    assert_eq!(before, cluster.facts());
}

#[test]
fn a_shard_that_is_down_keeps_nobody_out_who_says_so() {
    let mut cluster = cluster_and(3, 0, 1);
    let addrs = cluster.addrs();
    cluster.nodes[2].kill();

    rcluster(&["add-node", &addrs[3], &addrs[0]]).exits(3).tells(&[&addrs[2], "--force"]);
    run(&["add-node", &addrs[3], &addrs[0], "--force"], &["--replica-of", &addrs[1]]).succeeds();

    assert_eq!(role(&cluster, 3), Some(id(&cluster, 1)));
}

#[test]
fn masters_leave_with_their_slots_moved_away_and_their_replicas_rehomed() {
    let cluster = cluster_and(4, 1, 0);
    fill(&cluster, 600);
    let before = contents(&cluster);
    let addrs = cluster.addrs();
    let (orphan, master) = a_replica(&cluster, 8);
    let stays = (0..8).find(|node| *node != master && role(&cluster, *node).is_none()).unwrap();
    let gone = id(&cluster, master);

    let refused = rcluster(&["del-node", &addrs[stays], &addrs[master], "--yes"]).exits(1);
    refused.tells(&["--drain", "nothing was changed"]);
    run(&["del-node", &addrs[master], &addrs[master], "--drain", "--yes"], &[]).succeeds();

    assert!(listed_by(&cluster, gone).is_empty());
    assert_eq!(view(&cluster, master).nodes().len(), 1);
    let home = role(&cluster, orphan).expect("it is still a replica");
    assert!(home != gone && index(&cluster, home) < 8);
    run(&["check", &addrs[stays], "--wait", "20s"], &[]).succeeds();
    assert_same(&before, &contents(&cluster));
    // What has left already does no harm, by address and by its old id.
    let again = ["del-node", &addrs[stays], &addrs[master], &gone.to_string(), "--yes"];
    assert_eq!(run(&again, &[]).succeeds().json()["changed"], false);
    // It comes back at once: it has a new id, which nobody has banned.
    run(&["add-node", &addrs[master], &addrs[stays]], &["--replica-of", "auto"]).succeeds();
    run(&["check", &addrs[stays], "--wait", "20s"], &[]).succeeds();
}

#[test]
fn dead_and_living_replicas_leave_together_and_do_not_come_back() {
    let mut cluster = cluster_and(3, 1, 0);
    let addrs = cluster.addrs();
    let replicas: Vec<usize> = (0..6).filter(|node| role(&cluster, *node).is_some()).collect();
    let master = (0..6).find(|node| !replicas.contains(node)).unwrap();
    let gone: Vec<NodeId> = replicas.iter().map(|node| id(&cluster, *node)).collect();
    cluster.nodes[replicas[0]].kill();

    let mut words = vec!["del-node", &addrs[master], &addrs[replicas[0]]];
    let (living, dead_too) = (gone[1].to_string(), addrs[replicas[2]].clone());
    words.extend([&living[..10], &dead_too, "--yes", "--verify-after", "2s"]);
    run(&words, &[]).succeeds();

    for id in gone {
        assert!(listed_by(&cluster, id).is_empty());
    }
    assert_eq!(view(&cluster, master).nodes().len(), 3);
    // A dead master's slots would be nobody's.
    let other = (0..6).find(|node| *node != master && !replicas.contains(node)).unwrap();
    cluster.nodes[other].kill();
    let words = ["del-node", &addrs[master], &addrs[other], "--drain", "--yes"];
    rcluster(&words).exits(1).tells(&["replace-node", "nothing was changed"]);
    let words = ["forget", &addrs[master], &addrs[other], "--yes"];
    rcluster(&words).exits(1).tells(&["without it they would have no owner"]);
}

#[test]
fn a_replica_takes_over_and_everybody_sees_it() {
    let cluster = cluster_and(3, 2, 0);
    fill(&cluster, 300);
    let before = contents(&cluster);
    let addrs = cluster.addrs();
    let (replica, master) = a_replica(&cluster, 9);
    let new = id(&cluster, replica);
    let old = id(&cluster, master);
    let follows = |node: &usize| *node == master || role(&cluster, *node) == Some(old);
    let followers = (0..9).filter(|node| *node != replica && follows(node));
    let followers: Vec<NodeId> = followers.map(|node| id(&cluster, node)).collect();

    let words = ["failover", &addrs[master], &addrs[replica], "--yes"];
    assert_eq!(run(&words, &[]).succeeds().json()["changed"], true);

    // Of the whole shard: what is told as done is healthy at once.
    assert_eq!(followers.len(), 2);
    for node in 0..9 {
        let view = view(&cluster, node);
        assert!(view.node(new).unwrap().is_master(), "node {node}");
        for follower in &followers {
            let master = view.node(*follower).unwrap().role.master();
            assert_eq!(master, Some(new), "{follower} in the view of node {node}");
        }
    }
    assert_same(&before, &contents(&cluster));
    assert_eq!(run(&words, &[]).succeeds().json()["changed"], false);
    run(&["check", &addrs[0], "--wait", "20s"], &[]).succeeds();
}

#[test]
fn a_replica_that_moved_to_another_shard_meanwhile_takes_nobodys_place() {
    let cluster = cluster_and(3, 1, 0);
    let addrs = cluster.addrs();
    let (replica, master) = a_replica(&cluster, 6);
    let other = (0..6).find(|node| *node != master && role(&cluster, *node).is_none()).unwrap();
    let moves = || cluster.tell(replica, &["CLUSTER", "REPLICATE", &cluster.id(other)]);

    let words = ["failover", &addrs[master], &addrs[replica]];
    let run = rcluster_asked(&words, "[y/N]", moves, "y").exits(1);

    assert!(run.out.contains(&format!("replicates {} now", addrs[other])), "{run:?}");
    assert_eq!(role(&cluster, master), None);
    assert_eq!(role(&cluster, other), None);
}

#[test]
fn a_dead_master_cannot_consent_and_its_replica_is_forced() {
    let mut cluster = cluster_and(3, 1, 0);
    cluster.tell_all(&["CONFIG", "SET", "cluster-node-timeout", "30000"]);
    let addrs = cluster.addrs();
    let (replica, master) = a_replica(&cluster, 6);
    let entry = (0..6).find(|node| ![replica, master].contains(node)).unwrap();
    cluster.nodes[master].kill();
    let words = ["failover", &addrs[entry], &addrs[replica], "--yes"];

    rcluster(&words).exits(1).tells(&["--force", &addrs[master]]);
    run(&words, &["--force"]).succeeds();

    assert_eq!(role(&cluster, replica), None);
    assert!(!view(&cluster, replica).me().slots.is_empty());
}

#[test]
fn without_a_majority_the_deadline_says_why_and_takeover_goes() {
    let mut cluster = cluster_and(3, 1, 0);
    let addrs = cluster.addrs();
    let (replica, master) = a_replica(&cluster, 6);
    let masters: Vec<usize> = (0..6).filter(|node| role(&cluster, *node).is_none()).collect();
    for node in &masters {
        if *node == master || *node == *masters.iter().find(|m| **m != master).unwrap() {
            cluster.nodes[*node].kill();
        }
    }
    let words = ["failover", &addrs[replica], &addrs[replica], "--yes"];

    let late = rcluster(&[&words[..], &["--force", "--within", "2s"]].concat()).exits(4);
    late.tells(&["1 of 3 masters", "--takeover"]);
    run(&words, &["--takeover", "--within", "20s"]).succeeds();

    assert_eq!(role(&cluster, replica), None);
}

#[test]
fn the_masters_are_spread_over_the_hosts_again() {
    let server = || Server::default();
    let mut cluster = TestCluster::start(0);
    for host in ["127.0.0.1", "127.0.0.2", "127.0.0.3"] {
        let ip = host.parse().unwrap();
        cluster.adopt(TestCluster::start_as(2, &Server { ip, ..server() }));
    }
    cluster.create(1).succeeds();
    cluster.wait_for_replicas();
    let addrs = cluster.addrs();
    let (replica, _) = a_replica(&cluster, 6);
    run(&["failover", &addrs[0], &addrs[replica], "--yes"], &[]).succeeds();
    let crowded = rcluster(&["check", &addrs[0], "--wait", "10s", "--json"]);
    crowded.problem("masters-crowded");

    run(&["failover", &addrs[0], "--roles", "--yes"], &[]).succeeds();

    run(&["check", &addrs[0], "--wait", "20s", "--strict"], &[]).succeeds();
    let again = run(&["failover", &addrs[0], "--roles", "--yes"], &[]).succeeds();
    assert_eq!(again.json()["changed"], false);
}

#[test]
fn a_new_node_takes_the_place_of_a_dead_replica() {
    let mut cluster = cluster_and(3, 1, 1);
    let addrs = cluster.addrs();
    let (dead, master) = a_replica(&cluster, 6);
    let gone = id(&cluster, dead);
    let words = ["replace-node", &addrs[master], &addrs[dead], &addrs[6], "--yes"];
    rcluster(&words).exits(1).tells(&["it is reachable", "add-node"]);
    cluster.nodes[dead].kill();

    run(&words, &[]).succeeds();

    assert_eq!(role(&cluster, 6), Some(id(&cluster, master)));
    assert!(listed_by(&cluster, gone).is_empty());
    run(&["check", &addrs[master], "--wait", "20s"], &[]).succeeds();
    assert_eq!(run(&words, &[]).succeeds().json()["changed"], false);
}

#[test]
fn a_node_that_was_just_forgotten_comes_back_at_once() {
    let cluster = cluster_and(3, 1, 0);
    let addrs = cluster.addrs();
    let (replica, master) = a_replica(&cluster, 6);
    let banned = id(&cluster, replica);
    cluster.tell(replica, &["CLUSTER", "RESET", "SOFT"]);
    run(&["forget", &addrs[master], &banned.to_string(), "--yes"], &[]).succeeds();
    let back = ["add-node", &addrs[replica], &addrs[master], "--replica-of", &addrs[master]];

    run(&back, &["--dry-run"]).succeeds();
    assert_eq!(id(&cluster, replica), banned);
    run(&back, &["--join-timeout", "20s"]).succeeds();

    assert_eq!(role(&cluster, replica), Some(id(&cluster, master)));
    run(&["check", &addrs[master], "--wait", "20s"], &[]).succeeds();
}

#[test]
fn a_dead_replica_is_forgotten_by_all_at_once() {
    let mut cluster = cluster_and(3, 1, 0);
    let addrs = cluster.addrs();
    let (dead, master) = a_replica(&cluster, 6);
    let gone = id(&cluster, dead);
    let words = ["forget", &addrs[master], &gone.to_string(), "--yes"];
    let replicas = ["forget", &addrs[dead], &addrs[master], "--yes"];
    rcluster(&replicas).exits(1).tells(&["without it they would have no owner", "del-node"]);
    cluster.nodes[dead].kill();

    assert_eq!(run(&words, &["--dry-run"]).succeeds().json()["changed"], false);
    assert_eq!(listed_by(&cluster, gone).len(), 5);
    run(&words, &[]).succeeds();

    assert!(listed_by(&cluster, gone).is_empty());
    run(&["check", &addrs[master], "--wait", "20s"], &[]).succeeds();
    assert_eq!(run(&words, &[]).succeeds().json()["changed"], false);
}

#[test]
fn a_new_node_takes_the_place_of_a_master_that_failed_over() {
    let mut cluster = cluster_and(3, 1, 1);
    fill(&cluster, 300);
    let before = contents(&cluster);
    let addrs = cluster.addrs();
    let (heir, dead) = a_replica(&cluster, 6);
    let gone = id(&cluster, dead);
    cluster.nodes[dead].kill();
    eventually("the replica has taken over", || role(&cluster, heir).is_none());
    run(&["check", &addrs[heir], "--wait", "20s"], &[]);

    run(&["replace-node", &addrs[heir], &gone.to_string(), &addrs[6], "--yes"], &[]).succeeds();

    assert_eq!(role(&cluster, 6), Some(id(&cluster, heir)));
    assert!(listed_by(&cluster, gone).is_empty());
    run(&["check", &addrs[heir], "--wait", "20s"], &[]).succeeds();
    assert_same(&before, &contents(&cluster));
}

#[test]
fn a_dead_shard_is_replaced_only_by_consent() {
    let mut cluster = cluster_and(3, 0, 1);
    fill(&cluster, 300);
    let before = contents(&cluster);
    let addrs = cluster.addrs();
    let slots = view(&cluster, 1).me().slots.clone();
    let gone = id(&cluster, 1);
    cluster.nodes[1].kill();
    let words = ["replace-node", &addrs[0], &addrs[1], &addrs[3], "--yes"];

    rcluster(&words).exits(1).tells(&["would be lost", "--accept-data-loss"]);
    run(&words, &["--accept-data-loss"]).succeeds();

    assert_eq!(view(&cluster, 3).me().slots, slots);
    assert!(listed_by(&cluster, gone).is_empty());
    run(&["check", &addrs[0], "--wait", "20s"], &[]).succeeds();
    // The keys of the living are all there.
    let after = contents(&cluster);
    let lives = |key: &[u8]| !slots.contains(rcluster::model::Slot::of_key(key));
    let living = before.into_iter().filter(|(key, _)| lives(key)).collect();
    assert_same(&living, &after);
    assert_eq!(owner(&cluster, slots.slots().next().unwrap()), 3);
    // The old owner comes back with its claim, and nobody believes it.
    cluster.restart(1);
    run(&["check", &addrs[0], "--wait", "5s"], &[]).succeeds();
}

#[test]
fn a_replica_that_claims_a_slot_survives_getting_another_master() {
    let cluster = TestCluster::formed(6, 1);
    let (entry, leaver, replica) = (cluster.addr(1), cluster.addr(0), 3);
    cluster.tell_all(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    rcluster(&["delslots", &leaver, "5", "--yes"]);
    cluster.tell(replica, &["CLUSTER", "ADDSLOTS", "5"]);

    rcluster(&["del-node", &entry, &leaver, "--drain", "--yes"]);

    let info: String = cluster.ask(replica, &["INFO", "replication"]);
    assert!(info.contains("role:slave"), "{info}");
    assert!(!info.contains(&format!("master_port:{}\r", cluster.port(0))), "{info}");
}
