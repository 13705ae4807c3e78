//! A cluster of three shards that is not there.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{
    Activity, ClusterReport, ClusterView, InfoMap, Link, NodeAddr, NodeId, NodeReport, Slot,
    UnreachableNode,
};
use crate::plan::check::check;
use crate::plan::live::{History, Look, Reading};
use crate::render::json::{Seen, WatchJson, watch_json};
use crate::render::watch::State;

/// 2026-11-29T03:12:45Z
pub(super) const CLOCK: u64 = 1_795_921_965_000;

/// What is to be seen in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Fixture {
    /// A node that does not reply: masters are 0 to 2, their replicas 3 to 5.
    pub(super) hung: Option<usize>,
    pub(super) uncovered: bool,
    pub(super) moving: bool,
    pub(super) first_slot_moved: bool,
}

pub(super) fn id(node: usize) -> NodeId {
    let digit = ["a", "b", "c", "d", "e", "f"][node];
    digit.repeat(40).parse().unwrap()
}

fn addr(node: usize) -> NodeAddr {
    format!("10.0.{}.{}:7001", node / 3, node % 3 + 1).parse().unwrap()
}

impl Fixture {
    pub(super) fn state(&self) -> State {
        State::new(self.tick(), CLOCK)
    }

    fn slots(&self, master: usize) -> &'static str {
        match (master, self.uncovered, self.first_slot_moved) {
            (0, _, true) => "1-5460",
            (0, ..) => "0-5460",
            (1, true, _) => "5462-10922",
            (1, _, true) => "0 5461-10922",
            (1, ..) => "5461-10922",
            _ => "10923-16383",
        }
    }

    fn view(&self, me: usize) -> ClusterView {
        let line = |node: usize| {
            let own = if node == me { "myself," } else { "" };
            let flag = if self.hung == Some(node) { ",fail?" } else { "" };
            let (role, slots) = match node {
                0..3 => ("master -".replace(' ', &format!("{flag} ")), self.slots(node)),
                _ => (format!("slave{flag} {}", id(node - 3)), ""),
            };
            let open = match (node, me, self.moving) {
                (1, 1, true) => format!("[6000->-{}] [6001->-{}]", id(2), id(2)),
                (2, 2, true) => format!("[6000-<-{}] [6001-<-{}]", id(1), id(1)),
                _ => String::new(),
            };
            let (id, addr) = (id(node), addr(node));
            format!("{id} {addr}@17001 {own}{role} 0 1 {} connected {slots} {open}\n", node % 3 + 1)
        };
        ClusterView::parse((0..6).map(line).collect::<String>(), &addr(me)).unwrap()
    }

    fn report(&self, node: usize) -> NodeReport {
        let mut report = NodeReport::of_view(self.view(node));
        report.info.ok = !self.uncovered;
        report.version = "Valkey 9.1.2".to_owned();
        report.zone = Some(["zone-a", "zone-b"][node % 2].to_owned());
        report.keys = [40_000, 90_000, 60_000][node % 3];
        report.memory = [64 << 20, 200 << 20, 96 << 20][node % 3];
        report.link = (node >= 3).then_some(Link::Up);
        report.replicas = Some(u64::from(node < 3));
        report.uptime = Duration::from_secs(400_000);
        report
    }

    fn reading(&self, node: usize, seconds: u64) -> Reading {
        let commands = seconds * [1200, 800, 54_000][node % 3];
        let keys = if self.moving && node == 1 {
            [(6000, 900 - 300 * seconds), (6001, 500)].into_iter().collect()
        } else {
            BTreeMap::new()
        };
        let replica = if node < 3 {
            format!(
                "slave0:ip=10.0.1.{},port=7001,state=online,offset=990,lag=1\r\nmaster_repl_offset:990\r\n",
                node + 1
            )
        } else {
            "role:slave\r\nslave_repl_offset:990\r\n".to_owned()
        };
        let info = format!(
            "run_id:x\r\ntotal_commands_processed:{commands}\r\ntotal_net_input_bytes:{}\r\n\
             total_net_output_bytes:{}\r\nconnected_clients:{}\r\nmaxmemory:1073741824\r\n{replica}",
            commands * 90,
            commands * 600,
            12 + node,
        );
        Reading {
            at: Duration::from_secs(seconds),
            activity: Activity::read(&InfoMap::parse(&info)),
            keys: keys
                .into_iter()
                .filter_map(|(slot, keys)| Some((Slot::new(slot)?, keys)))
                .collect(),
            ..Reading::default()
        }
    }

    fn cluster(&self) -> ClusterReport {
        let up = (0..6).filter(|node| self.hung != Some(*node));
        let mut cluster = ClusterReport::of_view(&self.view(0));
        cluster.nodes = up.map(|node| self.report(node)).collect();
        if let Some(node) = self.hung {
            cluster.unreachable.push(UnreachableNode {
                id: id(node),
                addr: Some(addr(node)),
                why: format!("{}: CLUSTER NODES timed out after 12s", addr(node)),
                taken_by: None,
                loading: None,
            });
        }
        cluster
    }

    /// The third look at it.
    pub(super) fn tick(&self) -> WatchJson {
        let mut history = History::default();
        let cluster = self.cluster();
        for seconds in 0..3 {
            let up = (0..6).filter(|node| self.hung != Some(*node));
            let readings: Vec<Reading> = up.map(|node| self.reading(node, seconds)).collect();
            let (at, clock) = (Duration::from_secs(seconds), CLOCK - 2000 + seconds * 1000);
            let problems = check(&cluster);
            history.see(Look { cluster: &cluster, readings: &readings, problems, at, clock });
            if seconds == 2 {
                let silence = (Duration::from_secs(12), true);
                let silent = self.hung.map(|node| (addr(node), silence)).into_iter().collect();
                let history = &history;
                return watch_json(&Seen {
                    cluster: &cluster,
                    readings: &readings,
                    silent,
                    history,
                    at,
                    clock,
                });
            }
        }
        unreachable!()
    }
}
