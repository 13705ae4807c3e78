//! Where a context's password comes from.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;

use crate::local::kill_family;
use crate::model::printable_lines;
use crate::render::Usage;
use crate::wire::Secret;

/// How long a command may take: somebody may have to type a passphrase.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is read of its output, and shown of its errors.
const MOST: u64 = 64 << 10;
const SHOWN: usize = 10;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    /// It stands in the file of contexts.
    Written(Secret),
    Variable(String),
    /// A file's first line.
    File(PathBuf),
    /// The first line that `sh -c` prints.
    Command(String),
}

impl PasswordSource {
    pub fn fetch(&self) -> Result<Secret, Usage> {
        match self {
            PasswordSource::Written(secret) => Ok(secret.clone()),
            PasswordSource::Variable(name) => std::env::var(name)
                .ok()
                .filter(|value| !value.is_empty())
                .map(Secret::new)
                .ok_or_else(|| {
                    Usage::new(format!("{name} is not set: the context's password comes from it"))
                }),
            PasswordSource::File(path) => first_line(path),
            PasswordSource::Command(command) => printed_by(command, PATIENCE),
        }
    }

    /// In words, without a password.
    pub fn summary(&self) -> String {
        match self {
            PasswordSource::Written(_) => "***".to_owned(),
            PasswordSource::Variable(name) => format!("the environment variable {name}"),
            PasswordSource::File(path) => format!("the file {}", path.display()),
            PasswordSource::Command(command) => format!("the command: {command}"),
        }
    }
}

pub fn first_line(path: &Path) -> Result<Secret, Usage> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the password file {} cannot be read", path.display()))
        .map_err(Usage::unreadable)?;
    Ok(Secret::new(text.lines().next().unwrap_or_default()))
}

/// What a command that has ended came to.
struct Ended {
    status: io::Result<ExitStatus>,
    out: Vec<u8>,
    err: Vec<u8>,
}

fn printed_by(command: &str, patience: Duration) -> Result<Secret, Usage> {
    let failed = |why: String| Usage::new(format!("the password command {why}: {command}"));
    // It may ask on the terminal itself; what is piped to this program is not for it.
    let child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.map_err(|error| failed(format!("could not be run ({error})")))?;
    let process = child.id();
    let (sender, ended) = mpsc::channel();
    let (out, err) = (child.stdout.take(), child.stderr.take());
    // A command that never ends keeps these threads, not this run.
    thread::spawn(move || {
        let err = thread::spawn(move || read(err));
        let out = read(out);
        let status = child.wait();
        let _ = sender.send(Ended { status, out, err: err.join().unwrap_or_default() });
    });
    let Ok(Ended { status, out, err }) = ended.recv_timeout(patience) else {
        kill_family(process);
        let limit = humantime::format_duration(patience);
        return Err(failed(format!("did not end within {limit} and was stopped")));
    };
    match status {
        Err(error) => return Err(failed(format!("was lost ({error})"))),
        Ok(status) if !status.success() => {
            let text = printable_lines(&err);
            let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
            let last = lines[lines.len().saturating_sub(SHOWN)..].iter();
            return Err(
                failed(format!("failed ({status})")).details(last.map(|line| (*line).to_owned()))
            );
        }
        Ok(_) => {}
    }
    let text = String::from_utf8(out).map_err(|_| failed("printed no UTF-8".to_owned()))?;
    match text.lines().next() {
        None | Some("") => Err(failed("printed nothing".to_owned())),
        Some(line) => Ok(Secret::new(line)),
    }
}

/// The begin of what comes; the rest is read too, so that nobody waits for a reader.
fn read(from: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut from) = from {
        let _ = from.by_ref().take(MOST).read_to_end(&mut bytes);
        let _ = io::copy(&mut from, &mut io::sink());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_gives_its_first_line_or_says_why_not() {
        let printed = |command| printed_by(command, Duration::from_secs(20));
        assert_eq!(printed("printf 's3cret \\r\\nurl: x\\n'").unwrap(), Secret::new("s3cret "));
        for (command, says) in [
            ("echo hunter2; echo no such entry >&2; exit 3", "failed (exit status: 3)"),
            ("true", "printed nothing"),
            ("printf '\\377\\n'", "printed no UTF-8"),
        ] {
            let error = printed(command).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
        // What the shell has started ends with it: no process writes to the pipe any more.
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let waits = format!("echo hunter2; sleep 600 >'{}' | cat", pipe.display());
        let (sender, ended) = mpsc::channel();
        thread::spawn(move || sender.send(std::fs::read(pipe).unwrap()));
        let error = printed_by(&waits, Duration::from_millis(300)).unwrap_err();
        assert!(error.to_string().contains("did not end within 300ms"), "{error}");
        assert_eq!(ended.recv_timeout(Duration::from_secs(20)), Ok(Vec::new()));
    }
}
