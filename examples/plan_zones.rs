//! Plans a cluster over hosts and zones and prints it; no server is asked.
//!
//! ```sh
//! cargo run --example plan_zones                        # the sample beside this file
//! cargo run --example plan_zones -- my_nodes.txt 2      # 2 replicas for every master
//! ```
//!
//! The file has a line per node: `addr host zone`. The zone may be left out; `#` starts a comment.
#![allow(clippy::print_stdout)]

use std::error::Error;

use rcluster::model::NodeAddr;
use rcluster::plan::layout::{NodeLocation, Wishes, plan};

const SAMPLE: &str = include_str!("plan_zones.txt");

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let text = args.next().map_or_else(|| Ok(SAMPLE.to_owned()), std::fs::read_to_string)?;
    let replicas = args.next().map_or(Ok(1), |number| number.parse())?;
    let (addrs, seats) = parse(&text)?;

    let layout = plan(&seats, &Wishes { replicas, ..Wishes::default() })?;
    let place = |seat: usize| {
        let NodeLocation { host, zone } = &seats[seat];
        format!("{:<21} {host} {}", addrs[seat], zone.as_deref().unwrap_or_default())
    };
    for (index, shard) in layout.shards.iter().enumerate() {
        println!("shard {}: slots {}", index + 1, shard.slots);
        println!("  master  {}", place(shard.master));
        for &replica in &shard.replicas {
            println!("  replica {}", place(replica));
        }
    }
    for verdict in &layout.verdicts {
        let met = if verdict.met { "met    " } else { "not met" };
        println!("level {} {met} {}", verdict.level, verdict.text);
    }
    println!("{}", if layout.proven { "proven best" } else { "best found" });
    Ok(())
}

fn parse(text: &str) -> Result<(Vec<NodeAddr>, Vec<NodeLocation>), Box<dyn Error>> {
    let (mut addrs, mut seats) = (Vec::new(), Vec::new());
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let Some(addr) = words.next() else { continue };
        let addr = addr.parse().map_err(|error| format!("line {}: {error}", number + 1))?;
        let host = words.next().ok_or_else(|| format!("line {}: no host", number + 1))?;
        addrs.push(addr);
        seats.push(NodeLocation { host: host.to_owned(), zone: words.next().map(str::to_owned) });
    }
    Ok((addrs, seats))
}
