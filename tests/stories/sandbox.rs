//! `sandbox`: a playground that is easily made, and unmade without harm to anything else.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use rcluster::sandbox::LocalNode;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{
    Port, TestCluster, eventually, quoted, rcluster, rcluster_with, server_dir, server_under_test,
};

pub fn server_program() -> PathBuf {
    let name = server_under_test();
    let program = if name.starts_with("valkey") { "valkey-server" } else { "redis-server" };
    server_dir().join(name).join(program)
}

pub struct Playground {
    pub ports: Vec<Port>,
    pub dir: tempfile::TempDir,
    /// Servers that a story makes unrecognizable: ended with it all the same.
    hidden: Vec<Pid>,
}

impl Playground {
    pub fn new(count: usize) -> Playground {
        Playground {
            ports: (0..count).map(|_| Port::take()).collect(),
            dir: tempfile::tempdir().unwrap(),
            hidden: Vec::new(),
        }
    }

    pub fn root(&self) -> PathBuf {
        self.dir.path().join("play ground")
    }

    pub fn run(&self, words: &[&str]) -> crate::support::Run {
        let root = self.root();
        let mut args = vec!["sandbox"];
        args.extend(words);
        args.extend(["--dir", root.to_str().unwrap(), "--json"]);
        rcluster(&args)
    }

    pub fn up(&self, more: &[&str]) -> crate::support::Run {
        let ports: Vec<String> = self.ports.iter().map(|port| port.number.to_string()).collect();
        let (ports, server) = (ports.join(","), server_program());
        let mut args = vec!["up", "--ports", &ports, "--server", server.to_str().unwrap()];
        args.extend(more);
        self.run(&args)
    }

    pub fn running(&self) -> usize {
        let status = self.run(&["status"]).succeeds().json();
        status["nodes"].as_array().unwrap().iter().filter(|node| node["running"] == true).count()
    }

    fn addr(&self, node: usize) -> String {
        format!("127.0.0.1:{}", self.ports[node].number)
    }

    pub fn folder(&self, node: usize) -> PathBuf {
        self.root().join(self.ports[node].number.to_string())
    }

    pub fn connect(&self, node: usize) -> redis::Connection {
        let client = redis::Client::open(format!("redis://{}", self.addr(node))).unwrap();
        client.get_connection().unwrap()
    }

    fn pid(&self, node: usize) -> Pid {
        let text = std::fs::read_to_string(self.folder(node).join("redis.pid")).unwrap();
        Pid::from_raw(text.trim().parse().unwrap()).unwrap()
    }

    /// Takes away what would tell whose the server is without its help.
    fn hide(&mut self, node: usize) -> Pid {
        let pid = self.pid(node);
        self.hidden.push(pid);
        std::fs::remove_file(self.folder(node).join("redis.pid")).unwrap();
        pid
    }

    #[track_caller]
    fn is_left_alone(&self, node: usize) {
        let status = self.run(&["status"]).succeeds().json();
        assert_eq!(status["nodes"][node]["state"], "unreachable", "{status}");
        assert_eq!(status["nodes"][node]["running"], false, "{status}");
        for words in [&["down"][..], &["down", "--purge"], &["down", "--purge", "--dry-run"]] {
            self.run(words).exits(1).tells(&[&self.addr(node), "hint:"]);
            assert!(self.folder(node).join("nodes.conf").exists(), "{words:?}");
        }
    }
}

impl Drop for Playground {
    fn drop(&mut self) {
        for pid in &self.hidden {
            let _ = kill_process(*pid, Signal::KILL);
        }
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

fn set_password(connection: &mut redis::Connection) {
    redis::cmd("CONFIG").arg(&["SET", "requirepass", "x"]).exec(connection).unwrap();
}

/// Keeps the server busy until it is killed.
fn keep_busy(mut connection: redis::Connection) {
    std::thread::spawn(move || {
        redis::cmd("EVAL").arg("while true do end").arg(0).exec(&mut connection)
    });
}

#[test]
fn a_server_behind_a_password_is_not_taken_for_stopped() {
    let mut play = Playground::new(2);
    play.up(&[]).succeeds();
    let mut connection = play.connect(1);
    set_password(&mut connection);
    play.hide(1);

    play.is_left_alone(1);

    play.run(&["down"]).exits(1).tells(&["NOAUTH"]);
    let _: String = redis::cmd("PING").query(&mut connection).unwrap();
    assert_eq!(play.running(), 1, "nothing was stopped before it refused");
}

#[test]
fn a_suspended_server_is_not_taken_for_stopped() {
    let mut play = Playground::new(1);
    play.up(&[]).succeeds();
    let pid = play.hide(0);
    kill_process(pid, Signal::STOP).unwrap();

    play.is_left_alone(0);
}

#[test]
fn a_busy_server_is_not_taken_for_stopped() {
    let mut play = Playground::new(1);
    play.up(&[]).succeeds();
    keep_busy(play.connect(0));
    play.hide(0);
    eventually("it is busy", || play.run(&["status"]).json()["nodes"][0]["state"] == "unreachable");

    play.is_left_alone(0);
}

#[test]
fn data_is_kept_while_another_server_has_the_port() {
    let foreign = TestCluster::start(1);
    let play = Playground::new(1);
    play.up(&[]).succeeds();
    play.run(&["down"]).succeeds();
    let other = play.root().join(foreign.port(0).to_string());
    std::fs::create_dir(&other).unwrap();
    std::fs::copy(play.folder(0).join("redis.conf"), other.join("redis.conf")).unwrap();

    play.run(&["down", "--purge"]).exits(1).tells(&[&foreign.addr(0), "hint:"]);

    assert!(other.exists() && play.folder(0).exists());
}

#[cfg(target_os = "linux")]
#[test]
fn its_own_servers_are_stopped_though_they_do_not_answer() {
    let play = Playground::new(2);
    play.up(&[]).succeeds();
    set_password(&mut play.connect(0));
    redis::cmd("SAVE").exec(&mut play.connect(1)).unwrap();
    kill_process(play.pid(1), Signal::STOP).unwrap();
    let status = play.run(&["status"]).succeeds().json();
    assert!(status["nodes"].as_array().unwrap().iter().all(|node| node["state"] == "unreachable"));

    let down = play.run(&["down", "--purge"]).succeeds().json();

    assert!(down["nodes"].as_array().unwrap().iter().all(|node| node["state"] == "stopped"));
    assert!(!play.root().exists());
}

#[cfg(target_os = "linux")]
#[test]
fn its_own_server_is_killed_where_it_does_not_end() {
    let play = Playground::new(1);
    play.up(&[]).succeeds();
    keep_busy(play.connect(0));
    eventually("it is busy", || play.run(&["status"]).json()["nodes"][0]["state"] == "unreachable");

    let mut nodes = LocalNode::all_in(&play.root()).unwrap();

    assert!(nodes[0].stop(Duration::from_secs(1)).unwrap());
    assert_eq!(play.run(&["status"]).json()["nodes"][0]["state"], "stopped");
}

#[test]
fn ports_that_cannot_be_are_refused_before_any_server_starts() {
    let mut play = Playground::new(1);
    let port = play.ports[0].number;
    let server = server_program();
    let up =
        |ports: &str| play.run(&["up", "--server", server.to_str().unwrap(), "--ports", ports]);
    up(&format!("{port},60000")).exits(2).tells(&["60000", "55535"]);
    assert!(!play.root().exists());
    let bus = (port + 10_000).to_string();
    up(&format!("{port},{bus}")).exits(2).tells(&[&bus, "bus"]);
    assert!(!play.root().exists());

    // One that is taken comes last: it is found before the first is started.
    let foreign = TestCluster::start(1);
    let taken = foreign.port(0).to_string();
    up(&format!("{port},{taken}")).exits(1).tells(&[&taken, "taken"]);
    assert!(!play.root().exists());

    // So is the port of its bus.
    play.ports.push(Port::take());
    let _bus = std::net::TcpListener::bind(("127.0.0.1", play.ports[1].number + 10_000)).unwrap();
    play.up(&[]).exits(1).tells(&["taken"]);
    assert!(!play.root().exists());
}

#[test]
fn where_one_does_not_start_those_that_this_run_started_are_stopped() {
    let mut play = Playground::new(1);
    let before = play.up(&[]).succeeds().json();
    play.ports.extend([Port::take(), Port::take()]);
    let ports: Vec<String> = play.ports.iter().map(|port| port.number.to_string()).collect();
    let program = play.dir.path().join("server.sh");
    let real = server_program();
    let text = format!(
        "#!/bin/sh\ncase \"$1\" in */{}/redis.conf) exit 1;; *) exec {} \"$@\";; esac\n",
        ports[2],
        quoted(&real)
    );
    std::fs::write(&program, text).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();

    let args = ["up", "--server", program.to_str().unwrap(), "--ports", &ports.join(",")];
    play.run(&args).exits(1).tells(&[&ports[2], "exited at once"]);

    let status = play.run(&["status"]).succeeds().json();
    for node in status["nodes"].as_array().unwrap() {
        let is_old = node["pid"] == before["nodes"][0]["pid"];
        let expected = if is_old { "running" } else { "stopped" };
        assert_eq!(node["state"], expected, "{status}");
    }
    assert_eq!(play.running(), 1);
}

#[test]
fn a_dry_run_says_what_it_would_do() {
    let mut play = Playground::new(1);
    play.up(&[]).succeeds();
    play.ports.extend([Port::take(), Port::take()]);
    let numbers: Vec<u16> = play.ports.iter().map(|port| port.number).collect();

    let plan = play.up(&["--dry-run"]).succeeds().json();
    assert_eq!(plan["dry_run"], true);
    assert_eq!(plan["changed"], false);
    assert_eq!(plan["start"], serde_json::json!(numbers[1..]));
    assert_eq!(plan["running"], serde_json::json!(numbers[..1]));
    assert_eq!(plan["create"], false);
    let plan = play.up(&["--dry-run", "--create", "--replicas", "2"]).succeeds().json();
    assert_eq!((&plan["create"], &plan["replicas"]), (&true.into(), &2.into()));

    let ports: Vec<String> = numbers.iter().map(u16::to_string).collect();
    let (root, server) = (play.root(), server_program());
    let args = ["sandbox", "up", "--dry-run", "--create", "--ports", &ports.join(",")];
    let places = ["--dir", root.to_str().unwrap(), "--server", server.to_str().unwrap()];
    let text = rcluster(&[&args[..], &places].concat()).succeeds().out;
    let starts = format!("would start {} on ports {} {}", server.display(), ports[1], ports[2]);
    for words in
        [&starts, &ports[0], "would create a cluster of these 3 nodes", "nothing was changed"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!play.folder(1).exists());

    // It refuses what the run would refuse.
    let _taken = std::net::TcpListener::bind(("127.0.0.1", numbers[2])).unwrap();
    play.up(&["--dry-run"]).exits(1).tells(&[&ports[2], "taken"]);
}

#[test]
fn a_folder_that_no_config_file_can_name_is_refused() {
    let play = Playground::new(0);
    let root = play.dir.path().join("play\nground");
    let server = server_program();
    for words in [&["up", "--server", server.to_str().unwrap()][..], &["status"], &["down"]] {
        let args = [&["sandbox"][..], words, &["--dir", root.to_str().unwrap()]].concat();
        rcluster(&args).exits(2).tells(&["--dir", "line break"]);
        assert!(!root.exists());
    }
    // The same where it is the folder around that has such a name.
    std::fs::create_dir(&root).unwrap();
    let args = ["sandbox", "up", "--server", server.to_str().unwrap()];
    rcluster_with(&args, |command| {
        command.current_dir(&root);
    })
    .exits(2)
    .tells(&["line break"]);
    assert_eq!(std::fs::read_dir(&root).unwrap().count(), 0);
}
