//! Asking a local server who it is, without the wire: one inline command.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::model::{excerpt, printable_lines};

/// Loopback answers in microseconds; a stopped process never does.
const TIMEOUT: Duration = Duration::from_millis(500);

/// Who answers on a port.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Occupant {
    /// Nobody listens.
    Nobody,
    /// A server that tells its pid and the config file it was started on.
    Server { pid: u32, config: PathBuf },
    /// Something that tells neither, but perhaps why not: it wants a password, or is busy.
    Stranger { said: Option<String> },
}

/// Asks with the inline form of `INFO server`.
pub(super) fn probe(addr: SocketAddr) -> Occupant {
    let mut stream = match TcpStream::connect_timeout(&addr, TIMEOUT) {
        Ok(stream) => stream,
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => return Occupant::Nobody,
        // A stopped process whose queue of connections is full looks like this.
        Err(_) => return Occupant::Stranger { said: None },
    };
    let deadline = Instant::now() + TIMEOUT;
    let timeouts = stream.set_read_timeout(Some(TIMEOUT));
    let asked = timeouts.and_then(|()| stream.write_all(b"INFO server\r\n"));
    let mut reply = Vec::new();
    let mut buffer = [0; 4096];
    while asked.is_ok() && Instant::now() < deadline {
        match stream.read(&mut buffer) {
            Ok(count) if count > 0 => reply.extend_from_slice(&buffer[..count]),
            _ => break,
        }
        // The whole section is one bulk string: done once its last line is there.
        if reply.ends_with(b"\r\n\r\n") || read(&reply).is_some() || refusal(&reply).is_some() {
            break;
        }
    }
    read(&reply).unwrap_or_else(|| Occupant::Stranger { said: refusal(&reply) })
}

fn read(reply: &[u8]) -> Option<Occupant> {
    let text = printable_lines(reply);
    let field = |name: &str| {
        let line = text.split_inclusive("\r\n").find(|line| line.starts_with(name))?;
        line.strip_prefix(name)?.strip_suffix("\r\n")
    };
    let pid = field("process_id:")?.parse().ok()?;
    Some(Occupant::Server { pid, config: field("config_file:")?.into() })
}

/// The error that a server answers with: `-NOAUTH Authentication required.`
fn refusal(reply: &[u8]) -> Option<String> {
    let text = reply.strip_prefix(b"-")?;
    let end = text.windows(2).position(|end| end == b"\r\n")?;
    Some(excerpt(&text[..end], 200))
}
