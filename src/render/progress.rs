//! Progress on stderr: a bar for people, lines for programs.

use std::io::IsTerminal as _;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::Builder;
use std::time::Duration;

use console::Style;
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::json::EventJson;
use super::ui::{Manner, Ui};
use crate::ops::{Event, Observer};

/// How progress is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ProgressMode {
    /// A bar on a terminal, a line for each finished phase elsewhere
    Auto,
    /// One JSON event a line, on stderr
    Json,
    /// Nothing
    None,
}

/// Tells the user what a run is doing.
#[derive(Debug)]
pub struct Progress<'a> {
    ui: &'a Ui,
    mode: ProgressMode,
    bar: ProgressBar,
    /// What keeps the bar moving ends with this.
    _shown: Option<Sender<()>>,
}

/// How often a bar moves that hears of nothing.
const TICK: Duration = Duration::from_millis(100);

/// Keeps a bar moving. indicatif's own way panics where the system refuses a thread; here the bar
/// then moves with each event only.
fn keep_moving(bar: &ProgressBar) -> Option<Sender<()>> {
    if bar.is_hidden() {
        return None;
    }
    let (shown, over) = mpsc::channel();
    let bar = bar.clone();
    let tick = move || {
        while over.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
            if bar.length().is_some_and(|total| total > 0) {
                bar.tick();
            }
        }
    };
    Builder::new().spawn(tick).ok().map(|_| shown)
}

impl<'a> Progress<'a> {
    pub fn new(ui: &'a Ui, mode: ProgressMode) -> Progress<'a> {
        // Scripts for the old programs take a run that writes to stderr for a failure.
        let is_read_by_script = ui.manner() != Manner::Own && !std::io::stderr().is_terminal();
        let mode = if is_read_by_script { ProgressMode::None } else { mode };
        let target = match mode {
            ProgressMode::Auto => ProgressDrawTarget::stderr(),
            _ => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template(
            "  {spinner} {prefix} {bar:8} {pos}/{len} {wide_msg} {elapsed}",
        ) {
            bar.set_style(style.progress_chars("━╸ "));
        }
        let _shown = keep_moving(&bar);
        Progress { ui, mode, bar, _shown }
    }

    fn tell(&self, line: &str) {
        self.bar.suspend(|| self.ui.say(line));
    }
}

impl Observer for Progress<'_> {
    fn on(&self, event: Event) {
        match self.mode {
            ProgressMode::None => return,
            ProgressMode::Json => {
                if let Ok(line) = serde_json::to_string(&EventJson(&event)) {
                    self.ui.say(&line);
                }
                return;
            }
            ProgressMode::Auto => {}
        }
        match event {
            Event::Start { phase, total } if total > 0 => {
                self.bar.reset();
                self.bar.set_length(total as u64);
                self.bar.set_prefix(phase.summary());
                self.bar.set_message(phase.unit());
                self.bar.tick();
            }
            Event::Step { done, .. } => self.bar.set_position(done as u64),
            Event::Keys { phase, keys, bytes_per_s, left_s, .. } => {
                let left = humantime::format_duration(Duration::from_secs(left_s));
                let speed = HumanBytes(bytes_per_s);
                let counted = match phase.unit() {
                    "keys" => "keys".to_owned(),
                    unit => format!("{unit}, {keys} keys"),
                };
                self.bar.set_message(format!("{counted}, {speed}/s, {left} left"))
            }
            Event::Wait { phase, message } => {
                self.bar.set_message(format!("{}, waiting: {message}", phase.unit()))
            }
            Event::Done { phase, elapsed } if self.bar.length().is_some_and(|total| total > 0) => {
                let done = self.bar.position();
                self.bar.finish_and_clear();
                self.bar.set_length(0);
                let tick = self.ui.paint_err("✓", Style::new().green());
                self.tell(&format!(
                    "{tick} {} ({done}, {:.2} s)",
                    phase.summary(),
                    elapsed.as_secs_f64()
                ));
            }
            Event::Start { .. } | Event::Done { .. } => {}
            Event::Note { message } => self.tell(&format!("  {message}")),
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
