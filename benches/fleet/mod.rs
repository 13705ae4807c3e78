//! A cluster of many nodes that one thread plays: each listens on a port of its own and answers what
//! our commands and `redis-cli --cluster check` ask, as Redis 7.0 does, from one model of a cluster.
//! A thousand real servers fit on no machine that a benchmark runs on, and none of them hangs on cue.
//!
//! Its nodes can begin as strangers, so that a cluster can be created of them (`forming`); else it tells
//! no more than a node at rest would. A story holds it to real servers: what `check --json`
//! says of both is the same but for ids and ports.

mod answers;
mod forming;
mod serve;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use mio::{Poll, Waker, net::TcpListener};

use answers::Answers;

/// What a cluster is made of, and how far away it is.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    pub masters: usize,
    /// For each master.
    pub replicas: usize,
    /// Keys in each slot.
    pub keys: usize,
    /// A round trip; one more is added to the first of a connection, for its handshake.
    pub round_trip: Duration,
    /// What a round trip may take longer.
    pub jitter: Duration,
    /// Nodes that are not as they should be, by index: masters first, then their replicas in turn.
    pub troubles: Vec<(usize, Trouble)>,
    /// Where its nodes begin as strangers without slots: how long gossip takes to bring news to all.
    pub gossip: Option<Duration>,
}

/// What is wrong with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It takes connections and says nothing.
    Hangs,
    /// Nobody listens on its port.
    Refuses,
    /// It does not know the last node.
    Disagrees,
    /// It is gone after so many exchanges.
    DiesAfter(usize),
}

impl Shape {
    pub fn new(masters: usize, replicas: usize) -> Shape {
        Shape { masters, replicas, ..Shape::default() }
    }

    /// So many nodes that do not know each other.
    pub fn strangers(nodes: usize, gossip: Duration) -> Shape {
        Shape { masters: nodes, gossip: Some(gossip), ..Shape::default() }
    }

    pub fn nodes(&self) -> usize {
        self.masters * (1 + self.replicas)
    }

    fn trouble(&self, node: usize) -> Option<Trouble> {
        self.troubles.iter().find(|(index, _)| *index == node).map(|(_, trouble)| *trouble)
    }
}

/// What its nodes were asked in all.
#[derive(Debug, Default)]
struct Counts {
    exchanges: AtomicUsize,
    bytes: AtomicUsize,
}

/// The nodes; they are gone when this is dropped.
#[derive(Debug)]
pub struct Fleet {
    addrs: Vec<SocketAddr>,
    counts: Arc<Counts>,
    stop: Waker,
    thread: Option<JoinHandle<()>>,
}

impl Fleet {
    pub fn start(shape: Shape) -> Fleet {
        let listen =
            |_| TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        let listeners: Vec<TcpListener> = (0..shape.nodes()).map(listen).collect();
        let addrs: Vec<SocketAddr> =
            listeners.iter().map(|listener| listener.local_addr().expect("it is bound")).collect();
        let poll = Poll::new().expect("the system tells of sockets");
        let stop = Waker::new(poll.registry(), serve::STOP).expect("one waker");
        let counts = Arc::new(Counts::default());
        let answers = Answers::new(&shape, &addrs);
        let seen = Arc::clone(&counts);
        let thread = std::thread::spawn(move || serve::run(poll, listeners, answers, shape, &seen));
        Fleet { addrs, counts, stop, thread: Some(thread) }
    }

    /// The address of a node.
    pub fn addr(&self, node: usize) -> String {
        self.addrs[node].to_string()
    }

    /// How often any node was asked since the last call, and with how many bytes it answered.
    pub fn asked(&self) -> (usize, usize) {
        let taken = |count: &AtomicUsize| count.swap(0, Ordering::Relaxed);
        (taken(&self.counts.exchanges), taken(&self.counts.bytes))
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        let woken = self.stop.wake();
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            woken.expect("the thread is there");
            assert!(matches!(ended, Some(Ok(()))), "the thread of the nodes panicked");
        }
    }
}
