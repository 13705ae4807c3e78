//! `rcluster watch`

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use clap::Args;

use super::args::{ZoneArgs, Zones, duration};
use super::flow::Context;
use crate::model::{NodeAddr, NodeList};
use crate::ops::watch::{Tick, Watcher};
use crate::ops::{Interrupt, clock};
use crate::plan::check::{Problem, check};
use crate::plan::live::{History, Look};
use crate::render::watch::{End, Event, State, refusal, release, run};
use crate::render::{Failure, Seen, Ui, Usage, WatchJson, exit, watch_json};

/// How long the view may take to end after a signal.
const GRACE: Duration = Duration::from_secs(1);

/// Show the cluster live
///
/// State, slots, load, replication lag, problems with their fixes, and slots on their way. Every node
/// is asked once at each tick; a node that hangs is shown as such. ? lists the keys.
///
/// With --json: one JSON document per line and tick.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster watch 127.0.0.1:7001\n\
    \x20 rcluster watch 127.0.0.1:7001 --interval 200ms\n\
    \x20 rcluster watch 127.0.0.1:7001 --json --count 10 | jq .ops")]
pub struct Watch {
    /// Any node of the cluster
    entry: NodeList,
    /// The time between two ticks
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    interval: Duration,
    /// End after N ticks
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    #[command(flatten)]
    zones: ZoneArgs,
}

impl Watch {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        if let Some(why) = refusal().filter(|_| !cx.ui.wants_json()) {
            return Err(Usage::new(format!("watch needs a terminal: {why}"))
                .hint(format!("for a program: rcluster watch {} --json --count 1", self.entry))
                .into());
        }
        let due = Instant::now() + self.interval;
        let (source, unknown) = Source::new(&self, cx)?;
        for addr in unknown {
            cx.warn(&format!("a zone is named for {addr}, which is no node of this cluster"));
        }
        match cx.ui.wants_json() {
            true => self.print(source, due),
            false => self.show(cx, source, due),
        }
    }

    /// A line a tick, for as long as somebody reads them.
    fn print(&self, mut source: Source, mut due: Instant) -> Result<u8, Failure> {
        let (mut tick, mut printed) = (source.last.clone(), 1);
        while source.ui.print_json_line(&tick)? && self.count.is_none_or(|most| printed < most) {
            due = after(due, self.interval);
            tick = source.newest();
            printed += 1;
        }
        Ok(exit::OK)
    }

    fn show(&self, cx: &Context, source: Source, due: Instant) -> Result<u8, Failure> {
        let interrupt = cx.interrupt()?;
        let state = State::new(source.last.clone(), clock());
        let ticks = self.in_background(source, due)?;
        let late = interrupt.clone();
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || obey_late(&late))
            .map_err(Failure::system)?;
        let is_signalled = || interrupt.signal().is_some();
        let end = run(state, &ticks, cx.ui.has_color(), is_signalled)?;
        if end == End::Signal {
            interrupt.obey();
        }
        Ok(exit::OK)
    }

    /// Ticks as they come; the screen waits for none of them.
    fn in_background(
        &self,
        mut source: Source,
        mut due: Instant,
    ) -> Result<Receiver<Event>, Failure> {
        let (sender, ticks) = sync_channel(1);
        let (interval, count) = (self.interval, self.count);
        let work = move || {
            let mut shown = 1;
            while count.is_none_or(|count| shown < count) {
                due = after(due, interval);
                let tick = Box::new(source.newest());
                if sender.send(Event::Tick(tick, clock())).is_err() {
                    return;
                }
                shown += 1;
            }
            // The last one is to be seen for as long as the others.
            after(due, interval);
        };
        std::thread::Builder::new()
            .name("watch".to_owned())
            .spawn(work)
            .map_err(Failure::system)?;
        Ok(ticks)
    }
}

/// Ends the process after a signal if the view does not: a terminal that takes nothing any more, as
/// over a connection that hangs, holds it in the middle of a frame.
fn obey_late(interrupt: &Interrupt) {
    while !interrupt.is_older_than(GRACE) {
        std::thread::sleep(GRACE / 4);
    }
    release();
    interrupt.obey();
}

/// Waits until then; gives when the next tick is due, which is now where that has passed.
fn after(due: Instant, interval: Duration) -> Instant {
    std::thread::sleep(due.saturating_duration_since(Instant::now()));
    (due + interval).max(Instant::now())
}

/// Where ticks come from.
struct Source {
    watcher: Watcher,
    history: History,
    last: WatchJson,
    zones: Zones,
    ui: Ui,
}

impl Source {
    /// Also the addresses of zones that no node has.
    fn new(watch: &Watch, cx: &Context) -> Result<(Source, Vec<NodeAddr>), Failure> {
        let mut watcher = Watcher::new(&watch.entry, &cx.access, watch.interval)?;
        let (zones, mut history) = (watch.zones.read()?, History::default());
        let tick = watcher.tick(&BTreeMap::new())?;
        let (last, unknown) = look(tick, &watcher, &mut history, &zones, &cx.ui);
        Ok((Source { watcher, history, last, zones, ui: cx.ui.clone() }, unknown))
    }

    /// What is seen now; where no node replies, what was seen last.
    fn newest(&mut self) -> WatchJson {
        match self.watcher.tick(&self.history.to_count()) {
            Ok(tick) => {
                let Source { watcher, history, zones, ui, .. } = self;
                self.last = look(tick, watcher, history, zones, ui).0;
                self.last.clone()
            }
            Err(error) => self.last.clone().without_replies(&error.to_string(), clock()),
        }
    }
}

/// What a tick comes to; also the addresses of zones that no node has.
fn look(
    tick: Tick,
    watcher: &Watcher,
    history: &mut History,
    zones: &Zones,
    ui: &Ui,
) -> (WatchJson, Vec<NodeAddr>) {
    let Tick { mut cluster, readings, silent } = tick;
    let unknown = zones.apply(&mut cluster);
    let runnable = |problem: Problem| Problem {
        fix: problem.fix.as_ref().map(|fix| ui.runnable(fix)),
        ..problem
    };
    let problems = check(&cluster).into_iter().map(runnable).collect();
    let (at, clock) = (watcher.elapsed(), clock());
    history.see(Look { cluster: &cluster, readings: &readings, problems, at, clock });
    let silent = silent.into_iter().map(|(addr, silence)| (addr, (silence.since, silence.hangs)));
    let seen = Seen {
        cluster: &cluster,
        readings: &readings,
        silent: silent.collect(),
        history,
        at,
        clock,
    };
    (watch_json(&seen), unknown)
}
