#!/bin/sh
# Puts a server into a folder as a distribution's package installs it: redis-server is a link to
# redis-check-rdb, which decides by its name what it is.
#
#   sh .ci/as-installed.sh SERVERS/redis-7.0 DIR
set -eu
mkdir -p "$2"
cp -L "$1/redis-server" "$2/redis-check-rdb"
ln -sf redis-check-rdb "$2/redis-server"
