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
mod uri;
mod vocabulary;
mod words;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fmt;

use crate::render::Dialect;
pub use error::DropinError;
pub use run::run;

/// An old command line in rcluster's words.
#[derive(Clone, PartialEq, Eq)]
pub struct Translation {
    /// rcluster's arguments, without the program's name.
    pub args: Vec<OsString>,
    /// What they need in the environment: passwords are no arguments.
    pub env: Vec<(&'static str, String)>,
    /// What was accepted and has no meaning here, each a sentence.
    pub warnings: Vec<String>,
    /// What the old program would ask for, in its order; the answers belong at the end of `args`.
    pub asks: Vec<Ask>,
    /// Whether to look for slots with several owners afterwards.
    pub searches_owners: bool,
}

/// What reshard asks for on standard input where no option says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// How many slots move.
    Slots,
    /// The id of the node that gets them.
    To,
    /// The ids of the nodes that give them, or `all`.
    From,
}

impl Ask {
    /// rcluster's option for the answer, and a word that stands for it.
    pub fn option(self) -> (&'static str, &'static str) {
        match self {
            Ask::Slots => ("--count", "COUNT"),
            Ask::To => ("--to", "ID"),
            Ask::From => ("--from", "IDS"),
        }
    }
}

impl Translation {
    /// One line for a shell. Passwords are left out, what would be asked for is named.
    pub fn line(&self) -> String {
        let env = self.env.iter().map(|(name, _)| format!("{name}=***"));
        let args = self.args.iter().map(|word| crate::commands::shell::quoted(word));
        let asked = self.asks.iter().map(|ask| {
            let (option, word) = ask.option();
            format!("{option} {word}")
        });
        let words = env.chain(["rcluster".to_owned()]).chain(args).chain(asked);
        words.collect::<Vec<_>>().join(" ")
    }
}

/// Without the passwords.
impl fmt::Debug for Translation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Translation").field(&self.line()).field(&self.warnings).finish()
    }
}

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
