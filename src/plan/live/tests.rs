use super::*;
use std::time::Duration;

use crate::model::{Activity, ClusterReport, ClusterView, NodeAddr};
use crate::plan::check::check;

const A: &str = "07c37dfeb235213a872192d90877d0cd55635b91";
const B: &str = "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1";
const C: &str = "292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f";

fn id(text: &str) -> NodeId {
    text.parse().unwrap()
}

/// Two masters, each with its own view; `marks` are of the first.
fn cluster(slots: [&str; 2], marks: &str) -> ClusterReport {
    let addrs = ["10.0.0.1:7001", "10.0.0.2:7001"];
    let view = |me: usize| {
        let line = |index: usize| {
            let (id, addr) = ([A, B][index], addrs[index]);
            let (flags, marks) = if index == me {
                ("myself,master", if me == 0 { marks } else { "" })
            } else {
                ("master", "")
            };
            format!(
                "{id} {addr}@17001 {flags} - 0 1 {} connected {} {marks}\n",
                index + 1,
                slots[index]
            )
        };
        let via: NodeAddr = addrs[me].parse().unwrap();
        ClusterView::parse(line(0) + &line(1), &via).unwrap()
    };
    let mut cluster = ClusterReport::of_view(&view(0));
    for (me, report) in cluster.nodes.iter_mut().enumerate() {
        report.view = view(me);
        report.info.ok = true;
    }
    cluster
}

fn see(history: &mut History, seconds: u64, cluster: &ClusterReport, readings: &[Reading]) {
    history.see(Look {
        cluster,
        readings,
        problems: check(cluster),
        at: Duration::from_secs(seconds),
        clock: seconds * 1000,
    });
}

fn reading(seconds: u64, commands: u64, own: u64) -> Reading {
    let activity = Activity { commands, run_id: "x".to_owned(), ..Activity::default() };
    Reading { at: Duration::from_secs(seconds), activity, own: [own, 0, 0], ..Reading::default() }
}

#[test]
fn rates_are_without_what_the_watch_causes() {
    let cluster = cluster(["0-8191", "8192-16383"], "");
    let mut history = History::default();
    let ops = |history: &History| history.rates(id(A)).map(|rates| rates.ops);
    see(&mut history, 1, &cluster, &[reading(1, 100, 20), Reading::default()]);
    assert_eq!(ops(&history), None);
    see(&mut history, 3, &cluster, &[reading(3, 340, 40), Reading::default()]);
    assert_eq!(ops(&history), Some(110.0));
    // It has not replied since: what is known of it stays.
    see(&mut history, 4, &cluster, &[reading(3, 340, 40), Reading::default()]);
    assert_eq!(ops(&history), Some(110.0));
    // Another process, and another connection.
    let mut other = reading(5, 350, 60);
    other.activity.run_id = "y".to_owned();
    see(&mut history, 5, &cluster, &[other.clone(), Reading::default()]);
    assert_eq!(ops(&history), None);
    other.own = [1, 0, 0];
    other.at = Duration::from_secs(6);
    see(&mut history, 6, &cluster, &[other, Reading::default()]);
    assert_eq!(ops(&history), None);
}

#[test]
fn a_move_has_its_rate_and_the_time_that_it_takes() {
    let marks = format!("[100->-{B}] [101->-{B}]");
    let before = cluster(["0-8191", "8192-16383"], &marks);
    let mut history = History::default();
    see(&mut history, 0, &before, &[Reading::default(), Reading::default()]);
    let slots = |numbers: &[u16]| numbers.iter().filter_map(|n| Slot::new(*n)).collect::<Vec<_>>();
    assert_eq!(history.to_count()[&id(A)], slots(&[100, 101]));

    let keys = |counts: &[(u16, u64)]| Reading {
        keys: counts.iter().filter_map(|(n, keys)| Some((Slot::new(*n)?, *keys))).collect(),
        ..Reading::default()
    };
    see(&mut history, 1, &before, &[keys(&[(100, 900), (101, 100)]), Reading::default()]);
    let found = &history.moves()[0];
    assert_eq!((found.keys_left, found.key_rate, found.left), (Some(1000), 0.0, None));
    // 101 has arrived with its keys, 100 has lost half of its own.
    let marks = format!("[100->-{B}]");
    let after = cluster(["0-100 102-8191", "101 8192-16383"], &marks);
    see(&mut history, 2, &after, &[keys(&[(100, 450)]), Reading::default()]);
    let moves = history.moves();
    let found = &moves[0];
    assert_eq!((moves.len(), found.from, found.to, found.moved), (1, id(A), id(B), 1));
    assert_eq!((found.keys_left, found.key_rate, found.slot_rate), (Some(450), 275.0, 0.5));
    assert_eq!(found.left.unwrap().as_millis(), 1636);
    assert_eq!(found.slots.to_string(), "100");

    // Finished: it is shown for a moment.
    let done = cluster(["0-99 102-8191", "100-101 8192-16383"], "");
    see(&mut history, 3, &done, &[keys(&[]), Reading::default()]);
    assert_eq!((history.moves()[0].moved, history.moves()[0].slots.is_empty()), (2, true));
    see(&mut history, 20, &done, &[keys(&[]), Reading::default()]);
    assert!(history.moves().is_empty());
}

#[test]
fn a_slot_is_a_problem_once_it_does_not_advance() {
    let stuck = cluster(["0-8191", "8192-16383"], &format!("[100->-{B}]"));
    let mut history = History::default();
    let open = |history: &History| {
        history.problems().filter(|seen| seen.problem.kind == Kind::SlotOpen).count()
    };
    let nothing = [Reading::default(), Reading::default()];
    see(&mut history, 1, &stuck, &nothing);
    assert_eq!(open(&history), 0);
    see(&mut history, 10, &stuck, &nothing);
    assert_eq!(open(&history), 0);
    see(&mut history, 11, &stuck, &nothing);
    assert_eq!(open(&history), 1);
}

/// Valkey tells replicas of migrating slots too: a route is its master's, and shown once.
#[test]
fn what_replicas_list_of_a_move_is_their_masters() {
    let with_replica = |marks: &str, copied: &str| {
        let mut cluster = cluster(["0-8191", "8192-16383"], marks);
        let text = format!(
            "{A} 10.0.0.1:7001@17001 master - 0 1 1 connected 0-8191\n\
             {B} 10.0.0.2:7001@17001 master - 0 1 2 connected 8192-16383\n\
             {C} 10.0.0.3:7001@17001 myself,slave {A} 0 1 1 connected {copied}\n"
        );
        let mut replica = cluster.nodes[1].clone();
        replica.view = ClusterView::parse(text, &"10.0.0.3:7001".parse().unwrap()).unwrap();
        cluster.nodes.push(replica);
        cluster
    };
    let (marks, nothing) = (format!("[100->-{B}]"), [(); 3].map(|()| Reading::default()));
    let mut history = History::default();
    let open = |history: &History| history.problems().filter(|seen| seen.until.is_none()).count();
    // The replica is told first, and of the end last.
    see(&mut history, 1, &with_replica("", &marks), &nothing);
    let before = open(&history);
    assert!(history.moves().is_empty());
    see(&mut history, 2, &with_replica(&marks, &marks), &nothing);
    let moves = history.moves();
    assert_eq!((moves.len(), moves[0].from, open(&history)), (1, id(A), before));
    see(&mut history, 3, &with_replica("", &marks), &nothing);
    assert_eq!(open(&history), before);
    see(&mut history, 14, &with_replica("", &marks), &nothing);
    assert_eq!((history.moves().len(), open(&history)), (0, before + 1));
}

#[test]
fn a_task_of_a_server_is_a_move() {
    let cluster = cluster(["0-8191", "8192-16383"], "");
    let task = SlotTask {
        from: id(A),
        to: id(B),
        slots: (0..10).filter_map(Slot::new).collect(),
        state: "snapshotting".to_owned(),
    };
    let mut history = History::default();
    // Both ends list it.
    let both = [(); 2].map(|()| Reading { tasks: vec![task.clone()], ..Reading::default() });
    see(&mut history, 1, &cluster, &both);
    let moves = history.moves();
    assert_eq!((moves.len(), moves[0].slots.len()), (1, 10));
    assert_eq!(moves[0].state.as_deref(), Some("snapshotting"));
}

#[test]
fn a_promoted_replica_moves_nothing() {
    let role = |master: &str, replica: &str, slots: [&str; 2]| {
        let text = format!(
            "{A} 10.0.0.1:7001@17001 {master} 0 1 1 connected {}\n\
             {B} 10.0.0.2:7001@17001 {replica} 0 1 2 connected {}\n",
            slots[0], slots[1]
        );
        ClusterReport::of_view(
            &ClusterView::parse(text, &"10.0.0.1:7001".parse().unwrap()).unwrap(),
        )
    };
    let before = role("myself,master -", &format!("slave {A}"), ["0-16383", ""]);
    let after = role(&format!("myself,slave {B}"), "master -", ["", "0-16383"]);
    let mut history = History::default();
    let nothing = [Reading::default(), Reading::default()];
    see(&mut history, 1, &before, &nothing);
    see(&mut history, 2, &after, &nothing);
    assert!(history.moves().is_empty());
}

#[test]
fn problems_come_and_go_with_their_times() {
    let well = cluster(["0-8191", "8192-16383"], "");
    let mut history = History::default();
    let seen = |history: &History| {
        history
            .problems()
            .map(|seen| (seen.since, seen.until, seen.problem.slots.len()))
            .collect::<Vec<_>>()
    };
    let nothing = [Reading::default(), Reading::default()];
    see(&mut history, 1, &cluster(["0-8191", "8192-16382"], ""), &nothing);
    // It has grown, and is the same.
    see(&mut history, 2, &cluster(["0-8191", "8192-16381"], ""), &nothing);
    assert_eq!(seen(&history), [(1000, None, 2)]);
    see(&mut history, 3, &well, &nothing);
    assert_eq!(seen(&history), [(1000, Some(3000), 2)]);
    see(&mut history, 4, &cluster(["0-8191", "8192-16382"], ""), &nothing);
    assert_eq!(seen(&history), [(4000, None, 1), (1000, Some(3000), 2)]);
}
