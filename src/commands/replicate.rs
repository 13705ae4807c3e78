//! `rcluster replicate`

use clap::Args;

use super::context::Context;
use super::step::{self, ChangeArgs};
use crate::model::{ClusterReport, NodeAddr, NodeRef};
use crate::plan::replicate;
use crate::wire::resolve;

/// Make a node a replica of a master
///
/// Ends once every node sees the new role. The first copy of the data follows within seconds, and
/// `check` tells when it is complete.
#[derive(Debug, Args)]
pub struct Replicate {
    /// The node that becomes a replica: it owns no slots and holds no keys
    node: NodeAddr,
    /// Its master: an address, a node id, or the start of an id
    master: NodeRef,
    #[command(flatten)]
    change: ChangeArgs,
}

impl Replicate {
    pub fn run(self, cx: &Context) -> anyhow::Result<u8> {
        let mut cluster = cx.load_to_change(&self.node)?;
        let master = known_as(cx, &cluster.report, &self.master);
        let plan = replicate::plan(&cluster.report, &master)?;
        let master = master.find(&cluster.report)?.name();
        let done = format!("{} replicates {master}", self.node);
        step::run(cx, &self.change, &plan, &mut cluster.servers, None, &done)
    }
}

/// A host name as the IP that the cluster knows, where it resolves to one.
fn known_as(cx: &Context, cluster: &ClusterReport, node: &NodeRef) -> NodeRef {
    let NodeRef::Addr(addr) = node else { return node.clone() };
    let ips = resolve(addr, cx.access.connect_timeout).unwrap_or_default();
    let as_ip =
        ips.into_iter().map(|ip| NodeRef::Addr(NodeAddr::new(ip.to_string(), addr.port(), None)));
    std::iter::once(node.clone())
        .chain(as_ip)
        .find(|candidate| candidate.find(cluster).is_ok())
        .unwrap_or_else(|| node.clone())
}
