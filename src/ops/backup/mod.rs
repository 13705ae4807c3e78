//! Every master's data as an RDB file, all at once, and a manifest behind them.
//!
//! Files have a temporary name until all of them are whole and on disk; the manifest comes last, so
//! a folder without one is no backup.

mod rdb_verifier;
mod verify;

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use itertools::Itertools;

use super::abort::PhaseError;
use super::event::{Observer, Phase, Tally};
use super::phases;
use super::wait::Deadline;
use crate::model::{
    ClusterReport, FORMAT, MANIFEST, Manifest, ManifestShard, NodeAddr, NodeReport, RdbHead,
};
use crate::plan::check::{covered, settled_owners};
use crate::wire::{Access, RdbTransfer, Server, Snapshot, WireError, all_at_once};
pub use rdb_verifier::Broken;
use rdb_verifier::RdbVerifier;
pub use verify::{Flaw, verify};

/// What files are called until they are whole.
const PARTIAL: &str = "partial";

/// Bytes that are read in one go.
const CHUNK: usize = 256 << 10;

/// How often it is told how far a file has come.
const TELL: Duration = Duration::from_millis(200);

/// How a backup is made.
#[derive(Clone, Debug)]
pub struct BackupOptions {
    pub deadline: Deadline,
    /// How long a master may take to begin sending.
    pub timeout: Duration,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} holds a backup already", .0.display())]
    Exists(PathBuf),
    #[error("{} holds other files, for example {file}", dir.display())]
    Foreign { dir: PathBuf, file: String },
    #[error("another backup into {} is running", .0.display())]
    Busy(PathBuf),
    #[error("{}: cannot be locked: {source}", dir.display())]
    Lock { dir: PathBuf, source: io::Error },
    #[error("cancelled: another master's data could not be read")]
    GivenUp,
    #[error("{node}: the data is incomplete or corrupt: {why}")]
    Broken { node: NodeAddr, why: Broken },
    #[error("slots moved during the backup: some of their keys may be in two files, or in none")]
    Moved,
    #[error("stopped by {0}")]
    Interrupted(&'static str),
}

impl PhaseError for BackupError {
    fn interrupted(signal: &'static str) -> BackupError {
        BackupError::Interrupted(signal)
    }

    fn is_wait(&self) -> bool {
        matches!(self, BackupError::GivenUp)
    }
}

/// Saves the data of all masters of `cluster` into `dir`, which may be missing or empty, or hold
/// what an earlier try has left. `again` loads the facts anew.
pub fn backup(
    cluster: &ClusterReport,
    dir: &Path,
    access: &Access,
    options: &BackupOptions,
    observer: &dyn Observer,
    again: impl FnOnce() -> Result<ClusterReport, WireError>,
) -> Result<Manifest, BackupError> {
    let created = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    // It is somebody's data: nobody else's to read.
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(file_error(dir))?;
    let lock = File::open(dir).map_err(file_error(dir))?;
    lock.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => BackupError::Busy(dir.to_owned()),
        TryLockError::Error(source) => BackupError::Lock { dir: dir.to_owned(), source },
    })?;
    clear(dir)?;
    phases::run(Phase::Backup, options.deadline.interrupt(), observer, |tally| {
        let run = BackupRun { dir, access, options, tally, failed: AtomicBool::new(false) };
        let shards = run.save_all(cluster, again).inspect_err(|_| drop(clear(dir)))?;
        let epochs = cluster.nodes.iter().map(|node| node.info.current_epoch);
        let manifest = Manifest {
            format: FORMAT,
            created,
            current_epoch: epochs.max().unwrap_or(0),
            slots_covered: covered(cluster).len(),
            keys: shards.iter().map(|shard| shard.keys).sum(),
            bytes: shards.iter().map(|shard| shard.bytes).sum(),
            shards,
        };
        finish(dir, &manifest).inspect_err(|_| {
            let [partial, whole] = [true, false].map(|is_partial| path_of(dir, is_partial));
            let files = manifest.shards.iter().map(|shard| &shard.file);
            files.for_each(|file| drop(fs::rename(whole(file), partial(file))));
            drop(clear(dir));
        })?;
        Ok(manifest)
    })
}

/// The masters that have anything to save, by their first slot.
fn masters(cluster: &ClusterReport) -> Vec<&NodeReport> {
    let is_asked = |node: &&NodeReport| {
        let me = node.view.me();
        me.is_master() && (!me.slots.is_empty() || node.keys > 0)
    };
    let first = |node: &&NodeReport| {
        let ranges = node.view.me().slots.ranges().first().map(|range| range.first());
        (ranges.is_none(), ranges)
    };
    cluster.nodes.iter().filter(is_asked).sorted_by_key(first).collect()
}

fn file_error(path: &Path) -> impl Fn(io::Error) -> BackupError + '_ {
    move |source| BackupError::File { path: path.to_owned(), source }
}

/// Where a file is, under its temporary name or its own.
fn path_of(dir: &Path, is_partial: bool) -> impl Fn(&String) -> PathBuf + '_ {
    move |name| dir.join(if is_partial { format!("{name}.{PARTIAL}") } else { name.clone() })
}

/// A new file that is nobody else's to read; where anything has its name, a link for one, it fails.
fn create(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// Deletes what an earlier try has left in the folder: files that have not got their names yet.
fn clear(dir: &Path) -> Result<(), BackupError> {
    if dir.join(MANIFEST).symlink_metadata().is_ok() {
        return Err(BackupError::Exists(dir.to_owned()));
    }
    let mut ours = Vec::new();
    for entry in fs::read_dir(dir).map_err(file_error(dir))? {
        let entry = entry.map_err(file_error(dir))?;
        let is_file = entry.file_type().map_err(file_error(dir))?.is_file();
        let path = entry.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_ours = name.strip_suffix(&format!(".{PARTIAL}")).is_some_and(|stem| {
            stem == MANIFEST || (stem.starts_with("redis-node-") && stem.ends_with(".rdb"))
        });
        if !is_file || !is_ours {
            return Err(BackupError::Foreign { dir: dir.to_owned(), file: name });
        }
        ours.push(path);
    }
    ours.iter().try_for_each(|path| fs::remove_file(path).map_err(file_error(path)))
}

/// Gives the files their names, and the manifest its own last of all.
fn finish(dir: &Path, manifest: &Manifest) -> Result<(), BackupError> {
    let [partial, whole] = [true, false].map(|is_partial| path_of(dir, is_partial));
    let at = |name: &String| (partial(name), whole(name));
    let sync = || File::open(dir).and_then(|dir| dir.sync_all()).map_err(file_error(dir));
    for shard in &manifest.shards {
        let (partial, whole) = at(&shard.file);
        fs::rename(&partial, &whole).map_err(file_error(&partial))?;
    }
    sync()?;
    let (partial, whole) = at(&MANIFEST.to_owned());
    let written = create(&partial).and_then(|mut file| {
        serde_json::to_writer_pretty(&mut file, manifest)?;
        file.write_all(b"\n")?;
        file.sync_all()
    });
    written.map_err(file_error(&partial))?;
    fs::rename(&partial, &whole).map_err(file_error(&partial))?;
    sync()
}

struct BackupRun<'a> {
    dir: &'a Path,
    access: &'a Access,
    options: &'a BackupOptions,
    tally: &'a Tally<'a>,
    failed: AtomicBool,
}

impl BackupRun<'_> {
    fn is_over(&self) -> bool {
        self.options.deadline.is_over() || self.failed.load(Ordering::Relaxed)
    }

    /// Fails where a signal came, or another master has failed.
    fn vet(&self) -> Result<(), BackupError> {
        match self.options.deadline.interrupt().signal() {
            Some(signal) => Err(BackupError::Interrupted(signal)),
            None if self.is_over() => Err(BackupError::GivenUp),
            None => Ok(()),
        }
    }

    /// All masters' files; fails where slots have moved meanwhile, by what `again` finds.
    fn save_all(
        &self,
        cluster: &ClusterReport,
        again: impl FnOnce() -> Result<ClusterReport, WireError>,
    ) -> Result<Vec<ManifestShard>, BackupError> {
        let masters = masters(cluster);
        self.tally.expect(masters.len());
        let saved = all_at_once(masters, |node| {
            // The others stop because of the first one that fails, which is the one to tell of.
            let saved = self.save(node);
            saved.map_err(|error| (self.failed.swap(true, Ordering::Relaxed), error))
        });
        let (shards, errors): (Vec<_>, Vec<_>) = saved.into_iter().partition_result();
        if let Some((_, error)) = errors.into_iter().min_by_key(|(is_later, _)| *is_later) {
            return Err(error);
        }
        let now = settled_owners(&again()?);
        match now.is_some() && now == settled_owners(cluster) {
            true => Ok(shards),
            false => Err(BackupError::Moved),
        }
    }

    /// One master's file, whole and on disk, under its temporary name.
    fn save(&self, node: &NodeReport) -> Result<ManifestShard, BackupError> {
        let name = file_name(node);
        let path = self.dir.join(format!("{name}.{PARTIAL}"));
        let mut file = create(&path).map_err(file_error(&path))?;
        let mut snapshot = match self.begin(node, RdbTransfer::Disk) {
            // A server that cannot write to its disk sends what it has straight away.
            Err(BackupError::Wire(WireError::Lost { .. } | WireError::Refused { .. })) => {
                self.begin(node, RdbTransfer::Socket)?
            }
            begun => begun?,
        };
        let verifier = self.receive(node, &mut snapshot, &mut file, &path)?;
        file.sync_all().map_err(file_error(&path))?;
        let broken = |why| BackupError::Broken { node: node.via.clone(), why };
        let (bytes, sha256) = verifier.finish().map_err(broken)?;
        file.rewind().map_err(file_error(&path))?;
        let head = RdbHead::read(io::BufReader::new(file));
        let counted = head.map_err(file_error(&path))?.keys;
        self.tally.add(1);
        Ok(ManifestShard {
            file: name,
            node: node.via.to_string(),
            id: node.id().to_string(),
            version: node.version.clone(),
            epoch: node.view.me().epoch,
            slots: node.view.me().slots.ranges().iter().map(ToString::to_string).collect(),
            keys: self.count(node, counted)?,
            bytes,
            sha256,
            replication_id: snapshot.replication_id,
            replication_offset: snapshot.replication_offset,
        })
    }

    fn begin(&self, node: &NodeReport, transfer: RdbTransfer) -> Result<Snapshot, BackupError> {
        let server = Server::connect(&node.via, self.access)?;
        let snapshot = server.snapshot(transfer, self.options.timeout, &|| self.is_over());
        self.vet()?;
        Ok(snapshot?)
    }

    fn receive(
        &self,
        node: &NodeReport,
        snapshot: &mut Snapshot,
        file: &mut File,
        path: &Path,
    ) -> Result<RdbVerifier, BackupError> {
        let (mut verifier, mut buffer) = (RdbVerifier::new(), vec![0; CHUNK]);
        let mut reported = Instant::now();
        loop {
            self.vet()?;
            let bytes = snapshot.read(&mut buffer)?;
            if bytes.is_empty() {
                return Ok(verifier);
            }
            verifier.add(bytes);
            file.write_all(bytes).map_err(file_error(path))?;
            if reported.elapsed() > TELL {
                reported = Instant::now();
                let of = snapshot.size.map_or(String::new(), |size| format!(" of {size}"));
                self.tally.waits(format!("{}: {}{of} bytes", node.via, verifier.bytes()));
            }
        }
    }

    /// Keys in the file: it tells of its first database itself, the server of any others.
    fn count(&self, node: &NodeReport, counted: Option<u64>) -> Result<u64, BackupError> {
        let origin = Server::connect(&node.via, self.access)?.origin()?;
        match counted {
            Some(keys) if origin.keys_beside(0) == 0 => Ok(keys),
            _ => Ok(origin.keys.values().sum()),
        }
    }
}

/// As redis-cli calls it.
fn file_name(node: &NodeReport) -> String {
    let host = node.via.host().replace(['/', ':'], "_");
    format!("redis-node-{host}-{}-{}.rdb", node.via.port(), node.id())
}
