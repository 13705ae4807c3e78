//! `create`: one command from empty servers to a cluster that takes writes.

use std::process::{Command, Output};

use serde_json::json;

use crate::support::{
    Port, Server, TestCluster, eventually, rcluster, rcluster_with, server_dir, start,
};

fn create_args<'a>(addrs: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    let nodes = addrs.iter().map(String::as_str);
    ["create"].into_iter().chain(nodes).chain(more.iter().copied()).collect()
}

#[test]
fn one_command_forms_a_cluster_that_takes_writes_at_once() {
    let cluster = TestCluster::start(6).settled();
    let timeouts = cluster.settings("cluster-node-timeout");

    let run = cluster.create(1).succeeds();
    cluster.write_everywhere();

    let result = run.json();
    assert_eq!((&result["healthy"], &result["changed"]), (&json!(true), &json!(true)));
    let slots = [json!([[0, 5460]]), json!([[5461, 10922]]), json!([[10923, 16383]])];
    for (index, slots) in slots.into_iter().enumerate() {
        let shard = &result["shards"][index];
        let master = json!({"id": cluster.id(index), "addr": cluster.addr(index), "slots": slots});
        assert_eq!(shard["master"], master, "masters come first, in the order given");
        let replica = json!([{"id": cluster.id(index + 3), "addr": cluster.addr(index + 3)}]);
        assert_eq!(shard["replicas"], replica);
    }
    for node in 0..6 {
        let info: String = cluster.ask(node, &["CLUSTER", "INFO"]);
        assert!(info.contains("cluster_state:ok"), "{info}");
        assert!(info.contains("cluster_known_nodes:6"), "{info}");
    }
    let facts = cluster.facts();
    assert!(
        facts.iter().all(|fact| fact.replace("myself,", "") == facts[0].replace("myself,", "")),
        "{facts:#?}"
    );
    assert_eq!(cluster.settings("cluster-node-timeout"), timeouts, "no setting is left changed");
}

#[test]
fn the_same_command_again_changes_nothing() {
    let cluster = TestCluster::formed(6, 1);
    cluster.write_everywhere();
    cluster.wait_for_replicas();
    let before = cluster.facts();
    cluster.tell_all(&["CONFIG", "RESETSTAT"]);

    let again = cluster.create(1).succeeds();

    assert_eq!(again.json()["changed"], false);
    assert_eq!(again.json()["healthy"], true);
    assert_eq!(cluster.facts(), before);
    assert_eq!(cluster.changes(), Vec::<String>::new());
}

#[test]
fn few_masters_and_no_replicas_are_allowed_with_a_warning() {
    for count in [1, 2] {
        let cluster = TestCluster::start(count);
        let addrs = cluster.addrs();
        let run = rcluster(&create_args(&addrs, &["--yes"])).succeeds();
        assert!(run.err.contains(&format!("only {count} master")), "{}", run.err);
        assert!(run.err.contains("no replicas"), "{}", run.err);
        cluster.write_everywhere();
    }
}

#[test]
fn nodes_that_are_left_over_become_further_replicas() {
    let cluster = TestCluster::start(5);
    let result = cluster.create(1).succeeds().json();
    let replicas = |shard: usize| result["shards"][shard]["replicas"].as_array().map(Vec::len);
    assert_eq!((replicas(0), replicas(1), replicas(2)), (Some(2), Some(1), None));
}

#[test]
fn a_dry_run_shows_the_same_shards_and_changes_nothing() {
    let cluster = TestCluster::start(6);
    let addrs = cluster.addrs();
    let before = cluster.facts();

    let table = rcluster(&create_args(&addrs, &["--replicas", "1", "--dry-run"])).succeeds();
    let planned =
        rcluster(&create_args(&addrs, &["--replicas", "1", "--dry-run", "--json"])).succeeds();

    assert!(
        table.out.contains("10923-16383") && table.out.contains("nothing was changed"),
        "{}",
        table.out
    );
    assert_eq!(cluster.facts(), before);
    let formed = cluster.create(1).succeeds();
    assert_eq!(planned.json()["shards"], formed.json()["shards"]);
}

/// The script that a dry run prints for these nodes.
fn script_for(addrs: &[String], replicas: &str) -> String {
    let more = ["--replicas", replicas, "--dry-run", "--format", "script"];
    rcluster(&create_args(addrs, &more)).succeeds().out
}

/// Runs a script with a plain redis-cli.
fn run_script(script: &str) -> Output {
    let path =
        format!("{}:{}", server_dir().join("redis-7.0").display(), std::env::var("PATH").unwrap());
    Command::new("sh").args(["-c", script]).env("PATH", path).output().unwrap()
}

#[test]
fn the_script_of_a_dry_run_forms_the_cluster_with_plain_redis_cli() {
    let cluster = TestCluster::start(6);
    let addrs = cluster.addrs();
    let script = script_for(&addrs, "1");

    let ran = run_script(&script);

    assert!(ran.status.success(), "{ran:?}");
    rcluster(&["check", &addrs[0], "--wait", "30s"]).succeeds();
    assert_eq!(cluster.create(1).succeeds().json()["changed"], false);

    // The nodes know others now and refuse to be numbered again.
    let again = run_script(&script);
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    let first = format!("-p {} CLUSTER SET-CONFIG-EPOCH 1\nwas refused: ERR", cluster.port(0));
    assert!(said.contains(&first), "{said}");
}

#[test]
fn a_script_does_not_wait_forever_for_a_closed_bus_port() {
    let cluster = TestCluster::start(2);
    let addrs: Vec<String> = cluster.addrs().iter().map(|addr| format!("{addr}@1")).collect();
    let script = script_for(&addrs, "0");
    assert!(script.contains("rounds=600"), "{script}");

    let ran = run_script(&script.replace("rounds=600", "rounds=20"));

    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    let waiting = format!("-p {} CLUSTER NODES\nstill does not know all 2", cluster.port(0));
    assert!(said.contains(&waiting), "{said}");
}

#[test]
fn without_a_terminal_it_does_not_ask_but_ends() {
    let cluster = TestCluster::start(3);
    let addrs = cluster.addrs();
    let before = cluster.facts();
    rcluster(&create_args(&addrs, &[])).exits(2).tells(&["no terminal", "--yes"]);
    assert_eq!(cluster.facts(), before);
}

#[test]
fn no_config_set_waits_out_the_servers_delay() {
    let cluster = TestCluster::start(3).settled();
    let addrs = cluster.addrs();
    cluster.tell_all(&["CONFIG", "RESETSTAT"]);
    rcluster(&create_args(&addrs, &["--yes", "--no-config-set"])).succeeds();
    cluster.write_everywhere();
    let sets: Vec<_> =
        cluster.changes().into_iter().filter(|line| line.contains("config|set:")).collect();
    assert_eq!(sets, Vec::<String>::new());
}

#[test]
fn where_config_is_denied_it_waits_and_says_so() {
    let cluster = TestCluster::start(3).settled();
    cluster.tell_all(&["ACL", "SETUSER", "lim", "on", ">pw", "~*", "+@all", "-config"]);
    let addrs = cluster.addrs();
    let run = rcluster_with(&create_args(&addrs, &["--yes", "--user", "lim"]), |command| {
        command.env("REDISCLI_AUTH", "pw");
    })
    .succeeds();
    assert!(run.err.contains("NOPERM") && run.err.contains("waiting up to 5 s"), "{}", run.err);
    cluster.write_everywhere();
}

#[test]
fn a_closed_bus_port_ends_at_the_deadline_and_is_named() {
    let cluster = TestCluster::start(3);
    let addrs: Vec<String> = cluster.addrs().iter().map(|addr| format!("{addr}@1")).collect();
    let run = rcluster(&create_args(&addrs, &["--yes", "--join-timeout", "3s"])).exits(4);
    run.tells(&["cannot reach 127.0.0.1:1,", &cluster.addr(0), "within 3s", "Rerun to resume"]);

    // With the right bus port the same nodes still become a cluster.
    eventually("it is formed", || cluster.create(0).code == Some(0));
    cluster.write_everywhere();
}

#[test]
fn host_names_and_bus_ports_are_understood() {
    let cluster = TestCluster::start(3);
    let name = |node| format!("localhost:{}@{}", cluster.port(node), cluster.port(node) + 10_000);
    let addrs: Vec<String> = (0..3).map(name).collect();
    rcluster(&create_args(&addrs, &["--yes"])).succeeds();
    cluster.write_everywhere();
}

#[test]
fn ipv6_nodes_form_a_cluster() {
    let cluster = TestCluster::on_hosts(&["::1"; 3]);
    let addrs = cluster.addrs();
    assert!(addrs[0].starts_with("[::1]:"), "{}", addrs[0]);
    rcluster(&create_args(&addrs, &["--yes"])).succeeds();
    cluster.write_everywhere();
    rcluster(&["check", &addrs[2]]).succeeds();
}

#[test]
fn a_bus_port_of_its_own_is_read_from_the_node() {
    // `cluster-port` came with 7.0; older servers always take port + 10000.
    if crate::support::server_under_test() == "redis-6.2" {
        return;
    }
    let bus =
        [crate::support::Port::take(), crate::support::Port::take(), crate::support::Port::take()];
    let mut cluster = TestCluster::start(0);
    for port in &bus {
        let one =
            TestCluster::start_as(1, &Server::with(&[&format!("cluster-port {}", port.number)]));
        cluster.adopt(one);
    }
    cluster.create(0).succeeds();
    cluster.write_everywhere();
    let nodes: String = cluster.ask(0, &["CLUSTER", "NODES"]);
    assert!(bus.iter().all(|port| nodes.contains(&format!("@{}", port.number))), "{nodes}");
}

/// As in a compose file or a Job: it begins with the servers, and is run again later.
#[test]
fn it_waits_for_nodes_that_are_still_to_come_and_accepts_the_cluster_that_it_made() {
    let ports = [Port::take(), Port::take()];
    let addrs = ports.each_ref().map(|port| format!("127.0.0.1:{}", port.number));
    let line = ["create", &addrs[0], &addrs[1], "--replicas", "1", "--yes", "--json"];
    let waits = start(&[&line[..], &["--wait", "60s"]].concat(), |_| {});
    let first = TestCluster::start_at(&[ports[0].number]);
    rcluster(&[&line[..], &["--wait", "300ms"]].concat()).exits(3).tells(&[&addrs[1]]);
    let mut cluster = TestCluster::start_at(&[ports[1].number]);
    assert_eq!(waits.finish().succeeds().json()["changed"], true);

    cluster.adopt(first);
    cluster.wait_for_replicas();
    rcluster(&["failover", &addrs[0], &addrs[1], "--yes"]).succeeds();
    let turned = ["create", &addrs[1], &addrs[0], "--replicas", "1", "--yes", "--json"];
    rcluster(&line).exits(1).tells(&["already"]);
    for line in [line, turned] {
        let again = rcluster(&[&line[..], &["--if-absent"]].concat()).succeeds().json();
        assert_eq!((&again["changed"], &again["healthy"]), (&false.into(), &true.into()));
        assert_eq!(again["shards"][0]["master"]["addr"], addrs[1].as_str(), "{again}");
    }
    // A name that stands for fewer nodes is told of once the time is over.
    let name = format!("dns+localhost:{}", ports[0].number);
    let few = ["create", &name, "--expect", "2", "--wait", "300ms", "-4", "--yes"];
    rcluster(&few).exits(1).tells(&["nodes named: 1, expected: 2", "--expect"]);
}
