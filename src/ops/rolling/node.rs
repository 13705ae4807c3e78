//! One node that is restarted: what it was, and what is seen of it until it is ready again.

use std::collections::BTreeSet;

use super::stop::Stop;
use crate::model::{ClusterReport, NodeAddr, NodeId, Vitals};
use crate::ops::readiness::Readiness;
use crate::plan::readiness::Unready;
use crate::plan::rolling::{CommandNode, Target};
use crate::wire::{Access, Server};

/// A node that is to be restarted.
#[derive(Debug)]
pub(super) struct Node {
    pub id: NodeId,
    /// Where it is; it may come back elsewhere.
    pub addr: NodeAddr,
    master: Option<Master>,
    /// What it was before: `None` where it did not answer.
    before: Option<Before>,
    target: Option<Target>,
    /// Nodes that may be where this one was.
    members: BTreeSet<NodeId>,
    access: Access,
    server: Option<Server>,
}

#[derive(Debug)]
struct Master {
    addr: NodeAddr,
    server: Option<Server>,
    readiness: Readiness,
}

#[derive(Clone, Debug)]
struct Before {
    run_id: String,
    version: String,
}

/// What is seen of it.
pub(super) enum Seen {
    Ready,
    /// What it lacks, in words.
    NotYet(String),
}

impl Node {
    pub fn of(
        cluster: &ClusterReport,
        id: NodeId,
        target: Option<&Target>,
        access: &Access,
    ) -> Option<Node> {
        let place = |id: NodeId| {
            let own = cluster.node(id).and_then(|node| node.view.me().addr.clone());
            let listed = || cluster.nodes.iter().find_map(|node| node.view.node(id)?.addr.clone());
            own.or_else(listed)
        };
        let report = cluster.node(id);
        let role = match report {
            Some(node) => Some(node.view.me().role),
            None => cluster.nodes.iter().find_map(|node| Some(node.view.node(id)?.role)),
        };
        let master = role?.master().and_then(|master| {
            Some(Master { addr: place(master)?, server: None, readiness: Readiness::under(master) })
        });
        let views = cluster.nodes.iter().flat_map(|node| node.view.members());
        Some(Node {
            id,
            addr: place(id)?,
            master,
            before: report
                .map(|node| Before { run_id: node.run_id.clone(), version: node.version.clone() }),
            target: target.cloned(),
            members: views.map(|node| node.id).collect(),
            access: access.clone(),
            server: None,
        })
    }

    pub fn for_command(&self) -> CommandNode {
        let role = if self.master.is_some() { "replica" } else { "master" };
        CommandNode { addr: self.addr.clone(), id: self.id, role }
    }

    /// Whether it serves slots by now, asked of itself. One that was down before serves none.
    ///
    /// # Errors
    /// It answered before, and now does not: nobody knows what it is by now.
    pub fn serves(&mut self) -> Result<bool, Stop> {
        match self.vitals() {
            Ok(vitals) => Ok(vitals
                .view
                .is_some_and(|view| view.me().is_master() && !view.me().slots.is_empty())),
            Err(_) if self.before.is_none() => Ok(false),
            Err(why) => {
                let (node, after) = (self.addr.clone(), self.access.timeout);
                Err(Stop::NotReady { node, why: format!("does not answer: {why}"), after })
            }
        }
    }

    /// Looks at it once.
    ///
    /// # Errors
    /// It came back as what it must not be: waiting does not change that.
    pub fn look(&mut self) -> Result<Seen, Stop> {
        let above = self.above();
        let vitals = match self.vitals() {
            Ok(vitals) => vitals,
            Err(why) => {
                self.follow(above.as_ref().and_then(|above| above.as_ref().ok()));
                return Ok(Seen::NotYet(format!("does not answer: {why}")));
            }
        };
        let Some(view) = &vitals.view else {
            return Ok(Seen::NotYet(Unready::Loading.to_string()));
        };
        let id = view.me().id;
        if self.members.contains(&id) && id != self.id {
            self.follow(above.as_ref().and_then(|above| above.as_ref().ok()));
            return Ok(Seen::NotYet(format!("is not at its address, {} is", id.short())));
        }
        if id != self.id {
            let node = self.addr.clone();
            return Err(match view.peers().next() {
                None => Stop::Empty { node, id },
                Some(_) => Stop::Stranger { node, id },
            });
        }
        if self.before.as_ref().is_some_and(|before| before.run_id == vitals.run_id) {
            return Ok(Seen::NotYet("has not been restarted yet".to_owned()));
        }
        self.vet_version(&vitals.version)?;
        let serves = view.me().is_master() && !view.me().slots.is_empty();
        Ok(match (&mut self.master, above) {
            _ if vitals.loading => Seen::NotYet(Unready::Loading.to_string()),
            // Its master failed meanwhile: a check tells what is wrong.
            _ if serves => Seen::Ready,
            (Some(master), Some(Ok(above))) => match master.readiness.judge(&vitals, &above) {
                None => Seen::Ready,
                Some(lack) => Seen::NotYet(lack.to_string()),
            },
            (Some(master), Some(Err(why))) => Seen::NotYet(format!(
                "waits for its master {}, which does not answer: {why}",
                master.addr
            )),
            (None, _) | (_, None) => Seen::Ready,
        })
    }

    /// The master's vitals, which have to be read before its own.
    fn above(&mut self) -> Option<Result<Vitals, String>> {
        let master = self.master.as_mut()?;
        Some(ask(&mut master.server, &master.addr, &self.access))
    }

    fn vitals(&mut self) -> Result<Vitals, String> {
        ask(&mut self.server, &self.addr, &self.access)
    }

    /// Goes where the master has found it, if it came back at another address.
    fn follow(&mut self, master: Option<&Vitals>) {
        let listed = master.and_then(|master| master.view.as_ref()?.node(self.id)?.addr.clone());
        if let Some(addr) = listed.filter(|addr| *addr != self.addr) {
            (self.addr, self.server) = (addr, None);
        }
    }

    fn vet_version(&self, version: &str) -> Result<(), Stop> {
        let wanted = match (&self.target, &self.before) {
            (Some(target), _) if target.is_met_by(version) => return Ok(()),
            (Some(target), _) => target.to_string(),
            (None, Some(before)) if before.version != version => before.version.clone(),
            (None, _) => return Ok(()),
        };
        let version = version.to_owned();
        Err(Stop::OtherVersion { node: self.addr.clone(), version, wanted })
    }
}

/// Over a connection of its own: one that was refused is tried anew.
fn ask(server: &mut Option<Server>, addr: &NodeAddr, access: &Access) -> Result<Vitals, String> {
    let connected = match server.take() {
        Some(server) => Ok(server),
        None => Server::connect(addr, access),
    };
    let mut connected = connected.map_err(|error| error.to_string())?;
    let vitals = connected.vitals().map_err(|error| error.to_string());
    *server = Some(connected);
    vitals
}
