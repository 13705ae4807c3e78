//! The tree of commands, with what contexts and the environment add to it.

use std::ffi::OsString;
use std::sync::{Arc, OnceLock};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use itertools::Itertools;

use crate::commands::args::variable;
use crate::commands::cli::{branch, is_entry};
use crate::commands::context::{Setting, Source};
use crate::commands::contexts::{Contexts, NamedCluster, split};
use crate::model::{NodeList, NodeUrl, nearest, parts};
use crate::render::Usage;

/// What was found in the place of ENTRY.
#[derive(Debug, Default)]
pub struct Found {
    pub context: OnceLock<NamedCluster>,
    /// The contexts cannot be read.
    pub failure: OnceLock<Usage>,
}

/// The tree in which ENTRY may be a context's name, and in which a context gives the defaults.
pub fn dressed(
    tree: Command,
    contexts: &Arc<Contexts>,
    found: &Arc<Found>,
    cluster: Option<&NamedCluster>,
) -> Command {
    let (contexts, found) = (contexts.clone(), found.clone());
    let read = move |word: &str| entry(word, &contexts, &found);
    let names: Vec<String> = tree.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let by_context = |arg: Arg| match cluster {
        Some(cluster) => with_default(arg, cluster),
        None => arg,
    };
    let with_names = |arg: Arg| match is_entry(&arg) {
        true => arg.value_parser(read.clone()),
        false => by_context(arg),
    };
    let tree = if cluster.is_some() { tree.mut_args(by_context) } else { tree };
    names
        .into_iter()
        .fold(tree, |tree, name| tree.mut_subcommand(name, |sub| sub.mut_args(with_names)))
}

fn with_default(arg: Arg, cluster: &NamedCluster) -> Arg {
    let mut options = cluster.options.iter();
    match options.find(|(option, _)| arg.get_id() == *option) {
        Some((_, values)) => arg.default_values(values.iter().cloned()),
        None => arg,
    }
}

/// ENTRY: addresses, the name of a context, or `name/host:port`.
fn entry(word: &str, contexts: &Contexts, found: &Found) -> Result<NodeList, String> {
    let error = match word.parse::<NodeList>() {
        Ok(list) => return Ok(list),
        Err(error) => error.to_string(),
    };
    let Some((name, nodes)) = split(word) else { return Err(error) };
    let all = contexts.all().map_err(|failure| {
        let _ = found.failure.set(failure);
        error.clone()
    })?;
    let names = || all.iter().map(|cluster| cluster.name.as_str());
    let Some(cluster) = all.iter().find(|cluster| cluster.name == name) else {
        return Err(match (nearest(name, names()), all.is_empty()) {
            (Some(meant), _) => {
                format!(
                    "it is neither an address (host:port) nor a context: did you mean '{meant}'?"
                )
            }
            (None, false) => format!("{error}; the contexts are {}", names().join(", ")),
            (None, true) => error,
        });
    };
    let list = match nodes {
        None => cluster.entries.clone(),
        Some(nodes) if parts(nodes).into_iter().any(|part| NodeUrl::read(part).is_some()) => {
            return Err("behind a context's name stand addresses, not URLs".to_owned());
        }
        Some(nodes) => nodes.parse::<NodeList>().map_err(|error| error.to_string())?.within(name),
    };
    let _ = found.context.set(cluster.clone());
    Ok(list)
}

/// The flags of the commands among these words, each with its variable.
pub fn variables(words: &[OsString]) -> Vec<(String, String)> {
    fn walk(command: &Command, prefix: &str, found: &mut Vec<(String, String)>) {
        found.extend(
            command
                .get_arguments()
                .filter_map(|arg| Some((arg.get_long()?.to_owned(), variable(arg, prefix)?))),
        );
        for sub in command.get_subcommands() {
            let prefix = format!("{prefix}_{}", sub.get_name().to_uppercase().replace('-', "_"));
            walk(sub, &prefix, found);
        }
    }
    let mut found = Vec::new();
    walk(&branch(words), "RCLUSTER", &mut found);
    found
}

/// The connection options that have a value, and where each comes from.
pub fn settings(matches: &ArgMatches, cluster: Option<&NamedCluster>) -> Vec<Setting> {
    let tree = branch(&[]);
    let connection =
        tree.get_arguments().filter(|arg| arg.get_help_heading() == Some("Connection"));
    let has = |id: &str| {
        cluster.is_some_and(|cluster| cluster.options.iter().any(|(option, _)| *option == id))
    };
    let setting = |arg: &Arg| {
        let (id, name) = (arg.get_id().as_str(), arg.get_long()?);
        let source = match matches.value_source(id)? {
            ValueSource::CommandLine => Source::Flag,
            ValueSource::EnvVariable => Source::Environment(variable(arg, "RCLUSTER")?),
            _ if has(id) => Source::Context,
            _ => Source::Default,
        };
        let values = match arg.get_action() {
            ArgAction::SetTrue => matches.get_flag(id).then(|| vec!["yes".to_owned()])?,
            _ => matches.get_raw(id)?.map(|value| value.to_string_lossy().into_owned()).collect(),
        };
        Some(Setting { name: name.to_owned(), values, source })
    };
    connection.filter_map(setting).collect()
}
