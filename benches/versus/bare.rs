//! What forming cannot be faster than: MEETs alone, sent by a bare loop to all nodes at once.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rcluster::model::{ClusterView, NodeAddr};
use rcluster::wire::{Access, Server};

use super::support::TestCluster;

/// Between two looks at the nodes that do not know all others yet.
const LOOK: Duration = Duration::from_millis(2);

/// Longer than any of them takes.
const PATIENCE: Duration = Duration::from_secs(300);

/// Who is introduced to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Introductions {
    /// Everyone to the first node, as redis-cli does.
    Star,
    /// Each to those 1, 2, 4, 8 … places after it.
    Ring,
    /// Each pair once.
    Mesh,
}

impl Introductions {
    /// Those that one of so many nodes is told to meet.
    fn of(self, node: usize, nodes: usize) -> Vec<usize> {
        let ways = (0..).map(|power| 1 << power).take_while(|way| *way < nodes);
        match self {
            Introductions::Star if node == 0 => Vec::new(),
            Introductions::Star => vec![0],
            Introductions::Ring => ways.map(|way| (node + way) % nodes).collect(),
            Introductions::Mesh => {
                let ahead = (1..=nodes / 2).filter(|way| way * 2 < nodes || node < nodes / 2);
                ahead.map(|way| (node + way) % nodes).collect()
            }
        }
    }
}

/// Seconds from the first MEET until every one of these fresh servers has had a reply over the bus
/// from every other.
pub fn meets(cluster: &TestCluster, introductions: Introductions) -> f64 {
    let addrs: Vec<NodeAddr> =
        cluster.addrs().iter().map(|addr| addr.parse().expect("an address")).collect();
    let connect = |addr: &NodeAddr| {
        let server = Server::connect(addr, &Access::default()).expect("every server is reached");
        (TcpStream::connect((addr.host(), addr.port())).expect("every server is reached"), server)
    };
    let (mut streams, mut left): (Vec<TcpStream>, Vec<Server>) = addrs.iter().map(connect).unzip();
    let command = |&guest: &usize| {
        let addr = &addrs[guest];
        format!("CLUSTER MEET {} {}\r\n", addr.host(), addr.port())
    };
    let commands: Vec<String> = (0..addrs.len())
        .map(|node| introductions.of(node, addrs.len()).iter().map(command).collect())
        .collect();
    let begun = Instant::now();
    for (stream, commands) in streams.iter_mut().zip(&commands) {
        stream.write_all(commands.as_bytes()).expect("a server takes its MEETs");
    }
    while !left.is_empty() {
        assert!(begun.elapsed() < PATIENCE, "{} nodes do not know all others", left.len());
        std::thread::sleep(LOOK);
        left.retain_mut(|server| !knows_all(&server.view().expect("a view"), addrs.len()));
    }
    begun.elapsed().as_secs_f64()
}

fn knows_all(view: &ClusterView, nodes: usize) -> bool {
    view.members().count() == nodes && view.peers().all(|peer| peer.heard)
}
