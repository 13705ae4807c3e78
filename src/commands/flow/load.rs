//! The facts of a cluster, and the nodes that the user names in it.

use std::time::{Duration, Instant};

use itertools::Itertools;

use super::context::Context;
use crate::model::{ClusterReport, FindError, NodeAddr, NodeId, NodeList, NodeRef, NodeReport};
use crate::render::Failure;
use crate::wire::{
    Cluster, Server, WireError, addresses, load_cluster, load_cluster_with, load_nodes, resolve,
};

/// For so long what two nodes contradict each other in, or a cluster that does not serve, may be a
/// passing state: gossip is on its way.
pub const SETTLE: Duration = Duration::from_secs(5);

const POLL: Duration = Duration::from_millis(100);

/// What `plan` makes of the facts once they no longer are in a passing state, as `may_pass` tells;
/// facts are loaded anew until then.
pub fn settled<F, T, E: Into<Failure>>(
    facts: &mut F,
    load: impl Fn() -> Result<F, Failure>,
    plan: impl Fn(&mut F) -> Result<T, E>,
    may_pass: impl Fn(&Result<T, E>) -> bool,
) -> Result<T, Failure> {
    settled_within(SETTLE, facts, load, plan, may_pass)
}

/// The same, where such a state may last longer.
pub fn settled_within<F, T, E: Into<Failure>>(
    timeout: Duration,
    facts: &mut F,
    load: impl Fn() -> Result<F, Failure>,
    plan: impl Fn(&mut F) -> Result<T, E>,
    may_pass: impl Fn(&Result<T, E>) -> bool,
) -> Result<T, Failure> {
    let begun = Instant::now();
    loop {
        let planned = plan(facts);
        if !may_pass(&planned) || begun.elapsed() > timeout {
            return planned.map_err(Into::into);
        }
        std::thread::sleep(POLL);
        *facts = load()?;
    }
}

impl Context {
    pub fn load(&self, entry: &NodeList) -> Result<Cluster, WireError> {
        load_cluster(entry, &self.access)
    }

    /// The facts of a cluster that is about to be changed; nodes that give no answer are warned of.
    pub fn load_to_change(&self, entry: &NodeList) -> Result<Cluster, WireError> {
        let cluster = self.load(entry)?;
        self.warn_of_unreachable(&cluster.report);
        Ok(cluster)
    }

    /// The same, where members may be at these addresses, which no view has; gives the nodes there
    /// that are no members.
    pub fn load_with(
        &self,
        entry: &NodeList,
        nodes: &[NodeAddr],
    ) -> Result<(Cluster, Vec<(Server, NodeReport)>), Failure> {
        let (servers, reports) = load_nodes(nodes, &self.access)?;
        let found = servers.into_iter().zip(reports).collect();
        let (cluster, others) = load_cluster_with(entry, found, &self.access)?;
        self.warn_of_unreachable(&cluster.report);
        Ok((cluster, others))
    }

    fn warn_of_unreachable(&self, report: &ClusterReport) {
        for unreachable in &report.unreachable {
            let name = report.name(unreachable.id);
            self.warn(&format!("{name} is unreachable and is skipped: {}", unreachable.why));
        }
    }

    /// Every address that the user's words stand for.
    pub fn addresses(&self, nodes: &[NodeList]) -> Result<Vec<NodeAddr>, WireError> {
        addresses(nodes, &self.access)
    }

    /// The id of the node that somebody named: by its id, by an address or name that the cluster has for
    /// it, by a host name or an outer address that leads there, or by one more address that it answers at.
    pub fn id_of(&self, cluster: &ClusterReport, node: &NodeRef) -> Result<NodeId, FindError> {
        let unknown = match (node.find(cluster), node) {
            (Ok(node), _) => return Ok(node.id),
            (Err(error @ FindError::Unknown(..)), NodeRef::Addr(addr)) => (error, addr),
            (Err(error), _) => return Err(error),
        };
        let (unknown, addr) = unknown;
        let ips = resolve(addr, &self.access).unwrap_or_default().into_iter();
        let places = ips.map(|ip| NodeAddr::new(ip.to_string(), addr.port(), None));
        let places = places.chain(self.access.map.inner(addr)).map(NodeRef::Addr);
        let found = places.filter_map(|place| place.find(cluster).ok());
        match found.unique_by(|node| node.id).collect_vec()[..] {
            [node] => Ok(node.id),
            [] => self.who_answers(cluster, addr).ok_or(unknown),
            ref several => Err(FindError::ambiguous(node, several)),
        }
    }

    /// The member that answers at an address under which nobody lists it.
    fn who_answers(&self, cluster: &ClusterReport, addr: &NodeAddr) -> Option<NodeId> {
        let id =
            Server::connect(addr, &self.access).and_then(|mut server| server.view()).ok()?.me().id;
        cluster.node(id).map(|_| id)
    }
}
