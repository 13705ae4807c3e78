//! Reads an old command line as the old program would: which words are options, which are values,
//! where the subcommand's arguments end.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::str::FromStr;

use super::error::DropinError;
use super::uri;
use super::vocabulary::{Command, Flag, Takes, of_cli, of_trib};

/// An old command line, read.
#[derive(Default)]
pub struct Old {
    pub command: Option<Command>,
    /// The subcommand's arguments.
    pub words: Vec<OsString>,
    pub weights: Vec<OsString>,
    /// Words behind the arguments' end, which redis-cli passes over.
    pub strays: Vec<OsString>,
    options: BTreeMap<Flag, Given>,
}

/// An option as it was typed last.
struct Given {
    name: String,
    value: OsString,
}

impl Old {
    pub fn has(&self, flag: Flag) -> bool {
        self.options.contains_key(&flag)
    }

    /// How the option was spelled.
    pub fn name(&self, flag: Flag) -> &str {
        self.options.get(&flag).map_or("", |given| &given.name)
    }

    pub fn value(&self, flag: Flag) -> Option<&OsStr> {
        self.options.get(&flag).map(|given| given.value.as_os_str())
    }

    pub fn text(&self, flag: Flag) -> Result<Option<&str>, DropinError> {
        // Not with the value: it may be a password.
        let no_text = || DropinError::NoText(self.name(flag).to_owned());
        self.value(flag).map(|value| value.to_str().ok_or_else(no_text)).transpose()
    }

    /// A value that must be of a type and pass a test.
    pub fn number<T: FromStr>(
        &self,
        flag: Flag,
        wants: &'static str,
        fits: impl Fn(&T) -> bool,
    ) -> Result<Option<T>, DropinError> {
        let Some(value) = self.value(flag) else { return Ok(None) };
        let number = value.to_str().and_then(|text| text.trim().parse().ok());
        number.filter(fits).map(Some).ok_or_else(|| self.bad(flag, wants, value))
    }

    pub fn bad(&self, flag: Flag, wants: &'static str, value: &OsStr) -> DropinError {
        let value = value.to_string_lossy().into_owned();
        DropinError::BadValue { option: self.name(flag).to_owned(), wants, value }
    }

    /// Two options of which at most one may be there.
    pub fn exclude(&self, one: Flag, other: Flag) -> Result<(), DropinError> {
        match self.has(one) && self.has(other) {
            true => {
                let names = (self.name(one).to_owned(), self.name(other).to_owned());
                Err(DropinError::Exclusive(names.0, names.1))
            }
            false => Ok(()),
        }
    }

    fn set(&mut self, flag: Flag, name: &OsStr, value: impl Into<OsString>) {
        let name = name.to_string_lossy().into_owned();
        self.options.insert(flag, Given { name, value: value.into() });
    }

    /// Takes in an option with what follows it.
    fn option(
        &mut self,
        (takes, flag): (Takes, Flag),
        name: &OsStr,
        words: &mut Words,
    ) -> Result<(), DropinError> {
        let no_value = || DropinError::NoValue(name.to_string_lossy().into_owned());
        match (takes, flag) {
            (Takes::Nothing, flag) => self.set(flag, name, ""),
            (Takes::Value, Flag::Uri) => {
                let uri = words.next().ok_or_else(no_value)?;
                for (flag, value) in uri::parts(uri)? {
                    match value {
                        Some(value) => self.set(flag, name, value),
                        None => drop(self.options.remove(&flag)),
                    }
                }
            }
            (Takes::Value, Flag::Weight) => {
                self.weights.push(words.next().ok_or_else(no_value)?.to_owned());
            }
            (Takes::Value, flag) => {
                let value = words.next().ok_or_else(no_value)?;
                self.set(flag, name, value);
            }
            (Takes::Weights, _) if !self.weights.is_empty() => {
                return Err(DropinError::Twice("--cluster-weight"));
            }
            (Takes::Weights, _) => {
                self.weights = words.take_while(is_weight);
                if self.weights.is_empty() {
                    return Err(no_value());
                }
            }
        }
        Ok(())
    }

    /// `--cluster SUBCOMMAND ARGUMENT…`
    fn open(&mut self, words: &mut Words) -> Result<(), DropinError> {
        if self.command.is_some() {
            return Err(DropinError::Twice("--cluster"));
        }
        let name = words.next().filter(|word| is_plain(word)).ok_or(DropinError::NoSubcommand)?;
        self.command = Some(subcommand(name)?);
        self.words = words.take_while(is_plain);
        Ok(())
    }
}

/// The words of a line, from the first on.
struct Words<'a> {
    left: &'a [OsString],
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a OsStr> {
        let (first, rest) = self.left.split_first()?;
        self.left = rest;
        Some(first)
    }

    fn take_while(&mut self, fits: impl Fn(&OsStr) -> bool) -> Vec<OsString> {
        let count = self.left.iter().take_while(|word| fits(word)).count();
        let (taken, rest) = self.left.split_at(count);
        self.left = rest;
        taken.to_vec()
    }
}

fn is_plain(word: &OsStr) -> bool {
    !word.as_encoded_bytes().starts_with(b"-")
}

fn is_weight(word: &OsStr) -> bool {
    let bytes = word.as_encoded_bytes();
    bytes.contains(&b'=') && !bytes.starts_with(b"--")
}

fn subcommand(name: &OsStr) -> Result<Command, DropinError> {
    let unknown = || DropinError::UnknownSubcommand(name.to_string_lossy().into_owned());
    Command::named(name).ok_or_else(unknown)
}

/// Whether the words are redis-cli's way to call a cluster command: `--cluster` stands where
/// redis-cli would see an option, so before the first word that is neither option nor value.
pub fn leads_to_cluster(args: &[OsString]) -> bool {
    let mut words = Words { left: args };
    while let Some(word) = words.next() {
        match of_cli(word) {
            Some((_, Flag::Cluster)) => return true,
            Some((Takes::Value, _)) => drop(words.next()),
            Some((Takes::Weights, _)) => drop(words.take_while(is_weight)),
            Some((Takes::Nothing, _)) => {}
            None if word == "--" || is_plain(word) => return false,
            None => {}
        }
    }
    false
}

/// Reads what redis-cli or valkey-cli was given.
pub fn cli(args: &[OsString]) -> Result<Old, DropinError> {
    let (mut old, mut words) = (Old::default(), Words { left: args });
    while let Some(word) = words.next() {
        match of_cli(word) {
            Some((_, Flag::Cluster)) => old.open(&mut words)?,
            // They are answered at once, whatever follows; -h at the end is one of them.
            Some((_, flag @ (Flag::Help | Flag::Version))) => {
                old.set(flag, word, "");
                return Ok(old);
            }
            Some((_, Flag::Host)) if words.left.is_empty() => {
                old.set(Flag::Help, word, "");
                return Ok(old);
            }
            Some(meaning) => old.option(meaning, word, &mut words)?,
            None if !is_plain(word) => {
                return Err(DropinError::UnknownOption(word.to_string_lossy().into_owned()));
            }
            None if old.command.is_none() => return Err(DropinError::NoCluster),
            None if old.words.is_empty() => {
                old.words = vec![word.to_owned()];
                old.words.extend(words.take_while(is_plain));
            }
            None => old.strays.push(word.to_owned()),
        }
    }
    match old.command {
        Some(_) => Ok(old),
        None => Err(DropinError::NoCluster),
    }
}

/// Reads what redis-trib was given. It wants its options before its arguments; here they may stand
/// anywhere but in a command for the servers.
pub fn trib(args: &[OsString]) -> Result<Old, DropinError> {
    let (mut old, mut words) = (Old::default(), Words { left: args });
    let name = words.next().ok_or(DropinError::NoSubcommand)?;
    if name == "--help" || name == "-h" {
        old.set(Flag::Help, name, "");
        return Ok(old);
    }
    let command = subcommand(&name.to_ascii_lowercase())?;
    old.command = Some(command);
    while let Some(word) = words.next() {
        let is_servers = command == Command::Call && !old.words.is_empty();
        if is_servers || !word.as_encoded_bytes().starts_with(b"--") {
            old.words.push(word.to_owned());
            continue;
        }
        let meaning = of_trib(command, word).ok_or_else(|| DropinError::ForeignOption {
            option: word.to_string_lossy().into_owned(),
            command: command.name(),
        })?;
        old.option(meaning, word, &mut words)?;
    }
    Ok(old)
}
