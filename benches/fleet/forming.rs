//! Nodes that begin as strangers: what MEET, ADDSLOTSRANGE, REPLICATE and SET-CONFIG-EPOCH do.
//!
//! Of gossip it has only what counts here: it takes its time. Nodes that were introduced, however
//! indirectly, all know each other so long after the last introduction; what changes at a node is
//! heard by all others so long afterwards.

use std::time::{Duration, Instant};

use rcluster::model::{Slot, SlotRange, SlotSet};

use super::answers::Node;

pub struct Forming {
    gossip: Duration,
    /// Of each node: the first of those that it is together with.
    group: Vec<usize>,
    /// By first node: when others came to it last.
    joined: Vec<Instant>,
    /// When the others hear of what has changed.
    news: Vec<(Instant, usize)>,
}

impl Forming {
    /// Makes strangers of them.
    pub fn new(nodes: &mut [Node], gossip: Duration) -> Forming {
        for node in &mut *nodes {
            (node.slots, node.epoch) = (SlotSet::EMPTY, 0);
        }
        let count = nodes.len();
        let joined = vec![Instant::now(); count];
        Forming { gossip, group: (0..count).collect(), joined, news: Vec::new() }
    }

    /// Whether one has come to know the other.
    pub fn knows(&self, node: usize, other: usize) -> bool {
        let group = self.group[node];
        node == other || group == self.group[other] && self.joined[group].elapsed() >= self.gossip
    }

    /// Whether every slot has an owner of whom all have heard.
    pub fn is_ok(&self, nodes: &[Node]) -> bool {
        self.news.is_empty() && nodes.iter().map(|node| node.slots.len()).sum::<usize>() == 16_384
    }

    /// The nodes of whose changes all have heard by now.
    pub fn heard(&mut self) -> Vec<usize> {
        let heard = self.news.extract_if(.., |(at, _)| *at <= Instant::now());
        heard.map(|(_, node)| node).collect()
    }

    /// What a command that changes something is answered with; `None` for any other.
    pub fn obey(
        &mut self,
        nodes: &mut [Node],
        node: usize,
        words: &[&str],
    ) -> Option<&'static str> {
        let done = match words {
            ["cluster", "meet", _, port, ..] => self.meet(nodes, node, port),
            ["cluster", "set-config-epoch", epoch] => {
                epoch.parse().ok().map(|epoch| nodes[node].epoch = epoch)
            }
            ["cluster", "addslotsrange", bounds @ ..] => add_slots(&mut nodes[node], bounds),
            ["cluster", "replicate", id] => replicate(nodes, node, id),
            ["config", "set", ..] => Some(()),
            _ => return None,
        };
        if done.is_some() && words[1] != "meet" {
            self.news.push((Instant::now() + self.gossip, node));
        }
        Some(done.map_or("-ERR invalid argument\r\n", |()| "+OK\r\n"))
    }

    fn meet(&mut self, nodes: &[Node], node: usize, port: &str) -> Option<()> {
        let port = port.parse::<u16>().ok()?;
        let other = nodes.iter().position(|node| node.addr.port() == port)?;
        let (group, joining) = (self.group[node], self.group[other]);
        if group != joining {
            self.group.iter_mut().filter(|of| **of == joining).for_each(|of| *of = group);
            self.joined[group] = Instant::now();
        }
        Some(())
    }
}

fn add_slots(node: &mut Node, bounds: &[&str]) -> Option<()> {
    let slot = |word: &str| Slot::new(word.parse().ok()?);
    for bounds in bounds.chunks(2) {
        let [first, last] = bounds else { return None };
        let range = SlotRange::new(slot(first)?, slot(last)?)?;
        node.slots = node.slots.union(&range.into());
    }
    Some(())
}

fn replicate(nodes: &mut [Node], node: usize, id: &str) -> Option<()> {
    let master = nodes.iter().position(|node| node.id == id)?;
    (nodes[node].master, nodes[node].epoch) = (Some(master), nodes[master].epoch);
    Some(())
}
