//! Finding a server program.

use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::SandboxError;

/// How long a program may take to print its version.
const TELLS: Duration = Duration::from_secs(10);

const POLL: Duration = Duration::from_millis(5);

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

/// The server at a path, or else the first `redis-server`, or `valkey-server`, on PATH.
///
/// # Errors
/// There is none, or it does not run, or does not say that it is a server that knows clusters.
pub fn find_server(path: Option<&Path>) -> Result<ServerProgram, SandboxError> {
    let path = match path {
        Some(path) => path.to_owned(),
        None => on_path().ok_or(SandboxError::NoServer)?,
    };
    // Servers run in folders of their own: a relative path would lead elsewhere there.
    let failed = |source| SandboxError::NotRunnable { path: path.clone(), source };
    let path = std::path::absolute(&path).map_err(failed)?;
    let version = first_line(&path)
        .map_err(|source| SandboxError::NotRunnable { path: path.clone(), source })?;
    match major(&version) {
        Some(major) if major >= CLUSTERS => Ok(ServerProgram { path, version }),
        Some(_) => Err(SandboxError::TooOld { path, version }),
        None => Err(SandboxError::NoServerProgram { path, said: version }),
    }
}

fn on_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let runs = |file: &PathBuf| {
        file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    let find = |name: &str| std::env::split_paths(&path).map(|dir| dir.join(name)).find(runs);
    find("redis-server").or_else(|| find("valkey-server"))
}

/// The first line of what `--version` prints; empty where nothing comes.
fn first_line(program: &Path) -> io::Result<String> {
    let mut child = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let begun = Instant::now();
    while child.try_wait()?.is_none() {
        if begun.elapsed() > TELLS {
            child.kill()?;
            child.wait()?;
            return Ok(String::new());
        }
        std::thread::sleep(POLL);
    }
    let mut text = Vec::new();
    child.stdout.take().map(|out| out.take(1000).read_to_end(&mut text)).transpose()?;
    Ok(String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned())
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
