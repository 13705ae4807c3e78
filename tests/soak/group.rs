//! Six servers, and what every one of their rounds has to come to.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::moment::{Moment, killed, phase};
use crate::support::{Run, Server, TestCluster, rcluster};
use crate::tally::Round;

/// Servers that are formed into a cluster and taken out of it, round after round.
pub struct Group {
    cluster: TestCluster,
    /// Their `cluster-node-timeout`.
    timeout: &'static str,
    /// How many events a run tells of that nobody kills.
    events: usize,
}

impl Group {
    pub fn start(timeout: &'static str) -> Group {
        let mut group = Group { cluster: servers(timeout), timeout, events: 0 };
        let run = group.rcluster("create", CREATE).succeeds();
        group.events = run.err.lines().count();
        group.reset();
        group
    }

    /// Kills one run, and sees that the same command converges.
    pub fn round(&mut self, kill: usize, kills: usize) -> Round {
        let mut moment = Moment::of(kill, kills, self.events);
        let run = loop {
            let run = killed(&self.args("create", CREATE), moment);
            if run.code.is_none() {
                break run;
            }
            run.succeeds();
            self.reset();
            moment = moment.earlier();
        };
        let lowered = self.cluster.settings(TIMEOUT).iter().any(|now| now != self.timeout);
        let begun = Instant::now();
        let converged = catch_unwind(AssertUnwindSafe(|| self.converges()));
        let failed = converged.is_err();
        if failed {
            self.tell(kill, moment, &run);
            self.cluster = servers(self.timeout);
        }
        let finished = converged.unwrap_or_else(|_| begun.elapsed());
        Round { phase: phase(&run.err), lowered, finished, failed }
    }

    /// The same command finishes what the killed run began; gives how long that took.
    fn converges(&self) -> Duration {
        let cluster = &self.cluster;
        let begun = Instant::now();
        let again = self.rcluster("create", CREATE).succeeds();
        let took = begun.elapsed();
        assert_eq!(again.json()["healthy"], true, "{again:#?}");
        cluster.write_everywhere();
        assert_eq!(cluster.settings(TIMEOUT), [self.timeout; 6], "after {again:#?}");

        cluster.tell_all(&["CONFIG", "RESETSTAT"]);
        let third = self.rcluster("create", CREATE).succeeds();
        assert_eq!(third.json()["changed"], false, "{third:#?} after {again:#?}");
        assert_eq!(third.json()["healthy"], true, "{third:#?} after {again:#?}");
        assert_eq!(cluster.changes(), Vec::<String>::new(), "{third:#?} after {again:#?}");

        self.reset();
        took
    }

    /// Makes the servers what they were when they were started.
    fn reset(&self) {
        let run = self.rcluster("reset", &["--hard", "--flush", "--force", "--yes"]).succeeds();
        for (node, fact) in self.cluster.facts().iter().enumerate() {
            assert!(
                fact.contains("myself,master") && fact.ends_with("[]"),
                "{fact} after {run:#?}"
            );
            assert_eq!(fact.lines().count(), 1, "{fact} after {run:#?}");
            assert_eq!(self.cluster.ask::<u64>(node, &["DBSIZE"]), 0);
        }
        assert_eq!(self.cluster.settings(TIMEOUT), [self.timeout; 6], "after {run:#?}");
    }

    fn rcluster(&self, command: &str, more: &[&str]) -> Run {
        rcluster(&self.args(command, more).iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn args(&self, command: &str, more: &[&str]) -> Vec<String> {
        let more = more.iter().map(|word| (*word).to_owned());
        [command.to_owned()].into_iter().chain(self.cluster.addrs()).chain(more).collect()
    }

    /// Says all there is to know of a round that failed.
    fn tell(&self, kill: usize, moment: Moment, run: &Run) {
        println!("kill {kill} ({moment:?}) was not finished; until then it had told\n{}", run.err);
        println!("and said {:?}; cluster-node-timeout was {}", run.out, self.timeout);
        for (node, fact) in self.cluster.facts().iter().enumerate() {
            let info: String = self.cluster.ask(node, &["CLUSTER", "INFO"]);
            println!("{} says now\n{fact}\n{info}", self.cluster.addr(node));
        }
        println!("and has {TIMEOUT} {:?}", self.cluster.settings(TIMEOUT));
    }
}

const TIMEOUT: &str = "cluster-node-timeout";
const CREATE: &[&str] = &["--replicas", "1", "--yes", "--json", "--progress", "json"];

fn servers(timeout: &str) -> TestCluster {
    let server = Server::with(&[&format!("{TIMEOUT} {timeout}")]);
    TestCluster::start_as(6, &server).settled()
}
