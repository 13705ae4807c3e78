//! `apply`, killed again and again: from 3 to 6 shards and from one zone layout to another, the same
//! command comes to the same end with the same keys.

use std::fs;
use std::time::{Duration, Instant};

use crate::support::data::{assert_same, contents, fill};
use crate::support::{TestCluster, rcluster, server_under_test, start};

const KILLS: u32 = 20;

/// A moment in a run of this length for each kill: spread over the whole run, in a mixed order.
fn moments(whole: Duration) -> impl Iterator<Item = Duration> {
    (0..KILLS).map(move |kill| whole * (kill * 7 % KILLS * 2 + 1) / (2 * KILLS))
}

fn nodes(cluster: &TestCluster, count: usize, more: &str) -> String {
    let nodes: Vec<String> =
        cluster.addrs()[..count].iter().map(|addr| format!("\"{addr}\"")).collect();
    format!("[cluster]\nreplicas = 1\nnodes = [{}]\n{more}", nodes.join(", "))
}

/// Goes from the first file to the second and back, killed in the middle of each way.
fn killed(name: &str, cluster: &TestCluster, files: [&str; 2], keys: usize) {
    let paths = ["one.toml", "other.toml"].map(|file| cluster.dir().join(file));
    for (path, text) in paths.iter().zip(files) {
        fs::write(path, text).unwrap();
    }
    let paths = paths.map(|path| path.to_str().unwrap().to_owned());
    let words = |way: usize| ["apply", &paths[way], "--prune", "--accept-fewer-replicas", "--yes"];
    let full = |way: usize| {
        let begun = Instant::now();
        start(&words(way), |_| {}).finish_within(Duration::from_secs(600)).succeeds();
        begun.elapsed()
    };
    full(0);
    fill(cluster, keys);
    let before = contents(cluster);
    let whole = [full(1), full(0)];
    let (mut stopped, mut longest) = (0, Duration::ZERO);
    for (kill, moment) in moments(whole[0].min(whole[1])).enumerate() {
        let way = (kill + 1) % 2;
        let mut run = start(&words(way), |_| {});
        std::thread::sleep(moment);
        stopped += u32::from(run.child.try_wait().unwrap().is_none());
        let _ = run.child.kill();
        let _ = run.child.wait();
        longest = longest.max(full(way));
        let drift = ["apply", &paths[way], "--prune", "--detect-drift"];
        rcluster(&drift).succeeds();
        assert_same(&before, &contents(cluster));
    }
    println!(
        "{} {name}: {KILLS} kills, {stopped} in the run; one way {:.1} s, the other {:.1} s, finished within {:.1} s; nothing lost",
        server_under_test(),
        whole[0].as_secs_f64(),
        whole[1].as_secs_f64(),
        longest.as_secs_f64()
    );
}

#[test]
fn from_3_to_6_shards_and_back() {
    let cluster = TestCluster::start(12);
    let files = [nodes(&cluster, 6, ""), nodes(&cluster, 12, "")];
    killed("3 to 6 shards", &cluster, [&files[0], &files[1]], 100_000);
}

#[test]
fn from_one_zone_layout_to_another() {
    let cluster = TestCluster::start(7);
    let zoned = |zones: &str| {
        let lines = cluster.addrs().into_iter().zip(zones.chars());
        let lines: String =
            lines.map(|(addr, zone)| format!("\"{addr}\" = \"{zone}\"\n")).collect();
        nodes(&cluster, 7, &format!("[zones]\n{lines}"))
    };
    let files = [zoned("aabbcca"), zoned("abcabcb")];
    killed("zones", &cluster, [&files[0], &files[1]], 20_000);
}
