//! Both ends of slots are marked, and slots that have to stay are found.

use std::collections::BTreeMap;

use super::{Batch, ClassicMove, MigrateError};
use crate::model::{Slot, SlotSet};
use crate::ops::conflict::{self, Side};
use crate::ops::migrate::big_keys;
use crate::wire::SlotChange;

impl ClassicMove<'_, '_> {
    /// Marks both ends, the target first: a client that the source sends on finds it open.
    pub(super) fn open(&mut self, batch: &mut Batch) -> Result<(), MigrateError> {
        let slots = batch.left.clone();
        self.session.target.set(&slots, SlotChange::Importing(self.route.from))?;
        self.session.source.set(&slots, SlotChange::Migrating(self.route.to))?;
        batch.connection = self.session.source.server.connection();
        let there = self.session.target.server.count_keys(&slots)?;
        let vacant = slots.slots().filter(|slot| !there.contains_key(slot)).collect();
        let mut too_big = self.too_big(&vacant)?;
        for slot in slots.slots() {
            let is_occupied = there.contains_key(&slot);
            let why = match is_occupied {
                true if self.winner() == Some(Side::Source) => None,
                true => self.conflict(slot)?,
                false => too_big.remove(&slot),
            };
            match why {
                Some(why) => batch.keep(slot, why),
                None if is_occupied => drop(batch.replace.insert(slot)),
                None => {}
            }
        }
        Ok(())
    }

    /// Whether a slot's keys differ between both ends, in any database, and nobody's value is to win;
    /// says which.
    fn conflict(&mut self, slot: Slot) -> Result<Option<String>, MigrateError> {
        let winner = self.winner();
        for database in self.session.source.server.databases()? {
            self.session.select(database)?;
            let (source, target) =
                (&mut self.session.source.server, &mut self.session.target.server);
            let conflict = conflict::first(source, target, slot, winner)?;
            if conflict.is_some() {
                return Ok(conflict);
            }
        }
        Ok(None)
    }

    /// Slots that hold a key which is too big to move, and why.
    fn too_big(&mut self, slots: &SlotSet) -> Result<BTreeMap<Slot, String>, MigrateError> {
        let (migration, node) = (self.migration, self.route.from);
        if migration.limits.spares(migration.report.node(node)) {
            return Ok(BTreeMap::new());
        }
        let source = &mut self.session.source.server;
        let keys = big_keys::in_slots(source, node, slots, &migration.limits)?;
        Ok(keys.into_iter().filter_map(|key| Some((key.slot, key.stays?))).collect())
    }
}
