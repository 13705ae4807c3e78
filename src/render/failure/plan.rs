//! Why there is no plan: refused before anything is changed.

use itertools::Itertools;

use super::{Failure, exit};
use crate::model::{FindError, NodeAddr};
use crate::plan::assign::AssignError;
use crate::plan::create::Precondition;
use crate::plan::import::ImportError;
use crate::plan::join::JoinError;
use crate::plan::leave::LeaveError;
use crate::plan::meet::MeetError;
use crate::plan::replicate::ReplicateError;
use crate::plan::reset::ResetError;
use crate::plan::topology::TopologyError;
use crate::plan::transfer::TransferError;
use crate::render::legacy::Refusal;

/// What to do about an address that nobody can use.
const USABLE_ADDRESS: &str = "nothing was changed; announce an IP address, without a port, or a name of up to 45 bytes: CONFIG SET cluster-announce-ip IP, and the same in its config file (longer names: cluster-announce-hostname)";

/// What to do where nodes are named by IPv4 and by IPv6.
const ONE_FAMILY: &str = "nothing was changed; name all nodes by addresses of one family (-4 or -6 for names that have both), or have each announce the one that the others reach it by: CONFIG SET cluster-announce-ip IP";

/// What to do where nodes differ in it; a server takes it at run time too.
const SAME_TLS: &str = "nothing was changed; give all of them the same: CONFIG SET tls-cluster yes, and the same in their config files";

impl From<MeetError> for Failure {
    fn from(error: MeetError) -> Failure {
        let failure = Failure::refused(&error);
        match error {
            MeetError::OtherCluster { node, lone: Some(lone), .. } => not_empty(&node, failure)
                .hint(format!(
                    "nothing was changed; {lone} is in no cluster; to add it to the cluster of {node}: rcluster add-node {lone} {node}"
                )),
            MeetError::OtherCluster { node, .. } => not_empty(&node, failure).hint(format!(
                "to add it alone, take it out of its cluster first: rcluster reset {node} --hard"
            )),
            MeetError::TlsApart(_) => failure.hint(SAME_TLS),
            MeetError::BadAddress(_) => failure.hint(USABLE_ADDRESS),
            MeetError::FamiliesApart(_) => failure.hint(ONE_FAMILY),
            MeetError::SlotClash { .. } | MeetError::SameId(..) => failure,
        }
    }
}

impl From<JoinError> for Failure {
    fn from(error: JoinError) -> Failure {
        let failure = Failure::refused(&error);
        match error {
            JoinError::Meet(error) => error.into(),
            JoinError::NotEmpty { node, .. } => not_empty(&node, failure)
                .hint(format!("to delete what it holds: rcluster reset {node} --flush")),
            JoinError::IsReplica { node, .. } => not_empty(&node, failure)
                .hint(format!("to give it another master: rcluster replicate {node} MASTER")),
            JoinError::Unreachable { node, why } => Failure::unreachable(&node, &why),
            JoinError::IsMaster { node, .. } => {
                not_empty(&node, failure).hint("nothing was changed")
            }
            JoinError::NotAMaster { .. } | JoinError::Itself(_) | JoinError::NoMasters => {
                failure.hint("nothing was changed")
            }
        }
    }
}

impl From<LeaveError> for Failure {
    fn from(error: LeaveError) -> Failure {
        let failure = Failure::refused(&error);
        match error {
            LeaveError::Transfer(error) => error.into(),
            LeaveError::OwnsSlots { .. } => {
                failure.hint("nothing was changed; --drain moves them away first, with their keys")
            }
            LeaveError::DeadOwner { replica: Some(replica), .. } => failure.hint(format!(
                "nothing was changed; its replica has the keys: rcluster failover {replica} {replica} --force"
            )),
            LeaveError::DeadOwner { node, .. } => failure.hint(format!(
                "nothing was changed; restart it, or replace it:\n\
                 rcluster replace-node ENTRY {node} NEW"
            )),
            LeaveError::HoldsKeys { node, .. } => failure.hint(format!(
                "nothing was changed; move them to their owners: rcluster fix {node}"
            )),
            LeaveError::NobodyStays => {
                failure.hint("to dissolve a whole cluster: rcluster reset NODE…")
            }
        }
    }
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Failure {
        let failure = Failure::refused(&error);
        failure.hint(match error {
            ImportError::Itself(_) => "nothing was changed; --from has to be outside this cluster",
            ImportError::Replica(_) => "nothing was changed; name its master, or --copy its keys",
            ImportError::Unowned(_) | ImportError::NotServing(_) => {
                "nothing was changed; run rcluster check: it reports the problem and its fix"
            }
        })
    }
}

impl From<TransferError> for Failure {
    fn from(error: TransferError) -> Failure {
        let failure = Failure::refused(&error);
        match error {
            TransferError::Unreachable { node, why } => Failure::unreachable(&node, &why),
            TransferError::IsReplica { master, .. } => failure.hint(format!("name its master: {master}")),
            TransferError::OpenElsewhere { slot, from, to } => failure.hint(format!(
                "nothing was changed; finish that one first:\nrcluster reshard {from} --slots {slot} --to {to}"
            )),
            TransferError::NoRoom { .. } => {
                failure.hint("nothing was changed; raise its maxmemory or choose another target")
            }
            TransferError::OpenOddly { .. }
            | TransferError::Conflict { .. }
            | TransferError::NotServing { .. }
            | TransferError::Unowned { .. } => {
                failure.hint("nothing was changed; run rcluster check: it reports the problem and its fix")
            }
            TransferError::TooMany { .. }
            | TransferError::ToItself(_)
            | TransferError::Weights(_)
            | TransferError::NoMasters => failure.hint("nothing was changed"),
        }
    }
}

impl From<TopologyError> for Failure {
    fn from(error: TopologyError) -> Failure {
        let failure = Failure::refused(&error);
        match error {
            TopologyError::Unreachable { .. } => {
                Failure { exit_code: exit::UNREACHABLE, ..failure }
                    .hint("nothing was changed; bring it back first, or take it out of the file")
            }
            TopologyError::Conflict { .. } => {
                failure.hint("nothing was changed; run rcluster check: it reports the problem and its fix")
            }
            TopologyError::HoldsKeys { .. } => failure.hint(
                "nothing was changed; keys that no node owns: rcluster check ENTRY --keys reports them",
            ),
            TopologyError::Slots(_) | TopologyError::NoMaster { .. } => {
                failure.hint("nothing was changed")
            }
        }
    }
}

impl From<AssignError> for Failure {
    fn from(error: AssignError) -> Failure {
        let failure = Failure::refused(&error);
        match error {
            AssignError::Taken { owner, .. } => {
                failure.hint(format!("see the slot owners: rcluster nodes {owner}"))
            }
            AssignError::IsReplica { master, .. } => {
                failure.hint(format!("name its master: {master}"))
            }
            AssignError::NotOwned { node, owner, .. } => failure
                .hint(format!("see the slot owners: rcluster nodes {}", owner.unwrap_or(node))),
            AssignError::Open { node, .. } => {
                failure.hint(format!("see both ends: rcluster check {node}"))
            }
        }
    }
}

impl From<ReplicateError> for Failure {
    fn from(error: ReplicateError) -> Failure {
        let failure = Failure::refused(&error);
        match error {
            ReplicateError::OwnsSlots { node, slots } => {
                let ranges = slots.ranges().iter().join(" ");
                failure.hint(format!("if they hold no keys: rcluster delslots {node} {ranges}"))
            }
            ReplicateError::HasKeys { node, .. } => {
                let addr: Option<NodeAddr> = node.parse().ok();
                let flush = addr.map(|addr| {
                    format!("redis-cli -h {} -p {} FLUSHALL", addr.shell_host(), addr.port())
                });
                let flush = flush.unwrap_or_else(|| format!("FLUSHALL on {node}"));
                failure.hint(format!("if they can be deleted: {flush}"))
            }
            ReplicateError::Find(error) => {
                let meant = match error {
                    FindError::Unknown(unknown) => unknown.meant,
                    FindError::Ambiguous(..) => None,
                };
                let name = "name it by address, id, or the start of its id; a node outside the cluster is added with rcluster meet";
                failure.hint(
                    meant.map_or_else(|| name.to_owned(), |meant| format!("did you mean {meant}?")),
                )
            }
            ReplicateError::Itself(_)
            | ReplicateError::NotAMaster { .. }
            | ReplicateError::Handshake(_) => failure,
        }
    }
}

/// Nodes that cannot take part in a new cluster.
impl From<Vec<Precondition>> for Failure {
    fn from(objections: Vec<Precondition>) -> Failure {
        let nodes = objections.iter().filter_map(Precondition::node).unique().join(" ");
        let holds = |objection: &Precondition| {
            matches!(objection, Precondition::HasKeys { .. } | Precondition::HasFunctions { .. })
        };
        let flush = if objections.iter().any(holds) { " --flush" } else { "" };
        let hint = (!nodes.is_empty()).then(|| {
                format!("only empty nodes can form a cluster; to delete what these hold: rcluster reset {nodes}{flush}")
            });
        let hint = hint.or_else(|| {
            let of_all = objections.iter().find_map(|objection| match objection {
                Precondition::TlsApart(_) => Some(SAME_TLS),
                Precondition::BadAddress(_) => Some(USABLE_ADDRESS),
                Precondition::FamiliesApart(_) => Some(ONE_FAMILY),
                _ => None,
            });
            of_all.map(str::to_owned)
        });
        let failure = match &objections[..] {
            [one] => Failure::refused(one),
            several => Failure::refused("these nodes cannot form this cluster")
                .details(several.iter().map(Precondition::to_string)),
        };
        let nodes = objections.iter().filter_map(Precondition::node).unique();
        let known_as = nodes.map(|node| Refusal::NotEmpty(node.clone())).collect();
        Failure { hint, known_as, ..failure }
    }
}

/// The old programs have one word for all that a node may not have.
fn not_empty(node: &NodeAddr, failure: Failure) -> Failure {
    Failure { known_as: vec![Refusal::NotEmpty(node.clone())], ..failure }
}

/// Nodes that are not reset.
impl From<Vec<ResetError>> for Failure {
    fn from(errors: Vec<ResetError>) -> Failure {
        let failure = match &errors[..] {
            [one] => Failure::refused(one),
            several => Failure::refused("these nodes are not reset")
                .details(several.iter().map(ResetError::to_string)),
        };
        let holds = errors.iter().any(|error| matches!(error, ResetError::HoldsData { .. }));
        let serves = errors.iter().any(|error| matches!(error, ResetError::Serves { .. }));
        let flags = [(holds, "--flush"), (serves, "--force")];
        let flags = flags.iter().filter(|(is_so, _)| *is_so).map(|(_, flag)| *flag).join(" and ");
        failure.hint(format!("to proceed, rerun with {flags}"))
    }
}
