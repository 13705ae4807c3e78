//! Contexts: clusters by name, with how they are reached, in a file of the user's.

mod add;
mod file;
mod read;
#[cfg(test)]
mod tests;

pub use add::add;
pub use file::{Contexts, path};
pub use read::{NamedCluster, OPTIONS};

/// Whether a word can name a context: never an address, a path or an option.
pub fn is_name(word: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    (1..=63).contains(&word.len()) && word.chars().all(fits) && !word.starts_with(['-', '.'])
}

/// A name and the nodes behind it: `prod`, or `prod/10.0.0.1:6379`.
pub fn split(word: &str) -> Option<(&str, Option<&str>)> {
    let (name, nodes) = match word.split_once('/') {
        Some((name, nodes)) => (name, Some(nodes)),
        None => (word, None),
    };
    is_name(name).then_some((name, nodes))
}
