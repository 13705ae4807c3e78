//! Minimum-cost flow with convex costs: the one optimiser under layouts and roles.
//!
//! Successive shortest paths in phases: Dijkstra under potentials finds the cheapest way to send
//! one more unit, Dinic's blocking flow sends all units that go that way at that price. It is
//! exact for costs that never fall as an edge fills up, and it makes no choice by chance.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

/// What the next unit on an edge costs, given the units already there. Never falls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Price {
    /// Each unit.
    pub each: i128,
    /// Once more for every `bins` units below it: pairs that share one of `bins` bins.
    pub pair: i128,
    pub bins: usize,
    /// `2 x + 1` times this for the unit above `x` units: squares.
    pub square: i128,
}

impl Price {
    fn of_next(&self, units: usize) -> i128 {
        let pairs = if self.pair == 0 { 0 } else { units / self.bins };
        self.each + self.pair * pairs as i128 + self.square * (2 * units as i128 + 1)
    }
}

#[derive(Clone, Debug)]
struct Edge {
    from: u32,
    to: u32,
    room: u32,
    units: u32,
    /// Number of its price: large networks have a million edges and a few prices.
    price: u32,
}

/// An edge, walked forwards (adds a unit) or backwards (takes one away).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    edge: u32,
    forward: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Network {
    edges: Vec<Edge>,
    out: Vec<Vec<Step>>,
    potential: Vec<i128>,
    prices: Vec<Price>,
    price_numbers: BTreeMap<Price, u32>,
}

impl Network {
    pub fn add_node(&mut self) -> usize {
        self.out.push(Vec::new());
        self.out.len() - 1
    }

    /// Adds an edge for at most `room` units and returns its number.
    pub fn add_edge(&mut self, from: usize, to: usize, room: usize, price: Price) -> usize {
        let edge = self.edges.len();
        let price = *self.price_numbers.entry(price).or_insert_with(|| {
            self.prices.push(price);
            self.prices.len() as u32 - 1
        });
        let room = u32::try_from(room).unwrap_or(u32::MAX);
        self.edges.push(Edge { from: from as u32, to: to as u32, room, units: 0, price });
        self.out[from].push(Step { edge: edge as u32, forward: true });
        self.out[to].push(Step { edge: edge as u32, forward: false });
        edge
    }

    pub fn edges(&self) -> usize {
        self.edges.len()
    }

    pub fn units(&self, edge: usize) -> usize {
        self.edges[edge].units as usize
    }

    fn price_above(&self, edge: &Edge, units: u32) -> i128 {
        self.prices[edge.price as usize].of_next(units as usize)
    }

    /// The node a step leads to, and its price less the potentials; `None` where it is full.
    fn look(&self, step: Step) -> Option<(usize, i128)> {
        let edge = &self.edges[step.edge as usize];
        let (from, to) = (edge.from as usize, edge.to as usize);
        if step.forward {
            let price = (edge.units < edge.room).then(|| self.price_above(edge, edge.units))?;
            Some((to, price + self.potential[from] - self.potential[to]))
        } else {
            let price = -self.price_above(edge, edge.units.checked_sub(1)?);
            Some((from, price + self.potential[to] - self.potential[from]))
        }
    }

    /// Sends as many units as fit, at the least total cost; returns how many.
    pub fn send(&mut self, source: usize, sink: usize) -> usize {
        self.potential = vec![0; self.out.len()];
        let mut sent = 0;
        while self.raise_potentials(source, sink) {
            while let Some(levels) = self.levels(source, sink) {
                let mut next = vec![0; self.out.len()];
                while self.send_one(source, sink, &levels, &mut next) {
                    sent += 1;
                }
            }
        }
        sent
    }

    /// Makes the cheapest paths to the sink free; false where there is no path.
    fn raise_potentials(&mut self, source: usize, sink: usize) -> bool {
        let mut distance = vec![i128::MAX; self.out.len()];
        let mut heap = BinaryHeap::from([(Reverse(0), source)]);
        distance[source] = 0;
        while let Some((Reverse(so_far), node)) = heap.pop() {
            if so_far > distance[node] || so_far >= distance[sink] {
                continue;
            }
            for &step in &self.out[node] {
                let Some((to, price)) = self.look(step) else { continue };
                if so_far + price < distance[to] {
                    distance[to] = so_far + price;
                    heap.push((Reverse(distance[to]), to));
                }
            }
        }
        if distance[sink] == i128::MAX {
            return false;
        }
        // Capping at the sink's distance keeps every price at 0 or above for nodes beyond it.
        let cap = distance[sink];
        self.potential.iter_mut().zip(&distance).for_each(|(p, &d)| *p += d.min(cap));
        true
    }

    /// Steps from the source along free edges, or `None` where the sink is out of reach.
    fn levels(&self, source: usize, sink: usize) -> Option<Vec<u32>> {
        let mut levels = vec![u32::MAX; self.out.len()];
        let mut queue = VecDeque::from([source]);
        levels[source] = 0;
        while let Some(node) = queue.pop_front() {
            for &step in &self.out[node] {
                if let Some((to, 0)) = self.look(step)
                    && levels[to] == u32::MAX
                {
                    levels[to] = levels[node] + 1;
                    queue.push_back(to);
                }
            }
        }
        (levels[sink] != u32::MAX).then_some(levels)
    }

    /// Sends one unit along free edges that climb the levels; `next` remembers dead ends.
    fn send_one(&mut self, source: usize, sink: usize, levels: &[u32], next: &mut [usize]) -> bool {
        let mut path: Vec<Step> = Vec::new();
        let mut node = source;
        while node != sink {
            let climbs = |&step: &Step| {
                self.look(step).filter(|&(to, price)| price == 0 && levels[to] == levels[node] + 1)
            };
            let found = self.out[node].get(next[node]).map(|step| (*step, climbs(step)));
            match found {
                Some((step, Some((to, _)))) => {
                    path.push(step);
                    node = to;
                }
                Some((_, None)) => next[node] += 1,
                None => {
                    let Some(step) = path.pop() else { return false };
                    let edge = &self.edges[step.edge as usize];
                    node = (if step.forward { edge.from } else { edge.to }) as usize;
                    next[node] += 1;
                }
            }
        }
        path.into_iter().for_each(|step| self.walk(step));
        true
    }

    fn walk(&mut self, step: Step) {
        let edge = &mut self.edges[step.edge as usize];
        if step.forward { edge.units += 1 } else { edge.units -= 1 }
    }

    /// Puts one more unit on `edge` without changing the total cost or the total flow, taking no
    /// edge below `floor` units; false where that cannot be.
    ///
    /// After `send` no step has a negative price, so a cycle costs nothing only if each of its
    /// steps is free: a search over free steps finds one if there is one.
    pub fn shift_onto(&mut self, edge: usize, floor: &[usize]) -> bool {
        let first = Step { edge: edge as u32, forward: true };
        let Some((start, 0)) = self.look(first) else { return false };
        let goal = self.edges[edge].from as usize;
        let mut came_by: Vec<Option<Step>> = vec![None; self.out.len()];
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            if node == goal {
                break;
            }
            for &step in &self.out[node] {
                let at = step.edge as usize;
                let fixed = !step.forward && self.units(at) <= floor[at];
                if let Some((to, 0)) = self.look(step)
                    && to != start
                    && at != edge
                    && !fixed
                    && came_by[to].is_none()
                {
                    came_by[to] = Some(step);
                    queue.push_back(to);
                }
            }
        }
        let mut cycle = vec![first];
        let mut node = goal;
        while node != start {
            let Some(step) = came_by[node] else { return false };
            cycle.push(step);
            let edge = &self.edges[step.edge as usize];
            node = (if step.forward { edge.from } else { edge.to }) as usize;
        }
        cycle.into_iter().for_each(|step| self.walk(step));
        true
    }
}
