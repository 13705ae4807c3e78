//! Faults that begin at any moment of a move, and are mended: nothing is lost, no slot stays open.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::data::{Contents, assert_same, contents, contents_of_owners, fill, view};
use crate::support::faults::{FAULTS, limit};
use crate::support::{
    Run, Running, Server, TestCluster, eventually, rcluster, rcluster_with, start,
};

const KEYS: usize = 4000;

fn three_and(settings: &[&str]) -> TestCluster {
    let mut cluster = TestCluster::start(3);
    cluster.adopt(TestCluster::start_as(1, &Server::with(settings)));
    let addrs = cluster.addrs();
    rcluster(&["create", &addrs[0], &addrs[1], &addrs[2], "--yes"]).succeeds();
    rcluster(&["meet", &addrs[0], &addrs[3]]).succeeds();
    (0..4).for_each(|node| limit(&cluster, node, &[]));
    fill(&cluster, KEYS);
    cluster
}

/// Slots go to the fourth node, or away from it again.
fn words(cluster: &TestCluster, back: bool) -> Vec<String> {
    let (entry, fourth) = (cluster.addr(0), cluster.addr(3));
    let drained = format!("{fourth}=0");
    let words = match back {
        false => vec!["rebalance", &entry, "--use-empty-masters"],
        true => vec!["rebalance", &entry, "--weight", &drained, "--keep-empty"],
    };
    let more = ["--classic", "--yes", "--user", "limited"];
    words.into_iter().chain(more).map(str::to_owned).collect()
}

fn begins(cluster: &TestCluster, more: &[&str]) -> Running {
    let words = words(cluster, false);
    let words: Vec<&str> = words.iter().map(String::as_str).chain(more.iter().copied()).collect();
    start(&words, |command| {
        command.env("REDISCLI_AUTH", "pw");
    })
}

fn ends(cluster: &TestCluster, back: bool) -> Run {
    let words = words(cluster, back);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    rcluster_with(&words, |command| {
        command.env("REDISCLI_AUTH", "pw");
    })
}

/// No slot is open, and owners hold all there was.
fn is_whole(cluster: &TestCluster, before: &Contents, run: &Run) {
    let open = (0..4).map(|node| view(cluster, node).open.len()).sum::<usize>();
    assert_eq!(open, 0, "after {run:#?}");
    assert_same(before, &contents_of_owners(cluster));
}

#[test]
fn faults_that_begin_on_the_way_lose_nothing() {
    let rounds = crate::kills() / 5;
    let cluster = three_and(&[]);
    let before = contents(&cluster);
    for fault in FAULTS {
        let begun = Instant::now();
        ends(&cluster, false).succeeds();
        let whole = begun.elapsed();
        ends(&cluster, true).succeeds();
        let mut codes = [0; 5];
        for round in 0..rounds {
            let run = begins(&cluster, &[]);
            let part = (round as f64 + 0.5) / rounds as f64;
            std::thread::sleep(Duration::from_secs_f64(whole.as_secs_f64() * part));
            (fault.begin)(&cluster);
            let run = run.finish();
            let code = run.code.unwrap_or(-1);
            assert!((0..=4).contains(&code) && code != 2, "{run:#?}");
            codes[code as usize] += 1;
            is_whole(&cluster, &before, &run);
            (fault.end)(&cluster);
            ends(&cluster, false).succeeds();
            assert_same(&before, &contents(&cluster));
            ends(&cluster, true).succeeds();
        }
        println!(
            "{} {}: {rounds} runs, which ended with 0, 1, 3, 4: {} {} {} {}; nothing lost",
            crate::support::server_under_test(),
            fault.name,
            codes[0],
            codes[1],
            codes[3],
            codes[4],
        );
    }
}

/// A file system of few megabytes, gone with the value. Only root may have one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<SmallDisk> {
        let disk = SmallDisk(tempfile::tempdir().unwrap());
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
            .arg(disk.0.path())
            .status();
        mount.is_ok_and(|status| status.success()).then_some(disk)
    }

    fn filler(&self) -> PathBuf {
        Path::join(self.0.path(), "filler")
    }

    fn fill(&self) {
        // It ends where the disk does.
        let _ = std::fs::write(self.filler(), vec![0; 16 << 20]);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: servers of the story may still be about to end.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_disk_that_is_full_on_the_way_loses_nothing() {
    let Some(disk) = SmallDisk::mount() else {
        println!("LEFT OUT: no file system can be mounted here, no disk gets full");
        return;
    };
    let dir = format!("dir {}", disk.0.path().display());
    // A server that cannot write its own view of the cluster ends by itself.
    let elsewhere = tempfile::tempdir().unwrap();
    let view = format!("cluster-config-file {}/nodes.conf", elsewhere.path().display());
    let cluster = three_and(&[&dir, &view, "appendonly yes", "appendfsync everysec"]);
    let before = contents(&cluster);
    let rounds = (crate::kills() / 10).max(1);
    let begin = || begins(&cluster, &["--max-rate", "2000", "--progress", "json"]);
    let events = begin().finish().succeeds().err.lines().count();
    ends(&cluster, true).succeeds();
    let mut codes = [0; 5];
    for round in 0..rounds {
        let mut run = begin();
        let moment = events * (round + 1) / (rounds + 1);
        eventually("the run comes to its moment", || {
            let has_ended = run.child.try_wait().is_ok_and(|end| end.is_some());
            has_ended || run.err_so_far().lines().count() >= moment
        });
        disk.fill();
        let run = run.finish();
        let code = run.code.unwrap_or(-1);
        codes[code.clamp(0, 4) as usize] += 1;
        std::fs::remove_file(disk.filler()).unwrap();
        is_whole(&cluster, &before, &run);
        eventually("the target writes again", || ends(&cluster, false).code == Some(0));
        assert_same(&before, &contents(&cluster));
        ends(&cluster, true).succeeds();
    }
    println!(
        "{} full disk with an append-only file: {rounds} runs, which ended with 0, 1, 3, 4: {} {} {} {}; nothing lost",
        crate::support::server_under_test(),
        codes[0],
        codes[1],
        codes[3],
        codes[4],
    );
}
