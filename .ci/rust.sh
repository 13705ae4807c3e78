#!/bin/sh
# Says in one line that Rust is missing or too old, before cargo says it on a page.
set -eu
cd "$(dirname "$0")/.."
wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
found=$(cargo --version 2>/dev/null | cut -d' ' -f2)
if [ -z "$found" ]; then
    echo "error: cargo is not on PATH: install Rust $wanted or newer" >&2
    exit 1
fi
if [ "$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -n 1)" != "$wanted" ]; then
    echo "error: Rust $wanted or newer is needed, this is $found: rustup update" >&2
    exit 1
fi
