//! Whether a server program speaks TLS: `--version` does not tell.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::LocalError;
use super::files::{files, temporary};
use super::process::signal_group;
use crate::model::printable_lines;

/// A certificate that is not there ends every server, for one reason or for another.
const CONFIG: &str = "port 0\ntls-port 6379\ntls-cert-file /nonexistent/cert\n\
                      tls-key-file /nonexistent/key\ntls-ca-cert-file /nonexistent/ca\n";

const TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(5);

/// Starts the program with a certificate that is not there: one that has TLS ends for that reason, one
/// that has not does not get so far. It never listens.
///
/// # Errors
/// It cannot be run, or does not end.
pub fn has_tls(program: &Path) -> Result<bool, LocalError> {
    let failed = |source: io::Error| LocalError::NotRunnable { path: program.to_owned(), source };
    let dir = temporary("rcluster-")?;
    let (config, log) = (dir.path().join("redis.conf"), dir.path().join("log"));
    std::fs::write(&config, CONFIG).map_err(files(&config))?;
    let out = std::fs::File::create(&log).map_err(files(&log))?;
    let complaints = out.try_clone().map_err(files(&log))?;
    let mut child = Command::new(program)
        .arg(&config)
        .current_dir(dir.path())
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(complaints)
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    let deadline = Instant::now() + TIMEOUT;
    while child.try_wait().map_err(failed)?.is_none() {
        if Instant::now() >= deadline {
            signal_group(&child, Signal::KILL);
            child.wait().map_err(failed)?;
            break;
        }
        std::thread::sleep(POLL);
    }
    let said = std::fs::read(&log).map_err(files(&log))?;
    Ok(printable_lines(&said).contains("Failed to load certificate"))
}
