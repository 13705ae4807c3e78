//! Settings that nodes have, and those that a file declares for all of them.

use std::collections::BTreeMap;

use itertools::Itertools;

use super::file::{DeclaredSetting, Mistake};

/// Settings of a node by name, as the server reports them.
pub type NodeSettings = BTreeMap<String, String>;

/// A setting that some nodes have otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingChange {
    pub name: String,
    pub to: String,
    /// The nodes by index, and what each has now.
    pub nodes: Vec<(usize, String)>,
    /// Whether the other changes need it.
    pub first: bool,
}

impl SettingChange {
    /// What the nodes have now, each value once.
    pub fn before(&self) -> String {
        self.nodes.iter().map(|(_, value)| shown(value)).unique().sorted().join(", ")
    }

    /// `cluster-node-timeout: 15000 → 5000 on 3 nodes`
    pub fn summary(&self) -> String {
        let (count, nodes) =
            (self.nodes.len(), if self.nodes.len() == 1 { "node" } else { "nodes" });
        format!("{}: {} → {} on {count} {nodes}", self.name, self.before(), shown(&self.to))
    }
}

fn shown(value: &str) -> &str {
    if value.is_empty() { "\"\"" } else { value }
}

/// Which settings are to change on which of these nodes.
///
/// # Errors
/// Settings that a node does not have: where they stand in the file.
pub fn setting_changes(
    declared: &[DeclaredSetting],
    nodes: &[(usize, String, NodeSettings)],
) -> Result<Vec<SettingChange>, Vec<Mistake>> {
    let (mut changes, mut mistakes) = (Vec::new(), Vec::new());
    for DeclaredSetting { name, value } in declared {
        let lacks = nodes.iter().find(|(.., settings)| !settings.contains_key(&name.value));
        if let Some((_, node, _)) = lacks {
            let what = format!("{node} reports no setting '{}'", name.value);
            mistakes.push(Mistake { at: name.at, what });
            continue;
        }
        let others = nodes.iter().filter_map(|(index, _, settings)| {
            let now = settings.get(&name.value)?;
            (!is_same(now, value)).then(|| (*index, now.clone()))
        });
        let others = others.collect_vec();
        if !others.is_empty() {
            let first = others.iter().any(|(_, now)| is_needed_first(&name.value, now, value));
            let (name, to) = (name.value.clone(), value.clone());
            changes.push(SettingChange { name, to, nodes: others, first });
        }
    }
    if mistakes.is_empty() { Ok(changes) } else { Err(mistakes) }
}

/// Room and time that nodes are given, what the cluster does by itself, and replication come first: the
/// copies and moves that follow need them. Less room or time comes last.
fn is_needed_first(name: &str, now: &str, to: &str) -> bool {
    let number = |text: &str| word(text).parse::<u64>().unwrap_or(0);
    match name {
        "cluster-node-timeout" => number(to) > number(now),
        // None is the largest.
        "maxmemory" => number(to).wrapping_sub(1) > number(now).wrapping_sub(1),
        _ => name.starts_with("cluster-") || name.starts_with("repl-"),
    }
}

/// Whether two values are one to a server: `100mb` is reported as `104857600`.
pub fn is_same(one: &str, other: &str) -> bool {
    let words = |text: &str| text.split_whitespace().map(word).collect_vec();
    words(one) == words(other)
}

/// A word in lower case, an amount of memory in bytes.
fn word(text: &str) -> String {
    let text = text.to_lowercase();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "b" => 1,
        "k" => 1_000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return text,
    };
    match digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)) {
        Some(bytes) => bytes.to_string(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_as_servers_report_them() {
        for (one, other) in [
            ("104857600", "100mb"),
            ("noeviction", "NoEviction"),
            ("900 1 300 10", "900  1 300 10"),
            ("normal 0 0 0 slave 268435456 67108864 60", "normal 0 0 0 slave 256mb 64MB 60"),
            ("", ""),
        ] {
            assert!(is_same(one, other), "{one} {other}");
        }
        for (one, other) in
            [("1000", "1kb"), ("yes", "no"), ("", "0"), ("AKE", "EKA"), ("1k", "k1")]
        {
            assert!(!is_same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn what_the_rest_needs_comes_first() {
        let first = |name, now, to| is_needed_first(name, now, to);
        assert!(first("cluster-node-timeout", "5000", "15000"));
        assert!(!first("cluster-node-timeout", "15000", "5000"));
        assert!(first("maxmemory", "100", "1kb") && first("maxmemory", "100", "0"));
        assert!(!first("maxmemory", "0", "1gb") && !first("maxmemory", "2gb", "1gb"));
        assert!(first("repl-backlog-size", "1", "2") && !first("appendonly", "no", "yes"));
    }
}
