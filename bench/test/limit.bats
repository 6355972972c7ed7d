#!/usr/bin/env bats
# The floor: it keeps an allocator's promises, carries every workload, and really does nothing more.

load helper

LIMIT="$BUILD/liblimit.so"
DOORS="$BUILD/bench/test/doors"

under_limit() {
    LD_PRELOAD="$LIMIT" "$@"
}

@test "it keeps every promise of its entry points, whatever its class" {
    run under_limit "$DOORS"
    assert_success
    assert_output ok
    for size in 16 64 1024 65536; do
        ASHLAR_LIMIT_SIZE=$size run under_limit "$DOORS"
        assert_success
        assert_output ok
    done
}

@test "control: a damaged block is noticed" {
    run under_limit "$DOORS" fault
    assert_failure 1
    assert_output --partial "broken: contents are kept"
}

@test "control: the same questions find a heap that hands one block out twice" {
    ASHLAR_FAULT=twin LD_PRELOAD="$FAULT_SHIM" run "$DOORS"
    assert_failure 1
    assert_output --partial "broken: "
}

@test "it carries every workload, checked, as --threads 2 and 6" {
    for workload in "${WORKLOADS[@]}"; do
        for threads in 2 6; do
            # shellcheck disable=SC2046
            run --separate-stderr under_limit "$BENCH" "$workload" $(small "$workload") \
                --check --threads "$threads"
            assert_success
            assert_equal "$stderr" ""
            assert_equal "$(json check_failures <<<"$output")" 0
            assert_equal "$(json live_end_bytes <<<"$output")" 0
        done
    done
}

@test "it carries programs that allocate before main, fork and load libraries" {
    run under_limit "$PYTHON" -c 'import os, sqlite3, threading
pid = os.fork()
if pid == 0:
    os._exit(len([bytes(100) for _ in range(100000)]) % 7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))'
    assert_success
    assert_output 5
}

# faults ARGS...: minor page faults of ashlar-bench ARGS under limit.
faults() {
    LD_PRELOAD="$LIMIT" "$PYTHON" - "$BENCH" "$@" <<'PY'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt)
PY
}

@test "a freed block is the next one: more work touches no more memory" {
    local little much
    little=$(faults fastpath --ops 10000)
    much=$(faults fastpath --ops 1000000)
    assert [ $((much - little)) -lt 50 ]
    # Blocks above the class come back just so.
    little=$(faults fastpath --size 16384 --ops 10000)
    much=$(faults fastpath --size 16384 --ops 1000000)
    assert [ $((much - little)) -lt 50 ]
}

@test "control: where one thread allocates and another one frees, it does grow" {
    local little much
    little=$(faults xmalloc-test --threads 2 --size 64 --ops 20000)
    much=$(faults xmalloc-test --threads 2 --size 64 --ops 200000)
    # 180000 blocks of 512 bytes
    assert [ $((much - little)) -gt 18000 ]
}

@test "a class that is no power of two is one line and exit 2" {
    for size in 100 8 131072 many 64k ''; do
        ASHLAR_LIMIT_SIZE=$size run under_limit "$BENCH" fastpath --ops 10
        assert_failure 2
        assert_output "limit: ASHLAR_LIMIT_SIZE is not a power of two from 16 to 65536; give one, or leave it out"
    done
}

@test "ashlar list audits it: it serves every entry point itself" {
    run --separate-stderr "$BUILD/ashlar" list --json
    assert_success
    "$PYTHON" -c '
import json, os, sys
(row,) = [a for a in json.load(sys.stdin)["allocators"] if a["name"] == "limit"]
library = os.path.realpath(sys.argv[1])
assert row["usable"] and row["reference"], row
assert row["audit"]["canary"] == "ok", row
assert set(row["audit"]["entry_points"].values()) == {library}, row
' "$LIMIT" <<<"$output"
}

@test "nobody gets it without asking" {
    cd "$BATS_TEST_TMPDIR"
    run --separate-stderr "$BUILD/ashlar" run --workload "fastpath --ops 1000" --blocks 1 \
        --no-counts --quiet --results res
    assert_success
    run "$PYTHON" -c 'import json, sys
print([a["name"] for a in json.loads(sys.stdin.readline())["allocators"]])' <res/latest/samples.jsonl
    assert_output "['glibc', 'ashlar']"
}
