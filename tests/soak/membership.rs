//! Nodes come, go and change roles while rcluster is killed, or servers are killed or hang: the same
//! command ends what was begun, and no key is lost.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rcluster::model::NodeId;
use rcluster::sandbox::LocalNode;
use rustix::process::Signal;

use crate::support::data::{Contents, assert_same, contents, fill, view};
use crate::support::{Run, Server, TestCluster, eventually, rcluster, start};

const KEYS: usize = 2000;

/// Three masters with a replica each, and one server outside.
const MEMBERS: usize = 6;
const SPARE: usize = 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    AddReplica,
    AddMaster,
    DelReplica,
    DelMasterWithDrain,
    Failover,
    ReplaceReplica,
    Forget,
    Roles,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    /// SIGKILL of rcluster.
    RunKilled,
    /// kill -9 of the server that the command is about.
    SubjectKilled,
    /// SIGSTOP of it.
    SubjectHangs,
    /// kill -9 of a master that has no part in it; its replica takes over.
    BystanderKilled,
    /// SIGSTOP of a replica that has no part in it.
    BystanderHangs,
}

const ACTS: [Act; 8] = [
    Act::AddReplica,
    Act::AddMaster,
    Act::DelReplica,
    Act::DelMasterWithDrain,
    Act::Failover,
    Act::ReplaceReplica,
    Act::Forget,
    Act::Roles,
];

const FAULTS: [Fault; 5] = [
    Fault::RunKilled,
    Fault::SubjectKilled,
    Fault::SubjectHangs,
    Fault::BystanderKilled,
    Fault::BystanderHangs,
];

struct Stage {
    cluster: TestCluster,
    before: Contents,
}

impl Stage {
    fn new() -> Stage {
        let mut cluster = TestCluster::start(MEMBERS + 1);
        let addrs = cluster.addrs();
        let mut words = vec!["create"];
        words.extend(addrs[..MEMBERS].iter().map(String::as_str));
        words.extend(["--replicas", "1", "--yes"]);
        rcluster(&words).succeeds();
        cluster.tell_all(&["CONFIG", "SET", "cluster-node-timeout", "2000"]);
        let spare: Vec<LocalNode> = cluster.nodes.drain(MEMBERS..).collect();
        cluster.wait_for_replicas();
        cluster.nodes.extend(spare);
        fill(&cluster, KEYS);
        let before = contents(&cluster);
        Stage { cluster, before }
    }

    fn role(&self, node: usize) -> Option<NodeId> {
        view(&self.cluster, node).me().role.master()
    }

    fn id(&self, node: usize) -> NodeId {
        self.cluster.id(node).parse().unwrap()
    }

    /// The masters with a replica, each with it.
    fn shards(&self) -> Vec<(usize, usize)> {
        let ids: BTreeMap<NodeId, usize> = (0..=SPARE).map(|node| (self.id(node), node)).collect();
        let shard = |node: usize| Some((ids[&self.role(node)?], node));
        let mut shards: Vec<_> = (0..=SPARE).filter_map(shard).collect();
        shards.dedup_by_key(|(master, _)| *master);
        shards
    }

    /// Zones of which one holds the first two masters, so that a promotion in the second shard
    /// spreads the masters.
    fn zones(&self, shards: &[(usize, usize)]) -> Vec<String> {
        let [(one, its), (two, other), (three, last)] = shards[..3] else {
            panic!("three shards with a replica: {shards:?}")
        };
        let named = [(one, "a"), (its, "a"), (two, "a"), (other, "b"), (three, "c"), (last, "c")];
        named.map(|(node, zone)| format!("{}={zone}", self.cluster.addr(node))).to_vec()
    }

    fn restart(&mut self, node: usize) {
        self.cluster.restart(node);
        self.cluster.tell(node, &["CONFIG", "SET", "cluster-node-timeout", "2000"]);
    }

    fn outside(&self) -> usize {
        (0..=SPARE)
            .find(|node| view(&self.cluster, *node).nodes().len() == 1)
            .expect("one server is in no cluster")
    }

    fn run(&self, words: &[&str]) -> Run {
        rcluster(words)
    }

    /// Plays `act`, with a fault after so long; gives whether the run came to its end, and how long
    /// it took.
    fn round(&mut self, act: Act, fault: Option<(Fault, Duration)>) -> (bool, Duration) {
        let shards = self.shards();
        let ((entry, _), (master, replica), bystander) = (shards[0], shards[1], shards[2]);
        let spare = self.outside();
        let addr = |node: usize| self.cluster.addr(node);
        let (entry_addr, spare_addr, replica_addr) = (addr(entry), addr(spare), addr(replica));
        let mut subject = spare;
        let replica_id = self.cluster.id(replica);
        let zones = self.zones(&shards);
        let words: Vec<&str> = match act {
            Act::AddReplica => {
                vec!["add-node", &spare_addr, &entry_addr, "--replica-of", "auto"]
            }
            Act::AddMaster => vec!["add-node", &spare_addr, &entry_addr],
            Act::DelReplica => {
                subject = replica;
                vec!["del-node", &entry_addr, &replica_addr, "--yes"]
            }
            Act::DelMasterWithDrain => {
                self.run(&["add-node", &spare_addr, &entry_addr]).succeeds();
                let spread = ["rebalance", &entry_addr, "--use-empty-masters", "--yes"];
                self.run(&spread).succeeds();
                vec!["del-node", &entry_addr, &spare_addr, "--drain", "--yes"]
            }
            Act::Failover => {
                subject = replica;
                vec!["failover", &entry_addr, &replica_addr, "--yes"]
            }
            Act::ReplaceReplica => {
                self.cluster.nodes[replica].kill();
                vec!["replace-node", &entry_addr, &replica_addr, &spare_addr, "--yes"]
            }
            Act::Forget => {
                self.cluster.nodes[replica].kill();
                vec!["forget", &entry_addr, &replica_id, "--yes"]
            }
            Act::Roles => {
                subject = replica;
                let zones = zones.iter().flat_map(|zone| ["--zone", zone]);
                ["failover", &entry_addr, "--roles", "--yes"].into_iter().chain(zones).collect()
            }
        };
        let timeout = match act {
            Act::AddReplica | Act::AddMaster => "--join-timeout",
            _ => "--within",
        };
        let words = [&words[..], &["--timeout", "2s", timeout, "20s"]].concat();
        // A master that is emptied has no replica to take over: it may hang, but not die.
        let fault = fault.map(|(fault, after)| match (act, fault) {
            (Act::DelMasterWithDrain, Fault::SubjectKilled) => (Fault::SubjectHangs, after),
            // Who is forgotten is dead already.
            (Act::Forget, Fault::SubjectKilled | Fault::SubjectHangs) => (Fault::RunKilled, after),
            (_, fault) => (fault, after),
        });
        let begun = Instant::now();
        let mut running = start(&words, |_| {});
        let Some((fault, after)) = fault else {
            running.finish().succeeds();
            let took = begun.elapsed();
            self.restore(act, entry, subject, master, replica);
            return (true, took);
        };
        std::thread::sleep(after);
        match fault {
            Fault::RunKilled => {
                let _ = running.child.kill();
            }
            Fault::SubjectKilled => self.cluster.nodes[subject].kill(),
            Fault::SubjectHangs => self.cluster.nodes[subject].signal(Signal::STOP),
            Fault::BystanderKilled => self.cluster.nodes[bystander.0].kill(),
            Fault::BystanderHangs => self.cluster.nodes[bystander.1].signal(Signal::STOP),
        }
        let ended = running.finish();
        let took = begun.elapsed();
        // The world is well again.
        match fault {
            Fault::RunKilled => {}
            Fault::SubjectKilled => {
                if [Act::Failover, Act::Roles].contains(&act) {
                    // Servers without files come back empty: not while they are the master. An
                    // old master that has not begun to follow yet is not elected, but has all keys.
                    let old = self.cluster.addr(master);
                    let takes = || {
                        let words = ["failover", &old, &old, "--takeover", "--yes"];
                        self.role(master).is_none() || rcluster(&words).code == Some(0)
                    };
                    eventually("the old master is it again", takes);
                }
                self.restart(subject);
            }
            Fault::SubjectHangs => self.cluster.nodes[subject].signal(Signal::CONT),
            Fault::BystanderKilled => {
                let heir = bystander.1;
                eventually("the bystander's replica takes over", || self.role(heir).is_none());
                self.restart(bystander.0);
            }
            Fault::BystanderHangs => self.cluster.nodes[bystander.1].signal(Signal::CONT),
        }
        let unharmed = ended.code == Some(0);
        // A server that was away may have missed the end of a run.
        if !unharmed || fault != Fault::RunKilled {
            // Where a node is dead on purpose it never is healthy.
            let wait = ["check", &entry_addr, "--wait", "6s"];
            self.run(&wait);
            let again = rcluster(&words);
            assert_eq!(
                again.code,
                Some(0),
                "{act:?} {fault:?} after {after:?}: {ended:?}\n{again:?}"
            );
        }
        self.restore(act, entry, subject, master, replica);
        (unharmed, took)
    }

    /// Six nodes in the cluster and one outside again, and everything as it was.
    fn restore(&mut self, act: Act, entry: usize, subject: usize, master: usize, replica: usize) {
        let entry = self.cluster.addr(entry);
        let subject_addr = self.cluster.addr(subject);
        match act {
            Act::AddReplica | Act::AddMaster => {
                self.healthy(&entry);
                self.run(&["del-node", &entry, &subject_addr, "--yes"]).succeeds();
            }
            Act::DelReplica => {
                let of = self.cluster.id(master);
                self.run(&["add-node", &subject_addr, &entry, "--replica-of", &of]).succeeds();
            }
            Act::DelMasterWithDrain => {}
            Act::Failover | Act::Roles => assert_eq!(self.role(replica), None),
            Act::Forget => {
                self.restart(replica);
                let addr = self.cluster.addr(replica);
                self.run(&["reset", &addr, "--hard", "--flush", "--force", "--yes"]).succeeds();
                let of = self.cluster.id(master);
                self.run(&["add-node", &addr, &entry, "--replica-of", &of]).succeeds();
            }
            Act::ReplaceReplica => {
                self.restart(replica);
                let addr = self.cluster.addr(replica);
                self.run(&["reset", &addr, "--hard", "--flush", "--force", "--yes"]).succeeds();
            }
        }
        self.healthy(&entry);
        assert_same(&self.before, &contents(&self.cluster));
        assert_eq!(view(&self.cluster, self.shards()[0].0).nodes().len(), MEMBERS);
    }

    fn healthy(&self, entry: &str) {
        rcluster(&["check", entry, "--wait", "40s"]).succeeds();
        let synced = |node: usize| {
            let info: String = self.cluster.ask(node, &["INFO", "replication"]);
            info.contains("role:master") || info.contains("master_link_status:up")
        };
        eventually("every replica is in sync", || (0..=SPARE).all(synced));
    }
}

/// All, or the one that RCLUSTER_SOAK_ACT names.
fn acts() -> impl Iterator<Item = Act> {
    let wanted = std::env::var("RCLUSTER_SOAK_ACT").ok();
    ACTS.into_iter().filter(move |act| wanted.as_ref().is_none_or(|it| *it == format!("{act:?}")))
}

#[test]
fn nodes_come_and_go_whatever_is_killed_or_hangs() {
    let rounds = (crate::kills() / 25).max(1);
    let begun = Instant::now();
    let server = crate::support::server_under_test();
    let mut total = 0;
    for act in acts() {
        let mut stage = Stage::new();
        let (_, usual) = stage.round(act, None);
        for fault in FAULTS {
            let (mut unharmed, mut again) = (0, 0);
            for round in 0..rounds {
                let part = (round as f64 + 0.5) / rounds as f64;
                match stage.round(act, Some((fault, usual.mul_f64(part)))) {
                    (true, _) => unharmed += 1,
                    (false, _) => again += 1,
                }
            }
            total += rounds;
            println!("| {server} | {act:?} | {fault:?} | {rounds} | {unharmed} | {again} | 0 |");
        }
    }
    println!("{server}: {total} faults, nothing lost, {:.0} s", begun.elapsed().as_secs_f64());
}

/// A master and its replica join back to back, again and again: always the right parent.
#[test]
fn a_master_and_its_replica_join_fifty_times() {
    let cluster = TestCluster::start_as(5, &Server::default());
    let addrs = cluster.addrs();
    rcluster(&["create", &addrs[0], &addrs[1], &addrs[2], "--yes"]).succeeds();
    let begun = Instant::now();
    for round in 0..50 {
        rcluster(&["add-node", &addrs[3], &addrs[0]]).succeeds();
        let master = cluster.id(3);
        rcluster(&["add-node", &addrs[4], &addrs[0], "--replica-of", &master]).succeeds();
        let parent = view(&cluster, 4).me().role.master().map(|id| id.to_string());
        assert_eq!(parent, Some(master), "round {round}");
        rcluster(&["del-node", &addrs[0], &addrs[3], &addrs[4], "--yes"]).succeeds();
    }
    let server = crate::support::server_under_test();
    println!("{server}: 50 times the right parent, {:.0} s", begun.elapsed().as_secs_f64());
}
