//! Servers with a plain and a TLS port each, whose bus and replication speak TLS: every command
//! works by either port.

use crate::access::{Authority, several_tls_servers};
use crate::support::data::{assert_same, contents, fill};
use crate::support::{Port, Run, Server, TestCluster, rcluster, server_named, server_under_test};
use crate::table::{self, Place};

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

/// Servers without a plain port, which take clients with a certificate only, as is their default.
struct TlsAlone {
    cluster: TestCluster,
    by: Ports,
}

impl Place for TlsAlone {
    fn addr(&self, number: usize) -> String {
        self.by.addr(number - 1).to_owned()
    }

    fn run(&self, words: &[&str]) -> (Option<i32>, String, String) {
        let run = self.by.run(words);
        (run.code, run.out, run.err)
    }

    fn kill(&mut self, number: usize) {
        self.cluster.nodes[number - 1].kill();
    }

    fn dir(&self) -> std::path::PathBuf {
        self.cluster.dir().to_owned()
    }

    fn program(&self) -> std::path::PathBuf {
        server_named("redis-7.0")
    }

    fn of_source(&self) -> Vec<String> {
        self.by.options.iter().map(|word| word.replace("--", "--from-")).collect()
    }
}

#[test]
fn every_command_works_with_tls_alone_and_client_certificates() {
    // Of the packaged servers one has TLS: whichever the others are, once is enough.
    if server_under_test() != "redis-7.0" {
        return;
    }
    let authority = Authority::new();
    let (cluster, _, by) = both(&authority, 10);
    // Replicas stay where the commands put them.
    cluster.tell_all(&["CONFIG", "SET", "cluster-migration-barrier", "99"]);
    cluster.tell_all(&["CONFIG", "SET", "port", "0"]);
    // The plain port is gone, and nobody comes in without a certificate.
    let anonymous = ["check", by.addr(0), "--tls", "--cacert", &authority.path("ca.pem")];
    rcluster(&anonymous).exits(3).tells(&[by.addr(0)]);
    rcluster(&["check", &cluster.addr(0)]).exits(3);
    table::every_command(&mut TlsAlone { cluster, by });
}

#[test]
fn replicas_that_announce_other_addresses_are_judged_by_either_port() {
    let authority = Authority::new();
    let (cluster, plain, tls) = both(&authority, 6);
    cluster.tell_all(&["CONFIG", "SET", "replica-announce-ip", "203.0.113.9"]);
    cluster.tell_all(&["CONFIG", "SET", "replica-announce-port", "1"]);
    let six: Vec<&str> = tls.addrs.iter().map(String::as_str).collect();
    tls.run(&[&["create", "--replicas", "1", "--yes"], &six[..]].concat()).succeeds();
    for by in [&plain, &tls] {
        by.run(&["check", by.addr(0), "--strict", "--wait", "20s"]).succeeds();
    }
}

/// Redis 7.0 lists plain ports where the bus is plain, whoever asks.
#[test]
fn plain_ports_that_tls_clients_are_told_are_named_as_such() {
    let authority = Authority::new();
    let mut cluster = TestCluster::start(0);
    let file = |name: &str| authority.path(name);
    let (ca, cert, key) = (file("ca.pem"), file("server.pem"), file("server.key"));
    let ports: Vec<Port> = (0..3).map(|_| Port::take()).collect();
    for port in &ports {
        let settings = [
            format!("tls-port {}", port.number),
            format!("tls-ca-cert-file {ca}"),
            format!("tls-cert-file {cert}"),
            format!("tls-key-file {key}"),
        ];
        let name = "redis-7.0".to_owned();
        let server = Server { name, settings: settings.to_vec(), ..Server::default() };
        cluster.adopt(TestCluster::start_as(1, &server));
    }
    cluster.create(0).succeeds();
    let entry = format!("127.0.0.1:{}", ports[0].number);
    let tls = ["check", &entry, "--tls", "--cacert", &ca, "--cert", &cert, "--key", &key];
    let found = rcluster(&[&tls[..], &["--json", "--connect-timeout", "500ms"]].concat());
    let found = found.exits(1).problem("node-unreachable");
    assert!(found["message"].as_str().unwrap().contains("use the plain ports"), "{found}");
    let map = cluster.addrs().into_iter().zip(&ports);
    let map: Vec<String> = map
        .map(|(plain, port)| format!("--address-map={plain}=127.0.0.1:{}", port.number))
        .collect();
    let map: Vec<&str> = map.iter().map(String::as_str).collect();
    rcluster(&[&tls[..], &map].concat()).succeeds();
}
