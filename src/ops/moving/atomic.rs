//! The servers' own moves: `CLUSTER MIGRATESLOTS` of Valkey 9 and `CLUSTER MIGRATION IMPORT` of
//! Redis 8.4. A slot changes hands in one step, or not at all.

use std::time::{Duration, Instant};

use super::classic::Classic;
use super::{MoveError, Mover, Run};
use crate::model::NodeAddr;
use crate::ops::event::{Event, Observer, Phase};
use crate::ops::wait::{Deadline, Waited};
use crate::plan::transfer::Route;
use crate::wire::{Ability, Server, Task, WireError, all_at_once};

/// The shortest and the longest pause between two looks at a task.
const PAUSES: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(20));

/// A task that neither changes its state nor has anything arrive at its target for so long is
/// cancelled.
const STALLED: Duration = Duration::from_secs(120);

/// How often what has arrived is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Less than this is the talk of looking.
const TALK: u64 = 10_000;

/// How long a cancelled task may take to come to its end.
const CANCEL: Duration = Duration::from_secs(10);

pub(super) struct Atomic {
    pub ability: Ability,
}

impl Mover for Atomic {
    /// Redis has one task a node; Valkey any number.
    fn excludes(&self, one: &Route, other: &Route) -> bool {
        let nodes = |route: &Route| [route.from, route.to];
        self.ability == Ability::Import && nodes(one).iter().any(|id| nodes(other).contains(id))
    }

    fn carry(&self, run: &Run, route: &Route) -> Result<(), MoveError> {
        let (mut source, mut target) = (run.connect(route.from)?, run.connect(route.to)?);
        run.changed();
        let id = match self.ability {
            Ability::Import => Some(target.import_slots(&route.slots)?),
            _ => {
                source.migrate_slots(&route.slots, route.to)?;
                None
            }
        };
        run.taken(route.to, target.bytes_in()?);
        let task = self.until_over(run, route, id.as_deref(), &mut source, &mut target)?;
        if task.succeeded() {
            let keys = target.keys_in(&route.slots)?;
            run.taken(route.to, target.bytes_in()?);
            run.arrived(&route.slots, keys);
            return Ok(());
        }
        if let Some(stop) = run.stopped() {
            return Err(stop);
        }
        if cannot_log_in(&task) {
            let (from, to) = (source.addr(), target.addr());
            run.tally.note(format!(
                "{from} cannot log in at {to} by itself (masterauth): its slots go by SETSLOT and MIGRATE"
            ));
            return Classic { resumed: false }.carry(run, route);
        }
        Err(failed(route, &task, source.addr(), target.addr()))
    }
}

/// Whether one server turned the other's credentials, or their lack, down: we have our own.
fn cannot_log_in(task: &Task) -> bool {
    ["NOAUTH", "WRONGPASS", "NOPERM"].iter().any(|word| task.message.contains(word))
}

fn failed(route: &Route, task: &Task, from: &NodeAddr, to: &NodeAddr) -> MoveError {
    MoveError::Failed {
        from: from.clone(),
        to: to.clone(),
        slots: route.slots.words(),
        state: task.state.clone(),
        message: task.message.clone(),
    }
}

impl Atomic {
    /// Waits for the end of a task, which a signal, a failure that Redis would try again, or a
    /// standstill brings about.
    fn until_over(
        &self,
        run: &Run,
        route: &Route,
        id: Option<&str>,
        source: &mut Server,
        target: &mut Server,
    ) -> Result<Task, MoveError> {
        let mut pause = PAUSES.0;
        let (mut seen, mut moving, mut looked) = (String::new(), Instant::now(), Instant::now());
        let mut taken = target.bytes_in()?;
        let mut cancelled: Option<Instant> = None;
        loop {
            let task = self.task(route, id, source, target)?;
            let is_late = cancelled.is_some_and(|at| at.elapsed() > CANCEL);
            if task.is_over || is_late {
                return Ok(task);
            }
            if task.state != seen {
                seen.clone_from(&task.state);
                moving = Instant::now();
            }
            let ends = run.stopped().is_some() || task.failed() || moving.elapsed() > STALLED;
            if ends && cancelled.is_none() {
                self.owner(source, target).cancel_tasks(self.ability)?;
                cancelled = Some(Instant::now());
            }
            if looked.elapsed() > LOOK {
                looked = Instant::now();
                let now = target.bytes_in()?;
                if now > taken + TALK {
                    moving = looked;
                }
                taken = now;
                run.tally.waits(format!("{} is {}", route.slots.words(), task.state));
            }
            std::thread::sleep(pause);
            pause = (pause * 3 / 2).min(PAUSES.1);
        }
    }

    /// Whose task it is.
    fn owner<'a>(&self, source: &'a mut Server, target: &'a mut Server) -> &'a mut Server {
        match self.ability {
            Ability::Import => target,
            _ => source,
        }
    }

    fn task(
        &self,
        route: &Route,
        id: Option<&str>,
        source: &mut Server,
        target: &mut Server,
    ) -> Result<Task, MoveError> {
        let is_it = |task: &Task| match id {
            Some(id) => task.id.as_deref() == Some(id),
            // The newest comes first, and only we asked for these slots.
            None => task.to == Some(route.to) && task.slots == route.slots,
        };
        if let Some(task) = self.owner(source, target).tasks(self.ability)?.into_iter().find(is_it)
        {
            return Ok(task);
        }
        // A source of Valkey that gave its last slot away forgets its tasks, as it loads the data
        // of its new master.
        target.tasks(self.ability)?.into_iter().find(is_it).ok_or_else(|| MoveError::Odd {
            node: self.owner(source, target).addr().clone(),
            command: "the list of its slot migrations",
            said: format!("{} is not in it", route.slots.words()),
        })
    }
}

pub(super) fn until_idle<'a>(
    able: impl IntoIterator<Item = (&'a mut Server, Ability)>,
    deadline: &Deadline,
    observer: &dyn Observer,
) -> Result<(), MoveError> {
    let together = deadline.together();
    let answers = all_at_once(able, |(server, ability)| {
        let mut told = false;
        together.until_empty(|| {
            let tasks: Vec<Task> =
                server.tasks(ability)?.into_iter().filter(|task| !task.is_over).collect();
            if tasks.iter().any(Task::failed) {
                server.cancel_tasks(ability)?;
            }
            if let Some(task) = tasks.first().filter(|_| !told) {
                told = true;
                let (addr, slots) = (server.addr(), task.slots.words());
                let message = format!("{addr} is still moving {slots}: waiting for its end");
                observer.on(Event::Wait { phase: Phase::Move, message });
            }
            Ok::<_, WireError>(tasks)
        })
    });
    for answer in answers {
        if let Waited::GaveUp(_) = answer? {
            return Err(MoveError::Late(deadline.allowed()));
        }
    }
    Ok(())
}
