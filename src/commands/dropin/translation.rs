//! What an old command line comes to.

use std::ffi::OsString;
use std::fmt;

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
