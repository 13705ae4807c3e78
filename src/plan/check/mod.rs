//! What is wrong with a cluster: the reports of all nodes in, every problem out.
//!
//! Ownership is read from each master's own view, other nodes' views are compared with it. That is
//! more than `redis-cli --cluster check` looks at (`clusterManagerCheckCluster` in `redis-cli.c`).

mod absent;
mod domains;
mod exempt;
mod explain;
mod logins;
mod nodes;
mod own_address;
mod owners;
mod problem;
mod replicas;
mod settings;
mod slots;
mod unreadable;
mod views;
mod writes;

use crate::model::ClusterReport;
pub use domains::swaps;
pub use exempt::{Exemption, Exemptions, Ignored};
pub use explain::Explanation;
pub use owners::{covered, kept_unreadable, owners, settled_owners};
pub use problem::{Kind, Problem, Severity};

/// Finds all problems of a cluster, errors first; none means healthy.
///
/// ```
/// use rcluster::model::{ClusterReport, ClusterView};
/// use rcluster::plan::check::{Kind, check, is_healthy};
///
/// let reply = "\
/// 07c37dfeb235213a872192d90877d0cd55635b91 10.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-8191
/// 67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 10.0.0.2:7001@17001 master - 0 1426238316232 2 connected 8192-16382
/// ";
/// let view = ClusterView::parse(reply, &"10.0.0.1:7001".parse()?)?;
/// let problems = check(&ClusterReport::of_view(&view));
///
/// assert!(!is_healthy(&problems, false));
/// assert_eq!((problems[0].kind, problems[0].slots.to_string()), (Kind::SlotsUncovered, "16383".into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check(cluster: &ClusterReport) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(slots::uncovered(cluster));
    problems.extend(slots::conflicts(cluster));
    problems.extend(slots::open(cluster));
    problems.extend(replicas::with_slots(cluster));
    problems.extend(nodes::not_ok(cluster));
    problems.extend(absent::absent(cluster));
    problems.extend(nodes::loading(cluster));
    problems.extend(nodes::flagged(cluster));
    problems.extend(nodes::bus_unreachable(cluster));
    problems.extend(nodes::shared_ids(cluster));
    problems.extend(unreadable::lines(cluster));
    problems.extend(views::differ(cluster));
    problems.extend(own_address::stale(cluster));
    problems.extend(nodes::replicas(cluster));
    problems.extend(logins::failing(cluster));
    problems.extend(nodes::without_replica(cluster));
    problems.extend(writes::rejected(cluster));
    problems.extend(settings::epochs(cluster));
    problems.extend(settings::differ(cluster));
    problems.extend(settings::announced(cluster));
    problems.extend(domains::spread(cluster));
    let is_explained =
        |problem: &Problem| problem.kind.explanation().severities.contains(&problem.severity);
    debug_assert!(problems.iter().all(is_explained), "{problems:?}");
    problems
        .sort_by(|a, b| (a.severity, a.kind, &a.message).cmp(&(b.severity, b.kind, &b.message)));
    problems
}

/// Whether a cluster with these problems is healthy: it has no error, and with `strict` no warning.
pub fn is_healthy(problems: &[Problem], strict: bool) -> bool {
    !problems.iter().any(|problem| strict || problem.severity == Severity::Error)
}

#[cfg(test)]
mod tests;
