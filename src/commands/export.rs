//! `rcluster export`

use clap::Args;

use super::flow::Context;
use crate::model::NodeList;
use crate::plan::topology;
use crate::render::{ExportJson, Failure, exit};

/// Write a running cluster as a file for apply
///
/// Shards with their slots, zones that nodes report, and the settings that apply to the whole
/// cluster. apply of the file changes nothing.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster export 127.0.0.1:7001 > cluster.toml")]
pub struct Export {
    /// Any node of the cluster
    entry: NodeList,
}

impl Export {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let cluster = cx.load(&self.entry)?;
        for node in &cluster.report.unreachable {
            let name = cluster.report.name(node.id);
            cx.warn(&format!("{name} is unreachable: it is written as others list it"));
        }
        let (file, left_out) = topology::export(&cluster.report);
        left_out.iter().for_each(|what| cx.warn(what));
        match cx.ui.wants_json() {
            true => cx.ui.print_json(&ExportJson { file, left_out })?,
            false => cx.ui.print(&file)?,
        }
        Ok(exit::OK)
    }
}
