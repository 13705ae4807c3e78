//! What the file of contexts says. Every mistake in it is told, with its line.

use std::ffi::OsString;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::ValueEnum as _;
use itertools::Itertools;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::is_name;
use crate::commands::args::{PasswordSource, duration};
use crate::model::{Mapping, NodeList, NodeUrl, nearest, parts, printable};
use crate::render::Usage;
use crate::wire::{Secret, TlsVerify};

/// What a context has beside options.
const OWN: [&str; 7] = [
    "entries",
    "password",
    "password_env",
    "password_file",
    "password_command",
    "insecure",
    "protected",
];

/// The keys that stand for options of the same names, which are not given in a line.
pub const OPTIONS: [&str; 12] = [
    "user",
    "tls",
    "cacert",
    "cert",
    "key",
    "sni",
    "tls_verify",
    "address_map",
    "address_map_file",
    "zones",
    "connect_timeout",
    "timeout",
];

/// Those among them that name a file.
const FILES: [&str; 5] = ["cacert", "cert", "key", "address_map_file", "zones"];

/// A cluster with a name, and how it is reached.
#[derive(Clone, Debug)]
pub struct NamedCluster {
    pub name: String,
    pub entries: NodeList,
    pub password: Option<PasswordSource>,
    /// Whether a change has to be confirmed by this name.
    pub protected: bool,
    /// Of `OPTIONS`, with their values.
    pub options: Vec<(&'static str, Vec<OsString>)>,
}

/// A path that a terminal can show.
pub fn shown(path: &Path) -> String {
    printable(path.as_os_str().as_encoded_bytes())
}

type Value<'t> = Spanned<DeValue<'t>>;

/// # Errors
/// Everything that is wrong in it.
pub fn parse(text: &str, path: &Path) -> Result<Vec<NamedCluster>, Usage> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let dir = path.parent().unwrap_or(Path::new(""));
    let mut reader = Reader { text, dir, mistakes: Vec::new() };
    let clusters = reader.clusters();
    if reader.mistakes.is_empty() {
        return Ok(clusters);
    }
    reader.mistakes.sort();
    let file = shown(path);
    let wrong = reader.mistakes.into_iter().dedup();
    let wrong = wrong.map(|(line, what)| format!("{file}, line {line}: {what}")).collect_vec();
    Err(Usage::several(format!("{file} has {} mistakes", wrong.len()), wrong))
}

struct Reader<'t> {
    text: &'t str,
    /// What relative paths start from.
    dir: &'t Path,
    mistakes: Vec<(usize, String)>,
}

impl<'t> Reader<'t> {
    fn note(&mut self, span: Range<usize>, what: impl Into<String>) {
        let before = &self.text.as_bytes()[..span.start.min(self.text.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        self.mistakes.push((line, what.into()));
    }

    fn clusters(&mut self) -> Vec<NamedCluster> {
        let (file, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            self.note(error.span().unwrap_or(0..0), printable(error.message().as_bytes()));
        }
        // Half a table would be called wrong for what it lacks.
        if !errors.is_empty() {
            return Vec::new();
        }
        let mut clusters = Vec::new();
        for (key, value) in file.get_ref() {
            match (&**key.get_ref(), value.get_ref().as_table()) {
                ("contexts", Some(table)) => {
                    clusters.extend(table.iter().filter_map(|(name, value)| {
                        self.cluster(name.get_ref(), name.span(), value)
                    }));
                }
                ("contexts", None) => {
                    self.note(value.span(), "contexts has a table for each: [contexts.NAME]");
                }
                (other, _) => self.unknown(other, key.span(), &["contexts"]),
            }
        }
        clusters.sort_by(|one, other| one.name.cmp(&other.name));
        clusters
    }

    fn unknown(&mut self, key: &str, span: Range<usize>, known: &[&str]) {
        let shown = printable(key.as_bytes());
        self.note(
            span,
            match nearest(key, known.iter().copied()) {
                Some(meant) => format!("unknown key '{shown}': did you mean '{meant}'?"),
                None => format!("unknown key '{shown}': there are {}", known.iter().join(", ")),
            },
        );
    }

    fn cluster(
        &mut self,
        name: &str,
        span: Range<usize>,
        value: &Value<'t>,
    ) -> Option<NamedCluster> {
        let shown = printable(name.as_bytes());
        if !is_name(name) {
            let what = "a name has letters, digits, '.', '_' and '-', at most 63";
            self.note(span.clone(), format!("'{shown}': {what}"));
        }
        let Some(table) = value.get_ref().as_table() else {
            self.note(value.span(), format!("'{shown}' is no table: write [contexts.{shown}]"));
            return None;
        };
        let (mut entries, mut passwords, mut options) = (None, Vec::new(), Vec::new());
        let (mut protected, mut insecure) = (false, false);
        for (key, value) in table {
            match &**key.get_ref() {
                "entries" => entries = self.entries(value),
                "protected" => protected = self.is_on("protected", value),
                "insecure" => insecure = self.is_on("insecure", value),
                "password" => passwords.extend(
                    self.string("password", value)
                        .map(|text| PasswordSource::Written(Secret::new(text))),
                ),
                "password_env" => passwords.extend(
                    self.string("password_env", value)
                        .map(|name| PasswordSource::Variable(name.to_owned())),
                ),
                "password_file" => passwords.extend(
                    self.string("password_file", value)
                        .map(|file| PasswordSource::File(self.path(file))),
                ),
                "password_command" => passwords.extend(
                    self.string("password_command", value)
                        .map(|line| PasswordSource::Command(line.to_owned())),
                ),
                other => match OPTIONS.iter().find(|option| **option == other) {
                    Some(option) => {
                        options.extend(self.option(option, value).map(|values| (*option, values)))
                    }
                    None => {
                        let known = OWN.into_iter().chain(OPTIONS).collect_vec();
                        self.unknown(other, key.span(), &known);
                    }
                },
            }
        }
        if passwords.len() > 1 {
            let what =
                format!("'{shown}' has {} sources of its password: keep one", passwords.len());
            self.note(span.clone(), what);
        }
        self.vet_tls(&shown, span.clone(), &mut options, insecure);
        if entries.is_none() && !table.contains_key("entries") {
            self.note(span, format!("'{shown}' has no entries: entries = [\"HOST:PORT\"]"));
        }
        let entries = entries?.named(name);
        let (name, password) = (name.to_owned(), passwords.pop());
        Some(NamedCluster { name, entries, password, protected, options })
    }

    /// What TLS files and checks are for.
    fn vet_tls(
        &mut self,
        shown: &str,
        span: Range<usize>,
        options: &mut Vec<(&'static str, Vec<OsString>)>,
        insecure: bool,
    ) {
        let has = |wanted: &str| options.iter().any(|(option, _)| *option == wanted);
        let (tls, verify) = (has("tls"), has("tls_verify"));
        let needs = ["cacert", "cert", "key", "sni", "tls_verify"].into_iter().find(|key| has(key));
        let needs = needs.or(insecure.then_some("insecure"));
        if let Some(needs) = needs.filter(|_| !tls) {
            self.note(span.clone(), format!("'{shown}': {needs} needs tls = true"));
        }
        if insecure && verify {
            self.note(span, format!("'{shown}': insecure is tls_verify = \"none\": keep one"));
        } else if insecure {
            options.push(("tls_verify", vec!["none".into()]));
        }
    }

    fn entries(&mut self, value: &Value<'t>) -> Option<NodeList> {
        let wanted = "entries is a list: [\"HOST:PORT\", …]";
        let words = match value.get_ref() {
            DeValue::Array(list) => {
                list.iter().map(|value| (value.get_ref().as_str(), value.span())).collect()
            }
            other => vec![(other.as_str(), value.span())],
        };
        if words.is_empty() {
            self.note(value.span(), wanted);
        }
        let mut good = Vec::new();
        for (word, span) in words {
            match word.map(|word| (word, word.parse::<NodeList>())) {
                None => self.note(span, wanted),
                // Its password and user would be passed over.
                Some((word, _))
                    if parts(word).into_iter().any(|part| NodeUrl::read(part).is_some()) =>
                {
                    self.note(
                        span,
                        "an entry is HOST:PORT: user, tls and password have keys of their own",
                    );
                }
                Some((_, Err(error))) => self.note(span, printable(error.to_string().as_bytes())),
                Some((word, Ok(_))) => good.push(word),
            }
        }
        good.join(",").parse().ok()
    }

    /// The values of an option, as they would be typed.
    fn option(&mut self, key: &str, value: &Value<'t>) -> Option<Vec<OsString>> {
        match key {
            "tls" => self.is_on(key, value).then(|| vec!["true".into()]),
            "address_map" => self.mappings(value),
            "timeout" | "connect_timeout" => {
                let text = match value.get_ref() {
                    DeValue::Integer(seconds) => seconds.as_str().to_owned(),
                    _ => self.string(key, value)?.to_owned(),
                };
                self.checked(key, value, duration(&text).map(|_| text.into()))
            }
            "tls_verify" => {
                let text = self.string(key, value)?;
                let read = TlsVerify::from_str(text, false).map(|_| text.into());
                self.checked(key, value, read.map_err(|_| "full, ca or none".to_owned()))
            }
            _ => {
                let text = self.string(key, value)?;
                let is_file = FILES.contains(&key);
                Some(vec![if is_file { self.path(text).into() } else { text.into() }])
            }
        }
    }

    fn mappings(&mut self, value: &Value<'t>) -> Option<Vec<OsString>> {
        let Some(list) = value.get_ref().as_array() else {
            self.note(value.span(), "address_map is a list: [\"INNER=OUTER\", …]");
            return None;
        };
        let mut mappings = Vec::new();
        for value in list {
            let Some(text) = self.string("address_map", value) else { continue };
            match text.parse::<Mapping>() {
                Ok(mapping) => mappings.push(mapping.to_string().into()),
                Err(why) => self.note(value.span(), printable(why.as_bytes())),
            }
        }
        Some(mappings).filter(|mappings| !mappings.is_empty())
    }

    fn checked(
        &mut self,
        key: &str,
        value: &Value<'t>,
        read: Result<OsString, String>,
    ) -> Option<Vec<OsString>> {
        read.map_err(|why| self.note(value.span(), format!("{key}: {why}")))
            .ok()
            .map(|text| vec![text])
    }

    fn is_on(&mut self, key: &str, value: &Value<'t>) -> bool {
        let read = value.get_ref().as_bool();
        if read.is_none() {
            self.note(value.span(), format!("{key} is true or false"));
        }
        read.unwrap_or_default()
    }

    /// A text that is not empty.
    fn string<'v>(&mut self, key: &str, value: &'v Value<'t>) -> Option<&'v str> {
        let text = value.get_ref().as_str().filter(|text| !text.is_empty() && !text.contains('\0'));
        if text.is_none() {
            self.note(value.span(), format!("{key} is a text in quotes, not empty"));
        }
        text
    }

    /// Relative to the file's directory; `~/` is the home directory.
    fn path(&self, text: &str) -> PathBuf {
        match (text.strip_prefix("~/"), std::env::var_os("HOME")) {
            (Some(rest), Some(home)) => Path::new(&home).join(rest),
            _ => self.dir.join(text),
        }
    }
}
