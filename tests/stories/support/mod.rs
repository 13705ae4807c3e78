//! Servers and runs of rcluster for the stories.

mod cluster;
pub mod data;
pub mod faults;
mod ports;
mod restart;
mod run;
mod schema;
mod screen;

pub use cluster::{Server, TestCluster, are_here, server_dir, server_named, server_under_test};
pub use ports::Port;
pub use restart::{Restarter, resume};
pub use run::{
    Run, Running, rcluster, rcluster_asked, rcluster_at_terminal, rcluster_at_terminal_with,
    rcluster_with, send, start, typed,
};

pub use screen::{Screen, has_tmux};

use std::time::{Duration, Instant};

/// The longest that anything in a story may take.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Looks until `is_so`, or fails the story saying what never came.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "this never came true: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A path as a word of a shell script, whatever is in it.
pub fn quoted(path: &std::path::Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
