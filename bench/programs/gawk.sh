#!/usr/bin/env bash
# gawk.sh: fields, substitutions and associative arrays over generated records. --ops are records.
# shellcheck source-path=SCRIPTDIR
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
name=gawk package=gawk

generate() {
    awk -v lines="$ops" 'BEGIN {
        x = 4711
        for (i = 0; i < lines; i++) {
            x = x * 48271 % 2147483647
            printf "host%d user%d %d /path/%d/of/%d/file%d.txt\n", x % 509, x % 2003, x % 100003, x % 31, x % 71, x % 5
        }
    }' >"$1/log"
    cat >"$1/main.awk" <<'AWK'
{
    bytes[$1, $2] += $3
    path = $4
    gsub(/[0-9]+/, "#&#", path)
    seen[$1] = seen[$1] substr(path, 1, 12)
    n = split(path, part, "/")
    depth[part[3]] += n
    if (length(seen[$1]) > 600)
        seen[$1] = tolower(substr(seen[$1], 300))
}
END {
    PROCINFO["sorted_in"] = "@ind_str_asc"
    for (key in bytes) {
        split(key, two, SUBSEP)
        total[two[1]] += bytes[key]
    }
    for (host in total)
        print host, total[host], seen[host]
    for (name in depth)
        print name, depth[name]
}
AWK
}

execute() {
    measured --stdin "$input/log" "$program" -f "$input/main.awk"
}

drive "$@"
