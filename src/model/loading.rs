//! A server that reads its data from disk or from its master and serves none of it yet.

use std::fmt;

use super::InfoMap;

/// How far a server has loaded its data, from INFO persistence, which it answers meanwhile
/// (`loading_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loading {
    /// 0 to 100; `None` where the size is not known: data that comes straight from the master.
    pub percent: Option<u8>,
    /// The server's own estimate (`loading_eta_seconds`).
    pub seconds_left: Option<u64>,
    /// Whether it is a replica's initial sync with its master.
    pub is_first_copy: bool,
}

impl fmt::Display for Loading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.percent, self.seconds_left) {
            (Some(percent), Some(left)) => write!(f, "{percent}% loaded, {left} s left"),
            (Some(percent), None) => write!(f, "{percent}% loaded"),
            (None, _) => f.write_str("the server does not report how far"),
        }
    }
}

impl InfoMap<'_> {
    /// How far the server has loaded its data, from INFO persistence and replication; `None` if it
    /// is not loading.
    pub fn loading(&self) -> Option<Loading> {
        let is_known = self.number::<u64>("loading_total_bytes").is_some_and(|bytes| bytes > 0);
        let percent = self.number::<f64>("loading_loaded_perc").filter(|_| is_known);
        (self.get("loading") == Some("1")).then(|| Loading {
            percent: percent.map(|percent| percent.clamp(0.0, 100.0) as u8),
            seconds_left: self.number("loading_eta_seconds").filter(|_| is_known),
            is_first_copy: self.get("master_sync_in_progress") == Some("1"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_read() {
        let from_disk = "loading:1\r\nloading_total_bytes:129605\r\nloading_loaded_perc:11.85\r\nloading_eta_seconds:7\r\nrole:master\r\n";
        let loading = InfoMap::parse(from_disk).loading().unwrap();
        assert_eq!(loading.to_string(), "11% loaded, 7 s left");
        assert!(!loading.is_first_copy);
        let straight = "loading:1\r\nloading_total_bytes:0\r\nloading_loaded_perc:0.00\r\nmaster_sync_in_progress:1\r\n";
        let loading = InfoMap::parse(straight).loading().unwrap();
        assert_eq!((loading.percent, loading.is_first_copy), (None, true));
        assert_eq!(InfoMap::parse("loading:0\r\n").loading(), None);
    }
}
