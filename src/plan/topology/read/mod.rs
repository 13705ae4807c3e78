//! Reading the file: every mistake in it is noted, and reading goes on.

mod shards;

use std::collections::HashMap;
use std::ops::Range;

use itertools::Itertools;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::file::{Declared, DeclaredSetting, Mistake, Position, Shape, Written};
use super::own_settings::is_own;
use crate::model::NodeAddr;

type Value<'t> = Spanned<DeValue<'t>>;

/// Reads the file and checks all that can be checked without a server.
///
/// # Errors
/// Everything that is wrong in it, in the order in which it stands there.
pub fn parse(text: &str) -> Result<Declared, Vec<Mistake>> {
    Reader { text, mistakes: Vec::new() }.declared()
}

struct Reader<'t> {
    text: &'t str,
    mistakes: Vec<Mistake>,
}

impl<'t> Reader<'t> {
    fn declared(mut self) -> Result<Declared, Vec<Mistake>> {
        let (file, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            self.note(error.span().unwrap_or(0..0), error.message().to_owned());
        }
        // Half a table would be called wrong for what it lacks.
        let declared = if errors.is_empty() { self.file(file.get_ref()) } else { None };
        self.mistakes.sort();
        self.mistakes.dedup();
        match declared {
            Some(declared) if self.mistakes.is_empty() => Ok(declared),
            _ => Err(self.mistakes),
        }
    }

    fn position(&self, offset: usize) -> Position {
        let before = &self.text[..offset.min(self.text.len())];
        let line = before.rsplit('\n').next().unwrap_or_default();
        Position { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
    }

    fn note(&mut self, span: Range<usize>, what: String) {
        let at = self.position(span.start);
        self.note_at(at, what);
    }

    fn note_at(&mut self, at: Position, what: String) {
        self.mistakes.push(Mistake { at, what });
    }

    fn written<T>(&self, value: &Value, read: T) -> Written<T> {
        Written { value: read, at: self.position(value.span().start) }
    }

    /// The entries of a table, those with unknown keys noted and left out.
    fn entries<'v>(
        &mut self,
        of: &str,
        table: &'v DeTable<'t>,
        known: &[&'static str],
    ) -> HashMap<&'static str, &'v Value<'t>> {
        let mut entries = HashMap::new();
        for (key, value) in table {
            match known.iter().find(|known| *key.get_ref() == **known) {
                Some(known) => drop(entries.insert(*known, value)),
                None => {
                    let has = known.iter().join(", ");
                    self.note(
                        key.span(),
                        format!("unknown key '{}': {of} has {has}", key.get_ref()),
                    );
                }
            }
        }
        entries
    }

    /// `None`, and noted, where it is something else.
    fn of_type<T>(&mut self, name: &str, value: &Value, is: &str, read: Option<T>) -> Option<T> {
        if read.is_none() {
            let found = value.get_ref().type_str();
            let article = if found.starts_with(['a', 'i']) { "an" } else { "a" };
            self.note(value.span(), format!("{name} is {article} {found}, not {is}"));
        }
        read
    }

    fn table<'v>(&mut self, name: &str, value: &'v Value<'t>) -> Option<&'v DeTable<'t>> {
        self.of_type(name, value, "a table", value.get_ref().as_table())
    }

    fn list<'v>(&mut self, name: &str, value: &'v Value<'t>) -> Vec<&'v Value<'t>> {
        let list = self.of_type(name, value, "an array", value.get_ref().as_array());
        list.into_iter().flatten().collect()
    }

    fn string<'v>(&mut self, name: &str, value: &'v Value<'t>) -> Option<&'v str> {
        self.of_type(name, value, "a string", value.get_ref().as_str())
    }

    fn file(&mut self, file: &DeTable<'t>) -> Option<Declared> {
        let entries = self.entries("the file", file, &["cluster", "shard", "zones", "settings"]);
        let cluster = entries.get("cluster").and_then(|value| self.table("cluster", value));
        let cluster = cluster.map(|table| self.entries("[cluster]", table, &["nodes", "replicas"]));
        let cluster = cluster.unwrap_or_default();
        let replicas = cluster.get("replicas").and_then(|value| self.count("replicas", value));
        let listed = cluster.get("nodes");
        let nodes = listed.map(|value| self.addrs("nodes", value));
        let shards = entries.get("shard").map(|value| {
            let tables = self.list("shard", value);
            tables.into_iter().filter_map(|table| self.shard(table)).collect_vec()
        });
        let shape = match (nodes, shards) {
            (Some(_), Some(shards)) => {
                let at = shards.first().map_or(Position { line: 1, column: 1 }, |shard| shard.at);
                let what = "both nodes and shards: list nodes that the planner places, or shards";
                self.note_at(at, what.to_owned());
                None
            }
            (Some(nodes), None) => {
                let replicas = replicas.unwrap_or(0);
                self.each_once(nodes.iter());
                if nodes.len() <= replicas
                    && let Some(listed) = listed
                {
                    let what = format!("{} nodes are too few for {replicas} replicas", nodes.len());
                    self.note(listed.span(), what);
                }
                Some(Shape::Nodes { nodes, replicas })
            }
            (None, Some(shards)) => self.shards(shards, replicas).map(Shape::Shards),
            (None, None) => {
                let what = "no nodes: nodes = […] in [cluster], or a [[shard]] for each master";
                self.note(0..0, what.to_owned());
                None
            }
        };
        let zones = entries.get("zones").map(|value| self.zones(value, shape.as_ref()));
        let settings = entries.get("settings").map(|value| self.settings(value));
        let (zones, settings) = (zones.unwrap_or_default(), settings.unwrap_or_default());
        Some(Declared { shape: shape?, zones, settings })
    }

    fn count(&mut self, name: &str, value: &Value) -> Option<usize> {
        let number = value.get_ref().as_integer();
        let text = self.of_type(name, value, "a number", number)?;
        let count = usize::from_str_radix(text.as_str(), text.radix()).ok();
        if count.is_none() {
            let what = format!("{name} is {}: a whole number from 0 up", text.as_str());
            self.note(value.span(), what);
        }
        count
    }

    fn addr(&mut self, name: &str, value: &Value<'t>) -> Option<Written<NodeAddr>> {
        match self.string(name, value)?.parse() {
            Ok(addr) => Some(self.written(value, addr)),
            Err(error) => {
                self.note(value.span(), format!("{error}"));
                None
            }
        }
    }

    fn addrs(&mut self, name: &str, value: &Value<'t>) -> Vec<Written<NodeAddr>> {
        let list = self.list(name, value);
        list.into_iter().filter_map(|value| self.addr(name, value)).collect()
    }

    fn zones(
        &mut self,
        value: &Value<'t>,
        shape: Option<&Shape>,
    ) -> Vec<(Written<String>, String)> {
        let mut zones = Vec::new();
        let nodes = shape.map(|shape| {
            Declared { shape: shape.clone(), zones: Vec::new(), settings: Vec::new() }.addrs()
        });
        for (key, zone) in self.table("zones", value).into_iter().flatten() {
            let is_known = |node: &NodeAddr| {
                *key.get_ref() == node.host() || *key.get_ref() == node.to_string()
            };
            if nodes.as_ref().is_some_and(|nodes| !nodes.iter().any(is_known)) {
                let what = format!("'{}' is no host or address of a node here", key.get_ref());
                self.note(key.span(), what);
            }
            let Some(zone) = self.string("a zone", zone) else { continue };
            let at = self.position(key.span().start);
            zones.push((Written { value: key.get_ref().to_string(), at }, zone.to_owned()));
        }
        zones
    }

    fn settings(&mut self, value: &Value<'t>) -> Vec<DeclaredSetting> {
        let mut settings: Vec<DeclaredSetting> = Vec::new();
        let table = self.table("settings", value);
        for (key, value) in table.into_iter().flatten().sorted_by_key(|(key, _)| key.span().start) {
            let name = key.get_ref().to_lowercase();
            let at = self.position(key.span().start);
            if is_own(&name) {
                let what = format!("'{name}' is not the same on every node, or is a password");
                self.note_at(at, what);
            }
            if let Some(first) = settings.iter().find(|other| other.name.value == name) {
                let what = format!("'{name}' stands on line {} already", first.name.at.line);
                self.note_at(at, what);
            }
            let text = match value.get_ref() {
                DeValue::String(text) => Some(text.to_string()),
                DeValue::Integer(number) if number.radix() == 10 => {
                    Some(number.as_str().to_owned())
                }
                DeValue::Float(number) => Some(number.as_str().to_owned()),
                DeValue::Boolean(true) => Some("yes".to_owned()),
                DeValue::Boolean(false) => Some("no".to_owned()),
                _ => None,
            };
            if let Some(value) = self.of_type(&name, value, "a string, number or boolean", text) {
                settings.push(DeclaredSetting { name: Written { value: name, at }, value });
            }
        }
        settings
    }
}
