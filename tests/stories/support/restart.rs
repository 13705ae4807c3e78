//! Servers that are stopped and started by a shell command, as a service manager would.

use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

use super::{TestCluster, quoted, server_named};

/// Stops the server in a directory, if it runs, and waits until it has gone; starts another on its
/// files, unless there is none to start, and waits until it can be stopped again. Only one at a time
/// does so: a run that was killed leaves its command behind. A server that is left behind ends after a
/// while by itself.
const SCRIPT: &str = r#"set -e
cd "$1"
exec 9>restart.lock
flock 9
if [ -e redis.pid ]; then
  pid=$(cat redis.pid)
  kill "$pid" 2>/dev/null || true
  while [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$(pwd -P)" ]; do sleep 0.02; done
  rm -f redis.pid
fi
[ -n "$2" ] || exit 0
LC_ALL=C setsid timeout -s KILL 900 "$2" redis.conf </dev/null >>redis.log 2>&1 9>&- &
until [ -e redis.pid ] || ! kill -0 $! 2>/dev/null; do sleep 0.02; done
"#;

/// The way to restart the servers of a cluster; ends those that it has started.
pub struct Restarter {
    script: PathBuf,
    root: PathBuf,
    dirs: Vec<PathBuf>,
}

impl Restarter {
    /// Dropped before the cluster, whose files it needs.
    pub fn of(cluster: &TestCluster) -> Restarter {
        let script = cluster.dir().join("restart.sh");
        std::fs::write(&script, SCRIPT).expect("a script");
        let dirs = cluster.nodes.iter().map(|node| node.dir().to_owned()).collect();
        Restarter { script, root: cluster.dir().canonicalize().expect("a directory"), dirs }
    }

    /// A command that restarts the node with a server, by its name in `.ci/servers.sh`.
    pub fn with(&self, server: &str) -> String {
        self.words(&quoted(&server_named(server)))
    }

    /// A command that stops the node and starts none.
    pub fn stop(&self) -> String {
        self.words("''")
    }

    fn words(&self, server: &str) -> String {
        format!("sh {} {}/{{port}} {server}", quoted(&self.script), quoted(&self.root))
    }

    /// Restarts a node, or stops it, by hand.
    pub fn by_hand(&self, command: &str, port: u16) {
        let command = command.replace("{port}", &port.to_string());
        let status = std::process::Command::new("sh").args(["-c", &command]).status();
        assert!(status.expect("a shell").success(), "{command}");
    }
}

/// The server that runs in a directory.
fn pid(dir: &Path) -> Option<Pid> {
    let pid = std::fs::read_to_string(dir.join("redis.pid")).ok()?.trim().parse().ok()?;
    let cwd = std::fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    (cwd == dir).then_some(Pid::from_raw(pid)).flatten()
}

fn kill(dir: &Path) {
    if let Some(pid) = pid(dir) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

impl Drop for Restarter {
    fn drop(&mut self) {
        self.dirs.iter().for_each(|dir| kill(dir));
    }
}

/// The command that `rolling` prints for the case that it does not come to its end.
pub fn resume(err: &str) -> String {
    let mut lines = err.lines().skip_while(|line| !line.ends_with("to resume, if interrupted:"));
    lines.nth(1).unwrap_or_else(|| panic!("no command in {err}")).trim().to_owned()
}
