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
