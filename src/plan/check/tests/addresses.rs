//! Nodes that views list at different addresses.

use super::{Kind, Severity, cluster, of};

#[test]
fn a_node_listed_by_ipv4_and_by_ipv6_has_to_announce_one_of_them() {
    let line = |letter: &str, host: &str, own: bool| {
        let me = if own { "myself," } else { "" };
        let (slots, epoch) = match letter {
            "A" => ("0-8191", 1),
            "B" => ("8192-16383", 2),
            _ => ("", 0),
        };
        format!("{letter} {host}:1@2 {me}master - 0 9 {epoch} connected {slots}\n")
    };
    let view = |own: &str, host_of_b: &str| {
        let hosts = [("A", "1.1.1.1"), ("B", host_of_b), ("C", "1.1.1.3"), ("D", "1.1.1.4")];
        hosts.map(|(letter, host)| line(letter, host, letter == own)).concat()
    };
    let views =
        [view("A", "1.1.1.2"), view("B", "1.1.1.2"), view("C", "fd00::2"), view("D", "1.1.1.2")];
    let cluster = cluster(&views.each_ref().map(String::as_str));
    let found = of(Kind::ViewsDiffer, &cluster);
    let message = format!(
        "1.1.1.3:1 lists node {} at [fd00::2]:1; others list it at 1.1.1.2:1",
        "b".repeat(8)
    );
    assert_eq!((found.len(), &found[0].message), (1, &message));
    let fix = found[0].fix.as_deref();
    assert_eq!(fix, Some("redis-cli -h 1.1.1.2 -p 1 CONFIG SET cluster-announce-ip 1.1.1.2"));
}

#[test]
fn nodes_listed_at_one_address_have_to_announce_their_own() {
    let view = |own: &str, hosts: [&str; 3]| {
        let line = |(letter, host): (&str, &str)| {
            let me = if letter == own { "myself," } else { "" };
            let slots = if letter == "A" { "0-16383" } else { "" };
            format!(
                "{letter} {host}:1@2 {me}master - 0 9 {} connected {slots}\n",
                u8::from(letter == "A")
            )
        };
        ["A", "B", "C"].into_iter().zip(hosts).map(line).collect::<String>()
    };
    let (gateway, own) = ("9.9.9.9", ["1.1.1.1", "1.1.1.2", "1.1.1.3"]);
    let views = [
        view("A", own),
        view("B", [own[0], own[1], gateway]),
        view("C", [own[0], gateway, own[2]]),
    ];
    let found = of(Kind::ViewsDiffer, &cluster(&views.each_ref().map(String::as_str)));
    let fixes: Vec<_> = found.iter().filter_map(|problem| problem.fix.clone()).collect();
    let set = |ip: &str| format!("redis-cli -h {ip} -p 1 CONFIG SET cluster-announce-ip {ip}");
    assert_eq!(fixes, [set("1.1.1.2"), set("1.1.1.3")], "{found:?}");
}

#[test]
fn a_node_that_lists_itself_where_it_was_is_met_again() {
    let mut cluster = cluster(&[
        "A 1.1.1.1:1@2 myself,master - 0 9 1 connected 0-8191\nB 1.1.1.2:1@2 master - 0 9 2 connected 8192-16383\n",
        "B 1.1.1.2:1@2 myself,master - 0 9 2 connected 8192-16383\nA 1.1.1.9:1@2 master - 0 9 1 connected 0-8191\n",
    ]);
    let moved: crate::model::NodeAddr = "1.1.1.9:1".parse().unwrap();
    cluster.nodes[0].via = moved.clone();
    cluster.nodes[0].reached = moved;

    let found = of(Kind::ViewsDiffer, &cluster);

    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].severity, Severity::Warning);
    assert!(found[0].message.starts_with("1.1.1.9:1 lists itself at 1.1.1.1:1"), "{found:?}");
    assert_eq!(found[0].fix.as_deref(), Some("redis-cli -h 1.1.1.2 -p 1 CLUSTER MEET 1.1.1.9 1 2"));

    // What is announced is what the config file says, though nobody is there.
    cluster.nodes[0].announced = Some("1.1.1.1".to_owned());
    assert_eq!(of(Kind::ViewsDiffer, &cluster), []);
}
