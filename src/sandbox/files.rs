//! What a node's folder holds, and errors with it.

use std::io;
use std::path::{Path, PathBuf};

use super::SandboxError;

pub(super) const CONFIG: &str = "redis.conf";
pub(super) const PIDFILE: &str = "redis.pid";
pub(super) const LOG: &str = "redis.log";

pub(super) fn files(path: &Path) -> impl Fn(io::Error) -> SandboxError + '_ {
    move |source| SandboxError::Files { path: path.to_owned(), source }
}

/// A config file is read by lines, and so is the INFO that tells its name.
pub(super) fn vet_name(dir: PathBuf) -> Result<PathBuf, SandboxError> {
    let bytes = dir.as_os_str().as_encoded_bytes();
    if bytes.contains(&b'\n') { Err(SandboxError::FolderName { path: dir }) } else { Ok(dir) }
}
