use expect_test::expect;
use itertools::Itertools;

use super::sides::{Member, Shard};
use super::{Side, change, dot, mermaid, svg, text};
use crate::model::{ClusterReport, ClusterView, SLOTS, SlotRange, SlotSet};
use crate::plan::check::check;
use crate::render::json::{MapJson, map_json};

/// Three masters, one with a failed replica and one without slots, a slot on its way and one without
/// an owner.
fn map() -> MapJson {
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|sign| sign.repeat(40));
    let reply = format!(
        "{a} 10.0.0.1:1@2 myself,master - 0 1 1 connected 0-8000 9000 [77->-{b}]\n\
         {b} 10.0.0.2:1@2 master - 0 1 2 connected 8001-8999 9001-16382\n\
         {c} 10.0.0.3:1@2 slave,fail {a} 0 1 1 disconnected\n\
         {d} 10.0.0.4:1@2 master - 0 1 3 connected\n"
    );
    let view = ClusterView::parse(reply, &"10.0.0.1:1".parse().unwrap()).unwrap();
    let mut cluster = ClusterReport::of_view(&view);
    cluster.nodes[0].zone = Some("a & \"<b>\"".to_owned());
    map_json(&cluster, &check(&cluster))
}

#[test]
fn text_has_a_sign_for_each_owner() {
    expect![[r#"
            0 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
         4096 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABBB
         8192 BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB
        12288 BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB.

        Shard  Slots  Ranges                Master                    Replicas
        A       8002  0-8000,9000           10.0.0.1:1 [a & "<b>"] ✗  10.0.0.3:1 ✗
        B       8381  8001-8999,9001-16382  10.0.0.2:1 ✗              -
        -          0  -                     10.0.0.4:1                -
        . = slot 16383 without an owner
        slot 77 is on its way from 10.0.0.1:1 to 10.0.0.2:1
    "#]]
    .assert_eq(&text(&map()));
}

#[test]
fn graphs_have_shards_and_their_nodes() {
    expect![[r#"
        flowchart LR
          subgraph s0["8002 slots: 0-8000,9000"]
            s0n0["10.0.0.1:1<br/>zone a #amp; #quot;#lt;b>#quot;"]:::error
            s0n1["10.0.0.3:1"]:::error
            s0n0 --> s0n1
          end
          subgraph s1["8381 slots: 8001-8999,9001-16382"]
            s1n0["10.0.0.2:1"]:::error
          end
          subgraph s2["no slots"]
            s2n0["10.0.0.4:1"]
          end
          classDef error stroke:#c62828,stroke-width:3px
          classDef warning stroke:#ef8e00,stroke-width:3px
    "#]]
    .assert_eq(&mermaid(&map()));
    expect![[r##"
        digraph cluster {
          rankdir=LR
          node [shape=box]
          subgraph cluster_0 {
            label="8002 slots: 0-8000,9000"
            s0n0 [label="10.0.0.1:1\nzone a & \"<b>\"" color="#c62828" penwidth=3]
            s0n1 [label="10.0.0.3:1" color="#c62828" penwidth=3]
            s0n0 -> s0n1
          }
          subgraph cluster_1 {
            label="8381 slots: 8001-8999,9001-16382"
            s1n0 [label="10.0.0.2:1" color="#c62828" penwidth=3]
          }
          subgraph cluster_2 {
            label="no slots"
            s2n0 [label="10.0.0.4:1"]
          }
        }
    "##]]
    .assert_eq(&dot(&map()));
}

/// Read by a parser of the language: a cluster for each shard with its nodes, and a line for each
/// replica.
#[test]
fn graphviz_reads_the_graph() {
    use layout::gv::DotParser;
    use layout::gv::parser::ast::Stmt;

    let graph = DotParser::new(&dot(&map())).process().unwrap();
    let shards = graph.list.list.iter().filter_map(|statement| match statement {
        Stmt::SubGraph(shard) => Some(&shard.list.list),
        _ => None,
    });
    let count = |is: fn(&Stmt) -> bool| {
        shards.clone().map(|list| list.iter().filter(|one| is(one)).count()).collect::<Vec<_>>()
    };
    assert_eq!(count(|statement| matches!(statement, Stmt::Node(_))), [2, 1, 1]);
    assert_eq!(count(|statement| matches!(statement, Stmt::Edge(_))), [1, 0, 0]);
}

/// Read by an XML reader: all slots are drawn once, whatever their owner, and every node has a dot.
#[test]
fn the_picture_shows_every_slot_and_every_node() {
    let picture = svg(&map());
    let document = roxmltree::Document::parse(&picture).unwrap();
    let named =
        |name: &'static str| document.descendants().filter(move |node| node.has_tag_name(name));
    let titled =
        named("rect").filter(|rect| rect.children().any(|child| child.has_tag_name("title")));
    let number =
        |node: &roxmltree::Node, name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap();
    let is_moving =
        |rect: &roxmltree::Node| rect.descendants().any(|node| node.text() == Some("77: moving"));
    let (moving, owned): (Vec<_>, Vec<_>) = titled.partition(is_moving);
    assert_eq!(moving.len(), 1);
    let width: f64 = owned.iter().map(|rect| number(rect, "width")).sum();
    // A slot without an owner is as wide as can be seen.
    let slot = super::svg::BARS.width as f64 / f64::from(super::draw::BAR);
    let all = slot * f64::from(SLOTS - 1) + 2.0;
    assert!((width - all).abs() < 0.2, "{width}, {all}");
    assert_eq!(named("circle").count(), 4);
    let texts: Vec<&str> = named("text").filter_map(|node| node.text()).collect();
    assert!(texts.contains(&"10.0.0.1:1 (master, a & \"<b>\")"), "{texts:?}");
    assert!(
        texts.iter().any(|text| text.starts_with("error: slot 16383 has no owner")),
        "{texts:?}"
    );
}

fn node(id: &str, name: &str, is_master: bool) -> Member {
    Member { id: id.repeat(40).parse().unwrap(), text: name.to_owned(), is_master }
}

fn shard(slots: &str, nodes: Vec<Member>) -> Shard {
    let slots = slots.parse::<SlotRange>().map(SlotSet::from).unwrap_or_default();
    Shard { slots, nodes }
}

/// A master gives slots to a new one, its replica goes to a third, and a node joins.
#[test]
fn what_moves_is_drawn_between_before_and_after() {
    let [a, b, c] = ["a", "b", "c"].map(|id| node(id, id, true));
    let replica = node("d", &format!("d{}", ".very.long.name".repeat(5)), false);
    let before = Side {
        shards: vec![
            shard("0-9999", vec![a.clone(), replica.clone()]),
            shard("10000-16383", vec![b.clone()]),
        ],
        outside: vec![c.clone()],
    };
    let after = Side {
        shards: vec![
            shard("0-4999", vec![a]),
            shard("5000-9999", vec![c]),
            shard("10000-16383", vec![b, replica]),
        ],
        outside: Vec::new(),
    };
    let picture = change("5000 slots move", &before, &after);
    let document = roxmltree::Document::parse(&picture).unwrap();
    let paths = document.descendants().filter(|node| node.has_tag_name("path"));
    let (dashed, ribbons): (Vec<_>, Vec<_>) =
        paths.partition(|path| path.attribute("stroke-dasharray").is_some());
    assert_eq!((dashed.len(), ribbons.len()), (2, 1));
    let title =
        ribbons[0].descendants().find_map(|node| node.text().filter(|text| text.contains('-')));
    assert_eq!(title, Some("5000-9999 (5000)"));
    let texts: Vec<&str> = document.descendants().filter_map(|node| node.text()).collect();
    for text in [
        "5000 slots, 30.5% (-5000)",
        "5000 slots, 30.5% (+5000)",
        "6384 slots, 39.0%",
        "in no cluster",
    ] {
        assert!(texts.contains(&text), "{text}: {texts:?}");
    }
    // What is too long for its card is whole under the pointer only.
    let shown = |text: &&&str| text.starts_with("d.very");
    let lengths = texts.iter().filter(shown).map(|text| text.chars().count());
    assert_eq!(lengths.unique().sorted().collect::<Vec<_>>(), [38, 76]);
}

/// Of many shards those are shown that change.
#[test]
fn what_stays_is_counted_where_there_is_much() {
    let one = |at: u16, end: u16| {
        let id = char::from(b'a' + at as u8 % 6).to_string() + &at.to_string();
        let text = format!("{id:0>40}");
        let master = Member { id: text.parse().unwrap(), text: id, is_master: true };
        shard(&format!("{}-{}", at * 1000, end), vec![master])
    };
    let side = |border: u16| Side {
        shards: (0..14).map(|at| one(at, at * 1000 + if at == 3 { border } else { 999 })).collect(),
        outside: Vec::new(),
    };
    let count = |picture: &str| picture.matches("<circle").count();
    let picture = change("", &side(999), &side(500));
    assert_eq!(count(&picture), 2);
    assert!(picture.contains("13 shards that do not change are not shown"), "{picture}");
}
