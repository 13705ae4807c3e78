//! The house stands as drawn in docs/architecture.md: a file imports from its own floor or from
//! floors below, the lowest two do nothing but think, files use each other in no circle, and each can
//! be read in one sitting.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod graph;
mod pages;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const FLOORS: [(&str, u8); 8] = [
    ("model", 0),
    ("plan", 1),
    ("wire", 2),
    ("local", 2),
    ("ops", 3),
    ("sandbox", 3),
    ("render", 4),
    ("commands", 4),
];

/// What the two lowest floors may not name: no effects, no servers, no terminal.
const EFFECTS: [&str; 9] = [
    "redis::",
    "std::net::TcpStream",
    "std::process",
    "std::fs",
    "std::time::Instant",
    "SystemTime",
    "println!",
    "print!",
    "std::thread",
];

fn floor(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The rooms that a source text names, in `crate::room` paths.
fn named(text: &str) -> Vec<&str> {
    let rooms = text.split("crate::").skip(1);
    rooms
        .map(|rest| {
            rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
        })
        .collect()
}

#[test]
fn imports_point_down() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = 0;
    for (room, own) in FLOORS {
        for file in files(&src.join(room)) {
            let text = fs::read_to_string(&file).unwrap();
            for other in named(&text) {
                let above =
                    floor(other).unwrap_or_else(|| panic!("{}: no room {other}", file.display()));
                assert!(
                    above <= own,
                    "{} (floor {own}) imports crate::{other} (floor {above})",
                    file.display()
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 50, "the imports were found: {seen}");
}

/// The same for paths that are not spelled from the crate's root.
#[test]
fn uses_point_down() {
    let (src, uses) = uses();
    let own = |file: &Path| {
        let room = file.strip_prefix(&src).unwrap().iter().next().unwrap();
        floor(room.to_str().unwrap()).unwrap()
    };
    for (file, used) in &uses {
        let above = used.iter().find(|used| own(used) > own(file));
        assert_eq!(above, None, "{}", file.display());
    }
}

#[test]
fn the_lowest_floors_only_think() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for room in ["model", "plan"] {
        for file in files(&src.join(room)) {
            let text = fs::read_to_string(&file).unwrap();
            let effect = EFFECTS.iter().find(|effect| text.contains(**effect));
            assert_eq!(effect, None, "{}", file.display());
        }
    }
}

#[test]
fn only_the_wire_names_the_redis_crate() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in files(&src).into_iter().filter(|file| !file.starts_with(src.join("wire"))) {
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("redis::") || text.contains("`redis::`"), "{}", file.display());
    }
}

/// Whatever a server sends is made fit for a terminal where it becomes text; a second way would let
/// bytes through as they are.
#[test]
fn bytes_become_text_in_one_place() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    // URLs are the user's own words.
    let others = ["model/printable.rs", "model/url.rs"].map(|file| src.join(file));
    for file in ["model", "plan", "wire", "local", "ops", "sandbox"]
        .iter()
        .flat_map(|room| files(&src.join(room)))
    {
        let text = fs::read_to_string(&file).unwrap();
        let is_made =
            ["from_utf8_lossy", "String::from_utf8("].iter().any(|way| text.contains(way));
        assert!(!is_made || others.contains(&file), "{}", file.display());
    }
}

/// JSON is made in `render`; the file of a declared cluster is a format of its own.
#[test]
fn only_render_and_commands_serialise_for_people() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let own = ["write.rs", "export.rs"].map(|file| src.join("plan/topology").join(file));
    for room in ["plan", "wire", "local", "ops", "sandbox"] {
        for file in files(&src.join(room)).into_iter().filter(|file| !own.contains(file)) {
            let text = fs::read_to_string(&file).unwrap();
            assert!(!text.contains("Serialize"), "{}", file.display());
        }
    }
}

type Uses = BTreeMap<PathBuf, BTreeSet<PathBuf>>;

/// `src`, and which of its files uses which; the crate's roots and tests are left out.
fn uses() -> (PathBuf, Uses) {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let is_left_out = |file: &PathBuf| {
        let inner = file.strip_prefix(&src).unwrap();
        let is_test = inner.iter().any(|name| name == "tests" || name == "tests.rs");
        is_test || inner == "lib.rs" || inner == "main.rs"
    };
    let all: Vec<PathBuf> = files(&src).into_iter().filter(|file| !is_left_out(file)).collect();
    let uses = graph::uses(&src, &all);
    (src, uses)
}

/// No file uses a file that uses it, over however many others: each can be read, tested and moved
/// without those above it. What counts as a use is told in `graph.rs`.
#[test]
fn files_form_no_circle() {
    let (_, uses) = uses();
    assert!(uses.values().map(BTreeSet::len).sum::<usize>() > 500);
    assert_eq!(graph::circle(&uses), None);
}

/// The longest that a file of `src` is without a reason.
const LINES: usize = 350;

/// How a file's first comment gives the reason.
const REASON: &str = "//! Longer than most: ";

fn is_too_long(text: &str) -> bool {
    let mut comment = text.lines().take_while(|line| line.starts_with("//!"));
    text.lines().count() > LINES && !comment.any(|line| line.starts_with(REASON))
}

#[test]
fn files_are_short_or_say_why_not() {
    let long = |head: &str| format!("{head}\n{}", "\n".repeat(LINES));
    let without = ["//! A file.", "", "//! A file.\nuse x;\n//! Longer than most: why."];
    assert!(without.iter().all(|head| is_too_long(&long(head))));
    assert!(!is_too_long(&long("//! A file.\n//!\n//! Longer than most: a table.")));
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let is_source = |file: &PathBuf| file.extension().is_some_and(|kind| kind == "rs");
    let too_long =
        |file: &PathBuf| is_source(file) && is_too_long(&fs::read_to_string(file).unwrap());
    let found: Vec<PathBuf> = files(&src).into_iter().filter(too_long).collect();
    assert!(found.is_empty(), "more than {LINES} lines: {found:#?}");
}

/// Each path that docs/architecture.md names is there: a table of where to go must not mislead. The
/// section on other programs names files of theirs.
#[test]
fn paths_in_the_drawing_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    let is_ours = |section: &&str| !section.starts_with("What was taken from whom");
    let sections = text.split("\n## ").filter(is_ours);
    let spans = sections.flat_map(|section| section.split('`').skip(1).step_by(2));
    let is_path = |span: &&str| span.contains('/') || span.ends_with(".rs");
    let named: BTreeSet<&str> =
        spans.filter(|span| !span.contains([' ', '<', '…'])).filter(is_path).collect();
    assert!(named.len() > 50, "{named:?}");
    let is_there =
        |path: &str| [root.join(path), root.join("src").join(path)].iter().any(|at| at.exists());
    let missing: Vec<&&str> = named.iter().filter(|path| !is_there(path)).collect();
    assert!(missing.is_empty(), "docs/architecture.md names what is not there: {missing:?}");
}
