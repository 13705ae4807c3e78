//! What a simulated fleet shows: that it is like real servers, and what takes more nodes, or nodes
//! further away, than a test can start.

use std::collections::HashMap;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::fleet::{Fleet, Shape, Trouble};
use crate::support::{Run, Server, TestCluster, rcluster};

/// The document with ids and ports replaced by the order in which they first stand there.
fn alike(run: &Run) -> String {
    let mut names = HashMap::new();
    let mut alike = String::new();
    for word in run.out.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let name = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_port = alike.ends_with("127.0.0.1:") || alike.ends_with('@');
        let is_id = name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_port || is_id {
            let count = names.len();
            let number = names.entry(name.to_owned()).or_insert(count);
            alike.push_str(&format!("<{number}>"));
            alike.push_str(&word[name.len()..]);
        } else {
            alike.push_str(word);
        }
    }
    alike
}

#[test]
fn check_says_the_same_of_simulated_and_of_real_nodes() {
    let server = Server { name: "redis-7.0".to_owned(), ..Server::default() };
    let real = TestCluster::start_as(6, &server);
    real.create(1).succeeds();
    real.wait_for_replicas();
    let simulated = Fleet::start(Shape::new(3, 1));

    let of_real = rcluster(&["check", &real.addr(0), "--json"]).succeeds();
    let of_simulated = rcluster(&["check", &simulated.addr(0), "--json"]).succeeds();

    assert_eq!(alike(&of_simulated), alike(&of_real));
}

/// Nodes of 24 masters with a replica each that are far away.
fn far(troubles: Vec<(usize, Trouble)>) -> Shape {
    let round_trip = Duration::from_millis(50);
    Shape { round_trip, jitter: Duration::from_millis(5), troubles, ..Shape::new(24, 1) }
}

#[test]
fn nodes_that_hang_refuse_disagree_or_die_are_named_and_hold_up_nobody() {
    let troubles = vec![
        (3, Trouble::Hangs),
        (7, Trouble::Refuses),
        (11, Trouble::Disagrees),
        (30, Trouble::DiesAfter(0)),
    ];
    let fleet = Fleet::start(far(troubles));

    let begun = Instant::now();
    let run = rcluster(&["check", &fleet.addr(0), "--json", "--timeout", "2s"]).exits(1);
    let time = begun.elapsed();

    // Two seconds for the node that hangs; no other costs more than its round trips.
    assert!(time < Duration::from_secs(4), "{time:?}");
    assert_eq!(run.kinds(), ["node-unreachable", "views-differ"]);
    let gone = problems(&run, &fleet.addr(3));
    for (node, why) in [
        (3, "CLUSTER NODES timed out after 2s"),
        (7, "cannot connect: connection refused"),
        (30, "the connection broke during CLUSTER NODES: the server closed it"),
    ] {
        let addr = fleet.addr(node);
        let told = gone.split(&addr).nth(1).and_then(|rest| rest.split_once("): "));
        assert!(told.is_some_and(|(_, told)| told.starts_with(why)), "{addr}: {gone}");
    }
    let differs = problems(&run, &fleet.addr(11));
    assert!(differs.contains(&format!("does not list {}", fleet.addr(47))), "{differs}");
}

/// What is said where this address stands.
fn problems(run: &Run, addr: &str) -> String {
    let health = run.json();
    let messages = health["problems"].as_array().expect("problems").iter();
    let messages = messages.filter_map(|problem| problem["message"].as_str());
    messages.filter(|message| message.contains(addr)).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_command_asks_all_nodes_at_once_and_none_more_than_twice() {
    let nodes = 120;
    let fleet = Fleet::start(Shape { masters: nodes / 2, ..far(Vec::new()) });
    let entry = fleet.addr(0);
    let lines = [
        "check",
        "info",
        "nodes",
        "call PING",
        "slots",
        "map",
        "rebalance --dry-run",
        "fix --dry-run",
        "watch --json --count 1",
    ];
    for line in lines {
        let mut args: Vec<&str> = line.split(' ').collect();
        args.insert(1, &entry);

        let begun = Instant::now();
        rcluster(&args).succeeds();
        let time = begun.elapsed();

        // One after the other, the nodes alone would take 12 s; a busy machine takes seconds too.
        assert!(time < Duration::from_secs(10), "{line}: {time:?}");
        let (exchanges, _) = fleet.asked();
        // The entry node is asked once more where its view comes first.
        assert!((nodes..=2 * nodes + 1).contains(&exchanges), "{line}: {exchanges}");
    }
}

#[test]
fn many_strangers_become_a_cluster_and_gossip_is_waited_for() {
    let gossip = Duration::from_millis(200);
    let fleet = Fleet::start(Shape::strangers(150, gossip));
    let addrs: Vec<String> = (0..150).map(|node| fleet.addr(node)).collect();
    let mut args = vec!["create", "--replicas", "2", "--yes", "--json"];
    args.extend(addrs.iter().map(String::as_str));

    let begun = Instant::now();
    let created = rcluster(&args).succeeds();

    // Nodes hear of each other, and then of their slots and roles.
    assert!(begun.elapsed() >= gossip * 2, "{:?}", begun.elapsed());
    assert_eq!(created.json()["healthy"], true);
    let check = rcluster(&["check", &fleet.addr(149), "--json"]).succeeds();
    assert_eq!(check.out.matches("\"role\": \"master\"").count(), 50);
    assert_eq!(rcluster(&args).succeeds().json()["changed"], false);
}

#[test]
fn more_nodes_than_files_may_be_open_are_no_fault_of_theirs() {
    let fleet = Fleet::start(Shape::new(20, 1));
    for (limit, code) in [(24, 3), (100, 0)] {
        let script = format!("ulimit -n {limit}; exec \"$0\" check \"$1\"");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_rcluster"), &fleet.addr(0)]);
        let output = shell.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert_eq!(said.contains("ulimit -n"), code == 3, "{said}");
        assert!(!String::from_utf8_lossy(&output.stdout).contains("meet"), "{output:?}");
    }
}
