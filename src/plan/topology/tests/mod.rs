//! Plans carried out on paper: whatever the cluster and the file, each stage keeps every shard's copies,
//! a plan made after any stage is the rest of the plan, and in the end there is nothing to do.

mod any_shards;
mod file;

use itertools::Itertools;

use super::state::{Member, Now};
use super::*;
use crate::model::{ClusterReport, ClusterView, NodeReport, SlotRange, SlotSet};
use crate::plan::layout::NodeLocation;

fn addr(index: usize) -> String {
    format!("10.0.0.{index}:6379")
}

/// A cluster of shards, each a master and its replicas, by nodes' numbers; slots are dealt evenly.
fn state(shards: &[Vec<usize>], declared: &[usize], zones: &[&str]) -> State {
    let member = |index: usize| {
        let number = shards.iter().position(|shard| shard.contains(&index));
        let share = |number: usize| {
            let border = |i: usize| (i * 16_384 / shards.len()) as u16;
            SlotSet::from_iter(
                [SlotRange::half_open(border(number), border(number + 1))].into_iter().flatten(),
            )
        };
        let now = match number {
            None => Now::Outside,
            Some(number) if shards[number][0] == index => Now::Master(share(number)),
            // By index among the members, below.
            Some(number) => Now::Replica(Some(shards[number][0])),
        };
        let zone = zones.get(index).map(|zone| (*zone).to_owned());
        Member {
            id: format!("{index:040}").parse().unwrap(),
            name: addr(index),
            location: NodeLocation { host: format!("h{index}"), zone },
            in_sync: matches!(now, Now::Replica(_)),
            now,
            declared: declared.contains(&index),
            unreachable: None,
            unmet: false,
            keys: 0,
        }
    };
    let others = shards.iter().flatten().filter(|index| !declared.contains(index));
    let order = declared.iter().chain(others).copied().collect_vec();
    let mut members = order.iter().map(|&index| member(index)).collect_vec();
    for member in &mut members {
        if let Now::Replica(Some(of)) = &mut member.now {
            *of = order.iter().position(|index| index == of).unwrap();
        }
    }
    State { members, open: false }
}

fn of_shards(shards: &[Vec<usize>]) -> Declared {
    let text = shards.iter().map(|shard| {
        let replicas = shard[1..].iter().map(|index| format!("\"{}\"", addr(*index))).join(", ");
        format!("[[shard]]\nmaster = \"{}\"\nreplicas = [{replicas}]\n", addr(shard[0]))
    });
    parse(&text.collect::<String>()).unwrap()
}

fn of_nodes(nodes: &[usize], replicas: usize) -> Declared {
    let nodes = nodes.iter().map(|index| format!("\"{}\"", addr(*index))).join(", ");
    parse(&format!("[cluster]\nreplicas = {replicas}\nnodes = [{nodes}]\n")).unwrap()
}

fn changes(comparison: &Comparison, state: &State) -> Vec<String> {
    let name = |index: &usize| {
        let name = state.name(*index);
        name.trim_start_matches("10.0.0.").trim_end_matches(":6379").to_owned()
    };
    let words = |change: &Change| match change {
        Change::Add { node, replica_of: None } => format!("add {}", name(node)),
        Change::Add { node, replica_of: Some(of) } => format!("add {} to {}", name(node), name(of)),
        Change::Introduce { node } => format!("introduce {}", name(node)),
        Change::Replicate { node, of, .. } => format!("replicate {} {}", name(node), name(of)),
        Change::Detach { node, .. } => format!("detach {}", name(node)),
        Change::Assign { slots, to } => format!("assign {} {}", slots.len(), name(to)),
        Change::Move { slots, from, to } => {
            format!("move {} {} {}", slots.len(), name(from), name(to))
        }
        Change::FinishMoves => "finish".to_owned(),
        Change::Promote { node, replaces } => format!("promote {} {}", name(node), name(replaces)),
        Change::Remove { node } => format!("remove {}", name(node)),
    };
    comparison.stages.iter().map(|stage| stage.changes.iter().map(words).join(", ")).collect()
}

fn plan(declared: &Declared, state: &State, prune: bool) -> Vec<String> {
    changes(&compare(declared, state, prune).unwrap(), state)
}

#[test]
fn more_shards_get_masters_then_replicas_then_slots() {
    let now = [vec![0, 3], vec![1, 4], vec![2, 5]];
    let wanted = [vec![0, 3], vec![1, 4], vec![2, 5], vec![6, 7]];
    let state = state(&now, &[0, 3, 1, 4, 2, 5, 6, 7], &[]);
    assert_eq!(
        plan(&of_shards(&wanted), &state, false),
        ["add 6, add 7 to 6", "move 1365 0 6, move 1365 1 6, move 1366 2 6"]
    );
}

#[test]
fn fewer_shards_are_drained_and_their_nodes_copy_others_or_leave() {
    let now = [vec![0, 3], vec![1, 4], vec![2, 5]];
    let wanted = [vec![0, 3, 2], vec![1, 4, 5]];
    let all = state(&now, &[0, 3, 2, 1, 4, 5], &[]);
    assert_eq!(
        plan(&of_shards(&wanted), &all, false),
        ["move 2731 2 0, move 2731 2 1", "replicate 2 0, replicate 5 1"]
    );
    let four = state(&now, &[0, 3, 1, 4], &[]);
    let wanted = [vec![0, 3], vec![1, 4]];
    assert_eq!(
        plan(&of_shards(&wanted), &four, true),
        ["move 2731 2 0, move 2731 2 1", "remove 2, remove 5"]
    );
    let left = compare(&of_shards(&wanted), &four, false).unwrap();
    assert_eq!((changes(&left, &four), left.unnamed), (Vec::new(), vec![4, 5]));
}

#[test]
fn a_replica_that_is_to_be_master_is_promoted() {
    let now = [vec![0, 3], vec![1, 4], vec![2, 5]];
    let swapped = [vec![3, 0], vec![1, 4], vec![2, 5]];
    let of_all = state(&now, &[3, 0, 1, 4, 2, 5], &[]);
    assert_eq!(plan(&of_shards(&swapped), &of_all, false), ["promote 3 0"]);
    // A new machine takes the place of another: one copy, no slot moves.
    let replaced = [vec![6, 3], vec![1, 4], vec![2, 5]];
    let of_new = state(&now, &[6, 3, 1, 4, 2, 5], &[]);
    assert_eq!(
        plan(&of_shards(&replaced), &of_new, true),
        ["add 6 to 0", "promote 6 0", "remove 0"]
    );
}

#[test]
fn a_replica_leaves_its_shard_only_when_another_has_come() {
    let now = [vec![0, 3], vec![1, 4]];
    let wanted = [vec![0, 6], vec![1, 4, 3]];
    let state_of = state(&now, &[0, 6, 1, 4, 3], &[]);
    assert_eq!(plan(&of_shards(&wanted), &state_of, false), ["add 6 to 0", "replicate 3 1"]);
    let exchanged = [vec![0, 4], vec![1, 3]];
    let state_of = state(&now, &[0, 4, 1, 3], &[]);
    let comparison = compare(&of_shards(&exchanged), &state_of, false).unwrap();
    assert_eq!(changes(&comparison, &state_of), ["replicate 4 0", "replicate 3 1"]);
    assert_eq!(comparison.stages[0].lowers, [(2, 1, 2)]);
    assert_eq!(comparison.stages[1].lowers, []);
}

#[test]
fn a_replica_that_is_to_have_a_shard_of_its_own_leaves_and_comes_back() {
    let now = [vec![0, 3, 4], vec![1, 5]];
    let wanted = [vec![0, 3], vec![1, 5], vec![4]];
    let state_of = state(&now, &[0, 3, 1, 5, 4], &[]);
    assert_eq!(
        plan(&of_shards(&wanted), &state_of, false),
        ["detach 4", "add 4", "move 2730 0 4, move 2731 1 4"]
    );
}

#[test]
fn nodes_of_a_list_find_places_with_little_change() {
    let now = [vec![0, 3], vec![1, 4], vec![2, 5]];
    let same = state(&now, &[0, 1, 2, 3, 4, 5], &[]);
    assert_eq!(plan(&of_nodes(&[0, 1, 2, 3, 4, 5], 1), &same, false), Vec::<String>::new());
    let more = state(&now, &[0, 1, 2, 3, 4, 5, 6, 7], &[]);
    assert_eq!(
        plan(&of_nodes(&[0, 1, 2, 3, 4, 5, 6, 7], 1), &more, false),
        ["add 6, add 7 to 6", "move 1365 0 6, move 1365 1 6, move 1366 2 6"]
    );
    // One zone must not hold both copies of a shard, nor half of the masters.
    let zones = ["a", "a", "b", "a", "b", "b", "c"];
    let zoned = state(&now, &[0, 1, 2, 3, 4, 5, 6], &zones);
    let comparison = compare(&of_nodes(&[0, 1, 2, 3, 4, 5, 6], 1), &zoned, false).unwrap();
    assert_eq!(
        changes(&comparison, &zoned),
        ["add 6 to 0", "replicate 3 2", "replicate 5 0", "promote 6 0"]
    );
}

#[test]
fn slots_without_an_owner_get_the_declared_one() {
    let mut lost = state(&[vec![0], vec![1]], &[0, 1], &[]);
    lost.members[0].now = Now::Master(SlotSet::from_iter([SlotRange::half_open(0, 8000).unwrap()]));
    assert_eq!(plan(&of_shards(&[vec![0], vec![1]]), &lost, false), ["assign 192 0"]);
}

#[test]
fn a_node_that_a_change_needs_has_to_answer() {
    let mut dead = state(&[vec![0, 3], vec![1, 4]], &[0, 3, 1, 4], &[]);
    dead.members[1].unreachable = Some("connection refused".to_owned());
    assert!(
        compare(&of_shards(&[vec![0, 3], vec![1, 4]]), &dead, false).unwrap().stages.is_empty()
    );
    let mut other = state(&[vec![0, 3], vec![1, 4]], &[3, 0, 1, 4], &[]);
    other.members[0].unreachable = Some("connection refused".to_owned());
    let error = compare(&of_shards(&[vec![3, 0], vec![1, 4]]), &other, false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "10.0.0.3:6379 is unreachable, and it is to become master: connection refused"
    );
}

#[test]
fn what_export_writes_changes_nothing() {
    let lines = [
        ("a", 1, "master", "-", "0-5460,16383"),
        ("b", 2, "master", "-", "5461-16382"),
        ("c", 3, "slave", "a", ""),
        ("d", 4, "master", "-", ""),
    ];
    let text =
        |own: usize| {
            lines.iter().enumerate().map(|(index, (id, host, role, of, slots))| {
            let me = if index == own { "myself," } else { "" };
            let of = if *of == "-" { "-".to_owned() } else { of.repeat(40) };
            let slots = slots.replace(',', " ");
            let id = id.repeat(40);
            format!("{id} 10.0.0.{host}:6379@16379 {me}{role} {of} 0 1 {host} connected {slots}\n")
        }).collect::<String>()
        };
    let report = |own: usize| {
        let via = addr(own + 1).parse().unwrap();
        NodeReport::of_view(ClusterView::parse(text(own), &via).unwrap())
    };
    let mut cluster =
        ClusterReport { nodes: (0..4).map(report).collect(), unreachable: Vec::new() };
    for node in &mut cluster.nodes {
        node.settings.insert("cluster-node-timeout", "15000".to_owned());
        node.zone = Some("z".to_owned());
    }
    cluster.nodes[0].settings.insert("cluster-require-full-coverage", "yes".to_owned());
    cluster.nodes[1].settings.insert("cluster-require-full-coverage", "no".to_owned());
    let (text, left_out) = export(&cluster);
    assert_eq!(left_out, ["cluster-require-full-coverage differs between nodes: no, yes"]);
    let declared = parse(&text).unwrap();
    assert_eq!(declared.settings.len(), 1, "{text}");
    let named = declared.addrs().into_iter().map(|addr| {
        let node = cluster.nodes.iter().find(|node| node.via == addr).unwrap();
        (node.id(), addr.to_string(), declared.zone(&addr))
    });
    let state = State::read(&named.collect_vec(), Some(&cluster), &[]);
    let comparison = compare(&declared, &state, true).unwrap();
    assert_eq!((comparison.stages, comparison.unnamed), (Vec::new(), Vec::new()), "{text}");
}
