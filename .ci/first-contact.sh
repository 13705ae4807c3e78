#!/bin/sh
# Runs the demo on machines as people have them. Each state is made in a directory and undone, and
# after each neither a server nor a file may be left.
#
#   sh .ci/first-contact.sh [quick]
#
# quick: what takes seconds; the rest builds in a clone. Needs Linux and redis-7.0 in
# target/servers (.ci/servers.sh).
set -eu
CDPATH='' cd "$(dirname "$0")/.."
export DEMO_PROFILE=debug
root=$PWD
work=$(mktemp -d)
shared=$(mktemp -d -p /dev/shm 2>/dev/null) || shared=$(mktemp -d)
# The program that the tests run: `cargo build` would build much of it again, with other features.
cargo test --quiet --no-run --test floors
rcluster() { "${CARGO_TARGET_DIR:-target}/debug/rcluster" "$@"; }

end() {
    rcluster sandbox down --dir "$work/others" --purge >/dev/null 2>&1 || true
    rm -rf "$work" "$shared"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Programs as on this machine, but no server.
mkdir "$work/bare" "$work/clones"
(
    IFS=:
    for dir in $PATH; do ln -s "$dir"/* "$work/bare/" 2>/dev/null || true; done
)
rm -f "$work"/bare/redis-* "$work"/bare/valkey-*
# redis-server as a distribution installs it.
sh .ci/as-installed.sh target/servers/redis-7.0/redis-server "$work/installed"

# The state that a demo runs in.
tmp=$shared/"with blanks"
mkdir "$tmp"
demo() { TMPDIR=$tmp PATH=$work/bare "$@" sh .ci/demo.sh; }
bare() { demo env; }
foreign() {
    dead=http://127.0.0.1:9
    demo env LANG=tr_TR.UTF-8 LC_ALL=tr_TR.UTF-8 http_proxy=$dead https_proxy=$dead \
        HTTP_PROXY=$dead HTTPS_PROXY=$dead ALL_PROXY=$dead
}
installed() {
    (
        PATH=$work/installed:$work/bare
        export PATH TMPDIR="$tmp" LANG=C
        sh .ci/demo.sh
    )
}

# Says whether a demo has ended as it should, and left nothing.
left_nothing() {
    for cwd in /proc/[0-9]*/cwd; do
        case $(readlink "$cwd" 2>/dev/null) in
            "$tmp"/*)
                echo "a server is left: ${cwd%/cwd}"
                return 1
                ;;
        esac
    done
    [ -z "$(ls -A "$tmp")" ] || {
        echo "a file is left: $(ls -A "$tmp")"
        return 1
    }
}
# A state is a function, of which each command decides: `set -e` does not hold in a condition.
state() {
    name=$1
    shift
    [ ! -e "$work/out" ] || mv "$work/out" "$work/last"
    if "$@" >"$work/out" 2>&1 && left_nothing >>"$work/out"; then
        echo "ok      $name"
    else
        echo "FAILED  $name"
        tail -n 20 "$work/out"
        exit 1
    fi
}

# The lines that the last demo has printed to go on with, pasted into a shell; their sandbox is in a
# directory of its own. The last one installs the program.
pasted() {
    mkdir "$work/paste" && ln -s "$root/target" "$work/paste/target" &&
        sed -e '1,/^Next:/d' "$work/last" | sed '$d' >"$work/next" &&
        [ "$(wc -l <"$work/next")" = 3 ] &&
        (cd "$work/paste" && PATH=$work/bare sh -ex "$work/next") &&
        grep -q '^✓ healthy' "$work/out" &&
        rm "$work/paste/target" && rmdir "$work/paste"
}

# Presses Ctrl-C once the demo has come to a point: its process group gets the signal.
interrupted() {
    signal=$1 wanted=$2
    # A shell starts what runs in the background with the signal ignored.
    TMPDIR=$tmp setsid env --default-signal=INT "PATH=$work/installed:$work/bare" sh .ci/demo.sh >"$work/demo" 2>&1 &
    demo=$!
    tries=0
    until sh -c "$wanted" reached "$tmp" "$work/demo" 2>/dev/null; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] && kill -0 $demo 2>/dev/null || {
            echo "the demo never came to: $wanted"
            return 1
        }
        sleep 0.02
    done
    kill -s "$signal" -- "-$demo"
    ! wait $demo && ! grep -q '^Next:' "$work/demo"
}

# What it prints is read no further than its first line.
read_once() {
    installed | head -n 1 >/dev/null
}

# An older Rust is told first, in one line.
old_rust() {
    mkdir "$work/old" &&
        printf '#!/bin/sh\necho "cargo 1.74.0 (ecb9851af 2023-10-18)"\n' >"$work/old/cargo" &&
        chmod +x "$work/old/cargo" &&
        ! PATH=$work/old:$PATH make --no-print-directory demo >"$work/told" 2>&1 &&
        head -n 1 "$work/told" | grep '^error: Rust .* is needed, this is 1.74.0' &&
        [ "$(wc -l <"$work/told")" -le 2 ]
}

state 'no server on PATH, TMPDIR with blanks on another file system, locale not installed, dead proxies' foreign
state 'the lines after Next, pasted' pasted
rcluster sandbox up --ports 6379 --dir "$work/others" --server "$work/installed/redis-server" >/dev/null 2>&1 ||
    echo '# port 6379 is in use on this machine: good'
rcluster sandbox up --ports 7001,8003 --dir "$work/others" --server "$work/installed/redis-server" >/dev/null 2>&1 ||
    echo '# port 7001 or 8003 is in use on this machine: good'
state 'redis-server of a distribution, a server on 6379, ports 7001 and 8003 taken, LANG=C' installed
# shellcheck disable=SC2016 # the inner shell's own
{
    state 'Ctrl-C while the servers start' interrupted INT 'ls "$1"/*/demo/*/redis.conf'
    state 'Ctrl-C while slots are assigned' interrupted INT 'grep -q addslots "$2"'
    state 'closed terminal while the servers start' interrupted HUP 'ls "$1"/*/demo/*/redis.conf'
}
state 'its reader goes after a line' read_once
state 'older Rust' old_rust
[ "${1:-}" != quick ] || exit 0

# A clone, with a build directory of its own.
in_clone() {
    (
        cd "$1" && mkdir -p target &&
            { [ -e target/servers ] || ln -s "$root/target/servers" target/servers; } &&
            TMPDIR=$tmp PATH=$work/bare make demo
    )
}
clone="$work/clones/it's a clone"
git clone --quiet . "$clone"
state "clone in a directory with blanks and an apostrophe: make demo" in_clone "$clone"
state 'the same again' in_clone "$clone"
mv "$clone" "$work/clones/moved"
state 'the same after the clone was moved' in_clone "$work/clones/moved"
