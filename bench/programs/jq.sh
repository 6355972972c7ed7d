#!/usr/bin/env bash
# jq.sh: parses --ops JSON documents, groups and reshapes them, prints them sorted.
# shellcheck source-path=SCRIPTDIR
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
name=jq package=jq

generate() {
    awk -v documents="$ops" 'BEGIN {
        x = 4711
        for (i = 0; i < documents; i++) {
            x = x * 48271 % 2147483647
            printf "{\"id\":%d,\"group\":\"g%d\",\"tags\":[", i, x % 127
            for (k = 0; k < x % 6; k++)
                printf "%s\"tag%d\"", k ? "," : "", (x + k * 13) % 401
            printf "],\"value\":%d,\"deep\":{\"a\":{\"b\":\"%d%d\"}}}\n", x % 100003, x, x % 977
        }
    }' >"$1/documents.json"
}

execute() {
    measured --stdin "$input/documents.json" "$program" -n -c -S \
        '[inputs] | group_by(.group) | map({group: .[0].group, n: length, sum: (map(.value) | add),
            tags: (map(.tags[]) | unique), deep: (map(.deep.a.b + "-" + .group) | sort | .[:5])})[]'
}

drive "$@"
