//! What keeps a server from taking keys, and takes it back.

use super::{TestCluster, eventually};

/// A fault of the fourth node as a target, or of the first as a source.
pub struct Fault {
    pub name: &'static str,
    pub begin: fn(&TestCluster),
    pub end: fn(&TestCluster),
    /// What a run has to say of it.
    pub said: &'static [&'static str],
}

pub const FAULTS: [Fault; 5] = [
    Fault {
        name: "no disk",
        begin: |cluster| lose_the_disk(cluster, 3),
        end: |cluster| regain_the_disk(cluster, 3),
        said: &["MISCONF", "cannot save to disk"],
    },
    Fault {
        name: "no memory",
        begin: |cluster| cluster.tell(3, &["CONFIG", "SET", "maxmemory", "1"]),
        end: |cluster| cluster.tell(3, &["CONFIG", "SET", "maxmemory", "0"]),
        said: &["OOM", "raise its maxmemory"],
    },
    Fault {
        name: "no replicas",
        begin: |cluster| cluster.tell(3, &["CONFIG", "SET", "min-replicas-to-write", "1"]),
        end: |cluster| cluster.tell(3, &["CONFIG", "SET", "min-replicas-to-write", "0"]),
        said: &["NOREPLICAS", "min-replicas-to-write"],
    },
    Fault {
        name: "no right at the target",
        begin: |cluster| limit(cluster, 3, &["-restore", "-restore-asking"]),
        end: |cluster| limit(cluster, 3, &[]),
        said: &["NOPERM", "restore"],
    },
    Fault {
        name: "no right at the source",
        begin: |cluster| limit(cluster, 0, &["-migrate"]),
        end: |cluster| limit(cluster, 0, &[]),
        said: &["NOPERM", "+migrate"],
    },
];

/// A user of a node, with the password `pw`, who may do all but what `rules` take away.
pub fn limit(cluster: &TestCluster, node: usize, rules: &[&str]) {
    let all = ["ACL", "SETUSER", "limited", "reset", "on", ">pw", "~*", "&*", "+@all"];
    cluster.tell(node, &[&all[..], rules].concat());
}

/// Puts a server's disk out of order: its last save has failed, so it takes no writes.
fn lose_the_disk(cluster: &TestCluster, node: usize) {
    // No file can take this name.
    let _ = std::fs::remove_file(file(cluster, node));
    std::fs::create_dir(file(cluster, node)).unwrap();
    cluster.tell(node, &["CONFIG", "SET", "save", "3600 1"]);
    eventually("the save fails", || {
        let _ = cluster.try_ask::<String>(node, &["BGSAVE"]);
        let info: String = cluster.ask(node, &["INFO", "persistence"]);
        info.contains("rdb_last_bgsave_status:err")
    });
}

fn regain_the_disk(cluster: &TestCluster, node: usize) {
    std::fs::remove_dir(file(cluster, node)).unwrap();
    eventually("a save succeeds", || cluster.try_ask::<String>(node, &["SAVE"]).is_ok());
    cluster.tell(node, &["CONFIG", "SET", "save", ""]);
}

fn file(cluster: &TestCluster, node: usize) -> std::path::PathBuf {
    cluster.nodes[node].dir().join("dump.rdb")
}
