//! What a node's folder holds, and errors with it.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::LocalError;

pub(super) const CONFIG: &str = "redis.conf";
pub(super) const PIDFILE: &str = "redis.pid";
pub(super) const LOG: &str = "redis.log";

/// Names the program of the server, so that it can be started again.
pub(super) const PROGRAM: &str = "program";

/// Is there while a packet filter holds the node apart.
pub(super) const PARTITIONED: &str = "partitioned";

pub(super) fn files(path: &Path) -> impl Fn(io::Error) -> LocalError + '_ {
    move |source| LocalError::Files { path: path.to_owned(), source }
}

/// A directory for a while, that its owner alone enters.
///
/// # Errors
/// It cannot be made.
pub fn temporary(prefix: &str) -> Result<TempDir, LocalError> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).permissions(Permissions::from_mode(0o700));
    builder
        .tempdir()
        .map_err(|error| LocalError::NoTemporary { dir: std::env::temp_dir(), why: error.kind() })
}

/// A config file is read by lines, and so is the INFO that tells its name.
pub(super) fn vet_name(dir: PathBuf) -> Result<PathBuf, LocalError> {
    let bytes = dir.as_os_str().as_encoded_bytes();
    if bytes.contains(&b'\n') { Err(LocalError::FolderName { path: dir }) } else { Ok(dir) }
}

/// A word of a config file.
pub(super) fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Writes a file that its owner alone reads: it may hold a password.
pub fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    let mut file =
        File::options().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    // It may have been there with wider rights.
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())
}
