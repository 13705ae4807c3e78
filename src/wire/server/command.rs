//! Commands as they are made, and as errors quote them.

use itertools::Itertools;
use redis::{Cmd, cmd};

use crate::model::printable;

/// The longest part of a command that an error quotes.
const QUOTED: usize = 100;

pub(super) fn select(database: u32) -> Cmd {
    words(&["SELECT", &database.to_string()])
}

pub(in crate::wire) fn words(words: &[&str]) -> Cmd {
    let mut command = Cmd::new();
    command.arg(words);
    command
}

pub(in crate::wire) fn cluster(rest: &[&str]) -> Cmd {
    let mut command = cmd("CLUSTER");
    command.arg(rest);
    command
}

/// A command for an error message: never a credential, never a screenful.
pub(in crate::wire) fn quote(command: &Cmd) -> String {
    let mut args = command.args_iter().filter_map(|arg| match arg {
        // Keys are bytes: what they would do to a terminal is no message.
        redis::Arg::Simple(bytes) => Some(printable(&bytes[..bytes.len().min(QUOTED * 4)])),
        _ => None,
    });
    let name = args.clone().next().unwrap_or_default();
    let text = match &*name {
        "AUTH" => name,
        // The target and no more: the rest holds credentials and keys.
        "MIGRATE" => args.by_ref().take(3).join(" "),
        // The key and no more: the rest is its value.
        "RESTORE" => args.by_ref().take(2).join(" "),
        _ => args.join(" "),
    };
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
