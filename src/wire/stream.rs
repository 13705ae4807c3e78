//! A byte stream with a deadline over the whole exchange, plain or TLS. Nothing here blocks but by
//! [`Wait`].

use std::io::{self, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustls::{ClientConnection, StreamOwned};

use super::access::{Access, Cutoff};
use super::dial::{Dialled, connect, said};
use super::error::WireError;
use super::talk::{Wait, Way};
use crate::model::{NodeAddr, printable};

/// How much of a server's first words is kept, to quote them where it turns out to be no Redis.
const FIRST_WORDS: usize = 60;

/// How often a cutoff is looked for while nothing comes.
const TICK: Duration = Duration::from_millis(200);

/// A TCP stream that is read and written by the deadline only: a socket's own timeout starts anew
/// with each byte, so a server that trickles, or never stops, would hold us forever.
#[derive(Debug)]
struct Timed {
    tcp: TcpStream,
    deadline: Instant,
}

impl Timed {
    fn in_time(&mut self) -> io::Result<&mut TcpStream> {
        let is_over = Instant::now() >= self.deadline;
        if is_over { Err(io::ErrorKind::TimedOut.into()) } else { Ok(&mut self.tcp) }
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.in_time()?.read(buffer)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.in_time()?.write(bytes)
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

/// A connection's bytes, and the first of them that came in. What cannot be done at once is
/// `WouldBlock`; [`until_done`] waits for it.
#[derive(Debug)]
pub(super) struct Stream {
    layer: Layer,
    /// Whether nothing has waited for it.
    is_new: bool,
    cutoff: Cutoff,
    first_words: Vec<u8>,
    pub(super) traffic: Traffic,
}

impl Stream {
    /// Connects, and shakes hands where `access` asks for TLS; also the IP that it led to.
    pub(super) async fn open(
        addr: &NodeAddr,
        access: &Access,
        wait: &Wait,
    ) -> Result<(Stream, IpAddr), WireError> {
        let failed = |why: String| WireError::Connect { addr: addr.clone(), why };
        let (Dialled { tcp, is_new }, ip) = connect(addr, access, wait).await?;
        tcp.set_nodelay(true).map_err(|error| failed(error.to_string()))?;
        let mut stream = Stream {
            layer: Layer::Plain(Timed { tcp, deadline: Instant::now() + access.connect_timeout }),
            is_new,
            cutoff: access.cutoff.clone(),
            first_words: Vec::new(),
            traffic: Traffic::default(),
        };
        if let Some(tls) = &access.tls {
            // What it says against a certificate quotes that.
            let failed =
                |why: String| WireError::Tls { addr: addr.clone(), why: printable(why.as_bytes()) };
            let outer = access.map.outer(addr);
            let host = outer.as_ref().unwrap_or(addr).host();
            let name = tls.server_name(host).map_err(|error| failed(error.to_string()))?;
            let client = ClientConnection::new(tls.config.clone(), name);
            let client = client.map_err(|error| failed(error.to_string()))?;
            stream = stream.over(client);
            let done = until_done(&mut stream, wait, Way::In, Stream::shake).await;
            done.map_err(|error| failed(said(&error)))?;
        }
        Ok((stream, ip))
    }

    fn over(self, client: ClientConnection) -> Stream {
        let layer = match self.layer {
            Layer::Plain(timed) => Layer::Tls(Box::new(StreamOwned::new(client, timed))),
            tls => tls,
        };
        Stream { layer, ..self }
    }

    fn shake(&mut self) -> io::Result<()> {
        if let Layer::Tls(stream) = &mut self.layer {
            while stream.conn.is_handshaking() {
                stream.conn.complete_io(&mut stream.sock)?;
            }
        }
        Ok(())
    }

    fn timed(&self) -> &Timed {
        match &self.layer {
            Layer::Plain(timed) => timed,
            Layer::Tls(stream) => &stream.sock,
        }
    }

    /// The address that was dialled.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.timed().tcp.peer_addr().ok()
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

/// What a step comes to that is tried until it can be done, the time is up, or the cutoff comes.
pub(super) async fn until_done<S: AsMut<Stream>, T>(
    source: &mut S,
    wait: &Wait,
    way: Way,
    mut step: impl FnMut(&mut S) -> io::Result<T>,
) -> io::Result<T> {
    let mut tick = None;
    loop {
        let now = Instant::now();
        let is_late = tick.is_some_and(|tick| now >= tick);
        match step(source) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            done => return done,
        }
        let stream = source.as_mut();
        if is_late && stream.cutoff.is_past() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let next = tick.filter(|_| !is_late).unwrap_or(now + TICK);
        tick = Some(next);
        let way = match &stream.layer {
            Layer::Tls(stream) if stream.conn.wants_write() => Way::Out,
            Layer::Tls(_) => Way::In,
            Layer::Plain(_) => way,
        };
        let is_new = std::mem::take(&mut stream.is_new);
        let Timed { tcp, deadline } = stream.timed();
        wait.ready(tcp, is_new, way, next.min(*deadline)).await;
    }
}

impl AsMut<Stream> for Stream {
    fn as_mut(&mut self) -> &mut Stream {
        self
    }
}

impl AsMut<Stream> for BufReader<Stream> {
    fn as_mut(&mut self) -> &mut Stream {
        self.get_mut()
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

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::wire::dial::is_timeout;
    use crate::wire::talk::alone;

    fn stream(listener: &TcpListener, cutoff: Cutoff) -> Stream {
        let place = listener.local_addr().unwrap();
        let addr = NodeAddr::new(place.ip().to_string(), place.port(), None);
        let access = Access { cutoff, ..Access::default() };
        alone(async |wait| Stream::open(&addr, &access, wait).await).unwrap().0
    }

    fn read(stream: &mut Stream) -> io::Result<usize> {
        let step = |stream: &mut Stream| stream.read(&mut [0; 9]);
        alone(async |wait| until_done(stream, wait, Way::In, step).await)
    }

    #[test]
    fn a_signal_in_a_read_is_no_end_of_the_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = stream(&listener, Cutoff::default());
        let mut signals = 2;
        let step = |_: &mut Stream| match signals {
            0 => Ok(3),
            _ => {
                signals -= 1;
                Err(io::ErrorKind::Interrupted.into())
            }
        };

        let read = alone(async |wait| until_done(&mut stream, wait, Way::In, step).await);

        assert_eq!(read.unwrap(), 3);
    }

    #[test]
    fn nothing_is_waited_for_beyond_the_deadline_or_a_cutoff() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut waits = stream(&listener, Cutoff::default());
        let begun = Instant::now();
        waits.set_deadline(begun + Duration::from_millis(30));
        assert!(is_timeout(&read(&mut waits).unwrap_err()));
        assert!(begun.elapsed() >= Duration::from_millis(30));

        let mut is_cut = stream(&listener, Cutoff::new(|| true));
        is_cut.set_deadline(Instant::now() + Duration::from_secs(60));
        let begun = Instant::now();
        assert!(is_timeout(&read(&mut is_cut).unwrap_err()));
        assert!(begun.elapsed() < Duration::from_secs(30));

        // What has come is read, whoever wants to end.
        let (mut server, _) = listener.accept().and_then(|_| listener.accept()).unwrap();
        server.write_all(b"end").unwrap();
        is_cut.set_deadline(Instant::now() + Duration::from_secs(60));
        assert_eq!(read(&mut is_cut).unwrap(), 3);
    }
}
