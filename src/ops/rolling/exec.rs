//! Running the command that restarts a node.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::model::printable_lines;
use crate::ops::interrupt::Interrupt;
use crate::ops::wait::{Deadline, Waited};
use crate::plan::rolling::CommandNode;

/// Of its output the last lines are shown, and of these no more than so many bytes.
const LINES: usize = 10;
const BYTES: u64 = 4096;

/// How long a command that is stopped may take to end.
const GRACE: Duration = Duration::from_secs(2);

/// How a command did not come to a good end.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommandError {
    #[error("could not be run: {0}")]
    NotRun(String),
    #[error("failed: {0}")]
    Failed(ExitStatus),
    #[error("did not end within {} and was stopped", humantime::format_duration(*.0))]
    TimedOut(Duration),
    #[error("was stopped by {0}")]
    Interrupted(&'static str),
}

/// The same, with the last lines that it wrote, escaped.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
pub struct CommandFailure {
    pub error: CommandError,
    pub output: Vec<String>,
}

/// Runs a command with `sh -c` and waits for its end. A server that it starts and leaves behind may
/// keep its output open: only the shell is waited for.
pub(super) fn run(
    command: &str,
    node: &CommandNode,
    deadline: &Deadline,
) -> Result<(), CommandFailure> {
    let not_run = |error: io::Error| CommandError::NotRun(error.to_string());
    let silent = |error| CommandFailure { error: not_run(error), output: Vec::new() };
    let mut output = tempfile::tempfile().map_err(silent)?;
    let mut child = spawn(command, node, &output).map_err(silent)?;
    let waited = deadline.together().until_empty(|| {
        let ended = child.try_wait()?;
        Ok::<_, io::Error>(if ended.is_some() { Vec::new() } else { vec![()] })
    });
    let error = match (waited, deadline.interrupt().signal()) {
        (Ok(Waited::Done(_)), _) => match child.wait() {
            Ok(status) if status.success() => return Ok(()),
            Ok(status) => CommandError::Failed(status),
            Err(error) => not_run(error),
        },
        (Err(error), _) => not_run(error),
        (Ok(Waited::Incomplete(_)), signal) => {
            stop(&mut child);
            match signal {
                Some(signal) => CommandError::Interrupted(signal),
                None => CommandError::TimedOut(deadline.allowed()),
            }
        }
    };
    Err(CommandFailure { error, output: last_lines(&mut output).unwrap_or_default() })
}

fn spawn(command: &str, node: &CommandNode, output: &File) -> io::Result<Child> {
    // A group of its own: Ctrl-C reaches it through us, and with all that it has started.
    Command::new("sh")
        .args(["-c", command])
        .envs(node.environment())
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output.try_clone()?)
        .process_group(0)
        .spawn()
}

/// Ends the command and what is left of its group.
fn stop(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    for signal in [Signal::TERM, Signal::KILL] {
        if let Some(group) = group {
            let _ = kill_process_group(group, signal);
        }
        let ended = Deadline::after(GRACE, Interrupt::default()).together().until_empty(|| {
            let ended = child.try_wait()?;
            Ok::<_, io::Error>(if ended.is_some() { Vec::new() } else { vec![()] })
        });
        if matches!(ended, Ok(Waited::Done(_))) && signal == Signal::KILL {
            return;
        }
    }
}

fn last_lines(output: &mut File) -> io::Result<Vec<String>> {
    let size = output.seek(SeekFrom::End(0))?;
    output.seek(SeekFrom::Start(size.saturating_sub(BYTES)))?;
    let mut bytes = Vec::new();
    output.read_to_end(&mut bytes)?;
    let text = printable_lines(&bytes);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(LINES)..];
    Ok(last.iter().map(|line| (*line).to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_for(command: &str, allowed: Duration) -> Result<(), CommandFailure> {
        let id = "07c37dfeb235213a872192d90877d0cd55635b91".parse().unwrap();
        let addr = "10.0.0.1:7001".parse().unwrap();
        let node = CommandNode { addr, id, role: "replica" };
        run(command, &node, &Deadline::after(allowed, Interrupt::default()))
    }

    #[test]
    fn what_a_command_wrote_is_shown_where_it_fails() {
        let timeout = Duration::from_secs(20);
        assert!(run_for("test \"$RCLUSTER_NODE_ADDR\" = 10.0.0.1:7001", timeout).is_ok());
        let failure = run_for("seq 20; printf 'no\\033[2J\\n' >&2; exit 7", timeout).unwrap_err();
        assert!(failure.to_string().contains("exit status: 7"), "{failure}");
        assert_eq!(failure.output.len(), LINES);
        assert_eq!(failure.output.last().unwrap(), r"no\u{1b}[2J");
        // A server that it leaves behind keeps the output open.
        assert!(run_for("sleep 5 & exit 0", timeout).is_ok());
    }

    #[test]
    fn a_command_that_hangs_is_stopped_with_its_children() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        // Read to its end once nobody is left that could write to it.
        let held = pipe.clone();
        let reader = std::thread::spawn(move || std::fs::read(held).map(|bytes| bytes.len()));
        let begun = std::time::Instant::now();
        let command = format!("exec 3>'{}'; sleep 60 & wait", pipe.display());
        let failure = run_for(&command, Duration::from_millis(300)).unwrap_err();
        assert!(matches!(failure.error, CommandError::TimedOut(_)), "{failure}");
        assert_eq!(reader.join().unwrap().unwrap(), 0);
        assert!(begun.elapsed() < Duration::from_secs(30));
        // One that ignores SIGTERM is killed.
        assert!(
            run_for("trap '' TERM; while :; do sleep 0.1; done", Duration::from_millis(50))
                .is_err()
        );
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}
