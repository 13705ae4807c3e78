//! What was saved comes into a cluster of any shape: a server of our own loads each file, and its
//! keys are imported from there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use itertools::Itertools;

use super::abort::PhaseError;
use super::event::{Observer, Phase, Tally};
use super::import::{self, ImportReport};
use super::phases;
use super::wait::Deadline;
use crate::local::{Loader, LocalError, password};
use crate::model::{AddressMap, NodeAddr, Origin};
use crate::plan::import::{Source, Targets};
use crate::wire::{Access, Secret, Server, WireError, all_at_once};

/// How a backup is brought back.
#[derive(Clone, Debug)]
pub struct RestoreOptions {
    pub deadline: Deadline,
    /// The program that loads the files.
    pub server: PathBuf,
    /// How long it may take for each.
    pub timeout: Duration,
    /// Files that are loaded at a time: each takes as much memory as the keys in it.
    pub at_once: usize,
    pub existing: import::Existing,
}

/// Why a restore ended early.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error(transparent)]
    Sandbox(#[from] LocalError),
    #[error("{file} cannot be loaded by {server}:\n{tail}")]
    NotLoaded { file: String, server: String, tail: String },
    #[error("{file} was not loaded within {}", humantime::format_duration(*after))]
    Late { file: String, after: Duration },
    #[error("{keys} keys are in database {database}, and this cluster replied: {said}")]
    NoDatabase { database: u32, keys: u64, said: String },
    #[error("stopped by {0}")]
    Interrupted(&'static str),
}

impl PhaseError for RestoreError {
    fn interrupted(signal: &'static str) -> RestoreError {
        RestoreError::Interrupted(signal)
    }

    fn is_wait(&self) -> bool {
        matches!(self, RestoreError::Late { .. })
    }
}

/// What a restore came to.
#[derive(Debug, Default)]
pub struct RestoreReport {
    pub keys: ImportReport,
    /// Keys that the files held and that had not ended when they were loaded.
    pub loaded: u64,
    /// Function libraries that masters were given, and those that they have in other words.
    pub libraries: usize,
    pub differing: Vec<String>,
    pub error: Option<RestoreError>,
}

/// Brings the keys of all files to the masters that own them. Whatever was brought before an error is
/// in what it gives.
pub fn restore(
    files: &[PathBuf],
    targets: &Targets,
    access: &Access,
    options: &RestoreOptions,
    observer: &dyn Observer,
) -> RestoreReport {
    let mut restored = RestoreReport::default();
    for files in files.chunks(options.at_once.max(1)) {
        if let Err(error) = some(files, targets, access, options, observer, &mut restored) {
            restored.error = Some(error);
        }
        if restored.error.is_some() || restored.keys.aborted.is_some() {
            break;
        }
    }
    restored
}

/// Brings the keys of some files that are loaded together.
fn some(
    files: &[PathBuf],
    targets: &Targets,
    access: &Access,
    options: &RestoreOptions,
    observer: &dyn Observer,
    restored: &mut RestoreReport,
) -> Result<(), RestoreError> {
    let secret = password()?;
    let own = Access {
        user: None,
        password: Some(Secret::new(&secret)),
        tls: None,
        // The loader runs here.
        map: AddressMap::default(),
        ..access.clone()
    };
    let mut loaders: Vec<(&Path, Loader)> = Vec::new();
    for file in files {
        let others = loaders.iter().map(|(_, loader)| loader.addr().port()).collect_vec();
        loaders.push((file, Loader::start(&options.server, file, &secret, &others)?));
    }
    let sources = load(&mut loaders, &own, options, observer)?;
    let mut databases: BTreeMap<u32, u64> = BTreeMap::new();
    for (database, keys) in sources.iter().flat_map(|(_, origin)| &origin.keys) {
        *databases.entry(*database).or_default() += keys;
    }
    vet(&databases, targets, access)?;
    copy_libraries(&sources, &own, targets, access, restored)?;
    for (database, keys) in databases {
        let options = import::ImportOptions {
            deadline: options.deadline.clone(),
            copy: true,
            existing: options.existing,
            pattern: None,
            databases: (database, database),
        };
        let access = (&own, access);
        let brought = import::import(&sources, targets, keys, access, &options, observer);
        restored.loaded += keys;
        restored.keys = std::mem::take(&mut restored.keys).and(brought);
        if restored.keys.aborted.is_some() {
            break;
        }
    }
    Ok(())
}

/// Waits until every server has loaded its file.
fn load(
    loaders: &mut [(&Path, Loader)],
    access: &Access,
    options: &RestoreOptions,
    observer: &dyn Observer,
) -> Result<Vec<Source>, RestoreError> {
    let deadline = options.deadline.within(options.timeout);
    phases::run(Phase::Load, deadline.interrupt(), observer, |tally| {
        tally.expect(loaders.len());
        let together = deadline.together();
        let loaded = all_at_once(loaders, |(file, loader)| {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let addr = NodeAddr::new(loader.addr().ip().to_string(), loader.addr().port(), None);
            let mut origin = None;
            together.until_empty(|| {
                origin = loaded(&name, loader, &addr, access, options, tally)?;
                Ok::<_, RestoreError>(if origin.is_some() { Vec::new() } else { vec![()] })
            })?;
            tally.add(usize::from(origin.is_some()));
            Ok((name, addr, origin))
        });
        // What stopped one is what is told; the others only did not come to their end.
        let loaded = loaded.into_iter().collect::<Result<Vec<_>, RestoreError>>()?;
        let sources = loaded.into_iter().map(|(file, addr, origin)| {
            let late = RestoreError::Late { file, after: deadline.allowed() };
            Ok((addr, origin.ok_or(late)?))
        });
        sources.collect()
    })
}

/// What a server tells of what it has loaded, once it has.
fn loaded(
    file: &str,
    loader: &mut Loader,
    addr: &NodeAddr,
    access: &Access,
    options: &RestoreOptions,
    tally: &Tally,
) -> Result<Option<Origin>, RestoreError> {
    if let Some(tail) = loader.ended() {
        let (file, server) = (file.to_owned(), options.server.display().to_string());
        return Err(RestoreError::NotLoaded { file, server, tail });
    }
    // It may not listen yet.
    let Ok(mut server) = Server::connect(addr, access) else { return Ok(None) };
    match server.loading() {
        Ok(Some(percent)) => tally.waits(format!("{file} at {percent:.0}%")),
        Ok(None) => return Ok(server.origin().ok()),
        Err(_) => {}
    }
    Ok(None)
}

/// Whether the cluster has all databases that keys are in.
fn vet(
    databases: &BTreeMap<u32, u64>,
    targets: &Targets,
    access: &Access,
) -> Result<(), RestoreError> {
    let more = || databases.iter().filter(|(database, _)| **database != 0);
    if more().next().is_none() {
        return Ok(());
    }
    let answers = all_at_once(&targets.masters, |addr| {
        let mut server = Server::connect(addr, access)?;
        for (database, keys) in more() {
            match server.select(*database) {
                Err(WireError::Refused { said, .. }) => {
                    let (database, keys) = (*database, *keys);
                    return Err(RestoreError::NoDatabase { database, keys, said });
                }
                answer => answer?,
            }
        }
        Ok(())
    });
    answers.into_iter().collect()
}

/// Gives every master the function libraries that the files hold.
fn copy_libraries(
    sources: &[Source],
    own: &Access,
    targets: &Targets,
    access: &Access,
    restored: &mut RestoreReport,
) -> Result<(), RestoreError> {
    let mut libraries: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (addr, _) in sources {
        libraries.extend(Server::connect(addr, own)?.libraries()?);
    }
    if libraries.is_empty() {
        return Ok(());
    }
    let answers = all_at_once(&targets.masters, |addr| {
        let mut server = Server::connect(addr, access)?;
        let known: BTreeMap<_, _> = server.libraries()?.into_iter().collect();
        let (mut given, mut differing) = (0, Vec::new());
        for (name, code) in &libraries {
            match known.get(name) {
                None => {
                    server.load_library(code)?;
                    given += 1;
                }
                Some(other) if other != code => {
                    differing.push(format!(
                        "{addr} has a function library {name} with other code: kept"
                    ));
                }
                Some(_) => {}
            }
        }
        Ok::<_, WireError>((given, differing))
    });
    let mut failed = None;
    for answer in answers {
        match answer {
            Ok((given, differing)) => {
                restored.libraries += given;
                restored.differing.extend(differing);
            }
            Err(error) => failed = Some(error),
        }
    }
    restored.keys.changed |= restored.libraries > 0;
    failed.map_or(Ok(()), |error| Err(error.into()))
}
