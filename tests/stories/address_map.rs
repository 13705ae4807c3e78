//! Nodes behind forwarders: rcluster reaches them from outside, they know each other from inside.

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::data::{assert_same, contents, fill};
use crate::support::{TestCluster, rcluster};

/// A port that leads to another, and how often it was used.
struct Forwarder {
    addr: String,
    used: Arc<AtomicUsize>,
}

impl Forwarder {
    fn to(target: String) -> Forwarder {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        let used = Arc::new(AtomicUsize::new(0));
        let count = used.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::Relaxed);
                let Ok(onward) = TcpStream::connect(&target) else { continue };
                let ends = [(&stream, &onward), (&onward, &stream)]
                    .map(|(from, to)| (from.try_clone().unwrap(), to.try_clone().unwrap()));
                for (mut from, mut to) in ends {
                    std::thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(std::net::Shutdown::Write);
                    });
                }
            }
        });
        Forwarder { addr, used }
    }
}

#[test]
fn every_connection_of_ours_goes_through_and_none_of_the_nodes() {
    let cluster = TestCluster::start(3);
    let ways: Vec<Forwarder> = cluster.addrs().into_iter().map(Forwarder::to).collect();
    let lines: Vec<String> = cluster
        .addrs()
        .iter()
        .zip(&ways)
        .map(|(inner, way)| format!("{inner} = {} # forwarded\n", way.addr))
        .collect();
    let file = cluster.dir().join("map");
    std::fs::write(&file, lines.concat()).unwrap();
    let file = file.to_str().unwrap().to_owned();
    let mapped = |words: &[&str]| rcluster(&[words, &["--address-map-file", &file]].concat());

    // Named as they are reached; nodes are introduced by what they know.
    let outer: Vec<&str> = ways.iter().map(|way| &*way.addr).collect();
    mapped(&["create", outer[0], outer[1], outer[2], "--yes"]).succeeds();

    let used = || ways.iter().map(|way| way.used.load(Ordering::Relaxed)).collect::<Vec<_>>();
    assert!(used().iter().all(|count| *count > 0), "{:?}", used());
    let views = cluster.facts().join("\n");
    let nodes: String = cluster.ask(0, &["CLUSTER", "NODES"]);
    for way in &ways {
        assert!(!nodes.contains(&way.addr) && !views.contains(&way.addr), "{nodes}");
    }

    // Keys go from node to node, by either name of the target.
    fill(&cluster, 200);
    let before = contents(&cluster);
    let inner = cluster.addr(1);
    mapped(&["reshard", outer[0], "--to", outer[2], "--slots", "0-99", "--classic", "--yes"])
        .succeeds();
    mapped(&["reshard", &inner, "--to", &inner, "--slots", "0-49", "--classic", "--yes"])
        .succeeds();
    assert_same(&before, &contents(&cluster));
    mapped(&["check", &inner, "--wait", "10s"]).succeeds();

    let shown = mapped(&["nodes", &inner]).succeeds().out;
    assert!(shown.contains("Reached at") && shown.contains(outer[2]), "{shown}");
    let shown = mapped(&["nodes", &inner, "--json"]).succeeds().json();
    let places = shown["nodes"].as_array().unwrap().iter();
    let places: Vec<_> = places.map(|node| node["outer"].as_str().unwrap()).collect();
    assert!(outer.iter().all(|addr| places.contains(addr)), "{places:?}");
}

#[test]
fn what_is_wrong_with_a_map_is_told() {
    let cluster = TestCluster::start(1);
    let addr = cluster.addr(0);
    let with = |map: &str| rcluster(&["check", &addr, "--address-map", map]);
    with("10.0.0.1").exits(2).tells(&["INNER=OUTER"]);
    with("10.0.0.1=h:1").exits(2).tells(&["name the inner port"]);
    let port = crate::support::Port::take();
    let closed = format!("127.0.0.1:{}", port.number);
    with(&format!("{addr}={closed}")).exits(3).tells(&[&addr, &closed, "address map"]);
    let file = cluster.dir().join("map");
    std::fs::write(&file, "# none\n10.0.0.1 h\n").unwrap();
    rcluster(&["check", &addr, "--address-map-file", file.to_str().unwrap()])
        .exits(2)
        .tells(&["line 2", "INNER=OUTER"]);
}

/// Ports that lead to the nodes are all that others know of them, and replicas announce yet another
/// address: as in containers with published ports.
#[test]
fn replicas_behind_announced_ports_are_judged_by_what_they_say_of_their_link() {
    let cluster = TestCluster::start(6);
    let mut outer = Vec::new();
    for node in 0..6 {
        let port = cluster.port(node);
        let ways = [port, port + 10_000].map(|port| Forwarder::to(format!("127.0.0.1:{port}")));
        let [client, bus] =
            ways.each_ref().map(|way| way.addr.rsplit_once(':').unwrap().1.to_owned());
        for (setting, value) in [
            ("cluster-announce-port", &*client),
            ("cluster-announce-bus-port", &bus),
            ("replica-announce-ip", "203.0.113.9"),
            ("replica-announce-port", "1"),
        ] {
            cluster.tell(node, &["CONFIG", "SET", setting, value]);
        }
        outer.push(ways);
    }
    let addrs: Vec<&str> = outer.iter().map(|[client, _]| &*client.addr).collect();
    rcluster(&[&["create", "--replicas", "1", "--yes"], &addrs[..]].concat()).succeeds();
    rcluster(&["check", addrs[0], "--strict", "--wait", "20s"]).succeeds();
    rcluster(&["failover", addrs[0], addrs[3], "--yes"]).succeeds();
    rcluster(&["check", addrs[0], "--wait", "20s"]).succeeds();
    let nodes: String = cluster.ask(0, &["CLUSTER", "NODES"]);
    assert!(addrs.iter().all(|addr| nodes.contains(addr)), "{nodes}");
    assert!(outer.iter().all(|[_, bus]| bus.used.load(Ordering::Relaxed) > 0));
}
