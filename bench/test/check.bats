#!/usr/bin/env bats
# --check finds a heap that breaks its promise, and finds nothing on a sound one.

load helper

faulty() { # fault workload options...
    local fault="$1"
    shift
    # shellcheck disable=SC2046
    run --separate-stderr env ASHLAR_FAULT="$fault" LD_PRELOAD="$FAULT_SHIM" \
        "$BENCH" "$@" $(small "$1")
}

@test "a sound heap passes the check, with one thread and with many" {
    for workload in "${WORKLOADS[@]}"; do
        for threads in 2 6; do
            # shellcheck disable=SC2046
            run --separate-stderr "$BENCH" "$workload" $(small "$workload") --check \
                --threads "$threads"
            assert_success
            assert_equal "$stderr" ""
            assert_equal "$(json check_failures <<<"$output")" 0
            assert_equal "$(json check <<<"$output")" True
        done
    done
}

@test "the fault shim without a fault passes too" {
    for workload in "${WORKLOADS[@]}"; do
        faulty none "$workload" --check
        assert_success
    done
}

@test "one flipped bit in a live block is found" {
    for workload in stack larson xmalloc-test malloc-large frag threadtest glibc-thread alloc-test blowup \
        glibc-simple calloc-zero realloc-grow aligned-mix trees; do
        faulty flip "$workload" --check
        assert_failure 1
        assert_equal "$(json check_failures <<<"$output")" 1
        assert_regex "$stderr" "^ashlar-bench: $workload: block 0x[0-9a-f]+ of [0-9]+ bytes came back changed: its first bytes are [0-9a-f]{16} instead of [0-9a-f]{16}\$"
    done
}

@test "a block that was handed out twice is found" {
    for workload in stack larson xmalloc-test malloc-large frag threadtest glibc-thread alloc-test blowup \
        glibc-simple calloc-zero realloc-grow aligned-mix trees; do
        faulty twin "$workload" --check
        assert_failure 1
        assert_not_equal "$(json check_failures <<<"$output")" 0
    done
}

@test "both are found by the workloads that pass blocks on, before the block is passed" {
    # One maker each, so that the 20th malloc comes at one known point: in these streams the block
    # before it is still its maker's.
    for args in "contention" "batch-remote --threads 2" \
        "sh8-like --threads 1" "mstress --threads 1" "rptest --threads 1"; do
        # shellcheck disable=SC2086
        faulty flip $args --check
        assert_failure 1
        assert_equal "$(json check_failures <<<"$output")" 1
        # shellcheck disable=SC2086
        faulty twin $args --check
        assert_failure 1
        assert_not_equal "$(json check_failures <<<"$output")" 0
    done
}

@test "msgpass ends when a message came back changed, since its links cannot be trusted" {
    # The first burst of this stream has more than 20 messages, so the fault hits it in the making.
    for fault in flip twin; do
        faulty "$fault" msgpass --check --threads 2 --burst 64
        assert_failure 1
        assert_equal "$output" ""
        assert_regex "$stderr" "block 0x[0-9a-f]+ of [0-9]+ bytes came back changed: "
        assert_regex "$stderr" "ashlar-bench: msgpass: the run ends here, for its queues lie in these blocks\$"
    done
}

@test "one block for two threads is found even where a thread holds one block" {
    for workload in fastpath fastpath-dep linux-scalability "cache-thrash --passes 2" "cache-scratch --passes 2"; do
        # That the two hold it at one moment is chance: on a busy machine one may run after the other.
        for _ in {1..10}; do
            # shellcheck disable=SC2086
            run --separate-stderr env ASHLAR_FAULT=same LD_PRELOAD="$FAULT_SHIM" \
                "$BENCH" $workload --check --threads 2 --ops 20000000
            ((status == 0)) || break
        done
        assert_failure 1
    done
}

@test "a flipped bit is found in blocks that are kept, and in those that are handed on" {
    faulty flip linux-scalability --check --keep
    assert_failure 1
    # The twentieth block of the row is allocated, and the one before it changes.
    run --separate-stderr env ASHLAR_FAULT=flip LD_PRELOAD="$FAULT_SHIM" \
        "$BENCH" cache-scratch --check --passes 24 --threads 24 --ops 2400
    assert_failure 1
}

@test "without --check nothing is verified" {
    faulty flip stack
    assert_success
    assert_equal "$(json check_failures <<<"$output")" 0
    assert_equal "$(json check <<<"$output")" False
}

@test "blocks below eight bytes are checked as far as they go" {
    run "$BENCH" larson --check --size 1..8 --ops 20000
    assert_success
    run --separate-stderr env ASHLAR_FAULT=flip LD_PRELOAD="$FAULT_SHIM" \
        "$BENCH" larson --check --size 1..8 --ops 20000
    assert_failure 1
}

@test "no memory ends every workload with one line and code 4" {
    for workload in "${WORKLOADS[@]}"; do
        faulty refuse "$workload"
        assert_failure 4
        assert_equal "$output" ""
        assert_regex "$stderr" "^ashlar-bench: $workload: out of memory: [a-z_]+\([0-9]+\) returned NULL with about [0-9]+ bytes live; free memory or choose smaller options\$"
    done
}
