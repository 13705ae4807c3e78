//! The old command lines, so that scripts for redis-cli, valkey-cli and redis-trib keep working:
//! reads them as those programs do, and says the same in rcluster's own words. Pure: no server, no
//! terminal, no environment.

mod ask;
mod before;
mod error;
mod native;
mod owners;
mod read;
mod run;
mod translate;
mod translation;
mod uri;
mod vocabulary;
mod words;

#[cfg(test)]
mod tests;

use std::ffi::OsString;

use crate::render::Dialect;
pub use error::DropinError;
pub use run::run;
pub use translation::{Ask, Translation};

/// Whether a command line is an old one. `program` is the file name that it was called by.
///
/// rcluster has no `--cluster` of its own, but commands for the servers may hold any word: only
/// where redis-cli would see an option does it count, which is before the first plain word.
pub fn is_dropin(program: &str, args: &[OsString]) -> bool {
    is_trib(program) || read::leads_to_cluster(args)
}

/// Translates an old command line. `program` is the file name that it was called by: redis-trib's
/// grammar differs, all others are redis-cli's.
pub fn translate(program: &str, args: &[OsString]) -> Result<Translation, DropinError> {
    let old = if is_trib(program) { read::trib(args)? } else { read::cli(args)? };
    translate::translation(&old)
}

/// Whether this is the name of one of the programs whose command lines are read.
pub fn is_old_program(program: &str) -> bool {
    is_trib(program) || matches!(program, "redis-cli" | "valkey-cli" | "rcluster")
}

/// Whether redis-cli takes this for a subcommand of `--cluster`.
pub fn is_subcommand(word: &str) -> bool {
    vocabulary::Command::named(word.as_ref()).is_some()
}

/// In whose words a program of this name speaks.
fn dialect(program: &str) -> Dialect {
    match program.starts_with("valkey-cli") {
        true => Dialect::Valkey,
        false => Dialect::Redis,
    }
}

fn is_trib(program: &str) -> bool {
    program.starts_with("redis-trib")
}
