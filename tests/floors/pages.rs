//! README and docs/: short enough to be read, with links that lead somewhere.

use std::fs;
use std::path::{Path, PathBuf};

/// README is a first page, not the manual.
const README_LINES: usize = 150;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pages() -> Vec<PathBuf> {
    let docs = super::files(&root().join("docs"));
    let pages = docs.into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "md"));
    let top = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"];
    pages.chain(top.map(|name| root().join(name))).collect()
}

/// The targets of links and pictures, without those in code.
fn links(text: &str) -> Vec<&str> {
    let prose = text.split('`').step_by(2);
    let behind = prose.flat_map(|part| part.split("](").skip(1));
    behind.filter_map(|rest| rest.split_once(')').map(|(target, _)| target)).collect()
}

/// As GitHub makes a heading's anchor.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.collect::<String>().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

#[test]
fn readme_is_short() {
    let lines = fs::read_to_string(root().join("README.md")).unwrap().lines().count();
    assert!(lines <= README_LINES, "README.md has {lines} lines");
}

#[test]
fn every_link_leads_somewhere() {
    let mut seen = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => page.clone(),
                file => page.parent().unwrap().join(file),
            };
            assert!(target.exists(), "{}: {link} is not there", page.display());
            let has_it = anchor.is_empty()
                || anchors(&fs::read_to_string(&target).unwrap())
                    .iter()
                    .any(|known| known == anchor);
            assert!(has_it, "{}: {link} is no heading", page.display());
            seen += 1;
        }
    }
    assert!(seen > 60, "the links were found: {seen}");
}

/// The index is where a reader begins: each page of docs/ stands in it.
#[test]
fn every_page_stands_in_the_index() {
    let index = root().join("docs/README.md");
    let text = fs::read_to_string(&index).unwrap();
    let linked: Vec<PathBuf> = links(&text)
        .into_iter()
        .map(|link| root().join("docs").join(link.split('#').next().unwrap()))
        .collect();
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = docs.filter(|path| path.extension().is_some_and(|kind| kind == "md"));
    let missing: Vec<PathBuf> =
        pages.filter(|page| *page != index && !linked.contains(page)).collect();
    assert!(missing.is_empty(), "not in docs/README.md: {missing:?}");
}
