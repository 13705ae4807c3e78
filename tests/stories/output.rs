//! Output: one JSON document, plain text in pipes, events for programs, help for people.

use serde_json::Value;

use crate::support::{TestCluster, rcluster, rcluster_with};

#[test]
fn errors_are_json_too_where_json_is_wanted() {
    for (args, code) in [
        (vec!["check", "127.0.0.1:1", "--json"], 3),
        (vec!["check", "nonsense", "--json"], 2),
        (vec!["frobnicate", "--json"], 2),
    ] {
        let error = rcluster(&args).exits(code).json()["error"].clone();
        assert_eq!(error["exit_code"], code, "{error}");
        assert_eq!(error["changed"], false);
        assert!(!error["message"].as_str().unwrap().is_empty());
    }
}

#[test]
fn progress_events_are_one_json_object_a_line() {
    let cluster = TestCluster::start(3);
    let addrs = cluster.addrs();
    let run = rcluster(&[
        "create",
        &addrs[0],
        &addrs[1],
        &addrs[2],
        "--yes",
        "--json",
        "--progress",
        "json",
    ])
    .succeeds();
    let events: Vec<Value> =
        run.err.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let phases = |event: &str| -> Vec<&str> {
        let of_kind = events.iter().filter(|line| line["event"] == event);
        of_kind.filter_map(|line| line["phase"].as_str()).collect()
    };
    assert_eq!(phases("start"), ["epochs", "meet", "assign", "agree", "serve"]);
    assert_eq!(phases("done"), phases("start"));
    let pairs: Vec<_> =
        events.iter().filter(|e| e["phase"] == "meet" && e["event"] == "step").collect();
    assert!(pairs.iter().any(|e| e["done"] == 6 && e["total"] == 6), "{pairs:?}");
}

#[test]
fn colors_come_only_where_they_are_wanted() {
    let cluster = TestCluster::formed(3, 0);
    let addr = cluster.addr(0);
    let has_colors = |text: &str| text.contains('\u{1b}');
    assert!(!has_colors(&rcluster(&["check", &addr]).out));
    assert!(has_colors(&rcluster(&["check", &addr, "--color", "always"]).out));
    assert!(!has_colors(&rcluster(&["check", &addr, "--color", "always", "--json"]).out));
    // A terminal, as `script` makes one, unless NO_COLOR is set.
    let on_terminal = |no_color: &str| {
        let command = format!("\"$RCLUSTER\" check {addr}");
        let mut script = std::process::Command::new("script");
        script.args(["-qec", &command, "/dev/null"]).env("TERM", "xterm").env("NO_COLOR", no_color);
        script.env("RCLUSTER", env!("CARGO_BIN_EXE_rcluster"));
        String::from_utf8_lossy(&script.output().unwrap().stdout).into_owned()
    };
    assert!(has_colors(&on_terminal("")));
    assert!(!has_colors(&on_terminal("1")));
}

#[test]
fn on_a_terminal_it_asks_and_takes_no_for_an_answer() {
    let cluster = TestCluster::start(3);
    let addrs = cluster.addrs().join(" ");
    let before = cluster.facts();
    let command = format!("\"$RCLUSTER\" create {addrs}");
    let answer = |word: &str| {
        let typed = format!("echo {word} | script -qec '{command}' /dev/null");
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &typed]).env("RCLUSTER", env!("CARGO_BIN_EXE_rcluster"));
        shell.output().unwrap()
    };
    let no = answer("n");
    assert_eq!(no.status.code(), Some(1), "{no:?}");
    assert_eq!(cluster.facts(), before);
    assert_eq!(answer("yes").status.code(), Some(0));
    cluster.write_everywhere();
}

#[test]
fn help_tells_every_command_and_the_exit_codes() {
    let help = rcluster(&["--help"]).succeeds().out;
    for word in [
        "create",
        "meet",
        "addslots",
        "delslots",
        "replicate",
        "check",
        "info",
        "nodes",
        "sandbox",
        "Exit codes",
        "--tls",
    ] {
        assert!(help.contains(word), "{word}: {help}");
    }
    rcluster(&[]).exits(2);
    rcluster(&["create"]).exits(2).tells(&["NODE"]);
    rcluster(&["check", "a:1", "--wait", "soon"]).exits(2).tells(&["30s"]);
}

#[test]
fn text_fits_a_terminal_of_80_columns() {
    let cluster = TestCluster::formed(6, 1);
    let addr = cluster.addr(0);
    let texts = [vec!["check", &addr], vec!["info", &addr], vec!["nodes", &addr]];
    for args in texts {
        let run = rcluster_with(&args, |_| {}).succeeds();
        let widest = run.out.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(80), "{widest:?}: {}", run.out);
    }
}

/// The widest line but for commands to be copied, which are one line however long.
fn widest(text: &str) -> usize {
    let lines = text.lines().filter(|line| !line.starts_with("  fix: "));
    lines.map(|line| line.chars().count()).max().unwrap_or(0)
}

#[test]
fn text_fits_80_columns_where_slots_are_scattered() {
    let cluster = TestCluster::formed(3, 0);
    let addr = cluster.addr(0);
    let slots: Vec<String> = (0..200).map(|n| (n * 20).to_string()).collect();
    let change = |command: &str, slots: &[String]| {
        let args = [command, addr.as_str()].into_iter().chain(slots.iter().map(String::as_str));
        rcluster(&args.chain(["--yes"]).collect::<Vec<_>>()).succeeds().out
    };

    let mut texts = vec![change("delslots", &slots)];
    for command in ["check", "info", "nodes"] {
        texts.push(rcluster(&[command, &addr]).out);
    }
    assert!(texts[0].contains("… (200 ranges)"), "{}", texts[0]);
    assert!(texts[3].contains("ranges)"), "{}", texts[3]);
    // What is copied, and what programs read, has every range.
    assert!(texts[1].contains("  fix: rcluster addslots"), "{}", texts[1]);
    assert!(texts[1].contains(&slots.join(" ")), "{}", texts[1]);
    let check = rcluster(&["check", &addr, "--json"]).problem("slots-uncovered");
    assert_eq!(check["slots"].as_array().map(Vec::len), Some(200));
    texts.extend([change("addslots", &slots), change("addslots", &slots)]);
    for text in texts {
        assert!(widest(&text) <= 80, "{}: {text}", widest(&text));
    }
}

#[test]
fn a_plan_with_several_replicas_fits_80_columns() {
    let cluster = TestCluster::start(4);
    let addrs = cluster.addrs();
    let nodes = addrs.iter().map(String::as_str);
    let args: Vec<&str> =
        ["create", "--replicas", "3", "--dry-run"].into_iter().chain(nodes).collect();
    let run = rcluster(&args).succeeds();
    assert!(widest(&run.out) <= 80, "{}", run.out);
    assert!(addrs.iter().all(|addr| run.out.contains(addr.as_str())), "{}", run.out);
}
