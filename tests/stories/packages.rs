//! What packages hold is there, and what containers are told to run, runs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{TestCluster, rcluster};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The files that a source stands for; its last part may have a star.
fn files(source: &Path) -> Vec<PathBuf> {
    let name = source.file_name().unwrap().to_str().unwrap().to_owned();
    let (begin, end) = name.split_once('*').unwrap_or((&name, ""));
    let entries = std::fs::read_dir(source.parent().unwrap()).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_meant = |path: &PathBuf| {
        let found = path.file_name().unwrap().to_str().unwrap();
        found == name || name.contains('*') && found.starts_with(begin) && found.ends_with(end)
    };
    paths.filter(is_meant).collect()
}

fn words(list: &Value) -> Vec<String> {
    let words = list.as_array().unwrap_or_else(|| panic!("a list: {list}")).iter();
    words.map(|word| word.as_str().unwrap_or_else(|| panic!("text: {word}")).to_owned()).collect()
}

#[test]
fn every_file_of_a_package_is_there() {
    let assets = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_rcluster");
    let made = Command::new("sh")
        .arg(root().join(".ci/assets.sh"))
        .args([Path::new(program), assets.path()])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let metadata = &manifest["package"]["metadata"];
    let sources = |kind: &str| -> BTreeSet<String> {
        let assets = metadata[kind]["assets"].as_array().unwrap();
        let source = |asset: &toml::Value| {
            asset.get("source").or_else(|| asset.get(0)).unwrap().as_str().unwrap().to_owned()
        };
        assets.iter().map(source).collect()
    };
    let (deb, rpm) = (sources("deb"), sources("generate-rpm"));
    for source in deb.union(&rpm).filter(|source| *source != "target/release/rcluster") {
        let path = match source.strip_prefix("target/assets/") {
            Some(made) => assets.path().join(made),
            None => root().join(source),
        };
        assert!(!files(&path).is_empty(), "{source}");
    }
    // Each format has its own way of links, changelog and licence.
    let differ: Vec<&String> = deb.symmetric_difference(&rpm).collect();
    assert!(
        differ.iter().all(|name| {
            ["dropin/", "changelog.gz", "CHANGELOG.md", "LICENSE"]
                .iter()
                .any(|own| name.contains(own))
        }),
        "{differ:?}"
    );
    assert!(root().join(metadata["deb"]["changelog"].as_str().unwrap()).exists());

    // By the names of the links it takes the command lines of the old programs.
    let link = assets.path().join("rcluster-redis-cli");
    std::os::unix::fs::symlink(program, &link).unwrap();
    let run = Command::new(&link).args(["--cluster", "check", "127.0.0.1:1"]).output().unwrap();
    let text = String::from_utf8_lossy(&run.stderr);
    assert!(text.starts_with("Could not connect to Redis at 127.0.0.1:1"), "{run:?}");
}

#[test]
fn the_image_holds_what_it_runs() {
    let dockerfile = read("Dockerfile");
    let lines = |word: &str| -> Vec<String> {
        let lines = dockerfile.lines().filter_map(|line| line.strip_prefix(word));
        lines.map(|line| line.trim().to_owned()).collect()
    };
    let (own, built): (Vec<String>, Vec<String>) =
        lines("COPY").into_iter().partition(|copy| !copy.starts_with("--from"));
    let ignored = read(".dockerignore");
    for source in own.iter().flat_map(|copy| copy.split(' ').rev().skip(1)) {
        assert!(root().join(source).exists(), "{source}");
        assert!(ignored.lines().any(|line| line == format!("!{source}")), "{source} is left out");
    }
    let entry: Vec<String> = serde_json::from_str(&lines("ENTRYPOINT")[0]).unwrap();
    assert!(built[0].ends_with(&entry[0]), "{built:?}");
    assert_ne!(lines("USER"), ["0:0"]);
    let shown: Vec<String> = serde_json::from_str(&lines("CMD")[0]).unwrap();
    rcluster(&shown.iter().map(String::as_str).collect::<Vec<_>>()).succeeds();
}

#[test]
fn the_compose_file_makes_a_cluster() {
    let file: Value = serde_saphyr::from_str(&read("compose.yaml")).expect("it is YAML");
    let services = file["services"].as_object().unwrap();
    let nodes: Vec<&String> = services.keys().filter(|name| name.starts_with("node-")).collect();
    let cluster = TestCluster::start(nodes.len());
    let run = |service: &str| {
        let place = |word: String| {
            let host = word.strip_suffix(":6379");
            let index = host.and_then(|host| nodes.iter().position(|node| *node == host));
            index.map_or(word, |index| cluster.addr(index))
        };
        let line: Vec<String> =
            words(&services[service]["command"]).into_iter().map(place).collect();
        rcluster(&line.iter().map(String::as_str).collect::<Vec<_>>())
    };
    run("create").succeeds();
    cluster.wait_for_replicas();
    // As at every later start.
    run("create").succeeds();
    assert!(run("rcluster").succeeds().out.contains("3 masters with slots, 3 other nodes"));
    let own = services.iter().filter(|(name, _)| !nodes.contains(name));
    for (name, service) in own {
        let found = (&service["read_only"], &service["build"], &service["image"]);
        let image = concat!("rcluster:", env!("CARGO_PKG_VERSION")).into();
        assert_eq!(found, (&true.into(), &".".into(), &image), "{name}");
    }
}
