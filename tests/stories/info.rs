//! `info`, `nodes`, `keys` and `map`: what the cluster holds, who is in it, and where a key is.

use serde_json::json;

use crate::support::{TestCluster, rcluster};

#[test]
fn info_counts_what_each_master_holds() {
    let cluster = TestCluster::formed(6, 1);
    cluster.write_everywhere();

    let info = rcluster(&["info", &cluster.addr(4), "--json"]).succeeds().json();

    assert_eq!(
        (&info["state"], &info["size"], &info["slots_covered"]),
        (&json!("ok"), &json!(3), &json!(16384))
    );
    assert_eq!(info["keys"], 200);
    let keys_per_slot = info["keys_per_slot"].as_f64().unwrap();
    assert!((keys_per_slot - 200.0 / 16384.0).abs() < 1e-9, "{keys_per_slot}");
    let masters = info["masters"].as_array().unwrap();
    assert_eq!(masters.len(), 3);
    for (index, master) in masters.iter().enumerate() {
        let keys: u64 = cluster.ask(index, &["DBSIZE"]);
        assert_eq!((&master["addr"], &master["keys"]), (&json!(cluster.addr(index)), &json!(keys)));
        assert_eq!(master["replicas"], json!([cluster.addr(index + 3)]));
        assert!(master["used_memory"].as_u64().unwrap() > 100_000, "{master}");
        let version = master["version"].as_str().unwrap();
        assert!(version.starts_with("Redis ") || version.starts_with("Valkey "), "{version}");
    }
}

#[test]
fn info_still_answers_with_a_node_down() {
    let mut cluster = TestCluster::formed(3, 0);
    let dead = cluster.addr(1);
    cluster.nodes[1].kill();
    let run = rcluster(&["info", &cluster.addr(0), "--json"]).succeeds();
    assert_eq!(run.json()["masters"][1]["keys"], json!(null));
    run.tells(&[&dead, "unreachable"]);
}

#[test]
fn nodes_lists_replicas_under_their_masters() {
    let cluster = TestCluster::formed(6, 1);
    let run = rcluster(&["nodes", &cluster.addr(5)]).succeeds();
    let lines: Vec<&str> = run.out.lines().skip(1).collect();
    for master in 0..3 {
        let (first, second) = (lines[master * 2], lines[master * 2 + 1]);
        assert!(first.starts_with(&cluster.addr(master)), "{}", run.out);
        assert!(second.starts_with(&format!("└ {}", cluster.addr(master + 3))), "{}", run.out);
    }
    assert!(run.out.lines().all(|line| line.chars().count() <= 80), "{}", run.out);
}

#[test]
fn keys_are_where_the_servers_say() {
    let cluster = TestCluster::formed(6, 1);
    let words = ["foo", "{user1000}.following", "a{b}{c}", "{}x", "16384", "", "7"];
    for node in [0, 4] {
        let entry = cluster.addr(node);
        let keys = rcluster(&[&["keys", &entry, "--json"], &words[..]].concat()).succeeds().json()
            ["keys"]
            .clone();
        for (key, word) in keys.as_array().unwrap().iter().zip(words) {
            let slot = match word {
                "7" => 7,
                word => cluster.ask::<u16>(0, &["CLUSTER", "KEYSLOT", word]),
            };
            let owner = usize::from(slot > 5460) + usize::from(slot > 10922);
            let place = &key["place"];
            assert_eq!((&key["slot"], &place["moves"]), (&json!(slot), &json!([])), "{word}");
            assert_eq!(place["owners"][0]["addr"], cluster.addr(owner), "{word}");
            assert_eq!(place["replicas"][0]["id"], cluster.id(owner + 3), "{word}");
        }
        // A slot's tag leads to it.
        let tag = format!("{{{}}}", keys[6]["hash_tag"].as_str().unwrap());
        assert_eq!(cluster.ask::<u16>(0, &["CLUSTER", "KEYSLOT", &tag]), 7);
    }
    let literal = rcluster(&["keys", &cluster.addr(0), "7", "--literal", "--json"]).succeeds();
    let slot: u16 = cluster.ask(0, &["CLUSTER", "KEYSLOT", "7"]);
    assert_eq!(literal.json()["keys"][0]["slot"], slot);
    let offline = rcluster(&["keys", "--offline", "foo", "{user1000}.following"]).succeeds();
    assert!(offline.out.contains("12182") && offline.out.contains("3443"), "{}", offline.out);
    rcluster(&["keys", "--offline"]).exits(2);
    rcluster(&["keys", &cluster.addr(0)]).exits(2);

    let map = |format| rcluster(&["map", &cluster.addr(5), "--format", format]).succeeds().out;
    let text = map("text");
    assert!(text.contains("AAAABBBB") && text.contains("BBBCCC"), "{text}");
    let picture = map("svg");
    let picture = roxmltree::Document::parse(&picture).unwrap();
    let dots = picture.descendants().filter(|node| node.has_tag_name("circle"));
    assert_eq!(dots.count(), 6);
    for format in ["dot", "mermaid"] {
        let graph = map(format);
        assert!(cluster.addrs().iter().all(|addr| graph.contains(addr.as_str())), "{graph}");
    }

    cluster.tell(0, &["CLUSTER", "SETSLOT", "7", "MIGRATING", &cluster.id(1)]);
    cluster.tell_all(&["CLUSTER", "DELSLOTS", "16383"]);
    let run = rcluster(&["keys", &cluster.addr(5), "7", "16383"]).exits(1);
    assert!(run.out.contains(&format!("moving to {}", cluster.addr(1))), "{}", run.out);
    assert!(run.out.contains("no owner"), "{}", run.out);
}
