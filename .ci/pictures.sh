#!/bin/sh
# The pictures in docs/pictures, of servers that are started for it and stopped again, on ports of
# their own (PICTURE_PORTS): nodes are named by them, so a picture changes only if what it shows does.
set -eu

CDPATH='' cd "$(dirname "$0")/.."
case ${PICTURE_PROFILE:-release} in debug) build="test --no-run --test floors" ;; *) build="build --release --bin rcluster" ;; esac
# shellcheck disable=SC2086 # words
bin=$(cargo $build --message-format=json-render-diagnostics |
    sed -n 's|.*"executable":"\(.*\)/rcluster".*|\1|p')
[ -n "$bin" ] || exit 1
rcluster() { "$bin/rcluster" "$@"; }
sh .ci/servers.sh target/servers valkey-9.1 >&2

play=$(mktemp -d)
tidy() {
    trap '' INT TERM HUP
    rcluster sandbox down --dir "$play/nodes" --purge >/dev/null 2>&1 || echo "servers may still run: $play/nodes" >&2
    rm -rf "$play"
}
trap tidy EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

ports=${PICTURE_PORTS:-7001-7003,8001-8003,7004}
rcluster sandbox up --dir "$play/nodes" --ports "$ports" --server target/servers/valkey-9.1/valkey-server >&2
nodes=$(rcluster sandbox status --dir "$play/nodes" | awk 'NR > 1 { print $1 }' | sort -t: -k2)
# shellcheck disable=SC2086 # each node is a word of its own
set -- $nodes
# 7001 7002 7003 7004 8001 8002 8003
zones="--zone $1=east --zone $2=west --zone $3=north --zone $4=east --zone $5=east --zone $6=west --zone $7=north"
draw() {
    file=docs/pictures/$1.svg
    shift
    rcluster "$@" --format svg >"$play/picture"
    mv "$play/picture" "$file"
    echo "$file" >&2
}
shards=$play/cluster.toml
for shard in "$1 $6" "$2 $7" "$3 $5"; do
    printf '[[shard]]\nmaster = "%s"\nreplicas = ["%s"]\nweight = 1\n' "${shard% *}" "${shard#* }" >>"$shards"
done
draw apply apply "$shards" --dry-run
rcluster apply "$shards" --yes >&2
rcluster add-node "$4" "$1" --yes >&2
rcluster check "$1" --wait 30s --strict >&2
draw rebalance rebalance "$1" --use-empty-masters --dry-run
# Trouble: a slot that was left migrating, one without an owner, a setting that differs.
to=$(rcluster call --raw --only "$2" "$1" CLUSTER MYID)
rcluster call "$1" CONFIG SET cluster-require-full-coverage no >&2
rcluster call --only "$1" "$1" CLUSTER SETSLOT 1000 MIGRATING "$to" >&2
rcluster call --only "$5" "$1" CONFIG SET cluster-node-timeout 14000 >&2
rcluster call "$1" CLUSTER DELSLOTS 9000 >&2
# shellcheck disable=SC2086 # options
draw map map "$1" $zones
