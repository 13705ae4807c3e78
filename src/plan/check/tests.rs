//! Problems that real servers cannot be made to have on cue; the others are told in
//! `tests/stories/check.rs`.

mod addresses;

use super::problem::listed;
use super::*;
use crate::model::{ClusterView, NodeId, NodeReport, SlotSet, UnreachableNode};

fn id(letter: char) -> NodeId {
    letter.to_string().repeat(40).parse().unwrap()
}

/// A cluster from one CLUSTER NODES text a node; `A` to `F` stand for ids, the first line is the
/// node's own.
fn cluster(views: &[&str]) -> ClusterReport {
    ClusterReport {
        nodes: views.iter().map(|text| report(text)).collect(),
        unreachable: Vec::new(),
    }
}

fn report(text: &str) -> NodeReport {
    let spelled = ['a', 'b', 'c', 'd', 'e', 'f'].iter().fold(text.to_owned(), |text, letter| {
        text.replace(letter.to_ascii_uppercase(), &letter.to_string().repeat(40))
    });
    NodeReport::of_view(ClusterView::parse(&spelled, &"10.0.0.9:1".parse().unwrap()).unwrap())
}

/// The problems of one kind.
fn of(kind: Kind, cluster: &ClusterReport) -> Vec<Problem> {
    check(cluster).into_iter().filter(|problem| problem.kind == kind).collect()
}

const TWO: [&str; 2] = [
    "A 1.1.1.1:1@2 myself,master - 0 9 1 connected 0-8191\nB 1.1.1.2:1@2 master - 0 9 2 connected 8192-16383\n",
    "B 1.1.1.2:1@2 myself,master - 0 9 2 connected 8192-16383\nA 1.1.1.1:1@2 master - 0 9 1 connected 0-8191\n",
];

#[test]
fn nothing_is_wrong_with_a_sound_cluster() {
    assert_eq!(check(&cluster(&TWO)), []);
}

#[test]
fn a_slot_with_two_owners_is_a_conflict() {
    let cluster = cluster(&[TWO[0], &TWO[1].replace("8192-16383", "8000-16383")]);
    let found = of(Kind::SlotsConflict, &cluster);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].slots.to_string(), "8000-8191");
    assert_eq!(found[0].nodes, ["1.1.1.1:1", "1.1.1.2:1"]);
    assert_eq!(found[0].message, "slots 8000-8191 are claimed by both 1.1.1.1:1 and 1.1.1.2:1");
}

#[test]
fn conflicts_are_found_behind_a_wide_range() {
    let three = cluster(&[
        "A 1.1.1.1:1@2 myself,master - 0 9 1 connected 0-16383\n",
        "B 1.1.1.2:1@2 myself,master - 0 9 2 connected 100-200\n",
        "C 1.1.1.3:1@2 myself,master - 0 9 3 connected 300-400\n",
    ]);
    let slots: Vec<_> =
        of(Kind::SlotsConflict, &three).iter().map(|p| p.slots.to_string()).collect();
    assert_eq!(slots, ["100-200", "300-400"]);
}

#[test]
fn masters_with_one_epoch_collide() {
    let cluster = cluster(&[TWO[0], &TWO[1].replace("0 9 2 connected", "0 9 1 connected")]);
    let found = of(Kind::EpochCollision, &cluster);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].severity, Severity::Warning);
    assert_eq!(found[0].nodes, ["1.1.1.1:1", "1.1.1.2:1"]);
}

#[test]
fn a_replica_of_a_replica_is_named_with_the_master_above() {
    let lines = |me: usize| {
        let lines = [
            "A 1.1.1.1:1@2 master - 0 9 1 connected 0-16383",
            "B 1.1.1.2:1@2 slave A 0 9 1 connected",
            "C 1.1.1.3:1@2 slave B 0 9 1 connected",
        ];
        let mark = |(index, line): (usize, &&str)| match index == me {
            true => {
                line.replacen("master", "myself,master", 1).replacen("slave", "myself,slave", 1)
            }
            false => (*line).to_owned(),
        };
        lines.iter().enumerate().map(mark).collect::<Vec<_>>().join("\n")
    };
    let texts = [lines(0), lines(1), lines(2)];
    let cluster = cluster(&[&texts[0], &texts[1], &texts[2]]);
    let found = of(Kind::ReplicaOfReplica, &cluster);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].nodes, ["1.1.1.3:1", "1.1.1.2:1", "1.1.1.1:1"]);
    assert_eq!(found[0].fix.as_deref(), Some("rcluster replicate 1.1.1.3:1 1.1.1.1:1"));
}

#[test]
fn lost_addresses_handshakes_and_doubts_are_told_with_who_sees_them() {
    let strange = "\nC :0@0 slave,noaddr A 0 9 1 disconnected\nD 1.1.1.4:1@2 handshake - 0 9 0 disconnected\n\
                   E 1.1.1.5:1@2 slave,fail? A 0 9 1 connected\n";
    let cluster = cluster(&[&format!("{}{strange}", TWO[0]), TWO[1]]);
    let noaddr = &of(Kind::NodeFailing, &cluster);
    let messages: Vec<_> = noaddr.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "1.1.1.5:1 does not reply on the cluster bus (fail?) to 1.1.1.1:1",
            "cccccccc has no known address (noaddr) at 1.1.1.1:1",
        ]
    );
    let handshake = of(Kind::NodeHandshake, &cluster);
    assert_eq!(handshake[0].message, "1.1.1.4:1 is still in handshake with 1.1.1.1:1");
    assert_eq!(handshake[0].severity, Severity::Warning);
}

#[test]
fn a_unreachable_nodes_slots_are_what_the_others_say() {
    let mut half = cluster(&[TWO[0]]);
    half.unreachable.push(UnreachableNode {
        id: id('b'),
        addr: None,
        why: "connection refused".to_owned(),
        taken_by: None,
        loading: None,
    });
    assert_eq!(covered(&half), SlotSet::all());
    assert_eq!(of(Kind::SlotsUncovered, &half), []);
    assert_eq!(
        of(Kind::NodeUnreachable, &half)[0].message,
        "1.1.1.2:1 (id bbbbbbbb) is unreachable: connection refused; it owns slots 8192-16383, and no replica of it is reachable: if it came back elsewhere, meet it there"
    );
}

#[test]
fn an_address_that_one_node_sees_elsewhere_is_a_difference() {
    let third = "\nC 1.1.1.3:1@2 slave A 0 9 1 connected\n";
    let elsewhere = "\nC 9.9.9.9:1@2 slave A 0 9 1 connected\n";
    let own = "C 1.1.1.3:1@2 myself,slave A 0 9 1 connected\nA 1.1.1.1:1@2 master - 0 9 1 connected 0-8191\n\
               B 1.1.1.2:1@2 master - 0 9 2 connected 8192-16383\n";
    let cluster = cluster(&[&format!("{}{third}", TWO[0]), &format!("{}{elsewhere}", TWO[1]), own]);
    let found = of(Kind::ViewsDiffer, &cluster);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].message.contains("cccccccc at"), "{}", found[0].message);
}

#[test]
fn roles_seen_differently_are_told_in_words() {
    let cluster =
        cluster(&[&TWO[0].replace("B 1.1.1.2:1@2 master -", "B 1.1.1.2:1@2 slave A"), TWO[1]]);
    let messages: Vec<_> =
        of(Kind::ViewsDiffer, &cluster).into_iter().map(|problem| problem.message).collect();
    assert_eq!(
        messages,
        ["1.1.1.1:1 lists 1.1.1.2:1 as a replica of 1.1.1.1:1; it reports itself as a master"]
    );
}

#[test]
fn a_bus_that_never_answered_is_told_with_its_port() {
    let cluster = cluster(&[&TWO[0].replace("- 0 9 2 connected", "- 1 0 2 connected"), TWO[1]]);
    let found = of(Kind::BusClosed, &cluster);
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].message,
        "1.1.1.1:1 never had a reply from 1.1.1.2:2, the bus of 1.1.1.2:1"
    );
}

#[test]
fn strict_counts_warnings() {
    let cluster = cluster(&[TWO[0], &TWO[1].replace("0 9 2 connected", "0 9 1 connected")]);
    let warnings: Vec<_> =
        check(&cluster).into_iter().filter(|p| p.severity == Severity::Warning).collect();
    assert!(!warnings.is_empty());
    assert!(is_healthy(&warnings, false) && !is_healthy(&warnings, true));
    assert!(is_healthy(&[], true));
}

#[test]
fn names_are_listed_as_people_do() {
    let names = |count: usize| (1..=count).map(|n| n.to_string()).collect::<Vec<_>>();
    let lists: Vec<_> = (1..=4).map(|count| listed(&names(count))).collect();
    assert_eq!(lists, ["1", "1 and 2", "1, 2 and 3", "1, 2 and 2 others"]);
}

/// A cluster of 3 masters with these node timeouts.
fn with_timeouts(timeouts: [&str; 3]) -> ClusterReport {
    let mut cluster = three(["1.1.1.1", "1.1.1.2", "1.1.1.3"], [None; 3]);
    for (report, timeout) in cluster.nodes.iter_mut().zip(timeouts) {
        report.settings.insert("cluster-node-timeout", timeout.to_owned());
    }
    cluster
}

/// Three masters on these hosts, in these zones, none with a replica.
fn three(hosts: [&str; 3], zones: [Option<&str>; 3]) -> ClusterReport {
    let lines = |me: usize| {
        let line = |index: usize| {
            let (host, myself) = (hosts[index], if index == me { "myself," } else { "" });
            let letter = ["A", "B", "C"][index];
            let slots = ["0-5460", "5461-10922", "10923-16383"][index];
            let (port, epoch) = (index + 1, index + 1);
            format!("{letter} {host}:{port}@2 {myself}master - 0 9 {epoch} connected {slots}")
        };
        // A node's own line first.
        let others = (0..3).filter(|&index| index != me);
        std::iter::once(me).chain(others).map(line).collect::<Vec<_>>().join("\n")
    };
    let texts = [lines(0), lines(1), lines(2)];
    let mut cluster = cluster(&[&texts[0], &texts[1], &texts[2]]);
    for (report, zone) in cluster.nodes.iter_mut().zip(zones) {
        report.zone = zone.map(str::to_owned);
    }
    cluster
}

fn set_timeout(node: u8, value: &str) -> String {
    format!("redis-cli -h 1.1.1.{node} -p {node} CONFIG SET cluster-node-timeout {value}")
}

#[test]
fn a_setting_is_mended_on_every_node_that_has_another() {
    let many = with_timeouts(["469", "15000", "20000"]);
    let many = &of(Kind::SettingsDiffer, &many)[0];
    assert_eq!(many.fix, None, "two values are as common: {many:?}");

    let left = with_timeouts(["469", "15000", "469"]);
    let left = &of(Kind::SettingsDiffer, &left)[0];
    let both = [set_timeout(1, "15000"), set_timeout(3, "15000")].join(" && ");
    assert_eq!(left.fix, Some(both));
    assert_eq!(left.nodes, ["1.1.1.1:1", "1.1.1.3:3"]);
}

#[test]
fn a_timeout_that_was_left_everywhere_is_set_to_what_it_tells() {
    let all = with_timeouts(["469"; 3]);
    let all = &of(Kind::SettingsDiffer, &all)[0];
    assert_eq!(
        all.message,
        "cluster-node-timeout is 469 on 1.1.1.1:1, 1.1.1.2:2 and 1.1.1.3:3, left by an interrupted \
         rcluster"
    );
    let each = [1, 2, 3].map(|node| set_timeout(node, "15000")).join(" && ");
    assert_eq!(all.fix, Some(each));
}

/// What is said of hosts and zones with too many masters, and of which nodes.
fn crowds(cluster: &ClusterReport) -> Vec<(String, Vec<String>)> {
    let place = |message: &str| message.split(" holds").next().unwrap_or_default().to_owned();
    let crowded = of(Kind::MastersCrowded, cluster).into_iter();
    crowded.map(|problem| (place(&problem.message), problem.nodes)).collect()
}

#[test]
fn crowding_is_told_only_where_masters_could_lie_elsewhere() {
    let hosts = ["1.1.1.1", "1.1.1.2", "1.1.1.3"];
    // One zone, and nodes that name none: there is no second zone to be in.
    assert_eq!(crowds(&three(hosts, [Some("z"), Some("z"), None])), []);
    assert_eq!(crowds(&three(hosts, [None, None, Some("z")])), []);
    // Two places for three masters: one has to hold two.
    assert_eq!(crowds(&three(hosts, [Some("z"), Some("z"), Some("y")])), []);
    assert_eq!(crowds(&three(["1.1.1.1", "1.1.1.1", "1.1.1.3"], [None; 3])), []);
}

/// A replica of the first of `three`, whose host is 1.1.1.1.
fn replica(letter: char, host: &str) -> NodeReport {
    let master = "A 1.1.1.1:1@2 master - 0 9 1 connected 0-5460";
    report(&format!("{letter} {host}:4@2 myself,slave A 0 9 1 connected\n{master}"))
}

#[test]
fn a_zone_named_like_a_host_is_not_that_host() {
    let hosts = ["1.1.1.1", "1.1.1.1", "1.1.1.3"];
    let mut cluster = three(hosts, [Some("y"), Some("y"), Some("1.1.1.1")]);
    // Two more hosts to be on.
    cluster.nodes.extend([replica('D', "1.1.1.4"), replica('E', "1.1.1.5")]);
    let both = ["1.1.1.1:1", "1.1.1.1:2"].map(str::to_owned).to_vec();
    let found = crowds(&cluster);
    assert_eq!(found, [("host 1.1.1.1".to_owned(), both.clone()), ("zone y".to_owned(), both)]);
}

#[test]
fn zones_on_one_host_are_told_as_zones_only() {
    let mut cluster = three(["1.1.1.1"; 3], [Some("y"), Some("z"), Some("z")]);
    cluster.nodes.push(replica('D', "1.1.1.1"));
    cluster.nodes[3].zone = Some("x".to_owned());
    let both = ["1.1.1.1:2", "1.1.1.1:3"].map(str::to_owned).to_vec();
    assert_eq!(crowds(&cluster), [("zone z".to_owned(), both)]);
}

#[test]
fn copies_on_one_host_are_listed_as_people_do() {
    let mut cluster = three(["1.1.1.1", "1.1.1.2", "1.1.1.3"], [None; 3]);
    cluster.nodes.extend([replica('D', "1.1.1.1"), replica('E', "1.1.1.1")]);
    let found = of(Kind::CopiesTogether, &cluster);
    let start = "1.1.1.1:1, 1.1.1.1:4 and 1.1.1.1:4 are nodes of one shard on one host, 1.1.1.1:";
    assert!(found[0].message.starts_with(start), "{found:?}");
}

#[test]
fn a_replica_that_its_master_turns_away_has_no_link_whatever_it_says() {
    let mut pair = cluster(&[
        "A 1.1.1.1:1@2 myself,master - 0 9 1 connected 0-16383\nB 1.1.1.2:1@2 slave A 0 9 1 connected\n",
        "B 1.1.1.2:1@2 myself,slave A 0 9 1 connected\nA 1.1.1.1:1@2 master - 0 9 1 connected 0-16383\n",
    ]);
    let kinds = |pair: &ClusterReport| {
        let links = [Kind::ReplicaLinkDown, Kind::ReplicaSyncing];
        links.map(|kind| of(kind, pair).len())
    };
    pair.nodes[1].link = Some(crate::model::Link::Syncing);
    pair.nodes[1].link_down_for = Some(20);
    pair.nodes[0].replicas = Some(1);
    assert_eq!(kinds(&pair), [0, 1]);
    pair.nodes[0].replicas = Some(0);
    assert_eq!(kinds(&pair), [1, 0]);
    pair.nodes[1].link_down_for = Some(2);
    assert_eq!(kinds(&pair), [0, 1]);
}
