//! Whether nodes are one cluster already, and which.

use super::layout::{Layout, NodeLocation, PlannedShard};
use crate::model::{NodeReport, Role, SlotSet};

/// The cluster that these nodes are, if all of them list each other, each has a part, and together
/// they own all slots; `None` if there is still something to create. `nodes` are where they are, in
/// the order of `reports`.
pub fn existing(reports: &[NodeReport], nodes: &[NodeLocation]) -> Option<Layout> {
    let seat_of = |id| reports.iter().position(|report| report.id() == id);
    let lists_all =
        |report: &NodeReport| reports.iter().all(|other| report.view.node(other.id()).is_some());
    if !reports.iter().all(lists_all) {
        return None;
    }
    let mut shards: Vec<PlannedShard> = Vec::new();
    let mut owned = SlotSet::EMPTY;
    for (master, report) in reports.iter().enumerate() {
        let me = report.view.me();
        if me.role == Role::Master && !me.slots.is_empty() {
            owned = owned.union(&me.slots);
            shards.push(PlannedShard { master, slots: me.slots.clone(), replicas: Vec::new() });
        }
    }
    shards.sort_by_key(|shard| shard.slots.ranges().first().map(|range| range.first()));
    for (seat, report) in reports.iter().enumerate() {
        match report.view.me().role {
            Role::Master if shards.iter().any(|shard| shard.master == seat) => {}
            Role::Replica { of } => {
                let master = seat_of(of)?;
                let shard = shards.iter_mut().find(|shard| shard.master == master)?;
                shard.replicas.push(seat);
            }
            Role::Master | Role::Unknown => return None,
        }
    }
    (owned == SlotSet::all()).then(|| Layout::given(nodes, shards))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ClusterView;

    /// Views of two nodes; `b` of the second's own line.
    fn reports(slots: &str, b: &str) -> Vec<NodeReport> {
        let [one, two] = ["1", "2"].map(|digit| digit.repeat(40));
        let line = |id: &str, port: u16, flags: &str, rest: &str| {
            format!("{id} 127.0.0.1:{port}@{} {flags} {rest}\n", port + 10_000)
        };
        let views = [
            line(&one, 1, "myself,master", &format!("- 0 0 1 connected {slots}"))
                + &line(&two, 2, "slave", &format!("{one} 0 0 1 connected")),
            line(&one, 1, "master", &format!("- 0 0 1 connected {slots}"))
                + &line(&two, 2, b, &two_rest(b, &one)),
        ];
        let via = ["127.0.0.1:1", "127.0.0.1:2"];
        let view = |(text, via): (&String, &str)| ClusterView::parse(text, &via.parse().unwrap());
        let views = views.iter().zip(via).map(|pair| view(pair).unwrap());
        views.map(NodeReport::of_view).collect()
    }

    fn two_rest(flags: &str, master: &str) -> String {
        let of = if flags.contains("slave") { master } else { "-" };
        format!("{of} 0 0 2 connected")
    }

    #[test]
    fn nodes_that_serve_all_slots_are_a_cluster_whoever_is_the_master() {
        let nodes = ["a", "b"].map(|host| NodeLocation { host: host.to_owned(), zone: None });
        let found = existing(&reports("0-16383", "myself,slave"), &nodes).unwrap();
        assert_eq!((found.shards[0].master, &found.shards[0].replicas), (0, &vec![1]));
        let mut turned = reports("0-16383", "myself,slave");
        turned.reverse();
        assert_eq!(existing(&turned, &nodes).unwrap().shards[0].master, 1);
    }

    #[test]
    fn what_is_not_finished_is_no_cluster() {
        let nodes = ["a", "b"].map(|host| NodeLocation { host: host.to_owned(), zone: None });
        assert_eq!(existing(&reports("0-16382", "myself,slave"), &nodes), None);
        assert_eq!(existing(&reports("0-16383", "myself,master"), &nodes), None);
        // One that nobody lists.
        let stranger =
            format!("{} 127.0.0.1:3@10003 myself,master - 0 0 0 connected\n", "3".repeat(40));
        let via = "127.0.0.1:3".parse().unwrap();
        let mut three = reports("0-16383", "myself,slave");
        three.push(NodeReport::of_view(ClusterView::parse(&stranger, &via).unwrap()));
        let nodes = ["a", "b", "c"].map(|host| NodeLocation { host: host.to_owned(), zone: None });
        assert_eq!(existing(&three, &nodes), None);
    }
}
