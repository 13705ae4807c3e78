//! Forming a cluster, by either tool, until all nodes say `ok` and agree.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rcluster::model::{ClusterView, NodeAddr, NodeId, Role, SlotSet};
use rcluster::wire::{Access, Server, WireError};
use serde_json::Value;

use super::bare::{Introductions, meets};
use super::measure::{Spread, in_turns};
use super::peer::{Program, command, rcluster, redis_cli};
use super::support::TestCluster;
use super::table::{Unit, compared, detail};

/// Between two looks at all nodes.
const LOOK: Duration = Duration::from_millis(5);

/// Longer than either tool ever takes.
const PATIENCE: Duration = Duration::from_secs(300);

/// One cluster formed; all in seconds.
struct Formed {
    /// The tool's own process.
    process: f64,
    /// Until all agreed, from the process's start.
    agreed: f64,
    /// The tool's phases in order, where it tells them.
    phases: Vec<(String, f64)>,
}

pub fn run(nodes: usize) {
    let rounds = if nodes <= 30 { 3 } else { 1 };
    let (rcluster, redis_cli) = (rcluster(), redis_cli());
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let create = (words(&["create"]), words(&["--replicas", "1", "--yes", "--progress", "json"]));
    let theirs =
        (words(&["--cluster", "create"]), words(&["--cluster-replicas", "1", "--cluster-yes"]));
    let rounds = in_turns(
        rounds,
        || form(nodes, &rcluster, &create.0, &create.1),
        || form(nodes, &redis_cli, &theirs.0, &theirs.1),
    );
    let goal = match nodes {
        6 => Some(0.1),
        30 => Some(0.025),
        100 => Some(0.12),
        _ => None,
    };
    let of = |value: fn(&Formed) -> f64| -> Vec<(f64, f64)> {
        rounds.iter().map(|(ours, theirs)| (value(ours), value(theirs))).collect()
    };
    compared(
        &format!("form {nodes} nodes"),
        Unit::Seconds,
        &of(|formed| formed.agreed),
        None,
        goal,
    );
    compared("  of which the process", Unit::Seconds, &of(|formed| formed.process), None, None);
    let median = |value: &dyn Fn(&Formed) -> f64| {
        Spread::of(rounds.iter().map(|(ours, _)| value(ours))).median
    };
    for (name, _) in &rounds[0].0.phases {
        detail(&format!("phase {name}"), Unit::Seconds, median(&|formed| time(formed, name)));
    }
    let others =
        |formed: &Formed| formed.process - formed.phases.iter().map(|(_, time)| time).sum::<f64>();
    detail("before and after phases", Unit::Seconds, median(&others));
    beside_bare_meets(nodes, &rounds.iter().map(|(ours, _)| ours).collect::<Vec<_>>());
}

/// Ours beside MEETs alone: the phase that sends them, and all of it.
fn beside_bare_meets(nodes: usize, ours: &[&Formed]) {
    for (name, introductions) in [
        ("star", Introductions::Star),
        ("ring", Introductions::Ring),
        ("mesh", Introductions::Mesh),
    ] {
        let bare = |_: &&Formed| meets(&TestCluster::start(nodes).settled(), introductions);
        let bare: Vec<f64> = ours.iter().map(bare).collect();
        let beside = |what: &str, value: &dyn Fn(&Formed) -> f64| {
            let pairs = ours.iter().map(|formed| value(formed)).zip(bare.iter().copied());
            let pairs: Vec<_> = pairs.collect();
            compared(&format!("  {what} / bare {name}"), Unit::Seconds, &pairs, None, None);
        };
        beside("meet", &|formed| time(formed, "meet"));
        beside("all", &|formed| formed.agreed);
    }
}

fn time(formed: &Formed, name: &str) -> f64 {
    formed.phases.iter().filter(|(phase, _)| phase == name).map(|(_, time)| time).sum()
}

/// Forms a cluster of fresh servers and waits for it.
fn form(nodes: usize, program: &Program, before: &[String], after: &[String]) -> Formed {
    let cluster = TestCluster::start(nodes).settled();
    let mut watchers: Vec<Server> = cluster
        .addrs()
        .iter()
        .map(|addr| {
            Server::connect(&addr.parse::<NodeAddr>().expect("an address"), &Access::default())
        })
        .collect::<Result<_, _>>()
        .expect("every server is reached");
    let args: Vec<String> =
        before.iter().cloned().chain(cluster.addrs()).chain(after.iter().cloned()).collect();
    let begun = Instant::now();
    let output = command(program, &args).stdin(Stdio::null()).output().expect("the tool runs");
    let process = begun.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program:?} failed: {} {said}",
        String::from_utf8_lossy(&output.stdout)
    );
    while !agree(&mut watchers).expect("every server answers") {
        assert!(begun.elapsed() < PATIENCE, "the nodes did not agree within {PATIENCE:?}");
        std::thread::sleep(LOOK);
    }
    Formed { process, agreed: begun.elapsed().as_secs_f64(), phases: phases(&said) }
}

/// Whether every node says `ok`, and all see the same members, half of them replicas, each with the
/// same slots and role.
fn agree(watchers: &mut [Server]) -> Result<bool, WireError> {
    let count = watchers.len();
    let mut first = None;
    for watcher in watchers {
        if !watcher.info()?.ok {
            return Ok(false);
        }
        let seen = opinion(&watcher.view()?);
        let replicas = seen.values().filter(|(role, _)| role.master().is_some()).count();
        let agreed = seen.len() == count && replicas * 2 == count;
        if !agreed || *first.get_or_insert_with(|| seen.clone()) != seen {
            return Ok(false);
        }
    }
    Ok(true)
}

fn opinion(view: &ClusterView) -> BTreeMap<NodeId, (Role, SlotSet)> {
    view.members().map(|node| (node.id, (node.role, node.slots.clone()))).collect()
}

/// The phases that `--progress json` told of.
fn phases(events: &str) -> Vec<(String, f64)> {
    let done = |line: &str| {
        let event: Value = serde_json::from_str(line).ok()?;
        let time = event["elapsed_ms"].as_f64()? / 1e3;
        Some((event["phase"].as_str()?.to_owned(), time))
    };
    events.lines().filter_map(done).collect()
}
