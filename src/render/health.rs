//! A cluster as it is: problems, nodes and totals, as text.

use console::Style;
use indicatif::HumanBytes;
use itertools::Itertools;

use super::json::{ClusterJson, InfoJson, MasterInfoJson, NodeJson, totals};
use super::legacy;
use super::table::{Table, wrapped};
use super::ui::{Manner, Ui};
use crate::model::{ClusterReport, NodeAddr, SLOTS, SlotSet};
use crate::plan::check::{Ignored, Kind, Problem, Severity, is_healthy};

/// The verdict, one line of totals, and each problem with what mends it.
pub fn health_text(ui: &Ui, cluster: &ClusterReport, problems: &[Problem], strict: bool) -> String {
    if ui.manner() != Manner::Own {
        return legacy::check(cluster, problems, true);
    }
    let ClusterJson { size, known_nodes, slots_covered, current_epoch, .. } = totals(cluster);
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    let warnings = problems.len() - errors;
    let counted =
        [(errors, "error"), (warnings, "warning")].into_iter().filter(|(count, _)| *count > 0);
    let counted =
        counted.map(|(count, word)| format!("{count} {word}{}", plural(count))).join(", ");
    let verdict = match (is_healthy(problems, strict), counted.is_empty()) {
        (true, true) => ui.paint("✓ healthy", Style::new().green().bold()),
        (true, false) => {
            format!("{} ({counted})", ui.paint("✓ healthy", Style::new().green().bold()))
        }
        (false, _) => {
            format!("{} ({counted})", ui.paint("✗ unhealthy", Style::new().red().bold()))
        }
    };
    let replicas = known_nodes - size.min(known_nodes);
    let counts = format!(
        "  {size} master{} with slots, {replicas} other node{}, {slots_covered} of {SLOTS} slots covered, epoch {current_epoch}",
        plural(size),
        plural(replicas),
    );
    let mut text = format!("{verdict}\n{}\n", wrapped(&counts));
    for problem in problems {
        let label = match problem.severity {
            Severity::Error => ui.paint("error", Style::new().red().bold()),
            Severity::Warning => ui.paint("warning", Style::new().yellow().bold()),
        };
        text += &format!("{}\n", wrapped(&format!("{label}: {}", problem.message)));
        if let Some(fix) = &problem.fix {
            // One line however long, to be copied.
            text += &format!("  fix: {}\n", ui.paint(fix, Style::new().cyan()));
        }
    }
    text
}

/// What does not count, a line for each kind and reason.
pub fn ignored_text(ignored: &[Ignored]) -> String {
    let kinds = ignored.iter().map(|ignored| (ignored.problem.kind, &ignored.reason));
    let counted = kinds.sorted().dedup_with_count();
    let line = |(count, (kind, reason)): (usize, (Kind, &String))| {
        let text = format!("ignored: {count} {}: {reason}", kind.name());
        format!("{}\n", wrapped(&text))
    };
    counted.map(line).collect()
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// A table with as many slots told as it has room for; `table` makes it with this many columns
/// for them.
fn with_slots(table: impl Fn(usize) -> Table) -> String {
    table(32).or_if_too_wide(|| table(22)).or_if_too_wide(|| table(0)).to_string()
}

fn slots_cell(slots: &SlotSet, columns: usize) -> String {
    if slots.is_empty() { "-".to_owned() } else { slots.short(columns) }
}

/// A row a node, replicas under their master.
pub fn nodes_text(cluster: &ClusterReport, rows: &[NodeJson]) -> String {
    with_slots(|columns| nodes_table(cluster, rows, columns))
}

fn nodes_table(cluster: &ClusterReport, rows: &[NodeJson], columns: usize) -> Table {
    let mut headers = vec!["Node", "Id", "Role", "Slots", ">Epoch", "State"];
    let is_mapped = rows.iter().any(|row| row.outer.is_some());
    headers.extend(is_mapped.then_some("Reached at"));
    let mut table = Table::new(&headers);
    for row in rows {
        let name = row.addr.as_ref().map_or_else(|| "no address".to_owned(), NodeAddr::to_string);
        let answers = cluster.node(row.id).is_some();
        let state = row.flags.iter().map(|flag| flag.name().to_owned());
        let state = state.chain((!answers).then(|| "unreachable".to_owned())).join(", ");
        let mut cells = vec![
            if row.master_id.is_some() { format!("└ {name}") } else { name },
            row.id.short(),
            row.role.to_owned(),
            slots_cell(&row.slots, columns),
            row.epoch.to_string(),
            if state.is_empty() { "ok".to_owned() } else { state },
        ];
        let outer = row.outer.as_ref().map(NodeAddr::to_string);
        cells.extend(is_mapped.then(|| outer.unwrap_or_default()));
        table.row(cells);
    }
    table
}

pub fn info_text(info: &InfoJson) -> String {
    let of_version = |master: &MasterInfoJson| Some((master.version.clone()?, name(master)));
    let versions = info.masters.iter().filter_map(of_version).into_group_map();
    let table = with_slots(|columns| masters_table(info, columns));
    let ClusterJson { state, known_nodes, slots_covered, current_epoch, .. } = &info.cluster;
    let counts = format!(
        "{} key{}, {:.2} a slot, {} in use by masters{}",
        info.keys,
        plural(info.keys as usize),
        info.keys_per_slot,
        memory(info.used_memory),
        // Several are told with whose they are; nobody knows one where no master answers.
        match versions.keys().collect_vec()[..] {
            [version] => format!(" of {version}"),
            _ => String::new(),
        },
    );
    let mixed = versions.iter().filter(|_| versions.len() > 1).sorted_unstable();
    let mixed = mixed
        .map(|(version, masters)| wrapped(&format!("{version}: {}", masters.join(", "))) + "\n");
    format!(
        "{table}\n{}\n{}\
         cluster_state:{state}, {known_nodes} node{}, {slots_covered} of {SLOTS} slots covered, epoch {current_epoch}\n",
        wrapped(&counts),
        mixed.collect::<String>(),
        plural(*known_nodes),
    )
}

fn name(master: &MasterInfoJson) -> String {
    master.addr.as_ref().map_or_else(|| master.id.short(), NodeAddr::to_string)
}

fn masters_table(info: &InfoJson, columns: usize) -> Table {
    let headers = ["Master", "Id", ">Slots", "Ranges", ">Keys", ">Replicas", ">Memory"];
    let mut table = Table::new(&headers);
    let unknown = || "?".to_owned();
    for master in &info.masters {
        table.row([
            master.addr.as_ref().map_or_else(unknown, NodeAddr::to_string),
            master.id.short(),
            master.slot_count.to_string(),
            slots_cell(&master.slots, columns),
            master.keys.map_or_else(unknown, |keys| keys.to_string()),
            master.replicas.len().to_string(),
            master.used_memory.map_or_else(unknown, memory),
        ]);
    }
    table
}

fn memory(bytes: u64) -> String {
    HumanBytes(bytes).to_string().replace("iB", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_agree() {
        let cluster = ClusterJson {
            state: "fail",
            size: 1,
            known_nodes: 1,
            slots_covered: 16_384,
            current_epoch: 1,
        };
        let mut info =
            InfoJson { cluster, keys: 1, keys_per_slot: 0.0, used_memory: 1, masters: Vec::new() };
        let text = info_text(&info);
        assert!(text.contains("1 key, 0.00 a slot, 1 B in use by masters\n"), "{text}");
        assert!(text.contains("cluster_state:fail, 1 node, 16384"), "{text}");
        (info.keys, info.cluster.known_nodes) = (2, 6);
        let text = info_text(&info);
        assert!(text.contains("2 keys") && text.contains("6 nodes"), "{text}");
    }
}
