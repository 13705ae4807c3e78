//! Bad input gets a clear error, and nothing is changed.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Server, TestCluster, rcluster, server_under_test};

/// Fresh servers, and the same facts of them after `story`.
fn unchanged(cluster: &TestCluster, story: impl FnOnce()) {
    let before = cluster.facts();
    story();
    assert_eq!(cluster.facts(), before, "nothing was changed");
}

#[test]
fn too_few_nodes_for_the_replicas() {
    let cluster = TestCluster::start(2);
    let (a, b) = (cluster.addr(0), cluster.addr(1));
    unchanged(&cluster, || {
        let run = rcluster(&["create", &a, &b, "--replicas", "2", "--yes"]).exits(2);
        run.tells(&["2 nodes are too few for 2 replicas a master", "at least 3", "hint:"]);
    });
}

#[test]
fn one_node_named_twice() {
    let cluster = TestCluster::start(2);
    let (a, b) = (cluster.addr(0), cluster.addr(1));
    let alias = format!("localhost:{}", cluster.port(0));
    unchanged(&cluster, || {
        rcluster(&["create", &a, &b, &a, "--yes"]).exits(2).tells(&[&a, "given twice"]);
        rcluster(&["create", &a, &b, &alias, "--yes"]).exits(1).tells(&[
            &a,
            &alias,
            "are one node",
        ]);
    });
}

#[test]
fn a_node_of_another_cluster() {
    let cluster = TestCluster::formed(3, 0);
    let fresh = TestCluster::start(2);
    unchanged(&cluster, || {
        let run = rcluster(&["create", &fresh.addr(0), &fresh.addr(1), &cluster.addr(1), "--yes"])
            .exits(1);
        run.tells(&[&cluster.addr(1), "already belongs to a cluster", &cluster.addr(0), "hint:"]);
        let run = rcluster(&["meet", &fresh.addr(0), &cluster.addr(1)]).exits(1);
        let add = format!("rcluster add-node {} {}", fresh.addr(0), cluster.addr(1));
        run.tells(&[&cluster.addr(1), "another cluster", "merge", &add]);
    });
    unchanged(&fresh, || {});
}

#[test]
fn a_node_that_holds_keys() {
    let cluster = TestCluster::start(3);
    cluster.put_a_key(1);
    let addrs = cluster.addrs();
    unchanged(&cluster, || {
        let run = rcluster(&["create", &addrs[0], &addrs[1], &addrs[2], "--yes"]).exits(1);
        run.tells(&[&addrs[1], "holds 1 key", "rcluster reset", "--flush"]);
    });
    assert_eq!(cluster.ask::<u64>(1, &["DBSIZE"]), 1);
    rcluster(&["meet", &addrs[0], &addrs[1]]).succeeds();
    rcluster(&["replicate", &addrs[1], &addrs[0]])
        .exits(1)
        .tells(&[&addrs[1], "still holds 1 key"]);
    assert_eq!(cluster.ask::<u64>(1, &["DBSIZE"]), 1);
}

#[test]
fn a_node_that_owns_slots_already() {
    let cluster = TestCluster::start(3);
    cluster.tell(2, &["CLUSTER", "ADDSLOTS", "5"]);
    let addrs = cluster.addrs();
    unchanged(&cluster, || {
        let run = rcluster(&["create", &addrs[0], &addrs[1], &addrs[2], "--yes"]).exits(1);
        run.tells(&[&addrs[2], "already owns slot", "5", "10923-16383"]);
    });
}

#[test]
fn a_node_with_functions() {
    if server_under_test() == "redis-6.2" {
        return; // functions came with 7.0
    }
    let cluster = TestCluster::start(3);
    let code = "#!lua name=mylib\nredis.register_function('f', function() return 1 end)";
    cluster.tell(0, &["FUNCTION", "LOAD", code]);
    let addrs = cluster.addrs();
    unchanged(&cluster, || {
        let run = rcluster(&["create", &addrs[0], &addrs[1], &addrs[2], "--yes"]).exits(1);
        run.tells(&[&addrs[0], "1 function library"]);
    });
}

#[test]
fn a_server_that_is_not_in_cluster_mode() {
    let cluster = TestCluster::start(2);
    let alone = TestCluster::start_as(1, &Server::with(&["cluster-enabled no"]));
    unchanged(&cluster, || {
        let run =
            rcluster(&["create", &cluster.addr(0), &alone.addr(0), &cluster.addr(1), "--yes"])
                .exits(1);
        run.tells(&[
            &alone.addr(0),
            "ERR This instance has cluster support disabled",
            "cluster-enabled yes",
        ]);
    });
}

#[test]
fn a_port_nobody_listens_on() {
    let cluster = TestCluster::start(2);
    let nobody = format!("127.0.0.1:{}", crate::support::Port::take().number);
    unchanged(&cluster, || {
        let run =
            rcluster(&["create", &cluster.addr(0), &nobody, &cluster.addr(1), "--yes"]).exits(3);
        run.tells(&[&nobody, "connection refused", "hint:"]);
    });
}

#[test]
fn all_nodes_that_fail_are_named_at_once() {
    let (a, b) = (crate::support::Port::take(), crate::support::Port::take());
    let addr = |port: &crate::support::Port| format!("127.0.0.1:{}", port.number);
    rcluster(&["create", &addr(&a), &addr(&b), "--yes"]).exits(3).tells(&[&addr(&a), &addr(&b)]);
}

#[test]
fn a_server_that_is_no_redis() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ =
                stream.unwrap().write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    rcluster(&["check", &addr]).exits(3).tells(&[
        &addr,
        "no Redis or Valkey server",
        "HTTP/1.1 400 Bad Request",
    ]);
}

#[test]
fn a_server_that_never_answers_or_only_trickles() {
    for trickle in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                // A bulk string that takes hours to arrive, a byte at a time.
                let _ = stream.write_all(if trickle { b"$99999\r\n" } else { b"" });
                while !trickle || stream.write_all(b"x").is_ok() {
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
        });
        let begun = Instant::now();
        rcluster(&["check", &addr, "--timeout", "500ms"]).exits(3).tells(&[
            &addr,
            "timed out",
            "500ms",
        ]);
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    }
}

#[test]
fn slots_that_cannot_be_given() {
    let cluster = TestCluster::formed(6, 1);
    let addr = |node| cluster.addr(node);
    unchanged(&cluster, || {
        rcluster(&["addslots", &addr(0), "16384"]).exits(2).tells(&["16384 is out of range"]);
        rcluster(&["addslots", &addr(0), "9-5"]).exits(2).tells(&["9-5 runs backwards"]);
        rcluster(&["addslots", &addr(0), "abc"]).exits(2).tells(&["'abc' is not a slot"]);
        rcluster(&["addslots", &addr(0), "1-5", "3"]).exits(2).tells(&["3", "given twice"]);
        rcluster(&["addslots", &addr(0), "6000"]).exits(1).tells(&["6000", &addr(1), "hint:"]);
        rcluster(&["addslots", &addr(3), "5"]).exits(1).tells(&[
            &addr(3),
            "is a replica of",
            &addr(0),
        ]);
        rcluster(&["delslots", &addr(0), "6000", "--yes"]).exits(1).tells(&["6000", &addr(1)]);
    });
}

#[test]
fn masters_that_cannot_be_followed() {
    let cluster = TestCluster::formed(6, 1);
    let addr = |node| cluster.addr(node);
    unchanged(&cluster, || {
        rcluster(&["replicate", &addr(3), "127.0.0.1:1"])
            .exits(1)
            .tells(&["no node of the cluster is 127.0.0.1:1", &addr(0)]);
        rcluster(&["replicate", &addr(3), &"0".repeat(40)])
            .exits(1)
            .tells(&["no node of the cluster", &"0".repeat(40)]);
        rcluster(&["replicate", &addr(3), &addr(3)]).exits(1).tells(&["cannot replicate itself"]);
        rcluster(&["replicate", &addr(3), &addr(4)]).exits(1).tells(&[
            &addr(4),
            "is a replica of",
            &addr(1),
        ]);
        rcluster(&["replicate", &addr(0), &addr(1)])
            .exits(1)
            .tells(&[&addr(0), "still owns slots 0-5460"]);
        rcluster(&["replicate", &addr(3), "xyz"]).exits(2).tells(&["xyz"]);
    });
}

#[test]
fn a_prefix_that_several_ids_share_is_ambiguous() {
    // 17 nodes cannot all differ in the first of 16 digits.
    let cluster = TestCluster::start(17);
    let addrs = cluster.addrs();
    let args: Vec<&str> = ["meet"].into_iter().chain(addrs.iter().map(String::as_str)).collect();
    rcluster(&args).succeeds();
    let digit = |node| cluster.id(node).remove(0);
    let digits: Vec<char> = (0..17).map(digit).collect();
    let shared = digits
        .iter()
        .find(|digit| digits.iter().filter(|other| other == digit).count() > 1)
        .unwrap();
    let run = rcluster(&["replicate", &addrs[0], &shared.to_string()]).exits(1);
    run.tells(&[&format!("'{shared}' is ambiguous"), " and "]);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let cluster = TestCluster::formed(3, 0);
    let mut run = Command::new(env!("CARGO_BIN_EXE_rcluster"))
        .args(["nodes", &cluster.addr(0)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(run.stdout.take());
    let ended = run.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr), (Some(0), Vec::new()));
}

#[test]
fn a_step_that_is_refused_before_anything_changed_says_so() {
    if server_under_test() == "redis-6.2" {
        return; // its users cannot be denied a single subcommand
    }
    let cluster = TestCluster::formed(3, 0);
    cluster.tell_all(&[
        "ACL",
        "SETUSER",
        "lim",
        "on",
        ">pw",
        "~*",
        "+@all",
        "-cluster|addslotsrange",
        "-cluster|addslots",
    ]);
    rcluster(&["delslots", &cluster.addr(0), "5", "--yes"]).succeeds();
    let args = ["addslots", &cluster.addr(0), "5", "--user", "lim", "--json"];
    let run = crate::support::rcluster_with(&args, |command| {
        command.env("REDISCLI_AUTH", "pw");
    })
    .exits(3);
    let error = run.json()["error"].clone();
    assert_eq!(error["changed"], false, "{error}");
    run.tells(&["NOPERM"]);
}
