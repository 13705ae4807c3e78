//! Members that are not where they are listed: all nodes came back at other addresses, strangers took
//! the old ones, a master came back empty. Whoever follows `check` blindly loses nothing.

use rcluster::sandbox::LocalNode;

use crate::support::data::{Contents, assert_same, contents, fill, owner, view};
use crate::support::{Port, Run, Server, TestCluster, eventually, rcluster, server_under_test};

fn check(cluster: &TestCluster, node: usize) -> Run {
    rcluster(&["check", &cluster.addr(node), "--json"])
}

/// A cluster with keys, of which every server has been stopped and has come back on another port.
fn moved() -> (TestCluster, Vec<String>) {
    let mut cluster = TestCluster::formed(6, 1);
    fill(&cluster, 300);
    let before = cluster.addrs();
    cluster.tell_all(&["SAVE"]);
    cluster.move_all();
    (cluster, before)
}

fn heals(heal: impl Fn(&TestCluster) -> Run) {
    let (cluster, before) = moved();
    let ids: Vec<String> = (0..6).map(|node| cluster.id(node)).collect();
    let found = check(&cluster, 0).exits(1).problem("node-unreachable");
    let message = found["message"].as_str().unwrap();
    assert!(
        message.starts_with("5 members are listed at addresses where they do not"),
        "{message}"
    );
    assert!(found["fix"].as_str().unwrap().starts_with("rcluster meet "), "{found}");

    heal(&cluster).succeeds();

    let healthy = ["check", &cluster.addr(3), "--wait", "10s", "--strict"];
    rcluster(&healthy).succeeds();
    for node in 0..6 {
        let view = view(&cluster, node);
        let listed: Vec<String> = view.nodes().iter().map(|node| node.name()).collect();
        assert!(!listed.iter().any(|addr| before.contains(addr)), "{listed:?}");
        assert!(ids.iter().all(|id| view.node(id.parse().unwrap()).is_some()));
    }
    assert_eq!(contents(&cluster).len(), 307);
    cluster.write_everywhere();
    assert_eq!(heal(&cluster).succeeds().json()["changed"], false);
}

fn all(words: &[&str], cluster: &TestCluster, more: &[&str]) -> Run {
    let addrs = cluster.addrs();
    let addrs = addrs.iter().map(String::as_str);
    let words: Vec<&str> = words.iter().copied().chain(addrs).chain(more.iter().copied()).collect();
    rcluster(&words)
}

#[test]
fn meet_with_the_new_addresses_heals_a_cluster_that_moved() {
    heals(|cluster| all(&["meet"], cluster, &["--json"]));
}

#[test]
fn fix_with_the_new_addresses_heals_a_cluster_that_moved() {
    heals(|cluster| all(&["fix"], cluster, &["--yes", "--json"]));
}

#[test]
fn the_old_create_line_with_the_new_addresses_heals_a_cluster_that_moved() {
    heals(|cluster| all(&["create"], cluster, &["--replicas", "1", "--yes", "--json"]));
}

/// Asserts that a cluster whose nodes were elsewhere is whole and finds all of them.
fn is_whole(cluster: &TestCluster, before: &Contents) {
    rcluster(&["check", &cluster.addr(3), "--wait", "30s", "--strict"]).succeeds();
    let addrs = cluster.addrs();
    for node in 0..cluster.nodes.len() {
        let view = view(cluster, node);
        assert!(view.nodes().iter().all(|node| addrs.contains(&node.name())), "{view:?}");
    }
    assert_same(before, &contents(cluster));
}

#[test]
fn some_that_moved_are_met_by_their_new_addresses() {
    let mut cluster = TestCluster::formed(6, 1);
    fill(&cluster, 300);
    let before = contents(&cluster);
    cluster.tell_all(&["SAVE"]);
    cluster.move_some([1, 5], &Server::default());
    rcluster(&["meet", &cluster.addr(0), &cluster.addr(1), &cluster.addr(5)]).succeeds();
    is_whole(&cluster, &before);
}

#[test]
fn two_that_swapped_their_addresses_are_told_apart_by_their_ids() {
    let mut cluster = TestCluster::formed(6, 1);
    fill(&cluster, 300);
    let before = contents(&cluster);
    let ids = [cluster.id(0), cluster.id(1)];
    cluster.tell_all(&["SAVE"]);
    cluster.swap_addresses(0, 1);
    rcluster(&["meet", &cluster.addr(2), &cluster.addr(0), &cluster.addr(1)]).succeeds();
    is_whole(&cluster, &before);
    assert_eq!([cluster.id(0), cluster.id(1)], ids);
}

#[test]
fn nodes_with_several_databases_move_with_all_of_them() {
    if server_under_test() != "valkey-9.1" {
        return;
    }
    let server = Server::with(&["cluster-databases 4"]);
    let mut cluster = TestCluster::start_as(6, &server);
    cluster.create(1).succeeds();
    cluster.wait_for_replicas();
    fill(&cluster, 300);
    let before = contents(&cluster);
    let slot = rcluster::model::Slot::of_key(b"in 3");
    let in_third = |cluster: &TestCluster| {
        let mut connection = cluster.connect(owner(cluster, slot));
        redis::cmd("SELECT").arg(3).query::<()>(&mut connection).unwrap();
        connection
    };
    redis::cmd("SET").arg("in 3").arg("three").query::<()>(&mut in_third(&cluster)).unwrap();
    cluster.tell_all(&["SAVE"]);
    cluster.move_some(0..6, &server);
    all(&["meet"], &cluster, &[]).succeeds();
    is_whole(&cluster, &before);
    let held: String = redis::cmd("GET").arg("in 3").query(&mut in_third(&cluster)).unwrap();
    assert_eq!(held, "three");
}

#[test]
fn strangers_at_old_addresses_are_named_and_never_met() {
    let (cluster, before) = moved();
    // A server of another cluster, and a new one, where members were.
    let port = |addr: &str| addr.rsplit(':').next().unwrap().parse::<u16>().unwrap();
    let mut strangers = TestCluster::start_at(&[port(&before[1]), port(&before[2])]);
    let other = TestCluster::start(1);
    rcluster(&["meet", &strangers.addr(0), &other.addr(0)]).succeeds();

    // Once a server has found the stranger itself, it has no address for the member any more.
    let run = check(&cluster, 0).exits(1);
    let told = ["is not the one that is listed there", "no node knows its address"];
    assert!(told.iter().any(|words| run.out.contains(words)), "{}", run.out);
    assert!(!run.out.contains("rcluster forget"), "{}", run.out);
    let refused = ["fix", &cluster.addr(0), &strangers.addr(0), "--yes"];
    rcluster(&refused).exits(1).tells(&["not a member of this cluster"]);

    all(&["meet"], &cluster, &[]).succeeds();

    rcluster(&["check", &cluster.addr(3), "--wait", "10s", "--strict"]).succeeds();
    assert_eq!(view(&cluster, 0).nodes().len(), 6);
    assert_eq!(view(&strangers, 0).nodes().len(), 2);
    assert_eq!(view(&strangers, 1).nodes().len(), 1);
    strangers.nodes.iter_mut().for_each(LocalNode::kill);
}

#[test]
fn a_master_that_came_back_empty_is_replaced_and_its_replica_keeps_the_keys() {
    if server_under_test().starts_with("valkey") {
        return promoted_by_itself();
    }
    let mut cluster = TestCluster::formed(6, 1);
    fill(&cluster, 300);
    let before = contents(&cluster);
    eventually("the replica has it all", || {
        let keys = |node| cluster.ask::<u64>(node, &["DBSIZE"]);
        keys(3) == keys(0)
    });
    // With a password that the newcomer does not know, the replica cannot copy its emptiness.
    cluster.tell(3, &["CONFIG", "SET", "masterauth", "other"]);
    let old = cluster.id(0);
    cluster.restart_empty(0);

    eventually("check finds another node there", || {
        let run = check(&cluster, 1);
        run.kinds().contains(&"address-taken".to_owned())
    });
    let run = check(&cluster, 1).exits(1);
    let taken = run.problem("address-taken");
    let fix = taken["fix"].as_str().unwrap();
    assert!(fix.contains("failover") && fix.contains("replace-node"), "{taken}");
    assert!(!run.out.contains("rcluster forget"), "{}", run.out);
    rcluster(&["forget", &cluster.addr(1), &old, "--yes"]).exits(1).tells(&["failover"]);

    run.follow("address-taken");

    rcluster(&["check", &cluster.addr(1), "--wait", "20s"]).succeeds();
    assert_same(&before, &contents(&cluster));
    assert!(view(&cluster, 1).node(old.parse().unwrap()).is_none());
}

/// Valkey promotes the replica by itself; what is left is a member without slots and address.
fn promoted_by_itself() {
    let mut cluster = TestCluster::formed(6, 1);
    fill(&cluster, 300);
    cluster.tell(3, &["CONFIG", "SET", "masterauth", "other"]);
    let before = contents(&cluster);
    let old: rcluster::model::NodeId = cluster.id(0).parse().unwrap();
    cluster.restart_empty(0);
    eventually("the replica has taken over and everybody sees it", || {
        let owns = |node| view(&cluster, node).node(old).is_none_or(|old| old.slots.is_empty());
        (1..6).all(owns) && view(&cluster, 3).me().is_master()
    });
    let absent = ["address-taken", "node-unreachable"];
    let mut found = None;
    eventually("check names a command for the one that is gone", || {
        let run = check(&cluster, 1);
        let kinds = run.kinds();
        let kind = absent.into_iter().find(|kind| kinds.iter().any(|found| found == kind));
        found = kind.filter(|kind| run.problem(kind)["fix"].is_string()).map(|kind| (run, kind));
        found.is_some()
    });
    let (run, kind) = found.unwrap();
    run.follow(kind);
    rcluster(&["check", &cluster.addr(1), "--wait", "20s"]).succeeds();
    let after = contents(&cluster);
    assert_same(&before, &after);
}

#[test]
fn slots_without_an_owner_are_left_to_fix_where_nodes_hold_keys() {
    let cluster = TestCluster::formed(3, 0);
    fill(&cluster, 300);
    let before = contents(&cluster);
    cluster.tell_all(&["CLUSTER", "DELSLOTS", "5", "12182"]);
    let run = check(&cluster, 0).exits(1);
    assert!(run.problem("slots-uncovered")["fix"].as_str().unwrap().starts_with("rcluster fix"));
    run.follow("slots-uncovered");
    rcluster(&["check", &cluster.addr(0), "--wait", "10s"]).succeeds();
    assert_same(&before, &contents(&cluster));
}

#[test]
fn an_announced_address_that_leads_nowhere_is_named() {
    let cluster = TestCluster::formed(3, 0);
    let nowhere = Port::take();
    cluster.tell(1, &["CONFIG", "SET", "cluster-announce-port", &nowhere.number.to_string()]);
    let listed = format!("127.0.0.1:{}", nowhere.number);
    eventually("the others list the port that it announces", || {
        [0, 2]
            .iter()
            .all(|node| cluster.ask::<String>(*node, &["CLUSTER", "NODES"]).contains(&listed))
    });
    rcluster(&["meet", &cluster.addr(0), &cluster.addr(1)]).succeeds().tells(&[
        &format!(
            "{} is known to the cluster as {listed}, where it does not reply",
            cluster.addr(1)
        ),
        "cluster-announce-port",
    ]);
}
