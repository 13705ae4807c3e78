//! The one table that everything is printed in, at most 80 columns wide.

use super::measure::Spread;

/// What something is measured in.
#[derive(Clone, Copy, Debug)]
pub enum Unit {
    Seconds,
    Milliseconds,
    Megabytes,
    Rate,
    Percent,
}

impl Unit {
    /// A value as a few digits, from seconds or bytes.
    pub fn show(self, value: f64) -> String {
        match self {
            Unit::Seconds => format!("{value:.2} s"),
            Unit::Milliseconds => format!("{:.2} ms", value * 1e3),
            Unit::Percent => format!("{:.1} %", value * 100.0),
            Unit::Rate => format!("{value:.0}/s"),
            Unit::Megabytes => format!("{:.2} MB", value / 1e6),
        }
    }
}

fn line(cells: [&str; 7]) {
    let [what, ours, theirs, ratio, spread, goal, verdict] = cells;
    let line =
        format!("{what:<26} {ours:>9} {theirs:>9} {ratio:>6} {spread:>9} {goal:>7} {verdict}");
    println!("{}", line.trim_end());
}

pub fn header() {
    line(["", "rcluster", "redis-cli", "ratio", "quartiles", "goal", ""]);
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "missed" }
}

/// Both tools, and the goal for the ratio, where there is one.
pub fn compared(what: &str, unit: Unit, pairs: &[(f64, f64)], goal: Option<f64>) {
    let ours = Spread::of(pairs.iter().map(|pair| pair.0)).median;
    let theirs = Spread::of(pairs.iter().map(|pair| pair.1)).median;
    let ratio = Spread::of_ratios(pairs);
    line([
        what,
        &unit.show(ours),
        &unit.show(theirs),
        &format!("{:.3}", ratio.median),
        &format!("{:.2}-{:.2}", ratio.low, ratio.high),
        &goal.map_or_else(|| "-".to_owned(), |goal| format!("<= {goal:.2}")),
        goal.map_or("", |goal| verdict(ratio.median <= goal)),
    ]);
}

/// Ours alone, and the most that it should be.
pub fn alone(what: &str, unit: Unit, value: f64, goal: f64) {
    let most = unit.show(goal);
    let (number, unit_name) = most.split_once(' ').unwrap_or((&most, ""));
    let number = number.trim_end_matches('0').trim_end_matches('.');
    let goal_text = format!("< {number} {unit_name}");
    line([what, &unit.show(value), "", "", "", &goal_text, verdict(value < goal)]);
}

/// A line of ours that has no goal.
pub fn detail(what: &str, unit: Unit, ours: f64) {
    line([&format!("  {what}"), &unit.show(ours), "", "", "", "", ""]);
}
