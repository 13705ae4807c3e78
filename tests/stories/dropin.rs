//! Scripts for redis-cli --cluster keep working: the same command on twin clusters, once through
//! redis-cli and once through rcluster.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rcluster::model::{Node, Slot};

use crate::support::data::{fill, owner, view};
use crate::support::{Server, TestCluster, eventually, rcluster, rcluster_with, server_dir};

fn redis_cli() -> PathBuf {
    let path = server_dir().join("redis-7.0/redis-cli");
    assert!(path.exists(), "{} is missing: run `make servers`", path.display());
    path
}

fn output(program: &str, words: &[String], input: &str) -> Output {
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.env_remove("REDISCLI_AUTH").spawn().unwrap();
    // Who ends without reading its input is heard all the same.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// Two sets of servers that are treated alike.
struct Twins {
    old: TestCluster,
    new: TestCluster,
}

impl Twins {
    fn start(count: usize) -> Twins {
        Twins { old: TestCluster::start(count).settled(), new: TestCluster::start(count) }
    }

    /// Runs the same on both and compares exit status and what became of the cluster; gives what
    /// rcluster printed.
    fn both(&self, input: &str, words: impl Fn(&TestCluster) -> Vec<String>) -> String {
        let said = self.both_end(input, &words);
        let deadline = Instant::now() + Duration::from_secs(20);
        while !alike(&shape(&self.old), &shape(&self.new)) {
            if Instant::now() > deadline {
                let what = words(&self.new).join(" ");
                assert_eq!(shape(&self.old), shape(&self.new), "{what}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        said
    }

    /// The same where what becomes of the cluster is meant to differ (`docs/differences.md`).
    fn both_end(&self, input: &str, words: impl Fn(&TestCluster) -> Vec<String>) -> String {
        let run = |program: &str, cluster: &TestCluster| {
            output(program, &[&["--cluster".to_owned()], &words(cluster)[..]].concat(), input)
        };
        let old = run(redis_cli().to_str().unwrap(), &self.old);
        let new = run(env!("CARGO_BIN_EXE_rcluster"), &self.new);
        let what = words(&self.new).join(" ");
        assert_eq!(old.status.code(), new.status.code(), "{what}: {old:?}\n{new:?}");
        // Tcl, PowerShell and Ansible take a run that writes there for a failure.
        assert!(!new.status.success() || new.stderr.is_empty(), "{what}: {new:?}");
        String::from_utf8(new.stdout).unwrap()
    }
}

/// What one node knows of another: its role, its slots, its replicas.
type Seen = Option<(&'static str, usize, usize)>;

/// Whether both came to the same, but for the slot that is left over when they are dealt out.
fn alike(old: &[Vec<Seen>], new: &[Vec<Seen>]) -> bool {
    let pairs = old.iter().flatten().zip(new.iter().flatten());
    old.len() == new.len()
        && pairs.into_iter().all(|pair| match pair {
            (Some((role, slots, replicas)), Some(other)) => {
                (*role, *replicas) == (other.0, other.2) && slots.abs_diff(other.1) <= 1
            }
            (one, other) => one == other,
        })
}

/// For each node, what it knows of every other, in the order of their start.
fn shape(cluster: &TestCluster) -> Vec<Vec<Seen>> {
    let ids: Vec<String> = (0..cluster.nodes.len()).map(|node| cluster.id(node)).collect();
    let of = |node: usize| {
        let view = view(cluster, node);
        let replicas = |id: &str| {
            let of =
                |other: &&Node| other.role.master().is_some_and(|master| master.to_string() == id);
            view.nodes().iter().filter(of).count()
        };
        let seen = ids.iter().map(|id| {
            let known = view.nodes().iter().find(|node| node.id.to_string() == *id);
            known.map(|node| (node.role.name(), node.slots.len(), replicas(id)))
        });
        seen.collect()
    };
    (0..cluster.nodes.len()).map(of).collect()
}

fn line(words: &str, rest: &[String]) -> Vec<String> {
    words.split_whitespace().map(str::to_owned).chain(rest.iter().cloned()).collect()
}

/// `{0}` in a text is the address of node 0, `{#0}` its id.
fn said<'a>(text: &'a str) -> impl Fn(&TestCluster) -> Vec<String> + 'a {
    move |cluster| {
        let text = (0..cluster.nodes.len()).fold(text.to_owned(), |text, node| {
            text.replace(&format!("{{{node}}}"), &cluster.addr(node))
                .replace(&format!("{{#{node}}}"), &cluster.id(node))
        });
        line(&text, &[])
    }
}

fn all_ok(cluster: &TestCluster) {
    eventually("the cluster is well", || {
        let check = rcluster(&["check", &cluster.addr(0)]);
        check.code == Some(0)
    });
}

#[test]
fn every_command_ends_as_redis_clis_does() {
    let twins = Twins::start(8);
    let well = || [&twins.old, &twins.new].into_iter().for_each(all_ok);

    let created = twins.both("yes\n", said("create {0} {1} {2} {3} {4} {5} --cluster-replicas 1"));
    for line in ["Master[0] -> Slots 0 - 5460", "M: ", "S: ", "(type 'yes' to accept)"] {
        assert!(created.contains(line), "'{line}' is missing in {created}");
    }
    assert!(created.contains("[OK] All 16384 slots covered.\n"), "{created}");
    well();
    let checked = twins.both("", said("check {0}"));
    assert!(checked.contains("[OK] All nodes agree about slots configuration.\n"), "{checked}");
    assert!(
        checked.contains(&format!("M: {} {}\n", twins.new.id(0), twins.new.addr(0))),
        "{checked}"
    );
    twins.both("", said("info {1}"));
    let called = twins.both("", said("call {0} ping --cluster-only-masters"));
    assert!(called.starts_with(">>> Calling ping\n"), "{called}");
    twins.both("", said("set-timeout {0} 9000"));
    [&twins.old, &twins.new].into_iter().for_each(|cluster| {
        assert_eq!(cluster.settings("cluster-node-timeout")[..6], vec!["9000"; 6]);
        fill(cluster, 200);
    });

    let moved = twins.both(
        "yes\n",
        said("reshard {0} --cluster-from {#0} --cluster-to {#1} --cluster-slots 40"),
    );
    assert_eq!(moved.matches("Moving slot ").count(), 80);
    twins.both("no\n", said("reshard {0} --cluster-from all --cluster-to {#1} --cluster-slots 7"));
    well();
    twins.both("", said("rebalance {0} --cluster-simulate --cluster-threshold 0.1"));
    twins.both("", said("rebalance {0} --cluster-threshold 0.1"));
    well();

    let added = twins.both("", said("add-node {6} {0}"));
    assert!(added.contains("[OK] New node added correctly."), "{added}");
    well();
    twins.both("", said("add-node {7} {0} --cluster-slave --cluster-master-id {#0}"));
    well();
    twins.both("", said("add-node {7} {0}"));
    twins.both("", said("del-node {0} {#6}"));
    eventually("the node has left", || {
        [&twins.old, &twins.new].iter().all(|it| view(it, 0).nodes().len() == 7)
    });
    twins.both("", said("del-node {0} {#1}"));
    twins.both("", said("check 127.0.0.1:1"));
    twins.both(
        "",
        said("reshard {0} --cluster-from {#0} --cluster-to nobody --cluster-slots 1 --cluster-yes"),
    );
}

#[test]
fn keys_come_and_go_as_with_redis_cli() {
    let twins = Twins { old: TestCluster::formed(3, 0), new: TestCluster::formed(3, 0) };
    let source = TestCluster::start_as(1, &Server::with(&["cluster-enabled no"]));
    // redis-cli stops at the empty key.
    (0..60).for_each(|key| source.tell(0, &["SET", &format!("key:{key}"), "value"]));
    let from = source.addr(0);
    let import = format!("import {{0}} --cluster-from {from} --cluster-copy");
    twins.both("", said(&import));
    let keys = |cluster: &TestCluster| {
        (0..3).map(|node| cluster.ask::<u64>(node, &["DBSIZE"])).sum::<u64>()
    };
    assert_eq!((keys(&twins.old), keys(&twins.new)), (60, 60));
    twins.both("", said(&format!("{import} --cluster-replace")));
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dir = |cluster: &TestCluster| {
        if cluster.port(0) == twins.old.port(0) { old.path() } else { new.path() }
    };
    let saved = twins.both("", |cluster| {
        line(&format!("backup {} {}", cluster.addr(0), dir(cluster).display()), &[])
    });
    assert!(saved.contains("[OK] Backup created into: "), "{saved}");
    let rdbs = |dir: &std::path::Path| {
        let names = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().ends_with(".rdb")).count()
    };
    assert_eq!((rdbs(old.path()), rdbs(new.path())), (3, 3));

    // A slot that another tool left open, with its keys where they were.
    for cluster in [&twins.old, &twins.new] {
        let slot = Slot::of_key(b"key:1");
        let from = owner(cluster, slot);
        let to = (from + 1) % 3;
        let (slot, ids) = (slot.to_string(), [cluster.id(from), cluster.id(to)]);
        cluster.tell(to, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &ids[0]]);
        cluster.tell(from, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &ids[1]]);
    }
    let open = twins.both("", said("check {0}"));
    assert!(open.contains("[WARNING] "), "{open}");
    twins.both_end("", said("fix {0}"));
    [&twins.old, &twins.new].into_iter().for_each(all_ok);
    for cluster in [&twins.old, &twins.new] {
        cluster.tell_all(&["CLUSTER", "DELSLOTS", "16383"]);
    }
    let uncovered = twins.both_end("", said("check {0}"));
    assert!(uncovered.contains("[ERR] Not all 16384 slots are covered by nodes."), "{uncovered}");
}

#[test]
fn passwords_hosts_and_flags_are_taken_as_there() {
    let cluster = TestCluster::formed(3, 0);
    cluster.tell_all(&["CONFIG", "SET", "requirepass", "secret"]);
    let port = cluster.port(0).to_string();
    let ok = "[OK] All 16384 slots covered.";
    let run = |words: &[&str]| rcluster(words);
    for words in [
        &["-a", "secret", "--no-auth-warning", "--cluster", "check", "127.0.0.1", &port][..],
        &["--cluster", "check", &cluster.addr(0), "-a", "secret"],
        &["-h", "127.0.0.1", "-p", &port, "--pass", "secret", "--cluster", "check"],
        &[
            "-u",
            &format!("redis://default:secret@127.0.0.1:{port}"),
            "--cluster",
            "check",
            &cluster.addr(0),
        ],
    ] {
        let checked = run(words).succeeds();
        assert!(checked.out.contains(ok), "{words:?}: {checked:?}");
    }
    let denied = run(&["--cluster", "check", &cluster.addr(0)]).exits(1);
    assert!(denied.out.contains("[ERR] ") && denied.out.contains("NOAUTH"), "{denied:?}");
    let auth = rcluster_with(&["--cluster", "info", &cluster.addr(0)], |command| {
        command.env("VALKEYCLI_AUTH", "secret");
    });
    assert!(auth.succeeds().out.contains("[OK] 0 keys in 3 masters."));
    let warned = run(&[
        "-a",
        "secret",
        "--cluster",
        "reshard",
        &cluster.addr(0),
        "--cluster-pipeline",
        "50",
        "--cluster-from",
        "all",
        "--cluster-to",
        &cluster.addr(1),
        "--cluster-slots",
        "1",
        "--cluster-yes",
    ]);
    let warned = warned.succeeds();
    let note = "*** WARNING: --cluster-pipeline is left out";
    assert!(warned.out.contains(note) && warned.err.is_empty(), "{warned:?}");
    run(&["--cluster", "check", &cluster.addr(0), "--cluster-bogus"]).exits(1);
    run(&["--cluster", "bogus"]).exits(1);
    run(&["--cluster", "help"]).succeeds();
}

#[test]
fn called_by_the_name_of_redis_trib_it_reads_its_command_lines() {
    let (cluster, dir) = (TestCluster::start(6), tempfile::tempdir().unwrap());
    let trib = dir.path().join("redis-trib.rb");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_rcluster"), &trib).unwrap();
    let run = |input: &str, words: &[String]| output(trib.to_str().unwrap(), words, input);

    let create = line("create --replicas 1", &cluster.addrs());
    let refused = run("no\n", &create);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(cluster.facts().iter().all(|view| !view.contains('\n')), "nothing is formed");
    let created = run("yes\n", &create);
    assert_eq!(created.status.code(), Some(0), "{created:?}");
    assert!(String::from_utf8_lossy(&created.stdout).contains("[OK] All 16384 slots covered."));

    let to = cluster.id(1);
    let answers = format!("5\n{to}\n{}\ndone\nyes\n", cluster.id(0));
    let moved = run(&answers, &line("reshard", &[cluster.addr(0)]));
    assert_eq!(moved.status.code(), Some(0), "{moved:?}");
    assert_eq!(view(&cluster, 1).me().slots.len(), 5467);
    let ended = run("5\n", &line("reshard", &[cluster.addr(0)]));
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
}

#[test]
fn translate_prints_the_native_command_and_runs_nothing() {
    let translated = |words: &[&str]| {
        rcluster(&[&["translate", "--"], words].concat()).succeeds().out.trim().to_owned()
    };
    assert_eq!(
        translated(&[
            "redis-cli",
            "-a",
            "pw",
            "--cluster",
            "rebalance",
            "h:1",
            "--cluster-simulate"
        ]),
        "REDISCLI_AUTH=*** rcluster rebalance h:1 --dry-run --yes"
    );
    assert_eq!(
        translated(&["redis-trib.rb", "create", "--replicas", "1", "a:1", "b:2", "c:3"]),
        "rcluster create a:1 b:2 c:3 --replicas 1"
    );
    let json = rcluster(&["translate", "--json", "--", "valkey-cli", "--cluster", "check", "h:1"]);
    assert_eq!(json.succeeds().json()["command"], "rcluster check h:1");
    rcluster(&["translate", "--", "redis-cli", "--cluster", "check"]).exits(2);
    rcluster(&["translate"]).exits(2);
}
