//! What people need who test clients: a cluster for one command, free ports, variables, TLS and a
//! password, faults, and the same from Rust.

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use rcluster::sandbox::Sandbox;

use crate::support::{Run, are_here, eventually, rcluster, server_dir, start};

/// Another cluster than the test's own: by its version, in the directory of servers.
fn sandbox(words: &[&str]) -> Run {
    sandbox_with(words, |_| {})
}

fn sandbox_with(words: &[&str], change: impl FnOnce(&mut Command)) -> Run {
    start(&[&["sandbox"], words].concat(), |command| {
        command.env("RCLUSTER_SERVERS", server_dir());
        change(command);
    })
    .finish()
}

fn is_open(addr: &str) -> bool {
    TcpStream::connect(addr).is_ok()
}

/// Whether a process works in this directory: its ports may be another's by now.
fn has_servers(root: &Path) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut folders = processes.filter_map(|it| std::fs::read_link(it.path().join("cwd")).ok());
    folders.any(|folder| folder.starts_with(root))
}

/// What the script wrote into a file, a word a line.
fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// With a password that a shell would take apart, over TLS, with faults in between.
#[test]
fn a_command_gets_a_cluster_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (file, password) = (dir.path().join("seen"), "it's \"a\" $PWD \\ é");
    let script = r#"
        set -e
        test "$REDIS_PASSWORD" = "$WANTED" && test "$REDISCLI_AUTH" = "$WANTED"
        first=${REDIS_NODES%%,*}
        reach() { env -u RCLUSTER_USER "$RCLUSTER" --tls --cacert "$REDIS_TLS_CA" --cert "$REDIS_TLS_CERT" --key "$REDIS_TLS_KEY" "$@"; }
        reach check "$REDIS_NODES" --wait 20s --strict >/dev/null
        reach check "$REDIS_URL" >/dev/null 2>&1
        "$REDIS_CLI" --cacert "$REDIS_TLS_CA" --cert "$REDIS_TLS_CERT" --key "$REDIS_TLS_KEY" -u "$REDIS_URL" PING 2>/dev/null | grep -q PONG
        "$RCLUSTER" sandbox kill "${first#*:}" >/dev/null
        ! reach check "$REDIS_NODES" >/dev/null
        "$RCLUSTER" sandbox start >/dev/null
        last=${REDIS_NODES##*,}
        "$RCLUSTER" sandbox pause "$last" | grep -q "$last  *paused"
        "$RCLUSTER" sandbox resume "$last" >/dev/null
        reach check "$REDIS_NODES" --wait 30s >/dev/null
        printf '%s\n' "$RCLUSTER_SANDBOX" "$REDIS_NODES" "$first" > "$SEEN"
        exit 7
    "#;
    let options = ["exec", "--version", "redis-7.0", "--shards", "3", "--replicas", "1", "--tls"];
    let command = ["--password", password, "--", "sh", "-c", script];
    let run = sandbox_with(&[&options[..], &command].concat(), |command| {
        command.env("SEEN", &file).env("WANTED", password);
        // For other servers, as people have it in their shells.
        command.env("RCLUSTER_CACERT", "/nonexistent/ca.pem").env("RCLUSTER_USER", "somebody");
        command.env("RCLUSTER", env!("CARGO_BIN_EXE_rcluster"));
        command.env("REDIS_CLI", server_dir().join("redis-7.0/redis-cli"));
    });

    let seen = lines(&file);
    assert_eq!((run.code, seen.len()), (Some(7), 3), "{run:?}");
    assert_eq!(seen[1].split(',').count(), 6, "{seen:?}");
    let root = Path::new(&seen[0]);
    assert!(!root.exists() && !has_servers(root), "{seen:?}");
}

#[test]
fn a_signal_reaches_the_command_and_nothing_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let version = if are_here(&["valkey-9.1"]) { "valkey-9.1" } else { "redis-7.0" };
    let script = r#"
        trap 'echo caught >> "$SEEN"; exit 9' TERM
        printf '%s\n' "$RCLUSTER_SANDBOX" "$REDIS_NODES" > "$SEEN.new"; mv "$SEEN.new" "$SEEN"
        while kill -0 "$PPID" 2>/dev/null; do sleep 0.05; done
    "#;
    for signal in ["TERM", "KILL"] {
        let file = dir.path().join(signal);
        let words =
            ["sandbox", "exec", "--version", version, "--shards", "1", "--", "sh", "-c", script];
        let run = start(&words, |command| {
            command.env("RCLUSTER_SERVERS", server_dir()).env("SEEN", &file);
        });
        eventually("the command runs", || lines(&file).len() == 2);
        let root = lines(&file)[0].clone();
        assert!(has_servers(Path::new(&root)) && is_open(&lines(&file)[1]));
        run.signal(signal);
        let run = run.finish();
        if signal == "TERM" {
            assert_eq!((run.code, lines(&file)[2].as_str()), (Some(9), "caught"), "{run:?}");
            assert!(!Path::new(&root).exists());
        }
        // After SIGKILL the kernel ends it; what is left on the disk is the directory.
        eventually("its server is gone", || !has_servers(Path::new(&root)));
        let _ = std::fs::remove_dir_all(&root);
    }
}

#[test]
fn sandboxes_side_by_side_have_ports_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let places = ["a b", "c'd", "e"].map(|name| dir.path().join(name).to_str().unwrap().to_owned());
    let _end = Purge(&places);
    let up = |place: &str| {
        let words =
            ["sandbox", "up", "--dir", place, "--ports", "auto", "--shards", "2", "--password"];
        start(&[&words[..], &["--version", "redis-7", "--env"]].concat(), |command| {
            command.env("RCLUSTER_SERVERS", server_dir());
        })
    };
    let runs: Vec<_> = places[..2].iter().map(|place| up(place)).collect();
    let mut nodes = Vec::new();
    for (run, place) in runs.into_iter().zip(&places) {
        let run = run.finish().succeeds();
        let script = r#"eval "$VARIABLES"; printf '%s\n' "$RCLUSTER_SANDBOX" "$REDIS_NODES" "$REDIS_PASSWORD""#;
        let shell = Command::new("sh").args(["-ec", script]).env("VARIABLES", &run.out).output();
        let shell = String::from_utf8(shell.unwrap().stdout).unwrap();
        let told: Vec<&str> = shell.lines().collect();
        assert_eq!(told[0], place, "{}", run.out);
        assert_eq!(told[2].len(), 48, "a password that nobody can guess: {}", run.out);
        nodes.extend(told[1].split(',').map(str::to_owned));
    }
    // Those of one that is stopped stay its own.
    sandbox(&["down", "--dir", &places[0]]).succeeds();
    let third = up(&places[2]).finish().succeeds();
    assert!(!nodes.iter().any(|node| third.out.contains(node.as_str())), "{nodes:?} {}", third.out);
    let again =
        sandbox(&["up", "--dir", &places[0], "--ports", "auto", "--json"]).succeeds().json();
    let names = again["env"]["REDIS_NODES"].as_str().unwrap();
    assert!(nodes.join(",").starts_with(names), "{again}");

    // A sandbox is of one kind.
    let other = ["up", "--dir", &places[0], "--ports", "auto", "--tls"];
    sandbox(&other).exits(1).tells(&["was started without --tls", "down --purge"]);
    sandbox(&["exec", "--dir", &places[0], "--", "true"]).exits(2).tells(&["holds a sandbox"]);
    sandbox(&["kill", "--dir", &places[0], "1"])
        .exits(2)
        .tells(&["1: not a node", &names.replace(',', ", ")]);
    for place in &places {
        sandbox(&["down", "--purge", "--dir", place]).succeeds();
        assert!(!Path::new(place).exists());
    }
}

/// Deletes sandboxes however the story ends.
struct Purge<'a>(&'a [String]);

impl Drop for Purge<'_> {
    fn drop(&mut self) {
        for place in self.0 {
            let down = ["sandbox", "down", "--purge", "--dir", place];
            let _ = Command::new(env!("CARGO_BIN_EXE_rcluster")).args(down).output();
        }
    }
}

#[test]
fn what_cannot_be_is_named_before_anything_starts() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("sandbox");
    let place = place.to_str().unwrap();
    let up =
        |words: &[&str]| sandbox(&[&["up", "--dir", place, "--ports", "auto"], words].concat());
    let missing =
        ["no server redis-99 was found", "redis-7.0/redis-server: redis 7.0.15", "--servers DIR"];
    up(&["--version", "redis-99"]).exits(1).tells(&missing);
    let program = server_dir().join("redis-7.0/redis-server");
    let named = ["--server", program.to_str().unwrap(), "--version", "valkey"];
    up(&named).exits(1).tells(&["no server valkey was found", "redis 7.0.15"]);
    up(&["--version", "redis-x"]).exits(2).tells(&["use redis-7.0, valkey-9.1"]);
    up(&["--replicas", "1"]).exits(2).tells(&["--create or --shards"]);
    up(&["--version", "redis-7.0", "--password", "a\nb"]).exits(2).tells(&["control characters"]);
    sandbox(&["up", "--dir", place, "--ports", "7001-7003", "--shards", "4"])
        .exits(2)
        .tells(&["make 4 nodes, but --ports has 3"]);
    if are_here(&["valkey-9.1"]) {
        up(&["--version", "valkey-9.1", "--tls"])
            .exits(1)
            .tells(&["valkey-server: built without TLS"]);
    }
    sandbox(&["exec", "--version", "redis-7.0", "--shards", "1", "--", "/no/such/program"])
        .exits(2)
        .tells(&["/no/such/program: cannot be run: no program is there"]);
    let exec = ["exec", "--version", "redis-7.0", "--shards", "1", "--", "true"];
    let nowhere = |command: &mut Command| {
        command.env("TMPDIR", "/nonexistent");
    };
    sandbox_with(&exec, nowhere)
        .exits(1)
        .tells(&["no temporary directory can be made in /nonexistent", "TMPDIR=DIR"]);
    assert!(!Path::new(place).exists());
}

/// As a test in Rust has it; the thread that starts it may end.
#[test]
fn a_sandbox_in_rust_ends_with_its_value() {
    let builder =
        Sandbox::builder().servers(server_dir()).version("redis-7.0").replicas(1).shards(1);
    let started = std::thread::spawn(|| builder.tls().password("secret").start());
    let mut sandbox = started.join().unwrap().unwrap();
    let addrs: Vec<String> = sandbox.addrs().iter().map(ToString::to_string).collect();
    let ca = sandbox.ca().unwrap();
    let url = sandbox.url();
    rcluster(&["check", &url, "--tls", "--cacert", ca.to_str().unwrap(), "--wait", "20s"])
        .succeeds();
    assert!(sandbox.url().starts_with("rediss://default:secret@127.0.0.1:"), "{}", sandbox.url());

    sandbox.kill(1).unwrap();
    assert!(!is_open(&addrs[1]));
    assert!(sandbox.kill(1).unwrap_err().to_string().contains("does not run"));
    sandbox.start(1).unwrap();
    assert!(is_open(&addrs[1]));
    sandbox.pause(0).unwrap();
    sandbox.resume(0).unwrap();
    assert!(sandbox.kill(2).unwrap_err().to_string().contains("not a node of this sandbox"));

    let root = ca.parent().unwrap().parent().unwrap().to_owned();
    drop(sandbox);
    assert!(!root.exists() && !has_servers(&root));
    let strange = Sandbox::builder().servers(server_dir()).version("redis-99").start();
    assert!(strange.unwrap_err().to_string().contains("redis-99"));
}
