//! The word that somebody may have meant.

use std::collections::BTreeSet;

/// Longer words are not compared: no name is so long.
const LONGEST: usize = 100;

/// The candidate that differs from `text` in the fewest letters: one, or two and three of a longer
/// word. `None` if all differ in more, or if two differ equally little.
///
/// ```
/// use rcluster::model::nearest;
///
/// assert_eq!(nearest("prdo", ["prod", "staging"]), Some("prod"));
/// assert_eq!(nearest("h:7009", ["h:7001", "h:7002"]), None);
/// ```
pub fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = match text.chars().count() {
        0..=2 => return None,
        3..=5 => 1,
        6..=9 => 2,
        10..=LONGEST => 3,
        _ => return None,
    };
    let distance = |name: &str| strsim::damerau_levenshtein(text, name);
    let near = candidates.into_iter().filter(|name| name.len() <= LONGEST);
    let near: BTreeSet<_> = near.map(|name| (distance(name), name)).collect();
    let mut near = near.into_iter().filter(|(distance, _)| *distance <= most);
    match (near.next()?, near.next()) {
        ((first, _), Some((second, _))) if first == second => None,
        ((_, name), _) => Some(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_that_is_near_is_meant() {
        let nodes = ["127.0.0.1:7001", "127.0.0.1:7002", "127.0.0.1:8001"];
        assert_eq!(nearest("127.0.0.1:7010", nodes), Some("127.0.0.1:7001"));
        assert_eq!(nearest("127.0.0.1:9001", nodes), None, "it could be either");
        assert_eq!(nearest("10.9.8.7:1", nodes), None);
        assert_eq!(nearest("entires", ["entries", "user"]), Some("entries"));
        assert_eq!(nearest(&"x".repeat(1 << 20), ["x"]), None);
    }
}
