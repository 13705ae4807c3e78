//! One thread's connections, to a source and to the masters.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use super::report::ImportAborted;
use super::run::{ImportRun, connect};
use crate::model::NodeAddr;
use crate::ops::conflict;
use crate::wire::{Dumped, Key, Server, WireError};

/// How long a key is sent after the owner of its slot.
pub(super) const FOLLOWS: Duration = Duration::from_secs(15);

pub(super) const PAUSE: Duration = Duration::from_millis(20);

/// One thread's connections.
pub(super) struct Carrier<'r, 'a> {
    pub run: &'r ImportRun<'a>,
    pub source: Server,
    pub masters: HashMap<NodeAddr, Server>,
    /// So many of them are open at a time.
    pub room: usize,
}

impl<'r, 'a> Carrier<'r, 'a> {
    pub fn new(run: &'r ImportRun<'a>, source: Server, room: usize) -> Carrier<'r, 'a> {
        Carrier { run, source, masters: HashMap::new(), room }
    }

    /// RESTORE, noting whether it may have changed anything.
    pub fn write(
        &mut self,
        at: &NodeAddr,
        keys: &[&Dumped],
        replace: bool,
        asking: bool,
    ) -> Result<Vec<Option<String>>, WireError> {
        let said = self.master(at)?.restore(keys.iter().copied(), replace, asking);
        if said.as_ref().map_or(true, |said| said.iter().any(Option::is_none)) {
            self.wrote();
        }
        said
    }

    pub fn wrote(&self) {
        self.run.report().changed = true;
    }

    pub fn master(&mut self, addr: &NodeAddr) -> Result<&mut Server, WireError> {
        if self.masters.len() >= self.room.max(1) && !self.masters.contains_key(addr) {
            self.masters.clear();
        }
        match self.masters.entry(addr.clone()) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(place) => {
                let ImportRun { access, options, .. } = self.run;
                Ok(place.insert(connect(addr, access.1, options.databases.1)?))
            }
        }
    }

    pub fn refused(&self, key: &Key, to: NodeAddr, said: String) -> ImportAborted {
        let (from, key) = (self.source.addr().clone(), conflict::name(key));
        ImportAborted::Refused { from, to, key, said }
    }
}

/// The node that `MOVED 30 10.0.0.1:6379` names; without a host it is the one that was asked.
pub(super) fn named(said: &str, asked: &NodeAddr) -> Option<NodeAddr> {
    let place = said.strip_prefix("MOVED ").or_else(|| said.strip_prefix("ASK "))?;
    let (host, port) = place.split_whitespace().nth(1)?.rsplit_once(':')?;
    let host = if host.is_empty() { asked.host() } else { host };
    Some(NodeAddr::new(host.to_owned(), port.parse().ok()?, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections_name_a_node() {
        let asked: NodeAddr = "10.0.0.9:7000".parse().unwrap();
        let name = |said| named(said, &asked).map(|addr| addr.to_string());
        assert_eq!(name("MOVED 30 10.0.0.1:6379"), Some("10.0.0.1:6379".to_owned()));
        assert_eq!(name("ASK 30 ::1:6379"), Some("[::1]:6379".to_owned()));
        assert_eq!(name("MOVED 30 :6379"), Some("10.0.0.9:6379".to_owned()));
        assert_eq!(name("TRYAGAIN Multiple keys"), None);
    }
}
