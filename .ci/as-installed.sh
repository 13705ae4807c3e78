#!/bin/sh
# Puts a server into a directory as a distribution's package installs it: redis-server is a link
# to redis-check-rdb, which decides by its name what it is.
#
#   sh .ci/as-installed.sh SERVERS/redis-7.0/redis-server DIR
set -eu
mkdir -p "$2"
ln -sfn "$(CDPATH='' cd "$(dirname "$1")" && pwd)/$(basename "$1")" "$2/program"
cat >"$2/redis-check-rdb" <<'END'
#!/bin/sh
case "$0" in *-check-rdb) echo "[offset 0] Checking RDB file $1"; exit 1 ;; esac
exec "${0%/*}/program" "$@"
END
chmod +x "$2/redis-check-rdb"
ln -sf redis-check-rdb "$2/redis-server"
