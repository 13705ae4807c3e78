//! Plans a rebalance from a saved `CLUSTER NODES` text, without a server.
//!
//!     redis-cli -p 7001 CLUSTER NODES > nodes.txt
//!     cargo run --example balance_slots -- nodes.txt
//!
//! Each master gets an equal share, those without slots included.

#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;

use rcluster::model::{ClusterReport, ClusterView, NodeAddr};
use rcluster::plan::transfer::{RebalanceRequest, rebalance};

/// Two masters share all slots, and a third has just been added.
const SAMPLE: &str = "\
e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 127.0.0.1:30001@31001 myself,master - 0 0 1 connected 0-8191
67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 127.0.0.1:30002@31002 master - 0 1426238316232 2 connected 8192-16383
292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f 127.0.0.1:30003@31003 master - 0 1426238318243 3 connected
";

fn main() -> anyhow::Result<()> {
    let text = match std::env::args().nth(1) {
        Some(path) => std::fs::read_to_string(path)?,
        None => SAMPLE.to_owned(),
    };
    let asked: NodeAddr = "127.0.0.1:30001".parse()?;
    let cluster = ClusterReport::of_view(&ClusterView::parse(&text, &asked)?);

    let request = RebalanceRequest {
        weights: BTreeMap::new(),
        use_empty: true,
        threshold: 2.0,
        defrag: false,
    };
    let plan = rebalance(&cluster, &request)?;

    for route in plan.all() {
        let (from, to) = (cluster.name(route.from), cluster.name(route.to));
        println!("{from} -> {to}: {}", route.slots.summary());
    }
    println!("{} slots move", plan.slots());
    Ok(())
}
