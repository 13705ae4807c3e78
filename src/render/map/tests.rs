use expect_test::expect;

use super::{dot, mermaid, svg, text};
use crate::model::{ClusterReport, ClusterView, SLOTS};
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
    let slot = super::svg::BAR_WIDTH / f64::from(super::svg::BAR);
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
