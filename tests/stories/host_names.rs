//! Nodes that announce host names: every command takes them by address, and by name.

use crate::support::data::{assert_same, contents, fill};
use crate::support::{Server, TestCluster, eventually, rcluster, server_dir, server_under_test};

/// A server that knows host names (7.0 and later).
fn server(hostname: &str, more: &[&str]) -> Server {
    let under_test = server_under_test();
    let name = if under_test == "redis-6.2" { "redis-7.0".to_owned() } else { under_test };
    let mut settings = vec![
        format!("cluster-announce-hostname {hostname}"),
        "cluster-preferred-endpoint-type hostname".to_owned(),
    ];
    settings.extend(more.iter().map(|line| (*line).to_owned()));
    Server { name, settings, ..Server::default() }
}

fn named(names: &[&str], more: &[&str]) -> TestCluster {
    let mut cluster = TestCluster::start(0);
    for name in names {
        cluster.adopt(TestCluster::start_as(1, &server(name, more)));
    }
    cluster
}

fn every_command(cluster: &TestCluster) {
    let addrs = cluster.addrs();
    let addr = |node: usize| addrs[node].as_str();
    let entry = addr(1);
    let six: Vec<&str> = addrs[..6].iter().map(String::as_str).collect();
    let create = [&["create", "--replicas", "1", "--yes", "--json"], &six[..]].concat();
    rcluster(&create).succeeds();
    assert_eq!(rcluster(&create).succeeds().json()["changed"], false);
    cluster.wait_for_replicas();
    fill(cluster, 100);
    let before = contents(cluster);
    rcluster(&["check", entry, "--strict", "--wait", "20s"]).succeeds();
    for command in ["info", "nodes"] {
        rcluster(&[command, entry]).succeeds();
    }
    rcluster(&["add-node", addr(6), entry, "--yes", "--replica-of", addr(1)]).succeeds();
    rcluster(&["failover", entry, addr(3), "--yes"]).succeeds();
    rcluster(&["reshard", entry, "--to", addr(3), "--slots", "6000-6099", "--yes"]).succeeds();
    rcluster(&["rebalance", entry, "--yes"]).succeeds();
    rcluster(&["fix", entry, "--yes"]).succeeds();
    rcluster(&["set-timeout", entry, "5000", "--yes"]).succeeds();
    rcluster(&["del-node", entry, addr(6), "--yes"]).succeeds();
    rcluster(&["check", entry, "--wait", "20s"]).succeeds();
    assert_same(&before, &contents(cluster));
}

#[test]
fn nodes_with_names_are_managed_by_their_addresses() {
    let names = ["a", "b", "c", "d", "e", "f", "g"].map(|node| format!("{node}.example.com"));
    every_command(&named(&names.each_ref().map(String::as_str), &[]));
}

/// As people did before there were host names in the protocol, and do: a name in place of the IP.
#[test]
fn names_may_be_long_and_shared_and_stand_where_the_ip_does() {
    let long = format!("{}.{}.example.com", "n".repeat(60), "m".repeat(60));
    let names = [&*long, "same", "same", "same", "d.example.com", &long, "g.example.com"];
    // On most machines the name stands for ::1 as well, and before 127.0.0.1.
    let settings = ["cluster-announce-ip localhost", "bind 127.0.0.1 -::1"];
    let cluster = named(&names, &settings);
    every_command(&cluster);
    let listed: String = cluster.ask(0, &["CLUSTER", "NODES"]);
    assert!(listed.contains(" localhost:") && !listed.contains(" 127.0.0.1:"), "{listed}");
    let entry = cluster.addr(0);
    rcluster(&["check", &entry, "--wait", "10s"]).succeeds();
    // Two nodes have this name, on different ports: it still names one.
    let master = format!("same:{}", cluster.port(1));
    rcluster(&["call", &entry, "--only", &master, "PING"]).succeeds();
}

#[test]
fn an_announced_address_that_no_node_can_use_is_told() {
    let cluster = TestCluster::start(4);
    let (three, last) = (cluster.addrs()[..3].to_vec(), cluster.addr(3));
    let create = ["create", &three[0], &three[1], &three[2], "--yes"];
    let announce = |node: usize, ip: &str| {
        cluster.try_ask::<()>(node, &["CONFIG", "SET", "cluster-announce-ip", ip])
    };
    let long = format!("{}.example.com", "n".repeat(50));
    let cut = format!("'{}'", &long[..45]);
    let mut bad = vec![("127.0.0.1:6379", ["no IP address and no host name", "'127.0.0.1:6379'"])];
    // Valkey 9 refuses what it would cut.
    match announce(0, &long) {
        Ok(()) => bad.push((&long, ["62 bytes", &cut])),
        Err(error) => assert!(error.to_string().contains("too long"), "{error}"),
    }
    let before = cluster.facts();
    for (ip, says) in &bad {
        announce(0, ip).unwrap();
        rcluster(&create)
            .exits(1)
            .tells(&[&three[0], "CONFIG SET cluster-announce-ip"])
            .tells(says);
    }
    assert_eq!(cluster.facts(), before);

    announce(0, "127.0.0.1").unwrap();
    rcluster(&create).succeeds();
    for (ip, says) in &bad {
        announce(3, ip).unwrap();
        rcluster(&["add-node", &last, &three[0], "--yes"]).exits(1).tells(&[&last]).tells(says);
        rcluster(&["meet", &three[0], &last]).exits(1).tells(says);
        // One that is in already is named, with the setting that mends it.
        announce(1, ip).unwrap();
        let found = rcluster(&["check", &three[0], "--json"]).exits(1).problem("announced-address");
        assert_eq!(found["nodes"][0], three[1]);
        let message = found["message"].as_str().unwrap();
        assert!(message.contains(says[0]) && message.contains("CONFIG SET"), "{message}");
        announce(1, "127.0.0.1").unwrap();
        rcluster(&["check", &three[0], "--wait", "20s"]).succeeds();
    }
}

#[test]
fn a_node_is_named_by_its_host_name() {
    let cluster = named(&["localhost"; 4], &[]);
    let by_name = |node: usize| format!("localhost:{}", cluster.port(node));
    let names: Vec<String> = (0..4).map(by_name).collect();
    rcluster(&["create", &names[0], &names[1], &names[2], "--yes", "-4"]).succeeds();
    rcluster(&["add-node", &names[3], &names[0], "--replica-of", &names[1], "--yes", "-4"])
        .succeeds();
    eventually("the replica is in sync", || {
        cluster.ask::<String>(3, &["INFO", "replication"]).contains("master_link_status:up")
    });
    rcluster(&["failover", &names[0], &names[3], "--yes", "-4"]).succeeds();
    rcluster(&["check", &names[2], "--wait", "20s", "-4"]).succeeds();
}

/// Valkey tells clients other addresses than the nodes tell each other: those that lead here from
/// outside, for each family of the client's connection.
#[test]
fn addresses_for_clients_alone_are_reached_by_map_and_never_met() {
    let name = match server_under_test() {
        name if name.starts_with("valkey") => name,
        _ => "valkey-8.1".to_owned(),
    };
    if !server_dir().join(&name).exists() {
        return eprintln!("{name} is not to be had here");
    }
    for (here, setting, outside) in [
        ("127.0.0.1", "cluster-announce-client-ipv4", "198.51.100."),
        ("[::1]", "cluster-announce-client-ipv6", "2001:db8::"),
    ] {
        if std::net::TcpListener::bind(format!("{here}:0")).is_err() {
            eprintln!("this machine has no {here}");
            continue;
        }
        let mut cluster = TestCluster::start(0);
        for node in 1..=4 {
            // Of these hosts nothing but the map leads to a node.
            let client = format!("{setting} {outside}{node}");
            let bind = "bind 127.0.0.1 -::1".to_owned();
            let announced = "cluster-announce-ip 127.0.0.1".to_owned();
            let settings = vec![client, bind, announced];
            let server = Server { name: name.clone(), settings, ..Server::default() };
            cluster.adopt(TestCluster::start_as(1, &server));
        }
        let addrs: Vec<String> =
            (0..4).map(|node| format!("{here}:{}", cluster.port(node))).collect();
        let listed = |node: usize| match outside.contains(':') {
            true => format!("[{outside}{}]:{}", node + 1, cluster.port(node)),
            false => format!("{outside}{}:{}", node + 1, cluster.port(node)),
        };
        let map: Vec<String> =
            (0..4).map(|node| format!("--address-map={}={}", listed(node), addrs[node])).collect();
        let mapped = |words: &[&str]| {
            rcluster(&[words, &map.iter().map(String::as_str).collect::<Vec<_>>()].concat())
        };

        mapped(&["create", &addrs[0], &addrs[1], &addrs[2], "--yes"]).succeeds();
        let joins = ["add-node", &addrs[3], &addrs[0], "--replica-of", &addrs[1], "--yes"];
        mapped(&joins).succeeds();
        cluster.wait_for_replicas();
        fill(&cluster, 100);
        let before = contents(&cluster);
        let reshard = ["reshard", &addrs[0], "--to", &addrs[2], "--slots", "0-99", "--yes"];
        mapped(&[&reshard[..], &["--classic"]].concat()).succeeds();
        mapped(&["failover", &addrs[0], &addrs[3], "--yes"]).succeeds();
        mapped(&["check", &addrs[0], "--wait", "20s"]).succeeds();
        let client = redis::Client::open(format!("redis://{}", addrs[0])).unwrap();
        let mut client = client.get_connection().unwrap();
        let nodes: String = redis::cmd("CLUSTER").arg("NODES").query(&mut client).unwrap();
        assert!(nodes.lines().count() == 4 && nodes.contains(&format!(" {outside}2:")), "{nodes}");
        assert_same(&before, &contents(&cluster));

        // Without the map it is told what these addresses are.
        let check = ["check", &addrs[0], "--connect-timeout", "300ms", "--json"];
        let found = rcluster(&check).exits(1).problem("node-unreachable");
        let message = found["message"].as_str().unwrap();
        assert!(message.contains("cluster-announce-client-ipv4, -ipv6"), "{message}");
        assert!(message.contains("--address-map"), "{message}");
    }
}

#[test]
fn nodes_of_both_families_form_a_cluster_where_each_announces_one() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return eprintln!("this machine has no IPv6");
    }
    let cluster = TestCluster::start_as(4, &Server::with(&["bind 127.0.0.1 ::1"]));
    let v6 = |node: usize| format!("[::1]:{}", cluster.port(node));
    let v4 = |node: usize| cluster.addr(node);
    let mixed = ["create", &v6(0), &v4(1), &v4(2), "--yes"];
    let before = cluster.facts();
    rcluster(&mixed).exits(1).tells(&["by IPv4", "by IPv6", &v6(0), &v4(1), "cluster-announce-ip"]);
    assert_eq!(cluster.facts(), before);

    rcluster(&["create", &v6(0), &v6(1), &v6(2), "--yes"]).succeeds();
    let before = cluster.facts();
    rcluster(&["add-node", &v4(3), &v6(0), "--yes"]).exits(1).tells(&[&v4(3), "by IPv6"]);
    rcluster(&["meet", &v6(0), &v4(3)]).exits(1).tells(&[&v4(3), "by IPv6"]);
    assert_eq!(cluster.facts(), before);

    // Each says by which it is known; by which it is named no longer matters.
    cluster.tell(3, &["CONFIG", "SET", "cluster-announce-ip", "::1"]);
    rcluster(&["add-node", &v4(3), &v6(0), "--replica-of", &v6(1), "--yes"]).succeeds();
    cluster.wait_for_replicas();
    fill(&cluster, 100);
    let before = contents(&cluster);
    let reshard = ["reshard", &v4(0), "--to", &v4(2), "--slots", "0-99", "--yes", "--classic"];
    rcluster(&reshard).succeeds();
    rcluster(&["failover", &v6(0), &v4(3), "--yes"]).succeeds();
    rcluster(&["check", &v4(0), "--wait", "20s"]).succeeds();
    assert_same(&before, &contents(&cluster));
}
