#!/usr/bin/env bats
# Every workload does the work that it states, as counted from outside by the counting shim.

load helper

# Blocks of malloc that are not operations: what exists before the timed part, and headers.
extra() {
    case "$1" in
    larson) echo $((50 * $2)) ;; # the arrays' first blocks: slots x threads
    xmalloc-test) result "$3" counters | tr -dc 0-9 ;; # one header a batch
    *) echo 0 ;;
    esac
}

check_counts() { # workload threads
    # shellcheck disable=SC2046
    counted run "$1" $(small "$1") --threads "$2"
    local ops
    ops=$(result run ops)
    assert_equal "$(count run malloc)" $((ops + $(extra "$1" "$2" run)))
    # A thread's start is a calloc, its end the free of it.
    assert_equal "$(count run free)" $(($(count run malloc) + $(count run calloc)))
    assert_equal "$(count run left_blocks)" 0
    assert_equal "$(result run live_end_bytes)" 0
    assert_equal "$(count run realloc)" 0
    assert_equal "$(count run memalign)" 0
}

@test "each workload allocates exactly --ops blocks and frees them all" {
    for workload in fastpath stack larson malloc-large frag; do
        check_counts "$workload" 1
    done
}

@test "each workload does so with several threads" {
    for workload in "${WORKLOADS[@]}"; do
        check_counts "$workload" 2
        check_counts "$workload" 6
    done
}

@test "the count of operations follows --ops, whatever its divisors" {
    for workload in fastpath stack larson frag; do
        counted odd "$workload" --ops 12347
        counted more "$workload" --ops 12348
        assert_equal $(($(count more malloc) - $(count odd malloc))) 1
    done
}

@test "the optimiser drops no malloc: fastpath asks for every pair" {
    counted pairs fastpath --ops 100000 --touch none
    assert_equal "$(count pairs malloc)" 100000
    assert_equal "$(count pairs free)" 100000
}

@test "with one worker no thread is created, and nothing but malloc and free is called" {
    for workload in fastpath stack malloc-large frag; do
        # shellcheck disable=SC2046
        counted run "$workload" $(small "$workload") --threads 1
        # A thread would show as the calloc of its thread vector.
        assert_equal "$(count run calloc)" 0
    done
    counted run larson --threads 1 --ops 100 --slots 10 --generations 3
    assert_equal "$(count run calloc)" 3
}

@test "a null run allocates nothing" {
    for workload in "${WORKLOADS[@]}"; do
        # shellcheck disable=SC2046
        counted null "$workload" $(small "$workload") --null
        assert_equal "$(count null malloc)" 0
        assert_equal "$(count null free)" "$(count null calloc)"
        assert_equal "$(result null null)" True
    done
}

@test "the same seed asks for the same sizes, another seed for others" {
    for workload in stack malloc-large frag; do
        # shellcheck disable=SC2046
        for run in a:7 b:7 c:8; do
            counted "${run%:*}" "$workload" $(small "$workload") --threads 1 --seed "${run#*:}"
        done
        assert_equal "$(count a sizes_order)" "$(count b sizes_order)"
        assert_not_equal "$(count a sizes_order)" "$(count c sizes_order)"
    done
}

@test "the same seed asks for the same sizes when threads interleave" {
    for workload in stack "larson --slots 50" "xmalloc-test --mixed" frag; do
        for run in a:7 b:7 c:8; do
            # shellcheck disable=SC2086
            counted "${run%:*}" $workload --ops 10000 --threads 4 --seed "${run#*:}"
        done
        assert_equal "$(count a sizes_bag)" "$(count b sizes_bag)"
        assert_not_equal "$(count a sizes_bag)" "$(count c sizes_bag)"
    done
}

@test "the peak of live bytes is exact for one thread and near for more" {
    for workload in fastpath stack malloc-large frag; do
        # shellcheck disable=SC2046
        counted run "$workload" $(small "$workload") --threads 1
        assert_equal "$(result run live_peak_bytes)" "$(count run peak_bytes)"
    done
    counted run larson --threads 2 --ops 20000
    local off=$(($(result run live_peak_bytes) - $(count run peak_bytes)))
    # Half a flush each way for each of the two workers, at most.
    assert [ "${off#-}" -le 131072 ]
    assert [ "$(count run peak_bytes)" -gt 900000 ]
}

@test "stack frees in the stated order" {
    # 150 blocks, 64 at a time: two whole rounds and one of 22. The shim chains the numbers of the
    # blocks as they are freed.
    expected() {
        "$PYTHON" - "$1" <<'PY'
import sys
step = {"lifo": -1, "fifo": 1}[sys.argv[1]]
chained = 0
for first, count in ((1, 64), (65, 64), (129, 22)):
    for number in list(range(first, first + count))[::step]:
        chained = (chained ^ number) * 0x100000001B3 % 2**64
print(chained)
PY
    }
    for order in lifo fifo rnd; do
        counted "$order" stack --order "$order" --ops 150 --depth 64
        assert_equal "$(count "$order" free)" 150
        assert_equal "$(count "$order" left_blocks)" 0
    done
    assert_equal "$(count lifo frees_order)" "$(expected lifo)"
    assert_equal "$(count fifo frees_order)" "$(expected fifo)"
    assert_not_equal "$(count rnd frees_order)" "$(expected lifo)"
    assert_not_equal "$(count rnd frees_order)" "$(expected fifo)"
    assert_equal "$(count lifo sizes_order)" "$(count rnd sizes_order)"
}

@test "private work frees its own blocks, and xmalloc-test only those of others" {
    counted own stack --ops 5000 --threads 4
    assert_equal "$(count own frees_remote)" 0
    counted remote xmalloc-test --ops 20000 --threads 4
    assert_equal "$(count remote frees_remote)" "$(count remote malloc)"
}

@test "larson hands its blocks on to fresh threads" {
    counted larson larson --ops 30000 --threads 1 --slots 50 --generations 3
    # Each generation meets 50 blocks of its predecessor, and main frees the last 50.
    assert_equal "$(count larson frees_remote)" 200
}

@test "stack --age uses every class before the timed part" {
    counted aged stack --age 1m --ops 1000
    # 1 MiB / 16 + 1 MiB / 32 + ... + 1 MiB / 512
    assert_equal "$(count aged malloc)" $((1000 + 65536 + 32768 + 16384 + 8192 + 4096 + 2048))
    assert_equal "$(count aged left_blocks)" 0
}

@test "larson --sized frees by free_sized where there is one" {
    counted sized larson --sized --ops 5000 --threads 2 --slots 10
    assert_equal "$(count sized free_sized)" 5000
    assert_equal "$(count sized free)" $((20 + $(count sized calloc)))
}

@test "xmalloc-test --mixed asks for the seventeen sizes, else for one" {
    counted mixed xmalloc-test --mixed --ops 20000
    counted plain xmalloc-test --ops 20000
    assert_not_equal "$(count mixed sizes_bag)" "$(count plain sizes_bag)"
}
