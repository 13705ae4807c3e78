//! What is to be seen of a state, whatever the size of the screen.

use itertools::Itertools;

use super::line::{Line, Tone};
use super::numbers::{bytes, clock, count, seconds};
use super::pages::{Screen, problem_lines, title};
use super::rows::{Mood, Row, rows};
use super::state::State;
use super::strip::Strip;
use crate::model::SLOTS;
use crate::render::json::{WatchJson, WatchMoveJson, WatchShardJson};
use crate::render::map::sign;

/// Ticks that are older than this are said to be old.
const OLD: u64 = 5000;

/// Everything that a screen can have; a small one leaves some out.
#[derive(Debug)]
pub struct View<'a> {
    /// Parts of the first lines, what matters most first.
    pub(super) top: Vec<Line>,
    pub(super) strip: &'a Strip,
    /// Whether what blinks is lit.
    pub(super) lit: bool,
    pub(super) rows: Vec<Row>,
    pub(super) selected: Option<usize>,
    pub(super) moves: Vec<Line>,
    /// The lines of each problem.
    pub(super) problems: Vec<Vec<Line>>,
    /// Parts of the last line.
    pub(super) bottom: Vec<Line>,
    /// A page over all of it: its title, its lines, and which is the first.
    pub(super) page: Option<(&'static str, Vec<Line>, usize)>,
}

impl State {
    pub fn view(&self) -> View<'_> {
        let rows = rows(&self.shown, &self.numbers, &self.filter, self.sort);
        let is_selected = |row: &Row| row.id.is_some() && row.id == self.selected;
        View {
            top: top(self),
            strip: &self.strip,
            lit: self.lit,
            selected: rows.iter().position(is_selected),
            rows,
            moves: self.shown.moves.iter().map(|found| move_line(self, found)).collect(),
            problems: self.shown.problems.iter().map(problem_lines).collect(),
            bottom: bottom(self),
            page: (self.screen != Screen::Main)
                .then(|| (title(self.screen), self.page(), self.scroll)),
        }
    }
}

fn top(state: &State) -> Vec<Line> {
    let WatchJson { cluster, uncovered, problems, .. } = &state.shown;
    let mut top = Vec::new();
    if let Some(why) = &state.shown.unreachable {
        top.push(Line::toned(format!("no node replies: {why}"), Mood::Bad));
    }
    let is_ok = cluster.state == "ok" && uncovered.is_empty();
    let mood = |is_fine: bool| if is_fine { Mood::Fine } else { Mood::Bad };
    top.push(Line::toned(cluster.state.to_uppercase(), mood(is_ok)));
    let covered = format!("{}/{SLOTS} slots", cluster.slots_covered);
    top.push(Line {
        text: covered,
        tone: if is_ok { Tone::Plain } else { Tone::Of(mood(uncovered.is_empty())) },
    });
    let present = problems.iter().filter(|problem| problem.until.is_none());
    let (errors, warnings): (Vec<_>, Vec<_>) =
        present.partition(|problem| problem.problem.is_error());
    let number =
        |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    for (count, word, mood) in
        [(errors.len(), "error", Mood::Bad), (warnings.len(), "warning", Mood::Warn)]
    {
        if count > 0 {
            top.push(Line::toned(number(count, word), mood));
        }
    }
    if errors.is_empty() && warnings.is_empty() && state.shown.unreachable.is_none() {
        top.push(Line::toned("no problems".to_owned(), Mood::Fine));
    }
    let nodes = [(cluster.size, "master"), (state.shown.replicas, "replica")];
    let mut rest = nodes.map(|(count, word)| number(count, word)).to_vec();
    rest.extend(state.shown.ops.map(|ops| format!("{} ops/s", count(ops))));
    rest.push(format!("{} in use", bytes(state.shown.used_memory as f64)));
    rest.push(format!("{} keys", count(state.shown.keys as f64)));
    rest.push(format!("epoch {}", cluster.current_epoch));
    top.extend(rest.iter().map(|text| Line::plain(text)));
    top
}

fn bottom(state: &State) -> Vec<Line> {
    let time = clock(&state.shown.time);
    let age = state.now.saturating_sub(state.shown_at);
    let age = if age > OLD { format!(" {} old", seconds(age / 1000)) } else { String::new() };
    let warn = |text: String| Line::toned(text, Mood::Warn);
    if state.typing {
        return vec![
            warn(format!("filter: {}_", state.filter)),
            warn("(Enter keeps it, Esc clears it)".to_owned()),
        ];
    }
    let mut parts = vec![match (state.paused, age.is_empty()) {
        (true, _) => warn(format!("PAUSED at {time}{age}")),
        (false, false) => warn(format!("{time}{age}")),
        (false, true) => Line::dim(time.to_owned()),
    }];
    if !state.filter.is_empty() {
        parts.push(warn(format!("filter: {} (Esc)", state.filter)));
    }
    let sort = format!("s {}", state.sort.name());
    let keys = match state.screen {
        Screen::Main => {
            &["q quit", "? help", "Enter node", "Tab problems", &sort, "/ filter", "p pause"][..]
        }
        _ => &["q quit", "Esc back", "↑ ↓ scroll"],
    };
    parts.extend(keys.iter().map(|key| Line::dim((*key).to_owned())));
    parts
}

/// `A → D  64 slots on their way, 850/s  3.2k keys left, 9.8k/s  1s left  1024 moved  127.0.0.1:7001 → …`
fn move_line(state: &State, found: &WatchMoveJson) -> Line {
    let is_of = |shard: &WatchShardJson, id| {
        shard.master.as_ref().is_some_and(|master| master.node.id == id) && shard.slot_count > 0
    };
    let letter = |id| {
        let mut shards = state.numbers.iter().zip(&state.shown.shards);
        shards.find(|(_, shard)| is_of(shard, id)).map_or('-', |(number, _)| sign(*number))
    };
    let rate = |rate: f64| if rate > 0.0 { format!(", {}/s", count(rate)) } else { String::new() };
    let slots = found.slots.len();
    let mut parts = vec![format!("{} → {}", letter(found.from.id), letter(found.to.id))];
    if slots > 0 {
        let noun = if slots == 1 { "slot" } else { "slots" };
        parts.push(format!("{slots} {noun} on their way{}", rate(found.slots_per_second)));
    }
    parts.extend(found.state.clone());
    parts.extend(
        found
            .keys_left
            .map(|keys| format!("{} keys left{}", count(keys as f64), rate(found.keys_per_second))),
    );
    parts.extend(found.seconds_left.map(|left| format!("{} left", seconds(left.ceil() as u64))));
    parts.push(match slots {
        0 => format!("{} slots moved{}", found.moved, rate(found.slots_per_second)),
        _ => format!("{} moved", found.moved),
    });
    parts.push(format!("{} → {}", found.from.name(), found.to.name()));
    Line::plain(&parts.iter().join("  "))
}
