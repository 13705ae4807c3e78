//! `acl`: a user with just the rights that it prints can do what they are for, and one without one of
//! them is told so before anything changes.

use rcluster::plan::rights::{Family, commands, required, rights};

use crate::support::data::{assert_same, contents, fill};
use crate::support::{
    Run, Server, TestCluster, rcluster, rcluster_with, server_named, server_under_test,
};

const PASSWORD: &str = "s3cret-hunter2";

/// The words of a printed rule.
fn rule(command: &str) -> Vec<String> {
    let printed = rcluster(&["acl", command, "--server", &server_under_test(), "--user", "ops"]);
    let printed = printed.succeeds();
    assert_eq!(printed.out.lines().count(), 1, "{printed:?}");
    printed.out.split_whitespace().map(str::to_owned).collect()
}

/// Has `ops` do just what `command` needs, but for one right, on every server that runs.
fn allow(cluster: &TestCluster, command: &str, but: Option<&str>) {
    let but = but.map(|right| format!("+{right}"));
    let mut words = rule(command);
    words.retain(|word| Some(word) != but.as_ref());
    words.push(format!(">{PASSWORD}"));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    for node in 0..cluster.nodes.len() {
        // Some have been killed.
        let _ = cluster.try_ask::<()>(node, &words);
    }
}

fn as_user(args: &[&str]) -> Run {
    rcluster_with(&[args, &["--user", "ops"]].concat(), |command| {
        command.env("REDISCLI_AUTH", PASSWORD);
    })
}

/// Runs a command with one right less, for each that it cannot do without, and then with all.
fn works(cluster: &TestCluster, args: &[&str]) -> Run {
    let command = args[0];
    for right in required(command) {
        allow(cluster, command, Some(right.rule));
        let before = facts(cluster);
        // A server before 7.0 names the command alone.
        let told =
            [&*format!("the right to {}", right.command()), "NOPERM", &format!(" acl {command}")];
        as_user(args).exits(3).tells(&told);
        for (now, before) in facts(cluster).into_iter().zip(before) {
            assert_eq!(now, before, "{command} without {}", right.rule);
        }
    }
    allow(cluster, command, None);
    let run = as_user(args);
    assert!(!run.err.contains("NOPERM"), "{run:?}");
    run.succeeds()
}

fn facts(cluster: &TestCluster) -> Vec<Option<String>> {
    let fact = |node: usize| cluster.try_ask::<String>(node, &["CLUSTER", "NODES"]).ok();
    // Who is known, what it owns, and whom the node itself follows: not what else the nodes think of
    // each other.
    let fields = |text: String| {
        let line = |line: &str| {
            let fields: Vec<&str> = line.split(' ').collect();
            let master = if line.contains("myself") { fields[3] } else { "" };
            format!("{} {master} {:?}", fields[0], &fields[8..])
        };
        let members = text.lines().filter(|line| !line.contains("handshake"));
        let mut lines: Vec<String> = members.map(line).collect();
        lines.sort();
        lines.join("\n")
    };
    (0..cluster.nodes.len()).map(fact).map(|text| text.map(fields)).collect()
}

#[test]
fn a_user_with_just_these_rights_forms_and_changes_a_cluster() {
    let mut cluster = TestCluster::start(10);
    let addrs = cluster.addrs();
    let addr = |node: usize| addrs[node].as_str();
    let entry = addr(1);

    let six: Vec<&str> = addrs[..6].iter().map(String::as_str).collect();
    works(&cluster, &[&["create", "--replicas", "1", "--yes"], &six[..]].concat());
    cluster.wait_for_replicas();
    for command in ["check", "info", "nodes"] {
        works(&cluster, &[command, entry]);
    }
    works(&cluster, &["keys", entry, "foo"]);
    works(&cluster, &["map", entry]);
    works(&cluster, &["watch", entry, "--count", "2", "--interval", "200ms", "--json"]);
    let library = "#!lua name=rights\nredis.register_function('f', function() return 1 end)";
    for node in 0..3 {
        // Servers before 7.0 have none.
        let _ = cluster.try_ask::<String>(node, &["FUNCTION", "LOAD", library]);
    }
    works(&cluster, &["add-node", addr(6), entry, "--yes"]);
    works(&cluster, &["add-node", addr(7), entry, "--replica-of", "auto", "--yes"]);
    // Nothing has to be restarted: it is master in the end.
    let done = ["rolling", entry, "--restarted-after", "2000-01-01T00:00:00Z"];
    works(&cluster, &[&done[..], &["--masters", addr(3), "--yes"]].concat());
    works(&cluster, &["failover", entry, addr(0), "--yes"]);
    works(&cluster, &["set-timeout", entry, "7000", "--yes"]);
    assert_eq!(cluster.settings("cluster-node-timeout")[..8], ["7000"; 8].map(str::to_owned));
    works(&cluster, &["delslots", addr(0), "5", "--yes"]);
    works(&cluster, &["addslots", addr(0), "5"]);
    works(&cluster, &["meet", entry, addr(8)]);
    works(&cluster, &["replicate", addr(8), entry]);

    let dead = cluster.id(8);
    cluster.nodes[8].kill();
    works(&cluster, &["replace-node", entry, &dead, addr(9), "--yes"]);
    let dead = cluster.id(9);
    cluster.nodes[9].kill();
    works(&cluster, &["forget", entry, &dead, "--yes"]);
    works(&cluster, &["del-node", entry, addr(7), "--yes"]);
    works(&cluster, &["reset", addr(6), "--flush", "--yes"]);
    let left = cluster.ask::<String>(6, &["CLUSTER", "NODES"]);
    assert_eq!(left.lines().count(), 1, "{left}");
}

#[test]
fn a_user_with_just_these_rights_moves_keys() {
    let mut cluster = TestCluster::formed(6, 1);
    let addrs = cluster.addrs();
    let (entry, to) = (addrs[0].as_str(), addrs[1].as_str());
    fill(&cluster, 300);
    let before = contents(&cluster);
    works(&cluster, &["slots", entry, "--by", "memory"]);

    works(&cluster, &["reshard", entry, "--to", to, "--slots", "0-99", "--yes"]);
    works(&cluster, &["reshard", entry, "--to", to, "--slots", "100-199", "--classic", "--yes"]);
    works(&cluster, &["rebalance", entry, "--yes"]);
    cluster.tell(0, &["CLUSTER", "SETSLOT", "3000", "MIGRATING", &cluster.id(1)]);
    works(&cluster, &["fix", entry, "--yes"]);
    assert_same(&before, &contents(&cluster));

    let dir = cluster.dir().join("backup");
    works(&cluster, &["backup", entry, dir.to_str().unwrap()]);
    let server = server_named(&server_under_test());
    let server = ["--server", server.to_str().unwrap()];
    works(&cluster, &[&["restore", dir.to_str().unwrap(), entry, "--yes"], &server[..]].concat());
    let source = TestCluster::formed(1, 0);
    source.tell(0, &["SET", "from-elsewhere", "1"]);
    works(&cluster, &["import", entry, "--from", &source.addr(0), "--copy", "--yes"]);
    let declared = works(&cluster, &["export", entry]).out;
    let declared = declared.replace("[settings]", "[settings]\nmaxmemory-samples = 7");
    let path = cluster.dir().join("cluster.toml");
    // Two masters change places: all their slots move.
    let (first, second) = (cluster.addr(0), cluster.addr(1));
    std::fs::write(
        &path,
        declared
            .replace(&first, "x")
            .replace(&second, &first)
            .replace("\"x\"", &format!("\"{second}\"")),
    )
    .unwrap();
    let path = path.to_str().unwrap();
    works(&cluster, &["apply", path, "--accept-fewer-replicas", "--yes"]);
    assert_eq!(cluster.settings("maxmemory-samples"), ["7"; 6]);
    works(&cluster, &["del-node", entry, &addrs[2], "--drain", "--yes"]);
    cluster.adopt(source);
}

#[test]
fn the_rules_are_printed_for_each_family_of_servers() {
    let all = rcluster(&["acl"]).succeeds();
    assert!(all.out.contains("# Redis 6.2\nACL SETUSER rcluster on "), "{}", all.out);
    assert_eq!(all.out.matches("ACL SETUSER").count(), 7, "{}", all.out);
    let check = rcluster(&["acl", "check", "nodes", "--user", "ops", "--json"]).succeeds().json();
    assert_eq!(check["user"], "ops");
    assert_eq!(check["rules"].as_array().unwrap().len(), 2, "{check}");
    rcluster(&["acl", "chekc"]).exits(2).tells(&["check"]);
    rcluster(&["acl", "check", "--server", "mysql-8"]).exits(2).tells(&["redis-7.0"]);
}

/// The table in the docs is the one that the commands are run by.
#[test]
fn the_docs_hold_the_table() {
    let docs = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/security.md"));
    let docs = docs.unwrap();
    let mut missing = Vec::new();
    for command in commands() {
        let facts = rights("check", Family::Redis84);
        let every = Family::ALL.iter().flat_map(|family| rights(command, *family));
        let mut own: Vec<&str> = every.filter(|right| !facts.contains(right)).collect();
        own.sort_unstable();
        own.dedup();
        let needs = |right: &&str| required(command).iter().any(|needed| needed.rule == *right);
        let (always, at_times): (Vec<&str>, Vec<&str>) = own.into_iter().partition(needs);
        let cell = |rights: Vec<&str>| rights.join(", ").replace('|', "\\|");
        let row = format!("| {command} | {} | {} |", cell(always), cell(at_times));
        if !docs.contains(&row) {
            missing.push(row);
        }
    }
    assert!(missing.is_empty(), "docs/security.md has other rows than:\n{}", missing.join("\n"));
}

#[test]
fn commands_that_are_disabled_are_told_before_anything_changes() {
    let rename = ["rename-command CONFIG \"\"", "rename-command FLUSHALL \"\""];
    let cluster = TestCluster::start_as(3, &Server::with(&rename));
    // What can do without, does.
    cluster.create(0).succeeds();
    fill(&cluster, 100);
    let (first, second) = (cluster.addr(0), cluster.addr(1));
    let before = facts(&cluster);

    let all = ["reshard", &first, "--from", &first, "--to", &second, "--all"];
    rcluster(&[&all[..], &["--keep-empty", "--yes"]].concat()).exits(1).tells(&[
        &first,
        "CONFIG SET is disabled or renamed",
        "nothing was changed",
    ]);
    rcluster(&["set-timeout", &first, "7000", "--yes"]).exits(1).tells(&[&first]);
    rcluster(&["reset", &first, "--flush", "--force", "--yes"])
        .exits(1)
        .tells(&[&first, "FLUSHALL is disabled or renamed"]);

    assert_eq!(facts(&cluster), before);
    rcluster(&["reshard", &first, "--to", &second, "--slots", "0-99", "--yes"]).succeeds();
    rcluster(&["check", &first]).succeeds();
}

/// The commands that operators take away or hide under another name, all at once.
#[test]
fn without_config_flushall_save_migrate_and_debug_each_command_works_or_says_what_is_missing() {
    let gone = ["CONFIG", "FLUSHALL", "SAVE", "MIGRATE", "DEBUG"];
    let hidden = ["CONFIG", "MIGRATE"];
    let gone = gone.map(|command| match hidden.contains(&command) {
        true => format!("rename-command {command} OPERATORS-{command}"),
        false => format!("rename-command {command} \"\""),
    });
    let without = Server::with(&gone.each_ref().map(String::as_str));
    let mut cluster = TestCluster::start_as(7, &without);
    let addrs = cluster.addrs();
    let at = |node: usize| addrs[node].as_str();
    let (entry, backup) = (at(0), cluster.dir().join("backup"));
    let backup = backup.to_str().unwrap().to_owned();
    let server = server_named(&server_under_test());
    let server = server.to_str().unwrap();
    let run = |commands: &[&[&str]]| {
        commands.iter().for_each(|words| drop(rcluster(words).succeeds()));
    };

    run(&[&["create", at(0), at(1), at(2), "--yes"], &["check", entry, "--wait", "20s"]]);
    fill(&cluster, 100);
    run(&[
        &["add-node", at(3), entry, "--replica-of", entry, "--yes"],
        &["meet", entry, at(4)],
        &["replicate", at(4), at(1)],
        &["add-node", at(5), entry, "--yes"],
        &["fix", entry, "--yes"],
        &["backup", entry, &backup],
        &["restore", &backup, entry, "--server", server, "--yes"],
        &["info", entry],
        &["nodes", entry],
        &["call", entry, "PING"],
        &["import", entry, "--from", at(6), "--yes"],
    ]);
    cluster.wait_for_replicas();
    let before = (facts(&cluster), contents(&cluster));
    let all = ["reshard", entry, "--from", entry, "--to", at(5), "--all", "--yes"];
    let one = ["reshard", entry, "--to", at(5), "--slots", "0-99", "--yes"];
    for (words, says) in [
        (&[&all[..], &["--keep-empty"]].concat()[..], "CONFIG SET is disabled or renamed"),
        (&[&one[..], &["--classic"]].concat(), "MIGRATE"),
        (&["set-timeout", entry, "7000", "--yes"], "CONFIG"),
        (&["reset", at(2), "--flush", "--force", "--yes"], "FLUSHALL is disabled or renamed"),
    ] {
        rcluster(words).exits(1).tells(&[says]);
        assert_eq!(facts(&cluster), before.0, "{words:?}");
        assert_same(&before.1, &contents(&cluster));
    }
    run(&[
        &["failover", entry, at(3), "--yes"],
        &["del-node", entry, at(5), "--yes"],
        &["reset", at(5), at(6), "--yes"],
        &["check", entry, "--wait", "20s"],
    ]);
    let dead = cluster.id(0);
    cluster.nodes[0].kill();
    run(&[&["replace-node", at(1), &dead, at(5), "--yes"], &["check", at(1), "--wait", "20s"]]);
    cluster.nodes.remove(0);
    assert_same(&before.1, &contents(&cluster));
}
