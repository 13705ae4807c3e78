//! `rcluster restore`

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;

use super::args::duration;
use super::flow::Context;
use super::flow::migrate::LONGEST;
use super::import::{ExistingArgs, aborted, tell_left, told};
use crate::local::{ServerProgram, find_server};
use crate::model::{Manifest, NodeList};
use crate::ops::backup::verify;
use crate::ops::restore::{RestoreOptions, RestoreReport, restore};
use crate::plan::import::targets;
use crate::render::{Failure, RestoreJson, exit};

/// Restore a backup into any topology
///
/// Every file is verified first. Then a server started on this machine loads it, and its keys move
/// to the owners of their slots. Keys that the cluster has already are compared and never
/// overwritten without --replace. To finish an interrupted run, repeat the same command.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster restore backup-2026-11-28 127.0.0.1:7001 --dry-run\n\
    \x20 rcluster restore backup-2026-11-28 127.0.0.1:7001")]
pub struct Restore {
    /// The directory of the backup
    dir: PathBuf,
    /// Any node of the target cluster
    entry: NodeList,
    /// The server program that loads the files
    ///
    /// A path or a name on PATH, no older than the server that wrote the files and no newer than
    /// the cluster [default: redis-server or valkey-server on PATH].
    #[arg(long, value_name = "PROGRAM")]
    server: Option<PathBuf>,
    /// Files loaded at the same time
    ///
    /// Each takes as much memory on this machine as its keys do.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    at_once: u16,
    /// How long loading a file may take
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
    load_within: Duration,
    #[command(flatten)]
    existing: ExistingArgs,
    /// Verify the files and show the plan; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Skip confirmation
    #[arg(short, long)]
    yes: bool,
}

impl Restore {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let start = Instant::now();
        let (manifest, flaws) = verify(&self.dir)?;
        if !flaws.is_empty() {
            return Err(Failure::refused("this backup is incomplete or corrupt")
                .details(flaws.iter().map(ToString::to_string))
                .hint("nothing was changed"));
        }
        let cluster = cx.load_to_change(&self.entry)?.report;
        let targets = targets(&cluster)?;
        let ServerProgram { path: server, version } = find_server(self.server.as_deref())?;
        if !cx.ui.wants_json() {
            let (keys, files) = (manifest.keys, manifest.shards.len());
            let from = writers(&manifest);
            let masters = targets.masters.len();
            cx.ui.print(&format!(
                "{keys} keys in {files} files of {} ({from})\nare loaded by {}\nand go to the {masters} masters of {}'s cluster",
                manifest.created,
                version.split(" sha=").next().unwrap_or_default(),
                cluster.name(cluster.entry().id())
            ))?;
        }
        let mut restored = RestoreReport::default();
        if !self.dry_run {
            cx.ui.confirm("Import these keys?", self.yes)?;
            let options = RestoreOptions {
                deadline: cx.deadline(LONGEST)?,
                server,
                timeout: self.load_within,
                at_once: usize::from(self.at_once),
                existing: self.existing.read(),
            };
            let files: Vec<PathBuf> =
                manifest.shards.iter().map(|shard| self.dir.join(&shard.file)).collect();
            let progress = cx.progress();
            restored = restore(&files, &targets, &cx.access, &options, &progress);
            drop(progress);
            stopped(&restored, &manifest)?;
        }
        self.report(cx, &manifest, &restored, start)
    }

    fn report(
        &self,
        cx: &Context,
        manifest: &Manifest,
        restored: &RestoreReport,
        start: Instant,
    ) -> Result<u8, Failure> {
        let outcome = &restored.keys;
        restored.differing.iter().for_each(|library| cx.warn(library));
        if cx.ui.wants_json() {
            cx.ui.print_json(&RestoreJson {
                dry_run: self.dry_run,
                saved: manifest.keys,
                loaded: restored.loaded,
                outcome: outcome.into(),
                libraries: restored.libraries,
                elapsed_ms: start.elapsed().as_millis(),
            })?;
        } else if !self.dry_run {
            let ended = manifest.keys.saturating_sub(restored.loaded);
            let ended = if ended > 0 {
                format!(" ({ended} of those in the backup have expired since)")
            } else {
                String::new()
            };
            cx.ui.print(&format!("{}{ended}", told(outcome, start)))?;
        }
        tell_left(cx, outcome);
        let is_whole = outcome.conflicting + outcome.leaving == 0;
        Ok(if is_whole { exit::OK } else { exit::PROBLEMS })
    }
}

/// `Redis 7.0.15`, or whatever servers wrote the files.
fn writers(manifest: &Manifest) -> String {
    let versions: std::collections::BTreeSet<&str> =
        manifest.shards.iter().map(|shard| shard.version.as_str()).collect();
    versions.into_iter().collect::<Vec<_>>().join(", ")
}

/// Fails where it stopped.
fn stopped(restored: &RestoreReport, manifest: &Manifest) -> Result<(), Failure> {
    match &restored.error {
        Some(error) => Err(Failure::of_restore(error, &restored.keys, &writers(manifest))),
        None => aborted(&restored.keys),
    }
}
