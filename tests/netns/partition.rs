//! `sandbox partition`, in a network of its own: it changes the packet filter of its host.

use std::process::Command;

const SCRIPT: &str = r#"
ip link set lo up
eval "$("$RCLUSTER" sandbox up --version "$VERSION" --shards 3 --replicas 1 --dir "$DIR" --env)"
first=${REDIS_NODES%%,*} last=${REDIS_NODES##*,}
failed() { "$RCLUSTER" call --only "$1" "$1" --raw CLUSTER NODES | grep -c "$first.*fail"; }
eventually() { tries=0; until "$@"; do tries=$((tries + 1)); test "$tries" -lt 300; sleep 0.1; done; }
"$RCLUSTER" set-timeout "$first" 1000 --yes >/dev/null

"$RCLUSTER" sandbox partition "${first#*:}" | grep -q "$first  *running, partitioned"
eventually failed "$last"
# Clients reach it still, and it has noticed.
eventually sh -c "\"$RCLUSTER\" call --only $first $first --raw CLUSTER INFO | grep -q cluster_state:fail"

"$RCLUSTER" sandbox heal >/dev/null
"$RCLUSTER" check "$REDIS_NODES" --wait 30s >/dev/null
test -z "$(nft list tables)"

"$RCLUSTER" sandbox partition "$first" "$last" >/dev/null
"$RCLUSTER" sandbox down --purge >/dev/null
test -z "$(nft list tables)"

# Whoever may not is told so.
eval "$("$RCLUSTER" sandbox up --version "$VERSION" --shards 1 --dir "$DIR" --env)"
! PATH=/nonexistent "$RCLUSTER" sandbox partition "$REDIS_NODES" 2>"$DIR.said"
grep -q "partitions are unavailable: they take root and nft" "$DIR.said"
"$RCLUSTER" sandbox status | grep -q "running " 
"$RCLUSTER" sandbox down --purge >/dev/null
"#;

#[test]
fn a_node_is_cut_off_from_the_others_and_not_from_its_clients() {
    for version in ["redis-7.0", "valkey-9.1"] {
        let dir = tempfile::tempdir().unwrap();
        let default = concat!(env!("CARGO_MANIFEST_DIR"), "/target/servers");
        let servers = std::env::var("RCLUSTER_TEST_SERVERS").unwrap_or_else(|_| default.to_owned());
        let ran = Command::new("unshare")
            .args(["-n", "timeout", "120", "sh", "-exc", SCRIPT])
            .env("RCLUSTER", env!("CARGO_BIN_EXE_rcluster"))
            .env("VERSION", version)
            .env("RCLUSTER_SERVERS", servers)
            .env("DIR", dir.path().join("sandbox"))
            // Ports of a network of its own are nobody else's.
            .env("TMPDIR", dir.path())
            .output()
            .unwrap();
        assert!(ran.status.success(), "{version}: {}", String::from_utf8_lossy(&ran.stderr));
    }
}
