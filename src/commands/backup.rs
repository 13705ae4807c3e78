//! `rcluster backup`

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::HumanBytes;

use super::args::duration;
use super::flow::Context;
use super::flow::migrate::LONGEST;
use crate::model::{ClusterReport, Manifest, NodeList, SlotRange, SlotSet};
use crate::ops::backup::{BackupOptions, Flaw, backup, verify};
use crate::plan::check::covered;
use crate::render::{BackupJson, Failure, Table, exit};
use crate::wire::load_cluster;

/// Back up all masters to RDB files
///
/// Writes one RDB file per master, as a replica would get it, and a manifest with sizes and SHA-256
/// sums. The manifest is written last: a directory without one is no backup. See restore.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster backup 127.0.0.1:7001 backup-2026-11-28\n\
    \x20 rcluster backup --verify backup-2026-11-28")]
pub struct Backup {
    /// Any node of the cluster
    #[arg(required_unless_present = "verify")]
    entry: Option<NodeList>,
    /// The directory: new or empty
    ///
    /// A directory in which a backup failed is used again.
    #[arg(required_unless_present = "verify", value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Verify a backup: sizes and SHA-256 sums
    #[arg(long, value_name = "DIR", conflicts_with_all = ["entry", "dir"])]
    verify: Option<PathBuf>,
    /// How long a master may take to start sending
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    begin_within: Duration,
}

impl Backup {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let start = Instant::now();
        if let Some(dir) = &self.verify {
            let (manifest, flaws) = verify(dir)?;
            return show(cx, dir, &manifest, &flaws, start);
        }
        let (Some(entry), Some(dir)) = (&self.entry, &self.dir) else {
            return Err(Failure::usage("a node and a directory are needed"));
        };
        let cluster = cx.load(entry)?.report;
        vet(&cluster)?;
        let options = BackupOptions { deadline: cx.deadline(LONGEST)?, timeout: self.begin_within };
        let progress = cx.progress();
        let again = || load_cluster(entry, &cx.access).map(|cluster| cluster.report);
        let manifest = backup(&cluster, dir, &cx.access, &options, &progress, again)?;
        drop(progress);
        show(cx, dir, &manifest, &[], start)
    }
}

/// A backup holds all keys, or it is none.
fn vet(cluster: &ClusterReport) -> Result<(), Failure> {
    let answering = ClusterReport { unreachable: Vec::new(), ..cluster.clone() };
    let missing = SlotSet::all().difference(&covered(&answering));
    if !missing.is_empty() {
        let message = format!("no reachable node owns {}", missing.summary());
        return Err(Failure::refused(message)
            .hint("nothing was saved; run rcluster check: it reports the problem and its fix"));
    }
    let open = cluster.nodes.iter().find(|node| !node.view.open.is_empty());
    match open {
        Some(node) => Err(Failure::refused(format!(
            "{} has migrating or importing slots: keys are moving between two masters",
            node.via
        ))
        .hint(format!(
            "nothing was saved; wait until the move ends, or rcluster fix {}",
            node.via
        ))),
        None => Ok(()),
    }
}

fn show(
    cx: &Context,
    dir: &Path,
    manifest: &Manifest,
    flaws: &[Flaw],
    start: Instant,
) -> Result<u8, Failure> {
    if cx.ui.wants_json() {
        cx.ui.print_json(&BackupJson {
            dir,
            whole: flaws.is_empty(),
            flaws: flaws.iter().map(ToString::to_string).collect(),
            manifest,
            elapsed_ms: start.elapsed().as_millis(),
        })?;
    } else {
        cx.ui.print(&text(dir, manifest, start))?;
    }
    if flaws.is_empty() {
        return Ok(exit::OK);
    }
    let failure = Failure::refused("this backup is incomplete or corrupt");
    let failure = failure.details(flaws.iter().map(ToString::to_string));
    failure.hint("intact files can still be loaded one by one by a server").tell(&cx.ui);
    Ok(exit::PROBLEMS)
}

fn text(dir: &Path, manifest: &Manifest, start: Instant) -> String {
    let mut table = Table::new(&["Master", "Version", "Slots", ">Keys", ">Size"]);
    for shard in &manifest.shards {
        let ranges = shard.slots.iter().filter_map(|range| range.parse::<SlotRange>().ok());
        let slots: SlotSet = ranges.collect();
        table.row([
            shard.node.clone(),
            shard.version.clone(),
            slots.short(24),
            shard.keys.to_string(),
            HumanBytes(shard.bytes).to_string(),
        ]);
    }
    format!(
        "{table}\n{} keys, {} in {} files in {}, of {} ({:.2} s)",
        manifest.keys,
        HumanBytes(manifest.bytes),
        manifest.shards.len(),
        dir.display(),
        manifest.created,
        start.elapsed().as_secs_f64()
    )
}
