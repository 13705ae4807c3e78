#!/bin/sh
# Installs tools of cargo into target/tools, at the versions that were tried. What is there is left
# alone. RCLUSTER_TOOLS names another directory.
#
#   sh .ci/tools.sh NAME...
set -eu
CDPATH='' cd "$(dirname "$0")/.."
tools=${RCLUSTER_TOOLS:-target/tools}
for name in "$@"; do
    case $name in
        cargo-deb) version=3.8.0 ;;
        cargo-generate-rpm) version=0.21.1 ;;
        cargo-cyclonedx) version=0.5.9 ;;
        cargo-deny) version=0.20.2 ;;
        *) echo "no such tool: $name" >&2 && exit 2 ;;
    esac
    [ -x "$tools/bin/$name" ] || {
        echo "$name $version is built, once" >&2
        cargo install --quiet --locked --root "$tools" "$name@$version"
    }
done
