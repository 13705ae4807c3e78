//! What is shown of a server's log.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::model::printable_lines;

/// An excerpt of what a log has from an offset on: what earlier runs wrote is not this one's.
pub(super) fn excerpt_since(log: &Path, offset: u64) -> String {
    let read = || {
        let mut file = File::open(log)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        Ok::<_, io::Error>(text)
    };
    excerpt(&printable_lines(&read().unwrap_or_default()))
}

/// The first lines of a log that tell of an error, which later ones may be the consequence of, and
/// its last lines.
fn excerpt(log: &str) -> String {
    const LINES: (usize, usize) = (3, 5);
    let lines: Vec<&str> = log.lines().collect();
    let last = lines.len().saturating_sub(LINES.1);
    let tells = |line: &&&str| {
        let line = line.to_ascii_lowercase();
        ["fatal", "error", "***", "can't", "cannot", "failed"]
            .iter()
            .any(|word| line.contains(word))
    };
    let first: Vec<&str> = lines[..last].iter().filter(tells).take(LINES.0).copied().collect();
    let gap = (!first.is_empty()).then_some("…");
    first.into_iter().chain(gap).chain(lines[last..].iter().copied()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn an_excerpt_has_the_first_errors_and_the_end() {
        let log = "1\n2 # Fatal error loading the DB\n3\n4\n5\n6\n7\n8";
        assert_eq!(excerpt(log), "2 # Fatal error loading the DB\n…\n4\n5\n6\n7\n8");
        assert_eq!(excerpt("1 error\n2"), "1 error\n2");
        assert_eq!(excerpt(""), "");
    }
}
