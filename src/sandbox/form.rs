//! Making one cluster of the servers of a sandbox.

use itertools::Itertools;

use super::error::FormError;
use crate::local::LocalAccess;
use crate::model::NodeAddr;
use crate::ops::{self, FormOptions, Observer};
use crate::plan::create;
use crate::plan::existing::existing;
use crate::plan::layout::{self, NodeLocation, Wishes};
use crate::wire::{Access, Secret, Tls, TlsOptions, load_nodes};

/// How rcluster reaches the servers.
///
/// # Errors
/// A certificate cannot be read.
pub fn access_of(local: &LocalAccess) -> Result<Access, FormError> {
    let options = |tls: &crate::local::TlsFiles| TlsOptions {
        cacert: Some(tls.ca()),
        ..TlsOptions::default()
    };
    let tls = local.tls.as_ref().map(|tls| Tls::new(&options(tls))).transpose()?;
    let password = local.password.clone().map(Secret::new);
    Ok(Access { password, tls, ..Access::default() })
}

/// Creates the cluster, its first nodes being the masters, and waits until every replica follows its
/// master. Servers that are one cluster already stay as they are.
///
/// # Errors
/// They cannot be reached, or are no servers for a new cluster, or do not agree in time.
pub fn form(
    nodes: &[NodeAddr],
    replicas: usize,
    access: &Access,
    options: &FormOptions,
    observer: &dyn Observer,
) -> Result<(), FormError> {
    let (mut servers, reports) = load_nodes(nodes, access).map_err(FormError::Unreachable)?;
    let location = |node: &NodeAddr| NodeLocation { host: node.host().to_owned(), zone: None };
    let locations = nodes.iter().map(location).collect_vec();
    if existing(&reports, &locations).is_some() {
        return Ok(());
    }
    let layout = layout::plan(&locations, &Wishes { replicas, ..Wishes::default() })?;
    let plan = create::plan(&reports, &layout).map_err(FormError::Refused)?;
    ops::apply(&plan, &mut servers, options, observer)?;
    let master_of = |seat: usize| {
        let shard = layout.shards.iter().find(|shard| shard.replicas.contains(&seat))?;
        Some(reports[shard.master].id())
    };
    let replicas = servers.iter_mut().enumerate();
    let replicas = replicas.filter_map(|(seat, server)| Some((server, master_of(seat)?)));
    Ok(ops::until_in_sync(replicas.collect(), &options.deadline, observer)?)
}
