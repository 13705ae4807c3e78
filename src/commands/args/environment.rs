//! The environment variable of each flag.
//!
//! `--timeout` of every command is RCLUSTER_TIMEOUT; a flag of one command has the command's name
//! before its own: RCLUSTER_CHECK_STRICT. A flag in the line counts more, and an empty variable is
//! one that is not set. Flags of `NEVER` have none.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};

use clap::builder::BoolishValueParser;
use clap::{Arg, ArgAction, Command};

/// Flags without a variable: they accept a loss, or say yes to one plan that somebody has seen. A
/// variable that was set for another run, in another window, must not say it. `dry-run` is among them
/// as a script would take a run that changed nothing for one that did.
const NEVER: [&str; 16] = [
    "accept-data-loss",
    "accept-fewer-replicas",
    "accept-older-replicas",
    "confirm",
    "dry-run",
    "flush",
    "force",
    "hard",
    "help",
    "prune",
    "purge",
    "replace",
    "takeover",
    "version",
    "with-unreachable-masters",
    "yes",
];

/// What the names of all variables begin with.
const PREFIX: &str = "RCLUSTER";

/// Flags of several commands that mean the same for a whole cluster.
const SHARED: [&str; 1] = ["zones"];

/// What the environment adds to a command line.
#[derive(Debug, Default)]
pub struct Environment {
    /// Whether help lists the variables.
    pub is_shown: bool,
    /// Flags whose variables do not count in this line.
    pub dropped: BTreeSet<String>,
}

impl Environment {
    /// The tree, its flags with their variables.
    pub fn add_to(&self, tree: Command) -> Command {
        // Most runs have none: then no flag is looked up.
        let is_own = |name: OsString| name.as_encoded_bytes().starts_with(PREFIX.as_bytes());
        match self.is_shown || std::env::vars_os().any(|(name, _)| is_own(name)) {
            true => self.add_below(tree, PREFIX),
            false => tree,
        }
    }

    fn add_below(&self, command: Command, prefix: &str) -> Command {
        let names: Vec<String> =
            command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
        let command = command.mut_args(|arg| self.add(arg, prefix));
        names.into_iter().fold(command, |command, name| {
            let prefix = format!("{prefix}_{}", upper(&name));
            command.mut_subcommand(name, |sub| self.add_below(sub, &prefix))
        })
    }

    fn add(&self, arg: Arg, prefix: &str) -> Arg {
        let Some(name) = variable(&arg, prefix) else { return arg };
        let is_dropped = arg.get_long().is_some_and(|long| self.dropped.contains(long));
        // One that has a variable already is its command's own business.
        if arg.get_env().is_some() || is_dropped || (!self.is_shown && !is_set(&name)) {
            return arg;
        }
        let arg = match arg.get_action() {
            ArgAction::SetTrue => arg.value_parser(BoolishValueParser::new()),
            _ => arg,
        };
        arg.env(name).hide_env_values(true).hide_env(!self.is_shown)
    }
}

/// The variable of a flag of the command with this prefix, if it has one.
pub fn variable(arg: &Arg, prefix: &str) -> Option<String> {
    if let Some(name) = arg.get_env() {
        return Some(name.to_string_lossy().into_owned());
    }
    let long = arg.get_long().filter(|long| !NEVER.contains(long))?;
    let prefix = if SHARED.contains(&long) { PREFIX } else { prefix };
    Some(format!("{prefix}_{}", upper(long)))
}

/// Whether it has a value that is not empty.
pub fn is_set(name: impl AsRef<OsStr>) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

fn upper(name: &str) -> String {
    name.to_uppercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::commands::cli::command;

    /// Every flag of the tree: its command, its name, and its variable.
    fn flags(command: &Command, prefix: &str) -> Vec<(String, String, Option<String>)> {
        let own = command.get_arguments().filter_map(|arg| {
            Some((prefix.to_owned(), arg.get_long()?.to_owned(), variable(arg, prefix)))
        });
        let below = command
            .get_subcommands()
            .flat_map(|sub| flags(sub, &format!("{prefix}_{}", upper(sub.get_name()))));
        own.chain(below).collect()
    }

    #[test]
    fn every_flag_has_a_variable_of_its_own_but_those_that_accept_a_loss() {
        let all = flags(&command(), "RCLUSTER");
        assert!(all.len() > 150, "{}", all.len());
        for never in NEVER.into_iter().filter(|name| !["help", "version"].contains(name)) {
            assert!(all.iter().any(|(_, flag, _)| flag == never), "no flag is --{never}");
        }
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for (command, flag, name) in all {
            assert_eq!(name.is_none(), NEVER.contains(&&*flag), "{command} --{flag}: {name:?}");
            let Some(name) = name else { continue };
            let typed = format!("{command} --{flag}");
            if let Some(other) = names.insert(name.clone(), typed.clone()) {
                // One of a whole group of commands.
                let is_same = other.ends_with(&format!(" --{flag}"));
                assert!(is_same, "{name} is the variable of {other} and of {typed}");
            }
        }
        for (name, flag) in [
            ("RCLUSTER_TIMEOUT", "RCLUSTER --timeout"),
            ("RCLUSTER_CACERT", "RCLUSTER --cacert"),
            ("RCLUSTER_CLUSTER", "RCLUSTER --cluster"),
            ("RCLUSTER_DEL_NODE_VERIFY_AFTER", "RCLUSTER_DEL_NODE --verify-after"),
            ("RCLUSTER_SANDBOX_UP_PORTS", "RCLUSTER_SANDBOX_UP --ports"),
        ] {
            assert_eq!(names.get(name).map(String::as_str), Some(flag));
        }
    }

    #[test]
    fn long_help_lists_the_variables_and_shows_no_values() {
        let environment = Environment { is_shown: true, ..Environment::default() };
        let mut tree = environment.add_to(command());
        tree.build();
        let check = tree.find_subcommand_mut("check").unwrap();
        let help = check.render_long_help().to_string();
        assert!(help.contains("[env: RCLUSTER_CHECK_STRICT]"), "{help}");
        assert!(!check.render_help().to_string().contains("RCLUSTER_YES"), "{help}");
        let help = tree.render_long_help().to_string();
        assert!(help.contains("[env: RCLUSTER_TIMEOUT]"), "{help}");
    }
}
