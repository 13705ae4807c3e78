//! Nodes that are there and cannot do all their work: they load their data, their disk fails, their
//! memory is nearly full, they lack replicas, their replicas announce addresses of nobody, or they take no connections.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::support::data::{assert_same, contents, fill};
use crate::support::{Run, Server, TestCluster, eventually, rcluster, server_under_test};

const REPLICA: usize = 3;

fn check(cluster: &TestCluster) -> Run {
    rcluster(&["check", &cluster.addr(0), "--json"])
}

/// Checks until the problems are of these kinds and no others.
fn finds(cluster: &TestCluster, kinds: &[&str]) -> Run {
    let mut last = check(cluster);
    eventually(&format!("check finds {kinds:?}"), || {
        last = check(cluster);
        last.kinds() == kinds
    });
    last
}

/// A server that takes 12 ms for each key that it loads, and answers meanwhile.
fn slow() -> Server {
    Server::with(&["key-load-delay 12000", "loading-process-events-interval-bytes 1024"])
}

#[test]
fn a_replica_that_loads_its_data_is_waited_for_and_holds_up_nobody_else() {
    if server_under_test() == "redis-6.2" {
        // It answers after each 2 MiB only.
        return;
    }
    let mut cluster = TestCluster::formed(6, 1);
    fill(&cluster, 3000);
    eventually("the replica has it all", || {
        let keys = |node| cluster.ask::<u64>(node, &["DBSIZE"]);
        keys(REPLICA) == keys(0)
    });
    let (before, id) = (contents(&cluster), cluster.id(REPLICA));
    cluster.tell(REPLICA, &["SAVE"]);
    cluster.nodes[REPLICA].kill();
    cluster.restart_as(REPLICA, &slow());

    let run = finds(&cluster, &["node-loading"]).exits(1);
    let problem = run.problem("node-loading");
    let message = problem["message"].as_str().unwrap();
    assert!(message.contains("% loaded, ") && message.contains(" s left"), "{message}");
    assert_eq!(problem["nodes"], json!([cluster.addr(REPLICA)]));
    let wait = problem["fix"].as_str().unwrap().to_owned();
    let entry = rcluster(&["check", &cluster.addr(REPLICA)]).exits(3);
    entry.tells(&["loading its data", "% loaded", "--wait"]);
    rcluster(&["forget", &cluster.addr(0), &id, "--yes"]).exits(1).tells(&["loading its data"]);
    cluster.adopt(TestCluster::start(1));
    for given_up in [
        ["del-node", &cluster.addr(0), &id, "--yes"].to_vec(),
        ["replace-node", &cluster.addr(0), &id, &cluster.addr(6), "--yes"].to_vec(),
    ] {
        rcluster(&given_up).exits(1).tells(&["loading its data"]);
    }
    rcluster(&["add-node", &cluster.addr(6), &cluster.addr(0), "--yes"]).succeeds();
    let to = cluster.addr(2);
    let moved = ["reshard", &cluster.addr(0), "--slots", "6000", "--to", &to, "--yes", "--json"];
    assert_eq!(rcluster(&moved).json()["moved_count"], 1);
    assert!(check(&cluster).kinds().contains(&"node-loading".to_owned()), "it went on meanwhile");

    let words: Vec<&str> = wait.split(' ').skip(1).collect();
    rcluster(&words).succeeds();

    cluster.wait_for_replicas();
    assert_same(&before, &contents(&cluster));
}

#[test]
fn slots_of_a_master_that_loads_its_data_are_not_given_away() {
    if server_under_test() == "redis-6.2" {
        return;
    }
    let mut cluster = TestCluster::formed(3, 0);
    fill(&cluster, 3000);
    let before = contents(&cluster);
    cluster.tell(1, &["SAVE"]);
    cluster.nodes[1].kill();
    cluster.restart_as(1, &slow());
    finds(&cluster, &["node-loading"]);

    let losing = ["--with-unreachable-masters", "--accept-data-loss", "--yes"];
    let run = rcluster(&[&["fix", &cluster.addr(0)], &losing[..]].concat()).exits(1);

    assert!(run.out.contains("is loading its data"), "{run:?}");
    finds(&cluster, &[]).succeeds();
    assert_same(&before, &contents(&cluster));
}

#[test]
fn a_replica_that_loads_its_first_copy_is_syncing() {
    if server_under_test() == "redis-6.2" {
        return;
    }
    let mut cluster = TestCluster::formed(3, 0);
    fill(&cluster, 3000);
    cluster.adopt(TestCluster::start_as(1, &slow()));
    let (new, entry, master) = (cluster.addr(3), cluster.addr(0), cluster.addr(0));

    rcluster(&["add-node", &new, &entry, "--replica-of", &master, "--yes"]).succeeds();

    let mut message = String::new();
    eventually("check finds it loading", || {
        let run = check(&cluster).succeeds();
        let kinds = run.kinds();
        // A node that loads answers handshakes late.
        let expected = ["replica-syncing", "no-replica", "node-handshake"];
        assert!(kinds.iter().all(|kind| expected.contains(&&**kind)), "{kinds:?}");
        if kinds.contains(&"replica-syncing".to_owned()) {
            message = run.problem("replica-syncing")["message"].as_str().unwrap().to_owned();
        }
        message.contains("is loading the initial sync")
    });
    assert!(message.contains(&new) && message.contains(&master), "{message}");
    finds(&cluster, &["no-replica", "no-replica"]);
}

#[test]
fn replicas_that_announce_another_address_are_fed_all_the_same() {
    let mut settings = vec!["replica-announce-ip 10.9.9.9", "replica-announce-port 1234"];
    settings.extend(["repl-diskless-sync yes", "repl-diskless-sync-delay 5"]);
    let cluster = TestCluster::start_as(6, &Server::with(&settings)).settled();

    let created = cluster.create(1).succeeds().json();

    assert!(created["elapsed_ms"].as_u64().unwrap() < 5000, "{created}");
    let kinds = check(&cluster).succeeds().kinds();
    assert!(kinds.iter().all(|kind| kind == "replica-syncing"), "{kinds:?}");
    cluster.wait_for_replicas();
    finds(&cluster, &[]).succeeds();
}

#[test]
fn a_save_that_failed_is_a_warning_of_its_own() {
    let cluster = TestCluster::formed(6, 1);
    // The file that it would replace cannot be replaced.
    let file = cluster.nodes[0].dir().join("dump.rdb");
    let _ = fs::remove_file(&file);
    fs::create_dir_all(file.join("in the way")).unwrap();
    cluster.tell(0, &["BGSAVE"]);

    let run = finds(&cluster, &["save-failed"]).succeeds();
    let message = run.problem("save-failed")["message"].as_str().unwrap().to_owned();
    assert!(message.contains("changes since the last save are lost"), "{message}");
    cluster.tell(0, &["CONFIG", "SET", "save", "3600 1000000"]);
    let run = finds(&cluster, &["save-failed"]);
    let problem = run.problem("save-failed");
    assert!(problem["message"].as_str().unwrap().contains("MISCONF"), "{problem}");
    let error = cluster.try_ask::<String>(0, &["SET", "b", "1"]).unwrap_err();
    assert_eq!(error.code(), Some("MISCONF"), "{error}");
    rcluster(&["check", &cluster.addr(0), "--strict"]).exits(1);

    fs::remove_dir_all(&file).unwrap();
    let [host, port] =
        cluster.addr(0).split(':').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(problem["fix"], format!("redis-cli -h {host} -p {port} BGSAVE"));
    cluster.tell(0, &["BGSAVE"]);
    finds(&cluster, &[]).succeeds();
}

#[test]
fn an_append_only_file_that_cannot_be_written_is_a_warning_of_its_own() {
    if server_under_test() == "redis-6.2" {
        // It writes to a new file once it has rewritten the old.
        return;
    }
    let cluster = TestCluster::formed(3, 0);
    let dir = cluster.nodes[0].dir().join("appendonlydir");
    fs::create_dir_all(&dir).unwrap();
    symlink("/dev/full", dir.join("temp-appendonly.aof.incr")).unwrap();
    cluster.tell(0, &["CONFIG", "SET", "appendonly", "yes"]);
    let _ = cluster.try_ask::<String>(0, &["SET", "b", "1"]);

    let run = finds(&cluster, &["aof-failed"]).succeeds();

    let message = run.problem("aof-failed")["message"].as_str().unwrap().to_owned();
    assert!(message.contains("MISCONF"), "{message}");
    eventually("it rejects writes", || {
        cluster.try_ask::<String>(0, &["SET", "b", "2"]).is_err_and(|e| e.code() == Some("MISCONF"))
    });
}

#[test]
fn memory_that_is_nearly_full_is_a_warning_of_its_own() {
    let cluster = TestCluster::formed(3, 0);
    let info: String = cluster.ask(0, &["INFO", "memory"]);
    let used = info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
    let used: u64 = used.parse().unwrap();
    cluster.tell(0, &["CONFIG", "SET", "maxmemory", &(used * 2).to_string()]);
    finds(&cluster, &[]).succeeds();

    cluster.tell(0, &["CONFIG", "SET", "maxmemory", &(used * 100 / 95).to_string()]);

    let run = finds(&cluster, &["memory-nearly-full"]).succeeds();
    assert_eq!(run.problem("memory-nearly-full")["nodes"], json!([cluster.addr(0)]));
    cluster.tell(0, &["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    finds(&cluster, &[]).succeeds();
}

#[test]
fn too_few_replicas_for_writes_are_a_warning_of_their_own() {
    let cluster = TestCluster::formed(6, 1);
    cluster.tell(0, &["CONFIG", "SET", "min-replicas-to-write", "1"]);
    finds(&cluster, &[]).succeeds();

    cluster.tell(0, &["CONFIG", "SET", "min-replicas-to-write", "2"]);

    let run = finds(&cluster, &["too-few-replicas"]).succeeds();
    let message = run.problem("too-few-replicas")["message"].as_str().unwrap().to_owned();
    assert!(message.contains("1 of 2 replicas") && message.contains("NOREPLICAS"), "{message}");
}

#[test]
fn a_shard_without_replica_stops_all_where_full_coverage_is_required() {
    let cluster = TestCluster::formed(6, 1);
    let yes = ["CONFIG", "SET", "cluster-allow-replica-migration", "no"];
    cluster.tell_all(&yes);
    rcluster(&["del-node", &cluster.addr(0), &cluster.addr(REPLICA), "--yes"]).succeeds();
    let told = |run: &Run| {
        let problem = run.problem("no-replica");
        problem["message"].as_str().unwrap().contains("every node rejects queries")
    };
    assert!(told(&finds(&cluster, &["no-replica"]).succeeds()));
    cluster.tell_all(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    assert!(!told(&finds(&cluster, &["no-replica"]).succeeds()));
}

/// The system answers for a hanging server until its backlog is full, and nobody after that: as a
/// firewall that drops packets.
#[test]
fn a_connection_that_nobody_takes_ends_at_its_timeout() {
    let cluster = TestCluster::start_as(1, &Server::with(&["tcp-backlog 1"]));
    cluster.nodes[0].signal(Signal::STOP);
    let addr: SocketAddr = cluster.addr(0).parse().unwrap();
    let connect = || TcpStream::connect_timeout(&addr, Duration::from_millis(200)).ok();
    let held: Vec<TcpStream> = std::iter::from_fn(connect).take(100).collect();
    assert!(held.len() < 100, "the backlog is full");
    let takes = |limit: &str| {
        let begun = Instant::now();
        let words = ["check", &cluster.addr(0), "--connect-timeout", limit, "--timeout", "1m"];
        rcluster(&words).exits(3).tells(&[&cluster.addr(0)]);
        begun.elapsed()
    };
    let (short, long) = (takes("100ms"), takes("2s"));
    let seconds = Duration::from_secs;
    assert!(short < seconds(2) && long >= seconds(2) && long < seconds(8), "{short:?}, {long:?}");
    cluster.nodes[0].signal(Signal::CONT);
}
