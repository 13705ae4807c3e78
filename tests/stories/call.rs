//! `call`: one command to all nodes at once.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use serde_json::{Value, json};

use crate::support::{Run, TestCluster, rcluster, start};

fn call(cluster: &TestCluster, options: &[&str], command: &[&str]) -> Run {
    rcluster(&[&["call", &cluster.addr(0)], options, command].concat())
}

/// The replies by node.
fn replies(run: &Run) -> Vec<(String, Value)> {
    let nodes = run.json()["nodes"].as_array().cloned().unwrap_or_default();
    let reply =
        |node: Value| (node["node"].as_str().unwrap_or("").to_owned(), node["reply"].clone());
    nodes.into_iter().map(reply).collect()
}

#[test]
fn every_node_answers_or_those_that_were_meant() {
    let cluster = TestCluster::formed(6, 1);

    let all = call(&cluster, &["--json"], &["PING"]).succeeds();
    assert_eq!(replies(&all).len(), 6);
    assert!(replies(&all).iter().all(|(_, it)| *it == json!({"type": "status", "value": "PONG"})));

    let named = |only: &str| {
        let run = call(&cluster, &["--json", "--only", only], &["PING"]).succeeds();
        let mut nodes: Vec<String> = replies(&run).into_iter().map(|(node, _)| node).collect();
        nodes.sort();
        nodes
    };
    let (mut masters, mut replicas) =
        (cluster.addrs()[..3].to_vec(), cluster.addrs()[3..].to_vec());
    masters.sort();
    replicas.sort();
    assert_eq!(named("masters"), masters);
    assert_eq!(named("replicas"), replicas);
    assert_eq!(named(&cluster.addr(4)), [cluster.addr(4)]);
    assert_eq!(named(&cluster.id(5)[..12]), [cluster.addr(5)]);

    let text = call(&cluster, &["--only", "masters"], &["CLUSTER", "INFO"]).succeeds().out;
    assert!(text.contains(&format!("{} (master):\ncluster_state:ok\n", cluster.addr(0))), "{text}");
}

#[test]
fn replies_keep_their_types_and_bytes() {
    let cluster = TestCluster::formed(3, 0);
    let script = "redis.setresp(3) return {map={a=1}}";
    let asked = |command: &[&str]| {
        let run = call(&cluster, &["--json", "--only", &cluster.addr(0)], command).succeeds();
        replies(&run).remove(0).1
    };
    assert_eq!(asked(&["EVAL", "return 7", "0"]), json!({"type": "integer", "value": 7}));
    assert_eq!(asked(&["EVAL", "return '7'", "0"]), json!({"type": "string", "value": "7"}));
    assert_eq!(asked(&["EVAL", "return false", "0"]), json!({"type": "null", "value": null}));
    assert_eq!(
        asked(&["EVAL", "return '\\255\\0'", "0"]),
        json!({"type": "string", "base64": "/wA="})
    );
    let map = asked(&["EVAL", script, "0"]);
    assert_eq!(map["type"], "map");
    assert_eq!(
        map["value"][0],
        json!([{"type": "string", "value": "a"}, {"type": "integer", "value": 1}])
    );
    assert_eq!(asked(&["EVAL", "redis.setresp(3) return {double=1.5}", "0"])["type"], "double");
    assert_eq!(asked(&["EVAL", "redis.setresp(3) return true", "0"])["type"], "boolean");
}

#[test]
fn bytes_come_out_as_they_are_only_where_they_are_asked_for_and_never_on_a_terminal() {
    let cluster = TestCluster::formed(3, 0);
    let odd = "return {'a\\27[2J\\255', redis.status_reply('s\\27]0;t\\7')}";
    let args = |raw: bool| {
        let options: &[&str] = if raw { &["--raw"] } else { &[] };
        let first = cluster.addr(0);
        let args = [&["call", &first, "--only", &first], options, &["EVAL", odd, "0"]].concat();
        args.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let piped = |raw: bool| {
        let mut rcluster = std::process::Command::new(env!("CARGO_BIN_EXE_rcluster"));
        rcluster.args(args(raw)).output().unwrap().stdout
    };
    assert_eq!(piped(true), b"a\x1b[2J\xff\ns\x1b]0;t\x07\n");
    let escaped =
        format!("{} (master):\n1) \"a\\x1b[2J\\xff\"\n2) \"s\\x1b]0;t\\x07\"\n", cluster.addr(0));
    assert_eq!(String::from_utf8(piped(false)).unwrap(), escaped);

    let line = args(true).iter().map(|arg| format!("\"{arg}\"")).collect::<Vec<_>>().join(" ");
    let mut script = std::process::Command::new("script");
    script.args(["-qec", &format!("{} {line}", env!("CARGO_BIN_EXE_rcluster")), "/dev/null"]);
    let shown = script.stdin(std::process::Stdio::null()).output().unwrap().stdout;
    assert_eq!(String::from_utf8(shown).unwrap().replace("\r\n", "\n"), escaped);

    // An error, too: the key's name comes back in it.
    let wrong = ["EVAL", "return redis.error_reply('ERR \\27[2J \\226\\128\\174')", "0"];
    for more in [&[][..], &["--json"]] {
        let run = call(&cluster, more, &wrong).exits(1);
        assert!(run.out.contains(r"ERR \u{1b}[2J \u{202e}") || !more.is_empty(), "{run:?}");
        assert!(!run.out.contains(['\u{1b}', '\u{202e}']), "{run:?}");
    }
}

#[test]
fn what_follows_the_command_is_the_commands() {
    let cluster = TestCluster::formed(3, 0);
    let echoed = call(&cluster, &[], &["ECHO", "--json"]).succeeds();
    assert!(echoed.out.contains(&format!("{} (master): --json", cluster.addr(1))), "{echoed:?}");
    // Bytes that are no text go through as they are.
    let run = start(&["call", &cluster.addr(0), "--json", "ECHO"], |command| {
        command.arg(OsStr::from_bytes(b"\xff\xfe"));
    });
    let run = run.finish().succeeds();
    assert_eq!(replies(&run)[0].1["base64"], "//4=");
}

#[test]
fn one_node_that_fails_makes_the_run_fail_and_is_named() {
    let mut cluster = TestCluster::formed(3, 0);
    let refused = call(&cluster, &["--json"], &["GET"]).exits(1);
    assert_eq!((&refused.json()["ok"], &refused.json()["failed"]), (&false.into(), &3.into()));
    assert_eq!(refused.json()["nodes"][0]["ok"], false);
    let said = refused.json()["nodes"][0]["error"].as_str().unwrap().to_owned();
    assert!(said.contains("wrong number of arguments"), "{said}");

    cluster.nodes[2].kill();
    let silent = call(&cluster, &[], &["PING"]).exits(1).tells(&["1 of 3 nodes failed"]);
    assert_eq!(silent.out.matches("PONG").count(), 2, "{silent:?}");
    assert!(
        silent.out.contains(&format!("{} (master): (unreachable)", cluster.addr(2))),
        "{silent:?}"
    );

    rcluster(&["call", &cluster.addr(0)]).exits(2);
    rcluster(&["call", &cluster.addr(2), "PING"]).exits(3);
    call(&cluster, &["--only", "127.0.0.1:1"], &["PING"]).exits(1).tells(&["no node of the"]);
}
