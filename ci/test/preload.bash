# preload.bash: runs a program on glibc's allocator and on a preloaded library, and compares. The
# program is started by programs/on.sh, which preloads what $PRELOAD names.
#
# What must hold with the library: exit status 0, the same output and the same standard error, the
# library's own line `ashlar: mallocs=N ...` with N above a threshold as proof that the program
# really ran on it, no other line from the library, and at most twice glibc's processor time and
# peak resident memory. Small figures are noise, so an allowance is added to each limit.

library=${ASHLAR_LIBRARY:-$ASHLAR_BUILD/libashlar.so}
slack_ms=3000
slack_kib=16384

# on_glibc COMMAND...: fills $dir/glibc.{out,err,use}.
on_glibc() {
    measured glibc env -u PRELOAD "$@"
}

# on_library COMMAND...: fills $dir/library.{out,err,use,proof,rest}.
on_library() {
    local rc=0
    measured library env PRELOAD="$library" "$@" || rc=$?
    grep '^ashlar: mallocs=' "$dir/library.err" >"$dir/library.proof" || true
    grep -v '^ashlar: mallocs=' "$dir/library.err" >"$dir/library.rest" || true
    return $rc
}

measured() {
    /usr/bin/python3 "$ASHLAR_ROOT/ci/test/measure.py" "$dir/$1.use" "${@:2}" </dev/null \
        >"$dir/$1.out" 2>"$dir/$1.err"
}

# The most mallocs that one process of the program made on the library, 0 without a line.
most_mallocs() {
    sed -n 's/^ashlar: mallocs=\([0-9]*\).*/\1/p' "$dir/library.proof" | sort -n |
        tail -n 1 | grep . || echo 0
}

# same_on_library MALLOCS COMMAND...: all of the above. Says what does not hold.
same_on_library() {
    local least=$1 mallocs cpu_glibc cpu_library rss_glibc rss_library
    shift
    dir=$(mktemp -d "$BATS_TEST_TMPDIR/run.XXXXXX")
    if ! on_glibc "$@"; then
        echo "the program fails on glibc too:"
        tail -n 20 "$dir/glibc.err"
        return 1
    fi
    if ! on_library "$@"; then
        echo "the program fails on the library:"
        tail -n 20 "$dir/library.err"
        return 1
    fi
    if ! diff "$dir/glibc.out" "$dir/library.out"; then
        echo "the output differs from that on glibc"
        return 1
    fi
    if ! diff "$dir/glibc.err" "$dir/library.rest"; then
        echo "the standard error differs from that on glibc"
        return 1
    fi
    mallocs=$(most_mallocs)
    if ((mallocs < least)); then
        echo "no proof that the library ran: $mallocs mallocs, at least $least expected"
        return 1
    fi
    read -r cpu_glibc rss_glibc <"$dir/glibc.use"
    read -r cpu_library rss_library <"$dir/library.use"
    echo "# $mallocs mallocs; glibc $cpu_glibc ms $rss_glibc KiB; library $cpu_library ms" \
        "$rss_library KiB"
    if ((cpu_library > 2 * cpu_glibc + slack_ms)); then
        echo "took $cpu_library ms of processor time, $cpu_glibc ms on glibc"
        return 1
    fi
    if ((rss_library > 2 * rss_glibc + slack_kib)); then
        echo "used $rss_library KiB, $rss_glibc KiB on glibc"
        return 1
    fi
}
