//! Host names to IP addresses, with a deadline (CLUSTER MEET takes IPs only), and lists of nodes to
//! the addresses that they stand for.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc;

use itertools::Itertools;

use super::access::{Access, Family};
use super::error::WireError;
use crate::model::{NodeAddr, NodeList, Place};

/// The IP addresses of a host, IPv4 first: at least one, in the resolver's order.
///
/// # Errors
/// [`WireError::Resolve`] where the name is unknown, has no address of the family that is asked for,
/// or no answer comes within the time for connections.
pub fn resolve(addr: &NodeAddr, access: &Access) -> Result<Vec<IpAddr>, WireError> {
    let timeout = access.connect_timeout;
    if let Some(ip) = addr.ip() {
        return Ok(vec![ip]);
    }
    // The system's resolver has no deadline of its own; where it outlives ours, its thread is left
    // to end by itself.
    let (sender, answer) = mpsc::channel();
    let place = (addr.host().to_owned(), addr.port());
    let ask = move || sender.send(place.to_socket_addrs().map(Iterator::collect));
    // Where the system refuses a thread, the resolver's own limit has to do.
    if let Err(_refused) = std::thread::Builder::new().spawn(ask.clone()) {
        let _ = ask();
    }
    let failed = |why: String| WireError::Resolve { addr: addr.clone(), why };
    let found: Vec<SocketAddr> = answer
        .recv_timeout(timeout)
        .map_err(|_| failed(format!("timed out after {}", humantime::format_duration(timeout))))?
        .map_err(|error| failed(error.to_string()))?;
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
