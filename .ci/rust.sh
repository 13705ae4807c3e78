#!/bin/sh
# Says in one line what is missing to build, before cargo says it on a page.
set -eu
CDPATH='' cd "$(dirname "$0")/.."
wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

fail() {
    echo "error: $*" >&2
    exit 1
}

if ! command -v cargo >/dev/null; then
    [ ! -x "${CARGO_HOME:-${HOME:-}/.cargo}/bin/cargo" ] ||
        fail "cargo is installed but not on PATH: . \"${CARGO_HOME:-${HOME:-}/.cargo}/env\""
    fail "cargo is not on PATH: install Rust $wanted or newer: https://rustup.rs"
fi
if ! found=$(cargo --version 2>&1); then
    case $found in
        *rustup*) fail "cargo does not run, as rustup has no toolchain for it: rustup default stable" ;;
        *) fail "cargo does not run: $(printf '%s\n' "$found" | head -n 1)" ;;
    esac
fi
found=$(printf '%s\n' "$found" | sed -n 's/^cargo \([^ ]*\).*/\1/p')
[ "$(printf '%s\n' "$wanted" "$found" | sort -V | head -n 1)" = "$wanted" ] ||
    fail "Rust $wanted or newer is needed, this is ${found:-unknown}: rustup update"
# A dependency has C in it, and Rust links with the same program.
printf '#include <stdlib.h>\n' | "${CC:-cc}" -E - >/dev/null 2>&1 ||
    fail "${CC:-cc} is missing, or the C library's headers: install a C compiler (Debian: apt-get install gcc libc6-dev, Fedora: dnf install gcc)"
