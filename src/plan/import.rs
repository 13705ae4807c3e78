//! Whether keys of other servers can be imported, and which master takes which.

use crate::model::{ClusterReport, NodeAddr, Origin, SLOTS, Slot, SlotSet};

use super::check::owners;

/// A server that keys are imported from, and what it reports of itself.
pub type Source = (NodeAddr, Origin);

/// What the user wants imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportRequest {
    /// The sources keep their keys; otherwise each is deleted once it has been imported.
    pub copy: bool,
    /// The number of the sources' database.
    pub database: u32,
}

/// Which master takes the keys of which slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Targets {
    /// The masters that own slots.
    pub masters: Vec<NodeAddr>,
    /// For each slot, an index into `masters`.
    by_slot: Vec<u16>,
}

impl Targets {
    /// The index into [`masters`](Self::masters) of a slot's owner.
    pub fn of(&self, slot: Slot) -> usize {
        usize::from(self.by_slot[usize::from(slot.get())])
    }
}

/// A plan of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportPlan {
    /// Who takes which keys.
    pub targets: Targets,
    /// Keys of the requested database, over all sources.
    pub keys: u64,
    /// Keys of the other databases, which are not imported.
    pub beside: u64,
}

/// Why there is no plan; nothing has been changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A source is a node of the target cluster: its process has the same run id.
    #[error("{0} is itself a node of this cluster")]
    Itself(NodeAddr),
    /// A source is a replica, which rejects the deletion of its keys.
    #[error("{0} is a replica: keys can be copied from it, but not moved")]
    Replica(NodeAddr),
    /// Slots without an owner that replied.
    #[error("no node owns {}: their keys cannot be imported", .0.summary())]
    Unowned(SlotSet),
    /// A master reports `cluster_state:fail`.
    #[error("{0} reports cluster_state:fail: it accepts no keys")]
    NotServing(String),
}

/// Plans an import into `cluster` from all of `sources`.
///
/// # Errors
/// A source is a node of the cluster, or a replica that is to lose its keys; or the cluster cannot
/// take every key.
pub fn plan(
    cluster: &ClusterReport,
    sources: &[Source],
    request: ImportRequest,
) -> Result<ImportPlan, ImportError> {
    for (addr, origin) in sources {
        let is_it = |id: &str| !id.is_empty() && id == origin.run_id;
        if cluster.nodes.iter().any(|node| is_it(&node.run_id)) {
            return Err(ImportError::Itself(addr.clone()));
        }
        if origin.is_replica && !request.copy {
            return Err(ImportError::Replica(addr.clone()));
        }
    }
    let sum = |of: &dyn Fn(&Origin) -> u64| sources.iter().map(|(_, origin)| of(origin)).sum();
    Ok(ImportPlan {
        targets: targets(cluster)?,
        keys: sum(&|origin| origin.keys_in(request.database)),
        beside: sum(&|origin| origin.keys_beside(request.database)),
    })
}

/// Which master takes the keys of which slot: its owner.
///
/// # Errors
/// A slot has no owner that replied, or an owner reports `cluster_state:fail`.
pub fn targets(cluster: &ClusterReport) -> Result<Targets, ImportError> {
    let answers = |(id, slots)| Some((cluster.node(id)?, slots));
    let owners: Vec<_> = owners(cluster).into_iter().filter_map(answers).collect();
    let covered = owners.iter().fold(SlotSet::EMPTY, |all, (_, slots)| all.union(slots));
    if covered != SlotSet::all() {
        return Err(ImportError::Unowned(covered.complement()));
    }
    if let Some((node, _)) = owners.iter().find(|(node, _)| !node.info.ok) {
        return Err(ImportError::NotServing(cluster.name(node.id())));
    }
    let mut by_slot = vec![0; usize::from(SLOTS)];
    for (place, (_, slots)) in owners.iter().enumerate() {
        slots.slots().for_each(|slot| by_slot[usize::from(slot.get())] = place as u16);
    }
    let masters = owners.iter().map(|(node, _)| node.via.clone()).collect();
    Ok(Targets { masters, by_slot })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ClusterView;

    fn cluster(slots: &str) -> ClusterReport {
        let id = |n: u8| format!("{n:040x}");
        let text = format!(
            "{} 127.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-100\n\
             {} 127.0.0.1:7002@17002 master - 0 0 2 connected {slots}\n",
            id(1),
            id(2)
        );
        let addr = "127.0.0.1:7001".parse().unwrap();
        ClusterReport::of_view(&ClusterView::parse(&text, &addr).unwrap())
    }

    fn source(origin: Origin) -> Vec<Source> {
        vec![("127.0.0.1:6379".parse().unwrap(), origin)]
    }

    const COPY: ImportRequest = ImportRequest { copy: true, database: 0 };

    #[test]
    fn every_slot_has_the_master_that_owns_it() {
        let cluster = cluster("101-16383");
        let origin = Origin { keys: [(0, 5), (3, 2)].into(), ..Origin::default() };
        let import = plan(&cluster, &source(origin), COPY).unwrap();
        let master = |slot| {
            let place = import.targets.of(Slot::new(slot).unwrap());
            import.targets.masters[place].port()
        };
        assert_eq!([0, 100, 101, 16383].map(master), [7001, 7001, 7002, 7002]);
        assert_eq!((import.keys, import.beside), (5, 2));
    }

    #[test]
    fn what_cannot_be_is_said_beforehand() {
        let refused = |cluster: &ClusterReport, origin, request| {
            plan(cluster, &source(origin), request).unwrap_err().to_string()
        };
        let (whole, part) = (cluster("101-16383"), cluster("101-16000"));
        let own = Origin { run_id: whole.nodes[1].run_id.clone(), ..Origin::default() };
        assert!(refused(&whole, own, COPY).contains("itself a node"));
        let replica = Origin { is_replica: true, ..Origin::default() };
        assert!(plan(&whole, &source(replica.clone()), COPY).is_ok());
        let take = ImportRequest { copy: false, ..COPY };
        assert!(refused(&whole, replica, take).contains("not moved"));
        let lacks = refused(&part, Origin::default(), COPY);
        assert!(lacks.contains("16001-16383"), "{lacks}");
    }
}
