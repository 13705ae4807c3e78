//! Two servers between which keys move: the only place that selects, lists, counts and proves empty.

use std::collections::BTreeMap;

use super::{MigrateError, Migration};
use crate::model::{NodeAddr, NodeId, NodeReport, OpenState, Slot, SlotSet};
use crate::plan::transfer::Route;
use crate::wire::{KeyBatch, MigrateOptions, Server, SlotChange, WireError, all_at_once};

/// Connections over which marks are set where each waits for the node's replicas: from version 8 on
/// Valkey answers SETSLOT when they have it.
const CONNECTIONS: usize = 8;

/// One of both servers.
pub(super) struct End {
    pub id: NodeId,
    pub server: Server,
    /// More connections to it, for marks.
    more: Vec<Server>,
}

/// Keys by slot, and in each by database.
pub(super) type Listing = BTreeMap<Slot, Vec<(u32, KeyBatch)>>;

pub(super) struct Session {
    pub source: End,
    pub target: End,
    /// Where the source reaches the target.
    pub to: NodeAddr,
}

impl End {
    fn open(migration: &Migration, id: NodeId) -> Result<End, MigrateError> {
        let server = migration.connect(id)?;
        let waits = migration.report.node(id).is_some_and(waits_for_replicas);
        let more = if waits { CONNECTIONS - 1 } else { 0 };
        let more = (0..more).map(|_| migration.connect(id)).collect::<Result<_, _>>()?;
        Ok(End { id, server, more })
    }

    pub fn addr(&self) -> &NodeAddr {
        self.server.addr()
    }

    /// CLUSTER SETSLOT of every slot.
    pub fn set(&mut self, slots: &SlotSet, change: SlotChange) -> Result<(), WireError> {
        if self.more.is_empty() || slots.len() <= CONNECTIONS {
            return self.server.set_slots(slots, change);
        }
        let all: Vec<Slot> = slots.slots().collect();
        let share = all.len().div_ceil(CONNECTIONS);
        let servers = std::iter::once(&mut self.server).chain(&mut self.more);
        let shares = all.chunks(share).map(|slots| slots.iter().copied().collect::<SlotSet>());
        let answers =
            all_at_once(servers.zip(shares), |(server, slots)| server.set_slots(&slots, change));
        answers.into_iter().collect()
    }

    /// CLUSTER SETSLOT … STABLE of every slot.
    pub fn close(&mut self, slots: &SlotSet) -> Result<(), WireError> {
        match self.set(slots, SlotChange::Stable) {
            // Some may be taken away already; a replica has its master's marks.
            Err(error) if error.refusal().is_some() => self.server.close(slots),
            answer => answer,
        }
    }
}

fn waits_for_replicas(node: &NodeReport) -> bool {
    node.version.starts_with("Valkey") && node.replicas.is_some_and(|replicas| replicas > 0)
}

impl Session {
    /// Connects to both ends of a route.
    pub fn open(migration: &Migration, route: &Route) -> Result<Session, MigrateError> {
        let mut source = End::open(migration, route.from)?;
        let mut target = End::open(migration, route.to)?;
        let mut to = migration.addr(route.to, route.from)?;
        if let Some(port) = source.server.dialled_port(route.to)? {
            to = NodeAddr::new(to.host().to_owned(), port, to.bus_port());
        }
        migration.looks_at(route.to, &mut target.server);
        Ok(Session { source, target, to })
    }

    /// Goes to a database at both ends.
    pub fn select(&mut self, database: u32) -> Result<(), WireError> {
        self.source.server.select(database)?;
        self.target.server.select(database)
    }

    /// Some keys of each slot at the source, in every database.
    pub fn list(&mut self, slots: &SlotSet) -> Result<Listing, WireError> {
        let mut listing = Listing::new();
        for database in self.source.server.databases()? {
            for batch in self.list_in(slots, database)? {
                listing.entry(batch.slot).or_default().push((database, batch));
            }
        }
        Ok(listing)
    }

    /// The same in one database.
    pub fn list_in(&mut self, slots: &SlotSet, database: u32) -> Result<Vec<KeyBatch>, WireError> {
        self.source.server.select(database)?;
        self.source.server.list_keys(slots)
    }

    /// MIGRATE of each batch, in one go; what each was refused with, if it was.
    pub fn migrate(
        &mut self,
        batches: &[KeyBatch],
        options: MigrateOptions,
    ) -> Result<Vec<Option<String>>, WireError> {
        self.source.server.migrate(batches, &self.to, &self.target.server, options)
    }

    /// The slots that the source still holds keys of, in any database.
    ///
    /// # Errors
    /// It is not the connection that moved the keys, or the source is not what it was: master and
    /// owner of the slots, on their way to the target. What it holds proves nothing then.
    pub fn prove_empty(
        &mut self,
        slots: &SlotSet,
        connection: u64,
    ) -> Result<SlotSet, MigrateError> {
        let census = self.source.server.census(slots)?;
        let me = census.view.me();
        let unmarked = || {
            let is_marked = |slot: &Slot| {
                census.view.open.iter().any(|open| {
                    open.slot == *slot
                        && open.state == OpenState::Migrating
                        && open.peer == self.target.id
                })
            };
            slots.slots().find(|slot| !is_marked(slot))
        };
        let why = if self.source.server.connection() != connection {
            "the connection that moved the keys is gone".to_owned()
        } else if !me.is_master() {
            "it became a replica meanwhile".to_owned()
        } else if !slots.difference(&me.slots).is_empty() {
            format!("it lost {} meanwhile", slots.difference(&me.slots).summary())
        } else if let Some(slot) = unmarked() {
            format!("slot {slot} is not migrating any more")
        } else {
            return Ok(census.keys.into_keys().collect());
        };
        let node = self.source.addr().clone();
        Err(MigrateError::Unproven { node, slots: slots.summary(), why })
    }
}
