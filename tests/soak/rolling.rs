//! `rolling`, with faults of every kind on the way, and upgrades in place, while a client writes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::support::data::{Writer, contents};
use crate::support::{
    Restarter, Run, TestCluster, eventually, rcluster, resume, server_under_test, start, typed,
};

const KEYS: u64 = 1000;

/// What happens to the node in place of a good restart: words of a shell, with `good` and `stop`
/// commands that restart and stop the node in `$dir`.
const FAULTS: [(&str, &str); 10] = [
    ("COMMAND fails", "exit 7"),
    ("COMMAND hangs", "sleep 600"),
    ("COMMAND restarts nothing", "true"),
    ("the node stays away", "stop"),
    (
        "the node comes back empty",
        "stop; cd $dir; mkdir -p kept; mv nodes.conf dump.rdb appendonlydir appendonly.aof kept 2>/dev/null; good",
    ),
    (
        "the node hangs after its start",
        "good; while ! [ -e $dir/redis.pid ]; do sleep 0.02; done; kill -STOP $(cat $dir/redis.pid)",
    ),
    (
        "a replica of another shard dies",
        "good; kill -9 $(cat $root/$(awk '!/myself/ && /slave/ {split($2, a, /[:@]/); print a[2]; exit}' $dir/nodes.conf)/redis.pid)",
    ),
    (
        "a master of another shard dies",
        "own=$(awk '/myself/ {print $4}' $dir/nodes.conf); good; kill -9 $(cat $root/$(awk -v own=$own '!/myself/ && / master / && $1 != own {split($2, a, /[:@]/); print a[2]; exit}' $dir/nodes.conf)/redis.pid)",
    ),
    (
        "its master hangs",
        "master=$(awk '/myself/ {print $4}' $dir/nodes.conf); master=$(awk -v id=$master '$1 == id {split($2, a, /[:@]/); print a[2]}' $dir/nodes.conf); kill -STOP $(cat $root/$master/redis.pid); good",
    ),
    (
        "its master dies",
        "master=$(awk '/myself/ {print $4}' $dir/nodes.conf); master=$(awk -v id=$master '$1 == id {split($2, a, /[:@]/); print a[2]}' $dir/nodes.conf); stop; kill -9 $(cat $root/$master/redis.pid); good",
    ),
];

/// A script that counts how often it is run, and does something else at one of them.
struct Script {
    path: std::path::PathBuf,
    root: std::path::PathBuf,
}

impl Script {
    fn write(cluster: &TestCluster, restarter: &Restarter) -> Script {
        let root = cluster.dir().canonicalize().unwrap();
        let path = root.join("faulty.sh");
        let (good, stop) = (restarter.with(&server_under_test()), restarter.stop());
        let [good, stop] = [good, stop].map(|command| command.replace("{port}", "$port"));
        let text = format!(
            "port=$1 at=$2 fault=$3 root='{root}'\ndir=$root/$port\n\
             good() {{ {good}; }}\nstop() {{ {stop}; }}\n\
             count=$(($(cat $root/count) + 1)); echo $count >$root/count\n\
             if [ $count = $at ]; then eval \"$fault\"; else good; fi\n",
            root = root.display(),
        );
        std::fs::write(&path, text).unwrap();
        Script { path, root }
    }

    fn exec(&self, at: usize, fault: &str) -> String {
        std::fs::write(self.root.join("count"), "0").unwrap();
        let fault = fault.replace('\'', r"'\''");
        format!("sh {} {{port}} {at} '{fault}'", self.path.display())
    }

    /// Puts right what a fault has left behind, as a person would.
    fn repair(&self, cluster: &TestCluster, restarter: &Restarter) {
        // Whatever came of the run, there is no fault from now on.
        std::fs::write(self.root.join("count"), "1000").unwrap();
        let good = restarter.with(&server_under_test());
        for node in &cluster.nodes {
            let (dir, port) = (node.dir().display(), node.addr().port());
            let lines = format!(
                "cd '{dir}'; kill -CONT $(cat redis.pid) 2>/dev/null; \
                 if [ -e kept ]; then {stop}; cd '{dir}'; rm -rf nodes.conf dump.rdb appendonlydir \
                 appendonly.aof; mv kept/* .; rmdir kept; fi; \
                 pid=$(cat redis.pid 2>/dev/null); \
                 [ -n \"$pid\" ] && [ -n \"$(readlink /proc/$pid/cwd)\" ] || {good}",
                stop = restarter.stop(),
            );
            restarter.by_hand(&lines, port);
        }
        rcluster(&["check", &cluster.addr(0), "--wait", "60s"]).succeeds();
    }
}

#[test]
fn whatever_happens_on_the_way_no_write_is_lost() {
    let name = server_under_test();
    // Writes outlive a process that is killed.
    let cluster = TestCluster::three_and_three(&name, &["appendonly yes"]);
    let restarter = Restarter::of(&cluster);
    let script = Script::write(&cluster, &restarter);
    let (entry, each) = (cluster.addr(1), (crate::kills() / 12).max(1));
    let shard = format!("{},{}", cluster.addr(0), cluster.addr(3));
    println!(
        "| server | fault | times | exit codes | reruns until it was finished | lost | longest pause |"
    );
    for (fault, words) in FAULTS {
        let (mut codes, mut reruns) = (BTreeMap::new(), 0);
        let (mut lost, mut longest) = (0, Duration::ZERO);
        for round in 0..each {
            // The replica, or the old master.
            let exec = script.exec(1 + round % 2, words);
            let client = Writer::over(&cluster, KEYS);
            let words = ["rolling", &entry, "--only", &shard, "--exec", &exec, "--yes"];
            let run = rcluster(&[&words[..], &["--node-timeout", "15s"]].concat());
            *codes.entry(run.code.unwrap_or(-1)).or_insert(0) += 1;
            script.repair(&cluster, &restarter);
            let mut stopped = run;
            while stopped.code != Some(0) {
                stopped = typed(&resume(&stopped.err));
                reruns += 1;
                assert!(reruns <= 3 * each, "{stopped:#?}");
            }
            let written = client.finish();
            lost += written.lost(&contents(&cluster)).len();
            longest = longest.max(written.longest);
        }
        println!("| {name} | {fault} | {each} | {codes:?} | {reruns} | {lost} | {longest:.2?} |");
        assert_eq!(lost, 0, "{fault}");
    }
}

#[test]
fn a_run_that_is_killed_anywhere_is_finished_by_the_command_that_it_printed() {
    let name = server_under_test();
    let cluster = TestCluster::three_and_three(&name, &["save 3600 1"]);
    let restarter = Restarter::of(&cluster);
    let exec = restarter.with(&name);
    let entry = cluster.addr(0);
    let words = ["rolling", &entry, "--exec", &exec, "--yes", "--json"];
    let begun = Instant::now();
    rcluster(&words).succeeds();
    let (whole, rounds) = (begun.elapsed(), crate::kills() / 3);
    let (mut restarts, mut lost, mut longest) = (Vec::new(), 0, Duration::ZERO);
    for round in 0..rounds {
        let client = Writer::over(&cluster, KEYS);
        let mut run = start(&words, |_| {});
        eventually("it prints how to resume", || run.err_so_far().contains("to resume"));
        let part = (round as f64 + 0.5) / rounds as f64;
        std::thread::sleep(Duration::from_secs_f64(whole.as_secs_f64() * part));
        let again = resume(&run.err_so_far());
        let _ = run.child.kill();
        let _ = run.child.wait();
        let rest: Run = typed(&again).succeeds();
        restarts.push(rest.json()["restarted"].as_array().map_or(0, Vec::len));
        let written = client.finish();
        lost += written.lost(&contents(&cluster)).len();
        longest = longest.max(written.longest);
    }
    println!(
        "| {name} | rcluster killed | {rounds} | | {rounds} | {lost} | {longest:.2?} | restarts left {restarts:?}"
    );
    assert_eq!(lost, 0);
}

/// The versions that a cluster goes through.
fn versions() -> Vec<&'static str> {
    match &*server_under_test() {
        "valkey-9.1" => vec!["valkey-8.1", "valkey-9.1"],
        _ => vec!["redis-7.0", "redis-8.2", "redis-8.6"],
    }
}

/// What a client came to, as columns of a table, and how many of its keys are lost.
fn ended(client: Writer, cluster: &TestCluster) -> (String, usize) {
    let written = client.finish();
    let (errors, lost) = (written.errors.len(), written.lost(&contents(cluster)).len());
    let (writes, longest) = (written.acknowledged, written.longest);
    (format!("| {writes} | {errors} | {lost} | {longest:.0?} |"), lost)
}

#[test]
fn upgrades_in_place_lose_nothing_and_pause_clients_for_moments() {
    for settings in [&["save 3600 1"][..], &["appendonly yes"]] {
        let versions = versions();
        let cluster = TestCluster::three_and_three(versions[0], settings);
        let restarter = Restarter::of(&cluster);
        let entry = cluster.addr(0);
        for version in versions.iter().copied() {
            let exec = restarter.with(version);
            let words = ["rolling", &entry, "--exec", &exec, "--yes", "--json"];
            let until = ["--until-version", version];
            let until = if version == versions[0] { &[][..] } else { &until };
            let (client, begun) = (Writer::over(&cluster, KEYS), Instant::now());
            rcluster(&[&words[..], until].concat()).succeeds();
            let took = begun.elapsed();
            let (columns, lost) = ended(client, &cluster);
            println!("| {version} {settings:?} | rolling, {took:.1?} {columns}");
            assert_eq!(lost, 0, "{version}");
        }
        // The same by hand, node by node, without a failover.
        let last = versions[versions.len() - 1];
        let exec = restarter.with(last);
        let (client, begun) = (Writer::over(&cluster, KEYS), Instant::now());
        for node in (0..6).rev() {
            restarter.by_hand(&exec, cluster.port(node));
            rcluster(&["check", &cluster.addr((node + 1) % 6), "--wait", "60s"]).succeeds();
        }
        let took = begun.elapsed();
        let (columns, _) = ended(client, &cluster);
        println!("| {last} {settings:?} | by hand, {took:.1?} {columns}");
    }
}
