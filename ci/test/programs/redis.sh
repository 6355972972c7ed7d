#!/bin/bash
# A server under load on a Unix socket: redis-benchmark's mixture first, then a fixed data set.
# Prints the number of keys and redis's own digest of the whole data set.
set -euo pipefail
on=$(dirname "$(realpath "$0")")/on.sh
dir=$(mktemp -d)
cd "$dir"

"$on" redis-server --port 0 --unixsocket "$dir/s" --save '' --appendonly no --daemonize no \
    --enable-debug-command yes --logfile "$dir/log" &
server=$!
trap 'kill -KILL $server 2>/dev/null || true; rm -rf "$dir"' EXIT

ask() { redis-cli -s "$dir/s" "$@"; }
for ((i = 0; i < 100; i++)); do
    [[ $(ask ping 2>/dev/null) != PONG ]] || break
    sleep 0.1
done

"$on" redis-benchmark -s "$dir/s" -q -n 8000 -c 20 -r 2000 -d 100 \
    -t set,get,incr,lpush,lpop,sadd,hset,zadd,lrange_100,mset >benchmark
grep -c 'requests per second' benchmark
ask flushall

for ((i = 0, x = 42; i < 6000; i++)); do
    x=$(((x * 1103515245 + 12345) % 2147483648))
    printf -v value '%*d' $((x >> 16 & 255)) "$x"
    echo "set str:$((x % 3000)) \"$value\""
    echo "rpush list:$((x >> 4 & 63)) $x $i"
    echo "hset hash:$((x >> 6 & 127)) f$((x % 97)) \"$value\""
    echo "zadd zset:$((x >> 5 & 31)) $((x % 1000)) m$((x % 777))"
    echo "append log:$((x >> 7 & 15)) \"$value\""
    ((i % 5)) || echo "del str:$((x >> 3 & 2047))"
done | ask >replies
sha256sum <replies
ask dbsize
ask debug digest
ask debug reload
ask debug digest
ask shutdown nosave
wait "$server"
