//! Every error that a command can end with, variant by variant: its text, hint and exit code.
//!
//! `every!` lists the variants of one type and matches them without a wildcard: a new one does not
//! compile until it stands here. `table.txt` is what comes of them; after a wanted change,
//! `UPDATE_EXPECT=1 cargo test` writes it anew.

mod local;
mod model;
mod ops;
mod plan;
mod sandbox;
mod wire;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use itertools::Itertools;

use super::{Failure, exit};
use crate::model::{NodeAddr, NodeId, NodeRef, SlotRange, SlotSet, UnknownNode};
use crate::render::watch::TerminalError;
use crate::render::words::riddles;
use crate::render::{NotConfirmed, OutputError};
use crate::wire::WireError;

/// One error and what is shown of it.
pub struct Sample {
    /// `Type::Variant`
    pub name: &'static str,
    pub text: String,
    /// `None` where it is only told as a part of others.
    pub failure: Option<Failure>,
}

/// One sample at least of every variant of an enum, each with its name.
macro_rules! every {
    ($Error:ident { $($variant:ident $(($($item:expr),*))? $({ $($field:ident: $value:expr),* })?
        $(= $made:expr)?),* $(,)? }) => {{
        #[allow(unreachable_patterns)]
        fn name(error: &$Error) -> &'static str {
            match error {
                $($Error::$variant { .. } => concat!(stringify!($Error), "::", stringify!($variant)),)*
            }
        }
        let errors = vec![$($crate::render::error_samples::every!(@one $Error $variant
            $(($($item),*))? $({ $($field: $value),* })? $(= $made)?)),*];
        errors.into_iter().map(|error| (name(&error), error)).collect::<Vec<(&str, $Error)>>()
    }};
    (@one $Error:ident $variant:ident = $made:expr) => { $made };
    (@one $Error:ident $variant:ident $($fields:tt)*) => { $Error::$variant $($fields)* };
}
pub(crate) use every;

/// Errors that a command ends with as they are.
pub fn whole<E: ToString + Into<Failure>>(errors: Vec<(&'static str, E)>) -> Vec<Sample> {
    let sample = |(name, error): (_, E)| Sample {
        name,
        text: error.to_string(),
        failure: Some(error.into()),
    };
    errors.into_iter().map(sample).collect()
}

/// Errors that are told within others.
fn parts<E: ToString>(errors: Vec<(&'static str, E)>) -> Vec<Sample> {
    let sample = |(name, error): (_, E)| Sample { name, text: error.to_string(), failure: None };
    errors.into_iter().map(sample).collect()
}

/// Errors that end otherwise where something was changed before.
fn stopped<E: ToString>(
    errors: &[(&'static str, E)],
    failure: impl Fn(&E, bool) -> Failure,
) -> Vec<Sample> {
    let mut samples = Vec::new();
    for ((name, error), changed) in errors.iter().cartesian_product([false, true]) {
        let failure = Some(failure(error, changed));
        samples.push(Sample { name, text: error.to_string(), failure });
    }
    samples
}

/// Samples of all errors but those of old command lines, which stand beside these.
pub fn samples() -> Vec<Sample> {
    let floors =
        [model::samples(), plan::samples(), wire::samples(), local::samples(), sandbox::samples()];
    floors.into_iter().chain([ops::samples(), own()]).flatten().collect()
}

fn own() -> Vec<Sample> {
    let io = || std::io::Error::other("it went away");
    let asked = every!(NotConfirmed {
        NoTerminal,
        No,
        Io(io()),
        Protected("prod".to_owned()),
        OtherName("prod".to_owned()),
    });
    let terminal = every!(TerminalError { Io(io()), Defect("a defect".to_owned()) });
    let written = vec![("OutputError", OutputError::from(io()))];
    [whole(asked), whole(terminal), whole(written)].into_iter().flatten().collect()
}

/// What is shown of each, for people to read.
pub fn table(samples: &[Sample]) -> String {
    samples.iter().map(|sample| format!("{}\n", shown(sample))).collect()
}

fn shown(sample: &Sample) -> String {
    let indented = |text: &str| text.replace('\n', "\n         ");
    let Some(failure) = &sample.failure else {
        return format!("{} (within others)\n  {}\n", sample.name, indented(&sample.text));
    };
    let changed = if failure.changed { ", changed" } else { "" };
    let error = [format!("{}: {}{changed}", sample.name, failure.exit_code)].into_iter();
    let error = error.chain([format!("  error: {}", indented(&failure.message))]);
    let details = failure.details.iter().map(|detail| format!("  - {}", indented(detail)));
    let hint = failure.hint.iter().map(|hint| format!("  hint:  {}", indented(hint)));
    error.chain(details).chain(hint).map(|line| line + "\n").collect()
}

#[test]
fn every_error_is_told_as_it_should_be() {
    expect_file!["table.txt"].assert_eq(&table(&samples()));
}

#[test]
fn errors_have_no_riddles() {
    for sample in samples() {
        let shown = shown(&sample);
        let (_, text) = shown.split_once('\n').expect("a name, then the text");
        // What others said is shown word for word.
        let text = text.replace("no answer to PING within 10s", "");
        assert_eq!(riddles(&text), Vec::<&str>::new(), "{shown}");
    }
}

/// No type of errors is left out: neither here nor where old command lines are read.
#[test]
fn every_type_of_errors_has_samples() {
    let sampled: BTreeSet<String> = samples()
        .iter()
        .filter_map(|sample| sample.name.split(|c: char| !c.is_alphanumeric()).next())
        .map(str::to_owned)
        // What others become, what has samples of its own beside it, and the library's.
        .chain(["Failure", "Usage", "DropinError", "Error"].map(str::to_owned))
        .collect();
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let defined: BTreeSet<String> = files(&src).iter().flat_map(|file| defined(file)).collect();
    assert_eq!(sampled, defined);
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The public error types that a file defines.
fn defined(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let derived = text
        .split("\n#[derive(")
        .skip(1)
        .filter(|rest| rest.split_once(")]").is_some_and(|(names, _)| names.contains("Error")));
    let names = derived.filter_map(|rest| {
        let line = rest.lines().find(|line| line.starts_with("pub"))?;
        let name = line.strip_prefix("pub enum ").or_else(|| line.strip_prefix("pub struct "))?;
        name.split(|c: char| !c.is_alphanumeric()).next().map(str::to_owned)
    });
    names.collect()
}

/// A server that cannot be reached ends with 3 whatever asked for it, unless something had changed.
#[test]
fn a_lost_node_ends_with_its_code() {
    let lost = || WireError::Lost {
        addr: node(1),
        command: "PING".to_owned(),
        why: "reset by peer".to_owned(),
    };
    let codes = [
        Failure::from(lost()),
        Failure::from(vec![lost(), lost()]),
        Failure::from(crate::ops::migrate::MigrateError::from(lost())),
        Failure::from(crate::ops::backup::BackupError::from(lost())),
    ];
    assert!(codes.iter().all(|failure| failure.exit_code == exit::UNREACHABLE), "{codes:?}");
}

/// 10.0.0.1:6379 and its like.
fn node(number: u8) -> NodeAddr {
    NodeAddr::new(format!("10.0.0.{number}"), 6379, None)
}

fn named(number: u8) -> String {
    node(number).to_string()
}

fn id(digit: &str) -> NodeId {
    digit.repeat(40).parse().unwrap()
}

fn slots(range: &str) -> SlotSet {
    SlotSet::from(range.parse::<SlotRange>().unwrap())
}

pub fn unknown(meant: Option<String>) -> Box<UnknownNode> {
    let node = NodeRef::Addr(node(9));
    Box::new(UnknownNode { node, names: words("10.0.0.1:6379 and 10.0.0.2:6379"), meant })
}

fn words(text: &str) -> String {
    text.to_owned()
}
