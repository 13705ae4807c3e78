//! What can keep a node from accepting writes although its cluster state is ok.

use super::InfoMap;

/// Settings that this depends on.
pub const SAVE: &str = "save";
pub const STOP_WRITES: &str = "stop-writes-on-bgsave-error";
pub const MIN_REPLICAS: &str = "min-replicas-to-write";

/// What a node reports of its disk and of its replicas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writes {
    /// The last background save failed.
    pub save_failed: bool,
    /// Whether writes are rejected for that.
    pub save_stops_writes: bool,
    /// The last write to the append-only file failed.
    pub aof_failed: bool,
    /// Replicas in sync, and how many there have to be, where a number is set.
    pub replicas: Option<(u64, u64)>,
}

impl Writes {
    /// Whether it takes settings to tell if writes are rejected.
    pub fn depend_on_settings(info: &InfoMap<'_>) -> bool {
        let save_failed = info.get("rdb_last_bgsave_status") == Some("err");
        save_failed || info.get("min_slaves_good_slaves").is_some()
    }

    /// From INFO persistence and replication. `setting` gives the value of a setting; one that the
    /// server does not tell is taken for one that rejects writes.
    pub fn read(info: &InfoMap<'_>, setting: impl Fn(&str) -> Option<String>) -> Writes {
        let is_set = |name, off: &str| setting(name).is_none_or(|value| value != off);
        let needed = || setting(MIN_REPLICAS).and_then(|value| value.parse().ok()).unwrap_or(1);
        Writes {
            save_failed: info.get("rdb_last_bgsave_status") == Some("err"),
            save_stops_writes: is_set(SAVE, "") && is_set(STOP_WRITES, "no"),
            aof_failed: info.get("aof_last_write_status") == Some("err"),
            replicas: info.number("min_slaves_good_slaves").map(|good| (good, needed())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rejects_writes_depends_on_settings() {
        let info = InfoMap::parse(
            "rdb_last_bgsave_status:err\r\naof_last_write_status:ok\r\nmin_slaves_good_slaves:1\r\n",
        );
        let with = |value: fn(&str) -> Option<&'static str>| {
            Writes::read(&info, |name| value(name).map(str::to_owned))
        };
        let untold = with(|_| None);
        assert!(Writes::depend_on_settings(&info));
        assert!(!Writes::depend_on_settings(&InfoMap::parse("rdb_last_bgsave_status:ok\r\n")));
        assert!(untold.save_failed && untold.save_stops_writes && !untold.aof_failed);
        assert_eq!(untold.replicas, Some((1, 1)));
        assert!(!with(|name| (name == SAVE).then_some("")).save_stops_writes);
        assert!(!with(|name| (name == STOP_WRITES).then_some("no")).save_stops_writes);
        assert_eq!(with(|name| (name == MIN_REPLICAS).then_some("2")).replicas, Some((1, 2)));
    }
}
