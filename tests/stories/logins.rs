//! Replicas log in at their masters by themselves: where they could not, that is told before
//! anything changes, with the commands that set it right.

use redis::FromRedisValue;

use crate::support::{Run, TestCluster, eventually, rcluster, rcluster_with};

const PASSWORD: &str = "s3cret-hunter2";

/// One command to one server, with the password.
fn ask<T: FromRedisValue>(addr: &str, words: &[&str]) -> T {
    let client = redis::Client::open(format!("redis://:{PASSWORD}@{addr}")).unwrap();
    redis::Cmd::new().arg(words).query(&mut client.get_connection().unwrap()).unwrap()
}

fn set(addr: &str, name: &str, value: &str) {
    let _: String = ask(addr, &["CONFIG", "SET", name, value]);
}

/// Runs with the password, which nothing of it may show.
fn run(args: &[&str]) -> Run {
    let run = rcluster_with(args, |command| {
        command.env("REDISCLI_AUTH", PASSWORD);
    });
    assert!(!run.err.contains(PASSWORD) && !run.out.contains(PASSWORD), "{run:?}");
    run
}

fn create(addrs: &[String]) -> Run {
    let addrs: Vec<&str> = addrs.iter().map(String::as_str).collect();
    run(&[&["create"], &addrs[..], &["--replicas", "1", "--yes"]].concat())
}

/// What `redis-cli` is told to set in a node's stead.
fn remedy(addr: &str) -> String {
    let (host, port) = addr.split_once(':').unwrap();
    format!(
        "redis-cli -h {host} -p {port} CONFIG SET masterauth PASSWORD && \
         redis-cli -h {host} -p {port} CONFIG REWRITE"
    )
}

fn nodes(addr: &str) -> usize {
    ask::<String>(addr, &["CLUSTER", "NODES"]).lines().count()
}

#[test]
fn create_tells_who_lacks_masterauth_before_anything_changes() {
    let cluster = TestCluster::start(6);
    let addrs = cluster.addrs();
    cluster.tell_all(&["CONFIG", "SET", "requirepass", PASSWORD]);

    create(&addrs).exits(1).tells(&[
        "3 nodes cannot log in at their masters",
        &format!("{} cannot log in at its master {}: a password is required", addrs[3], addrs[0]),
        &remedy(&addrs[3]),
        &remedy(&addrs[5]),
    ]);
    set(&addrs[3], "masterauth", "another");
    create(&addrs).exits(1).tells(&["masterauth was refused", &remedy(&addrs[3])]);
    assert!(addrs.iter().all(|addr| nodes(addr) == 1));

    // With it on the replicas alone it works until a failover.
    addrs[3..].iter().for_each(|addr| set(addr, "masterauth", PASSWORD));
    create(&addrs).succeeds().tells(&["warning:", "after a failover", &remedy(&addrs[0])]);
    run(&["failover", &addrs[0], &addrs[3], "--dry-run"])
        .succeeds()
        .tells(&["after a failover", &remedy(&addrs[0])]);
    addrs[..3].iter().for_each(|addr| set(addr, "masterauth", PASSWORD));
    let failover = run(&["failover", &addrs[0], &addrs[3], "--yes"]).succeeds();
    assert!(!failover.err.contains("warning"), "{failover:?}");
}

#[test]
fn nodes_that_come_later_are_told_as_well() {
    let mut cluster = TestCluster::start(5);
    let addrs = cluster.addrs();
    for node in 0..3 {
        cluster.tell(node, &["CONFIG", "SET", "masterauth", PASSWORD]);
    }
    cluster.tell_all(&["CONFIG", "SET", "requirepass", PASSWORD]);
    let (entry, new, other) = (&addrs[0], &addrs[3], &addrs[4]);
    run(&["create", entry, &addrs[1], &addrs[2], "--yes"]).succeeds();

    let refused = |run: Run, node: &str| {
        run.exits(1).tells(&["cannot log in", "nothing was changed", &remedy(node)]);
    };
    refused(run(&["add-node", new, entry, "--replica-of", "auto", "--yes"]), new);
    assert_eq!(nodes(new), 1);
    run(&["add-node", new, entry, "--yes"]).succeeds();
    refused(run(&["replicate", new, entry]), new);
    refused(run(&["replicate", new, entry, "--dry-run"]), new);
    set(new, "masterauth", PASSWORD);
    run(&["replicate", new, entry]).succeeds();

    let id: String = ask(new, &["CLUSTER", "MYID"]);
    cluster.nodes[3].kill();
    refused(run(&["replace-node", entry, &id, other, "--yes"]), other);
    assert_eq!(nodes(other), 1);
    set(other, "masterauth", PASSWORD);
    run(&["replace-node", entry, &id, other, "--yes"]).succeeds();
    eventually("the replica is in sync", || {
        ask::<String>(other, &["INFO", "replication"]).contains("master_link_status:up")
    });
}

#[test]
fn a_password_that_nobody_requires_keeps_replicas_away_too() {
    let cluster = TestCluster::start(6);
    cluster.tell(4, &["CONFIG", "SET", "masterauth", PASSWORD]);
    let before = cluster.facts();
    cluster.create(1).exits(1).tells(&[&cluster.addr(4), "no password is required"]);
    assert_eq!(cluster.facts(), before);
    cluster.tell(4, &["CONFIG", "SET", "masterauth", ""]);
    cluster.create(1).succeeds();
}

#[test]
fn a_user_for_replicas_needs_the_right_to_replicate() {
    let cluster = TestCluster::start(6);
    cluster.tell_all(&["ACL", "SETUSER", "copier", "on", &format!(">{PASSWORD}"), "+ping"]);
    cluster.tell_all(&["CONFIG", "SET", "masteruser", "copier"]);
    cluster.tell_all(&["CONFIG", "SET", "masterauth", "another"]);
    cluster.create(1).exits(1).tells(&["masteruser 'copier'", "WRONGPASS", "masteruser USER"]);
    cluster.tell_all(&["CONFIG", "SET", "masterauth", PASSWORD]);
    // Servers before 7.0 tell nobody what a user may.
    if cluster.try_ask::<String>(0, &["ACL", "DRYRUN", "default", "PING"]).is_ok() {
        let grant = "ACL SETUSER copier +psync +replconf +ping";
        cluster.create(1).exits(1).tells(&["'copier' may not replicate", "psync", grant]);
    }
    cluster.tell_all(&["ACL", "SETUSER", "copier", "+psync", "+replconf"]);
    cluster.create(1).succeeds();
}

#[test]
fn check_names_it_where_a_link_is_down() {
    let cluster = TestCluster::formed(6, 1);
    let addrs = cluster.addrs();
    cluster.tell_all(&["CONFIG", "SET", "masterauth", PASSWORD]);
    cluster.tell_all(&["CONFIG", "SET", "requirepass", PASSWORD]);
    assert!(!run(&["check", &addrs[0], "--json"]).kinds().contains(&"replica-login".to_owned()));

    set(&addrs[3], "masterauth", "another");
    let _: i64 = ask(&addrs[0], &["CLIENT", "KILL", "TYPE", "replica"]);

    let mut last = String::new();
    eventually("the replica cannot come back", || {
        let check = run(&["check", &addrs[0], "--json"]);
        let found = check.kinds().contains(&"replica-login".to_owned());
        last = if found { check.problem("replica-login").to_string() } else { last.clone() };
        found
    });
    for word in [&addrs[0], &addrs[3], "masterauth was refused: WRONGPASS", &*remedy(&addrs[3])] {
        assert!(last.contains(word), "'{word}' is missing in {last}");
    }
    // What the password of nobody is worth is told by meet, too.
    run(&["meet", &addrs[0], &addrs[3]]).succeeds().tells(&["warning:", &remedy(&addrs[3])]);
    set(&addrs[3], "masterauth", PASSWORD);
    run(&["check", &addrs[0], "--wait", "20s"]).succeeds();
}

#[test]
fn where_settings_are_not_told_nothing_is_held_up() {
    let cluster = TestCluster::start(6);
    cluster.tell(3, &["CONFIG", "SET", "masterauth", PASSWORD]);
    cluster.tell_all(&["ACL", "SETUSER", "default", "-config"]);
    let run = rcluster(
        &[
            &["create"],
            &cluster.addrs().iter().map(String::as_str).collect::<Vec<_>>()[..],
            &["--replicas", "1", "--dry-run"],
        ]
        .concat(),
    );
    run.succeeds();
}
