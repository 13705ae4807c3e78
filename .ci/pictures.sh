#!/bin/sh
# The pictures in docs/pictures, of servers that are started for it and stopped again, on ports of
# their own (PICTURE_PORTS): nodes are named by them, so a map or a plan changes only if what it shows
# does. Those of a terminal are of the program itself, on a screen of tmux; times and rates differ.
set -eu

CDPATH='' cd "$(dirname "$0")/.."
command -v tmux >/dev/null || { echo "error: tmux is missing: apt-get install tmux" >&2 && exit 1; }
case ${PICTURE_PROFILE:-release} in debug) build="test --no-run --test floors" ;; *) build="build --release --bin rcluster" ;; esac
# shellcheck disable=SC2086 # words
bin=$(cargo $build --message-format=json-render-diagnostics |
    sed -n 's|.*"executable":"\(.*\)/rcluster".*|\1|p')
[ -n "$bin" ] || exit 1
picture=$(cargo build --example picture --message-format=json-render-diagnostics |
    sed -n 's|.*"executable":"\(.*/picture\)".*|\1|p')
rcluster() { "$bin/rcluster" "$@"; }
sh .ci/servers.sh target/servers valkey-9.1 >&2

play=$(mktemp -d)
moving=
screens=0
screen() { tmux -S "$play/tmux.$screens" "$@"; }
tidy() {
    trap '' INT TERM HUP
    screen kill-server 2>/dev/null || true
    rm -f "$play/busy"
    [ -z "$moving" ] || kill "$moving" 2>/dev/null || true
    [ ! -d "$play/nodes" ] || rcluster sandbox down --dir "$play/nodes" --purge >/dev/null 2>&1 || echo "servers may still run: $play/nodes" >&2
    wait
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
zones="--zone $1=east --zone $2=west --zone $3=north --zone $4=east --zone $5=west --zone $6=north --zone $7=east"
drawn() {
    mv "$play/picture" "docs/pictures/$1.svg"
    echo "docs/pictures/$1.svg" >&2
}
draw() {
    name=$1
    shift
    rcluster "$@" --format svg >"$play/picture"
    drawn "$name"
}

# on WIDTH HEIGHT PROGRAM...: a screen. photograph NAME: what is on it.
on() {
    width=$1 height=$2
    shift 2
    # The server of the one before may still be ending.
    screens=$((screens + 1))
    screen -f /dev/null new-session -d -x "$width" -y "$height" env -u NO_COLOR "PATH=$bin:$PATH" 'PS1=$ ' 'PS2=> ' "$@"
}
until_it_shows() {
    waited=0
    until screen capture-pane -p | grep -Eq -- "$1"; do
        waited=$((waited + 1))
        [ "$waited" -lt 600 ] || { screen capture-pane -p >&2 && exit 1; }
        sleep 0.1
    done
}
photograph() {
    screen capture-pane -e -p -N | "$picture" >"$play/picture"
    drawn "$1"
    screen kill-server
}

shards=$play/cluster.toml
for shard in "$1 $5" "$2 $6" "$3 $7"; do
    printf '[[shard]]\nmaster = "%s"\nreplicas = ["%s"]\nweight = 1\n' "${shard% *}" "${shard#* }" >>"$shards"
done
draw apply apply "$shards" --dry-run

on 88 24 sh
until_it_shows '^\$'
screen send-keys "rcluster create $1 $2 $3 \\" Enter
until_it_shows '^>'
screen send-keys "$5 $6 $7 --replicas 1" Enter
until_it_shows 'Create this cluster'
screen send-keys y Enter
until_it_shows 'created in'
until_it_shows '^\$ ?$'
photograph create

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
on 88 16 sh
until_it_shows '^\$'
screen send-keys "rcluster check $1" Enter
until_it_shows 'CONFIG SET cluster-node-timeout 15000'
until_it_shows '^\$ ?$'
photograph check

# A reshard under load. A script leaves out the keys that its node does not own.
rcluster fix "$1" --yes >&2
each() { rcluster call --raw --only masters "$1" EVAL "for i = 1, $2 do redis.pcall($3) end" 0; }
each "$1" 200000 "'SET', 'key:' .. i, string.rep('x', 100)" >&2
: >"$play/busy"
while [ -e "$play/busy" ]; do each "$1" 900 "'INCR', 'n:' .. math.random(1, 20000)"; done >/dev/null 2>&1 &
rcluster reshard "$1" --to "$4" --count 4000 --classic --max-rate 1500 --yes >/dev/null 2>&1 &
moving=$!
# shellcheck disable=SC2086 # options
on 100 24 rcluster watch "$1" $zones
until_it_shows 'A → D .*slots? on their way, .*/s  .* keys left, .*/s  .* left  [0-9]{3,} moved'
until_it_shows '[A-Z]>'
photograph watch
