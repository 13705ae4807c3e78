//! Nodes on hosts of their own, with a packet filter between them: a bus port that is closed, in
//! one direction and in both, is named within the deadline, and once it is open the same command
//! goes on.
//!
//! The hosts are network namespaces, so this needs root, `ip` and `nft`; `make test` says so where
//! it has to leave it out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Runs a shell line; fails the story where that fails.
fn sh(line: &str) {
    let ran = Command::new("sh").args(["-ec", line]).output().unwrap();
    assert!(ran.status.success(), "{line}: {}", String::from_utf8_lossy(&ran.stderr));
}

/// Hosts 10.77.0.1, 10.77.0.2, … on one network, each a namespace, each with one server.
struct Hosts {
    prefix: String,
    servers: Vec<Child>,
    _dir: tempfile::TempDir,
}

const PORT: u16 = 6379;

impl Hosts {
    fn new(name: &str, count: usize) -> Hosts {
        let prefix = format!("rc{}{name}", std::process::id());
        let dir = tempfile::tempdir().unwrap();
        let mut hosts = Hosts { prefix, servers: Vec::new(), _dir: dir };
        let switch = hosts.ns(0);
        sh(&format!(
            "ip netns add {switch}; ip -n {switch} link add name sw type bridge; ip -n {switch} link set sw up"
        ));
        sh(&format!(
            "ip -n {switch} addr add 10.77.0.254/24 dev sw; ip -n {switch} link set lo up"
        ));
        for number in 1..=count {
            let ns = hosts.ns(number);
            sh(&format!(
                "ip netns add {ns}; ip -n {ns} link set lo up
                 ip -n {switch} link add v{number} type veth peer name eth netns {ns}
                 ip -n {switch} link set v{number} master sw up
                 ip -n {ns} addr add 10.77.0.{number}/24 dev eth; ip -n {ns} link set eth up
                 ip netns exec {ns} nft 'add table ip f; add chain ip f out {{ type filter hook output priority 0; }}'"
            ));
        }
        for number in 1..=count {
            let child = hosts.serve(number);
            hosts.servers.push(child);
        }
        for number in 1..=count {
            let deadline = Instant::now() + Duration::from_secs(20);
            while hosts.cli(&["check", &hosts.addr(number)]).0 == Some(3) {
                assert!(Instant::now() < deadline, "host {number} answers");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        hosts
    }

    /// A namespace; 0 is the network that joins the others.
    fn ns(&self, number: usize) -> String {
        format!("{}n{number}", self.prefix)
    }

    fn addr(&self, number: usize) -> String {
        format!("10.77.0.{number}:{PORT}")
    }

    fn serve(&self, number: usize) -> Child {
        let servers = std::env::var_os("RCLUSTER_TEST_SERVERS").map(PathBuf::from);
        let servers =
            servers.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers"));
        let dir = self._dir.path().join(number.to_string());
        std::fs::create_dir(&dir).unwrap();
        Command::new("ip")
            .args(["netns", "exec", &self.ns(number), "setpriv", "--pdeathsig", "KILL"])
            .arg(servers.join("redis-7.0/redis-server"))
            .args([
                "--port",
                &PORT.to_string(),
                "--bind",
                &format!("10.77.0.{number}"),
                "--protected-mode",
                "no",
            ])
            .args(["--cluster-enabled", "yes", "--save", "", "--dir", dir.to_str().unwrap()])
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Drops what `from` sends to the bus of `to`.
    fn close(&self, from: usize, to: usize) {
        let rule = format!("add rule ip f out ip daddr 10.77.0.{to} tcp dport 16379 drop");
        sh(&format!("ip netns exec {} nft '{rule}'", self.ns(from)));
    }

    fn open_all(&self, count: usize) {
        (1..=count).for_each(|number| {
            sh(&format!("ip netns exec {} nft flush chain ip f out", self.ns(number)))
        });
    }

    /// Runs rcluster on a host that only looks on: its exit code, and what it said on stderr.
    fn cli(&self, args: &[&str]) -> (Option<i32>, String) {
        let run = Command::new("ip")
            .args(["netns", "exec", &self.ns(0), env!("CARGO_BIN_EXE_rcluster")])
            .args(args)
            .output()
            .unwrap();
        (run.status.code(), String::from_utf8_lossy(&run.stderr).into_owned())
    }

    fn create(&self, count: usize, more: &[&str]) -> (Option<i32>, String) {
        let addrs: Vec<String> = (1..=count).map(|number| self.addr(number)).collect();
        let mut args = vec!["create"];
        args.extend(addrs.iter().map(String::as_str));
        args.push("--yes");
        args.extend(more);
        self.cli(&args)
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for server in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
        for number in 0..=self.servers.len() {
            let _ = Command::new("ip").args(["netns", "del", &self.ns(number)]).status();
        }
    }
}

#[test]
fn hosts_of_their_own_form_a_cluster() {
    let hosts = Hosts::new("a", 3);
    assert_eq!(hosts.create(3, &[]).0, Some(0));
    assert_eq!(hosts.cli(&["check", &hosts.addr(2), "--strict"]).0, Some(0));
}

#[test]
fn a_bus_port_closed_in_one_direction_is_named_with_who_cannot_reach_it() {
    // Once in a while a node takes another's word for a pong before its own ping is out, and no view
    // tells of the closed port: docs/formation.md.
    let attempt = |name: &&str| {
        let hosts = Hosts::new(name, 3);
        hosts.close(1, 3);
        let begun = Instant::now();
        let (code, err) = hosts.create(3, &["--join-timeout", "4s"]);
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
        (code == Some(4)).then_some((hosts, err))
    };

    let (hosts, err) = ["b", "e", "f"].iter().find_map(attempt).expect("it is seen");

    assert!(err.contains("10.77.0.1:6379 cannot reach 10.77.0.3:16379"), "{err}");
    assert!(!err.contains("10.77.0.3:6379 cannot reach"), "the other way is open: {err}");
    assert!(err.contains("others can"), "{err}");

    hosts.open_all(3);
    let (code, err) = hosts.create(3, &[]);
    assert_eq!(code, Some(0), "{err}");
}

#[test]
fn a_bus_port_closed_both_ways_is_named_from_both_sides() {
    let hosts = Hosts::new("c", 4);
    for other in [1, 2, 3] {
        hosts.close(other, 4);
        hosts.close(4, other);
    }

    let (code, err) = hosts.create(4, &["--join-timeout", "4s"]);

    assert_eq!(code, Some(4), "{err}");
    assert!(
        err.contains("cannot reach 10.77.0.4:16379, the bus of 10.77.0.4:6379; nobody can"),
        "{err}"
    );
    assert!(err.contains("10.77.0.4:6379 cannot reach 10.77.0.1:16379"), "{err}");

    hosts.open_all(4);
    let (code, err) = hosts.create(4, &[]);
    assert_eq!(code, Some(0), "{err}");
}

#[test]
fn a_newcomer_whose_bus_is_closed_is_named_and_joins_once_it_is_open() {
    let hosts = Hosts::new("d", 4);
    assert_eq!(hosts.create(3, &[]).0, Some(0));
    (1..=3).for_each(|other| hosts.close(other, 4));
    let (new, entry) = (hosts.addr(4), hosts.addr(1));
    let join = ["add-node", &new, &entry, "--replica-of", &entry];

    let (code, err) = hosts.cli(&[&join[..], &["--join-timeout", "4s"]].concat());

    assert_eq!(code, Some(4), "{err}");
    assert!(err.contains("cannot reach 10.77.0.4:16379"), "{err}");
    hosts.open_all(4);
    let (code, err) = hosts.cli(&join);
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(hosts.cli(&["check", &entry, "--wait", "10s"]).0, Some(0));

    // Cut off from all others' buses, it still leaves: FORGET goes to each node itself.
    (1..=3).for_each(|other| hosts.close(other, 4));
    (1..=3).for_each(|other| hosts.close(4, other));
    let (code, err) = hosts.cli(&["del-node", &entry, &new, "--yes"]);
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(hosts.cli(&["check", &entry, "--wait", "10s"]).0, Some(0));
}
