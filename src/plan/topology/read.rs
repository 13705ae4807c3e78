//! Reading the file: every mistake in it is noted, and reading goes on.

use std::collections::HashMap;
use std::ops::Range;

use itertools::Itertools;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::file::{
    Declared, DeclaredSetting, DeclaredShard, Mistake, Position, Shape, Share, Written,
};
use super::own_settings::is_own;
use crate::model::{NodeAddr, SlotRange, SlotSet};

type Value<'t> = Spanned<DeValue<'t>>;

/// Reads the file and checks all that can be checked without a server.
///
/// # Errors
/// Everything that is wrong in it, in the order in which it stands there.
pub fn parse(text: &str) -> Result<Declared, Vec<Mistake>> {
    Reader { text, mistakes: Vec::new() }.declared()
}

/// A shard as it is read: what is missing or wrong in it was noted.
struct ReadShard {
    at: Position,
    master: Option<Written<NodeAddr>>,
    replicas: Vec<Written<NodeAddr>>,
    replicas_listed: usize,
    slots: Option<Written<SlotSet>>,
    weight: Option<Written<f64>>,
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

    fn shard(&mut self, value: &Value<'t>) -> Option<ReadShard> {
        let at = self.position(value.span().start);
        let table = self.table("shard", value)?;
        let known = ["master", "replicas", "slots", "weight"];
        let entries = self.entries("[[shard]]", table, &known);
        if !entries.contains_key("master") {
            self.note_at(at, "this shard has no master".to_owned());
        }
        let replicas = entries.get("replicas");
        let slots = entries.get("slots").and_then(|value| self.slots(value));
        let weight = entries.get("weight").and_then(|value| self.weight(value));
        if let (Some(weight), Some(_)) = (&weight, entries.get("slots")) {
            let what = "a weight and slots for one shard: give one of them".to_owned();
            self.note_at(weight.at, what);
        }
        Some(ReadShard {
            at,
            master: entries.get("master").and_then(|value| self.addr("master", value)),
            replicas_listed: replicas
                .and_then(|value| value.get_ref().as_array())
                .map_or(0, |list| list.len()),
            replicas: replicas.map(|value| self.addrs("replicas", value)).unwrap_or_default(),
            slots,
            weight,
        })
    }

    fn weight(&mut self, value: &Value) -> Option<Written<f64>> {
        let integer = value.get_ref().as_integer().map(|number| number.as_str());
        let text = integer.or_else(|| value.get_ref().as_float().map(|number| number.as_str()));
        let text = self.of_type("weight", value, "a number", text)?;
        let weight: f64 = text.parse().unwrap_or(f64::NAN);
        let wrong = match weight {
            weight if weight.is_nan() => "not a number",
            weight if weight.is_infinite() => "infinite",
            weight if weight < 0.0 => "negative",
            _ => return Some(self.written(value, weight)),
        };
        let what = format!("weight {text} is {wrong}: a weight is a number from 0 up");
        self.note(value.span(), what);
        None
    }

    fn slots(&mut self, value: &Value<'t>) -> Option<Written<SlotSet>> {
        let text = self.string("slots", value)?;
        let mut slots = SlotSet::EMPTY;
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let range: SlotRange = match part.parse() {
                Ok(range) => range,
                Err(error) => {
                    self.note(value.span(), format!("{error}"));
                    continue;
                }
            };
            let twice = slots.intersection(&range.into());
            if !twice.is_empty() {
                self.note(value.span(), format!("{} given twice", twice.words()));
            }
            slots = slots.union(&range.into());
        }
        Some(self.written(value, slots))
    }

    fn shards(
        &mut self,
        shards: Vec<ReadShard>,
        replicas: Option<usize>,
    ) -> Option<Vec<DeclaredShard>> {
        let nodes =
            |shard: &ReadShard| shard.master.iter().chain(&shard.replicas).cloned().collect_vec();
        self.each_once(shards.iter().flat_map(nodes).collect_vec().iter());
        for shard in &shards {
            let listed = shard.replicas_listed;
            if let Some(wanted) = replicas.filter(|wanted| listed < *wanted) {
                let what =
                    format!("this shard lists {listed} replicas, [cluster] asks for {wanted}");
                self.note_at(shard.at, what);
            }
        }
        let exact = shards.iter().any(|shard| shard.slots.is_some());
        match exact {
            true => self.each_slot_once(&shards),
            false => self.some_weight(&shards),
        }
        let shard = |shard: ReadShard| {
            let master = shard.master?;
            let nothing = Written { value: SlotSet::EMPTY, at: master.at };
            let share = match (exact, shard.slots, shard.weight) {
                (true, slots, _) => Share::Slots(slots.unwrap_or(nothing)),
                (false, _, weight) => Share::Weight(weight.map_or(1.0, |weight| weight.value)),
            };
            Some(DeclaredShard { master, replicas: shard.replicas, share })
        };
        shards.into_iter().map(shard).collect()
    }

    fn each_once<'a>(&mut self, nodes: impl Iterator<Item = &'a Written<NodeAddr>>) {
        let mut lines: HashMap<&NodeAddr, usize> = HashMap::new();
        for Written { value, at } in nodes {
            match lines.get(value) {
                Some(first) => {
                    self.note_at(*at, format!("{value} stands on line {first} already"));
                }
                None => drop(lines.insert(value, at.line)),
            }
        }
    }

    fn each_slot_once(&mut self, shards: &[ReadShard]) {
        let mut given: Vec<(&Written<SlotSet>, String)> = Vec::new();
        for shard in shards {
            if let Some(weight) = shard.weight.as_ref().filter(|_| shard.slots.is_none()) {
                let what = "a weight means nothing where other shards list their slots";
                self.note_at(weight.at, what.to_owned());
            }
            let Some(slots) = &shard.slots else { continue };
            for (other, owner) in &given {
                let twice = other.value.intersection(&slots.value);
                if !twice.is_empty() {
                    let (twice, line) = (twice.words(), other.at.line);
                    let what = format!("{twice} given to {owner} on line {line} already");
                    self.note_at(slots.at, what);
                }
            }
            let owner = shard.master.as_ref().map(|master| master.value.to_string());
            given.push((slots, owner.unwrap_or_else(|| "another shard".to_owned())));
        }
        let all = given.iter().fold(SlotSet::EMPTY, |all, (slots, _)| all.union(&slots.value));
        let left = all.complement();
        if let Some(first) = shards.first().filter(|_| !left.is_empty()) {
            self.note_at(first.at, format!("{} given to no shard", left.words()));
        }
    }

    fn some_weight(&mut self, shards: &[ReadShard]) {
        let weights = shards.iter().filter_map(|shard| shard.weight.as_ref()).collect_vec();
        let all_zero = weights.iter().all(|weight| weight.value == 0.0);
        if let Some(first) = weights.first().filter(|_| all_zero && weights.len() == shards.len()) {
            self.note_at(
                first.at,
                "all weights are 0: some master has to own the slots".to_owned(),
            );
        }
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
