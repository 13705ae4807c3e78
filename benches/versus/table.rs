//! The one table that everything is printed in, at most 80 columns wide: the work, ours, the peer's,
//! their ratio with half the distance of its quartiles, the limit (what the servers or the system
//! take for the same alone), and the goal.

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

    /// The same without zeros at the end.
    fn round(self, value: f64) -> String {
        let shown = self.show(value);
        match shown.split_once(' ') {
            Some((number, unit)) if number.contains('.') => {
                format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
            }
            _ => shown,
        }
    }
}

fn line(cells: [&str; 7]) {
    let [work, ours, peer, ratio, limit, goal, verdict] = cells;
    let line = format!("{work:<24} {ours:>9} {peer:>9} {ratio:>10} {limit:>8} {goal:>8} {verdict}");
    println!("{}", line.trim_end());
}

pub fn header() {
    line(["work", "ours", "peer", "ratio", "limit", "goal", ""]);
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "missed" }
}

/// Both tools; the limit and the goal for the ratio, where there are any.
pub fn compared(
    work: &str,
    unit: Unit,
    pairs: &[(f64, f64)],
    limit: Option<f64>,
    goal: Option<f64>,
) {
    let ours = Spread::of(pairs.iter().map(|pair| pair.0)).median;
    let peer = Spread::of(pairs.iter().map(|pair| pair.1)).median;
    let ratio = Spread::of_ratios(pairs);
    line([
        work,
        &unit.show(ours),
        &unit.show(peer),
        &format!("{:.3} ±{:.0}%", ratio.median, 50.0 * (ratio.high - ratio.low) / ratio.median),
        &limit.map_or_else(String::new, |limit| unit.show(limit)),
        &goal.map_or_else(String::new, |goal| format!("≤ {goal}")),
        goal.map_or("", |goal| verdict(ratio.median <= goal)),
    ]);
}

/// Ours alone; the limit, if there is one, and the most that it should be.
pub fn alone(work: &str, unit: Unit, value: f64, limit: Option<f64>, goal: f64) {
    let limit = limit.map_or_else(String::new, |limit| unit.show(limit));
    let most = format!("≤ {}", unit.round(goal));
    line([work, &unit.show(value), "", "", &limit, &most, verdict(value <= goal)]);
}

/// A line of ours that has no goal.
pub fn detail(work: &str, unit: Unit, ours: f64) {
    line([&format!("  {work}"), &unit.show(ours), "", "", "", "", ""]);
}
