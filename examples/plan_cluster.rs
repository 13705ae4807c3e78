//! Plans a cluster from addresses, without a server.
//!
//!     cargo run --example plan_cluster -- 1 10.0.0.1:7001 10.0.0.2:7001 10.0.0.3:7001 …
//!
//! The first argument is the number of replicas of each master.

#![allow(clippy::print_stdout)]

use rcluster::model::NodeAddr;
use rcluster::plan::layout::{NodeLocation, Wishes, plan};

fn main() -> anyhow::Result<()> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    if args.is_empty() {
        let sample =
            "1 10.0.0.1:7001 10.0.0.2:7001 10.0.0.3:7001 10.0.0.1:7002 10.0.0.2:7002 10.0.0.3:7002";
        args = sample.split(' ').map(str::to_owned).collect();
    }
    let replicas: usize = args.remove(0).parse()?;
    let nodes: Vec<NodeAddr> = args.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;

    let seat = |node: &NodeAddr| NodeLocation { host: node.host().to_owned(), zone: None };
    let seats: Vec<NodeLocation> = nodes.iter().map(seat).collect();
    let layout = plan(&seats, &Wishes { replicas, ..Wishes::default() })?;

    for (number, shard) in (1..).zip(&layout.shards) {
        println!("shard {number}: {} owns {}", nodes[shard.master], shard.slots.summary());
        for &replica in &shard.replicas {
            println!("         {} copies it", nodes[replica]);
        }
    }
    Ok(())
}
