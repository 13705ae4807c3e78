//! The sockets of all nodes, on one thread.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io::{ErrorKind, Read, Write};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use super::answers::Answers;
use super::{Counts, Shape, Trouble};

pub const STOP: Token = Token(usize::MAX);

struct Conversation {
    node: usize,
    stream: TcpStream,
    asked: Vec<u8>,
    /// What it has not taken yet.
    left: Vec<u8>,
    is_new: bool,
}

struct Fleet<'a> {
    poll: Poll,
    /// `None`: nobody listens there, or no longer.
    listeners: Vec<Option<TcpListener>>,
    conversations: HashMap<Token, Conversation>,
    /// Answers on their way: when, and for whom.
    due: BinaryHeap<Reverse<(Instant, usize, Vec<u8>)>>,
    answers: Answers,
    shape: Shape,
    /// Of each node.
    exchanges: Vec<usize>,
    next: usize,
    counts: &'a Counts,
}

/// Plays the nodes until it is woken by [`STOP`].
pub fn run(
    poll: Poll,
    listeners: Vec<TcpListener>,
    answers: Answers,
    shape: Shape,
    counts: &Counts,
) {
    let listening = |(node, mut listener): (usize, TcpListener)| {
        if shape.trouble(node) == Some(Trouble::Refuses) {
            return None;
        }
        let registry = poll.registry();
        registry.register(&mut listener, Token(node), Interest::READABLE).expect("room for it");
        Some(listener)
    };
    let listeners: Vec<Option<TcpListener>> =
        listeners.into_iter().enumerate().map(listening).collect();
    let count = listeners.len();
    let mut fleet = Fleet {
        poll,
        listeners,
        conversations: HashMap::new(),
        due: BinaryHeap::new(),
        answers,
        shape,
        exchanges: vec![0; count],
        next: count,
        counts,
    };
    let mut events = Events::with_capacity(1024);
    loop {
        let wait =
            fleet.due.peek().map(|Reverse((at, ..))| at.saturating_duration_since(Instant::now()));
        match fleet.poll.poll(&mut events, wait) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            polled => polled.expect("the system tells of sockets"),
        }
        for event in &events {
            match event.token() {
                STOP => return,
                Token(node) if node < count => fleet.accept(node),
                token => fleet.talk(token),
            }
        }
        fleet.deliver();
    }
}

impl Fleet<'_> {
    fn accept(&mut self, node: usize) {
        while let Some(Ok((mut stream, _))) = self.listeners[node].as_ref().map(TcpListener::accept)
        {
            let token = Token(self.next);
            self.next += 1;
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, token, interest).expect("room for it");
            // As servers do; without it a second answer waits for the first one's receipt.
            let _ = stream.set_nodelay(true);
            let (asked, left) = (Vec::new(), Vec::new());
            self.conversations
                .insert(token, Conversation { node, stream, asked, left, is_new: true });
        }
    }

    /// Reads what has come, and goes on with what it has not taken.
    fn talk(&mut self, token: Token) {
        let Some(conversation) = self.conversations.get_mut(&token) else { return };
        let node = conversation.node;
        let mut piece = [0; 16 << 10];
        let is_open = loop {
            match conversation.stream.read(&mut piece) {
                Ok(0) => break false,
                Ok(count) => conversation.asked.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break false,
            }
        };
        if !is_open || !conversation.send() {
            self.conversations.remove(&token);
            return;
        }
        let trouble = self.shape.trouble(node);
        if trouble == Some(Trouble::Hangs) {
            return;
        }
        let mut answer = Vec::new();
        while let Some(command) = take_command(&mut conversation.asked) {
            self.answers.answer(node, &command, &mut answer);
        }
        if answer.is_empty() {
            return;
        }
        let round_trips = if std::mem::take(&mut conversation.is_new) { 2 } else { 1 };
        self.exchanges[node] += 1;
        self.counts.exchanges.fetch_add(1, Ordering::Relaxed);
        self.counts.bytes.fetch_add(answer.len(), Ordering::Relaxed);
        if matches!(trouble, Some(Trouble::DiesAfter(exchanges)) if self.exchanges[node] > exchanges)
        {
            self.listeners[node] = None;
            self.conversations.retain(|_, conversation| conversation.node != node);
            return;
        }
        let at = Instant::now() + (self.shape.round_trip + self.late(token)) * round_trips;
        self.due.push(Reverse((at, token.0, answer)));
    }

    /// What a round trip takes longer this time: any part of the jitter, the same in each run.
    fn late(&self, token: Token) -> Duration {
        let spread = (token.0 + self.counts.exchanges.load(Ordering::Relaxed)) as u64;
        let part = spread.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48;
        self.shape.jitter * u32::try_from(part).unwrap_or(0) / (1 << 16)
    }

    fn deliver(&mut self) {
        while let Some(Reverse((at, ..))) = self.due.peek() {
            if *at > Instant::now() {
                return;
            }
            let Some(Reverse((_, token, answer))) = self.due.pop() else { return };
            let token = Token(token);
            let Some(conversation) = self.conversations.get_mut(&token) else { continue };
            conversation.left.extend(answer);
            if !conversation.send() {
                self.conversations.remove(&token);
            }
        }
    }
}

impl Conversation {
    /// Sends what it takes now; whether it is still there.
    fn send(&mut self) -> bool {
        let mut sent = 0;
        while sent < self.left.len() {
            match self.stream.write(&self.left[sent..]) {
                Ok(0) => return false,
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        self.left.drain(..sent);
        true
    }
}

/// Takes a whole command, an array of bulk strings, from the front.
fn take_command(asked: &mut Vec<u8>) -> Option<Vec<String>> {
    let mut at = 0;
    let number = |asked: &[u8], at: &mut usize| -> Option<usize> {
        let end = *at + asked[*at..].windows(2).position(|two| two == b"\r\n")?;
        let text = std::str::from_utf8(&asked[*at + 1..end]).ok()?;
        *at = end + 2;
        text.parse().ok()
    };
    let count = number(asked, &mut at)?;
    let mut words = Vec::with_capacity(count);
    for _ in 0..count {
        let length = number(asked, &mut at)?;
        let word = asked.get(at..at + length + 2)?;
        words.push(String::from_utf8_lossy(&word[..length]).into_owned());
        at += length + 2;
    }
    asked.drain(..at);
    Some(words)
}
