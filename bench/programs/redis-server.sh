#!/usr/bin/env bash
# redis-server.sh: a server on a socket of its own, nothing on disk, under redis-benchmark. --ops are the
# requests of each kind; their time is the client's. Keys that the client draws are its own secret, so the
# output is what does not depend on them: data loaded before the timed part, and the lengths of the rest.
# shellcheck source-path=SCRIPTDIR
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
# Debian's server links jemalloc and asks it for the usable size of every block.
name=redis-server package=redis-server
entry_points=(malloc calloc realloc free malloc_usable_size)
KEYS=2000

generate() {
    awk -v keys="$KEYS" 'BEGIN {
        x = 4711
        for (i = 0; i < keys; i++) {
            x = x * 48271 % 2147483647
            value = sprintf("%d:", i)
            for (k = x % 40; k >= 0; k--)
                value = value x % 1009 + k
            printf "SET own:%d %s\r\nRPUSH own-list %s\r\nHSET own-hash f%d %s\r\n", i, value, value, i, value
            printf "SADD own-set %d\r\nZADD own-zset %d m%d\r\n", x, x % 5003, i
        }
    }' >"$1/load"
}

ask() {
    /usr/bin/redis-cli -s "$work/s" "$@"
}

# The server's end is the run's end, whatever the clients say.
server_gone() {
    local code=0
    wait "$server" || code=$?
    end_as "$code"
}

await_server() {
    for ((i = 0; i < 500; i++)); do
        [[ $(ask ping 2>/dev/null) != PONG ]] || return 0
        kill -0 "$server" 2>/dev/null || server_gone
        sleep 0.02
    done
    kill -KILL "$server"
    server_gone
}

# client ARGS...: a helper of the run; where it fails, the server is asked first how it ended.
client() {
    "$@" || {
        sleep 0.1
        kill -0 "$server" 2>/dev/null || server_gone
        echo "$name: $1 failed" >&2
        exit 3
    }
}

final_queries() {
    local i
    for ((i = 0; i < KEYS; i += 100)); do
        echo "GET own:$i"
    done
    echo "LRANGE own-list 0 -1"
    echo "SORT own-set"
    echo "ZRANGE own-zset 0 -1 WITHSCORES"
    for ((i = 0; i < KEYS; i += 50)); do
        echo "HGET own-hash f$i"
    done
    echo "LLEN mylist"
}

execute() {
    local options=(--report "$work/server")
    [[ -z ${ASHLAR_PRELOAD-} ]] || options+=(--preload "$ASHLAR_PRELOAD")
    [[ -x /usr/bin/redis-benchmark ]] || refuse "there is no /usr/bin/redis-benchmark here; apt-get install redis-tools"
    "$here/once" "${options[@]}" --stdout "$work/log" -- "$program" --port 0 --unixsocket "$work/s" \
        --save "" --appendonly no --dir "$work" --daemonize no &
    server=$!
    trap 'kill "$server" 2>/dev/null || :; rm -rf -- "$work"' EXIT
    await_server
    client ask --pipe <"$input/load" >/dev/null
    client "$here/once" --report "$work/client" --stdout /dev/null -- /usr/bin/redis-benchmark \
        -s "$work/s" -q -n "$ops" -c 10 -P 16 -r 10000 -d 100 -t set,get,lpush,hset,sadd,zadd
    final_queries | client ask >"$work/out"
    client ask shutdown nosave
    wait "$server" || server_gone
    trap 'rm -rf -- "$work"' EXIT
    # The time is the client's, all else the server's.
    { cut -d, -f1 "$work/client" | tr '\n' , && cut -d, -f2- "$work/server"; } >"$work/report"
}

drive "$@"
