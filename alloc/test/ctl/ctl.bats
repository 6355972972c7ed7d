#!/usr/bin/env bats
# The table of names against its promise and its document; malloc_stats_print against its readers.

setup() {
    load /usr/lib/bats/bats-support/load.bash
    load /usr/lib/bats/bats-assert/load.bash
    build="${ASHLAR_BUILD:-$BATS_TEST_DIRNAME/../../../build}"
    probe="$build/test/api/probe"
    names="$build/ctl-names"
    promise="$BATS_TEST_DIRNAME/ctl_names.tsv"
}

# The promise as lines NAME LEVEL TYPE ACCESS, the counters of a lock each by itself.
promised() {
    grep -v '^#' "$promise" | tail -n +2 | while IFS=$'\t' read -r name level type access; do
        if [[ $name == *'{mutex counters}' ]]; then
            for counter in num_ops num_wait num_spin_acq num_owner_switch total_wait_time max_wait_time; do
                printf '%s\t%s\tuint64_t\t%s\n' "${name/\{mutex counters\}/$counter}" "$level" "$access"
            done
            printf '%s\t%s\tuint32_t\t%s\n' "${name/\{mutex counters\}/max_num_thds}" "$level" "$access"
        else
            printf '%s\t%s\t%s\t%s\n' "$name" "$level" "$type" "$access"
        fi
    done | sort
}

@test "every name of the table is promised, with its level, type and access" {
    comm -23 <("$names" --tsv | sort) <(promised) >"$BATS_TEST_TMPDIR/extra"
    run cat "$BATS_TEST_TMPDIR/extra"
    assert_output ''
    [ "$("$names" --tsv | wc -l)" -gt 150 ]
}

@test "every core name of the promise is in the table" {
    comm -13 <("$names" --tsv | sort) <(promised) | grep -P '\t(core|alias)\t' \
        >"$BATS_TEST_TMPDIR/missing" || true
    run cat "$BATS_TEST_TMPDIR/missing"
    assert_output ''
}

@test "no name stands twice, and names that begin alike stand together" {
    run bash -c "'$names' --tsv | cut -f 1 | sort | uniq -d"
    assert_output ''
    for depth in 1 2 3 4; do
        run bash -c "'$names' --tsv | cut -f 1 | cut -d . -f 1-$depth | uniq | sort | uniq -d"
        assert_output ''
    done
}

@test "the document is what the table prints" {
    diff <("$names") "$BATS_TEST_DIRNAME/../../inspect/ctl_names.md"
}

@test "control: a changed document is seen" {
    sed 's/| bool | rw |/| bool | r- |/' "$BATS_TEST_DIRNAME/../../inspect/ctl_names.md" \
        >"$BATS_TEST_TMPDIR/changed.md"
    run diff <("$names") "$BATS_TEST_TMPDIR/changed.md"
    assert_failure
}

report() {
    PROBE_OPTS="$1" "$probe" report
}

@test "JSON: what python and jq read is what mallctl says" {
    report J >"$BATS_TEST_TMPDIR/report.json"
    run jq -e '.ashlar | .config.tcache == true and .opt.junk == "false" and .opt.lg_dirty_mult == 3
        and .version != "" and (.arenas.bin | length) == 60 and .arenas.bin[2].size == 48
        and .stats.allocated <= .stats.active and .stats.active <= .stats.resident
        and .stats.resident <= .stats.mapped' "$BATS_TEST_TMPDIR/report.json"
    assert_success
    run python3 - "$BATS_TEST_TMPDIR/report.json" <<'PYTHON'
import json, sys
r = json.load(open(sys.argv[1]), object_pairs_hook=lambda p: dict(p) if len(dict(p)) == len(p) else 1 / 0)
r = r["ashlar"]
sizes, merged, zero = r["arenas"], r["stats"]["arenas"]["merged"], r["stats"]["arenas"]["0"]
assert set(r) == {"version", "config", "opt", "arenas", "stats"}, set(r)
for group, info in ("bins", "bin"), ("lruns", "lrun"), ("hchunks", "hchunk"):
    assert len(merged[group]) == len(sizes[info]) == len(zero[group])
for arena in merged, zero:
    assert sum(b["allocated"] for b in arena["bins"]) == arena["small"]["allocated"] > 0
    assert sum(c["curruns"] * s["size"] for c, s in zip(arena["lruns"], sizes["lrun"])) == \
        arena["large"]["allocated"] > 3 << 20
    assert arena["huge"]["allocated"] == 12 << 20
    assert all(b["curregs"] == b["nmalloc"] - b["ndalloc"] for b in arena["bins"])
    assert all(len(b["mutex"]) == 7 for b in arena["bins"])
assert zero == merged, "one arena is the sum of all"
assert merged["bins"][2]["nrequests"] == 3
PYTHON
    assert_success
}

@test "JSON: each letter leaves its part out, and the rest stays whole" {
    has() { report "J$1" | jq -e ".ashlar | $2" >/dev/null; }
    has '' '.config and .opt and .arenas and .version and .stats.arenas.merged and .stats.arenas["0"]'
    has g '(.config // .opt // .arenas // .version | not) and .stats.arenas.merged'
    has m '(.stats.arenas | has("merged") | not) and .stats.arenas["0"].bins'
    has a '(.stats.arenas | has("0") | not) and .stats.arenas.merged.bins'
    has ma '.stats.arenas == {} and .stats.allocated > 0'
    has b '.stats.arenas.merged | (has("bins") | not) and .lruns and .small'
    has l '.stats.arenas.merged | (has("lruns") | not) and .bins and .large'
    has h '.stats.arenas.merged | (has("hchunks") | not) and .bins and .huge'
    has x '.stats.arenas.merged.bins[0] | (has("mutex") | not) and has("curregs")'
    has d '.stats.arenas.merged and .config'
    has gmdablhx '.stats.allocated > 0 and (.config | not)'
    run has '' '.stats.arenas.nothing' # the control
    assert_failure
}

@test "text: lines of names, and a table for each kind of class" {
    report '' >"$BATS_TEST_TMPDIR/report"
    run cat "$BATS_TEST_TMPDIR/report"
    assert_line 'config.tcache: true'
    assert_line 'opt.dirty_decay_ms: 10000'
    assert_line --regexp '^stats\.allocated: [0-9]+$'
    assert_line 'stats.arenas.merged.nthreads: 1'
    assert_line 'stats.arenas.0.nthreads: 1'
    assert_line 'stats.arenas.0.bins:'
    assert_line 'stats.arenas.0.lruns:'
    assert_line --regexp '^ +size +nmalloc +ndalloc +nrequests +curhchunks$'
    assert_line --regexp '^ +12582912 +1 +0 +1 +1$' # of the block of 9 MiB
    assert_line --regexp '^ +48 +[0-9]+ +[0-9]+ +[0-9]+ +3 '
    refute_output --partial '"'
    run report g
    refute_line --regexp '^ +6656 ' # a class that was never used
}

@test "text: each letter leaves its part out" {
    lines() { report "$1" | grep -c "$2" || true; }
    [ "$(lines '' '^config\.')" -gt 10 ]
    [ "$(lines g '^config\.\|^opt\.\|^arenas\.\|^version')" -eq 0 ]
    [ "$(lines '' 'arenas\.merged')" -gt 10 ]
    [ "$(lines m 'arenas\.merged')" -eq 0 ]
    [ "$(lines m 'arenas\.0\.')" -gt 10 ]
    [ "$(lines a 'arenas\.0\.')" -eq 0 ]
    for part in b:bins l:lruns h:hchunks; do
        [ "$(lines '' "\.${part#*:}:\$")" -eq 2 ]
        [ "$(lines "${part%:*}" "\.${part#*:}:\$")" -eq 0 ]
    done
    [ "$(lines '' num_owner_switch)" -eq 2 ]
    [ "$(lines x num_owner_switch)" -eq 0 ]
}

@test "without a function the report goes to standard error, the same" {
    "$probe" report >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
    # The second report has taken its own memory, and looked at each lock once more.
    [ "$(grep -c . "$BATS_TEST_TMPDIR/out")" -eq "$(grep -c . "$BATS_TEST_TMPDIR/err")" ]
    diff <(grep -E '^(config|opt|arenas)\.' "$BATS_TEST_TMPDIR/out") \
        <(grep -E '^(config|opt|arenas)\.' "$BATS_TEST_TMPDIR/err")
}
