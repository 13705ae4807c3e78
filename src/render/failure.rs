//! Errors as text, a hint and an exit code: the one place that knows all three.

use itertools::Itertools;
use serde::Serialize;

use super::migrate::restore;
use super::ui::{Manner, NotConfirmed, Ui};
use crate::model::{ClusterReport, NodeAddr, NodeId, NodeList};
use crate::ops::backup::{BackupError, Flaw};
use crate::ops::migrate::MigrateError;
use crate::ops::{Gap, HaltCause, Halted, TimeoutsError};
use crate::plan::assign::AssignError;
use crate::plan::create::Objection;
use crate::plan::import::ImportError;
use crate::plan::join::JoinError;
use crate::plan::leave::LeaveError;
use crate::plan::meet::MeetError;
use crate::plan::replicate::ReplicateError;
use crate::plan::reset::ResetError;
use crate::plan::transfer::TransferError;
use crate::sandbox::SandboxError;
use crate::wire::{TlsError, WireError};

/// What the process ends with. Part of the contract with scripts: README, "Exit codes".
pub mod exit {
    /// Done, or healthy.
    pub const OK: u8 = 0;
    /// The cluster has problems, or the operation was refused before anything changed.
    pub const PROBLEMS: u8 = 1;
    /// What was typed cannot be right, whatever the servers say.
    pub const USAGE: u8 = 2;
    /// A node cannot be reached or refuses the credentials.
    pub const UNREACHABLE: u8 = 3;
    /// Stopped after something had changed.
    pub const HALTED: u8 = 4;
}

/// What to do where nodes differ in it; a server takes it at run time too.
const SAME_TLS: &str = "nothing was changed; give all of them the same: CONFIG SET tls-cluster yes, and the same in their config files";

/// How many of many details are printed.
const DETAILS: usize = 12;

/// What was typed cannot be right.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Usage {
    message: String,
    hint: Option<String>,
}

impl Usage {
    pub fn new(message: impl Into<String>) -> Usage {
        Usage { message: message.into(), hint: None }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Usage {
        self.hint = Some(hint.into());
        self
    }
}

/// A failure as it is shown.
#[derive(Clone, Debug, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub message: String,
    /// Further lines: each node that failed, each gap that is left.
    pub details: Vec<String>,
    pub hint: Option<String>,
    pub exit_code: u8,
    /// Whether anything was changed on any node.
    pub changed: bool,
}

impl Failure {
    fn new(exit_code: u8, message: impl ToString) -> Failure {
        let message = message.to_string();
        Failure { message, details: Vec::new(), hint: None, exit_code, changed: false }
    }

    /// What was typed cannot be right.
    pub fn usage(message: impl ToString) -> Failure {
        Failure::new(exit::USAGE, message)
    }

    /// The operation was refused, and nothing was changed.
    pub fn refused(message: impl ToString) -> Failure {
        Failure::new(exit::PROBLEMS, message)
    }

    /// A node that would have to be told gives no answer; nothing was changed.
    pub fn untold(message: impl ToString) -> Failure {
        Failure::new(exit::UNREACHABLE, message).hint("bring it back, or go on without it: --force")
    }

    /// The node that all is about gives no answer; nothing was changed.
    pub fn silent(node: &str, why: &str) -> Failure {
        Failure::new(exit::UNREACHABLE, format!("{node} gives no answer: {why}"))
            .hint("nothing was changed; bring it back first")
    }

    /// The first of these nodes that loads its data: it would come back after it was given up.
    pub fn loading(report: &ClusterReport, nodes: &[NodeId], entry: &NodeList) -> Option<Failure> {
        let silent = nodes.iter().find_map(|id| report.loading(*id))?;
        let hint =
            format!("nothing was changed; to wait for it: rcluster check {entry} --wait 10m");
        Some(Failure::refused(&silent.why).hint(hint))
    }

    /// It stopped half-way.
    pub fn halted(message: impl ToString) -> Failure {
        Failure { changed: true, ..Failure::new(exit::HALTED, message) }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }

    pub fn details(mut self, details: impl IntoIterator<Item = String>) -> Failure {
        self.details.extend(details);
        self
    }

    /// Several nodes failed before anything was changed.
    pub fn unreachable(errors: &[WireError]) -> Failure {
        match errors {
            [one] => wire(one),
            errors => {
                let worst = errors.iter().map(wire).max_by_key(|failure| failure.exit_code);
                let worst = worst.unwrap_or_else(|| Failure::refused("no node answered"));
                let message = format!("{} nodes cannot take part", errors.len());
                Failure { message, ..worst }.details(errors.iter().map(WireError::to_string))
            }
        }
    }

    /// Nodes that cannot take part in a new cluster.
    pub fn objections(objections: &[Objection]) -> Failure {
        let nodes = objections.iter().filter_map(Objection::node).unique().join(" ");
        let holds = |objection: &Objection| {
            matches!(objection, Objection::HasKeys { .. } | Objection::HasFunctions { .. })
        };
        let flush = if objections.iter().any(holds) { " --flush" } else { "" };
        let hint = (!nodes.is_empty()).then(|| {
            format!("only empty nodes form a cluster; to empty these for good: rcluster reset {nodes}{flush}")
        });
        let hint = hint.or_else(|| {
            let apart = |objection| matches!(objection, &Objection::TlsApart(_));
            objections.iter().any(apart).then(|| SAME_TLS.to_owned())
        });
        let failure = match objections {
            [one] => Failure::refused(one),
            several => Failure::refused("these nodes cannot form the cluster that was asked for")
                .details(several.iter().map(Objection::to_string)),
        };
        Failure { hint, ..failure }
    }

    /// Nodes that are not reset.
    pub fn resets(errors: &[ResetError]) -> Failure {
        let failure = match errors {
            [one] => Failure::refused(one),
            several => Failure::refused("these nodes are not reset")
                .details(several.iter().map(ResetError::to_string)),
        };
        let holds = errors.iter().any(|error| matches!(error, ResetError::HoldsData { .. }));
        let serves = errors.iter().any(|error| matches!(error, ResetError::Serves { .. }));
        let flags = [(holds, "--flush"), (serves, "--force")];
        let flags = flags.iter().filter(|(is_so, _)| *is_so).map(|(_, flag)| *flag).join(" and ");
        failure.hint(format!("where they may be lost, say so with {flags}"))
    }

    /// Any error a command ends with.
    pub fn of(error: &anyhow::Error) -> Failure {
        let found = error.chain().find_map(|cause| {
            if let Some(failure) = cause.downcast_ref::<Failure>() {
                return Some(failure.clone());
            }
            if let Some(Usage { message, hint }) = cause.downcast_ref() {
                return Some(Failure { hint: hint.clone(), ..Failure::new(exit::USAGE, message) });
            }
            cause
                .downcast_ref()
                .map(wire)
                .or_else(|| cause.downcast_ref().map(halted))
                .or_else(|| {
                    let error: Option<&MigrateError> = cause.downcast_ref();
                    Some(Failure::of_migrate_error(error?, false))
                })
                .or_else(|| cause.downcast_ref().map(meet))
                .or_else(|| cause.downcast_ref().map(assign))
                .or_else(|| cause.downcast_ref().map(replicate))
                .or_else(|| cause.downcast_ref().map(join))
                .or_else(|| cause.downcast_ref().map(leave))
                .or_else(|| cause.downcast_ref().map(timeouts))
                .or_else(|| cause.downcast_ref().map(import))
                .or_else(|| cause.downcast_ref().map(backup))
                .or_else(|| cause.downcast_ref::<Flaw>().map(Failure::refused))
                .or_else(|| cause.downcast_ref().map(transfer))
                .or_else(|| cause.downcast_ref().map(sandbox))
                .or_else(|| cause.downcast_ref().map(not_confirmed))
                .or_else(|| {
                    cause.downcast_ref::<TlsError>().map(|error| Failure::new(exit::USAGE, error))
                })
        });
        found.unwrap_or_else(|| Failure::refused(error.chain().join(": ")))
    }

    /// Shows it: text on stderr, and where JSON is wanted a document on stdout.
    pub fn show(&self, ui: &Ui) {
        self.tell(ui);
        if ui.wants_json() {
            let _ = self.print_json(ui);
        }
    }

    /// Tells it on stderr.
    pub fn tell(&self, ui: &Ui) {
        let red = console::Style::new().red().bold();
        match ui.manner() {
            Manner::Own => ui.say(&format!("{} {}", ui.paint_err("error:", red), self.message)),
            // Where scripts look for it. Nothing can be done where nobody can read it.
            Manner::RedisCli => drop(ui.print(&format!("[ERR] {}", self.message))),
        }
        self.details.iter().take(DETAILS).for_each(|detail| ui.say(&format!("  - {detail}")));
        if self.details.len() > DETAILS {
            ui.say(&format!("  - and {} more", self.details.len() - DETAILS));
        }
        if let Some(hint) = &self.hint {
            let mut lines = hint.lines();
            let label = ui.paint_err("hint:", console::Style::new().cyan());
            ui.say(&format!("{label} {}", lines.next().unwrap_or_default()));
            lines.for_each(|line| ui.say(&format!("      {line}")));
        }
    }

    /// As the one document on stdout.
    pub fn print_json(&self, ui: &Ui) -> anyhow::Result<()> {
        ui.print_json(&serde_json::json!({ "error": self }))
    }
}

fn wire(error: &WireError) -> Failure {
    let addr = error.addr();
    let (host, port) = (addr.host(), addr.port());
    let (code, hint) = match error {
        error if error.is_cluster_off() => (
            exit::PROBLEMS,
            "put 'cluster-enabled yes' into its config file and restart it".to_owned(),
        ),
        error if error.refusal().is_some_and(|said| said.starts_with("NOPERM")) => (
            exit::UNREACHABLE,
            "the rights that commands need: rcluster acl, or rcluster acl COMMAND".to_owned(),
        ),
        error if error.is_denied() => (
            exit::UNREACHABLE,
            "give the password in REDISCLI_AUTH, with --password-file or --askpass, and the user with --user; \
             the user needs the commands CLUSTER, INFO and CONFIG"
                .to_owned(),
        ),
        WireError::Resolve { .. } => (exit::UNREACHABLE, "is the name spelled right? An IP address works as well".to_owned()),
        WireError::Connect { .. } => (
            exit::UNREACHABLE,
            format!("does a server listen there, and does a firewall let you through? Try: redis-cli -h {host} -p {port} PING"),
        ),
        WireError::Tls { .. } => (
            exit::UNREACHABLE,
            "is this the TLS port? --cacert names who is trusted, --sni the server's name, --tls-verify ca checks no names".to_owned(),
        ),
        WireError::Timeout { .. } => (
            exit::UNREACHABLE,
            "it accepts connections but is busy or stopped; --timeout sets how long to wait".to_owned(),
        ),
        WireError::Lost { .. } => (
            exit::UNREACHABLE,
            "does it want TLS (--tls), or did it just end? Its log tells".to_owned(),
        ),
        WireError::NotRedis { .. } => (
            exit::UNREACHABLE,
            format!("is {port} the port for clients? The cluster bus (its port + 10000) speaks another language"),
        ),
        WireError::Loading { addr, .. } => {
            (exit::UNREACHABLE, format!("to wait for it: rcluster check {addr} --wait 10m"))
        }
        error if error.is_loading() => {
            (exit::UNREACHABLE, "it is still loading its data: try again when it is done".to_owned())
        }
        WireError::Refused { .. } | WireError::Unexpected { .. } | WireError::View { .. } => {
            (exit::PROBLEMS, "nothing was changed".to_owned())
        }
        // What each of them said is told apart from all.
        WireError::NoneAnswers { errors, .. } => {
            return Failure { message: error.to_string(), ..Failure::unreachable(errors) };
        }
    };
    Failure::new(code, error).hint(hint)
}

fn not_confirmed(error: &NotConfirmed) -> Failure {
    match error {
        NotConfirmed::NoTerminal => {
            Failure::usage(error).hint("add --yes to go ahead, or --dry-run to see the plan only")
        }
        NotConfirmed::No | NotConfirmed::Io(_) => Failure::refused(error),
    }
}

fn meet(error: &MeetError) -> Failure {
    let failure = Failure::refused(error);
    match error {
        MeetError::OtherCluster { node, .. } => failure.hint(format!(
            "to add it alone, take it out of its cluster first: rcluster reset {node} --hard"
        )),
        MeetError::TlsApart(_) => failure.hint(SAME_TLS),
        MeetError::SlotClash { .. } | MeetError::SameId(..) => failure,
    }
}

fn join(error: &JoinError) -> Failure {
    let failure = Failure::refused(error);
    match error {
        JoinError::Meet(error) => meet(error),
        JoinError::NotEmpty { node, .. } => {
            failure.hint(format!("to empty it for good: rcluster reset {node} --flush"))
        }
        JoinError::IsReplica { node, .. } => {
            failure.hint(format!("to give it another master: rcluster replicate {node} MASTER"))
        }
        JoinError::Silent { node, why } => Failure::silent(node, why),
        JoinError::IsMaster { .. }
        | JoinError::NotAMaster { .. }
        | JoinError::Itself(_)
        | JoinError::NoMasters => failure.hint("nothing was changed"),
    }
}

fn leave(error: &LeaveError) -> Failure {
    let failure = Failure::refused(error);
    match error {
        LeaveError::Transfer(error) => transfer(error),
        LeaveError::OwnsSlots { .. } => {
            failure.hint("nothing was changed; --drain moves them away first, with their keys")
        }
        LeaveError::DeadOwner { replica: Some(replica), .. } => failure.hint(format!(
            "nothing was changed; its replica has the keys: rcluster failover {replica} {replica} --force"
        )),
        LeaveError::DeadOwner { node, .. } => failure.hint(format!(
            "nothing was changed; bring it back, or put a new node in its place:\n\
             rcluster replace-node ENTRY {node} NEW"
        )),
        LeaveError::HoldsKeys { node, .. } => failure.hint(format!(
            "nothing was changed; rcluster fix {node} brings them to their owners"
        )),
        LeaveError::NobodyStays => {
            failure.hint("to take a whole cluster apart: rcluster reset NODE…")
        }
    }
}

fn import(error: &ImportError) -> Failure {
    let failure = Failure::refused(error);
    failure.hint(match error {
        ImportError::Itself(_) => "nothing was changed; --from names a server outside of it",
        ImportError::Replica(_) => "nothing was changed; name its master, or --copy its keys",
        ImportError::Unowned(_) | ImportError::NotServing(_) => {
            "nothing was changed; rcluster check tells what is wrong and what mends it"
        }
    })
}

fn backup(error: &BackupError) -> Failure {
    let failure = match error {
        BackupError::Wire(error) => wire(error),
        BackupError::Exists(_) | BackupError::Foreign { .. } | BackupError::Busy(_) => {
            Failure::usage(error)
        }
        _ => Failure::refused(error),
    };
    failure.hint(match error {
        BackupError::Exists(dir) => format!(
            "name another folder, or look at this one: rcluster backup --verify {}",
            dir.display()
        ),
        BackupError::Foreign { .. } => "name a new folder, or an empty one".to_owned(),
        BackupError::Busy(_) => "wait for it, or name another folder".to_owned(),
        BackupError::Moved => "nothing was saved; run it again once no slots move".to_owned(),
        _ => "there is no backup: what had come is deleted; run it again once this is mended"
            .to_owned(),
    })
}

fn timeouts(error: &TimeoutsError) -> Failure {
    let TimeoutsError { errors, unsaved, left } = error;
    let replies = errors.iter().map(WireError::to_string);
    if left.is_empty() && *unsaved {
        return Failure::refused(error).details(replies).hint(
            "every node has its old timeout; fix the cause on these nodes, or add --runtime-only:\n\
             the timeout is set and not saved, and a node that restarts uses its config file's",
        );
    }
    if left.is_empty() {
        let failure = Failure::unreachable(errors);
        return Failure { message: error.to_string(), ..failure }
            .hint("every node has its old timeout; fix the cause, then rerun");
    }
    let several = errors.len() > 1 || *unsaved;
    let replies = replies.filter(|_| several).collect_vec();
    let details = left.iter().map(|left| {
        format!("{} may have kept the new one, it had {} ms: {}", left.node, left.before, left.why)
    });
    Failure::halted(error)
        .details(replies)
        .details(details)
        .hint("once they can be told, run the same command again, or with the old value")
}

fn transfer(error: &TransferError) -> Failure {
    let failure = Failure::refused(error);
    match error {
        TransferError::Silent { node, why } => Failure::silent(node, why),
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
            failure.hint("nothing was changed; rcluster check tells what is wrong and what mends it")
        }
        TransferError::TooMany { .. }
        | TransferError::ToItself(_)
        | TransferError::Weights(_)
        | TransferError::NoMasters => failure.hint("nothing was changed"),
    }
}

fn assign(error: &AssignError) -> Failure {
    let failure = Failure::refused(error);
    match error {
        AssignError::Taken { owner, .. } => {
            failure.hint(format!("see who owns what: rcluster nodes {owner}"))
        }
        AssignError::IsReplica { master, .. } => failure.hint(format!("name its master: {master}")),
        AssignError::NotOwned { node, owner, .. } => failure
            .hint(format!("see who owns what: rcluster nodes {}", owner.as_ref().unwrap_or(node))),
        AssignError::Open { node, .. } => {
            failure.hint(format!("see both ends: rcluster check {node}"))
        }
    }
}

fn replicate(error: &ReplicateError) -> Failure {
    let failure = Failure::refused(error);
    match error {
        ReplicateError::OwnsSlots { node, slots } => {
            let ranges = slots.ranges().iter().join(" ");
            failure.hint(format!("where they hold no keys: rcluster delslots {node} {ranges}"))
        }
        ReplicateError::HasKeys { node, .. } => {
            let addr: Option<NodeAddr> = node.parse().ok();
            let place = addr.map(|addr| format!("-h {} -p {}", addr.host(), addr.port()));
            failure.hint(format!("if they may go: redis-cli {} FLUSHALL", place.unwrap_or_default()))
        }
        ReplicateError::Find(_) => failure.hint("name it by address, id, or the start of its id; a node that is not in the cluster yet is added with rcluster meet"),
        ReplicateError::Itself(_) | ReplicateError::NotAMaster { .. } | ReplicateError::Handshake(_) => failure,
    }
}

fn sandbox(error: &SandboxError) -> Failure {
    let failure = Failure::refused(error);
    match error {
        SandboxError::NoServer => failure.hint(
            "install one: apt-get install redis-server (or valkey-server), brew install redis;\n\
             or name its program: --server PROGRAM",
        ),
        SandboxError::NotOnPath { name } => Failure::usage(error).hint(format!(
            "a name without / is looked up on PATH; for a file in this directory: --server ./{}",
            name.display()
        )),
        SandboxError::NotRunnable { .. }
        | SandboxError::NoServerProgram { .. }
        | SandboxError::TooOld { .. } => Failure::usage(error)
            .hint("name a redis-server or valkey-server that can be run: --server PROGRAM"),
        SandboxError::PortTaken { .. } => failure.hint("choose others with --ports 7101-7106"),
        SandboxError::PortTooHigh { .. } => failure.hint("choose ports up to 55535"),
        SandboxError::FolderName { .. } => {
            Failure::usage(error).hint("name another folder with --dir")
        }
        SandboxError::Untold { .. } => failure.hint(
            "is it suspended, busy, or behind a password? It may be this playground's own: end it yourself,\n\
             then run the same command again",
        ),
        SandboxError::Foreign { .. } => failure.hint(
            "end what runs there, then run the same command again; without --purge nothing is deleted",
        ),
        SandboxError::NoSandbox(_) => {
            failure.hint("start one with rcluster sandbox up, or name its folder with --dir")
        }
        _ => failure,
    }
}

fn halted(halted: &Halted) -> Failure {
    let done = halted.done.iter().map(|phase| phase.words()).join(", ");
    let done = if done.is_empty() { "nothing".to_owned() } else { done };
    let message = match &halted.cause {
        // The error names its node and what it said itself.
        HaltCause::Wire(error) => format!("while {}: {error}", halted.during.words()),
        cause => cause.to_string(),
    };
    let mut failure = match (&halted.cause, halted.changed) {
        (_, true) => Failure::halted(message),
        (HaltCause::Wire(error), false) => wire(error),
        (_, false) => Failure::refused(message),
    };
    failure.hint = Some(match &halted.cause {
        HaltCause::TimeoutLeft(left) => {
            failure.details.extend(left.iter().map(|left| format!("{}: {}", left.node, left.why)));
            let mend = left.iter().map(restore).join("\n");
            format!("{mend}\nor run the same command again (done: {done})")
        }
        HaltCause::NotMet { gaps, nodes, bus_tls, .. } => {
            failure.details.extend(unmet(gaps, *nodes));
            failure.details.extend(bus_tls.then(|| {
                "tls-cluster is yes: the bus fails as well where a node's certificate is not trusted by \
                 the others (tls-ca-cert-file), or not fit for clients as well as for servers; the \
                 nodes' logs tell of it".to_owned()
            }));
            format!(
                "nodes talk to each other on the bus port: it has to be open both ways, and nodes have to announce\n\
                 addresses that all others reach (cluster-announce-ip, -port, -bus-port behind NAT or in Docker).\n\
                 Done: {done}. Run the same command again: it goes on where this one stopped"
            )
        }
        HaltCause::NotAgreed { gaps, .. } => {
            failure.details.extend(gaps.iter().map(Gap::to_string));
            format!("done: {done}. Run the same command again: it goes on where this one stopped")
        }
        HaltCause::NotPromoted { why, .. } => {
            failure.details.extend(why.iter().cloned());
            "run the same command again: it goes on where this one stopped; without the master's\n\
             consent: --force, without a majority's: --takeover"
                .to_owned()
        }
        _ => format!("done: {done}. Run the same command again: it goes on where this one stopped"),
    });
    failure
}

/// Who cannot reach whom and the likely cause, one line an unreached bus port.
///
/// A node finishes the handshake over its own connection to the other's bus: where its view lacks
/// a node, that is the connection that is missing.
fn unmet(gaps: &[Gap], nodes: usize) -> Vec<String> {
    let is_loopback = |addr: &NodeAddr| addr.ip().is_some_and(|ip| ip.is_loopback());
    let by_subject = gaps.iter().into_group_map_by(|gap| gap.subject.bus());
    let line = |(bus, gaps): (String, Vec<&Gap>)| {
        let subject = &gaps[0].subject;
        let observers = gaps.iter().map(|gap| gap.observer.to_string()).sorted().collect_vec();
        let more = observers.len().saturating_sub(3);
        let mut who = observers.iter().take(3).join(", ");
        if more > 0 {
            who += &format!(" and {more} more");
        }
        let cause = if is_loopback(subject) && gaps.iter().any(|gap| !is_loopback(&gap.observer)) {
            "it is named by a loopback address, which leads other hosts to themselves"
        } else if observers.len() + 1 == nodes {
            "nobody can: a firewall closes that port, or it is not the port of its bus"
        } else {
            "others can: something between these hosts is in the way"
        };
        format!("{who} cannot reach {bus}, the bus of {subject}; {cause}")
    };
    by_subject.into_iter().map(line).sorted().collect()
}
