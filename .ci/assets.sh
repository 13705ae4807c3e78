#!/bin/sh
# What comes with the program in every package: man pages, completions, the names under which it
# takes the command lines of redis-cli and valkey-cli, the changelog.
#
#   sh .ci/assets.sh PROGRAM DIR
set -eu
program=$1 dir=$2
CDPATH='' cd "$(dirname "$0")/.."
rm -rf "$dir"
mkdir -p "$dir/man" "$dir/completions" "$dir/dropin"
"$program" man "$dir/man"
"$program" completions bash >"$dir/completions/rcluster"
"$program" completions zsh >"$dir/completions/_rcluster"
"$program" completions fish >"$dir/completions/rcluster.fish"
# In lib/rcluster, beside bin.
for name in redis-cli valkey-cli; do
    ln -s ../../bin/rcluster "$dir/dropin/rcluster-$name"
done
gzip -9nc CHANGELOG.md >"$dir/changelog.gz"
