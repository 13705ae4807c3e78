#!/bin/sh
# Runs the stories of nodes on hosts of their own, with a packet filter between them. That takes
# root and network namespaces; where they are not to be had it says so and leaves them out.
set -eu
cd "$(dirname "$0")/.."
if [ "$(id -u)" = 0 ] && ! command -v nft >/dev/null && command -v apt-get >/dev/null; then
    { apt-get install -y --no-install-recommends nftables iproute2 || { apt-get update && apt-get install -y --no-install-recommends nftables iproute2; }; } >/dev/null 2>&1 || true
fi
probe=rcprobe$$
if ip netns add "$probe" 2>/dev/null; then
    filters=yes
    ip netns exec "$probe" nft add table ip f 2>/dev/null || filters=no
    ip netns del "$probe"
else
    filters=no
fi
if [ "$filters" = no ]; then
    echo "tests/netns.rs is left out: it takes root, ip netns and nft" >&2
    exit 0
fi
RCLUSTER_TEST_SERVERS=${RCLUSTER_TEST_SERVERS:-$PWD/target/servers} cargo test --quiet --test netns
