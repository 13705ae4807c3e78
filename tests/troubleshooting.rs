//! The messages that docs/troubleshooting.md is ordered by are the program's: each is made of parts
//! of texts in `src`, and each kind of problem is one of `check`'s.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

/// Most parts that a message is put together from, between two values.
const MOST_PARTS: usize = 4;

#[test]
fn every_message_is_one_of_the_program() {
    let texts = Texts::of_the_program();
    let messages = quoted(|span| span.contains(' '));
    assert!(messages.len() > 30, "{messages:?}");
    let strange: Vec<_> = messages.iter().filter(|message| !texts.has(message)).collect();
    assert!(strange.is_empty(), "no text of src/ has these: {strange:#?}");
}

#[test]
fn every_kind_is_one_of_check() {
    let sources = sources(&root().join("src/plan/check"));
    let sources = sources.iter().map(|path| fs::read_to_string(path).unwrap());
    let has_kinds = |source: &String| source.contains("pub enum Kind {");
    let kinds = sources.filter(has_kinds).collect::<String>();
    let named = quoted(|span| {
        let is_lower = span.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        is_lower && span.contains('-') && !span.starts_with('-')
    });
    // Names of settings stand in the first columns too, and no kind starts as they do.
    let named: Vec<_> = named.iter().filter(|kind| !kind.starts_with("cluster-")).collect();
    assert!(named.len() > 10, "{named:?}");
    let is_kind = |kind: &str| kinds.contains(&format!("\n    {},", variant(kind)));
    let strange: Vec<_> = named.iter().filter(|kind| !is_kind(kind)).collect();
    assert!(strange.is_empty(), "check has no such kinds: {strange:?}");
}

#[test]
fn a_message_that_has_drifted_is_found() {
    let source = r#"#[error("{addr}: {command} was refused: {said}")] f("a {} at \
        the \"{place}\" of it", "many", 'x'); // "a comment's words""#;
    let texts = Texts::of(&literals(source));
    for good in ["AUTH was refused: WRONGPASS …", "… a … at the … of it", "many at the … of it"]
    {
        assert!(texts.has(good), "{good}: {}", texts.0);
    }
    for bad in ["AUTH was declined: WRONGPASS …", "a comment's words", "NOPERM …"] {
        assert!(!texts.has(bad), "{bad}");
    }
}

/// Texts of the program without the values in them, each between two bars.
struct Texts(String);

impl Texts {
    fn of_the_program() -> Texts {
        let sources = sources(&root().join("src"));
        let literals = sources.iter().flat_map(|path| {
            let source = fs::read_to_string(path).unwrap();
            literals(source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default())
        });
        Texts::of(&literals.collect::<Vec<_>>())
    }

    fn of(literals: &[String]) -> Texts {
        let parts = literals.iter().flat_map(|text| text.split(['{', '}']).step_by(2));
        Texts(parts.map(|part| format!("| {} |\n", words(part).join(" "))).collect())
    }

    /// Whether what is fixed in a message, between its `…`, stands in texts of the program. What
    /// follows a colon in capitals is a server's reply.
    fn has(&self, message: &str) -> bool {
        let parts = message.split(": ").enumerate();
        let ours = parts.take_while(|(at, part)| *at == 0 || !is_capitals(first_word(part)));
        let ours = ours.map(|(_, part)| part).collect::<Vec<_>>().join(": ");
        let pieces: Vec<_> = ours.split('…').map(words).collect();
        // A word by itself, 'slot', says nothing; a message has more than that.
        let long: Vec<_> = pieces.iter().filter(|piece| piece.len() > 1).collect();
        !long.is_empty() && long.iter().all(|piece| self.covers(piece, MOST_PARTS))
    }

    /// Whether parts of texts make up these words: whole ones, two words at an end of one, or three
    /// words of any; words in capitals may be values.
    fn covers(&self, piece: &[&str], parts: usize) -> bool {
        let Some(first) = piece.first() else { return true };
        (1..=piece.len()).rev().any(|taken| {
            let run = piece[..taken].join(" ");
            let stands = match taken {
                1 => self.0.contains(&format!("| {run} |")),
                2 => {
                    let (first, last) = (format!("| {run} "), format!(" {run} |"));
                    self.0.contains(&first) || self.0.contains(&last)
                }
                _ => self.0.contains(&format!(" {run} ")),
            };
            stands && parts > 0 && self.covers(&piece[taken..], parts - 1)
        }) || (is_capitals(first) && self.covers(&piece[1..], parts))
    }
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|word| !word.is_empty())
        .collect()
}

fn first_word(text: &str) -> &str {
    words(text).first().copied().unwrap_or_default()
}

fn is_capitals(word: &str) -> bool {
    word.len() > 2 && word.chars().all(|c| c.is_ascii_uppercase())
}

/// The string literals of a Rust source, comments left out.
fn literals(source: &str) -> Vec<String> {
    let (mut found, mut rest) = (Vec::new(), source);
    while let Some(at) = rest.find(['"', '/', '\'']) {
        let (start, tail) = (rest[at..].chars().next().unwrap(), &rest[at + 1..]);
        rest = match start {
            '/' if tail.starts_with('/') => tail.split_once('\n').map_or("", |(_, next)| next),
            '\'' if tail.starts_with("\"'") => &tail[2..],
            '"' => {
                let (text, next) = literal(tail);
                found.push(text);
                next
            }
            _ => tail,
        };
    }
    found
}

/// A literal from behind its first quote, and what follows it. A line that ends with a backslash
/// goes on with the next line's first word.
fn literal(source: &str) -> (String, &str) {
    let (mut text, mut chars) = (String::new(), source.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (text, &source[at + 1..]),
            '\\' => text.extend(chars.next().map(|(_, c)| if c == 'n' { '\n' } else { c })),
            _ => text.push(c),
        }
    }
    (text, "")
}

/// What headings and first columns of tables quote.
fn quoted(is_meant: impl Fn(&str) -> bool) -> Vec<String> {
    let page = fs::read_to_string(root().join("docs/troubleshooting.md")).unwrap();
    let (mut found, mut is_symptom) = (Vec::new(), false);
    for line in page.lines() {
        let cell = line.strip_prefix("| ").and_then(|row| row.split(" | ").next());
        let is_head = matches!(cell, Some("what you see" | "kind"));
        is_symptom = is_head || is_symptom && line.starts_with('|');
        let text = line.strip_prefix("### ").or(cell.filter(|_| is_symptom));
        let spans = text.into_iter().flat_map(|text| text.split('`').skip(1).step_by(2));
        found.extend(spans.filter(|span| is_meant(span)).map(str::to_owned));
    }
    found
}

/// `node-loading` as its variant: `NodeLoading`.
fn variant(kind: &str) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    kind.split('-').map(capital).collect()
}

/// Rust sources, without tests and the list of words that no text has.
fn sources(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let is_left_out = |path: &PathBuf| {
        path.ends_with("render/words.rs") || path.file_stem().is_some_and(|name| name == "tests")
    };
    let entries = entries.filter(|path| !is_left_out(path));
    let files = entries.flat_map(|path| match path.is_dir() {
        true => sources(&path),
        false => vec![path],
    });
    files.filter(|path| path.extension().is_some_and(|kind| kind == "rs")).collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
