//! Judges a saved `CLUSTER NODES` text, without a server.
//!
//!     redis-cli -p 7001 CLUSTER NODES > nodes.txt
//!     cargo run --example judge_nodes -- nodes.txt

#![allow(clippy::print_stdout)]

use rcluster::model::{ClusterReport, ClusterView, NodeAddr};
use rcluster::plan::check::{check, is_healthy};

/// A cluster that somebody stopped resharding half-way, and that has lost a replica.
const SAMPLE: &str = "\
07c37dfeb235213a872192d90877d0cd55635b91 127.0.0.1:30004@31004 slave e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 0 1426238317239 4 connected
67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 127.0.0.1:30002@31002 master - 0 1426238316232 2 connected 5461-10922
292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f 127.0.0.1:30003@31003 master - 0 1426238318243 3 connected 10923-16382
6ec23923021cf3ffec47632106199cb7f496ce01 127.0.0.1:30005@31005 slave,fail 67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 0 1426238316232 5 disconnected
e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 127.0.0.1:30001@31001 myself,master - 0 0 1 connected 0-5460 [77->-67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1]
";

fn main() -> anyhow::Result<()> {
    let text = match std::env::args().nth(1) {
        Some(path) => std::fs::read_to_string(path)?,
        None => SAMPLE.to_owned(),
    };
    // A node that was never met leaves its own host out: say where the text came from.
    let asked: NodeAddr = "127.0.0.1:30001".parse()?;
    let view = ClusterView::parse(&text, &asked)?;

    let problems = check(&ClusterReport::of_view(&view));

    let verdict = if is_healthy(&problems, false) { "healthy" } else { "unhealthy" };
    println!("{} nodes, {verdict}", view.nodes().len());
    for problem in &problems {
        println!("{:?}: {}", problem.severity, problem.message);
    }
    Ok(())
}
