//! The ways to write where a node is: as libc takes it, as a URL, as a list, as a DNS name.

use crate::support::{TestCluster, rcluster, rcluster_with};

const PASSWORD: &str = "p@ss,w0rd/7";
const ENCODED: &str = "p%40ss,w0rd%2F7";

/// A port where nothing listens.
fn closed() -> (crate::support::Port, String) {
    let port = crate::support::Port::take();
    let addr = format!("127.0.0.1:{}", port.number);
    (port, addr)
}

#[test]
fn numbers_that_libc_takes_and_lists_from_elsewhere_form_a_cluster() {
    let cluster = TestCluster::start(3);
    let port = |node| cluster.port(node);
    let nodes =
        [format!("127.0.0.01:{},", port(0)), format!("127.1:{},0x7f.1:{}", port(1), port(2))];

    rcluster(&["create", &nodes[0], &nodes[1], "--yes"]).succeeds();

    let twice = format!("127.1:{}", port(0));
    rcluster(&["create", &nodes[0], &twice, "--yes"]).exits(2).tells(&["given twice"]);
    rcluster(&["check", "127.0.0.08:7001"]).exits(2).tells(&["neither a host name"]);
}

#[test]
fn the_first_entry_of_a_list_that_answers_is_used() {
    let cluster = TestCluster::formed(3, 0);
    let (port, gone) = closed();
    let list = format!("{gone},{},{}", cluster.addr(1), cluster.addr(2));

    for command in ["check", "nodes", "info", "fix"] {
        rcluster(&[command, &list, "--json"]).succeeds();
    }
    rcluster(&["call", &list, "PING"]).succeeds();
    rcluster(&["rebalance", &list, "--dry-run"]).succeeds();

    let second = format!("localhost:{}", port.number);
    rcluster(&["check", &format!("{gone},{second}")]).exits(3).tells(&[
        "no node of",
        &gone,
        &second,
    ]);
}

#[test]
fn a_dns_name_stands_for_all_its_addresses() {
    let cluster = TestCluster::start(1);
    let name = format!("dns+localhost:{}", cluster.port(0));
    // localhost may have an IPv6 address, where nothing listens.
    rcluster(&["create", &name, "-4", "--yes"]).succeeds();
    rcluster(&["check", &name]).succeeds();
    let (_port, gone) = closed();
    rcluster(&["check", &format!("dns+no-such-host.invalid:1,{gone}")]).exits(3).tells(&[
        "no-such-host.invalid:1",
        "resolved",
        &gone,
    ]);
    rcluster(&["meet", &cluster.addr(0)]).exits(2).tells(&["name the nodes to connect to it"]);
}

#[test]
fn a_url_gives_place_user_and_password() {
    let cluster = TestCluster::start(3);
    let rights = ["on", &format!(">{PASSWORD}"), "~*", "&*", "+@all"];
    cluster.tell_all(&[&["ACL", "SETUSER", "ann"][..], &rights].concat());
    cluster.tell_all(&["ACL", "SETUSER", "bob", "on", "nopass", "~*", "&*", "+@all"]);
    let url = |user: &str, node: usize| format!("redis://{user}@{}/0", cluster.addr(node));
    let words: Vec<String> = (0..3).map(|node| url(&format!("ann:{ENCODED}"), node)).collect();

    let formed = rcluster(&["create", &words.join(","), "--yes"]).succeeds();

    for text in [&formed.out, &formed.err] {
        assert!(!text.contains(PASSWORD) && !text.contains(ENCODED), "{text}");
    }
    let formed = formed.tells(&["a password in a URL is visible", "REDISCLI_AUTH"]);
    assert_eq!(formed.err.matches("a password in a URL").count(), 1);

    // Whom it logs in as: a user that may do nothing is refused.
    cluster.tell_all(&["ACL", "SETUSER", "eve", "on", "nopass", "+ping"]);
    rcluster(&["check", &url("bob", 0)]).succeeds();
    rcluster(&["check", &url("eve", 0)]).exits(3).tells(&["NOPERM"]);
    rcluster_with(&["check", &url("ann", 0)], |command| {
        command.env("REDISCLI_AUTH", PASSWORD);
    })
    .succeeds();
    rcluster(&["check", &url("ann", 0)]).exits(3).tells(&["WRONGPASS", "REDISCLI_AUTH"]);
    rcluster(&["check", &url("bob", 0), "--user", "ann"]).exits(2).tells(&["'ann'", "'bob'"]);
    rcluster(&["meet", &url("bob", 0), &url("eve", 1)]).exits(2).tells(&["do not agree"]);
    // A key with a URL in it is a key.
    rcluster(&["call", &url("bob", 0), "ECHO", &url("eve", 0)]).succeeds();
}

#[test]
fn what_is_wrong_with_a_url_is_told_without_its_password() {
    for (words, says) in [
        (vec!["check", "redis://ann:hunter2@h:x"], "bad port"),
        (vec!["check", "redis://ann:hunter2@"], "no port"),
        (vec!["check", "redis://ann:hunter2@h:1", "--no-such"], "--no-such"),
        (vec!["nodes", "redis://ann:hunter2@h:1", "redis://b:hunter2@h:2"], "unexpected"),
        (vec!["check", "redis://ann:hunter2%zz@h:1"], "%25"),
        (vec!["check", "redis://ann:hunter2@h:x", "--json"], "bad port"),
    ] {
        let failed = rcluster(&words).exits(2).tells(&[says]);
        assert!(!failed.err.contains("hunter2") && !failed.out.contains("hunter2"), "{failed:?}");
    }
}

#[test]
fn an_import_takes_a_url_for_its_source() {
    let source = TestCluster::start_as(1, &crate::support::Server::with(&["cluster-enabled no"]));
    let cluster = TestCluster::formed(3, 0);
    let from = format!("redis://:hunter2@{}", source.addr(0));
    source.tell(0, &["SET", "k", "v"]);
    source.tell(0, &["CONFIG", "SET", "requirepass", "hunter2"]);

    let run = rcluster(&["import", &cluster.addr(0), "--from", &from, "--yes", "--json"]);

    assert_eq!(run.succeeds().json()["keys"], 1);
}
