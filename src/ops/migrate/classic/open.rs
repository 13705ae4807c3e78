//! Both ends of slots are marked, and slots that have to stay are found.

use super::{Batch, ClassicMove, MigrateError};
use crate::model::Slot;
use crate::ops::conflict::{self, Side};
use crate::wire::SlotChange;

impl ClassicMove<'_, '_> {
    /// Marks both ends, the target first: a client that the source sends on finds it open.
    pub(super) fn open(&mut self, batch: &mut Batch) -> Result<(), MigrateError> {
        let slots = batch.left.clone();
        self.session.target.set(&slots, SlotChange::Importing(self.route.from))?;
        self.session.source.set(&slots, SlotChange::Migrating(self.route.to))?;
        batch.connection = self.session.source.server.connection();
        let there = self.session.target.server.count_keys(&slots)?;
        for slot in slots.slots() {
            let is_occupied = there.contains_key(&slot);
            let why = match is_occupied {
                true if self.winner() == Some(Side::Source) => None,
                true => self.conflict(slot)?,
                false => self.too_big(slot)?,
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

    /// Whether a slot holds a key that is bigger than the user wants to move; says which.
    fn too_big(&mut self, slot: Slot) -> Result<Option<String>, MigrateError> {
        let Some(limit) = self.migration.options.big_key else { return Ok(None) };
        let source = &mut self.session.source.server;
        for database in source.databases()? {
            source.select(database)?;
            let keys = source.all_keys(slot)?;
            for keys in keys.chunks(1000) {
                let sizes = source.sizes(keys)?;
                if let Some((key, size)) = keys.iter().zip(sizes).find(|(_, size)| *size > limit) {
                    let key = conflict::name(key);
                    return Ok(Some(format!("key {key} takes {size} bytes, more than {limit}")));
                }
            }
        }
        Ok(None)
    }
}
