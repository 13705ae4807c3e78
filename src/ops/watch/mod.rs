//! Looking at a cluster again and again: one round trip to every node a tick, all at once. A node that
//! hangs keeps nobody waiting: each has a thread of its own, and a tick takes what has come.

mod asker;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

pub use asker::Silence;
use asker::{Answer, Asker, LATE};
use itertools::Itertools;

use crate::model::{ClusterReport, NodeAddr, NodeId, NodeList, NodeReport, Slot};
use crate::plan::live::{Reading, SlotTask};
use crate::wire::{Access, Pulse, Task, WireError, addresses, gather};

/// What a tick brings.
#[derive(Debug)]
pub struct Tick {
    pub cluster: ClusterReport,
    /// A reading for each of `cluster.nodes`.
    pub readings: Vec<Reading>,
    /// Nodes that did not reply, by where they were asked, and since when not.
    pub silent: BTreeMap<NodeAddr, Silence>,
}

/// Every node of a cluster, asked again and again.
#[derive(Debug)]
pub struct Watcher {
    entry: Vec<NodeAddr>,
    list: NodeList,
    access: Access,
    patience: Duration,
    begun: Instant,
    askers: HashMap<NodeAddr, Asker>,
    sender: Sender<(NodeAddr, Answer)>,
    answers: Receiver<(NodeAddr, Answer)>,
}

impl Watcher {
    /// # Errors
    /// A name in the list has no address.
    pub fn new(
        entry: &NodeList,
        access: &Access,
        interval: Duration,
    ) -> Result<Watcher, WireError> {
        let (sender, answers) = channel();
        Ok(Watcher {
            entry: addresses(std::slice::from_ref(entry), access)?,
            list: entry.clone(),
            access: access.clone(),
            patience: (interval / 2).min(LATE),
            begun: Instant::now(),
            askers: HashMap::new(),
            sender,
            answers,
        })
    }

    /// How long it is since the watch began.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Asks every node, and takes what has come after a while. `count` has the slots whose keys are to
    /// be counted.
    ///
    /// # Errors
    /// No node has anything to report; each of the list says why.
    pub fn tick(&mut self, count: &BTreeMap<NodeId, Vec<Slot>>) -> Result<Tick, WireError> {
        let known = self.known();
        let is_first = self.askers.is_empty();
        let all = self.access.connect_timeout + self.access.timeout;
        self.ask(&known, count, if is_first { all } else { self.patience });
        let newest = known.iter().find_map(|addr| Some((addr, self.newest(addr).ok()?)));
        let Some((first, newest)) = newest else { return Err(self.nobody(&known)) };
        let mut used = HashSet::from([first.clone()]);
        let (cluster, _) = gather(newest, Vec::new(), |addrs| {
            let new: Vec<NodeAddr> =
                addrs.iter().filter(|addr| !self.askers.contains_key(addr)).cloned().collect();
            self.ask(&new, count, LATE);
            used.extend(addrs.iter().cloned());
            addrs.iter().map(|addr| self.newest(addr)).collect()
        });
        // Where nobody is listed any more, nobody is asked.
        self.askers.retain(|addr, _| used.contains(addr));
        let silence = |(addr, asker): (&NodeAddr, &Asker)| Some((addr.clone(), asker.silence()?));
        let silent = self.askers.iter().filter_map(silence).collect();
        Ok(Tick { cluster: cluster.report, readings: cluster.servers, silent })
    }

    /// The nodes to ask, those that the user named first.
    fn known(&self) -> Vec<NodeAddr> {
        let place = |addr: &NodeAddr| self.entry.iter().position(|entry| entry == addr);
        match self.askers.is_empty() {
            true => self.entry.clone(),
            false => {
                let known = self.askers.keys().cloned();
                known
                    .sorted_by_key(|addr| (place(addr).is_none(), place(addr), addr.clone()))
                    .collect()
            }
        }
    }

    /// Asks those of these nodes that are not being asked, and waits for them.
    fn ask(&mut self, addrs: &[NodeAddr], count: &BTreeMap<NodeId, Vec<Slot>>, patience: Duration) {
        while let Ok((addr, answer)) = self.answers.try_recv() {
            self.note(&addr, answer);
        }
        let begun = Instant::now();
        let mut waiting: HashSet<&NodeAddr> = HashSet::new();
        for addr in addrs {
            let asker = self.askers.entry(addr.clone()).or_insert_with(|| {
                Asker::start(addr.clone(), self.access.clone(), self.sender.clone())
            });
            if asker.ask(count) {
                waiting.insert(addr);
            } else if !asker.is_asked() {
                // Its thread was refused: perhaps it is not the next time.
                *asker = Asker::start(addr.clone(), self.access.clone(), self.sender.clone());
            }
        }
        while !waiting.is_empty() {
            let left = patience.saturating_sub(begun.elapsed());
            let Ok((addr, answer)) = self.answers.recv_timeout(left) else { break };
            waiting.remove(&addr);
            self.note(&addr, answer);
        }
    }

    fn note(&mut self, addr: &NodeAddr, answer: Answer) {
        let at = self.begun.elapsed();
        if let Some(asker) = self.askers.get_mut(addr) {
            asker.note(answer.map(|pulse| split(*pulse, at)));
        }
    }

    /// The newest that a node has reported, unless it hangs.
    fn newest(&self, addr: &NodeAddr) -> Result<(Reading, NodeReport), WireError> {
        match self.askers.get(addr) {
            Some(asker) => asker.newest(addr),
            None => Err(asker::unasked(addr)),
        }
    }

    /// The nodes that the user named are asked too from now on, wherever their names lead by now.
    fn nobody(&mut self, known: &[NodeAddr]) -> WireError {
        if let Ok(entry) = addresses(std::slice::from_ref(&self.list), &self.access) {
            self.entry = entry;
        }
        for addr in &self.entry {
            self.askers.entry(addr.clone()).or_insert_with(|| {
                Asker::start(addr.clone(), self.access.clone(), self.sender.clone())
            });
        }
        let errors = known.iter().filter_map(|addr| self.newest(addr).err()).collect();
        WireError::none_answers(&self.list, errors)
    }
}

/// What a node reports, and what it is doing.
fn split(pulse: Pulse, at: Duration) -> (Reading, NodeReport) {
    let Pulse { report, activity, own, tasks, keys } = pulse;
    let task = |task: Task| {
        let (from, to) = (task.from?, task.to?);
        (!task.is_over).then_some(SlotTask { from, to, slots: task.slots, state: task.state })
    };
    let reading = Reading {
        at,
        activity,
        own: [own.commands, own.sent, own.received],
        tasks: tasks.into_iter().filter_map(task).collect(),
        keys,
    };
    (reading, report)
}
