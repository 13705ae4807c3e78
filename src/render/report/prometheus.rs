//! Prometheus' text format, as node_exporter's textfile collector reads it: HELP and TYPE of each
//! metric, no timestamps.

use std::fmt::{Display, Write as _};

use super::data::Found;
use crate::model::ClusterReport;
use crate::plan::check::{Kind, covered, is_healthy};
use crate::render::json::{NodeJson, node_rows};

pub fn found(found: &Found) -> String {
    let cluster = found.cluster;
    let rows = node_rows(cluster);
    let mut text = Text::default();
    text.one("up", "Whether the cluster could be checked.", 1);
    let healthy = is_healthy(found.problems, found.strict);
    text.one("healthy", "Whether the cluster has no problem that counts.", u8::from(healthy));
    text.many("problems", "Problems by kind and severity, without ignored ones.", problems(found));
    text.one("problems_ignored", "Problems that are ignored.", found.ignored.len());
    let is_ok = cluster.nodes.iter().all(|report| report.info.ok);
    let help = "Whether every reachable node reports cluster_state:ok.";
    text.one("cluster_state_ok", help, u8::from(is_ok));
    text.one("slots_covered", "Slots that have an owner.", covered(cluster).len());
    text.one("known_nodes", "Nodes that any node lists.", rows.len());
    let epoch = cluster.nodes.iter().map(|report| report.info.current_epoch).max().unwrap_or(0);
    text.one("current_epoch", "The highest current epoch that a node reports.", epoch);
    nodes(&mut text, cluster, &rows);
    let seconds = format!("{:.3}", found.took.as_secs_f64());
    text.one("check_duration_seconds", "How long the check took.", seconds);
    text.0
}

pub fn trouble() -> String {
    let mut text = Text::default();
    text.one("up", "Whether the cluster could be checked.", 0);
    text.one("healthy", "Whether the cluster has no problem that counts.", 0);
    text.0
}

/// Kinds without a problem are there too: an alert needs a 0 to end.
fn problems(found: &Found) -> Vec<(String, usize)> {
    let of = |kind: &Kind| {
        let (kind, severities) = (*kind, kind.explanation().severities);
        severities.iter().map(move |severity| {
            let labels = labels(&[("kind", kind.name()), ("severity", severity.name())]);
            (labels, found.of(kind).filter(|problem| problem.severity == *severity).count())
        })
    };
    Kind::ALL.iter().flat_map(of).collect()
}

fn nodes(text: &mut Text, cluster: &ClusterReport, rows: &[NodeJson]) {
    let label = |row: &NodeJson| {
        labels(&[("node", &cluster.name(row.id)), ("id", &row.id.to_string()), ("role", row.role)])
    };
    let of = |value: &dyn Fn(&NodeJson) -> Option<u64>| {
        let of = |row: &NodeJson| Some((label(row), value(row)?));
        rows.iter().filter_map(of).collect::<Vec<_>>()
    };
    let report = |row: &NodeJson| cluster.node(row.id);
    let up = of(&|row| Some(u64::from(report(row).is_some())));
    text.many("node_up", "Whether the node replies.", up);
    let slots = of(&|row| Some(row.slots.len() as u64));
    text.many("node_slots", "Slots that the node owns.", slots);
    let keys = of(&|row| Some(report(row)?.keys));
    text.many("node_keys", "Keys of the node, in all databases.", keys);
    let memory = of(&|row| Some(report(row)?.memory));
    text.many("node_used_memory_bytes", "Memory that the node uses (used_memory).", memory);
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn one(&mut self, name: &str, help: &str, value: impl Display) {
        self.many(name, help, [(String::new(), value)]);
    }

    fn many<V: Display>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (String, V)>,
    ) {
        self.0 += &format!("# HELP rcluster_{name} {help}\n# TYPE rcluster_{name} gauge\n");
        for (labels, value) in values {
            // Text takes whatever is written to it.
            let _ = writeln!(self.0, "rcluster_{name}{labels} {value}");
        }
    }
}

fn labels(pairs: &[(&str, &str)]) -> String {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs = pairs.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
}
