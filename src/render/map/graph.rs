//! Shards as graphs, for programs that lay them out: Mermaid, Graphviz.

use crate::render::json::{MapJson, MapNodeJson, MapShardJson};

/// A Mermaid flowchart.
pub fn mermaid(map: &MapJson) -> String {
    let quoted =
        |text: &str| text.replace('&', "#amp;").replace('"', "#quot;").replace('<', "#lt;");
    let mut text = "flowchart LR\n".to_owned();
    for (index, shard) in map.shards.iter().enumerate() {
        text += &format!("  subgraph s{index}[\"{}\"]\n", quoted(&heading(shard)));
        for (number, node) in nodes(shard) {
            let label = lines(node).iter().map(|line| quoted(line)).collect::<Vec<_>>();
            let class = class(node).map(|class| format!(":::{class}")).unwrap_or_default();
            text += &format!("    s{index}n{number}[\"{}\"]{class}\n", label.join("<br/>"));
        }
        for number in links(shard) {
            text += &format!("    s{index}n0 --> s{index}n{number}\n");
        }
        text += "  end\n";
    }
    text += "  classDef error stroke:#c62828,stroke-width:3px\n";
    text + "  classDef warning stroke:#ef8e00,stroke-width:3px\n"
}

/// A Graphviz digraph.
pub fn dot(map: &MapJson) -> String {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let mut text = "digraph cluster {\n  rankdir=LR\n  node [shape=box]\n".to_owned();
    for (index, shard) in map.shards.iter().enumerate() {
        let heading = quoted(&heading(shard));
        text += &format!("  subgraph cluster_{index} {{\n    label=\"{heading}\"\n");
        for (number, node) in nodes(shard) {
            let label = lines(node).iter().map(|line| quoted(line)).collect::<Vec<_>>();
            let color = match class(node) {
                Some("error") => " color=\"#c62828\" penwidth=3",
                Some(_) => " color=\"#ef8e00\" penwidth=3",
                None => "",
            };
            text += &format!("    s{index}n{number} [label=\"{}\"{color}]\n", label.join("\\n"));
        }
        for number in links(shard) {
            text += &format!("    s{index}n0 -> s{index}n{number}\n");
        }
        text += "  }\n";
    }
    text + "}\n"
}

/// The master is number 0, its replicas follow.
fn nodes(shard: &MapShardJson) -> impl Iterator<Item = (usize, &MapNodeJson)> {
    let master = shard.master.iter().map(|master| (0, master));
    master.chain((1..).zip(&shard.replicas))
}

fn links(shard: &MapShardJson) -> impl Iterator<Item = usize> {
    let replicas = if shard.master.is_some() { shard.replicas.len() } else { 0 };
    1..=replicas
}

fn heading(shard: &MapShardJson) -> String {
    match shard.slot_count {
        0 => "no slots".to_owned(),
        1 => format!("1 slot: {}", shard.slots),
        count => format!("{count} slots: {}", shard.slots.short(40)),
    }
}

fn lines(node: &MapNodeJson) -> Vec<String> {
    let zone = node.zone.as_ref().map(|zone| format!("zone {zone}"));
    let gone = (!node.node.reachable).then(|| "unreachable".to_owned());
    [Some(node.node.name()), zone, gone].into_iter().flatten().collect()
}

fn class(node: &MapNodeJson) -> Option<&'static str> {
    match (node.node.reachable, node.errors, node.warnings) {
        (true, 0, 0) => None,
        (true, 0, _) => Some("warning"),
        _ => Some("error"),
    }
}
