//! Problems that somebody has decided to live with.

use itertools::Itertools;

use super::problem::{Kind, Problem};
use crate::model::{ClusterReport, NodeAddr, NodeRef};

/// A kind of problem that does not count, everywhere or at one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exemption {
    /// The kind.
    pub kind: Kind,
    /// The only node at which it does not count; `None` for all.
    pub node: Option<NodeRef>,
    /// Why, for whoever reads the report.
    pub reason: String,
}

/// Which problems count.
#[derive(Clone, Debug, Default)]
pub struct Exemptions {
    /// No other kinds count, unless it is empty.
    pub only: Vec<Kind>,
    /// What does not count.
    pub ignored: Vec<Exemption>,
}

/// A problem that does not count, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// The problem.
    pub problem: Problem,
    /// The reasons of the exemptions that fit it.
    pub reason: String,
}

impl Exemptions {
    /// The problems that count, and those that do not, each in their order.
    ///
    /// A problem of several nodes does not count only if each of them is exempt: a second node that
    /// fails in the same way is seen. Of problems that a replica has with its master, the replica
    /// has to be.
    pub fn sift(
        &self,
        cluster: &ClusterReport,
        problems: Vec<Problem>,
    ) -> (Vec<Problem>, Vec<Ignored>) {
        problems.into_iter().partition_map(|problem| match self.reason(cluster, &problem) {
            None => itertools::Either::Left(problem),
            Some(reason) => itertools::Either::Right(Ignored { problem, reason }),
        })
    }

    /// The nodes of exemptions that are no nodes of this cluster.
    pub fn unknown(&self, cluster: &ClusterReport) -> Vec<&NodeRef> {
        let nodes = self.ignored.iter().filter_map(|exemption| exemption.node.as_ref());
        nodes.filter(|node| node.find(cluster).is_err()).collect()
    }

    fn reason(&self, cluster: &ClusterReport, problem: &Problem) -> Option<String> {
        if !self.only.is_empty() && !self.only.contains(&problem.kind) {
            return Some("not selected with --only".to_owned());
        }
        let fitting = self.ignored.iter().filter(|exemption| exemption.kind == problem.kind);
        let (general, at_nodes): (Vec<_>, Vec<_>) =
            fitting.partition(|exemption| exemption.node.is_none());
        if let Some(exemption) = general.first() {
            return Some(exemption.reason.clone());
        }
        let nodes = concerned(problem);
        let reason = |node: &String| {
            let fits = |exemption: &&&Exemption| {
                exemption.node.as_ref().is_some_and(|named| is_called(cluster, named, node))
            };
            at_nodes.iter().find(fits).map(|exemption| &exemption.reason)
        };
        let reasons: Option<Vec<&String>> = nodes.iter().map(reason).collect();
        reasons
            .filter(|reasons| !reasons.is_empty())
            .map(|reasons| reasons.into_iter().unique().join("; "))
    }
}

/// The nodes whose problem it is.
fn concerned(problem: &Problem) -> &[String] {
    match problem.kind {
        Kind::ReplicaLinkDown
        | Kind::ReplicaLogin
        | Kind::ReplicaSyncing
        | Kind::ReplicaOfReplica => &problem.nodes[..problem.nodes.len().min(1)],
        _ => &problem.nodes,
    }
}

/// Whether problems call the named node so.
fn is_called(cluster: &ClusterReport, named: &NodeRef, name: &str) -> bool {
    let Ok(node) = named.find(cluster) else { return named.to_string() == name };
    let views = cluster.nodes.iter().filter_map(|report| report.view.node(node.id));
    let listed = views.filter_map(|node| node.addr.as_ref());
    let reached = cluster.node(node.id).map(|report| &report.via);
    cluster.name(node.id) == name
        || listed.chain(reached).map(NodeAddr::to_string).any(|addr| addr == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ClusterView;

    fn cluster() -> ClusterReport {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let text = format!(
            "{a} 10.0.0.1:1@2 myself,master - 0 0 1 connected 0-16383\n\
             {b} 10.0.0.2:1@2 slave {a} 0 1 1 connected\n"
        );
        ClusterReport::of_view(&ClusterView::parse(text, &"10.0.0.1:1".parse().unwrap()).unwrap())
    }

    fn problem(kind: Kind, nodes: &[&str]) -> Problem {
        Problem::error(kind, String::new()).at(nodes.iter().map(|node| (*node).to_owned()))
    }

    fn at(kind: Kind, node: &str) -> Exemption {
        let node = (!node.is_empty()).then(|| node.parse().unwrap());
        Exemption { kind, node, reason: format!("known: {}", kind.name()) }
    }

    #[test]
    fn a_second_node_that_fails_in_the_same_way_is_seen() {
        let (cluster, one, two) = (cluster(), "10.0.0.1:1", "10.0.0.2:1");
        let kept = |ignored: &[Exemption], problem: Problem| {
            let exemptions = Exemptions { only: Vec::new(), ignored: ignored.to_vec() };
            exemptions.sift(&cluster, vec![problem]).0.len()
        };
        let both = problem(Kind::NodeUnreachable, &[one, two]);
        assert_eq!(kept(&[at(Kind::NodeUnreachable, one)], both.clone()), 1);
        assert_eq!(kept(&[at(Kind::NodeUnreachable, "")], both.clone()), 0);
        // By address and by the start of an id.
        let each = [at(Kind::NodeUnreachable, one), at(Kind::NodeUnreachable, "bb")];
        assert_eq!(kept(&each, both), 0);
        let replica = problem(Kind::ReplicaLinkDown, &[two, one]);
        assert_eq!(kept(&[at(Kind::ReplicaLinkDown, two)], replica.clone()), 0);
        assert_eq!(kept(&[at(Kind::ReplicaLinkDown, one)], replica.clone()), 1);
        assert_eq!(kept(&[at(Kind::ReplicaLogin, "")], replica), 1);
        // A problem of the whole cluster is at no node.
        let slots = problem(Kind::SlotsUncovered, &[]);
        assert_eq!(kept(&[at(Kind::SlotsUncovered, one)], slots), 1);
    }

    #[test]
    fn what_does_not_count_is_told_with_its_reason() {
        let cluster = cluster();
        let exemptions = Exemptions {
            only: vec![Kind::NoReplica, Kind::SaveFailed],
            ignored: vec![at(Kind::NoReplica, "10.0.0.1:1"), at(Kind::NoReplica, "10.9.9.9:1")],
        };
        let problems = vec![
            problem(Kind::NoReplica, &["10.0.0.1:1"]),
            problem(Kind::SaveFailed, &["10.0.0.1:1"]),
            problem(Kind::StateNotOk, &["10.0.0.1:1"]),
        ];
        let (kept, ignored) = exemptions.sift(&cluster, problems);
        assert_eq!(kept.iter().map(|problem| problem.kind).collect_vec(), [Kind::SaveFailed]);
        let reasons = ignored.iter().map(|ignored| &*ignored.reason).collect_vec();
        assert_eq!(reasons, ["known: no-replica", "not selected with --only"]);
        assert_eq!(exemptions.unknown(&cluster).iter().join(" "), "10.9.9.9:1");
    }
}
