//! A connection to one of a host's addresses, and what errors of connections are called.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::access::Access;
use super::error::WireError;
use super::resolve::resolve_within;
use super::talk::{Wait, Way};
use crate::model::NodeAddr;

/// How long connecting may take after the cutoff, when things are put right.
const AT_THE_END: Duration = Duration::from_secs(1);

/// Tries each address of the host in turn; the error tells of the last one.
///
/// The IP is the node's for other nodes: where a map leads elsewhere, not the one that was dialled.
pub(super) async fn connect(
    addr: &NodeAddr,
    access: &Access,
    wait: &Wait,
) -> Result<(Dialled, IpAddr), WireError> {
    // Whoever wants to end is kept no longer than a server nearby takes.
    let timeout = match access.cutoff.is_past() {
        true => access.connect_timeout.min(AT_THE_END),
        false => access.connect_timeout,
    };
    let mut why = String::new();
    let outer = access.map.outer(addr);
    for ip in resolve_within(outer.as_ref().unwrap_or(addr), access, wait).await? {
        let port = outer.as_ref().unwrap_or(addr).port();
        match dial((ip, port).into(), timeout, wait).await {
            Ok(dialled) => return Ok((dialled, outer.as_ref().and(addr.ip()).unwrap_or(ip))),
            Err(error) if is_timeout(&error) => {
                why = format!("timed out after {}", humantime::format_duration(timeout));
            }
            Err(error) if is_out_of_files(&error) => {
                return Err(WireError::OpenFiles { addr: addr.clone() });
            }
            Err(error) => why = said(&error),
        }
    }
    if let Some(outer) = outer {
        why += &format!(" (at {outer}, where the address map leads)");
    }
    Err(WireError::Connect { addr: addr.clone(), why })
}

/// A connection that nothing has gone over, and whether anything waited for it.
pub(super) struct Dialled {
    pub tcp: TcpStream,
    pub is_new: bool,
}

async fn dial(place: SocketAddr, timeout: Duration, wait: &Wait) -> io::Result<Dialled> {
    let until = Instant::now() + timeout;
    let tcp = TcpStream::from(mio::net::TcpStream::connect(place)?);
    let mut is_new = true;
    while let Err(error) = tcp.peer_addr() {
        match tcp.take_error()? {
            Some(failed) => return Err(failed),
            None if error.kind() != io::ErrorKind::NotConnected => return Err(error),
            None if Instant::now() >= until => return Err(io::ErrorKind::TimedOut.into()),
            None => wait.ready(&tcp, std::mem::take(&mut is_new), Way::Out, until).await,
        }
    }
    Ok(Dialled { tcp, is_new })
}

/// Whether the deadline passed.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::TimedOut
}

/// Whether the system lets us, or everyone, open no more.
fn is_out_of_files(error: &io::Error) -> bool {
    [Some(Errno::MFILE), Some(Errno::NFILE)].contains(&Errno::from_io_error(error))
}

/// The error in words, without the system's `(os error 111)`.
pub(super) fn said(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}
