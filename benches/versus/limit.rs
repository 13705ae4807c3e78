//! The limit: what the servers take for the same questions, asked by a loop that does nothing else.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

/// What `check` reads of every node, without its settings.
pub const CHECK: &[&str] = &[
    "CLUSTER NODES",
    "CLUSTER INFO",
    "INFO server",
    "INFO replication",
    "INFO memory",
    "INFO keyspace",
    "INFO persistence",
];

/// Longer than any server takes.
const PATIENCE: Duration = Duration::from_secs(60);

struct Asked {
    stream: TcpStream,
    has_sent: bool,
    /// Replies that are to come, and bytes of the first of them that are.
    replies: usize,
    rest: usize,
    read: Vec<u8>,
}

/// Until every server has answered all of these commands, asked of all at once over connections of
/// their own, in seconds.
///
/// # Panics
/// One of them answers otherwise than by bulk strings or lines.
pub fn ask_all(addrs: &[String], commands: &[&str]) -> f64 {
    let request: String = commands.iter().map(|command| in_resp(command)).collect();
    let mut poll = Poll::new().expect("the system tells of sockets");
    let mut events = Events::with_capacity(1024);
    let begun = Instant::now();
    let connect = |(index, addr): (usize, &String)| {
        let addr: SocketAddr = addr.parse().expect("an address");
        let mut stream = TcpStream::connect(addr).expect("a connection");
        let token = Token(index);
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, token, interest).expect("room for it");
        let replies = commands.len();
        (token, Asked { stream, has_sent: false, replies, rest: 0, read: Vec::new() })
    };
    let mut asked: HashMap<Token, Asked> = addrs.iter().enumerate().map(connect).collect();
    while !asked.is_empty() {
        assert!(begun.elapsed() < PATIENCE, "{} servers have not answered", asked.len());
        poll.poll(&mut events, Some(PATIENCE)).expect("the system tells of sockets");
        for event in &events {
            let token = event.token();
            let Some(one) = asked.get_mut(&token) else { continue };
            if event.is_writable() && !one.has_sent {
                let sent = one.stream.write(request.as_bytes()).expect("it takes the questions");
                assert_eq!(sent, request.len(), "a request is short");
                one.has_sent = true;
            }
            if event.is_readable() && one.reads() {
                asked.remove(&token);
            }
        }
    }
    begun.elapsed().as_secs_f64()
}

fn in_resp(command: &str) -> String {
    let words: Vec<&str> = command.split(' ').collect();
    let strings = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
    format!("*{}\r\n{}", words.len(), strings.collect::<String>())
}

impl Asked {
    /// Reads what has come; whether that is all.
    fn reads(&mut self) -> bool {
        let mut piece = [0; 64 << 10];
        while self.replies > 0 {
            match self.stream.read(&mut piece) {
                Ok(0) => panic!("{:?} hung up", self.stream.peer_addr()),
                Ok(count) => self.take(&piece[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
        self.replies == 0
    }

    fn take(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            if self.rest > 0 {
                let taken = self.rest.min(piece.len());
                self.rest -= taken;
                piece = &piece[taken..];
                self.replies -= usize::from(self.rest == 0);
                continue;
            }
            self.read.push(piece[0]);
            piece = &piece[1..];
            if self.read.ends_with(b"\r\n") {
                let line = String::from_utf8_lossy(&self.read);
                match line.strip_prefix('$') {
                    // The string and the end of its line.
                    Some(length) => {
                        self.rest = length.trim().parse::<usize>().expect("a length") + 2;
                    }
                    None => self.replies -= 1,
                }
                self.read.clear();
            }
        }
    }
}
