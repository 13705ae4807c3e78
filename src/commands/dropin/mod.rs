//! The old command lines, so that scripts for redis-cli, valkey-cli and redis-trib keep working:
//! reads them as those programs do. Pure: no server, no terminal, no environment.

mod error;
mod read;
mod uri;
mod vocabulary;

use std::ffi::OsString;

/// Whether a command line is an old one. `program` is the file name that it was called by.
///
/// rcluster has no `--cluster` of its own, but commands for the servers may hold any word: only
/// where redis-cli would see an option does it count, which is before the first plain word.
pub fn is_dropin(program: &str, args: &[OsString]) -> bool {
    is_trib(program) || read::leads_to_cluster(args)
}

fn is_trib(program: &str) -> bool {
    program.starts_with("redis-trib")
}
