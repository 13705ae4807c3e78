//! What people see of fixed facts, in files to be read: `80.txt`, `100.txt` and `160.txt`
//! are of clusters whose names and slots take about so many columns. Everything is laid out for 80,
//! whatever the terminal, and only names of their own length make a table wider: a screen, a pipe and a
//! file show the same.
//!
//! `UPDATE_EXPECT=1 cargo test --lib tables_and_verdicts` writes them anew after a wanted change.

use console::{measure_text_width, strip_ansi_codes};
use expect_test::expect_file;
use itertools::Itertools;

use crate::model::{
    ClusterReport, ClusterView, NodeAddr, NodeId, SlotRange, SlotSet, UnreachableNode,
};
use crate::ops::migrate::MigrationMethod;
use crate::plan::check::check;
use crate::plan::fix::{self, FixRequest, KeyInventory, Prefer};
use crate::plan::rolling::Step;
use crate::plan::topology::{Change, SettingChange, Stage, State};
use crate::plan::transfer::{RebalanceRequest, rebalance};
use crate::render::json::{
    ApplyJson, MasterJson, PlaceJson, ShardJson, info_json, node_rows, routes_json, settings_json,
    stages_json,
};
use crate::render::{
    Color, Ui, apply_text, fix_text, health_text, info_text, layout_text, nodes_text, routes_text,
    step_lines,
};

/// What a cluster is made of.
struct Facts {
    /// Before the number of the node, and after it.
    host: (&'static str, &'static str),
    /// In how many pieces each master has its slots.
    pieces: u16,
    /// How many versions its servers are of.
    versions: usize,
}

const SIZES: [(&str, Facts); 3] = [
    ("80", Facts { host: ("10.0.0.", ""), pieces: 1, versions: 2 }),
    ("100", Facts { host: ("cache-", ".eu-west-1.internal"), pieces: 3, versions: 1 }),
    ("160", Facts { host: ("2001:db8:85a3:8d3:1319:8a2e:370:734", ""), pieces: 12, versions: 1 }),
];

fn id(node: usize) -> NodeId {
    char::from(b'a' + node as u8).to_string().repeat(40).parse().unwrap()
}

/// Slots from `first` on that belong to master `number` of `of`, who share each piece.
fn slots(facts: &Facts, number: u16, of: u16) -> SlotSet {
    let piece = 16_384 / facts.pieces;
    let ranges = (0..facts.pieces).map(|index| {
        let (begin, end) =
            (index * piece, if index + 1 == facts.pieces { 16_384 } else { (index + 1) * piece });
        let at =
            |part: u16| begin + ((end - begin) as u32 * u32::from(part) / u32::from(of)) as u16;
        format!("{}-{}", at(number), at(number + 1) - 1).parse::<SlotRange>().unwrap()
    });
    ranges.collect()
}

/// Three masters and three replicas; `owned` of the masters have slots. The last replica has failed.
fn cluster(facts: &Facts, owned: u16, more: [&str; 3]) -> ClusterReport {
    let line = |node: usize| {
        let (before, after) = facts.host;
        let flags = ["myself,master", "master", "master", "slave", "slave", "slave,fail"][node];
        let master = if node < 3 { "-".to_owned() } else { id(node - 3).to_string() };
        let own = if node < usize::from(owned) {
            slots(facts, node as u16, owned).ranges().iter().join(" ")
        } else {
            String::new()
        };
        let more = more.get(node).copied().unwrap_or_default();
        format!(
            "{} {before}{}{after}:6379@16379 {flags} {master} 0 9 {} connected {own} {more}\n",
            id(node),
            node + 1,
            node % 3 + 1
        )
    };
    let text = (0..6).map(line).collect::<String>();
    let via = NodeAddr::new(format!("{}1{}", facts.host.0, facts.host.1), 6379, None);
    let mut report = ClusterReport::of_view(&ClusterView::parse(&text, &via).unwrap());
    report.nodes.truncate(5);
    report.unreachable.push(UnreachableNode {
        id: id(5),
        addr: None,
        why: "no connection: connection refused".to_owned(),
        taken_by: None,
        loading: None,
    });
    for (node, report) in report.nodes.iter_mut().enumerate() {
        report.version = ["Redis 7.0.15", "Valkey 9.1.2"][node % facts.versions].to_owned();
        (report.keys, report.memory) = (1_234_567 * node as u64, 987_654_321);
    }
    report
}

/// A plan with a change of each kind.
fn declared(report: &ClusterReport, facts: &Facts) -> ApplyJson {
    let state = State::read(&[], Some(report), &[]);
    let moved = slots(facts, 0, 6);
    let stage = Stage::from(vec![
        Change::Introduce { node: 4 },
        Change::Add { node: 2, replica_of: None },
        Change::Add { node: 5, replica_of: Some(2) },
        Change::Replicate { node: 3, from: Some(0), of: 1 },
        Change::Detach { node: 4, from: 1 },
        Change::Assign { slots: moved.clone(), to: 2 },
        Change::FinishMoves,
        Change::Move { slots: moved, from: 0, to: 2 },
        Change::Promote { node: 3, replaces: 0 },
        Change::Remove { node: 1 },
    ]);
    let setting = SettingChange {
        name: "cluster-node-timeout".to_owned(),
        to: "5000".to_owned(),
        nodes: [0, 2, 3].map(|node| (node, "15000".to_owned())).to_vec(),
        first: false,
    };
    let (mut changes, _) = stages_json(std::slice::from_ref(&stage), &state);
    changes.extend(settings_json([&setting]));
    ApplyJson {
        changed: false,
        dry_run: true,
        changes,
        slots_moved: stage.slots(),
        full_copies: stage.copies(),
        unnamed: Vec::new(),
        warnings: Vec::new(),
        healthy: None,
        elapsed_ms: 0,
    }
}

/// Everything that is shown of clusters of this kind, each under its command.
fn shown(facts: &Facts, ui: &Ui) -> String {
    let report = cluster(facts, 3, [""; 3]);
    let lopsided = cluster(facts, 2, [""; 3]);
    let peer = id(1);
    let open = format!("[5->-{peer}]");
    let sick = cluster(facts, 3, [&open, "", ""]);
    let request = RebalanceRequest {
        weights: Default::default(),
        use_empty: true,
        threshold: 2.0,
        defrag: false,
    };
    let moves = rebalance(&lopsided, &request).unwrap();
    let routes = routes_json(&moves, &lopsided, |_| MigrationMethod::Classic);
    let fixed = FixRequest { prefer: Prefer::Nobody, abandon: false };
    let fixed = fix::plan(&sick, &KeyInventory::default(), &fixed).unwrap();
    let steps = [
        Step::Restart(vec![id(3), id(4)]),
        Step::Replace { master: id(0), replicas: vec![id(3), id(4)] },
        Step::Return(id(0)),
    ];
    let rows = node_rows(&report);
    let place = |node: usize| {
        let addr = report.nodes[node].via.clone();
        PlaceJson { id: id(node), addr }
    };
    let shard = |node: usize| {
        let PlaceJson { id, addr } = place(node);
        let slots = slots(facts, node as u16, 2);
        ShardJson { master: MasterJson { id, addr, slots }, replicas: vec![place(node + 3)] }
    };
    let shards = [shard(0), shard(1)];
    [
        ("create", layout_text(ui, &shards)),
        ("nodes", nodes_text(&report, &rows)),
        ("info", info_text(&info_json(&report))),
        ("check", health_text(ui, &report, &check(&report), false)),
        ("check, with an open slot", health_text(ui, &sick, &check(&sick), false)),
        ("rebalance", routes_text(&moves, &lopsided, &routes, false)),
        ("fix", fix_text(&fixed, &sick)),
        ("apply", apply_text(&declared(&report, facts))),
        ("rolling", step_lines(&report, &steps).join("\n")),
    ]
    .map(|(name, text)| format!("=== {name}\n{}\n", text.trim_end()))
    .join("\n")
}

#[test]
fn tables_and_verdicts_are_as_they_were() {
    for (size, facts) in SIZES {
        let text = shown(&facts, &Ui::new(false, Color::Never));
        expect_file![format!("{size}.txt")].assert_eq(&text);
        // A command line is one line, to be copied; a step of `rolling` is a line of its own.
        let laid_out = text.lines().filter(|line| !line.contains("fix: "));
        let laid_out = laid_out.take_while(|line| *line != "=== rolling");
        let wide = laid_out.filter(|line| measure_text_width(line) > 80).collect_vec();
        assert!(size != "80" || wide.is_empty(), "{wide:#?}");
        let colored = shown(&facts, &Ui::new(false, Color::Always));
        assert!(colored.contains('\u{1b}') && !text.contains('\u{1b}'));
        assert_eq!(strip_ansi_codes(&colored), text, "colors change nothing else");
    }
}
