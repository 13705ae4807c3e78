//! Server versions, and whose data each of them reads.

use super::NodeReport;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Brand {
    Redis,
    Valkey,
}

/// A server's version, as far as it matters to replication: name, major and minor number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerVersion {
    brand: Brand,
    /// Major and minor.
    number: (u32, u32),
}

/// The RDB format of Valkey 9.0 and later: the numbers between the last one shared with Redis and
/// this one are Redis's, and Valkey does not read them.
const VALKEY: u32 = 80;

/// The last format that both have.
const SHARED: u32 = 11;

impl ServerVersion {
    /// Reads `Redis 7.0.15` or `Valkey 9.1.2`; `None` for any other text.
    pub fn parse(text: &str) -> Option<ServerVersion> {
        let (brand, number) = text.split_once(' ')?;
        let brand = match brand {
            "Redis" => Brand::Redis,
            "Valkey" => Brand::Valkey,
            _ => return None,
        };
        let mut parts = number.split('.').map(|part| part.parse().ok());
        Some(ServerVersion { brand, number: (parts.next()??, parts.next()??) })
    }

    /// The RDB format that it writes (the server's `rdb.h`, RDB_VERSION); `None` if the version is
    /// newer than those known here.
    fn format(self) -> Option<u32> {
        match (self.brand, self.number) {
            (Brand::Redis, number) => match number {
                (..=4, _) => Some(8),
                (5..=6, _) => Some(9),
                (7, ..=1) => Some(10),
                (7, 2..=3) => Some(11),
                (7, _) | (8, ..=5) => Some(12),
                (8, 6..=7) => Some(13),
                _ => None,
            },
            (Brand::Valkey, (..=8, _)) => Some(SHARED),
            (Brand::Valkey, (9, _)) => Some(VALKEY),
            (Brand::Valkey, _) => None,
        }
    }

    /// Whether it is an older version of the same kind.
    pub fn is_before(self, other: ServerVersion) -> bool {
        self.brand == other.brand && self.number < other.number
    }

    /// Whether a server of this version, started on the files of one of version `writer`, reads them.
    pub fn reads_files_of(self, writer: ServerVersion) -> bool {
        match (self.format(), writer.format()) {
            (Some(VALKEY), Some(written)) => written <= SHARED || written == VALKEY,
            (Some(own), Some(written)) => written <= own,
            _ => self.brand == writer.brand && self.number >= writer.number,
        }
    }

    /// Whether it needs CLIENT UNPAUSE after a manual failover: the old master goes on holding its
    /// clients for 10 s (Redis before 7.0).
    pub fn stays_paused(self) -> bool {
        self.brand == Brand::Redis && self.number < (7, 0)
    }

    /// Whether a replica of this version can load the RDB that a master of version `master` sends.
    ///
    /// Valkey 9.0 and later sends a replica the format that the replica announces (`replication.c`,
    /// REPLCONF VERSION), and never one older than the last it shares with Redis.
    pub fn can_replicate(self, master: ServerVersion) -> bool {
        let knows_ours =
            |version: ServerVersion| version.brand == Brand::Valkey && version.number >= (9, 0);
        let sent = match knows_ours(master) && !knows_ours(self) {
            true => Some(SHARED),
            false => master.format(),
        };
        match (self.format(), sent) {
            (Some(VALKEY), Some(sent)) => sent <= SHARED || sent == VALKEY,
            (Some(own), Some(sent)) => sent <= own,
            // Every version reads what older ones of its kind wrote.
            _ => self.brand == master.brand && self.number >= master.number,
        }
    }
}

impl NodeReport {
    /// Whether it can replicate `master`, by the RDB formats of their versions; true if a version
    /// is unknown.
    pub fn can_replicate(&self, master: &NodeReport) -> bool {
        let versions = (ServerVersion::parse(&self.version), ServerVersion::parse(&master.version));
        match versions {
            (Some(own), Some(its)) => own.can_replicate(its),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> ServerVersion {
        ServerVersion::parse(text).unwrap()
    }

    /// Measured with each as the replica of each.
    #[test]
    fn who_replicates_whom() {
        let servers = [
            "Redis 6.2.5",
            "Redis 7.0.15",
            "Redis 8.2.3",
            "Redis 8.6.2",
            "Valkey 8.1.8",
            "Valkey 9.1.2",
        ];
        let replicas = |master: &str| {
            let can = |replica: &&&str| version(replica).can_replicate(version(master));
            servers.iter().filter(can).copied().collect::<Vec<_>>()
        };
        assert_eq!(replicas(servers[0]), servers);
        assert_eq!(replicas(servers[1]), &servers[1..]);
        assert_eq!(replicas(servers[2]), &servers[2..4]);
        assert_eq!(replicas(servers[3]), &servers[3..4]);
        assert_eq!(replicas(servers[4]), &servers[2..]);
        assert_eq!(replicas(servers[5]), &servers[2..]);
    }

    /// Measured: each started on the data files of each.
    #[test]
    fn who_reads_whose_files() {
        let reads = |own: &str, writer: &str| version(own).reads_files_of(version(writer));
        for (from, to) in [
            ("Redis 6.2.5", "Redis 7.0.15"),
            ("Redis 7.0.15", "Redis 8.2.3"),
            ("Redis 8.2.3", "Redis 8.6.2"),
            ("Valkey 8.1.8", "Valkey 9.1.2"),
            ("Redis 7.0.15", "Valkey 8.1.8"),
        ] {
            assert!(reads(to, from), "{from} to {to}");
            assert!(!reads(from, to), "{to} to {from}");
        }
        assert!(!reads("Valkey 8.1.8", "Redis 8.2.3") && !reads("Valkey 9.1.2", "Redis 7.4.1"));
        assert!(version("Redis 7.0.15").is_before(version("Redis 7.2.0")));
        assert!(!version("Redis 7.0.15").is_before(version("Valkey 8.1.8")));
    }

    #[test]
    fn versions_that_are_not_known_yet_read_what_older_ones_wrote() {
        assert!(version("Redis 9.4.0").can_replicate(version("Redis 8.6.2")));
        assert!(version("Redis 9.4.0").can_replicate(version("Redis 9.4.1")));
        assert!(!version("Redis 8.6.2").can_replicate(version("Redis 9.4.0")));
        assert!(version("Valkey 9.0.1").can_replicate(version("Valkey 9.1.0")));
        assert_eq!(ServerVersion::parse("Redis of unknown version"), None);
        assert_eq!(ServerVersion::parse(""), None);
    }
}
