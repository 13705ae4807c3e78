//! What can keep a node from accepting writes although its cluster state is ok (MISCONF and
//! NOREPLICAS, `processCommand` in the server's `server.c`).

use super::InfoMap;

/// The setting with the schedule of background saves; empty means none.
pub const SAVE: &str = "save";
/// The setting that makes a server reject writes while background saves fail.
pub const STOP_WRITES: &str = "stop-writes-on-bgsave-error";
/// The setting with the number of replicas in sync below which a server rejects writes.
pub const MIN_REPLICAS: &str = "min-replicas-to-write";

/// What a node reports of its disk and of its replicas (INFO persistence and replication).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Writes {
    /// The last background save failed (`rdb_last_bgsave_status:err`).
    pub save_failed: bool,
    /// Whether the settings are such that a failed save makes the server reject writes.
    pub save_stops_writes: bool,
    /// The last write to the append-only file failed (`aof_last_write_status:err`).
    pub aof_failed: bool,
    /// Replicas in sync, and how many are required, if `min-replicas-to-write` is set.
    pub replicas: Option<(u64, u64)>,
}

impl Writes {
    /// Whether the settings have to be read to decide if writes are rejected.
    pub fn depend_on_settings(info: &InfoMap<'_>) -> bool {
        let save_failed = info.get("rdb_last_bgsave_status") == Some("err");
        save_failed || info.get("min_slaves_good_slaves").is_some()
    }

    /// Reads INFO persistence and replication. `setting` returns the value of a setting; if it is
    /// `None` the setting is assumed to be one that rejects writes.
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
        let silent = with(|_| None);
        assert!(Writes::depend_on_settings(&info));
        assert!(!Writes::depend_on_settings(&InfoMap::parse("rdb_last_bgsave_status:ok\r\n")));
        assert!(silent.save_failed && silent.save_stops_writes && !silent.aof_failed);
        assert_eq!(silent.replicas, Some((1, 1)));
        assert!(!with(|name| (name == SAVE).then_some("")).save_stops_writes);
        assert!(!with(|name| (name == STOP_WRITES).then_some("no")).save_stops_writes);
        assert_eq!(with(|name| (name == MIN_REPLICAS).then_some("2")).replicas, Some((1, 2)));
    }
}
