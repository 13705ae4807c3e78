//! Asking a local server who it is, without the wire: one command.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::access::{LocalAccess, TlsFiles};
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

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// Asks with the inline form of `INFO server`.
pub(super) fn probe(addr: SocketAddr, access: &LocalAccess) -> Occupant {
    let stream = match TcpStream::connect_timeout(&addr, TIMEOUT) {
        Ok(stream) => stream,
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => return Occupant::Nobody,
        // A stopped process whose queue of connections is full looks like this.
        Err(_) => return Occupant::Stranger { said: None },
    };
    let deadline = Instant::now() + TIMEOUT;
    let mut reply = Vec::new();
    // What cannot be asked, or ends early, is judged by what came.
    let _ = ask(stream, addr, access, deadline, &mut reply);
    let said = answer(&reply, access);
    read(said).unwrap_or_else(|| Occupant::Stranger { said: refusal(said) })
}

fn ask(
    stream: TcpStream,
    addr: SocketAddr,
    access: &LocalAccess,
    deadline: Instant,
    reply: &mut Vec<u8>,
) -> io::Result<()> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let mut stream: Box<dyn Stream> = match &access.tls {
        Some(tls) => Box::new(over_tls(stream, addr, tls)?),
        None => Box::new(stream),
    };
    let login = access
        .password
        .as_ref()
        .map(|password| format!("*2\r\n$4\r\nAUTH\r\n${}\r\n{password}\r\n", password.len()));
    stream.write_all(login.unwrap_or_default().as_bytes())?;
    stream.write_all(b"INFO server\r\n")?;
    stream.flush()?;
    let mut buffer = [0; 4096];
    while Instant::now() < deadline {
        match stream.read(&mut buffer)? {
            0 => break,
            count => reply.extend_from_slice(&buffer[..count]),
        }
        // The whole section is one bulk string: done once its last line is there.
        let said = answer(reply, access);
        if said.ends_with(b"\r\n\r\n") || read(said).is_some() || refusal(said).is_some() {
            break;
        }
    }
    Ok(())
}

fn over_tls(
    stream: TcpStream,
    addr: SocketAddr,
    tls: &TlsFiles,
) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(tls.ca()).map_err(io::Error::other)? {
        roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = addr.ip().into();
    let client = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    Ok(StreamOwned::new(client, stream))
}

/// What it said to INFO: what it says to AUTH is a line before.
fn answer<'a>(reply: &'a [u8], access: &LocalAccess) -> &'a [u8] {
    if access.password.is_none() {
        return reply;
    }
    let end = reply.windows(2).position(|end| end == b"\r\n");
    end.map_or(&[], |end| &reply[end + 2..])
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
