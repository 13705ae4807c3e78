//! `rcluster map`

use clap::{Args, ValueEnum};

use super::args::ZoneArgs;
use super::flow::Context;
use crate::model::NodeList;
use crate::plan::check::check;
use crate::render::{Failure, exit, map, map_json};

/// Show shards and slots as a picture
///
/// The slots by their owners, replicas with their zones, moving slots, and nodes with problems.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster map 127.0.0.1:7001\n\
    \x20 rcluster map 127.0.0.1:7001 --format svg > cluster.svg\n\
    \x20 rcluster map 127.0.0.1:7001 --format dot | dot -Tpng > cluster.png")]
pub struct Map {
    /// Any node of the cluster
    entry: NodeList,
    /// The format of the picture
    #[arg(long, value_name = "FORMAT", default_value = "text", conflicts_with = "json")]
    format: Format,
    #[command(flatten)]
    zones: ZoneArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    /// One file without references to others
    Svg,
    /// A flowchart, for Markdown
    Mermaid,
    /// A graph for Graphviz
    Dot,
}

impl Map {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let zones = self.zones.read()?;
        let mut cluster = cx.load(&self.entry)?.report;
        for addr in zones.apply(&mut cluster) {
            cx.warn(&format!("a zone is named for {addr}, which is no node of this cluster"));
        }
        let problems = check(&cluster).into_iter().map(|problem| cx.runnable(problem));
        let found = map_json(&cluster, &problems.collect::<Vec<_>>());
        if cx.ui.wants_json() {
            cx.ui.print_json(&found)?;
            return Ok(exit::OK);
        }
        cx.ui.print(&match self.format {
            Format::Text => map::text(&found),
            Format::Svg => map::svg(&found),
            Format::Mermaid => map::mermaid(&found),
            Format::Dot => map::dot(&found),
        })?;
        Ok(exit::OK)
    }
}
