//! The old programs' own words for what went wrong, told beside ours.

use std::ffi::OsString;

use super::error::DropinError;
use crate::model::{NodeAddr, NodeRef};
use crate::render::Failure;
use crate::render::legacy::Refusal;

/// What is said of a mistake in the command line.
pub fn mistake(error: &DropinError) -> Vec<Refusal> {
    match error {
        DropinError::UnknownSubcommand(_) => vec![Refusal::UnknownSubcommand],
        DropinError::UnknownOption(word) => vec![Refusal::UnknownOption(word.clone())],
        DropinError::Missing { .. } | DropinError::TooMany { .. } | DropinError::NoNode(_) => {
            vec![Refusal::WrongNumber]
        }
        DropinError::BadNode(_) => vec![Refusal::NoAddress],
        _ => Vec::new(),
    }
}

/// The old programs take any word for an id; one that cannot be one is no node of any cluster.
pub fn nameless(args: &[OsString]) -> Option<Refusal> {
    let words: Vec<_> = args.iter().map(|word| word.to_string_lossy()).collect();
    let is_nameless = |word: &str| word.parse::<NodeRef>().is_err();
    if let [command, _, node, ..] = &words[..]
        && command == "del-node"
        && is_nameless(node)
    {
        return Some(Refusal::NoSuchNode(node.to_string()));
    }
    words.windows(2).find_map(|pair| {
        let value = pair[1].to_string();
        let first =
            |text: &str, end: char| text.split(end).find(|it| is_nameless(it)).map(str::to_owned);
        match &*pair[0] {
            "--to" => is_nameless(&value).then_some(Refusal::NotAMaster(value)),
            "--from" if words[0] == "reshard" && value != "all" => {
                first(&value, ',').map(Refusal::NotAMaster)
            }
            "--replica-of" if value != "auto" => {
                is_nameless(&value).then_some(Refusal::NoSuchMaster(value))
            }
            "--weight" => {
                let node = value.rsplit_once('=').map_or(&*value, |(node, _)| node);
                is_nameless(node).then(|| Refusal::NoSuchWeight(node.to_owned()))
            }
            _ => None,
        }
    })
}

/// What add-node says beside that if there is no connection to the node that is to be added.
pub fn new_unreachable(failure: &Failure, args: &[OsString]) -> Option<Refusal> {
    let [command, new, ..] = args else { return None };
    let new: NodeAddr = new.to_string_lossy().parse().ok()?;
    let is_new =
        |refusal: &Refusal| matches!(refusal, Refusal::Unreachable(node, _) if *node == new);
    let is_it = command == "add-node" && failure.known_as.iter().any(is_new);
    is_it.then_some(Refusal::NewUnreachable(new))
}
