//! The shards of the file, their nodes and what they own.

use std::collections::HashMap;

use itertools::Itertools;

use super::{Reader, Value};
use crate::model::{NodeAddr, SlotRange, SlotSet};
use crate::plan::topology::file::{DeclaredShard, Position, Share, Written};

/// A shard as it is read: what is missing or wrong in it was noted.
pub(super) struct ReadShard {
    pub at: Position,
    master: Option<Written<NodeAddr>>,
    replicas: Vec<Written<NodeAddr>>,
    replicas_listed: usize,
    slots: Option<Written<SlotSet>>,
    weight: Option<Written<f64>>,
}

impl<'t> Reader<'t> {
    pub(super) fn shard(&mut self, value: &Value<'t>) -> Option<ReadShard> {
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
                self.note(value.span(), format!("{} given twice", twice.summary()));
            }
            slots = slots.union(&range.into());
        }
        Some(self.written(value, slots))
    }

    pub(super) fn shards(
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

    pub(super) fn each_once<'a>(&mut self, nodes: impl Iterator<Item = &'a Written<NodeAddr>>) {
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
                    let (twice, line) = (twice.summary(), other.at.line);
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
            self.note_at(first.at, format!("{} given to no shard", left.summary()));
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
}
