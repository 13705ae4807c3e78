//! `check`: what is wrong is found, on real clusters that it is wrong with.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Run, Server, TestCluster, eventually, rcluster, start};

fn check(cluster: &TestCluster, node: usize) -> Run {
    rcluster(&["check", &cluster.addr(node), "--json"])
}

/// Checks until the problems are these kinds and no others.
fn finds(cluster: &TestCluster, node: usize, kinds: &[&str]) -> Run {
    let mut last = check(cluster, node);
    eventually(&format!("check finds {kinds:?}"), || {
        last = check(cluster, node);
        let mut found = last.kinds();
        found.dedup();
        found == kinds
    });
    last
}

#[test]
fn a_healthy_cluster_is_told_from_every_node_alike() {
    let cluster = TestCluster::formed(6, 1);
    for node in 0..6 {
        let run = check(&cluster, node).succeeds();
        let health = run.json();
        assert_eq!(health["healthy"], true);
        assert_eq!(health["problems"], json!([]));
        let expected = json!({"state": "ok", "size": 3, "known_nodes": 6, "slots_covered": 16384, "current_epoch": 6});
        assert_eq!(health["cluster"], expected);
        let master = &health["nodes"][0];
        assert_eq!(master["addr"], cluster.addr(0));
        assert_eq!(master["id"], cluster.id(0));
        assert_eq!((&master["role"], &master["master_id"]), (&json!("master"), &json!(null)));
        assert_eq!((&master["slots"], &master["link"]), (&json!([[0, 5460]]), &json!("connected")));
        assert_eq!((&master["flags"], &master["epoch"]), (&json!([]), &json!(1)));
        let replica = &health["nodes"][1];
        assert_eq!(
            (&replica["role"], &replica["master_id"]),
            (&json!("replica"), &json!(cluster.id(0)))
        );
    }
}

#[test]
fn slots_without_an_owner_are_found_and_the_command_mends_them() {
    let cluster = TestCluster::formed(3, 0);
    cluster.tell_all(&["CLUSTER", "DELSLOTS", "5", "6", "9000"]);

    let run = check(&cluster, 2).exits(1);

    let problem = run.problem("slots-uncovered");
    assert_eq!(problem["slots"], json!([[5, 6], [9000, 9000]]));
    assert_eq!(problem["severity"], "error");
    assert_eq!(run.json()["cluster"]["slots_covered"], 16381);
    let fix = problem["fix"].as_str().expect("a command").to_owned();
    let words: Vec<&str> = fix.split(' ').skip(1).collect();
    rcluster(&words).succeeds();
    finds(&cluster, 0, &[]).succeeds();
}

#[test]
fn a_slot_that_its_owner_gave_up_is_given_back_to_it() {
    let cluster = TestCluster::formed(3, 0);
    cluster.tell(1, &["CLUSTER", "DELSLOTS", "6000"]);
    let problem = check(&cluster, 0).exits(1).problem("slots-uncovered");
    let fix = format!("rcluster addslots {} 6000", cluster.addr(1));
    assert_eq!(problem["fix"], fix.as_str());
    let words: Vec<&str> = fix.split(' ').skip(1).collect();
    rcluster(&words).succeeds();
    finds(&cluster, 0, &[]).succeeds();
}

#[test]
fn wait_is_not_outlasted_by_a_node_that_hangs() {
    let cluster = TestCluster::formed(3, 0);
    cluster.nodes[1].signal(rustix::process::Signal::STOP);
    let begun = Instant::now();
    let run = rcluster(&["check", &cluster.addr(0), "--wait", "1s", "--json"]);
    let took = begun.elapsed();
    cluster.nodes[1].signal(rustix::process::Signal::CONT);
    run.exits(1).problem("node-unreachable");
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[test]
fn an_open_slot_is_one_problem_with_both_ends() {
    let cluster = TestCluster::formed(3, 0);
    cluster.tell(0, &["CLUSTER", "SETSLOT", "7", "MIGRATING", &cluster.id(1)]);
    cluster.tell(1, &["CLUSTER", "SETSLOT", "7", "IMPORTING", &cluster.id(0)]);
    cluster.tell(2, &["CLUSTER", "SETSLOT", "8", "IMPORTING", &cluster.id(0)]);

    let run = check(&cluster, 2).exits(1);

    assert_eq!(run.kinds(), ["slot-open", "slot-open"]);
    let both = run.problem("slot-open");
    let mut ends = [cluster.addr(0), cluster.addr(1)];
    ends.sort();
    assert_eq!(both["slots"], json!([[7, 7]]));
    let message = both["message"].as_str().unwrap();
    assert!(ends.iter().all(|end| message.contains(end.as_str())), "{message}");
    assert!(message.contains("migrating at") && message.contains("importing at"), "{message}");
}

#[test]
fn views_that_differ_are_shown_node_by_node() {
    let cluster = TestCluster::formed(3, 0);
    // Only one node comes to think that nobody owns slot 9, until the owner's next message.
    let mut run = check(&cluster, 0);
    eventually("check sees it before gossip mends it", || {
        let _ = cluster.try_ask::<()>(2, &["CLUSTER", "DELSLOTS", "9"]);
        run = check(&cluster, 0);
        run.kinds().contains(&"views-differ".to_owned())
    });

    let problem = run.problem("views-differ");
    let message = problem["message"].as_str().unwrap();
    assert!(
        message.starts_with(&format!("{} lists {}", cluster.addr(2), cluster.addr(0))),
        "{message}"
    );
    assert!(message.contains("0-8,10-5460") && message.contains("0-5460"), "{message}");
}

#[test]
fn a_node_that_others_do_not_know_is_found_from_any_entry() {
    let cluster = TestCluster::formed(4, 0);
    cluster.tell(1, &["CLUSTER", "FORGET", &cluster.id(3)]);
    for entry in [1, 2] {
        let run = check(&cluster, entry);
        let problem = run.problem("views-differ");
        let message = problem["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("{} does not list {}", cluster.addr(1), cluster.addr(3))),
            "{message}"
        );
        assert!(
            problem["fix"].as_str().is_some_and(|fix| fix.starts_with("rcluster meet")),
            "{problem}"
        );
    }
}

#[test]
fn a_dead_node_is_unreachable_and_then_failed() {
    let quick = Server::with(&["cluster-node-timeout 1000"]);
    let mut cluster = TestCluster::start_as(6, &quick);
    cluster.create(1).succeeds();
    cluster.wait_for_replicas();
    let (addr, id) = (cluster.addr(5), cluster.id(5));
    cluster.nodes[5].kill();

    let run = check(&cluster, 0).exits(1);
    let problem = run.problem("node-unreachable");
    assert_eq!(problem["nodes"], json!([addr]));
    assert!(problem["message"].as_str().unwrap().contains("connection refused"), "{problem}");

    eventually("every other node sees it failed, and its row says so", || {
        let health = check(&cluster, 1).exits(1).json();
        let row = health["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|node| node["id"] == id.as_str())
            .cloned();
        let failing = health["problems"]
            .as_array()
            .unwrap()
            .iter()
            .find(|p| p["kind"] == "node-failing")
            .cloned();
        row.expect("the dead node is still listed")["flags"] == json!(["fail"])
            && failing.is_some_and(|p| {
                p["message"].as_str().unwrap().contains("every other reachable node")
            })
    });
}

#[test]
fn a_dead_entry_is_an_error_of_its_own() {
    let mut cluster = TestCluster::formed(3, 0);
    cluster.nodes[0].kill();
    let addr = cluster.nodes[0].addr().to_string();
    rcluster(&["check", &addr]).exits(3).tells(&[&addr, "connection refused", "hint:"]);
}

#[test]
fn a_dead_master_leaves_its_slots_owned_but_the_cluster_not_ok() {
    let quick = Server::with(&["cluster-node-timeout 1000"]);
    let mut cluster = TestCluster::start_as(3, &quick);
    cluster.create(0).succeeds();
    cluster.nodes[2].kill();
    let run = finds(&cluster, 0, &["state-not-ok", "node-unreachable", "node-failing"]).exits(1);
    assert_eq!(run.json()["cluster"]["state"], "fail");
    assert_eq!(run.json()["cluster"]["slots_covered"], 16384);
}

#[test]
fn a_replica_without_its_master_link_is_found() {
    let cluster = TestCluster::formed(6, 1);
    // The master wants a password that its replica does not have.
    cluster.tell(0, &["CONFIG", "SET", "requirepass", "pw"]);
    let mut master = cluster.connect(0);
    let _: String = redis::cmd("AUTH").arg("pw").query(&mut master).unwrap();
    let _: u32 = redis::cmd("CLIENT").arg(&["KILL", "TYPE", "replica"]).query(&mut master).unwrap();

    eventually("check finds the broken link", || {
        let run = start(&["check", &cluster.addr(1), "--json"], |command| {
            command.env("REDISCLI_AUTH", "pw");
        })
        .finish();
        let kinds = run.kinds();
        let found = kinds.contains(&"replica-link-down".to_owned());
        if found {
            let mut ends = run.problem("replica-link-down")["nodes"].as_array().unwrap().clone();
            ends.sort_by_key(ToString::to_string);
            let mut expected = vec![json!(cluster.addr(0)), json!(cluster.addr(3))];
            expected.sort_by_key(ToString::to_string);
            assert_eq!(ends, expected);
            assert_eq!(run.code, Some(1));
        }
        found
    });
}

#[test]
fn two_servers_with_one_node_id_are_found() {
    let cluster = TestCluster::formed(3, 0);
    let copy = TestCluster::start(1);
    let mut twin = copy;
    twin.nodes[0].kill();
    let files = |cluster: &TestCluster, node: usize| cluster.nodes[node].dir().join("nodes.conf");
    std::fs::copy(files(&cluster, 0), files(&twin, 0)).unwrap();
    twin.restart(0);
    assert_eq!(twin.id(0), cluster.id(0));

    // Whichever of the two the others currently take for the node, asked through the twin both show.
    eventually("check finds the shared id", || {
        let runs = [check(&twin, 0), check(&cluster, 0)];
        runs.iter().any(|run| run.code == Some(1) && run.kinds().contains(&"id-shared".to_owned()))
    });
}

#[test]
fn a_master_without_a_replica_is_a_warning_that_strict_counts() {
    let cluster = TestCluster::start(4);
    let addrs = cluster.addrs();
    rcluster(&["create", &addrs[0], &addrs[1], &addrs[2], "--yes"]).succeeds();
    rcluster(&["meet", &addrs[0], &addrs[3]]).succeeds();
    rcluster(&["replicate", &addrs[3], &addrs[0]]).succeeds();
    cluster.wait_for_replicas();

    let run = finds(&cluster, 0, &["no-replica"]).succeeds();
    let warned: Vec<_> =
        run.json()["problems"].as_array().unwrap().iter().map(|p| p["nodes"][0].clone()).collect();
    assert!(warned.contains(&json!(addrs[1])) && warned.contains(&json!(addrs[2])), "{warned:?}");
    rcluster(&["check", &addrs[0], "--strict"]).exits(1);
}

#[test]
fn settings_that_differ_are_warned_of_with_the_mending_command() {
    let cluster = TestCluster::formed(3, 0);
    cluster.tell(1, &["CONFIG", "SET", "cluster-node-timeout", "20000"]);
    cluster.tell(2, &["CONFIG", "SET", "cluster-require-full-coverage", "no"]);

    let run = check(&cluster, 0).succeeds();

    assert_eq!(run.kinds(), ["settings-differ", "settings-differ"]);
    let fixes: Vec<_> =
        run.json()["problems"].as_array().unwrap().iter().map(|p| p["fix"].clone()).collect();
    let port = cluster.port(1);
    assert!(
        fixes.contains(&json!(format!(
            "redis-cli -h 127.0.0.1 -p {port} CONFIG SET cluster-node-timeout 15000"
        ))),
        "{fixes:?}"
    );
}

#[test]
fn wait_goes_on_until_the_cluster_is_mended() {
    let cluster = TestCluster::formed(3, 0);
    cluster.tell_all(&["CLUSTER", "DELSLOTS", "5"]);
    let waiting = start(&["check", &cluster.addr(2), "--wait", "50s"], |_| {});
    rcluster(&["addslots", &cluster.addr(0), "5"]).succeeds();
    let run = waiting.finish().succeeds();
    assert!(run.out.contains("healthy"), "{}", run.out);
}

#[test]
fn wait_ends_when_the_time_is_up() {
    let cluster = TestCluster::formed(3, 0);
    cluster.tell_all(&["CLUSTER", "DELSLOTS", "5"]);
    let begun = Instant::now();
    rcluster(&["check", &cluster.addr(0), "--wait", "700ms"]).exits(1);
    assert!(begun.elapsed() >= Duration::from_millis(700));
}

#[test]
fn servers_that_never_met_are_no_healthy_cluster() {
    let cluster = TestCluster::start(1);
    let run = check(&cluster, 0).exits(1);
    assert_eq!(run.kinds(), ["slots-uncovered", "state-not-ok"]);
}
