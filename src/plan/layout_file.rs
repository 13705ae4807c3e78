//! A layout as a file: TOML with a `[[shard]]` for each master.
//!
//! ```toml
//! [[shard]]
//! master = "10.0.0.1:7001"
//! slots = "0-5460,16383"
//! replicas = ["10.0.0.2:7001"]
//! ```

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::layout::{Layout, NodeLocation, PlannedShard};
use crate::model::{NodeAddr, SlotRange, SlotSet};

/// A layout by addresses, as it was parsed: every node once, every slot once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutFile {
    /// The shards in the order of the file.
    pub shards: Vec<WrittenShard>,
}

/// A shard by addresses, and the lines that they are on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenShard {
    /// The master.
    pub master: Written<NodeAddr>,
    /// Its slots; without a line of their own the set is empty, and the line is the master's.
    pub slots: Written<SlotSet>,
    /// The nodes that replicate it.
    pub replicas: Vec<Written<NodeAddr>>,
}

/// A value and its line, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written<T> {
    /// The value.
    pub value: T,
    /// Its line, from 1.
    pub line: usize,
}

/// What is wrong with a layout file, and on which line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct LayoutFileError {
    /// From 1; `None` if the error is about the whole file.
    pub line: Option<usize>,
    /// The error, in a sentence.
    pub what: String,
}

impl fmt::Display for LayoutFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl LayoutFileError {
    fn at(line: usize, what: impl Into<String>) -> LayoutFileError {
        LayoutFileError { line: Some(line), what: what.into() }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    shard: Vec<RawShard>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawShard {
    master: Spanned<String>,
    slots: Option<Spanned<String>>,
    #[serde(default)]
    replicas: Vec<Spanned<String>>,
}

/// Reads a layout file.
///
/// ```
/// let text = r#"
/// [[shard]]
/// master = "10.0.0.1:7001"
/// slots = "0-16383"
/// replicas = ["10.0.0.2:7001"]
/// "#;
/// let file = rcluster::plan::layout_file::parse(text)?;
/// assert_eq!(file.nodes().map(|node| node.line).collect::<Vec<_>>(), [3, 5]);
/// # Ok::<(), rcluster::plan::layout_file::LayoutFileError>(())
/// ```
///
/// # Errors
/// It is not TOML, has unknown keys, bad addresses or bad slots, or does not name each node at most
/// once and each of the 16384 slots exactly once.
pub fn parse(text: &str) -> Result<LayoutFile, LayoutFileError> {
    let line_of = |offset: usize| text[..offset].matches('\n').count() + 1;
    let raw: RawFile = toml::from_str(text).map_err(|error| LayoutFileError {
        line: error.span().map(|span| line_of(span.start)),
        what: error.message().to_owned(),
    })?;
    let addr = |raw: &Spanned<String>| {
        let line = line_of(raw.span().start);
        let value = raw.get_ref().parse::<NodeAddr>();
        value
            .map(|value| Written { value, line })
            .map_err(|error| LayoutFileError::at(line, error.to_string()))
    };
    let shard = |raw: &RawShard| {
        let master = addr(&raw.master)?;
        let slots = match &raw.slots {
            Some(slots) => read_slots(slots.get_ref(), line_of(slots.span().start))?,
            None => Written { value: SlotSet::EMPTY, line: master.line },
        };
        let replicas = raw.replicas.iter().map(addr).collect::<Result<_, _>>()?;
        Ok(WrittenShard { master, slots, replicas })
    };
    let shards = raw.shard.iter().map(shard).collect::<Result<Vec<_>, LayoutFileError>>()?;
    let file = LayoutFile { shards };
    file.each_node_once()?;
    file.each_slot_once()?;
    Ok(file)
}

fn read_slots(text: &str, line: usize) -> Result<Written<SlotSet>, LayoutFileError> {
    let mut value = SlotSet::EMPTY;
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let range: SlotRange =
            part.parse().map_err(|error| LayoutFileError::at(line, format!("{error}")))?;
        let twice = value.intersection(&range.into());
        if !twice.is_empty() {
            return Err(LayoutFileError::at(line, format!("{} given twice", twice.words())));
        }
        value = value.union(&range.into());
    }
    Ok(Written { value, line })
}

impl LayoutFile {
    /// Every node with its line, in the order of the file.
    pub fn nodes(&self) -> impl Iterator<Item = &Written<NodeAddr>> {
        self.shards.iter().flat_map(|shard| std::iter::once(&shard.master).chain(&shard.replicas))
    }

    fn each_node_once(&self) -> Result<(), LayoutFileError> {
        let mut lines: HashMap<&NodeAddr, usize> = HashMap::new();
        for Written { value, line } in self.nodes() {
            if let Some(first) = lines.insert(value, *line) {
                let what = format!("{value} stands on line {first} already");
                return Err(LayoutFileError::at(*line, what));
            }
        }
        Ok(())
    }

    fn each_slot_once(&self) -> Result<(), LayoutFileError> {
        let mut given = SlotSet::EMPTY;
        for shard in &self.shards {
            let Written { value, line } = &shard.slots;
            let twice = given.intersection(value);
            if !twice.is_empty() {
                let owners = self.shards.iter();
                let mut owners =
                    owners.filter(|other| !other.slots.value.intersection(&twice).is_empty());
                let owner = owners.next().unwrap_or(shard);
                let what = format!(
                    "{} given to {} on line {} already",
                    twice.words(),
                    owner.master.value,
                    owner.slots.line
                );
                return Err(LayoutFileError::at(*line, what));
            }
            given = given.union(value);
        }
        let left = given.complement();
        if left.is_empty() {
            return Ok(());
        }
        Err(LayoutFileError { line: None, what: format!("{} assigned to no shard", left.words()) })
    }

    /// The layout for these nodes, by their indices, exactly as it is written; `seats` are the
    /// nodes' failure domains, in the same order.
    ///
    /// # Errors
    /// The file names a node that is not in `nodes`, or not every node of `nodes`.
    pub fn place(
        &self,
        nodes: &[NodeAddr],
        seats: &[NodeLocation],
    ) -> Result<Layout, LayoutFileError> {
        let seat = |written: &Written<NodeAddr>| {
            let index = nodes.iter().position(|node| *node == written.value);
            index.ok_or_else(|| {
                let what = format!("{} is none of the nodes that were named", written.value);
                LayoutFileError::at(written.line, what)
            })
        };
        let shards = self.shards.iter().map(|shard| {
            Ok(PlannedShard {
                master: seat(&shard.master)?,
                slots: shard.slots.value.clone(),
                replicas: shard.replicas.iter().map(seat).collect::<Result<_, _>>()?,
            })
        });
        let shards = shards.collect::<Result<Vec<_>, LayoutFileError>>()?;
        if let Some(left) =
            nodes.iter().find(|node| !self.nodes().any(|written| written.value == **node))
        {
            let what = format!("{left} was named but has no place in the layout");
            return Err(LayoutFileError { line: None, what });
        }
        Ok(Layout::given(seats, shards))
    }
}

#[derive(Serialize)]
struct OutFile {
    shard: Vec<OutShard>,
}

#[derive(Serialize)]
struct OutShard {
    master: String,
    slots: String,
    replicas: Vec<String>,
}

/// Writes a layout as [`parse`] reads it; its indices are those of `nodes`.
pub fn write(layout: &Layout, nodes: &[NodeAddr]) -> String {
    // With its bus port, where one was named: the file has to lead to the same place.
    let name = |&seat: &usize| {
        let node = &nodes[seat];
        let bus = node.bus_port().map(|port| format!("@{port}")).unwrap_or_default();
        format!("{node}{bus}")
    };
    let shard = |shard: &PlannedShard| OutShard {
        master: name(&shard.master),
        slots: if shard.slots.is_empty() { String::new() } else { shard.slots.to_string() },
        replicas: shard.replicas.iter().map(name).collect(),
    };
    let file = OutFile { shard: layout.shards.iter().map(shard).collect() };
    toml::to_string(&file).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::layout::{Wishes, plan};
    use super::*;

    fn nodes(count: usize) -> Vec<NodeAddr> {
        (1..=count).map(|n| format!("10.0.0.{n}:7001").parse().unwrap()).collect()
    }

    #[test]
    fn what_is_written_is_read_back_the_same() {
        let nodes = nodes(7);
        let seats: Vec<NodeLocation> = nodes
            .iter()
            .map(|node| NodeLocation { host: node.host().to_owned(), zone: None })
            .collect();
        let planned = plan(&seats, &Wishes { replicas: 1, ..Wishes::default() }).unwrap();
        let text = write(&planned, &nodes);
        let read = parse(&text).unwrap().place(&nodes, &seats).unwrap();
        assert_eq!(read.shards, planned.shards, "{text}");
        assert_eq!(read.score, planned.score);
    }

    #[test]
    fn every_error_names_its_line() {
        let shard = |master: &str, slots: &str| {
            format!("[[shard]]\nmaster = \"{master}\"\nslots = \"{slots}\"\n")
        };
        let one = shard("10.0.0.1:7001", "0-8000");
        let cases = [
            (
                one.clone() + &shard("10.0.0.2:7001", "8000-16383"),
                "line 6: slot 8000 given to 10.0.0.1:7001 on line 3 already",
            ),
            (
                one.clone() + &shard("10.0.0.2:7001", "8001-16000"),
                "slots 16001-16383 assigned to no shard",
            ),
            (
                one.clone() + &shard("10.0.0.1:7001", "8001-16383"),
                "line 5: 10.0.0.1:7001 stands on line 2 already",
            ),
            (shard("10.0.0.1", "0-16383"), "line 2: '10.0.0.1' has no port"),
            (shard("10.0.0.1:7001", "0-16384"), "line 3: slot 16384 is out of range"),
            (shard("10.0.0.1:7001", "0-16383,5"), "line 3: slot 5 given twice"),
            ("[[shard]]\nmaster = 5\n".to_owned(), "line 2: "),
            ("[[shard]]\nslaves = []\n".to_owned(), "line 2: unknown field `slaves`"),
            ("[[shard]\n".to_owned(), "line 1: "),
            (String::new(), "missing field `shard`"),
        ];
        for (text, says) in cases {
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn nodes_and_layout_have_to_fit() {
        let text = "[[shard]]\nmaster = \"10.0.0.1:7001\"\nslots = \"0-16383\"\nreplicas = [\"10.0.0.2:7001\"]\n";
        let file = parse(text).unwrap();
        let place = |count: usize| {
            let nodes = nodes(count);
            let seats = vec![NodeLocation::default(); count];
            file.place(&nodes, &seats).map(|_| ()).map_err(|error| error.to_string())
        };
        assert_eq!(place(2), Ok(()));
        assert_eq!(
            place(1),
            Err("line 4: 10.0.0.2:7001 is none of the nodes that were named".to_owned())
        );
        assert_eq!(
            place(3),
            Err("10.0.0.3:7001 was named but has no place in the layout".to_owned())
        );
    }
}
