//! A replica takes its master's place.

use std::time::{Duration, Instant};

use itertools::Itertools;

use super::abort::{AbortCause, Aborted};
use super::event::{Observer, Phase, Tally};
use super::phases::Phases;
use super::readiness::Readiness;
use super::wait::{Deadline, Waited};
use crate::model::{ClusterReport, ClusterView, Link, NodeId, NodeReport, Role, ServerVersion};
use crate::plan::check::owners;
use crate::plan::readiness::Unready;
use crate::wire::{Cluster, Promotion, WireError, all_at_once};

/// A manual failover that has not succeeded is given up by the server after 5 s (`cluster.c`,
/// CLUSTER_MF_TIMEOUT); asking again before would start it afresh.
const AGAIN: Duration = Duration::from_millis(5500);

/// When CLUSTER FAILOVER is sent again. Each time the master holds its writers for up to 5 s, and
/// a replica that was elected within the last four node timeouts is not elected again by then
/// (`cluster.c`, clusterHandleSlaveFailover): after each second try that is waited for.
struct Asks {
    recovers: Duration,
    times: u32,
    first_of_two: Option<Instant>,
    last: Option<Instant>,
}

impl Asks {
    fn new(report: &ClusterReport, how: Promotion) -> Asks {
        let longest = report.nodes.iter().filter_map(NodeReport::node_timeout).max();
        let recovers = match how {
            Promotion::Agreed => AGAIN.max(Duration::from_millis(longest.unwrap_or(0) * 4)),
            Promotion::Forced | Promotion::Takeover => AGAIN,
        };
        Asks { recovers, times: 0, first_of_two: None, last: None }
    }

    fn is_due(&self) -> bool {
        let after = |since: Option<Instant>, pause| since.is_none_or(|at| at.elapsed() > pause);
        after(self.last, AGAIN) && (self.times % 2 == 1 || after(self.first_of_two, self.recovers))
    }

    fn asked(&mut self) {
        self.last = Some(Instant::now());
        if self.times.is_multiple_of(2) {
            self.first_of_two = self.last;
        }
        self.times += 1;
    }
}

/// Has `replica` promoted, once it is ready where its master is to agree, and waits until every node
/// sees it as the master, and those of its shard that answer as its replicas. The server's OK only
/// says that it has begun. Replicas that do not follow by themselves are told to.
///
/// Gives the nodes that stopped answering meanwhile.
pub fn promote(
    cluster: &mut Cluster,
    replica: NodeId,
    how: Promotion,
    deadline: &Deadline,
    observer: &dyn Observer,
) -> Result<Vec<WireError>, Aborted> {
    let phases = Phases::new(deadline, observer);
    phases.run(Phase::Promote, |tally| {
        tally.expect(cluster.servers.len());
        if how == Promotion::Agreed {
            until_ready(cluster, replica, deadline, tally)?;
        }
        until_seen(cluster, replica, how, deadline, tally, &phases)
    })
}

/// Waits until the replica has all that its master has: the master holds its clients meanwhile
/// otherwise, for as long as that takes.
fn until_ready(
    cluster: &mut Cluster,
    replica: NodeId,
    deadline: &Deadline,
    tally: &Tally,
) -> Result<(), AbortCause> {
    let Cluster { report, servers } = cluster;
    let at = |id: NodeId| report.nodes.iter().position(|node| node.id() == id);
    let Some(index) = at(replica) else { return Ok(()) };
    let Some(master) = report.nodes[index].view.me().role.master() else { return Ok(()) };
    let Some(Ok([own, above])) = at(master).map(|above| servers.get_disjoint_mut([index, above]))
    else {
        return Ok(());
    };
    let via = &report.nodes[index].via;
    let mut readiness = Readiness::under(master);
    let waited = deadline.together().until_empty(|| {
        // One that was promoted, or given another master, meanwhile is judged below.
        let has_role =
            |lack: &Unready| !matches!(lack, Unready::IsMaster | Unready::OtherMaster(_));
        let lack = readiness.look(own, above)?.filter(has_role);
        lack.iter().for_each(|lack| tally.waits(format!("{via} {lack}")));
        Ok::<_, WireError>(lack.into_iter().collect())
    })?;
    match waited {
        Waited::Done(_) => Ok(()),
        Waited::Incomplete(lacks) => {
            let why = lacks.iter().map(Unready::to_string).join("");
            Err(AbortCause::NotReady { replica: via.clone(), why, after: deadline.allowed() })
        }
    }
}

fn until_seen(
    cluster: &mut Cluster,
    replica: NodeId,
    how: Promotion,
    deadline: &Deadline,
    tally: &Tally,
    phases: &Phases,
) -> Result<Vec<WireError>, AbortCause> {
    let Cluster { report, servers } = cluster;
    let Some(index) = report.nodes.iter().position(|node| node.id() == replica) else {
        return Ok(Vec::new());
    };
    let old = report.nodes[index].view.me().role.master();
    let in_shard =
        |id: NodeId, role: Role| Some(id) == old || (old.is_some() && role.master() == old);
    let shard: Vec<NodeId> = report
        .nodes
        .iter()
        .map(|node| (node.id(), node.view.me().role))
        .filter(|(id, role)| *id != replica && in_shard(*id, *role))
        .map(|(id, _)| id)
        .collect();
    // Such a server goes on holding its clients once it is a replica.
    let stays_paused =
        |version: &str| ServerVersion::parse(version).is_some_and(ServerVersion::stays_paused);
    let mut paused =
        report.nodes.iter().position(|node| Some(node.id()) == old && stays_paused(&node.version));
    let mut asks = Asks::new(report, how);
    let mut told = Vec::new();
    let (mut lost, mut moved) = (Vec::new(), None);
    let waited = deadline.together().until_empty(|| {
        let views = all_at_once(servers.iter_mut(), |server| server.view());
        lost.clear();
        let mut seen = Vec::new();
        for (number, (view, node)) in views.into_iter().zip(&report.nodes).enumerate() {
            match view {
                Err(error) if number == index => return Err(error),
                Err(error) => lost.push(error),
                Ok(view) => seen.push((node.id(), node.via.clone(), view)),
            }
        }
        let own_role = |id: NodeId| {
            let own = seen.iter().find(|(other, ..)| *other == id);
            own.map(|(_, _, view)| view.me().role)
        };
        let answers = |id: NodeId| own_role(id).is_some();
        // Replica migration may take one to another shard meanwhile: what it reports itself counts.
        let roles: Vec<(NodeId, Role)> =
            shard.iter().filter_map(|id| Some((*id, own_role(*id)?))).collect();
        let left: Vec<_> = seen
            .iter()
            .filter(|(_, _, view)| !sees(view, replica, old, &roles))
            .map(|(id, via, _)| (*id, via.clone()))
            .collect();
        tally.reach(seen.len() - left.len());
        let follows =
            |at: &usize| own_role(report.nodes[*at].id()).and_then(Role::master) == Some(replica);
        if let Some(at) = paused.take_if(|at| follows(at))
            && let Err(error) = servers[at].unpause_clients()
        {
            tally.note(format!("its clients wait for up to 10 s: {error}"));
        }
        let role = own_role(replica);
        if let Some(now) = role.and_then(Role::master).filter(|now| Some(*now) != old) {
            // Promoted now, it would take another shard's place.
            let replica = report.nodes[index].via.clone();
            moved = Some(AbortCause::Rehomed { replica, master: report.name(now) });
            return Ok(Vec::new());
        }
        for (id, via, view) in &seen {
            if !told.contains(id) && stays_behind(view, replica, old) {
                told.push(*id);
                let at = report.nodes.iter().position(|node| node.id() == *id);
                let answer = at.map(|at| servers[at].replicate(replica));
                let refused = answer.and_then(Result::err).map(|error| format!(": {error}"));
                let refused = refused.unwrap_or_default();
                tally.note(format!("{via} stays under the old master: CLUSTER REPLICATE{refused}"));
            }
        }
        let waits = role.is_some_and(|role| role != Role::Master);
        if waits && asks.is_due() {
            match servers[index].failover(how) {
                // Its bus connection to the master, which answers us, is being made anew.
                Err(WireError::Refused { said, .. })
                    if old.is_some_and(answers) && said.contains("is down or failed") =>
                {
                    return Ok(left);
                }
                // It has become master since it was asked.
                Err(WireError::Refused { said, .. })
                    if asks.last.is_some() && said.contains("FAILOVER to a replica") => {}
                answer => answer?,
            }
            asks.asked();
            phases.set_changed();
        }
        Ok::<_, WireError>(left)
    })?;
    if let Some(cause) = moved {
        return Err(cause);
    }
    match waited {
        Waited::Done(_) => Ok(lost),
        Waited::Incomplete(left) => {
            let mut why: Vec<String> =
                left.iter().map(|(_, via)| format!("{via} does not list the new roles")).collect();
            why.extend(lost.iter().map(ToString::to_string));
            why.extend(obstacles(cluster, index));
            let replica = cluster.report.nodes[index].via.clone();
            Err(AbortCause::NotPromoted { replica, why, after: deadline.allowed() })
        }
    }
}

/// Whether a node stays under the old master although it sees the new one. Redis 7.2 and later have
/// the old master tell everyone at once that it is a replica: a replica that reads this before the
/// new master's claim takes the slots from the old one, and then finds none of its own master's in
/// the claim, which is what would make it follow (`cluster_legacy.c`, clusterUpdateSlotsConfigWith).
fn stays_behind(view: &ClusterView, replica: NodeId, old: Option<NodeId>) -> bool {
    let has_slots = |id| view.node(id).is_some_and(|node| !node.slots.is_empty());
    let master = view.me().role.master().filter(|master| Some(*master) == old);
    let sees_new = view.node(replica).is_some_and(|node| node.role == Role::Master);
    sees_new && has_slots(replica) && master.is_some_and(|master| !has_slots(master))
}

/// Whether a view has the replica as master, and the others of its shard as they report themselves:
/// no longer under `old`.
fn sees(
    view: &ClusterView,
    replica: NodeId,
    old: Option<NodeId>,
    shard: &[(NodeId, Role)],
) -> bool {
    let role = |id: NodeId| view.node(id).map(|node| node.role);
    let has_moved = |own: Role| own.master().is_some_and(|master| Some(master) != old);
    role(replica) == Some(Role::Master)
        && shard.iter().all(|(id, own)| has_moved(*own) && role(*id) == Some(*own))
}

/// What keeps a replica from being promoted, as far as the nodes tell.
fn obstacles(cluster: &mut Cluster, index: usize) -> Vec<String> {
    let Cluster { report, servers } = cluster;
    let mut found = Vec::new();
    let Ok(replica) = servers[index].report() else { return found };
    if let Some(link @ (Link::Down | Link::Syncing)) = replica.link {
        let down = replica.link_down_for.map(|s| format!(" for {s} s")).unwrap_or_default();
        found.push(match link {
            Link::Syncing => {
                format!("the initial sync of {} with its master is not finished", replica.via)
            }
            _ => format!("the replication link of {} to its master is down{down}", replica.via),
        });
    }
    let master = replica.view.me().role.master();
    let at = master.and_then(|id| report.nodes.iter().position(|node| node.id() == id));
    if let Some(at) = at
        && let (Ok(own), Ok(its)) =
            (servers[index].replication_offset(), servers[at].replication_offset())
        && its > own
    {
        found.push(format!("{} lags {} bytes behind its master", replica.via, its - own));
    }
    let owners = owners(report);
    let alive = owners.iter().filter(|(id, _)| report.node(*id).is_some()).count();
    let needed = owners.len() / 2 + 1;
    if alive < needed {
        found.push(format!(
            "{alive} of {} masters with slots answer; a promotion takes the votes of {needed}",
            owners.len()
        ));
    }
    if found.is_empty() {
        found.push(
            "masters refuse a second failover of one shard within twice the node timeout, and Redis does not elect a node twice within four times the timeout"
                .to_owned(),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: char) -> NodeId {
        digit.to_string().repeat(40).parse().unwrap()
    }

    /// What a replica of `master` sees of two others: `a`, which was promoted, and `b`, the old one.
    fn view(master: char, a: (&str, &str), b: (&str, &str)) -> ClusterView {
        let line = |node: char, (role, slots): (&str, &str)| {
            format!("{} 10.0.0.2:6379@16379 {role} 0 1 1 connected {slots}\n", id(node))
        };
        let own = format!("{} 10.0.0.1:1@2 myself,slave {} 0 1 1 connected\n", id('c'), id(master));
        let text = own + &line('a', a) + &line('b', b);
        ClusterView::parse(text, &"10.0.0.1:1".parse().unwrap()).unwrap()
    }

    #[test]
    fn a_replica_stays_behind_once_it_has_seen_all_that_would_move_it() {
        let slave = format!("slave {}", id('a'));
        let stays = |view| stays_behind(&view, id('a'), Some(id('b')));
        assert!(stays(view('b', ("master -", "0-99"), (&slave, ""))));
        assert!(stays(view('b', ("master -", "0-99"), ("master -", ""))));
        // It follows, or has something to hear yet.
        assert!(!stays(view('a', ("master -", "0-99"), (&slave, ""))));
        assert!(!stays(view('b', ("master -", ""), (&slave, ""))));
        assert!(!stays(view('b', ("master -", ""), ("master -", "0-99"))));
        assert!(!stays(view('d', ("master -", "0-99"), (&slave, ""))));
    }

    #[test]
    fn after_a_second_try_an_old_election_is_waited_for() {
        let nobody = ClusterReport { nodes: Vec::new(), unreachable: Vec::new() };
        let mut asks =
            Asks { recovers: Duration::from_secs(60), ..Asks::new(&nobody, Promotion::Agreed) };
        let due_after = |asks: &Asks, seconds: u64| {
            let ago = |at: Option<Instant>| at?.checked_sub(Duration::from_secs(seconds));
            let (first_of_two, last) = (ago(asks.first_of_two), ago(asks.last));
            Asks { first_of_two, last, ..*asks }.is_due()
        };
        assert!(asks.is_due());
        for _ in 0..2 {
            asks.asked();
            assert!(!asks.is_due() && due_after(&asks, 6));
            asks.asked();
            assert!(!due_after(&asks, 6) && due_after(&asks, 61));
        }
    }
}
