//! The ways in which a line can be read, and which of them counts.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::sync::Arc;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, Args as _, FromArgMatches as _};

use super::tree::{Found, dressed, variables};
use crate::commands::args::{ConnectArgs, Environment, OutputArgs, is_set};
use crate::commands::cli::{Cli, Command, ENTRY, branch, command, entry_place, is_entry};
use crate::commands::contexts::{Contexts, NamedCluster, split};
use crate::model::NodeList;
use crate::render::Usage;

/// The variable of --cluster.
const CLUSTER: &str = "RCLUSTER_CLUSTER";

/// Whose command line it is: contexts and variables are for rcluster's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    Own,
    /// One of redis-cli or redis-trib, translated.
    Old,
}

/// Why there is no line, or what is to be shown in place of a run.
#[derive(Debug)]
pub enum Trouble {
    Line(clap::Error),
    Usage(Usage),
}

impl From<Usage> for Trouble {
    fn from(usage: Usage) -> Trouble {
        Trouble::Usage(usage)
    }
}

/// A line in one reading.
pub struct Read {
    pub cli: Cli,
    pub matches: ArgMatches,
    pub context: Option<NamedCluster>,
    words: Vec<OsString>,
    /// Flags of which a variable does not count beside another flag.
    dropped: BTreeSet<String>,
}

impl Read {
    fn has_entry(&self) -> bool {
        let command = self.matches.subcommand().map(|(_, matches)| matches);
        command.is_some_and(|matches| matches.try_contains_id(ENTRY).is_ok_and(|has| has))
    }
}

pub struct Line<'w> {
    words: &'w [OsString],
    speech: Speech,
    contexts: Arc<Contexts>,
}

impl<'w> Line<'w> {
    pub fn new(words: &'w [OsString], speech: Speech) -> Line<'w> {
        Line { words, speech, contexts: Arc::default() }
    }

    /// The reading that counts.
    pub fn read(&self) -> Result<Read, Trouble> {
        if self.speech == Speech::Old {
            return self.parse(self.words);
        }
        let variable = || std::env::var(CLUSTER).ok().filter(|name| !name.is_empty());
        let (flag, variable) = (self.flag(), variable());
        let mut read = match (&flag, &variable) {
            (Some(name), _) => self.by_flag(name)?,
            (None, Some(name)) => self.by_variable(name)?,
            (None, None) => self.parse(self.words)?,
        };
        if let Command::Context(context) = &read.cli.command {
            let name = context.wants(read.cli.connect.cluster.as_deref());
            read.context = name.map(|name| self.contexts.find(name)).transpose()?.cloned();
        } else if let Some(named) = flag.or(variable)
            && read.context.is_none()
            && read.cli.command.asks_servers()
            && !self.takes_entry()
        {
            let name = split(&named).map(|(name, _)| name);
            read.context = name.map(|name| self.contexts.find(name)).transpose()?.cloned();
        }
        Ok(read)
    }

    /// The same reading, where the context has what neither the line nor the environment gives.
    pub fn over(&self, read: &Read, cluster: &NamedCluster) -> Result<Read, Trouble> {
        self.parse_with(&read.words, read.dropped.clone(), Some(cluster))
    }

    /// The flag stands in place of ENTRY, which is left out.
    fn by_flag(&self, name: &str) -> Result<Read, Trouble> {
        let Some(words) = self.with_entry(name) else { return self.parse(self.words) };
        self.left_out(name, &words).or_else(|trouble| match self.parse(self.words) {
            // One that takes no ENTRY in this form.
            Ok(read) if !read.has_entry() => Ok(read),
            _ => Err(trouble),
        })
    }

    /// The variable is for lines without ENTRY. Where a line could be either, it is not guessed.
    fn by_variable(&self, name: &str) -> Result<Read, Trouble> {
        let Some(words) = self.with_entry(name) else { return self.parse(self.words) };
        match (self.parse(self.words), self.left_out(name, &words)) {
            (Ok(read), Ok(_)) if read.has_entry() => Err(self.ambiguous(name, &read).into()),
            (Ok(read), _) | (Err(_), Ok(read)) => Ok(read),
            (Err(Trouble::Line(error)), Err(other))
                if error.kind() == ErrorKind::MissingRequiredArgument =>
            {
                Err(other)
            }
            (Err(trouble), Err(_)) => Err(trouble),
        }
    }

    /// The line with what stands in place of ENTRY.
    fn left_out(&self, name: &str, words: &[OsString]) -> Result<Read, Trouble> {
        let is_address = name.parse::<NodeList>().is_ok();
        if let Some((context, _)) = split(name).filter(|_| !is_address) {
            self.contexts.find(context)?;
        }
        self.parse(words)
    }

    fn ambiguous(&self, name: &str, read: &Read) -> Usage {
        let command = read.matches.subcommand_name().unwrap_or_default();
        let given = read.matches.subcommand().and_then(|(_, matches)| matches.get_raw(ENTRY));
        let given = given.into_iter().flatten().next().unwrap_or_default().to_string_lossy();
        Usage::new(format!(
            "'{given}' could be ENTRY, or what follows it where {CLUSTER}={name} stands for ENTRY"
        ))
        .hint(format!("name the cluster: rcluster {command} {name} …, or unset {CLUSTER}"))
    }

    fn parse(&self, words: &[OsString]) -> Result<Read, Trouble> {
        let mut dropped = BTreeSet::new();
        loop {
            match self.parse_with(words, dropped.clone(), None) {
                // A flag in the line counts more than a variable that excludes it.
                Err(Trouble::Line(error)) if error.kind() == ErrorKind::ArgumentConflict => {
                    let before = dropped.len();
                    dropped.extend(self.flags_of_variables(&error));
                    if dropped.len() == before {
                        return Err(Trouble::Line(error));
                    }
                }
                read => return read,
            }
        }
    }

    fn parse_with(
        &self,
        words: &[OsString],
        dropped: BTreeSet<String>,
        cluster: Option<&NamedCluster>,
    ) -> Result<Read, Trouble> {
        let found = Arc::new(Found::default());
        let dress = |tree: clap::Command, is_shown: bool| match self.speech {
            Speech::Old => tree,
            Speech::Own => {
                let environment = Environment { is_shown, dropped: dropped.clone() };
                dressed(environment.add_to(tree), &self.contexts, &found, cluster)
            }
        };
        let parse = |mut tree: clap::Command| {
            let matches = tree.try_get_matches_from_mut(words)?;
            let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut tree))?;
            Ok((cli, matches))
        };
        // The whole tree has the help, and what is wrong. Its short help fits one screen.
        let is_long = words.iter().any(|word| word == "--help" || word == "help");
        let read =
            parse(dress(branch(words), false)).or_else(|error: clap::Error| match error.kind() {
                ErrorKind::DisplayVersion => Err(error),
                _ => parse(dress(command(), is_long)),
            });
        match (read, found.failure.get()) {
            (_, Some(failure)) => Err(Trouble::Usage(failure.clone())),
            (Err(error), None) => Err(Trouble::Line(error)),
            (Ok((cli, matches)), None) => Ok(Read {
                cli,
                matches,
                context: found.context.get().cloned(),
                words: words.to_vec(),
                dropped,
            }),
        }
    }

    /// Of the flags that exclude each other, those that only a variable gives.
    fn flags_of_variables(&self, error: &clap::Error) -> Vec<String> {
        let kinds = [ContextKind::InvalidArg, ContextKind::PriorArg];
        let named =
            kinds.iter().filter_map(|kind| error.get(*kind)).flat_map(|value| match value {
                ContextValue::String(text) => vec![text.clone()],
                ContextValue::Strings(texts) => texts.clone(),
                _ => Vec::new(),
            });
        let long = |text: String| {
            let end = text.find([' ', '=', '[']).unwrap_or(text.len());
            text[..end].strip_prefix("--").map(str::to_owned)
        };
        let is_typed = |flag: &str| {
            let word = |word: &OsString| {
                let rest =
                    word.to_str().and_then(|word| word.strip_prefix("--")?.strip_prefix(flag));
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
            };
            self.words.iter().any(word)
        };
        let variables = variables(self.words);
        let has_variable =
            |flag: &str| variables.iter().any(|(known, name)| known == flag && is_set(name));
        let named = named.filter_map(long).collect::<Vec<_>>();
        let (weak, strong): (Vec<_>, Vec<_>) =
            named.into_iter().partition(|flag| !is_typed(flag) && has_variable(flag));
        // Two variables that exclude each other are a mistake.
        if strong.is_empty() { Vec::new() } else { weak }
    }

    /// What to add to an error of the line: the variables that took part in it.
    pub fn variables_in_use(&self, error: &clap::Error) -> String {
        if self.speech == Speech::Old || !error.use_stderr() {
            return String::new();
        }
        let names = variables(self.words).into_iter().map(|(_, name)| name);
        let names: BTreeSet<String> = names.filter(|name| is_set(name)).collect();
        match names.is_empty() {
            true => String::new(),
            false => {
                let names = names.into_iter().collect::<Vec<_>>().join(", ");
                format!("\nset in the environment: {names}\n")
            }
        }
    }

    /// What --cluster names, wherever it stands in the line.
    fn flag(&self) -> Option<String> {
        let looks_so = |word: &OsString| {
            word.to_str()
                .is_some_and(|word| word.starts_with("-c") || word.starts_with("--cluster"))
        };
        if !self.words.iter().any(looks_so) {
            return None;
        }
        // ENTRY may be any word here, as what follows it is in its place.
        let mut tree = branch(self.words).ignore_errors(true);
        let names: Vec<String> =
            tree.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
        for name in names {
            let any_word = |arg: clap::Arg| match is_entry(&arg) {
                true => arg.value_parser(clap::value_parser!(OsString)),
                false => arg,
            };
            tree = tree.mut_subcommand(name, |sub| sub.mut_args(any_word));
        }
        let matches = tree.try_get_matches_from(self.words).ok()?;
        matches.get_one::<String>("cluster").cloned()
    }

    /// Where the command's name stands among the words.
    fn command_at(&self) -> Option<usize> {
        let root = clap::Command::new("rcluster").allow_external_subcommands(true);
        let root = root.external_subcommand_value_parser(clap::value_parser!(OsString));
        let root = OutputArgs::augment_args(ConnectArgs::augment_args(root));
        let matches = root.try_get_matches_from(self.words).ok()?;
        let (_, rest) = matches.subcommand()?;
        let rest = rest.get_many::<OsString>("").map_or(0, Iterator::count);
        self.words.len().checked_sub(rest + 1)
    }

    /// Where ENTRY stands among the arguments of the line's command.
    fn place(&self) -> Option<(usize, usize)> {
        let at = self.command_at()?;
        let tree = branch(&self.words[at..=at]);
        let place = tree.get_subcommands().next().and_then(entry_place)?;
        Some((at, place))
    }

    fn takes_entry(&self) -> bool {
        self.place().is_some()
    }

    /// The words with this as ENTRY, where the command takes one.
    fn with_entry(&self, entry: &str) -> Option<Vec<OsString>> {
        let (at, place) = self.place()?;
        let mut words = self.words.to_vec();
        // Where something stands before ENTRY, nothing follows it.
        let at = if place == 0 { at + 1 } else { words.len() };
        words.insert(at, entry.into());
        Some(words)
    }
}
