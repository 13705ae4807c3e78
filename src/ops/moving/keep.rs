//! Masters that stay masters although they lose their last slot.

use std::time::{Duration, Instant};

use super::{MoveError, Run};
use crate::ops::event::{Event, Observer};
use crate::plan::transfer::Transfer;
use crate::wire::{Server, WireError, all_at_once};

/// How long putting a setting back is tried.
const RESTORE: Duration = Duration::from_secs(5);

/// Nodes whose replica migration is held off, and what they had before.
#[derive(Default)]
pub(super) struct Kept(Vec<(Server, String)>);

impl Kept {
    /// Holds it off on the masters that are emptied and on their replicas.
    pub fn hold(run: &Run, plan: &Transfer) -> Result<Kept, MoveError> {
        let stays = run.report.nodes.iter().filter(|node| {
            let me = node.view.me();
            plan.emptied.contains(&me.role.master().unwrap_or(me.id))
        });
        let held = all_at_once(stays, |node| {
            let mut server = Server::connect(&node.via, run.access)?;
            let before = server.replica_migration()?.filter(|value| value != "no");
            let Some(before) = before else { return Ok(None) };
            match server.set_replica_migration("no") {
                Err(error) if error.refusal().is_some() => Err(error),
                // Where the answer was lost it may have been set: it will be put back.
                Ok(()) | Err(_) => Ok::<_, WireError>(Some((server, before))),
            }
        });
        let (mut kept, mut failed) = (Kept::default(), None);
        for answer in held {
            match answer {
                Ok(node) => kept.0.extend(node),
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            None => Ok(kept),
            Some(error) => {
                kept.put_back();
                Err(error.into())
            }
        }
    }

    /// Puts it back on every node; gives where that failed.
    pub fn release(self, observer: &dyn Observer) -> Vec<String> {
        let count = self.0.len();
        let left = self.put_back();
        if count > 0 && left.is_empty() {
            let message = format!(
                "cluster-allow-replica-migration was held off on {count} nodes and is back"
            );
            observer.on(Event::Note { message });
        }
        left
    }

    fn put_back(self) -> Vec<String> {
        let put = |(mut server, before): (Server, String)| {
            let begun = Instant::now();
            loop {
                let why = match server
                    .set_replica_migration(&before)
                    .and_then(|()| server.replica_migration())
                {
                    Ok(now) if now.as_deref() == Some(&*before) => return None,
                    Ok(_) => "it still says no".to_owned(),
                    Err(error) => error.to_string(),
                };
                if begun.elapsed() > RESTORE {
                    let (host, port) = (server.addr().host(), server.addr().port());
                    return Some(format!(
                        "redis-cli -h {host} -p {port} CONFIG SET cluster-allow-replica-migration {before}   ({why})"
                    ));
                }
                std::thread::sleep(RESTORE / 50);
            }
        };
        all_at_once(self.0, put).into_iter().flatten().collect()
    }
}
