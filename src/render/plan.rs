//! A plan as a table, and as the redis-cli commands a person would type.

use console::Style;
use itertools::Itertools;

use super::json::{ApplyJson, ShardJson, StepJson, steps_json};
use super::legacy;
use super::table::{Table, wrapped};
use super::ui::{Manner, Ui};
use crate::model::NodeAddr;
use crate::plan::formation::TopologyPlan;
use crate::plan::layout::Verdict;

/// Where a table shows a shard's replicas.
#[derive(Clone, Copy, PartialEq)]
enum Replicas {
    /// In the shard's row.
    Beside,
    /// Each on a line of its own, the first one in the shard's row.
    Stacked,
    /// Under their master, for names that are too long to stand side by side.
    Below,
}

/// The planned cluster as a table: a row a shard, in the first form that fits.
pub fn layout_text(ui: &Ui, shards: &[ShardJson]) -> String {
    if let Manner::Old(dialect) = ui.manner() {
        return legacy::layout(shards, dialect);
    }
    let table = |replicas, columns| layout_table(shards, replicas, columns);
    table(Replicas::Beside, 24)
        .or_if_too_wide(|| table(Replicas::Stacked, 24))
        .or_if_too_wide(|| table(Replicas::Below, 24))
        .or_if_too_wide(|| table(Replicas::Below, 0))
        .to_string()
}

/// What makes a cluster as it is declared: a line a change, and the sum.
pub fn apply_text(plan: &ApplyJson) -> String {
    let lines = plan.changes.iter().map(|change| &*change.text);
    lines.chain([&*apply_sum(plan)]).join("\n")
}

/// How much it takes.
pub fn apply_sum(plan: &ApplyJson) -> String {
    let of = |count: usize, one: &str, more: &str| {
        format!("{count} {}", if count == 1 { one } else { more })
    };
    let slots = of(plan.slots_moved, "slot moves", "slots move");
    format!("{slots}, {}", of(plan.full_copies, "full copy", "full copies"))
}

/// `columns` is the room that a shard's slots may take.
fn layout_table(shards: &[ShardJson], form: Replicas, columns: usize) -> Table {
    let headers = ["Shard", "Master", "Slots", ">Count", "Replicas"];
    let below = form == Replicas::Below;
    let mut table = Table::new(if below { &headers[..4] } else { &headers });
    for (index, ShardJson { master, replicas }) in shards.iter().enumerate() {
        let mut row = vec![
            (index + 1).to_string(),
            master.addr.to_string(),
            master.slots.short(columns),
            master.slots.len().to_string(),
        ];
        let names = replicas.iter().map(|replica| replica.addr.to_string());
        let mut lines = match form {
            Replicas::Beside => vec![names.format(" ").to_string()],
            Replicas::Stacked => names.collect(),
            Replicas::Below => names.map(|name| format!("└ {name}")).collect(),
        }
        .into_iter();
        if !below {
            let first = lines.next().filter(|line| !line.is_empty());
            row.push(first.unwrap_or_else(|| "none".to_owned()));
        }
        table.row(row);
        let at = if below { 1 } else { 4 };
        for line in lines {
            table.row((0..at).map(|_| String::new()).chain([line]));
        }
    }
    table
}

/// How well a layout is placed: a line a level, the last left out, which is about taste.
pub fn verdicts_text(ui: &Ui, verdicts: &[Verdict]) -> String {
    let line = |verdict: &Verdict| {
        let mark = match verdict.met {
            true => ui.paint("✓", Style::new().green()),
            false => ui.paint("!", Style::new().yellow().bold()),
        };
        wrapped(&format!("{mark} {}", verdict.text)) + "\n"
    };
    verdicts.iter().take(3).map(line).collect()
}

/// The steps for a person, a line each; introductions are counted where they are many.
pub fn steps_text(plan: &TopologyPlan) -> String {
    let steps = steps_json(plan);
    let line = |step: &StepJson| format!("  {}  {}\n", step.node, step.command);
    if plan.unmet_pairs.len() <= 20 {
        return steps.iter().map(line).collect();
    }
    let (meets, rest): (Vec<_>, Vec<_>) =
        steps.iter().partition(|step| step.command.starts_with("CLUSTER MEET"));
    let rest: String = rest.into_iter().map(line).collect();
    format!("  {} introductions with CLUSTER MEET\n{rest}", meets.len())
}

/// What every script begins with: the lines that follow are commands as a person would type them,
/// and these see to it that one that fails ends the script.
const PRELUDE: &str = r#"#!/bin/sh
set -e

# redis-cli reports success even where the server refuses: only OK is a yes.
ok() {
  answer=$("$@") || exit 1
  [ "$answer" = OK ] || {
    printf '%.120s\nwas refused: %s\n' "$*" "$answer" >&2
    exit 1
  }
}

# Waits until so many nodes are known, for a minute or a little more.
known() {
  all=$1 rounds=600
  shift
  while nodes=$("$@") || exit 1
    [ "$(printf '%s\n' "$nodes" | grep -v handshake | grep -c ':')" -lt "$all" ]
  do
    rounds=$((rounds - 1))
    [ "$rounds" -gt 0 ] || {
      printf '%s\nstill does not know all %s nodes; are their bus ports open?\n' "$*" "$all" >&2
      printf '%s\n' "$nodes" >&2
      exit 1
    }
    sleep 0.1
  done
}
"#;

/// The plan as a shell script of plain redis-cli commands; `flags` go into each of them, a value
/// after its name and as it is between two quotes.
pub fn script(plan: &TopologyPlan, flags: &[String]) -> String {
    let flags = flags.iter().map(|flag| format!("{} ", for_shell(flag))).join("");
    let cli =
        |node: &NodeAddr| format!("redis-cli {flags}-h {} -p {}", node.shell_host(), node.port());
    let mut lines = vec![PRELUDE.to_owned()];
    let mut introduced = false;
    for StepJson { node, command } in steps_json(plan) {
        let meets = command.starts_with("CLUSTER MEET");
        if introduced && !meets {
            // Slots and roles can only be given out among nodes that know each other.
            introduced = false;
            let all = plan.members.len();
            let waits = plan.members.iter().map(|member| cli(&member.addr));
            lines.extend(waits.map(|cli| format!("known {all} {cli} CLUSTER NODES")));
        }
        introduced |= meets;
        lines.push(format!("ok {} {command}", cli(&node)));
    }
    lines.join("\n") + "\n"
}

/// `--user 'o'brien'` as a shell reads it: a quote within the value ends and begins it anew.
fn for_shell(flag: &str) -> String {
    let parts =
        flag.split_once(" '").and_then(|(name, rest)| Some((name, rest.strip_suffix('\'')?)));
    match parts {
        Some((name, value)) => format!("{name} '{}'", value.replace('\'', r"'\''")),
        None => flag.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{NodeId, SlotSet};
    use crate::render::Color;
    use crate::render::json::{MasterJson, PlaceJson};

    fn plain() -> Ui {
        Ui::new(false, Color::Never)
    }

    fn shards(hosts: [&str; 4]) -> Vec<ShardJson> {
        let id: NodeId = "a".repeat(40).parse().unwrap();
        let place = |host: &str| PlaceJson { id, addr: NodeAddr::new(host, 30001, None) };
        let [PlaceJson { id, addr }, replicas @ ..] = hosts.map(place);
        let master = MasterJson { id, addr, slots: SlotSet::all() };
        vec![ShardJson { master, replicas: replicas.into() }]
    }

    #[test]
    fn replicas_stand_where_80_columns_have_room_for_them() {
        let short = layout_text(&plain(), &shards(["a", "b", "c", "d"]));
        assert!(short.ends_with("16384  b:30001 c:30001 d:30001\n"), "{short}");
        let stacked =
            layout_text(&plain(), &shards(["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"]));
        assert_eq!(
            stacked.lines().skip(1).collect::<Vec<_>>(),
            [
                "1      10.0.0.1:30001  0-16383  16384  10.0.0.2:30001",
                "                                       10.0.0.3:30001",
                "                                       10.0.0.4:30001",
            ]
        );
        let below = layout_text(&plain(), &shards(["2001:db8:aaaa:bbbb:cccc:dddd:eeee:ff01"; 4]));
        assert_eq!(below.lines().filter(|line| line.starts_with("       └ [2001")).count(), 3);
        assert!(below.lines().all(|line| line.chars().count() <= 80), "{below}");
    }

    #[test]
    fn a_shell_reads_flags_as_they_were_given() {
        for value in ["/a b/ca.pem", "o'brien", "'", "", "$(echo no) `no` \\ \" !"] {
            let flag = for_shell(&format!("--user '{value}'"));
            let script = format!("printf '%s|' {flag}");
            let told = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&told.stdout), format!("--user|{value}|"));
        }
        assert_eq!(for_shell("--tls"), "--tls");
    }
}
