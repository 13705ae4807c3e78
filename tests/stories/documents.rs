//! `--json`: one document on stdout, from every command of clap's own tree, whether it succeeds or
//! fails.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{
    Port, Run, TestCluster, rcluster, rcluster_with, server_named, server_under_test,
};

/// Runs of every command, in an order in which each succeeds. `A` to `H` are nodes, `IDA` is a
/// node's id, `DIR` a directory, `SERVER` a server program, `PORT` a free port, `RCLUSTER` this program; a line in brackets
/// is what is done to the cluster in between.
const RUNS: [&str; 55] = [
    "create A B C --dry-run",
    "create A B C --yes",
    "check A --wait 20s",
    "info A",
    "nodes A",
    "keys A foo 5",
    "slots A",
    "map A",
    "watch A --count 1",
    "call A PING",
    "set-timeout A 5000 --yes",
    "delslots A 5 --yes",
    "addslots A 5",
    "meet A D",
    "replicate D A",
    "add-node E A --yes",
    "check A --wait 20s",
    "rebalance A --yes",
    "reshard A --to E --slots 0-9 --yes",
    "del-node A E --drain --yes",
    "reset E --yes",
    "fix A --yes",
    "backup A DIR/backup",
    "backup --verify DIR/backup",
    "restore DIR/backup A --server SERVER --yes",
    "import A --from F --yes",
    "failover A D --yes",
    "check A --wait 20s",
    "export A",
    "(export A)",
    "apply DIR/cluster.toml --dry-run",
    "rolling A --exec true --force --dry-run",
    "(kill A)",
    "replace-node B IDA G --yes",
    "check B --wait 20s",
    "(kill G)",
    "forget B IDG --yes",
    "acl create",
    "schema",
    "completions bash",
    "man DIR/man",
    "context add prod B",
    "context list",
    "context show prod --effective",
    "context test prod",
    "translate --cluster check 127.0.0.1:7000",
    "sandbox up --ports PORT --dir DIR/sandbox --server SERVER",
    "sandbox status --dir DIR/sandbox",
    "sandbox kill PORT --dir DIR/sandbox",
    "sandbox start --dir DIR/sandbox",
    "sandbox pause PORT --dir DIR/sandbox",
    "sandbox resume PORT --dir DIR/sandbox",
    "sandbox heal --dir DIR/sandbox",
    "sandbox down --dir DIR/sandbox --purge",
    "sandbox exec --server SERVER --shards 1 -- RCLUSTER sandbox status --json",
];

/// What fails of commands that ask no server, or that would wait for one.
const FAILURES: [&str; 20] = [
    "check A",
    "apply DIR/none.toml",
    "acl frobnicate",
    "schema frobnicate",
    "completions frobnicate",
    "man /dev/null/man",
    "context add prod A",
    "context list",
    "context show prod",
    "context test prod",
    "translate --cluster frobnicate 127.0.0.1:7000",
    "sandbox up --ports 5-3",
    "sandbox status --dir DIR/none",
    "sandbox down --dir DIR/none",
    "sandbox exec --ports 5-3 -- true",
    "sandbox kill PORT --dir DIR/none",
    "sandbox start --dir DIR/none",
    "sandbox pause PORT --dir DIR/none",
    "sandbox resume PORT --dir DIR/none",
    "sandbox heal --dir DIR/none",
];

/// The commands that do something, each with its parents.
fn leaves(node: &clap::Command, path: &str, found: &mut BTreeSet<String>) {
    let children = node.get_subcommands().filter(|child| child.get_name() != "help");
    for child in children {
        let path = format!("{path} {}", child.get_name()).trim().to_owned();
        match child.has_subcommands() {
            true => leaves(child, &path, found),
            false => drop(found.insert(path)),
        }
    }
}

/// The command that a line begins with.
fn name(line: &str) -> String {
    let has_two = line.starts_with("sandbox") || line.starts_with("context");
    let words = if has_two { 2 } else { 1 };
    line.split(' ').take(words).collect::<Vec<_>>().join(" ")
}

fn run(line: &str, names: &BTreeMap<String, String>) -> Run {
    let word = |word: &str| match word.split_once('/') {
        Some(("DIR", rest)) => format!("{}/{rest}", names["DIR"]),
        _ => names.get(word).cloned().unwrap_or_else(|| word.to_owned()),
    };
    let words: Vec<String> = ["--json"].into_iter().chain(line.split(' ')).map(word).collect();
    let contexts = format!("{}/contexts.toml", names["DIR"]);
    rcluster_with(&words.iter().map(String::as_str).collect::<Vec<_>>(), |command| {
        command.env("RCLUSTER_CONFIG", contexts);
    })
}

#[test]
fn every_command_of_the_tree_prints_one_json_document() {
    let mut tree = BTreeSet::new();
    leaves(&rcluster::commands::command(), "", &mut tree);
    // It takes rights, and a network of its own: tests/netns runs it.
    assert!(tree.remove("sandbox partition"));
    let tried: BTreeSet<String> =
        RUNS.iter().filter(|line| !line.starts_with('(')).map(|line| name(line)).collect();
    assert_eq!(tree, tried, "every command has a run, and every run is of a command");

    let mut cluster = TestCluster::start(7);
    let dir = tempfile::tempdir().unwrap();
    let port = Port::take();
    let mut names = BTreeMap::from([
        ("DIR".to_owned(), dir.path().to_str().unwrap().to_owned()),
        ("SERVER".to_owned(), server_named(&server_under_test()).to_str().unwrap().to_owned()),
        ("PORT".to_owned(), port.number.to_string()),
        ("RCLUSTER".to_owned(), env!("CARGO_BIN_EXE_rcluster").to_owned()),
    ]);
    let letters: Vec<String> = ('A'..='G').map(String::from).collect();
    for (node, letter) in letters.iter().enumerate() {
        names.insert(letter.clone(), cluster.addr(node));
    }
    for line in RUNS {
        if let Some(victim) = line.strip_prefix("(kill ") {
            let node = letters.iter().position(|letter| victim.starts_with(letter)).unwrap();
            names.insert(format!("ID{}", letters[node]), cluster.id(node));
            cluster.nodes[node].kill();
        } else if line == "(export A)" {
            let file = rcluster(&["export", &names["A"]]).succeeds().out;
            std::fs::write(dir.path().join("cluster.toml"), file).unwrap();
        } else {
            let run = run(line, &names).succeeds();
            assert!(!run.json().is_null(), "{line}: {run:?}");
        }
    }

    std::fs::write(dir.path().join("contexts.toml"), "[contexts.prod]\nentires = []\n").unwrap();
    // Nobody is at these addresses.
    letters.iter().for_each(|letter| drop(names.insert(letter.clone(), "127.0.0.1:1".to_owned())));
    let failures: BTreeMap<String, &str> = FAILURES.map(|line| (name(line), line)).into();
    let commands = RUNS.into_iter().filter(|line| !line.starts_with('('));
    let failing = commands.map(|line| match failures.get(&name(line)) {
        Some(line) => line,
        None if line.starts_with("backup --verify") => "backup --verify DIR/none",
        None => line,
    });
    for line in failing.collect::<BTreeSet<_>>() {
        let run = run(line, &names);
        let error = &run.json()["error"];
        assert!(matches!(run.code, Some(1..=3)), "{line}: {run:?}");
        assert_eq!(error["exit_code"].as_i64(), run.code.map(i64::from), "{line}: {run:?}");
        assert!(!error["message"].as_str().unwrap().is_empty(), "{line}: {run:?}");
    }
}
