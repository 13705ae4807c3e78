//! `rcluster info`

use clap::Args;

use super::flow::Context;
use crate::model::NodeList;
use crate::render::{Failure, Manner, exit, info_json, info_text, legacy};

/// Show what each master holds: slots, keys, replicas, version, memory
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster info 127.0.0.1:7001\n\
    \x20 rcluster info 127.0.0.1:7001 --json | jq .")]
pub struct Info {
    /// Any node of the cluster
    entry: NodeList,
}

impl Info {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let cluster = cx.load(&self.entry)?.report;
        let info = info_json(&cluster);
        if cx.ui.wants_json() {
            cx.ui.print_json(&info)?;
        } else {
            cx.ui.print(&match cx.ui.manner() {
                Manner::Own => info_text(&info),
                Manner::Old(dialect) => legacy::head(&cluster, dialect),
            })?;
        }
        cluster.unreachable.iter().for_each(|unreachable| {
            cx.warn(&format!(
                "{} is unreachable: {}",
                cluster.name(unreachable.id),
                unreachable.why
            ));
        });
        Ok(exit::OK)
    }
}
