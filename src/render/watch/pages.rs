//! Pages over the whole screen: help, a node's details, all problems. Lines of any length.

use itertools::Itertools;

use super::line::Line;
use super::numbers::{bytes, clock, count, seconds};
use super::rows::Mood;
use crate::model::{Flag, NodeId};
use crate::render::json::{WatchJson, WatchNodeJson, WatchProblemJson, WatchShardJson};

const HELP: [&str; 20] = [
    "↑ ↓ j k      select a node (Page Up, Page Down, Home, End)",
    "Enter        show the node's details",
    "Tab          show all problems, each with its fix",
    "s            sort by shard, ops/s, memory, keys, clients, lag, name",
    "/            filter by address, id, state, version or zone; Esc clears it",
    "p            pause: the screen stays, and the next p shows the newest",
    "? Esc        open and close this page",
    "q Ctrl-C     quit",
    "",
    "Letters in the strip are the shards of the table, in their colors; they stay.",
    "!  slots without an owner    >  slots on their way (blinks)",
    "",
    "Ops/s        commands a second, without those of watch",
    "In/s Out/s   bytes a second from and to clients, without those of watch",
    "Memory       used_memory/maxmemory",
    "Lag          how far a replica is behind: bytes, and seconds since it",
    "             acknowledged them",
    "no reply     the node accepts connections, but hangs",
    "unreachable  the node cannot be asked; its details say why",
    "Times are UTC.",
];

/// What fills the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Screen {
    #[default]
    Main,
    Help,
    Details,
    Problems,
}

/// The lines of a page.
pub(super) fn page(screen: Screen, shown: &WatchJson, selected: Option<NodeId>) -> Vec<Line> {
    match screen {
        Screen::Main => Vec::new(),
        Screen::Help => HELP.map(Line::plain).into(),
        Screen::Details => details(shown, selected),
        Screen::Problems => problems(shown),
    }
}

pub(super) fn title(screen: Screen) -> &'static str {
    match screen {
        Screen::Main => "",
        Screen::Help => "Help",
        Screen::Details => "Node",
        Screen::Problems => "Problems",
    }
}

/// A problem's line with its times, and its fix below.
pub(super) fn problem_lines(problem: &WatchProblemJson) -> Vec<Line> {
    let since = clock(&problem.since);
    let lasted = seconds(problem.seconds);
    let text = problem.problem.line();
    let Some(until) = &problem.until else {
        let mood = if problem.problem.is_error() { Mood::Bad } else { Mood::Warn };
        let head = Line::toned(format!("{since} ({lasted}) {text}"), mood);
        let fix = problem.problem.fix.iter().map(|fix| Line::command(format!("  fix: {fix}")));
        return [head].into_iter().chain(fix).collect();
    };
    vec![Line::dim(format!("{since}-{} ({lasted}) gone: {text}", clock(until)))]
}

fn problems(shown: &WatchJson) -> Vec<Line> {
    let lines = shown.problems.iter().flat_map(problem_lines).collect_vec();
    if lines.is_empty() { vec![Line::plain("no problems so far")] } else { lines }
}

fn details(shown: &WatchJson, selected: Option<NodeId>) -> Vec<Line> {
    let shards = shown.shards.iter();
    let found = shards.flat_map(|shard| nodes(shard).map(move |node| (shard, node)));
    let mut found = found.filter(|(_, node)| Some(node.node.id) == selected);
    let Some((shard, node)) = found.next() else {
        return vec![Line::plain("the node is no longer part of the cluster")];
    };
    let is_master = shard.master.as_ref().is_some_and(|master| master.node.id == node.node.id);
    let mut lines = Vec::new();
    for (name, value) in facts(shard, node, is_master) {
        lines.push(Line::plain(&format!("{name:<13}{value}")));
    }
    let name = node.node.name();
    let named = shown.problems.iter().filter(|found| found.problem.nodes.contains(&name));
    let problems = named.flat_map(problem_lines).collect_vec();
    if !problems.is_empty() {
        lines.push(Line::plain(""));
        lines.extend(problems);
    }
    lines
}

fn nodes(shard: &WatchShardJson) -> impl Iterator<Item = &WatchNodeJson> {
    shard.master.iter().chain(&shard.replicas)
}

/// What is known of it, by name.
fn facts(
    shard: &WatchShardJson,
    node: &WatchNodeJson,
    is_master: bool,
) -> Vec<(&'static str, String)> {
    let mut facts = vec![("address", node.node.name()), ("id", node.node.id.to_string())];
    let master = shard.master.as_ref().map(|master| master.node.name());
    facts.push(match is_master {
        true => ("role", "master".to_owned()),
        false => ("replica of", master.unwrap_or_else(|| "an unknown master".to_owned())),
    });
    if is_master {
        let slots =
            if shard.slots.is_empty() { String::new() } else { format!(" ({})", shard.slots) };
        facts.push(("slots", format!("{}{slots}", shard.slot_count)));
        let replicas = shard.replicas.iter().map(|replica| replica.node.name()).join(", ");
        facts.push(("replicas", if replicas.is_empty() { "none".to_owned() } else { replicas }));
    }
    let flags = node.flags.iter().map(Flag::name).join(", ");
    facts.push(("flags", if flags.is_empty() { "none".to_owned() } else { flags }));
    let mut add = |name, value: Option<String>| facts.extend(value.map(|value| (name, value)));
    add("unreachable", node.why.clone());
    add("for", node.unreachable_seconds.map(seconds));
    add("version", node.version.clone());
    add("zone", node.zone.clone());
    add("uptime", node.uptime_seconds.map(seconds));
    add("keys", node.keys.map(|keys| keys.to_string()));
    let memory = node.used_memory.map(|used| bytes(used as f64));
    let most = node.max_memory.map_or_else(|| "no limit".to_owned(), |most| bytes(most as f64));
    add("memory", memory.map(|used| format!("{used} of {most}")));
    add("clients", node.clients.map(|clients| clients.to_string()));
    add("ops/s", node.ops.map(count));
    let traffic = node.network_in.zip(node.network_out);
    add("network", traffic.map(|(i, o)| format!("{}/s in, {}/s out", bytes(i), bytes(o))));
    add("link", node.link.map(str::to_owned));
    add("behind", node.lag_bytes.map(|behind| format!("{behind} bytes")));
    add("last seen", node.lag_seconds.map(|since| format!("{} ago by its master", seconds(since))));
    add("reported", node.age.map(|age| format!("{age} s ago")));
    facts
}
