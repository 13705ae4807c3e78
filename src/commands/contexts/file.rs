//! The file of contexts: where it is, who may read it, and what it has.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use itertools::Itertools;

use super::read::{NamedCluster, parse, shown};
use crate::commands::args::PasswordSource;
use crate::model::{nearest, printable};
use crate::render::Usage;

/// The variable that names another file.
const VARIABLE: &str = "RCLUSTER_CONFIG";

/// No file of contexts is larger.
const LARGEST: u64 = 1 << 20;

/// Where it is, or would be. `None` without a home directory.
pub fn path() -> Option<PathBuf> {
    let named =
        |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // A relative path there is to be ignored (XDG Base Directory Specification).
    let base = || named("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let home = || named("HOME").map(|home| home.join(".config"));
    named(VARIABLE).or_else(|| Some(base().or_else(home)?.join("rcluster/config.toml")))
}

/// All contexts, read when one is looked up.
#[derive(Debug, Default)]
pub struct Contexts(OnceLock<Result<Vec<NamedCluster>, Usage>>);

impl Contexts {
    /// Every context, by name; none where there is no file.
    pub fn all(&self) -> Result<&[NamedCluster], Usage> {
        let read = self.0.get_or_init(|| path().map_or(Ok(Vec::new()), |path| read(&path)));
        read.as_deref().map_err(Clone::clone)
    }

    pub fn find(&self, name: &str) -> Result<&NamedCluster, Usage> {
        let all = self.all()?;
        let found = all.iter().find(|cluster| cluster.name == name);
        found.ok_or_else(|| self.unknown(name, all))
    }

    fn unknown(&self, name: &str, all: &[NamedCluster]) -> Usage {
        let place = path();
        let is_there = place.as_ref().is_some_and(|path| path.exists());
        let file = place.as_deref().map_or_else(|| "the file of contexts".into(), shown);
        let names = all.iter().map(|cluster| cluster.name.as_str());
        let name = printable(name.as_bytes());
        match (nearest(&name, names.clone()), all.is_empty()) {
            (Some(meant), _) => Usage::new(format!("no context '{name}' in {file}"))
                .hint(format!("did you mean {meant}?")),
            (None, false) => Usage::new(format!("no context '{name}' in {file}"))
                .hint(format!("it has {}", names.clone().join(", "))),
            (None, true) if place.is_none() => Usage::new(format!(
                "no context '{name}': without a home directory there is no file of contexts"
            ))
            .hint("name a file: RCLUSTER_CONFIG=FILE"),
            (None, true) => {
                let why = if is_there { "has none" } else { "does not exist" };
                Usage::new(format!("no context '{name}': {file} {why}"))
                    .hint(format!("to write one: rcluster context add {name} HOST:PORT"))
            }
        }
    }
}

fn read(path: &Path) -> Result<Vec<NamedCluster>, Usage> {
    let name = shown(path);
    let Some((text, metadata)) = text(path)? else { return Ok(Vec::new()) };
    let clusters = parse(&text, path)?;
    vet(&clusters, &metadata)
        .map_err(|why| Usage::new(format!("{name} {why}")).hint(format!("chmod 600 {name}")))?;
    Ok(clusters)
}

/// What is in the file, and its metadata; `None` if there is none.
pub fn text(path: &Path) -> Result<Option<(String, Metadata)>, Usage> {
    let name = shown(path);
    let unreadable =
        |error: io::Error| Usage::unreadable(anyhow::Error::new(error).context(name.clone()));
    // A pipe would be waited for.
    match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
        Ok(metadata) if !metadata.is_file() => {
            return Err(Usage::new(format!("{name} is no regular file")));
        }
        Ok(_) => {}
    }
    let mut file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    let mut text = String::new();
    file.by_ref().take(LARGEST + 1).read_to_string(&mut text).map_err(unreadable)?;
    match text.len() as u64 > LARGEST {
        true => Err(Usage::new(format!("{name} is larger than {} KiB", LARGEST >> 10))),
        false => Ok(Some((text, metadata))),
    }
}

/// Others may neither read a password nor choose the command that is run for one.
fn vet(clusters: &[NamedCluster], metadata: &Metadata) -> Result<(), String> {
    let mode = metadata.permissions().mode() & 0o777;
    let has = |is_it: fn(&PasswordSource) -> bool| {
        clusters.iter().any(|cluster| cluster.password.as_ref().is_some_and(is_it))
    };
    if has(|source| matches!(source, PasswordSource::Written(_))) && mode & 0o077 != 0 {
        return Err(format!("has a password, and others may read it (mode {mode:04o})"));
    }
    let is_command = |source: &PasswordSource| matches!(source, PasswordSource::Command(_));
    if has(is_command) && mode & 0o022 != 0 {
        return Err(format!("has a password command, and others may change it (mode {mode:04o})"));
    }
    let owner = metadata.uid();
    if has(is_command) && owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err("has a password command, and belongs to another user".to_owned());
    }
    Ok(())
}
