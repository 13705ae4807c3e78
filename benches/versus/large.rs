//! Much data: 2 million keys on their way between masters, from another server, out of a backup. Each
//! takes minutes, so these run only where they are named.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rcluster::model::Slot;
use redis::Pipeline;

use super::data::{self, PIPELINE};
use super::peer::{Program, command, rcluster, redis_cli};
use super::support::data::owner;
use super::support::{Server, TestCluster};
use super::table::{Unit, compared, detail};

/// What a run took of this machine.
struct Ran {
    time: f64,
    /// Processor time, without that of servers that it started.
    cpu: f64,
    /// The most memory of its own, in bytes.
    peak: f64,
}

/// Runs a program to its successful end, and looks at it meanwhile: what the system tells of
/// children afterwards has their own children in it, such as the server that loads a backup.
fn run(program: &Program, args: &[&str]) -> Ran {
    let begun = Instant::now();
    let mut command = command(program, args);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the program runs");
    let (mut cpu, mut peak) = (0.0, 0.0);
    let status = loop {
        if let Some((used, most)) = used(child.id()) {
            (cpu, peak) = (used, most);
        }
        match child.try_wait().expect("a child") {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let time = begun.elapsed().as_secs_f64();
    assert!(status.success(), "{program:?} {args:?}: {status}");
    Ran { time, cpu, peak }
}

/// Processor time and the most memory of a process; `None` once it has ended.
fn used(process: u32) -> Option<(f64, f64)> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let peak: f64 = peak.trim().strip_suffix(" kB")?.parse().ok()?;
    Some((cpu(process)?, peak * 1024.0))
}

/// Of all its threads, in seconds.
fn cpu(process: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in brackets, may have spaces; user and system time are the 12th and 13th after it.
    let (_, fields) = stat.rsplit_once(") ")?;
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<f64>);
    Some(ticks.sum::<Result<f64, _>>().ok()? / 100.0)
}

/// The processor time of all servers of a cluster.
fn servers_cpu(cluster: &TestCluster) -> f64 {
    let of = |node: usize| {
        let info: String = cluster.ask(node, &["INFO", "cpu"]);
        let fields = info.lines().filter_map(|line| line.split_once(':'));
        let own = fields.filter(|(name, _)| matches!(*name, "used_cpu_sys" | "used_cpu_user"));
        own.map(|(_, value)| value.trim().parse::<f64>().expect("seconds")).sum::<f64>()
    };
    (0..cluster.nodes.len()).map(of).sum()
}

/// Masters become twice as many.
struct Growth {
    masters: usize,
    keys: usize,
    server: &'static str,
    ours: &'static [&'static str],
}

const CLASSIC: Growth = Growth { masters: 16, keys: 2_000_000, server: "redis-7.0", ours: &[] };

/// One thing grows at a time; half of all slots move in each.
const GROWTHS: [Growth; 8] = [
    CLASSIC,
    Growth { keys: 0, ..CLASSIC },
    Growth { keys: 500_000, ..CLASSIC },
    Growth { keys: 500_000, ours: &["--max-parallel", "1"], ..CLASSIC },
    Growth { masters: 8, keys: 500_000, ..CLASSIC },
    Growth { masters: 4, keys: 500_000, ..CLASSIC },
    Growth { server: "valkey-9.1", ..CLASSIC },
    Growth { server: "redis-8.6", ..CLASSIC },
];

/// Masters that become twice as many, with and without keys; redis-cli once.
pub fn grow() {
    println!(
        "\n{:<24} {:>8} {:>8} {:>8} {:>9} {:>9} {:>8}",
        "masters, keys", "time", "our CPU", "servers'", "of 2 cores", "keys/s", "memory"
    );
    let ours = GROWTHS.each_ref().map(|growth| {
        let (masters, thousands) = (growth.masters, growth.keys / 1000);
        let one = if growth.ours.is_empty() { "" } else { " 1" };
        let name = format!("{masters} to {}, {thousands}k {}{one}", masters * 2, growth.server);
        let ran = doubled(growth, &rcluster(), |entry| {
            [&["rebalance", entry, "--use-empty-masters", "--yes"], growth.ours].concat()
        });
        told(&name, growth.keys / 2, &ran);
        ran.0.time
    });
    let theirs = doubled(&CLASSIC, &redis_cli(), |entry| {
        vec!["--cluster", "rebalance", entry, "--cluster-use-empty-masters"]
    });
    told("16 to 32, 2000k redis-cli", CLASSIC.keys / 2, &theirs);
    compared("16 to 32, 2000k keys", Unit::Seconds, &[(ours[0], theirs.0.time)], None, None);
}

/// What a tool took, and what the servers took meanwhile.
fn doubled(
    growth: &Growth,
    program: &Program,
    args: impl for<'a> Fn(&'a str) -> Vec<&'a str>,
) -> (Ran, f64) {
    let server = Server { name: growth.server.to_owned(), ..Server::default() };
    let cluster = TestCluster::start_as(growth.masters * 2, &server).settled();
    let addrs = cluster.addrs();
    let (old, new) = addrs.split_at(growth.masters);
    let words = |first: &[&str], nodes: &[String], last: &[&str]| {
        let nodes = nodes.iter().map(String::as_str);
        let words: Vec<&str> =
            first.iter().copied().chain(nodes).chain(last.iter().copied()).collect();
        super::support::rcluster(&words).succeeds();
    };
    words(&["create"], old, &["--yes"]);
    words(&["meet", &addrs[0]], new, &[]);
    fill(&cluster, growth.masters, growth.keys);
    let before = servers_cpu(&cluster);
    let ran = run(program, &args(&addrs[0]));
    let used = servers_cpu(&cluster) - before;
    let keys: usize = (0..addrs.len()).map(|node| cluster.ask::<usize>(node, &["DBSIZE"])).sum();
    assert_eq!(keys, growth.keys, "every key is there, once");
    (ran, used)
}

fn told(name: &str, keys: usize, (ran, servers): &(Ran, f64)) {
    println!(
        "{name:<24} {:>8} {:>8} {:>8} {:>9} {:>9} {:>8}",
        Unit::Seconds.show(ran.time),
        Unit::Seconds.show(ran.cpu),
        Unit::Seconds.show(*servers),
        Unit::Percent.show((ran.cpu + servers) / ran.time / 2.0),
        Unit::Rate.show(keys as f64 / ran.time),
        Unit::Megabytes.show(ran.peak),
    );
}

/// So many keys at the masters that own their slots, which are the first ones.
fn fill(cluster: &TestCluster, masters: usize, keys: usize) {
    let mut owners: BTreeMap<u16, usize> = BTreeMap::new();
    let mut connections: Vec<_> = (0..masters).map(|node| cluster.connect(node)).collect();
    let mut pipelines: Vec<Pipeline> = vec![Pipeline::new(); masters];
    let mut state = 1;
    for number in 0..keys {
        let key = format!("key:{number}");
        let slot = Slot::of_key(key.as_bytes());
        // Masters have ranges of equal size.
        let share = slot.get() / (16_384 / masters as u16);
        let node = *owners.entry(share).or_insert_with(|| owner(cluster, slot));
        pipelines[node].cmd("SET").arg(&key).arg(data::value(&mut state)).ignore();
        if pipelines[node].len() == PIPELINE {
            pipelines[node].query::<()>(&mut connections[node]).expect("the keys are taken");
            pipelines[node].clear();
        }
    }
    let last = pipelines.iter().zip(&mut connections);
    for (pipeline, connection) in last.filter(|(pipeline, _)| !pipeline.is_empty()) {
        pipeline.query::<()>(connection).expect("the keys are taken");
    }
}

/// `import` and `restore` of 0.2 and of 2 million keys; redis-cli imports the former only (of 2 million
/// it had not imported all in 7 minutes).
pub fn bulk() {
    let program = super::support::server_named("redis-7.0").display().to_string();
    for keys in [200_000, 2_000_000] {
        let source = TestCluster::start_as(1, &Server::with(&["cluster-enabled no"]));
        data::fill(&source, keys);
        let cluster = TestCluster::formed(3, 0);
        let entry = cluster.addr(0);
        let thousands = keys / 1000;
        let from = source.addr(0);
        let imported = run(&rcluster(), &["import", &entry, "--from", &from, "--copy", "--yes"]);
        rate(&cluster, &format!("import {thousands}k keys"), keys, &imported);
        if keys < 1_000_000 {
            cluster.tell_all(&["FLUSHALL"]);
            let theirs = ["--cluster", "import", &entry, "--cluster-from", &from, "--cluster-copy"];
            let theirs = run(&redis_cli(), &theirs);
            let pair = [(imported.time, theirs.time)];
            compared(&format!("import {thousands}k keys"), Unit::Seconds, &pair, None, None);
        }
        let dir = tempfile::tempdir().expect("a directory");
        let dir = dir.path().join("backup").display().to_string();
        run(&rcluster(), &["backup", &entry, &dir]);
        cluster.tell_all(&["FLUSHALL"]);
        let restored = run(&rcluster(), &["restore", &dir, &entry, "--server", &program, "--yes"]);
        rate(&cluster, &format!("restore {thousands}k keys"), keys, &restored);
    }
}

fn rate(cluster: &TestCluster, name: &str, keys: usize, ran: &Ran) {
    let there: usize = (0..3).map(|node| cluster.ask::<usize>(node, &["DBSIZE"])).sum();
    assert_eq!(there, keys, "every key has come");
    detail(name, Unit::Rate, keys as f64 / ran.time);
    detail("  memory", Unit::Megabytes, ran.peak);
    detail("  our CPU", Unit::Seconds, ran.cpu);
}
