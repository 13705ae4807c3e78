//! Every program in examples/ runs, and says what it is there to show.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The words that each example prints with its own sample, by file name.
const SHOWN: [(&str, &[&str]); 5] = [
    ("plan_zones", &["every shard survives the loss of any one zone", "replica"]),
    ("plan_cluster", &["shard 1: 10.0.0.1:7001 owns slots 0-5460", "copies it"]),
    ("balance_slots", &["127.0.0.1:30001 -> 127.0.0.1:30003: slots", "5461 slots move"]),
    (
        "test_a_client",
        &[
            "6 nodes, the first at redis://127.0.0.1:",
            "visits: 1",
            "while the masters hang: timed out",
            "counted again: true",
            "without a replica: 1 more",
        ],
    ),
    (
        "judge_nodes",
        &[
            "unhealthy",
            "slot 16383 has no owner",
            "77 migrating at 127.0.0.1:30001",
            "30005 is marked as failed",
        ],
    ),
];

/// Where the stories have their servers.
fn servers() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers");
    std::env::var_os("RCLUSTER_TEST_SERVERS").map_or_else(own, PathBuf::from)
}

#[test]
fn every_example_runs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let programs = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    for program in programs {
        let name = program.file_stem().unwrap().to_str().unwrap().to_owned();
        let shown = SHOWN.iter().find(|(known, _)| *known == name);
        let (_, words) = shown.unwrap_or_else(|| panic!("say here what examples/{name}.rs shows"));
        let run = Command::new(env!("CARGO"))
            .args(["run", "--quiet", "--example", &name])
            .env("RCLUSTER_SERVERS", servers())
            .output()
            .unwrap();
        let out = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "{name}: {}", String::from_utf8_lossy(&run.stderr));
        for word in *words {
            assert!(out.contains(word), "{name} does not say '{word}': {out}");
        }
    }
}
