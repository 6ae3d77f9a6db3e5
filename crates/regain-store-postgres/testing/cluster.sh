#!/bin/sh
# A PostgreSQL cluster for tests, on a Unix socket, in a directory of its own. It says
#
#     ready DIRECTORY
#
# when it answers, and lives until standard input is closed: it ends with whoever started it,
# however that one ends. It keeps nothing safe from a power cut. Arguments are given to the server.
#
# PostgreSQL does not run as root: for root it runs as the user `postgres`.
set -eu

# The newest that Debian has installed, else the one of the search path.
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || bin=$(pg_config --bindir)

directory=$(mktemp -d "${TMPDIR:-/tmp}/regain-pg-XXXXXX")
server=
finish() {
    trap '' HUP INT TERM
    if [ -n "$server" ]; then
        kill -QUIT "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$directory"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

as=
if [ "$(id -u)" = 0 ]; then
    chown postgres "$directory"
    as="setpriv --reuid=postgres --regid=postgres --init-groups"
fi

# A language's order, not the order of bytes: what must compare byte for byte has to say so.
locale=
if "$bin/initdb" --help | grep -q -e --icu-locale; then
    locale="--locale-provider=icu --icu-locale=en"
fi
# shellcheck disable=SC2086
$as "$bin/initdb" --pgdata="$directory/data" --username=regain --auth=trust --encoding=UTF8 \
    --locale=C.UTF-8 $locale --no-sync >"$directory/initdb.log" 2>&1 || {
    cat "$directory/initdb.log" >&2
    exit 1
}
$as "$bin/postgres" -D "$directory/data" -k "$directory" -c listen_addresses= \
    -c fsync=off -c full_page_writes=off -c max_connections=300 "$@" \
    >"$directory/server.log" 2>&1 </dev/null &
server=$!
until "$bin/pg_isready" --quiet --host="$directory" --username=regain; do
    kill -0 "$server" 2>/dev/null || {
        cat "$directory/server.log" >&2
        exit 1
    }
    sleep 0.05
done
echo "ready $directory"
cat >/dev/null
