//! Ports for the servers of a sandbox that no other sandbox of this user has or gets.
//!
//! A port is held by a file that names its sandbox, for as long as that has a node of this port, also
//! while the server is stopped: a look at the sockets alone would give the port of a stopped server
//! away, or one port twice to two that look at the same time.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, getuid, test_kill_process};

use super::error::SandboxError;
use crate::local::LocalError;

/// How far above a node's port its cluster bus listens.
pub const BUS: u16 = 10_000;

/// Ports that common services leave free, as they do 10000 above. Those of the bus are below the ports
/// that systems give to clients: Linux begins at 32768, others at 16000.
const RANGE: std::ops::Range<u16> = 3_600..4_190;

/// Except for Subversion and two that many development servers use.
const COMMON: [u16; 3] = [3_690, 4_000, 4_001];

/// Ports that are taken by this sandbox from now on; for as long as this process runs, if it `ends`
/// with us.
///
/// # Errors
/// Too few are free.
pub fn claim(root: &Path, count: usize, ends: bool) -> Result<Vec<u16>, SandboxError> {
    let registry = registry()?;
    let failed = |source| LocalError::Files { path: registry.clone(), source };
    let _lock = lock(&registry).map_err(failed)?;
    let free: Vec<u16> =
        candidates().filter(|port| is_free(&registry, *port)).take(count).collect();
    if free.len() < count {
        return Err(SandboxError::NoPorts { wanted: count, range: (RANGE.start, RANGE.end - 1) });
    }
    let owner = if ends { std::process::id() } else { 0 };
    let root = std::path::absolute(root).map_err(failed)?;
    let mut text = format!("{owner}\n").into_bytes();
    text.extend(root.as_os_str().as_encoded_bytes());
    for port in free.iter().map(u16::to_string) {
        fs::create_dir_all(root.join(&port)).map_err(failed)?;
        fs::write(registry.join(&port), &text).map_err(failed)?;
    }
    Ok(free)
}

/// Ports that `claim` would take; a look only.
pub fn look(count: usize) -> Result<Vec<u16>, SandboxError> {
    let registry = registry()?;
    Ok(candidates().filter(|port| is_free(&registry, *port)).take(count).collect())
}

/// Gives ports of this sandbox back, whose nodes are gone.
pub fn release(root: &Path, ports: &[u16]) {
    if !place().exists() {
        return; // None was ever claimed: no trace is left.
    }
    let Ok(registry) = registry() else { return };
    let Ok(_lock) = lock(&registry) else { return };
    for port in ports {
        // Only what is empty goes: a node that was started keeps its folder, and its port.
        let _ = fs::remove_dir(root.join(port.to_string()));
        let file = registry.join(port.to_string());
        if !is_held(&file) {
            let _ = fs::remove_file(file);
        }
    }
}

/// Held by one at a time: between a look at a file and its making nobody else may come.
fn lock(registry: &Path) -> io::Result<File> {
    let lock = File::create(registry.join("lock"))?;
    flock(&lock, FlockOperation::LockExclusive)?;
    Ok(lock)
}

fn candidates() -> impl Iterator<Item = u16> {
    RANGE.filter(|port| !COMMON.contains(port))
}

/// Whether a file holds its port: the folder of the node is there, and so is the process that ends
/// with it, if any.
fn is_held(file: &Path) -> bool {
    let held = || {
        let text = fs::read(file).ok()?;
        let end = text.iter().position(|byte| *byte == b'\n')?;
        let owner: i32 = std::str::from_utf8(&text[..end]).ok()?.parse().ok()?;
        let runs = Pid::from_raw(owner).is_none_or(|owner| test_kill_process(owner).is_ok());
        let root = PathBuf::from(OsString::from_vec(text[end + 1..].to_vec()));
        Some(runs && root.join(file.file_name()?).exists())
    };
    held().unwrap_or(false)
}

fn is_free(registry: &Path, port: u16) -> bool {
    let is_open = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    !is_held(&registry.join(port.to_string())) && is_open(port) && is_open(port + BUS)
}

/// Where this user's files are.
fn place() -> PathBuf {
    std::env::temp_dir().join(format!("rcluster-ports-{}", getuid().as_raw()))
}

/// The same, made if need be; nobody else may write there.
fn registry() -> Result<PathBuf, SandboxError> {
    let path = place();
    let failed = |source| LocalError::Files { path: path.clone(), source };
    match fs::create_dir(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error))?,
        Err(_) => {}
        Ok(()) => fs::set_permissions(&path, Permissions::from_mode(0o700)).map_err(failed)?,
    }
    let found = fs::symlink_metadata(&path).map_err(failed)?;
    if !found.is_dir() || found.uid() != getuid().as_raw() {
        Err(failed(io::Error::other("belongs to another user")))?;
    }
    Ok(path)
}
