//! Signals to processes.

use std::process::Child;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

pub(super) fn as_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// A process that has ended in the meantime is no error.
pub(super) fn signal_process(pid: u32, signal: Signal) {
    let _ = as_pid(pid).map(|pid| kill_process(pid, signal));
}

/// Sends a signal to a program and to all that it has started: a wrapper script may have the server
/// as its child. The program must lead a process group.
pub(super) fn signal_group(child: &Child, signal: Signal) {
    let _ = as_pid(child.id()).map(|group| kill_process_group(group, signal));
}

/// Kills a process that has not been waited for, and all that it has started, as far as the system
/// shows it (`/proc`). For one that has to stay in the terminal's process group, as it may ask there.
pub fn kill_family(pid: u32) {
    // Stopped, it starts no more.
    signal_process(pid, Signal::STOP);
    let parents = parents();
    let mut family = vec![pid];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        let children = parents.iter().filter(|(_, of)| *of == parent).map(|(child, _)| *child);
        family.extend(children);
        next += 1;
    }
    family.into_iter().rev().for_each(|pid| signal_process(pid, Signal::KILL));
}

/// Each process and its parent; nothing where there is no `/proc`.
fn parents() -> Vec<(u32, u32)> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let stats = entries.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read(entry.path().join("stat")).ok()?;
        Some((pid, parent(&stat)?))
    });
    stats.collect()
}

/// The fourth field of `/proc/PID/stat`. The second, the program's name, may have anything in it.
fn parent(stat: &[u8]) -> Option<u32> {
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(&stat[end + 1..]).ok()?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_read_after_whatever_name() {
        assert_eq!(parent(b"12 (sh) S 7 12 12 0"), Some(7));
        assert_eq!(parent(b"12 (a) R 1 (\xff) S 7 12 12 0"), Some(7));
        assert_eq!(parent(b"12 (sh"), None);
    }
}
