#!/bin/sh
# Runs the stories of nodes on hosts of their own, with a packet filter between them. That takes
# root and network namespaces; where they are not to be had it says so and leaves them out.
set -eu
CDPATH='' cd "$(dirname "$0")/.."
probe=rcprobe$$
if ip netns add "$probe" 2>/dev/null; then
    filters=yes
    ip netns exec "$probe" nft add table ip f 2>/dev/null || filters=no
    ip netns del "$probe"
else
    filters=no
fi
if [ "$filters" = no ]; then
    echo "tests/netns is left out: it takes root, ip (iproute2) and nft (nftables)" >&2
    exit 0
fi
RCLUSTER_TEST_SERVERS=${RCLUSTER_TEST_SERVERS:-$PWD/target/servers} cargo test --quiet --test netns
