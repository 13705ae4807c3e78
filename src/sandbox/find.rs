//! Finding a server program.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::SandboxError;

/// The first `redis-server`, or else `valkey-server`, on PATH.
pub fn find_server() -> Result<PathBuf, SandboxError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = |name: &str| {
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
    };
    on_path("redis-server").or_else(|| on_path("valkey-server")).ok_or(SandboxError::NoServer)
}

/// What `--version` prints, its first line: `Redis server v=7.0.15 sha=…`.
pub fn server_version(server: &Path) -> Result<String, SandboxError> {
    let output = Command::new(server)
        .arg("--version")
        .output()
        .map_err(|source| SandboxError::NotRunnable { path: server.to_owned(), source })?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
