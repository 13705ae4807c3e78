//! A key blocks both of its nodes while it moves: how long is in the plan, and one for which a node
//! would count as failed stays with its slot.

use rcluster::model::Slot;
use serde_json::json;

use crate::support::data::owner;
use crate::support::{TestCluster, rcluster};

const LISTED: u64 = 32 << 20;

#[test]
fn a_big_key_is_in_the_plan_and_stays_while_it_would_block_its_nodes_too_long() {
    let cluster = TestCluster::formed(3, 0);
    let slot = Slot::of_key(b"{big}");
    let from = owner(&cluster, slot);
    let to = (from + 1) % 3;
    let piece = "x".repeat(1 << 20);
    (0..64).for_each(|_| cluster.tell(from, &["RPUSH", "{big}", &piece]));
    cluster.tell(from, &["SET", "{big}small", "v"]);
    let reshard = |more: &[&str]| {
        let (target, slot) = (cluster.addr(to), slot.to_string());
        let words = ["reshard", &cluster.addr(0), "--to", &target, "--slots", &slot, "--yes"];
        rcluster(&[&words, more, &["--classic"]].concat())
    };
    let is_whole_on = |node: usize| {
        assert_eq!(owner(&cluster, slot), node);
        assert_eq!(cluster.ask::<u64>(node, &["LLEN", "{big}"]), 64);
        assert_eq!(cluster.ask::<String>(node, &["GET", "{big}small"]), "v");
        assert!(cluster.facts().iter().all(|fact| !fact.contains("->-") && !fact.contains("-<-")));
    };

    let plan = reshard(&["--dry-run", "--json"]).succeeds().json();
    let plan = &plan["big_keys"][0];
    assert_eq!((&plan["key"], &plan["slot"]), (&json!("'{big}'"), &json!(slot.get())), "{plan}");
    assert!(plan["bytes"].as_u64() > Some(LISTED) && plan["blocks_ms"].as_u64() > Some(500));

    // A quarter of the node timeout is the most.
    cluster.tell_all(&["CONFIG", "SET", "cluster-node-timeout", "2000"]);
    let stays = reshard(&[]).exits(1);
    assert!(stays.out.contains("stays\nthe slots of keys that stay are not moved"), "{stays:?}");
    stays.tells(&["too long for cluster-node-timeout 2s", "rcluster set-timeout", "--slots"]);
    is_whole_on(from);

    rcluster(&["set-timeout", &cluster.addr(0), "60000", "--yes"]).succeeds();
    let impatient = reshard(&["--timeout", "1s"]).exits(1);
    impatient.tells(&["too long for --timeout 1s", "needs a longer one"]);
    is_whole_on(from);

    let moved = reshard(&["--timeout", "60s"]).succeeds();
    assert!(moved.out.contains("{big}") && !moved.out.contains("stays"), "{moved:?}");
    is_whole_on(to);
}
