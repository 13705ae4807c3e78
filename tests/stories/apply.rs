//! `apply` and `export`: a cluster as a file declares it, whatever it was before.

use std::fs;

use serde_json::json;

use crate::support::data::{assert_same, contents, fill};
use crate::support::{Run, TestCluster, eventually, rcluster, start};

/// Writes the file and gives its path.
fn file(cluster: &TestCluster, text: &str) -> String {
    let path = cluster.dir().join("cluster.toml");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Shards by the servers' numbers, each a master and its replicas, and what else the file has.
fn shards(cluster: &TestCluster, shards: &[&[usize]], more: &str) -> String {
    let quoted = |node: &usize| format!("\"{}\"", cluster.addr(*node));
    let shard = |nodes: &&[usize]| {
        let replicas: Vec<String> = nodes[1..].iter().map(quoted).collect();
        let (master, replicas) = (quoted(&nodes[0]), replicas.join(", "));
        format!("[[shard]]\nmaster = {master}\nreplicas = [{replicas}]\n")
    };
    file(cluster, &(shards.iter().map(shard).collect::<String>() + more))
}

fn apply(path: &str, more: &[&str]) -> Run {
    rcluster(&[&["apply", path, "--yes", "--json"], more].concat())
}

fn texts(run: &Run) -> Vec<String> {
    let changes = run.json()["changes"].as_array().unwrap().clone();
    changes.iter().map(|change| change["text"].as_str().unwrap().to_owned()).collect()
}

/// The master that a server says it follows; itself where it is one.
fn master_of(cluster: &TestCluster, node: usize) -> String {
    let text: String = cluster.ask(node, &["CLUSTER", "NODES"]);
    let own = text.lines().find(|line| line.contains("myself")).unwrap().to_owned();
    let fields: Vec<&str> = own.split(' ').collect();
    if fields[3] == "-" { fields[0].to_owned() } else { fields[3].to_owned() }
}

/// A second run finds nothing, says so, and changes nothing on any node.
fn comes_to_rest(cluster: &TestCluster, path: &str, more: &[&str]) {
    let before = cluster.changes();
    let again = apply(path, more).succeeds();
    assert_eq!(texts(&again), Vec::<String>::new());
    assert_eq!(again.json()["changed"], false);
    rcluster(&[&["apply", path, "--detect-drift"], more].concat()).succeeds();
    assert_eq!(cluster.changes(), before);
}

#[test]
fn a_cluster_grows_from_3_to_5_shards_and_back_with_its_keys() {
    let cluster = TestCluster::start(10);
    let listed = |count: usize, more: &str| {
        let nodes: Vec<String> =
            cluster.addrs()[..count].iter().map(|addr| format!("\"{addr}\"")).collect();
        format!("[cluster]\nreplicas = 1\nnodes = [{}]\n{more}", nodes.join(", "))
    };
    let path = file(&cluster, &listed(6, "[settings]\ncluster-node-timeout = 5000\n"));

    // Nothing is formed yet.
    let created = apply(&path, &[]).succeeds();
    assert_eq!(created.json()["healthy"], true, "{created:?}");
    comes_to_rest(&cluster, &path, &[]);
    assert_eq!(cluster.settings("cluster-node-timeout")[..6], ["5000"; 6].map(str::to_owned));
    fill(&cluster, 1200);
    let before = contents(&cluster);

    // What export writes changes nothing.
    let exported = rcluster(&["export", &cluster.addr(4)]).succeeds();
    assert!(exported.out.contains("cluster-node-timeout = \"5000\""), "{exported:?}");
    let path = file(&cluster, &exported.out);
    comes_to_rest(&cluster, &path, &["--prune"]);

    let path = file(&cluster, &listed(10, "[settings]\nmaxmemory = \"1gb\"\n"));
    let drift = rcluster(&["apply", &path, "--detect-drift", "--json"]).exits(1);
    assert_eq!(
        (&drift.json()["full_copies"], &drift.json()["changed"]),
        (&2.into(), &false.into())
    );
    let moved = drift.json()["slots_moved"].as_u64().unwrap();
    assert!((6553..=6554).contains(&moved), "{moved}");
    let dry = rcluster(&["apply", &path, "--dry-run"]).succeeds();
    assert!(dry.out.contains("~ setting maxmemory: 0 → 1gb on 10 nodes"), "{dry:?}");
    apply(&path, &[]).succeeds();
    comes_to_rest(&cluster, &path, &[]);
    assert_same(&before, &contents(&cluster));
    let masters: std::collections::BTreeSet<String> =
        (0..10).map(|node| master_of(&cluster, node)).collect();
    assert_eq!(masters.len(), 5);

    // Back: without --prune the other nodes are reported and keep their slots.
    let path = file(&cluster, &listed(6, ""));
    let left = apply(&path, &[]);
    let unnamed = left.json()["unnamed"].as_array().unwrap().len();
    assert_eq!(unnamed, 4, "{left:?}");
    assert!(!texts(&left).iter().any(|text| text.starts_with('-')), "{left:?}");
    let run = apply(&path, &["--prune"]).succeeds();
    assert_eq!(texts(&run).iter().filter(|text| text.starts_with("- remove")).count(), 4);
    assert_same(&before, &contents(&cluster));
    comes_to_rest(&cluster, &path, &["--prune"]);
    for gone in 6..10 {
        let nodes: String = cluster.ask(gone, &["CLUSTER", "NODES"]);
        assert_eq!(nodes.lines().count(), 1, "{nodes}");
    }
}

#[test]
fn roles_replicas_and_settings_become_as_declared() {
    let cluster = TestCluster::formed(7, 1);
    fill(&cluster, 300);
    let before = contents(&cluster);
    let exported = rcluster(&["export", &cluster.addr(0), "--json"]).succeeds();
    let text = exported.json()["file"].as_str().unwrap().to_owned();
    assert!(text.contains("[[shard]]"), "{text}");
    // Who is whose replica: the seventh node is one more of some shard.
    let follows: Vec<usize> = (0..7)
        .map(|node| {
            let id = master_of(&cluster, node);
            (0..7).find(|other| cluster.id(*other) == id).unwrap()
        })
        .collect();
    let of = |master: usize| {
        (0..7).filter(|&node| node != master && follows[node] == master).collect::<Vec<_>>()
    };
    let mut wanted: Vec<Vec<usize>> =
        (0..3).map(|master| [vec![master], of(master)].concat()).collect();

    // A replica goes to another shard, and a replica becomes master.
    let from = wanted.iter().position(|shard| shard.len() == 3).unwrap();
    let to = (from + 1) % 3;
    let moved = wanted[from].pop().unwrap();
    wanted[to].push(moved);
    wanted[from].swap(0, 1);
    let refs = |wanted: &[Vec<usize>], more: &str| {
        let wanted: Vec<&[usize]> = wanted.iter().map(Vec::as_slice).collect();
        shards(&cluster, &wanted, more)
    };
    let settings = "[settings]\ncluster-node-timeout = 20000\nmaxmemory-policy = \"allkeys-lru\"\n";
    let path = refs(&wanted, settings);
    let run = apply(&path, &[]).succeeds();
    let texts = texts(&run);
    assert_eq!(run.json()["full_copies"], 1, "{texts:?}");
    assert_eq!(run.json()["slots_moved"], 0, "{texts:?}");
    let addr = |node: usize| cluster.addr(node);
    let kinds: Vec<&str> = texts.iter().map(|text| text.split(' ').nth(1).unwrap()).collect();
    assert_eq!(kinds, ["setting", "replicate", "promote", "setting"], "{texts:?}");
    assert_eq!(
        texts[2],
        format!("~ promote {} in place of {}", addr(wanted[from][0]), addr(wanted[from][1]))
    );
    assert_eq!(master_of(&cluster, moved), cluster.id(wanted[to][0]));
    assert_eq!(master_of(&cluster, wanted[from][1]), cluster.id(wanted[from][0]));
    assert_eq!(cluster.settings("cluster-node-timeout"), ["20000"; 7]);
    assert_eq!(cluster.settings("maxmemory-policy"), ["allkeys-lru"; 7]);
    comes_to_rest(&cluster, &path, &[]);
    assert_same(&before, &contents(&cluster));

    // Two replicas that change places leave their shards with fewer copies: only where accepted.
    let third = (0..3).find(|shard| wanted[*shard].len() == 2 && *shard != from).unwrap();
    let (one, other) = (wanted[from][1], wanted[third][1]);
    (wanted[from][1], wanted[third][1]) = (other, one);
    let path = refs(&wanted, "");
    apply(&path, &[]).exits(1).tells(&["fewer copies", "--accept-fewer-replicas"]);
    assert_eq!(master_of(&cluster, one), cluster.id(wanted[from][0]));
    apply(&path, &["--accept-fewer-replicas"]).succeeds();
    assert_eq!(master_of(&cluster, one), cluster.id(wanted[third][0]));
    comes_to_rest(&cluster, &path, &[]);

    // One node refuses a setting: all have their old ones again.
    let right = if cluster.try_ask::<String>(2, &["ACL", "SETUSER", "x", "-config|rewrite"]).is_ok()
    {
        "-config|rewrite"
    } else {
        "-config"
    };
    cluster.tell(2, &["ACL", "SETUSER", "default", right]);
    let path = refs(&wanted, "[settings]\nmaxmemory-samples = 7\nappendfsync = \"always\"\n");
    let refused = apply(&path, &[]);
    assert!([1, 3, 4].contains(&refused.code.unwrap()), "{refused:?}");
    cluster.tell(2, &["ACL", "SETUSER", "default", "+config"]);
    assert_eq!(cluster.settings("maxmemory-samples"), ["5"; 7]);
    let path = refs(&wanted, "[settings]\nno-such-setting = 1\n");
    apply(&path, &[]).exits(2).tells(&["cluster.toml:", "reports no setting 'no-such-setting'"]);
}

#[test]
fn a_file_with_mistakes_is_refused_with_all_of_them() {
    let cluster = TestCluster::start(1);
    let (addr, text) = (cluster.addr(0), "slots = \"0-5\"\ncolor = 1\n[setings]\n");
    let path = file(&cluster, &format!("[[shard]]\nmaster = \"{addr}\"\n{text}"));
    rcluster(&["apply", &path]).exits(2).tells(&[
        "has 3 mistakes",
        "cluster.toml:1:1: slots 6-16383 given to no shard",
        "cluster.toml:4:1: unknown key 'color'",
        "cluster.toml:5:2: unknown key 'setings'",
    ]);
    let path = file(&cluster, "[cluster]\nnodes = [\"127.0.0.1:1\"]\n");
    rcluster(&["apply", &path, "--yes"]).exits(3).tells(&["127.0.0.1:1"]);
}

#[test]
fn a_run_that_is_killed_is_finished_by_the_same_command() {
    let cluster = TestCluster::formed(6, 1);
    let mut cluster = cluster;
    cluster.adopt(TestCluster::start(2));
    fill(&cluster, 600);
    let before = contents(&cluster);
    let wanted: [&[usize]; 4] = [&[0, 3], &[1, 4], &[2, 5], &[6, 7]];
    let follows: Vec<usize> = (0..3)
        .map(|master| (3..6).find(|node| master_of(&cluster, *node) == cluster.id(master)).unwrap())
        .collect();
    let real: Vec<Vec<usize>> =
        (0..3).map(|master| vec![master, follows[master]]).chain([wanted[3].to_vec()]).collect();
    let real: Vec<&[usize]> = real.iter().map(Vec::as_slice).collect();
    let path = shards(&cluster, &real, "");
    for cue in ["\"phase\":\"meet\"", "\"phase\":\"sync\"", "\"phase\":\"move\""] {
        let mut run = start(&["apply", &path, "--yes", "--json", "--progress", "json"], |_| {});
        eventually("the run is there, or over", || {
            run.err_so_far().contains(cue) || run.child.try_wait().unwrap().is_some()
        });
        if cue.contains("move") {
            run.signal("INT");
            let stopped = run.finish();
            // It may have been done before the signal came.
            if stopped.code != Some(0) {
                let outcome = stopped.exits(4).json()["outcome"].clone();
                assert_eq!(outcome["run"], json!([format!("rcluster apply {path}")]), "{outcome}");
                assert_ne!(outcome["not_moved"], json!([]), "{outcome}");
            }
            break;
        }
        let _ = run.child.kill();
        let _ = run.child.wait();
    }
    apply(&path, &[]).succeeds();
    comes_to_rest(&cluster, &path, &[]);
    assert_same(&before, &contents(&cluster));
}
