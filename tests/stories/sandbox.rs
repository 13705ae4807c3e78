//! `sandbox`: a playground that is easily made, and unmade without harm to anything else.

use std::path::PathBuf;

use rcluster::sandbox::LocalNode;

use crate::support::{Port, TestCluster, rcluster, rcluster_with, server_dir, server_under_test};

struct Playground {
    ports: Vec<Port>,
    dir: tempfile::TempDir,
}

impl Playground {
    fn new(count: usize) -> Playground {
        Playground {
            ports: (0..count).map(|_| Port::take()).collect(),
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("play ground")
    }

    fn run(&self, words: &[&str]) -> crate::support::Run {
        let root = self.root();
        let mut args = vec!["sandbox"];
        args.extend(words);
        args.extend(["--dir", root.to_str().unwrap(), "--json"]);
        rcluster(&args)
    }

    fn up(&self, more: &[&str]) -> crate::support::Run {
        let ports: Vec<String> = self.ports.iter().map(|port| port.number.to_string()).collect();
        let server = server_dir().join(server_under_test());
        let program = if server_under_test().starts_with("valkey") {
            "valkey-server"
        } else {
            "redis-server"
        };
        let (ports, server) = (ports.join(","), server.join(program));
        let mut args = vec!["up", "--ports", &ports, "--server", server.to_str().unwrap()];
        args.extend(more);
        self.run(&args)
    }

    fn running(&self) -> usize {
        let status = self.run(&["status"]).succeeds().json();
        status["nodes"].as_array().unwrap().iter().filter(|node| node["running"] == true).count()
    }
}

impl Drop for Playground {
    fn drop(&mut self) {
        for mut node in LocalNode::all_in(&self.root()).unwrap_or_default() {
            let _ = node.stop(std::time::Duration::from_secs(5));
        }
    }
}

#[test]
fn it_starts_forms_keeps_data_and_stops() {
    let play = Playground::new(3);
    let up = play.up(&["--create"]).succeeds();
    assert_eq!(up.json()["healthy"], true);
    assert_eq!(play.running(), 3);
    let addr = format!("127.0.0.1:{}", play.ports[0].number);
    rcluster(&["check", &addr]).succeeds();
    let client = redis::Client::open(format!("redis://{addr}")).unwrap();
    let _: String = redis::cmd("SET")
        .arg("{06S}key")
        .arg(1)
        .query(&mut client.get_connection().unwrap())
        .unwrap();

    play.run(&["down"]).succeeds();
    assert_eq!(play.running(), 0);

    // The same command again brings the same cluster back, with its data.
    play.up(&["--create"]).succeeds();
    let kept: u32 =
        redis::cmd("GET").arg("{06S}key").query(&mut client.get_connection().unwrap()).unwrap();
    assert_eq!(kept, 1);

    play.run(&["down", "--purge"]).succeeds();
    assert!(!play.root().exists());
}

#[test]
fn up_again_starts_only_what_is_down() {
    let play = Playground::new(2);
    let first = play.up(&[]).succeeds().json();
    let pid = |run: &serde_json::Value, node: usize| run["nodes"][node]["pid"].as_u64().unwrap();
    LocalNode::all_in(&play.root()).unwrap()[1].stop(std::time::Duration::from_secs(10)).unwrap();

    let second = play.up(&[]).succeeds().json();

    assert_eq!(pid(&first, 0), pid(&second, 0));
    assert_ne!(pid(&first, 1), pid(&second, 1));
}

#[test]
fn down_stops_nothing_that_it_did_not_start() {
    let foreign = TestCluster::start(1);
    let play = Playground::new(1);
    play.up(&[]).succeeds();
    play.run(&["down"]).succeeds();
    // Somebody else's server takes a port of the playground's: here by its config file alone.
    let config = play.root().join(play.ports[0].number.to_string()).join("redis.conf");
    let other = play.root().join(foreign.port(0).to_string());
    std::fs::create_dir(&other).unwrap();
    std::fs::copy(config, other.join("redis.conf")).unwrap();

    let down = play.run(&["down"]).succeeds().json();

    assert!(
        down["nodes"].as_array().unwrap().iter().all(|node| node["running"] == false),
        "{down}"
    );
    let _: String = foreign.ask(0, &["PING"]);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let foreign = TestCluster::start(1);
    let play = Playground::new(0);
    let port = foreign.port(0).to_string();
    let root = play.root();
    let server = foreign.spec(0, &Default::default()).server;
    let args = [
        "sandbox",
        "up",
        "--ports",
        &port,
        "--dir",
        root.to_str().unwrap(),
        "--server",
        server.to_str().unwrap(),
    ];
    rcluster(&args).exits(1).tells(&[&port, "taken", "--ports"]);
}

#[test]
fn without_a_server_it_says_how_to_get_one() {
    let play = Playground::new(0);
    let root = play.root();
    let run = rcluster_with(&["sandbox", "up", "--dir", root.to_str().unwrap()], |command| {
        command.env("PATH", "/nonexistent");
    });
    run.exits(1).tells(&["no redis-server and no valkey-server", "apt-get install"]);
    rcluster(&["sandbox", "up", "--server", "/no/such/server"])
        .exits(2)
        .tells(&["/no/such/server"]);
}

#[test]
fn a_server_that_ends_at_once_shows_its_last_words() {
    let play = Playground::new(1);
    let root = play.root();
    let port = play.ports[0].number.to_string();
    let args = [
        "sandbox",
        "up",
        "--ports",
        &port,
        "--dir",
        root.to_str().unwrap(),
        "--server",
        "/bin/false",
    ];
    rcluster(&args).exits(1).tells(&[&port, "ended at once", "redis.log"]);
}
