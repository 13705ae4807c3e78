//! The servers' own moves: `CLUSTER MIGRATESLOTS` of Valkey 9 and `CLUSTER MIGRATION IMPORT` of
//! Redis 8.4. A slot changes hands in one step, or not at all.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use itertools::Itertools;

use super::capability::rehearse_route;
use super::classic::Classic;
use super::migration::{Migration, Mover, turns};
use super::{MigrateError, Obstacle, epoch, scheduler};
use crate::model::SlotSet;
use crate::ops::interrupt::Interrupt;
use crate::ops::wait::Deadline;
use crate::plan::transfer::{Route, Transfer};
use crate::wire::{MigrationSupport, Server, Task, WireError};

/// The shortest and the longest pause between two looks at a task.
const PAUSES: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(20));

/// A task that neither changes its state nor has anything arrive at its target for so long is
/// cancelled.
const STALLED: Duration = Duration::from_secs(120);

/// How often what has arrived is looked at.
const POLL: Duration = Duration::from_secs(2);

/// Less than this is the talk of looking.
const TALK: u64 = 10_000;

/// The state of a task that came to nothing by itself.
const FAILED: &str = "failed";

/// How long the servers of a move may be out of reach.
const SILENT: Duration = Duration::from_secs(5);

/// How long a cancelled task may take to come to its end.
const CANCEL: Duration = Duration::from_secs(5);

pub(super) struct Atomic<'p> {
    pub support: MigrationSupport,
    /// All that this run moves: what else a source sends is somebody else's.
    pub plan: &'p Transfer,
    /// Routes whose servers could not do it.
    pub fallen: Mutex<Vec<Route>>,
}

impl Mover for Atomic<'_> {
    /// Redis has one task a node; Valkey any number, but see [`turns`].
    fn excludes(&self, one: &Route, other: &Route) -> bool {
        let nodes = |route: &Route| [route.from, route.to];
        let meet = || nodes(one).iter().any(|id| nodes(other).contains(id));
        turns(one, other) || self.support == MigrationSupport::Import && meet()
    }

    fn carry(&self, migration: &Migration, route: &Route) -> Result<(), MigrateError> {
        let (mut source, mut target) =
            (migration.connect(route.from)?, migration.connect(route.to)?);
        epoch::await_known(migration, route, &mut source, &mut target)?;
        let id = match self.begin(route, &mut source, &mut target) {
            Err(error) if error.refusal().is_some_and(is_not_for_us) => {
                self.fall_back(migration, route, &error.to_string());
                return Ok(());
            }
            // Its answer was lost: whether there is such a task the servers will tell.
            Err(error) if error.refusal().is_none() => None,
            begun => begun?,
        };
        migration.looks_at(route.to, &mut target);
        let task = Attempt { route, id, source: &mut source, target: &mut target, atomic: self };
        let task = match task.until_over(migration) {
            Ok(task) => task,
            // What the nodes say of it is lost, not what became of the slots.
            Err(error) => match owns(&mut target, &route.slots) {
                true => return arrived(migration, route, &mut target),
                false => {
                    migration.changed();
                    return Err(error);
                }
            },
        };
        if task.succeeded() {
            return arrived(migration, route, &mut target);
        }
        if let Some(stop) = migration.stopped() {
            if !task.is_over {
                migration.leave_open(&route.slots);
            }
            return Err(stop);
        }
        // It may lack a login, a right or a version at the other end, and says so in its log only.
        if task.state == FAILED {
            self.fall_back(migration, route, &task.message);
            return Ok(());
        }
        Err(MigrateError::Failed {
            from: source.addr().clone(),
            to: target.addr().clone(),
            slots: route.slots.summary(),
            state: task.state,
            message: task.message,
        })
    }
}

fn owns(target: &mut Server, slots: &SlotSet) -> bool {
    target.view().is_ok_and(|view| slots.difference(&view.me().slots).is_empty())
}

/// Counted before anything else is asked: how many keys it were is nice to know.
fn arrived(migration: &Migration, route: &Route, target: &mut Server) -> Result<(), MigrateError> {
    migration.arrived(route.to, &route.slots, 0);
    let keys = target.keys_in(&route.slots).unwrap_or(0);
    migration.looks_at(route.to, target);
    migration.count_keys(keys);
    Ok(())
}

/// Whether a server lets us not even ask for it.
fn is_not_for_us(said: &str) -> bool {
    matches!(Obstacle::of(said), Obstacle::Rights | Obstacle::NoCommand)
}

impl Atomic<'_> {
    /// The route is to go by SETSLOT and MIGRATE.
    fn fall_back(&self, migration: &Migration, route: &Route, said: &str) {
        let name = |id| migration.report.name(id);
        migration.tally.note(format!(
            "{} cannot move slots to {} by itself, so SETSLOT and MIGRATE are used: {said}",
            name(route.from),
            name(route.to)
        ));
        let mut fallen = self.fallen.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        fallen.push(route.clone());
    }

    /// Moves what fell back, once no server of it moves anything by itself any more: Valkey takes no
    /// SETSLOT as long as it does, and clears away what had come after it has told of a failure.
    pub fn finish(self, migration: &Migration) -> Result<(), MigrateError> {
        let routes = self.fallen.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        for route in &routes {
            let (mut source, mut target) =
                (migration.connect(route.from)?, migration.connect(route.to)?);
            let deadline = Deadline::after(CANCEL, Interrupt::default());
            for server in [&mut source, &mut target] {
                // Who is busy longer than that refuses the rehearsal.
                deadline.together().until_empty(|| {
                    let tasks = server.tasks(self.support)?.into_iter();
                    Ok::<_, WireError>(tasks.filter(|task| !task.is_over).collect())
                })?;
            }
            rehearse_route(migration.report, route, &mut source, &mut target)?;
        }
        scheduler::carry(&Classic { resumed: false }, migration, &routes)
    }

    /// Asks for the move; gives its id where the server gives one.
    fn begin(
        &self,
        route: &Route,
        source: &mut Server,
        target: &mut Server,
    ) -> Result<Option<String>, WireError> {
        match self.support {
            MigrationSupport::Import => target.import_slots(&route.slots).map(Some),
            _ => source.migrate_slots(&route.slots, route.to).map(|()| None),
        }
    }
}

/// A move under way.
struct Attempt<'a> {
    route: &'a Route,
    id: Option<String>,
    source: &'a mut Server,
    target: &'a mut Server,
    atomic: &'a Atomic<'a>,
}

impl Attempt<'_> {
    /// Waits for the end of a task, which a signal, a failure that Redis would try again, or a
    /// standstill brings about.
    fn until_over(mut self, migration: &Migration) -> Result<Task, MigrateError> {
        let mut pause = PAUSES.0;
        let (mut seen, mut moving, mut looked) = (String::new(), Instant::now(), Instant::now());
        let mut taken = self.target.bytes_in().unwrap_or(0);
        let (mut cancelled, mut why): (Option<Instant>, Option<String>) = (None, None);
        let mut heard = Instant::now();
        loop {
            let mut task = match self.look() {
                // A connection that broke is made anew; the move goes on without us meanwhile.
                Err(MigrateError::Wire(error))
                    if error.refusal().is_none()
                        && heard.elapsed() < SILENT
                        && migration.stopped().is_none() =>
                {
                    std::thread::sleep(PAUSES.1);
                    continue;
                }
                looked => looked?,
            };
            heard = Instant::now();
            if task.state == FAILED {
                why.get_or_insert_with(|| self.reasons(&task));
            }
            // Redis is told to try a failed task no more, and calls it cancelled then.
            if let Some(why) = &why {
                (task.state, task.message) = (FAILED.to_owned(), why.clone());
            }
            let is_late = cancelled.is_some_and(|at| at.elapsed() > CANCEL);
            if task.is_over || is_late {
                return Ok(task);
            }
            if task.state != seen {
                seen.clone_from(&task.state);
                moving = Instant::now();
            }
            let ends = migration.stopped().is_some() || task.failed() || moving.elapsed() > STALLED;
            if ends && cancelled.is_none() {
                match self.cancel() {
                    // Asked again over a new connection.
                    Err(MigrateError::Wire(error)) if error.refusal().is_none() => {}
                    // Refused, it goes on to its end, for which a stopped run does not wait.
                    Ok(()) | Err(_) => cancelled = Some(Instant::now()),
                }
            }
            if looked.elapsed() > POLL {
                looked = Instant::now();
                let now = self.target.bytes_in().unwrap_or(taken);
                if now > taken + TALK {
                    moving = looked;
                }
                taken = now;
                let slots = self.route.slots.summary();
                migration.tally.waits(format!("{slots}: {}", task.state));
            }
            std::thread::sleep(pause);
            pause = (pause * 3 / 2).min(PAUSES.1);
        }
    }

    /// What both ends say of a failure; one may only know that it lost the other.
    fn reasons(&mut self, task: &Task) -> String {
        let support = self.atomic.support;
        let ends = [&mut *self.source, &mut *self.target];
        let others = ends.into_iter().filter_map(|end| {
            let tasks = end.tasks(support).ok()?;
            let same = |other: &Task| other.slots == task.slots && other.to == task.to;
            Some(tasks.into_iter().find(same)?.message)
        });
        let all = std::iter::once(task.message.clone()).chain(others);
        all.filter(|message| !message.is_empty()).unique().join("; ")
    }

    /// Cancels this task and no other. Valkey cancels all that a source sends, so where somebody
    /// else's are among them ours goes on to its end.
    fn cancel(&mut self) -> Result<(), MigrateError> {
        if let Some(id) = &self.id {
            return Ok(self.target.cancel_import(id)?);
        }
        let tasks = self.source.tasks(self.atomic.support)?;
        let is_ours = |task: &Task| {
            let mut routes = self.atomic.plan.routes.iter();
            routes.any(|route| task.to == Some(route.to) && task.slots == route.slots)
        };
        let mut sent =
            tasks.iter().filter(|task| !task.is_over && task.from == Some(self.route.from));
        if sent.all(is_ours) {
            self.source.cancel_exports()?;
        }
        Ok(())
    }

    fn look(&mut self) -> Result<Task, MigrateError> {
        let (route, id, support) = (self.route, self.id.as_deref(), self.atomic.support);
        let is_it = |task: &Task| match id {
            Some(id) => task.id.as_deref() == Some(id),
            // The newest comes first, and only we asked for these slots.
            None => task.to == Some(route.to) && task.slots == route.slots,
        };
        // A source of Valkey that gave its last slot away forgets its tasks, as it loads the data
        // of its new master.
        let ends: [&mut Server; 2] = match support {
            MigrationSupport::Import => [&mut *self.target, &mut *self.source],
            _ => [&mut *self.source, &mut *self.target],
        };
        let asked = ends[0].addr().clone();
        for end in ends {
            if let Some(task) = end.tasks(support)?.into_iter().find(is_it) {
                if support == MigrationSupport::Import {
                    self.id.clone_from(&task.id);
                }
                return Ok(task);
            }
        }
        Err(MigrateError::Odd {
            node: asked,
            command: "the list of its slot migrations",
            said: format!("{} is not in it", route.slots.summary()),
        })
    }
}
