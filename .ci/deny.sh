#!/bin/sh
# Licences, banned crates and where crates come from; known advisories where their database can be
# had, which is said if not.
set -eu
CDPATH='' cd "$(dirname "$0")/.."
sh .ci/tools.sh cargo-deny
PATH=$(CDPATH='' cd "${RCLUSTER_TOOLS:-target/tools}/bin" && pwd):$PATH
cargo deny --all-features check --hide-inclusion-graph bans licenses sources
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if cargo deny fetch db >"$log" 2>&1; then
    cargo deny --all-features check advisories
else
    echo "advisories: NOT CHECKED: no database: $(grep -v '^$' "$log" | tail -n 1)" >&2
fi
