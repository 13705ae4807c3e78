//! Host names to IP addresses, with a deadline (CLUSTER MEET takes IPs only), and lists of nodes to
//! the addresses that they stand for.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, mpsc};
use std::time::Instant;

use itertools::Itertools;

use super::access::{Access, Family};
use super::error::WireError;
use super::talk::{Wait, Way, alone};
use crate::model::{NodeAddr, NodeList, Place};

/// The IP addresses of a host, IPv4 first: at least one, in the resolver's order.
///
/// # Errors
/// [`WireError::Resolve`] where the name is unknown, has no address of the family that is asked for,
/// or no answer comes within the time for connections.
pub fn resolve(addr: &NodeAddr, access: &Access) -> Result<Vec<IpAddr>, WireError> {
    alone(async |wait| resolve_within(addr, access, wait).await)
}

/// The same within a conversation.
pub(super) async fn resolve_within(
    addr: &NodeAddr,
    access: &Access,
    wait: &Wait,
) -> Result<Vec<IpAddr>, WireError> {
    let timeout = access.connect_timeout;
    if let Some(ip) = addr.ip() {
        return Ok(vec![ip]);
    }
    let failed = |why: String| WireError::Resolve { addr: addr.clone(), why };
    let until = Instant::now() + timeout;
    // The system's resolver has no deadline of its own; where it outlives ours, its thread is left
    // to end by itself. Then it closes its end, for which anybody can wait.
    let (end, its_end) = UnixStream::pair().map_err(|error| failed(error.to_string()))?;
    let its_end = Arc::new(its_end);
    let (sender, answer) = mpsc::channel();
    let place = (addr.host().to_owned(), addr.port());
    let ask = move || {
        let _ = sender.send(place.to_socket_addrs().map(Iterator::collect));
        drop(its_end);
    };
    match std::thread::Builder::new().spawn(ask.clone()) {
        Ok(_) => drop(ask),
        // The resolver's own limit has to do.
        Err(_refused) => ask(),
    }
    let mut is_new = true;
    let found: io::Result<Vec<SocketAddr>> = loop {
        match answer.try_recv() {
            Ok(found) => break found,
            Err(_) if Instant::now() >= until => {
                let timeout = humantime::format_duration(timeout);
                return Err(failed(format!("timed out after {timeout}")));
            }
            Err(_) => wait.ready(&end, std::mem::take(&mut is_new), Way::In, until).await,
        }
    };
    let found = found.map_err(|error| failed(error.to_string()))?;
    let fits = |ip: &IpAddr| match access.family {
        Family::Any => true,
        Family::V4 => ip.is_ipv4(),
        Family::V6 => ip.is_ipv6(),
    };
    let ips = found.iter().map(SocketAddr::ip).filter(fits);
    let ips: Vec<IpAddr> = ips.sorted_by_key(IpAddr::is_ipv6).dedup().collect();
    if ips.is_empty() { Err(failed("it has no such address".to_owned())) } else { Ok(ips) }
}

/// The addresses that a part of a list stands for.
fn addresses_of(place: &Place, access: &Access) -> Result<Vec<NodeAddr>, WireError> {
    match place {
        Place::One(addr) => Ok(vec![addr.clone()]),
        Place::All(name) => {
            let at = |ip: IpAddr| NodeAddr::new(ip.to_string(), name.port(), name.bus_port());
            // Resolvers turn their answers round: what is planned once is to be planned again.
            Ok(resolve(name, access)?.into_iter().sorted().map(at).collect())
        }
    }
}

/// Every address that these lists stand for, in their order.
///
/// # Errors
/// A DNS name has no address.
pub fn addresses(lists: &[NodeList], access: &Access) -> Result<Vec<NodeAddr>, WireError> {
    let places = lists.iter().flat_map(NodeList::places);
    let found = places.map(|place| addresses_of(place, access)).collect::<Result<Vec<_>, _>>()?;
    Ok(found.concat())
}

/// What `ask` gets from the first address of the list that answers.
///
/// # Errors
/// None does.
pub fn first_of<T>(
    list: &NodeList,
    access: &Access,
    mut ask: impl FnMut(&NodeAddr) -> Result<T, WireError>,
) -> Result<T, WireError> {
    let mut errors = Vec::new();
    for place in list.places() {
        let addrs = match addresses_of(place, access) {
            Ok(addrs) => addrs,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        for addr in addrs {
            match ask(&addr) {
                Ok(answer) => return Ok(answer),
                Err(error) => errors.push(error),
            }
        }
    }
    Err(WireError::none_answers(list, errors))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_name_is_known_as_soon_as_the_system_knows_it() {
        let access = Access { connect_timeout: Duration::from_secs(30), ..Access::default() };
        let begun = Instant::now();
        let ips = resolve(&NodeAddr::new("localhost", 1, None), &access).unwrap();
        assert!(ips.iter().all(IpAddr::is_loopback), "{ips:?}");
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "it was waited for: {:?}",
            begun.elapsed()
        );
    }
}
