#!/bin/sh
# Forms a cluster of six local servers twice, in one command and by hand, and shows it.
# What it starts it stops, on every way out.
set -eu

cd "$(dirname "$0")/.."
# DEMO_PROFILE=debug runs what the tests have built already.
profile=${DEMO_PROFILE:-release}
[ "$profile" = debug ] && cargo build --quiet || cargo build --quiet --release
PATH=$PWD/target/$profile:$PATH
if ! command -v redis-server >/dev/null && ! command -v valkey-server >/dev/null; then
    # No root needed, and no service started: the package is unpacked into a folder.
    sh .ci/servers.sh target/servers redis-7.0
    PATH=$PWD/target/servers/redis-7.0:$PATH
fi
play=$(mktemp -d)
trap 'rcluster sandbox down --dir "$play/demo" --purge >/dev/null 2>&1 || true; rm -rf "$play"' EXIT
trap 'exit 1' INT TERM HUP

say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }
run() { say "$@"; "$@"; }

# The usual ports, or others where something else has them.
ports=
for try in ${DEMO_PORTS:-7001-7003,8001-8003} 17001-17003,18001-18003 20701-20706; do
    if rcluster sandbox up --dir "$play/demo" --ports "$try" --dry-run >/dev/null 2>&1; then
        ports=$try
        break
    fi
    echo "# ports $try cannot be used here" >&2
done
[ -n "$ports" ] || ports=${DEMO_PORTS:-7001-7003,8001-8003}
up() { rcluster sandbox up --dir "$play/demo" --ports "$ports"; }

say "rcluster sandbox up --ports $ports"
up
nodes=$(rcluster sandbox status --dir "$play/demo" | awk 'NR > 1 { print $1 }')
# shellcheck disable=SC2086 # each node is a word of its own
set -- $nodes

printf '\n# In one command\n'
run rcluster create "$@" --replicas 1 --yes
run rcluster check "$1" --wait 30s --strict
run rcluster info "$1"

printf '\n# The same by hand, on fresh servers\n'
rcluster sandbox down --dir "$play/demo" --purge >/dev/null
up >/dev/null 2>&1
run rcluster meet "$@"
run rcluster addslots "$1" 0-5460
run rcluster addslots "$2" 5461-10922
run rcluster addslots "$3" 10923-16383
run rcluster replicate "$4" "$1"
run rcluster replicate "$5" "$2"
run rcluster replicate "$6" "$3"
run rcluster check "$1" --wait 30s --strict
run rcluster nodes "$1"

# What was started is stopped and deleted again.
cat <<'END'

Next:
  cargo install --path .                         # rcluster on your PATH
  rcluster sandbox up --create --replicas 1      # a cluster to try commands on
  rcluster check 127.0.0.1:7001                  # rcluster --help lists the rest
END
