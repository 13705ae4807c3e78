//! Finding a server program.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;

use super::LocalError;
use super::process::signal_group;
use crate::model::printable;

/// How long a program may take to print its version.
const VERSION_TIMEOUT: Duration = Duration::from_secs(10);

/// More than any server prints on the first line.
const LONGEST_LINE: usize = 1000;

/// The first version that knows clusters.
const CLUSTERS: u32 = 3;

/// A program that is a server, by the name that it is started by.
#[derive(Clone, Debug)]
pub struct ServerProgram {
    /// Absolute, with its links: where a distribution installs `redis-server` as a link to
    /// `redis-check-rdb`, the program decides by its name what it is.
    pub path: PathBuf,
    /// What `--version` prints, its first line: `Redis server v=7.0.15 sha=…`.
    pub version: String,
}

/// The server at a path, or with a name on PATH, or else the first `redis-server`, or
/// `valkey-server`, on PATH.
///
/// # Errors
/// There is none, or it does not run, or does not print the version of a server that supports
/// clusters.
pub fn find_server(program: Option<&Path>) -> Result<ServerProgram, LocalError> {
    let path = match program {
        Some(path) if path.as_os_str().as_encoded_bytes().contains(&b'/') => path.to_owned(),
        Some(name) => {
            which::which(name).map_err(|_| LocalError::NotOnPath { name: name.to_owned() })?
        }
        None => which::which("redis-server")
            .or_else(|_| which::which("valkey-server"))
            .map_err(|_| LocalError::NoServer)?,
    };
    look_at(&path)
}

/// The server at a path.
///
/// # Errors
/// It does not run, or does not print the version of a server that supports clusters.
pub fn look_at(path: &Path) -> Result<ServerProgram, LocalError> {
    // Servers run in directories of their own: a relative path would lead elsewhere there.
    let failed = |source| LocalError::NotRunnable { path: path.to_owned(), source };
    let path = std::path::absolute(path).map_err(failed)?;
    let version = version_line(&path)
        .map_err(|source| LocalError::NotRunnable { path: path.clone(), source })?;
    match major(&version) {
        Some(major) if major >= CLUSTERS => Ok(ServerProgram { path, version }),
        Some(_) => Err(LocalError::TooOld { path, version }),
        None => Err(LocalError::NoServerProgram { path, said: version }),
    }
}

/// The first line of what `--version` prints; empty if nothing comes.
fn version_line(program: &Path) -> io::Result<String> {
    let mut child = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    let line = child.stdout.take().map(first_line).transpose();
    // All of it: what it has started may run on, and hold its output open.
    signal_group(&child, Signal::KILL);
    child.wait()?;
    Ok(line?.unwrap_or_default())
}

/// Reads until the first line ends, the output ends, or the time is over.
fn first_line(mut out: ChildStdout) -> io::Result<String> {
    let deadline = Instant::now() + VERSION_TIMEOUT;
    let mut text = Vec::new();
    let mut buffer = [0; LONGEST_LINE];
    while text.len() < LONGEST_LINE && !text.contains(&b'\n') {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        let mut fds = [PollFd::from_borrowed_fd(out.as_fd(), PollFlags::IN)];
        match poll(&mut fds, Some(&left)) {
            Ok(0) => break,
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        match out.read(&mut buffer)? {
            0 => break,
            count => text.extend_from_slice(&buffer[..count]),
        }
    }
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(printable(first.trim_ascii_end()))
}

/// 7 in `Redis server v=7.0.15 sha=…`; `None` in what no server prints.
fn major(version: &str) -> Option<u32> {
    let (_, rest) = version.split_once(" server v=")?;
    rest.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_by_what_it_prints() {
        assert_eq!(major("Redis server v=7.0.15 sha=00000000:0 malloc=libc bits=64"), Some(7));
        assert_eq!(major("Valkey server v=9.1.2 sha=00000000:0"), Some(9));
        assert_eq!(major("Redis server v=2.8.19"), Some(2));
        assert_eq!(major("[offset 0] Checking RDB file --version"), None);
        assert_eq!(major(""), None);
    }
}
