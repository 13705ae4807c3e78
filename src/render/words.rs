//! Words that a user must not meet: for what each of them stands for there is a term of the field.

/// Words and phrases, and the field's term for each.
const RIDDLES: [(&str, &str); 45] = [
    ("mend", "fix"),
    ("mends", "fixes"),
    ("mended", "fixed"),
    ("mending", "fixing"),
    ("gives no answer", "is unreachable"),
    ("give no answer", "are unreachable"),
    ("no answer", "unreachable"),
    ("silent", "unreachable"),
    ("nobody", "no node; without an owner"),
    ("nobody's", "without a vote"),
    ("playground", "sandbox"),
    ("playground's", "sandbox"),
    ("folder", "directory"),
    ("folders", "directories"),
    ("hidden", "orphaned"),
    ("stray", "orphaned"),
    ("home", "to their owners"),
    ("clash", "conflict"),
    ("clashes", "conflicts"),
    ("heir", "promoted replica"),
    ("strike", "remove"),
    ("strangers", "unknown nodes"),
    ("seat", "node"),
    ("goes on", "resumes"),
    ("go on", "resume"),
    ("going on", "resuming"),
    ("the same command again", "rerun"),
    ("half-way", "interrupted"),
    ("at rest", "finished"),
    ("come to see", "agree"),
    ("came to agree", "converged"),
    ("come to agree", "converge"),
    ("get to know", "finish the handshake"),
    ("give up", "accept losing"),
    ("gave up", "timed out"),
    ("without an end", "no TTL"),
    ("so many", "at most N"),
    ("eyes", "view"),
    ("tells", "reports"),
    ("told", "notified, reported"),
    ("untold", "not notified"),
    ("speaks", "uses"),
    ("begun", "started"),
    ("copies whom", "replicas"),
    ("who owns what", "slot owners"),
];

/// The words of this list in a text.
pub fn riddles(text: &str) -> Vec<&'static str> {
    // A line's end is a blank: texts are wrapped.
    let bare =
        |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '-').to_lowercase();
    let words: Vec<String> = text.split_whitespace().map(bare).collect();
    let text = format!(" {} ", words.join(" "));
    let is_in = |phrase: &str| text.contains(&format!(" {phrase} "));
    RIDDLES.iter().map(|(phrase, _)| *phrase).filter(|phrase| is_in(phrase)).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::riddles;

    /// The pages that users read: not docs/architecture.md, which is for those who change rcluster,
    /// and of the changelog what is not released yet.
    #[test]
    fn pages_have_no_riddles() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let docs = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
        let docs = docs.filter(|path| {
            path.extension().is_some_and(|kind| kind == "md") && !path.ends_with("architecture.md")
        });
        let pages: Vec<_> =
            docs.chain(["README.md", "CHANGELOG.md"].map(|name| root.join(name))).collect();
        assert!(pages.len() > 10, "{pages:?}");
        for page in pages {
            let text = fs::read_to_string(&page).unwrap();
            let sections = text.split_inclusive("\n## ");
            let sections =
                sections.take(if page.ends_with("CHANGELOG.md") { 2 } else { usize::MAX });
            for paragraph in sections.flat_map(|section| section.split("\n\n")) {
                let found = riddles(paragraph);
                assert!(found.is_empty(), "{}: {found:?} in: {paragraph}", page.display());
            }
        }
    }

    #[test]
    fn a_riddle_is_found_over_a_line_end_and_not_in_other_words() {
        assert_eq!(
            riddles("the node gives\n  no answer: mend it"),
            ["mend", "gives no answer", "no answer"]
        );
        assert_eq!(riddles("recommend theirs; the seated restore homes"), Vec::<&str>::new());
    }
}
