//! A byte stream with a deadline over the whole exchange, plain or TLS.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustls::{ClientConnection, StreamOwned};

use super::access::{Access, Cutoff};
use super::error::WireError;
use super::resolve::resolve;
use crate::model::{NodeAddr, printable};

/// How much of a server's first words is kept, to quote them where it turns out to be no Redis.
const FIRST_WORDS: usize = 60;

/// How long connecting may take after the cutoff, when things are put right.
const AT_THE_END: Duration = Duration::from_secs(1);

/// How often a cutoff is looked for while nothing comes.
const TICK: Duration = Duration::from_millis(200);

/// A TCP stream whose every read and write ends by the deadline.
///
/// A socket's own timeout starts anew with each byte, so a server that trickles would hold us
/// forever.
#[derive(Debug)]
struct Timed {
    tcp: TcpStream,
    deadline: Instant,
    cutoff: Cutoff,
}

impl Timed {
    fn left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left.min(TICK)) }
    }

    /// Goes on until something is done, the time is up, or the cutoff comes.
    fn until_done<T>(
        &mut self,
        mut step: impl FnMut(&mut Self, Duration) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            let left = self.left()?;
            match step(self, left) {
                Err(error) if is_timeout(&error) && !self.cutoff.is_past() => {}
                // By a signal: systems do not go on by themselves where a socket has a timeout.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.until_done(|timed, left| {
            timed.tcp.set_read_timeout(Some(left))?;
            timed.tcp.read(buffer)
        })
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.until_done(|timed, left| {
            timed.tcp.set_write_timeout(Some(left))?;
            timed.tcp.write(bytes)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}

#[derive(Debug)]
enum Layer {
    Plain(Timed),
    Tls(Box<StreamOwned<ClientConnection, Timed>>),
}

/// What went over a connection so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    pub commands: u64,
    /// Bytes to the server.
    pub sent: u64,
    /// Bytes from it.
    pub received: u64,
}

/// A connection's bytes, and the first of them that came in.
#[derive(Debug)]
pub(super) struct Stream {
    layer: Layer,
    first_words: Vec<u8>,
    pub(super) traffic: Traffic,
}

impl Stream {
    /// Connects, and shakes hands where `access` asks for TLS; also the IP that it led to.
    pub(super) fn open(addr: &NodeAddr, access: &Access) -> Result<(Stream, IpAddr), WireError> {
        let failed = |why: String| WireError::Connect { addr: addr.clone(), why };
        let (tcp, ip) = connect(addr, access)?;
        tcp.set_nodelay(true).map_err(|error| failed(error.to_string()))?;
        let deadline = Instant::now() + access.connect_timeout;
        let timed = Timed { tcp, deadline, cutoff: access.cutoff.clone() };
        let layer = match &access.tls {
            None => Layer::Plain(timed),
            Some(tls) => {
                // What it says against a certificate quotes that.
                let failed = |why: String| WireError::Tls {
                    addr: addr.clone(),
                    why: printable(why.as_bytes()),
                };
                let outer = access.map.outer(addr);
                let host = outer.as_ref().unwrap_or(addr).host();
                let name = tls.server_name(host).map_err(|error| failed(error.to_string()))?;
                let client = ClientConnection::new(tls.config.clone(), name);
                let client = client.map_err(|error| failed(error.to_string()))?;
                let mut stream = StreamOwned::new(client, timed);
                while stream.conn.is_handshaking() {
                    let done = stream.conn.complete_io(&mut stream.sock);
                    done.map_err(|error| failed(said(&error)))?;
                }
                Layer::Tls(Box::new(stream))
            }
        };
        Ok((Stream { layer, first_words: Vec::new(), traffic: Traffic::default() }, ip))
    }

    /// The address that was dialled.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        let timed = match &self.layer {
            Layer::Plain(timed) => timed,
            Layer::Tls(stream) => &stream.sock,
        };
        timed.tcp.peer_addr().ok()
    }

    /// From now on reads and writes end by this time.
    pub(super) fn set_deadline(&mut self, deadline: Instant) {
        match &mut self.layer {
            Layer::Plain(timed) => timed.deadline = deadline,
            Layer::Tls(stream) => stream.sock.deadline = deadline,
        }
    }

    /// What the server said first, printable and short.
    pub(super) fn first_words(&self) -> String {
        printable(self.first_words.trim_ascii_end())
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.layer {
            Layer::Plain(timed) => timed.read(buffer),
            Layer::Tls(stream) => stream.read(buffer),
        }?;
        self.traffic.received += count as u64;
        let room = FIRST_WORDS - self.first_words.len();
        self.first_words.extend_from_slice(&buffer[..count.min(room)]);
        Ok(count)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = match &mut self.layer {
            Layer::Plain(timed) => timed.write(bytes),
            Layer::Tls(stream) => stream.write(bytes),
        }?;
        self.traffic.sent += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.layer {
            Layer::Plain(timed) => timed.flush(),
            Layer::Tls(stream) => stream.flush(),
        }
    }
}

/// Tries each address of the host in turn; the error tells of the last one.
///
/// The IP is the node's for other nodes: where a map leads elsewhere, not the one that was dialled.
fn connect(addr: &NodeAddr, access: &Access) -> Result<(TcpStream, IpAddr), WireError> {
    // Whoever wants to end is kept no longer than a server nearby takes.
    let timeout = match access.cutoff.is_past() {
        true => access.connect_timeout.min(AT_THE_END),
        false => access.connect_timeout,
    };
    let mut why = String::new();
    let outer = access.map.outer(addr);
    for ip in resolve(outer.as_ref().unwrap_or(addr), access)? {
        let port = outer.as_ref().unwrap_or(addr).port();
        match TcpStream::connect_timeout(&(ip, port).into(), timeout) {
            Ok(tcp) => return Ok((tcp, outer.as_ref().and(addr.ip()).unwrap_or(ip))),
            Err(error) if is_timeout(&error) => {
                why = format!("timed out after {}", humantime::format_duration(timeout));
            }
            Err(error) => why = said(&error),
        }
    }
    if let Some(outer) = outer {
        why += &format!(" (at {outer}, where the address map leads)");
    }
    Err(WireError::Connect { addr: addr.clone(), why })
}

/// Whether the deadline passed: a socket's timeout shows as `WouldBlock` on Unix.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

/// The error in words, without the system's `(os error 111)`.
pub(super) fn said(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_signal_in_a_read_is_no_end_of_the_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut timed = Timed { tcp, deadline, cutoff: Cutoff::default() };
        let mut signals = 2;

        let read = timed.until_done(|_, _| match signals {
            0 => Ok(3),
            _ => {
                signals -= 1;
                Err(io::ErrorKind::Interrupted.into())
            }
        });

        assert_eq!(read.unwrap(), 3);
    }
}
