//! `backup` and `restore`: what was saved is whole, and comes back into a cluster of another shape.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcluster::model::Slot;
use rcluster::ops::backup::{BackupError, BackupOptions, backup};
use rcluster::ops::{Deadline, Event, Interrupt, Observer};
use rcluster::wire::{Access, load_cluster};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::data::{assert_same, contents, fill, owner};
use crate::support::{
    Run, Server, TestCluster, eventually, rcluster, server_named, server_under_test, start,
};

/// A cluster with keys of all types, and a folder for its backup.
fn filled(keys: usize) -> (TestCluster, TempDir) {
    let cluster = TestCluster::formed(6, 1);
    fill(&cluster, keys);
    (cluster, tempfile::tempdir().unwrap())
}

fn save(cluster: &TestCluster, dir: &Path) -> Run {
    rcluster(&["backup", &cluster.addr(2), path(dir), "--json"])
}

fn verify(dir: &Path) -> Run {
    rcluster(&["backup", "--verify", path(dir), "--json"])
}

fn load(dir: &Path, cluster: &TestCluster, more: &[&str]) -> Run {
    let server = server_named(&server_under_test());
    let words = ["restore", path(dir), &cluster.addr(0), "--yes", "--json"];
    rcluster(&[&words[..], &["--server", path(&server)], more].concat())
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn first_file(dir: &Path) -> PathBuf {
    dir.join(names(dir).into_iter().find(|name| name.ends_with(".rdb")).unwrap())
}

#[test]
fn a_backup_comes_back_into_a_cluster_of_another_shape_with_every_key() {
    let (cluster, dir) = filled(4000);
    let before = contents(&cluster);
    let manifest = save(&cluster, dir.path()).succeeds().json()["manifest"].clone();
    let shards = manifest["shards"].as_array().unwrap();
    assert_eq!((shards.len(), &manifest["keys"]), (3, &Value::from(before.len())));
    assert_eq!(shards[0]["slots"][0], "0-5460");
    let size = |shard: &Value| {
        fs::metadata(dir.path().join(shard["file"].as_str().unwrap())).unwrap().len()
    };
    assert!(shards.iter().all(|shard| shard["bytes"] == size(shard)));
    for name in names(dir.path()) {
        let mode = fs::metadata(dir.path().join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}: {mode:o}");
    }
    drop(cluster);

    let other = TestCluster::formed(5, 0);
    let dry = load(dir.path(), &other, &["--dry-run"]).succeeds();
    assert_eq!((&dry.json()["changed"], contents(&other).len()), (&false.into(), 0));
    let loaded = load(dir.path(), &other, &[]).succeeds().json();

    assert_eq!((&loaded["keys"], &loaded["saved"]), (&manifest["keys"], &manifest["keys"]));
    assert_same(&before, &contents(&other));
    let again = load(dir.path(), &other, &["--at-once", "1"]).succeeds().json();
    assert_eq!((&again["changed"], &again["present"]), (&false.into(), &manifest["keys"]));
}

#[test]
fn a_backup_comes_back_into_a_newer_version() {
    if server_under_test() != "valkey-9.1" {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let older = Server { name: "redis-7.0".to_owned(), ..Server::default() };
    let cluster = TestCluster::start_as(3, &older);
    cluster.create(0).succeeds();
    fill(&cluster, 1000);
    let before = contents(&cluster);
    save(&cluster, dir.path()).succeeds();

    let newer = TestCluster::formed(4, 0);
    for server in ["redis-7.0", "valkey-9.1"] {
        let server = server_named(server);
        let words =
            ["restore", path(dir.path()), &newer.addr(1), "--yes", "--server", path(&server)];
        rcluster(&words).succeeds();
        assert_same(&before, &contents(&newer));
    }
}

#[test]
fn functions_come_back_too() {
    if server_under_test() == "redis-6.2" {
        return;
    }
    let (cluster, dir) = (TestCluster::formed(3, 0), tempfile::tempdir().unwrap());
    let code = "#!lua name=lib\nredis.register_function('one', function() return 1 end)";
    (0..3).for_each(|node| cluster.tell(node, &["FUNCTION", "LOAD", code]));
    save(&cluster, dir.path()).succeeds();
    let other = TestCluster::formed(4, 0);

    let loaded = load(dir.path(), &other, &[]).succeeds().json();

    assert_eq!(loaded["libraries"], 4);
    assert!((0..4).all(|node| other.ask::<u32>(node, &["FCALL", "one", "0"]) == 1));
    assert_eq!(load(dir.path(), &other, &[]).succeeds().json()["changed"], false);
}

#[test]
fn what_is_not_whole_is_told_and_never_loaded() {
    let (cluster, dir) = filled(500);
    save(&cluster, dir.path()).succeeds();
    verify(dir.path()).succeeds();
    let file = first_file(dir.path());
    let name = file.file_name().unwrap().to_str().unwrap().to_owned();
    let whole = fs::read(&file).unwrap();
    let is_told = |bytes: &[u8], words: &[&str]| {
        fs::write(&file, bytes).unwrap();
        let told = verify(dir.path()).exits(1).tells(&[&name]).tells(words);
        assert_eq!(told.json()["whole"], false);
        load(dir.path(), &cluster, &[]).exits(1).tells(&["incomplete or corrupt", &name]);
    };
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    is_told(&flipped, &["checksum"]);
    is_told(&whole[..whole.len() - 1], &["bytes and should have"]);
    is_told(&[], &["0 bytes"]);
    fs::remove_file(&file).unwrap();
    verify(dir.path()).exits(1).tells(&[&name]);
    fs::write(&file, &whole).unwrap();
    verify(dir.path()).succeeds();
    fs::remove_file(dir.path().join("manifest.json")).unwrap();
    verify(dir.path()).exits(1).tells(&["manifest.json", "unfinished"]);
}

#[test]
fn a_folder_that_holds_anything_else_is_left_alone() {
    let (cluster, dir) = filled(10);
    fs::write(dir.path().join("letters.txt"), "mine").unwrap();
    save(&cluster, dir.path()).exits(2).tells(&["letters.txt", "new or empty directory"]);
    let inner = dir.path().join("new/folder");
    save(&cluster, &inner).succeeds();
    let before = names(&inner);
    save(&cluster, &inner).exits(2).tells(&["holds a backup already", "--verify"]);
    assert_eq!(names(&inner), before);
    for made in ["new", "new/folder"] {
        let mode = fs::metadata(dir.path().join(made)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{made}: {mode:o}");
    }

    // Neither a file with its own name nor a link, whatever it is called, is an earlier try's.
    let other = dir.path().join("other");
    let own = "redis-node-a.rdb";
    for (name, is_link) in
        [(own, false), ("redis-node-b.rdb.partial", true), ("manifest.json.partial", true)]
    {
        fs::create_dir(&other).unwrap();
        match is_link {
            true => symlink(dir.path().join("letters.txt"), other.join(name)).unwrap(),
            false => fs::write(other.join(name), "mine").unwrap(),
        }
        fs::write(other.join("redis-node-c.rdb.partial"), "ours").unwrap();
        save(&cluster, &other).exits(2).tells(&[name]);
        assert_eq!(names(&other).len(), 2);
        fs::remove_dir_all(&other).unwrap();
    }
    assert_eq!(fs::read_to_string(dir.path().join("letters.txt")).unwrap(), "mine");

    // Nor is a link followed when a backup is read.
    let whole = first_file(&inner);
    fs::rename(&whole, dir.path().join("elsewhere")).unwrap();
    symlink(dir.path().join("elsewhere"), &whole).unwrap();
    verify(&inner).exits(1).tells(&["it is no file, but a link"]);
    rcluster(&["backup", &cluster.addr(0)]).exits(2);
    rcluster(&["backup", "--verify", path(&inner), "x:1"]).exits(2);
}

#[test]
fn a_backup_that_fails_or_is_killed_never_looks_complete() {
    let (cluster, dir) = filled(20_000);
    cluster.tell(1, &["ACL", "SETUSER", "default", "-psync"]);
    save(&cluster, dir.path()).exits(3).tells(&[&cluster.addr(1), "PSYNC", "NOPERM"]);
    assert_eq!(names(dir.path()), Vec::<String>::new());
    verify(dir.path()).exits(1);
    cluster.tell(1, &["ACL", "SETUSER", "default", "+psync"]);

    let (entry, folder) = (cluster.addr(0), path(dir.path()).to_owned());
    let moments = [r#""event":"start""#, r#""done":1,"#, r#""done":2,"#, r#""event":"done""#];
    for moment in moments {
        let mut run = start(&["backup", &entry, &folder, "--progress", "json"], |_| {});
        eventually("the run comes to its moment, or ends", || {
            run.err_so_far().contains(moment) || run.child.try_wait().is_ok_and(|end| end.is_some())
        });
        // Whatever has been written by then, what is there is whole or none.
        let _ = run.child.kill();
        let _ = run.child.wait();
        match names(dir.path()).contains(&"manifest.json".to_owned()) {
            true => drop(verify(dir.path()).succeeds()),
            false => drop(verify(dir.path()).exits(1)),
        }
        // What has its own name is deleted by nobody else.
        for name in names(dir.path()).iter().filter(|name| !name.ends_with(".partial")) {
            fs::remove_file(dir.path().join(name)).unwrap();
        }
    }
    save(&cluster, dir.path()).succeeds();
    verify(dir.path()).succeeds();
    assert_eq!(names(dir.path()).len(), 4);
}

#[test]
fn a_server_that_cannot_write_to_its_disk_is_saved_all_the_same() {
    let (cluster, dir) = filled(1000);
    // Servers before 7.0 send nothing straight away unless they are told to.
    cluster.tell(0, &["CONFIG", "SET", "repl-diskless-sync", "yes"]);
    // Its own file cannot be put in place where a folder is in the way.
    let in_the_way = cluster.nodes[0].dir().join("dump.rdb");
    let _ = fs::remove_file(&in_the_way);
    fs::create_dir_all(in_the_way.join("x")).unwrap();
    let manifest = save(&cluster, dir.path()).succeeds().json()["manifest"].clone();
    assert_eq!(manifest["keys"], contents(&cluster).len());
    verify(dir.path()).succeeds();
}

struct Nobody;

impl Observer for Nobody {
    fn on(&self, _: Event) {}
}

#[test]
fn slots_that_change_hands_meanwhile_make_it_none() {
    let (cluster, dir) = (TestCluster::formed(3, 0), tempfile::tempdir().unwrap());
    let (entry, access) = (cluster.addr(0).parse().unwrap(), Access::default());
    let facts = load_cluster(&entry, &access).unwrap().report;
    let deadline = Deadline::after(Duration::from_secs(60), Interrupt::default());
    let options = BackupOptions { deadline, timeout: Duration::from_secs(60) };

    let moved = backup(&facts, dir.path(), &access, &options, &Nobody, || {
        let words =
            ["reshard", &cluster.addr(0), "--to", &cluster.addr(1), "--slots", "7", "--yes"];
        rcluster(&words).succeeds();
        load_cluster(&entry, &access).map(|cluster| cluster.report)
    });

    assert!(matches!(moved, Err(BackupError::Moved)), "{moved:?}");
    assert_eq!(names(dir.path()), Vec::<String>::new());
    let facts = load_cluster(&entry, &access).unwrap().report;
    let opened = backup(&facts, dir.path(), &access, &options, &Nobody, || {
        cluster.tell(0, &["CLUSTER", "SETSLOT", "9", "MIGRATING", &cluster.id(1)]);
        load_cluster(&entry, &access).map(|cluster| cluster.report)
    });
    assert!(matches!(opened, Err(BackupError::Moved)), "{opened:?}");
    cluster.tell(0, &["CLUSTER", "SETSLOT", "9", "STABLE"]);
    let lock = fs::File::open(dir.path()).unwrap();
    lock.lock().unwrap();
    save(&cluster, dir.path()).exits(2).tells(&["is running"]);
    lock.unlock().unwrap();
    save(&cluster, dir.path()).succeeds();
}

#[test]
fn a_cluster_that_lacks_a_shard_is_not_saved() {
    let (mut cluster, dir) = (TestCluster::formed(3, 0), tempfile::tempdir().unwrap());
    cluster.nodes[1].kill();
    let words = ["backup", &cluster.addr(0), path(dir.path())];
    rcluster(&words).exits(1).tells(&["no reachable node owns slots 5461", "nothing was saved"]);
}

#[test]
fn keys_that_differ_by_now_are_kept() {
    let (cluster, dir) = (TestCluster::formed(3, 0), tempfile::tempdir().unwrap());
    let owner = owner(&cluster, Slot::of_key(b"k"));
    cluster.tell(owner, &["SET", "k", "then"]);
    save(&cluster, dir.path()).succeeds();
    cluster.tell(owner, &["SET", "k", "now"]);

    load(dir.path(), &cluster, &[]).exits(1).tells(&["'k' differs", "both are kept"]);
    assert_eq!(cluster.ask::<String>(owner, &["GET", "k"]), "now");
    load(dir.path(), &cluster, &["--replace"]).succeeds();
    assert_eq!(cluster.ask::<String>(owner, &["GET", "k"]), "then");
}

#[test]
fn a_server_that_cannot_load_the_files_says_so_and_nothing_stays_behind() {
    if server_under_test() != "valkey-9.1" {
        return;
    }
    let (cluster, dir) = filled(100);
    save(&cluster, dir.path()).succeeds();
    let older = server_named("redis-7.0");
    let words = ["restore", path(dir.path()), &cluster.addr(0), "--yes", "--server", path(&older)];
    let failed = rcluster(&words).exits(1);
    failed.tells(&["cannot be loaded by", "nothing was changed", "Valkey 9.1", "--server"]);
    let none = ["restore", path(dir.path()), &cluster.addr(0), "--yes", "--server", "/no/server"];
    rcluster(&none).exits(2).tells(&["/no/server"]);
}
