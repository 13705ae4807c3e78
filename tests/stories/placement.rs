//! Where masters and replicas come to lie: hosts, zones, pins, weights, and layouts by hand.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::{Run, Server, TestCluster, eventually, rcluster, server_under_test};

const HOSTS: [&str; 6] =
    ["127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.2", "127.0.0.3", "127.0.0.3"];

fn create(cluster: &TestCluster, more: &[&str]) -> Run {
    let addrs = cluster.addrs();
    let mut args = vec!["create"];
    args.extend(addrs.iter().map(String::as_str));
    args.extend(more);
    rcluster(&args)
}

fn host(addr: &Value) -> String {
    addr.as_str().unwrap().rsplit_once(':').unwrap().0.to_owned()
}

/// The verdict of a level, whether it is met and what it says.
fn verdict(result: &Value, level: usize) -> (bool, String) {
    let verdict = &result["verdicts"][level - 1];
    (verdict["met"] == true, verdict["text"].as_str().unwrap().to_owned())
}

fn file(cluster: &TestCluster, name: &str, text: &str) -> PathBuf {
    let path = cluster.dir().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn over_hosts_no_replica_is_with_its_master_in_any_order() {
    let cluster = TestCluster::on_hosts(&HOSTS);
    for turn in 0..6 {
        let mut addrs = cluster.addrs();
        addrs.rotate_left(turn);
        let mut args = vec!["create"];
        args.extend(addrs.iter().map(String::as_str));
        args.extend(["--replicas", "1", "--dry-run", "--json"]);
        let planned = rcluster(&args).succeeds().json();
        assert_eq!(
            verdict(&planned, 1),
            (true, "every shard survives the loss of any one host".to_owned())
        );
        assert!(verdict(&planned, 2).0, "masters are on different hosts: {planned}");
    }

    let formed =
        create(&cluster, &["--replicas", "1", "--yes", "--json", "--require-anti-affinity"])
            .succeeds()
            .json();

    let shards = formed["shards"].as_array().unwrap();
    let masters: Vec<String> = shards.iter().map(|shard| host(&shard["master"]["addr"])).collect();
    assert_eq!(masters, ["127.0.0.1", "127.0.0.2", "127.0.0.3"]);
    assert!(
        shards
            .iter()
            .zip(&masters)
            .all(|(shard, master)| host(&shard["replicas"][0]["addr"]) != *master)
    );
    rcluster(&["check", &cluster.addr(0), "--wait", "20s", "--strict"]).succeeds();
}

#[test]
fn zones_that_the_user_names_are_kept_apart() {
    let cluster = TestCluster::start(6);
    let zones = file(
        &cluster,
        "zones",
        &format!(
            "# racks\n{} a\n{} a # the same rack\n{} b\n{} b\n",
            cluster.addr(0),
            cluster.addr(1),
            cluster.addr(2),
            cluster.addr(3)
        ),
    );
    // What is said on the command line counts more than the file.
    let named = [
        format!("{}=c", cluster.addr(3)),
        format!("{}=c", cluster.addr(4)),
        format!("{}=b", cluster.addr(5)),
    ];
    let args = [
        "--replicas",
        "1",
        "--zones",
        zones.to_str().unwrap(),
        "--zone",
        &named[0],
        "--zone",
        &named[1],
        "--zone",
        &named[2],
    ];
    let formed = create(&cluster, &[&args[..], &["--yes", "--json"]].concat()).succeeds().json();

    assert_eq!(
        verdict(&formed, 1),
        (true, "every shard survives the loss of any one zone".to_owned())
    );
    let zones = ["a", "a", "b", "c", "c", "b"];
    let zone: BTreeMap<String, &str> = cluster.addrs().into_iter().zip(zones).collect();
    for shard in formed["shards"].as_array().unwrap() {
        let zone = |addr: &Value| zone[addr.as_str().unwrap()];
        assert_ne!(zone(&shard["master"]["addr"]), zone(&shard["replicas"][0]["addr"]), "{shard}");
    }
}

#[test]
fn the_zone_that_a_server_tells_is_used_unless_the_user_says_otherwise() {
    if !server_under_test().starts_with("valkey") {
        return; // availability-zone is Valkey's
    }
    let mut cluster = TestCluster::start(0);
    for zone in ["a", "a", "b", "b"] {
        cluster.adopt(TestCluster::start_as(
            1,
            &Server::with(&[&format!("availability-zone {zone}")]),
        ));
    }
    let masters = |more: &[&str]| {
        let planned =
            create(&cluster, &[&["--replicas", "1", "--dry-run", "--json"], more].concat())
                .succeeds()
                .json();
        planned["shards"]
            .as_array()
            .unwrap()
            .iter()
            .map(|shard| shard["master"]["addr"].clone())
            .collect::<Vec<_>>()
    };
    let addr = |node| json!(cluster.addr(node));
    assert_eq!(masters(&[]), [addr(0), addr(2)]);
    let other = [format!("{}=b", cluster.addr(1)), format!("{}=a", cluster.addr(2))];
    assert_eq!(masters(&["--zone", &other[0], "--zone", &other[1]]), [addr(0), addr(1)]);
}

#[test]
fn copies_that_cannot_be_kept_apart_are_told_and_refused_where_asked() {
    let cluster = TestCluster::on_hosts(&["127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.2"]);
    let before = cluster.facts();
    let planned = create(&cluster, &["--replicas", "1", "--dry-run"]).succeeds();
    assert!(
        planned.out.contains("has both nodes on host 127.0.0.1: 3 of the 4 nodes are there"),
        "{}",
        planned.out
    );
    let run = create(&cluster, &["--replicas", "1", "--yes", "--require-anti-affinity"]).exits(1);
    run.tells(&["cannot be kept apart", "has both nodes on host 127.0.0.1"]);
    assert_eq!(cluster.facts(), before);
}

#[test]
fn pins_and_weights_are_followed() {
    let cluster = TestCluster::start(4);
    let (pin, weight) = (cluster.addr(3), format!("{}=3", cluster.addr(2)));
    let args = ["--replicas", "1", "--masters", &pin, "--weight", &weight, "--yes", "--json"];
    let formed = create(&cluster, &args).succeeds().json();
    let master = |shard: usize| formed["shards"][shard]["master"].clone();
    assert_eq!(
        (&master(0)["addr"], &master(0)["slots"]),
        (&json!(cluster.addr(3)), &json!([[0, 4095]]))
    );
    assert_eq!(
        (&master(1)["addr"], &master(1)["slots"]),
        (&json!(cluster.addr(2)), &json!([[4096, 16383]]))
    );
    cluster.write_everywhere();
}

#[test]
fn a_layout_file_is_written_read_back_and_followed_exactly() {
    let cluster = TestCluster::start(5);
    let text =
        create(&cluster, &["--replicas", "1", "--dry-run", "--format", "layout"]).succeeds().out;
    let unchanged = file(&cluster, "written.toml", &text);
    let planned =
        rcluster(&["create", "--layout", unchanged.to_str().unwrap(), "--dry-run", "--json"])
            .succeeds()
            .json();
    assert_eq!(
        planned["shards"],
        create(&cluster, &["--replicas", "1", "--dry-run", "--json"]).json()["shards"]
    );

    let addr = |node| cluster.addr(node);
    let by_hand = format!(
        "[[shard]]\nmaster = \"{}\"\nslots = \"0-99,16000-16383\"\nreplicas = [\"{}\", \"{}\"]\n\n\
         [[shard]]\nmaster = \"{}\"\nslots = \"100-15999\"\n\n[[shard]]\nmaster = \"{}\"\n",
        addr(4),
        addr(0),
        addr(3),
        addr(1),
        addr(2)
    );
    let by_hand = file(&cluster, "mine.toml", &by_hand);
    rcluster(&["create", "--layout", by_hand.to_str().unwrap(), "--yes"]).succeeds();

    let nodes = rcluster(&["nodes", &addr(2), "--json"]).succeeds().json();
    let row = |node| {
        nodes["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["addr"] == addr(node))
            .unwrap()
            .clone()
    };
    assert_eq!(row(4)["slots"], json!([[0, 99], [16000, 16383]]));
    assert_eq!(row(1)["slots"], json!([[100, 15999]]));
    assert_eq!((&row(2)["role"], &row(2)["slots"]), (&json!("master"), &json!([])));
    assert_eq!((&row(0)["master_id"], &row(3)["master_id"]), (&row(4)["id"], &row(4)["id"]));
}

#[test]
fn bad_wishes_name_the_input_and_reach_no_server() {
    let cluster = TestCluster::start(3);
    cluster.tell_all(&["CONFIG", "RESETSTAT"]);
    let addr = |node| cluster.addr(node);
    let (zero, minus, nan) =
        (format!("{}=0", addr(0)), format!("{}=-1", addr(1)), format!("{}=NaN", addr(1)));
    let all_zero: Vec<String> = (0..3).map(|node| format!("{}=0", addr(node))).collect();
    let zones = file(&cluster, "zones", &format!("{} a\n\n{} b c\n", addr(0), addr(1)));
    let twice = file(&cluster, "twice", &format!("{} a\n{} b\n", addr(0), addr(0)));
    let foreign = file(&cluster, "foreign", "10.9.9.9:1 a\n");
    let layout = file(
        &cluster,
        "layout.toml",
        &format!(
            "[[shard]]\nmaster = \"{}\"\nslots = \"0-16383\"\nreplicas = [\"10.9.9.9:1\"]\n",
            addr(0)
        ),
    );
    let pins = format!("{},{}", addr(0), addr(1));
    let path = |path: &PathBuf| path.to_str().unwrap().to_owned();
    let cases: [(Vec<String>, &[&str]); 12] = [
        (vec!["--zone".into(), "10.9.9.9:1=a".into()], &["10.9.9.9:1=a", "none of the nodes"]),
        (vec!["--zone".into(), addr(0)], &["ADDR=VALUE"]),
        (vec!["--zones".into(), path(&zones)], &["zones, line 3", "b c"]),
        (vec!["--zones".into(), path(&twice)], &["twice, line 2", "has a zone already"]),
        (vec!["--zones".into(), path(&foreign)], &["foreign, line 1", "10.9.9.9:1"]),
        (vec!["--zones".into(), "/no/such".into()], &["/no/such"]),
        (vec!["--masters".into(), "10.9.9.9:1".into()], &["--masters 10.9.9.9:1"]),
        (
            vec!["--masters".into(), pins, "--replicas".into(), "2".into()],
            &["2 nodes have a pin or a weight", "there will be 1"],
        ),
        (vec!["--weight".into(), minus], &[&cluster.addr(1), "negative"]),
        (vec!["--weight".into(), nan], &[&cluster.addr(1), "a number"]),
        (vec!["--weight".into(), "10.9.9.9:1=2".into()], &["--weight 10.9.9.9:1=2"]),
        (vec!["--layout".into(), path(&layout)], &["layout.toml:4:13", "10.9.9.9:1"]),
    ];
    for (args, says) in cases {
        let args: Vec<&str> = args.iter().map(String::as_str).chain(["--yes"]).collect();
        create(&cluster, &args).exits(2).tells(says);
    }
    let weights =
        ["--weight", &all_zero[0], "--weight", &all_zero[1], "--weight", &all_zero[2], "--yes"];
    create(&cluster, &weights).exits(2).tells(&["weight 0", "some master has to own the slots"]);
    for node in 0..3 {
        let stats: String = cluster.ask(node, &["INFO", "commandstats"]);
        assert!(!stats.contains("cmdstat_cluster"), "nothing is sent to any server: {stats}");
    }
    // Weight 0 for one is fine.
    create(&cluster, &["--weight", &zero, "--dry-run"]).succeeds();
}

#[test]
fn check_warns_of_copies_that_could_be_apart() {
    let cluster = TestCluster::on_hosts(&["127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.2"]);
    let addr = |node| cluster.addr(node);
    let layout = format!(
        "[[shard]]\nmaster = \"{}\"\nslots = \"0-8191\"\nreplicas = [\"{}\"]\n[[shard]]\nmaster = \"{}\"\nslots = \"8192-16383\"\nreplicas = [\"{}\"]\n",
        addr(0),
        addr(1),
        addr(2),
        addr(3)
    );
    let layout = file(&cluster, "bad.toml", &layout);
    rcluster(&["create", "--layout", layout.to_str().unwrap(), "--yes"]).succeeds();
    cluster.wait_for_replicas();

    let check = rcluster(&["check", &addr(0), "--json"]).succeeds();

    let problem = check.problem("copies-together");
    assert_eq!(problem["nodes"].as_array().unwrap().len(), 2);
    assert!(problem["message"].as_str().unwrap().contains("on one host, 127.0.0.1"), "{problem}");
    rcluster(&["check", &addr(0), "--strict"]).exits(1);
}

#[test]
fn after_failovers_check_names_the_crowded_zone_and_the_command_that_mends_it() {
    let cluster = TestCluster::start(6);
    let zone = |node: usize| format!("{}={}", cluster.addr(node), ["a", "b", "c"][node % 3]);
    let zones: Vec<String> = (0..6).map(zone).collect();
    let mut args: Vec<&str> = zones.iter().flat_map(|zone| ["--zone", zone]).collect();
    let more = ["--replicas", "1", "--yes", "--json"];
    let formed = create(&cluster, &[&args[..], &more].concat()).succeeds().json();
    cluster.wait_for_replicas();
    // The shard whose replica lies in zone b: its failover gives that zone two of three masters.
    let shards = formed["shards"].as_array().unwrap();
    let in_b = |addr: &Value| {
        zones[1] == format!("{}=b", addr.as_str().unwrap())
            || zones[4] == format!("{}=b", addr.as_str().unwrap())
    };
    let replica =
        shards.iter().map(|shard| &shard["replicas"][0]["addr"]).find(|addr| in_b(addr)).unwrap();
    let node = cluster.addrs().iter().position(|addr| addr == replica.as_str().unwrap()).unwrap();
    cluster.tell(node, &["CLUSTER", "FAILOVER"]);

    let entry = cluster.addr(0);
    args.splice(0..0, ["check", &entry, "--json"]);
    let mut last = rcluster(&args);
    eventually("check sees the crowded zone", || {
        last = rcluster(&args);
        last.kinds() == ["masters-crowded"]
    });
    let problem = last.problem("masters-crowded");
    assert!(
        problem["message"].as_str().unwrap().contains("zone b holds 2 of the 3 masters"),
        "{problem}"
    );

    let fix = problem["fix"].as_str().expect("a command");
    let words: Vec<&str> = fix.split(' ').collect();
    assert_eq!(words[..3], ["rcluster", "failover", &entry], "{fix}");
    rcluster(&[&words[1..], &["--yes"]].concat()).succeeds();
    eventually("the masters are spread again", || rcluster(&args).kinds().is_empty());
}
