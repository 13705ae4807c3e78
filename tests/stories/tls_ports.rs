//! Servers with a plain and a TLS port each, whose bus and replication speak TLS: every command
//! works by either port.

use crate::access::{Authority, several_tls_servers};
use crate::support::data::{assert_same, contents, fill};
use crate::support::{Run, TestCluster, rcluster};

/// Runs by one kind of port.
struct Ports {
    addrs: Vec<String>,
    options: Vec<String>,
}

impl Ports {
    fn run(&self, words: &[&str]) -> Run {
        let options: Vec<&str> = self.options.iter().map(String::as_str).collect();
        // What follows the words of `call` is a part of them.
        rcluster(&[&options[..], words].concat())
    }

    fn addr(&self, node: usize) -> &str {
        &self.addrs[node]
    }
}

fn both(authority: &Authority, count: usize) -> (TestCluster, Ports, Ports) {
    let (cluster, tls) = several_tls_servers(authority, count);
    let file = |name: &str| authority.path(name);
    let (ca, cert, key) = (file("ca.pem"), file("server.pem"), file("server.key"));
    let options = ["--tls", "--cacert", &ca, "--cert", &cert, "--key", &key].map(str::to_owned);
    let plain = Ports { addrs: cluster.addrs(), options: Vec::new() };
    (cluster, plain, Ports { addrs: tls, options: options.to_vec() })
}

/// Everything but the moving of slots.
fn every_command(cluster: &mut TestCluster, by: &Ports) {
    let entry = by.addr(1);
    let six: Vec<&str> = by.addrs[..6].iter().map(String::as_str).collect();
    by.run(&[&["create", "--replicas", "1", "--yes"], &six[..]].concat()).succeeds();
    cluster.wait_for_replicas();
    by.run(&["check", entry, "--strict", "--wait", "20s"]).succeeds();
    let again = by.run(&[&["create", "--replicas", "1", "--yes", "--json"], &six[..]].concat());
    assert_eq!(again.succeeds().json()["changed"], false);
    fill(cluster, 100);
    let before = contents(cluster);
    for command in ["info", "nodes"] {
        let shown = by.run(&[command, entry]).succeeds();
        assert!(shown.out.contains(by.addr(0)), "{shown:?}");
    }
    by.run(&["call", entry, "PING"]).succeeds();
    by.run(&["meet", entry, by.addr(6)]).succeeds();
    by.run(&["replicate", by.addr(6), by.addr(0)]).succeeds();
    by.run(&["add-node", by.addr(7), entry, "--yes", "--replica-of", "auto"]).succeeds();
    by.run(&["check", entry, "--wait", "20s"]).succeeds();
    by.run(&["failover", entry, by.addr(3), "--yes"]).succeeds();
    by.run(&["set-timeout", entry, "5000", "--yes"]).succeeds();
    by.run(&["fix", entry, "--yes"]).succeeds();
    let dir = tempfile::tempdir().unwrap();
    let backup = dir.path().join("backup");
    by.run(&["backup", entry, backup.to_str().unwrap()]).succeeds();

    let dead = cluster.id(6);
    cluster.nodes[6].kill();
    by.run(&["replace-node", entry, &dead, by.addr(8), "--yes"]).succeeds();
    by.run(&["del-node", entry, by.addr(7), "--yes"]).succeeds();
    let dead = cluster.id(8);
    cluster.nodes[8].kill();
    by.run(&["forget", entry, &dead, "--yes"]).succeeds();
    by.run(&["reset", by.addr(7), "--yes"]).succeeds();
    by.run(&["check", entry, "--wait", "20s"]).succeeds();
    for port in [6, 7, 8] {
        assert!(!by.run(&["nodes", entry]).succeeds().out.contains(by.addr(port)));
    }
    // The nodes that are left have what they had.
    cluster.nodes.truncate(6);
    assert_same(&before, &contents(cluster));
}

#[test]
fn every_command_works_by_the_plain_ports() {
    let authority = Authority::new();
    let (mut cluster, plain, tls) = both(&authority, 9);
    every_command(&mut cluster, &plain);
    // What was formed by the one is seen by the other.
    tls.run(&["check", tls.addr(0)]).succeeds();
}

#[test]
fn every_command_works_by_the_tls_ports() {
    let authority = Authority::new();
    let (mut cluster, plain, tls) = both(&authority, 9);
    every_command(&mut cluster, &tls);
    plain.run(&["check", plain.addr(0)]).succeeds();
    let (from, to) = (tls.addr(1), tls.addr(2));
    let before = contents(&cluster);
    tls.run(&["reshard", from, "--from", from, "--to", to, "--count", "100", "--yes"]).succeeds();
    tls.run(&["rebalance", from, "--yes"]).succeeds();
    assert_same(&before, &contents(&cluster));
}

#[test]
fn a_certificate_for_servers_only_is_named_as_a_cause() {
    let authority = Authority::for_servers_only();
    let (_cluster, plain, _) = both(&authority, 3);
    let three: Vec<&str> = plain.addrs.iter().map(String::as_str).collect();
    plain
        .run(&[&["create"], &three[..], &["--yes", "--join-timeout", "3s"]].concat())
        .exits(4)
        .tells(&["tls-cluster is yes", "certificate", "clients as well as servers", three[1]]);
    plain.run(&["meet", three[0], three[1], "--join-timeout", "3s"]).tells(&["tls-cluster is yes"]);
}
