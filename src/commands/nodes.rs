//! `rcluster nodes`

use clap::Args;

use super::flow::Context;
use crate::model::NodeList;
use crate::render::{Failure, NodesJson, exit, node_rows, nodes_text};

/// List the nodes, replicas under their masters
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster nodes 127.0.0.1:7001\n\
    \x20 rcluster nodes 127.0.0.1:7001 --json | jq .")]
pub struct Nodes {
    /// Any node of the cluster
    entry: NodeList,
}

impl Nodes {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let cluster = cx.load(&self.entry)?.report;
        let mut nodes = node_rows(&cluster);
        for node in &mut nodes {
            node.outer = node.addr.as_ref().and_then(|addr| cx.access.map.outer(addr));
        }
        if cx.ui.wants_json() {
            cx.ui.print_json(&NodesJson { nodes })?;
        } else {
            cx.ui.print(&nodes_text(&cluster, &nodes))?;
        }
        Ok(exit::OK)
    }
}
