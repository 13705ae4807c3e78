//! Ports that no other story uses, in this process or in another.

use std::fs::File;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// With the bus 10000 above still below the ports that systems give to clients: Linux begins at
/// 32768, sandboxes such as gVisor at 16000.
const RANGE: std::ops::Range<u16> = 2_000..5_900;

/// A port and its bus port, ours until this is dropped.
#[derive(Debug)]
pub struct Port {
    pub number: u16,
    _lock: File,
}

impl Port {
    pub fn take() -> Port {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let folder = std::env::temp_dir().join("rcluster-test-ports");
        std::fs::create_dir_all(&folder).expect("the folder of port locks");
        // Processes begin at different places, so that they seldom get in each other's way.
        let offset = (std::process::id() % 97) as u16 * 40;
        for _ in RANGE {
            let next = NEXT.fetch_add(1, Ordering::Relaxed);
            let number = RANGE.start + offset.wrapping_add(next) % (RANGE.end - RANGE.start);
            let path = folder.join(number.to_string());
            let lock = File::options().create(true).append(true).open(path).expect("a port lock");
            let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
            if lock.try_lock().is_ok() && free(number) && free(number + 10_000) {
                return Port { number, _lock: lock };
            }
        }
        panic!("no free ports in {RANGE:?}");
    }
}
