//! `set-timeout`: one cluster-node-timeout for all nodes, for good.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::{Port, TestCluster, eventually, rcluster, server_named, server_under_test};

fn timeouts(cluster: &TestCluster) -> Vec<String> {
    cluster.settings("cluster-node-timeout")
}

#[test]
fn every_node_has_it_and_keeps_it_over_a_restart() {
    let mut cluster = TestCluster::formed(3, 0);
    let entry = cluster.addr(0);

    let dry = rcluster(&["set-timeout", &entry, "7000", "--dry-run"]).succeeds();
    assert!(dry.out.contains(&format!("{entry}: 15000 ms becomes 7000 ms")), "{dry:?}");
    assert_eq!(timeouts(&cluster), ["15000"; 3]);

    let set = rcluster(&["set-timeout", &entry, "7000", "--yes", "--json"]).succeeds();
    assert_eq!(
        (&set.json()["changed"], timeouts(&cluster)),
        (&true.into(), vec!["7000".into(); 3])
    );
    let before = cluster.changes();
    let again = rcluster(&["set-timeout", &entry, "7000", "--yes", "--json"]).succeeds();
    assert_eq!(again.json()["changed"], false);
    assert_eq!(cluster.changes(), before);

    let config = std::fs::read_to_string(cluster.nodes[1].dir().join("redis.conf")).unwrap();
    assert!(config.contains("cluster-node-timeout 7000"), "{config}");
    cluster.nodes[1].kill();
    rcluster(&["set-timeout", &entry, "9000", "--yes"])
        .exits(3)
        .tells(&["--force", &cluster.addr(1)]);
    assert_eq!(
        cluster.ask::<Vec<String>>(0, &["CONFIG", "GET", "cluster-node-timeout"])[1],
        "7000"
    );
    rcluster(&["set-timeout", &entry, "9000", "--yes", "--force"]).succeeds();
    assert_eq!(
        cluster.ask::<Vec<String>>(2, &["CONFIG", "GET", "cluster-node-timeout"])[1],
        "9000"
    );
}

#[test]
fn where_one_node_refuses_all_have_their_old_value_again() {
    let cluster = TestCluster::formed(3, 0);
    cluster.tell(1, &["CONFIG", "SET", "cluster-node-timeout", "5000"]);
    // Servers before 7.0 know no rights for a part of a command.
    let right = if cluster.try_ask::<String>(2, &["ACL", "SETUSER", "x", "-config|set"]).is_ok() {
        "-config|set"
    } else {
        "-config"
    };
    cluster.tell(2, &["ACL", "SETUSER", "default", right]);

    let refused = rcluster(&["set-timeout", &cluster.addr(0), "7000", "--yes"]);

    assert!([1, 3].contains(&refused.code.unwrap()), "{refused:?}");
    refused.tells(&[&cluster.addr(2)]);
    cluster.tell(2, &["ACL", "SETUSER", "default", "+config"]);
    assert_eq!(timeouts(&cluster), ["15000", "5000", "15000"]);
    let config = std::fs::read_to_string(cluster.nodes[1].dir().join("redis.conf")).unwrap();
    assert!(!config.contains("cluster-node-timeout 7000"), "{config}");
    rcluster(&["set-timeout", &cluster.addr(0), "99", "--yes"]).exits(2).tells(&["99"]);
    rcluster(&["set-timeout", &cluster.addr(0), "7000"]).exits(2).tells(&["--yes"]);
}

#[test]
fn where_one_node_cannot_save_it_all_have_their_old_value_again() {
    let cluster = TestCluster::formed(4, 0);
    let config = |node: usize| {
        let text = std::fs::read_to_string(cluster.nodes[node].dir().join("redis.conf"));
        text.map(|text| text.contains("cluster-node-timeout 7000"))
    };
    // One folder has gone, and a folder is where another's file was.
    let (dir, away) = (cluster.nodes[1].dir(), cluster.dir().join("away"));
    std::fs::rename(dir, &away).unwrap();
    let (file, aside) = (cluster.nodes[2].dir().join("redis.conf"), cluster.dir().join("aside"));
    std::fs::rename(&file, &aside).unwrap();
    std::fs::create_dir(&file).unwrap();
    let set = |more: &[&str]| {
        let entry = cluster.addr(0);
        rcluster(&[&["set-timeout", &entry, "7000", "--yes"], more].concat())
    };

    set(&[]).exits(1).tells(&[
        "do not save cluster-node-timeout",
        &format!(
            "{}: CONFIG REWRITE was refused: ERR Rewriting config file: No such",
            cluster.addr(1)
        ),
        &format!(
            "{}: CONFIG REWRITE was refused: ERR Rewriting config file: Is a",
            cluster.addr(2)
        ),
        "every node has its old timeout",
        "--runtime-only",
    ]);
    assert_eq!(timeouts(&cluster), ["15000"; 4]);
    assert!(!config(0).unwrap() && !config(3).unwrap());

    let set_only =
        set(&["--runtime-only"]).succeeds().tells(&["warning: not saved", "CONFIG REWRITE"]);
    assert_eq!(timeouts(&cluster), ["7000"; 4], "{set_only:?}");
    assert!(!config(0).unwrap() && !config(3).unwrap());

    // What nobody saved is saved once all can, by the command that the warning names.
    std::fs::rename(&away, dir).unwrap();
    std::fs::remove_dir(&file).unwrap();
    std::fs::rename(&aside, &file).unwrap();
    rcluster(&["call", &cluster.addr(0), "CONFIG", "REWRITE"]).succeeds();
    assert!((0..4).all(|node| config(node).unwrap()));
}

#[test]
fn servers_without_a_config_file_take_it_and_are_named() {
    let cluster = TestCluster::formed(3, 0);
    let port = Port::take();
    let bare = Bare::start(&cluster.dir().join("bare"), port.number);
    let addr = format!("127.0.0.1:{}", port.number);
    let entry = cluster.addr(0);
    eventually("the bare server joins", || {
        rcluster(&["add-node", &addr, &entry, "--yes"]).code == Some(0)
    });

    let set = rcluster(&["set-timeout", &entry, "7000", "--yes"]);

    drop(bare);
    set.succeeds().tells(&[&format!("{addr} runs without a config file")]);
    assert_eq!(timeouts(&cluster), ["7000"; 3]);
}

/// A server that was started by its arguments alone.
struct Bare(Child);

impl Bare {
    fn start(dir: &Path, port: u16) -> Bare {
        std::fs::create_dir(dir).unwrap();
        let mut command = Command::new(server_named(&server_under_test()));
        command.args(["--port", &port.to_string(), "--cluster-enabled", "yes", "--save", ""]);
        Bare(command.current_dir(dir).stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
