use std::time::Duration;

use super::*;
use crate::model::{
    ClusterReport, ClusterView, Link, NodeAddr, NodeId, NodeReport, UnreachableNode, Writes,
};
use crate::plan::check::check;

fn id(node: usize) -> NodeId {
    format!("{node:x}").repeat(40).parse().unwrap()
}

/// Masters 1 to 3, and as many replicas of each as are named: 4 is a replica of 1, 5 of 2, …
fn cluster(replicas: usize) -> ClusterReport {
    let count = 3 + replicas;
    let ranges = ["0-5460", "5461-10922", "10923-16383"];
    let line = |node: usize, own: usize| {
        let me = if node == own { "myself," } else { "" };
        let (role, of, slots) = match node {
            1..=3 => ("master", "-".to_owned(), ranges[node - 1]),
            _ => ("slave", id((node - 4) % 3 + 1).to_string(), ""),
        };
        let epoch = if node <= 3 { node } else { (node - 4) % 3 + 1 };
        format!("{} 10.0.0.{node}:1@2 {me}{role} {of} 0 1 {epoch} connected {slots}\n", id(node))
    };
    let report = |own: usize| {
        let text: String = (1..=count).map(|node| line(node, own)).collect();
        let addr = NodeAddr::new(format!("10.0.0.{own}"), 1, None);
        let mut report = NodeReport::of_view(ClusterView::parse(text, &addr).unwrap());
        report.version = "Redis 7.0.15".to_owned();
        report.uptime = Duration::from_secs(1000);
        report.link = (own > 3).then_some(Link::Up);
        report
    };
    ClusterReport { nodes: (1..=count).map(report).collect(), unreachable: Vec::new() }
}

/// By a clock that starts where the servers did, 1000 s ago.
const NOW: u64 = 1_000_000;

fn request(cluster: &ClusterReport) -> Request {
    Request {
        only: None,
        until: Until { version: None, started_after: Some(NOW) },
        replicas_only: false,
        masters: Some(
            cluster.nodes.iter().filter(|node| serves(node)).map(NodeReport::id).collect(),
        ),
        at_once: 1,
        resumes: false,
    }
}

/// What is done step by step, with every failover and restart succeeding.
fn played(mut cluster: ClusterReport, request: &Request) -> Vec<String> {
    let mut progress = Progress::default();
    let mut told = Vec::new();
    loop {
        match next(&cluster, request, &progress, NOW) {
            Next::Restart(nodes) => {
                for node in &nodes {
                    assert!(!cluster.node(*node).is_some_and(serves), "{node} serves");
                }
                let names: Vec<_> = nodes.iter().map(|node| cluster.name(*node)).collect();
                told.push(format!("restart {}", names.join(" ")));
                progress.restarted.extend(nodes);
            }
            Next::Replace { master, replicas } => {
                told.push(format!("replace {}", cluster.name(master)));
                match replicas.first() {
                    Some(replica) => cluster = swapped(&cluster, *replica, master),
                    None => drop(progress.passed_over.insert(master)),
                }
            }
            Next::Return { replica, master } => {
                told.push(format!("return {}", cluster.name(replica)));
                cluster = swapped(&cluster, replica, master);
            }
            Next::Done => return told,
        }
        assert!(told.len() < 50, "{told:?}");
    }
}

/// The cluster after a failover.
fn swapped(cluster: &ClusterReport, replica: NodeId, master: NodeId) -> ClusterReport {
    let line = |node: &crate::model::Node, own: NodeId| {
        let me = if node.id == own { "myself," } else { "" };
        let slots = |id| cluster.nodes[0].view.node(id).unwrap().slots.clone();
        let (role, of, slots) = match node.role.master() {
            _ if node.id == replica => ("master", "-".to_owned(), slots(master).to_string()),
            _ if node.id == master => ("slave", replica.to_string(), String::new()),
            Some(of) if of == master => ("slave", replica.to_string(), String::new()),
            Some(of) => ("slave", of.to_string(), String::new()),
            None => ("master", "-".to_owned(), slots(node.id).to_string()),
        };
        let slots = slots.replace(',', " ");
        let (id, addr, epoch) = (node.id, node.addr.as_ref().unwrap(), node.epoch);
        format!("{id} {addr}@2 {me}{role} {of} 0 1 {epoch} connected {slots}\n")
    };
    let nodes = cluster.nodes.iter().map(|report| {
        let text: String = report.view.nodes().iter().map(|node| line(node, report.id())).collect();
        let view = ClusterView::parse(text, &report.via).unwrap();
        let link = view.me().role.master().map(|_| Link::Up);
        NodeReport { view, link, ..report.clone() }
    });
    ClusterReport { nodes: nodes.collect(), unreachable: Vec::new() }
}

fn name(node: usize) -> String {
    format!("10.0.0.{node}:1")
}

#[test]
fn replicas_come_first_and_masters_only_after_a_failover() {
    let cluster = cluster(3);
    let all = played(cluster.clone(), &request(&cluster));
    let wanted = [
        "restart 4",
        "restart 5",
        "restart 6",
        "replace 1",
        "restart 1",
        "replace 2",
        "restart 2",
        "replace 3",
        "restart 3",
        "return 1",
        "return 2",
        "return 3",
    ];
    let wanted = wanted.map(|step| {
        let (what, node) = step.split_once(' ').unwrap();
        format!("{what} {}", name(node.parse().unwrap()))
    });
    assert_eq!(all, wanted);
    let keeps = Request { masters: None, ..request(&cluster) };
    assert_eq!(played(cluster.clone(), &keeps), wanted[..9]);
    let replicas = Request { replicas_only: true, ..request(&cluster) };
    assert_eq!(played(cluster.clone(), &replicas), wanted[..3]);
    let one = Request { only: Some([id(2)].into()), ..request(&cluster) };
    assert_eq!(
        played(cluster.clone(), &one),
        [&wanted[5], &wanted[6], &wanted[10]].map(Clone::clone)
    );
    assert_eq!(outline(&cluster, &request(&cluster), NOW).len(), 3 + 3 + 3);
}

#[test]
fn a_run_goes_on_wherever_another_stopped() {
    let mut cluster = cluster(3);
    let wanted = request(&cluster);
    // 4 and 5 are done; 4 is master in place of 1, which is not.
    for node in [4, 5] {
        cluster.nodes[node - 1].uptime = Duration::ZERO;
    }
    let mut cluster = swapped(&cluster, id(4), id(1));
    let later = Request {
        until: Until { version: None, started_after: Some(NOW - 5000) },
        resumes: true,
        ..wanted
    };
    let steps = played(cluster.clone(), &later);
    assert_eq!(steps[..2], [name(1), name(6)].map(|name| format!("restart {name}")));
    assert_eq!(steps.last(), Some(&format!("return {}", name(3))));
    assert!(!steps.iter().any(|step| step.ends_with(&name(4)) || step.ends_with(&name(5))));
    assert_eq!(refusals(&cluster, &FactsByNode::new(), &later, NOW), []);

    // The one that was left down is first, and no reason to refuse.
    let down = cluster.nodes.remove(5);
    cluster.unreachable.push(UnreachableNode {
        id: down.id(),
        addr: Some(down.via.clone()),
        why: "refused".to_owned(),
        taken_by: None,
        loading: None,
    });
    assert_eq!(next(&cluster, &later, &Progress::default(), NOW), Next::Restart(vec![id(6)]));
    assert_eq!(refusals(&cluster, &FactsByNode::new(), &later, NOW), []);
    let fresh = Request { resumes: false, ..later };
    assert!(matches!(
        refusals(&cluster, &FactsByNode::new(), &fresh, NOW)[..],
        [Refusal::Unhealthy(_), ..]
    ));
}

#[test]
fn several_at_once_are_of_different_shards_in_one_zone() {
    let mut cluster = cluster(6);
    let wanted = Request { at_once: 3, replicas_only: true, ..request(&cluster) };
    let restart = |nodes: [usize; 3]| format!("restart {}", nodes.map(name).join(" "));
    assert_eq!(played(cluster.clone(), &wanted), [restart([4, 5, 6]), restart([7, 8, 9])]);
    for (node, zone) in [(4, "a"), (5, "b"), (6, "b"), (7, "b"), (8, "a"), (9, "a")] {
        cluster.nodes[node - 1].zone = Some(zone.to_owned());
    }
    assert_eq!(played(cluster, &wanted), [restart([4, 8, 9]), restart([5, 6, 7])]);
}

#[test]
fn what_is_not_safe_is_refused() {
    let mut all = FactsByNode::new();
    let healthy = cluster(3);
    (1..=6).for_each(|node| {
        let facts = RestartFacts { saves: Some(true), ..RestartFacts::default() };
        all.insert(id(node), facts);
    });
    let wanted = request(&healthy);
    let said = |cluster: &ClusterReport, facts: &FactsByNode, request: &Request| {
        let all = refusals(cluster, facts, request, NOW);
        all.iter().map(Refusal::to_string).collect::<Vec<_>>()
    };
    assert_eq!(said(&healthy, &all, &wanted), Vec::<String>::new());

    // A replica that is not in sync leaves its master without one.
    let mut apart = healthy.clone();
    apart.nodes[3].link = Some(Link::Syncing);
    assert!(said(&apart, &all, &wanted)[0].contains("10.0.0.1:1 has no replica in sync"));
    let alone = cluster(2);
    assert!(said(&alone, &all, &wanted)[0].contains("10.0.0.3:1 has no replica in sync"));
    assert_eq!(left_out(&alone, &wanted, NOW), [id(3)]);
    assert!(!played(alone, &wanted).contains(&format!("restart {}", name(3))));

    let mut facts = all.clone();
    facts.insert(id(5), RestartFacts { saves: Some(false), ..RestartFacts::default() });
    assert!(said(&healthy, &facts, &wanted)[0].starts_with("10.0.0.5:1 saves nothing"));
    // It is no master at any time.
    let replicas = Request { replicas_only: true, ..wanted.clone() };
    assert_eq!(said(&healthy, &facts, &replicas), Vec::<String>::new());

    let mut few = healthy.clone();
    few.nodes[1].writes = Writes { replicas: Some((1, 1)), ..Writes::default() };
    assert!(said(&few, &all, &wanted)[0].contains("min-replicas-to-write"));

    for (target, says) in [("6.2", "is older"), ("valkey-8.1", ""), ("8.2", ""), ("7.0.15", "")] {
        let until = Until { version: Some(target.parse().unwrap()), started_after: None };
        let upgrade = Request { until, ..wanted.clone() };
        let said = said(&healthy, &all, &upgrade);
        assert_eq!(said.is_empty(), says.is_empty(), "{target}: {said:?}");
        assert!(said.iter().all(|line| line.contains(says)), "{target}: {said:?}");
    }
    let mut newer = healthy.clone();
    newer.nodes.iter_mut().for_each(|node| node.version = "Redis 7.4.1".to_owned());
    let until = Until { version: Some("valkey-9.1".parse().unwrap()), started_after: None };
    let said = said(&newer, &all, &Request { until, ..wanted.clone() });
    assert!(said[0].contains("valkey-9.1 does not read its data files"), "{said:?}");
}

#[test]
fn only_what_is_new_is_worse() {
    let before = check(&cluster(3));
    let mut now = cluster(3);
    now.nodes[3].link = Some(Link::Down);
    let found = worse(&before, &check(&now));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(worse(&check(&now), &check(&now)), []);
    // Settings may differ on the way.
    now.nodes[3].link = Some(Link::Up);
    now.nodes[0].settings.insert("cluster-node-timeout", "5000".to_owned());
    now.nodes[1].settings.insert("cluster-node-timeout", "6000".to_owned());
    assert_eq!(worse(&before, &check(&now)), []);
}

#[test]
fn what_it_costs_is_said() {
    let mut many = cluster(6);
    many.nodes.iter_mut().for_each(|node| node.memory = 10 << 20);
    let facts = |facts: RestartFacts| (1..=9).map(|node| (id(node), facts.clone())).collect();
    let aof = RestartFacts {
        appendonly: true,
        saves: Some(true),
        sync_delay: Some(5),
        ..RestartFacts::default()
    };
    let said = notes(&many, &facts(aof), &request(&many), NOW);
    assert!(said[0].contains("9 of 9 restarts end in a full sync"), "{said:?}");
    assert!(said[0].contains("90 MiB") && said[0].contains("45 s"), "{said:?}");
    assert!(said[1].starts_with("spare replicas may move"), "{said:?}");

    let busy = RestartFacts {
        saves: Some(true),
        backlog: Some(1 << 20),
        replicates: Some(1 << 18),
        ..RestartFacts::default()
    };
    let until = Until { version: Some("8.2".parse().unwrap()), started_after: None };
    let upgrade = Request { until, ..request(&many) };
    let said = notes(&cluster(3), &facts(busy), &upgrade, NOW);
    assert!(said[0].contains("point of no return to Redis 7.0.15"), "{said:?}");
    assert!(said[1].contains("(1024 KiB) holds 4 s"), "{said:?}");
    assert_eq!(said.len(), 2, "{said:?}");
}
