//! Ports that no other story uses, in this process or in another, of this user or of another.

use std::net::{TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

/// Where no service that people commonly run listens, nor 10000 above, where the bus does. That is
/// below the ports that systems give to clients: Linux begins at 32768, sandboxes such as gVisor at
/// 16000.
const RANGE: std::ops::Range<u16> = 2_630..2_990;

/// Except for SMS, Monit, ZooKeeper and gpsd.
const COMMON: [u16; 4] = [2_701, 2_812, 2_888, 2_947];

/// A port and its bus port, ours until this is dropped.
#[derive(Debug)]
pub struct Port {
    pub number: u16,
    /// UDP has its own ports: whoever has this one may use the port of TCP.
    _lock: UdpSocket,
}

impl Port {
    pub fn take() -> Port {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        // Processes begin at different places, so that they seldom get in each other's way.
        let offset = (std::process::id() % 97) as u16 * 4;
        for _ in RANGE {
            let next = NEXT.fetch_add(1, Ordering::Relaxed);
            let number = RANGE.start + offset.wrapping_add(next) % (RANGE.end - RANGE.start);
            if COMMON.contains(&number) {
                continue;
            }
            let Ok(lock) = UdpSocket::bind(("127.0.0.1", number)) else { continue };
            let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
            if free(number) && free(number + 10_000) {
                return Port { number, _lock: lock };
            }
        }
        panic!("no free ports in {RANGE:?}");
    }
}
