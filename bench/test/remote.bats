#!/usr/bin/env bats
# The workloads whose threads free each other's blocks: what each does beside its number of blocks.

load helper

@test "msgpass and batch-remote free every block in another thread" {
    for workload in "msgpass --threads 8" "msgpass --threads 2" "batch-remote --threads 4"; do
        # shellcheck disable=SC2046,SC2086
        counted remote $workload $(small "${workload%% *}")
        assert_equal "$(count remote frees_remote)" "$(count remote malloc)"
        assert_equal "$(count remote malloc)" 20000
    done
    # By shares: 3 producers of 8 threads, 3 allocators of 4.
    counted producers msgpass --threads 8 --ops 30000
    assert_equal "$(count producers blocks_most)" 10000
    counted allocators batch-remote --threads 4 --ops 30000 --doublings 10
    assert_equal "$(count allocators blocks_most)" 10000
}

@test "msgpass splits its threads in 3 producers, 3 consumers and 2 proxies" {
    counted default msgpass --ops 1000
    assert_equal "$(result default threads)" 8
    assert_equal "$(result default counters)" "{'producers': 3, 'consumers': 3, 'proxies': 2}"
    counted least msgpass --ops 1000 --threads 2
    assert_equal "$(result least counters)" "{'producers': 1, 'consumers': 1, 'proxies': 0}"
    # However many are to forward, one makes and one frees.
    counted most msgpass --ops 1000 --threads 3 --proxies 90
    assert_equal "$(result most counters)" "{'producers': 1, 'consumers': 1, 'proxies': 1}"
}

@test "msgpass bounds what is underway" {
    counted bounded msgpass --ops 20000 --threads 4 --bound 100 --burst 16
    # One producer: below the bound, and one burst of the largest messages more.
    assert [ "$(count bounded peak_bytes)" -le $(((99 + 16) * 128)) ]
}

@test "contention begins and ends with full cells" {
    counted cells contention --slots 700 --ops 5000 --threads 3 --size 100
    assert_equal "$(count cells malloc)" 5700
    # Between two exchanges each thread holds one block beside the cells.
    assert [ "$(count cells peak_bytes)" -le 70300 ]
    assert [ "$(count cells peak_bytes)" -gt 70000 ]
}

@test "batch-remote asks for its sizes in runs of eight and parks within the bound" {
    # One allocator: 4, 8, 16 bytes, eight blocks of each, again and again; 30 blocks.
    counted sizes batch-remote --threads 2 --ops 30 --doublings 3
    expected=$("$PYTHON" -c '
mask = 2**64
def mix(word):
    word = (word ^ word >> 33) * 0xFF51AFD7ED558CCD % mask
    word = (word ^ word >> 33) * 0xC4CEB9FE1A85EC53 % mask
    return word ^ word >> 33
print(sum(mix((4 << i // 8 % 3) + 1) for i in range(30)) % mask)')
    assert_equal "$(count sizes sizes_bag)" "$expected"
    counted bound batch-remote --threads 4 --ops 20000 --doublings 10 --bound 100k
    parked=$(result bound counters | tr -dc 0-9)
    assert [ "$parked" -le 102400 ]
    # Beside what is parked, each of three allocators holds a list, of 59360 bytes at most.
    assert [ "$(count bound peak_bytes)" -le $((102400 + 3 * 59360)) ]
    # A bound below any list lets one list pass at a time.
    counted narrow batch-remote --threads 4 --ops 5000 --doublings 10 --bound 1
    assert_equal "$(count narrow malloc)" 5000
}

@test "sh8-like frees newest first, then oldest backwards, then what it posted" {
    # A round of 16 by one thread: 16..9, 4..1; its own mailbox gives 5..8 in the next round, after
    # which a round of 10 follows: 26..22, 18, 17, and 19..21 at the end.
    counted order sh8-like --threads 1 --ring 16 --ops 26
    expected=$("$PYTHON" -c '
chained = 0
for number in [*range(16, 8, -1), *range(4, 0, -1), 5, 6, 7, 8, *range(26, 21, -1), 18, 17, 19, 20,
               21]:
    chained = (chained ^ number) * 0x100000001B3 % 2**64
print(chained)')
    assert_equal "$(count order frees_order)" "$expected"
    assert_equal "$(result order counters)" "{'blocks_posted': 7, 'blocks_kept': 0}"
    counted posted sh8-like --threads 2 --ring 512 --ops 20000
    assert [ "$(count posted frees_remote)" -gt 0 ]
    assert_equal $(($(result posted counters | tr -dc '0-9,' | tr , +))) 5000
}

@test "mstress gives its threads one part, two parts, ... eight parts, one part of the work" {
    # Threads 0 to 8 have 1, 2, ... 8, 1 of 37 parts; in 2 phases.
    counted parts mstress --threads 9 --ops 3700 --phases 2
    assert_equal "$(count parts malloc)" 3700
    assert_equal "$(count parts blocks_most)" 400
    # A thread is a calloc of the C library: 9 in each phase.
    assert_equal "$(count parts calloc_system)" 18
    counted default mstress --describe >/dev/null
    assert_equal "$(result default ops)" $((25 * 150 * 100 * 3))
}

@test "mstress compares the contents of blocks even without --check" {
    run --separate-stderr env ASHLAR_FAULT=flip LD_PRELOAD="$FAULT_SHIM" \
        "$BENCH" mstress --threads 1 --ops 20000
    assert_failure 1
    assert_regex "$stderr" "^ashlar-bench: mstress: block 0x[0-9a-f]+ of [0-9]+ bytes came back changed: its contents are not what was stored\$"
    assert_equal "$(json check_failures <<<"$output")" 1
    # Without contents there is nothing to compare.
    run --separate-stderr env ASHLAR_FAULT=flip LD_PRELOAD="$FAULT_SHIM" \
        "$BENCH" mstress --threads 1 --ops 20000 --touch first
    assert_success
}

@test "rptest passes lists to others, and none with one thread or with --cross 0" {
    for args in "--threads 1" "--threads 3 --cross 0"; do
        # shellcheck disable=SC2046,SC2086
        counted alone rptest $(small rptest) $args
        assert_equal "$(result alone counters)" "{'lists_posted': 0, 'lists_kept': 0}"
        assert_equal "$(count alone frees_remote)" 0
    done
    # shellcheck disable=SC2046
    counted lists rptest $(small rptest) --threads 3
    # Every list that was posted is freed by another thread, to the last block; lists have 20 blocks,
    # but for the last one of each thread in each of four passes.
    local posted
    posted=$(result lists counters | sed 's/.*posted.: \([0-9]*\).*/\1/')
    assert [ "$posted" -gt 12 ]
    assert [ "$(count lists frees_remote)" -le $((posted * 20)) ]
    assert [ "$(count lists frees_remote)" -ge $(((posted - 12) * 20)) ]
    # Every slot is full, plus a list in the making and 32 that wait, for each thread.
    assert [ "$(count lists peak_bytes)" -le $((3 * (100 + 20 + 32 * 20) * 16000)) ]
}

@test "the falloffs of rptest make large blocks rarer" {
    for falloff in even linear product; do
        counted "$falloff" rptest --threads 1 --slots 2000 --batch 4000 --ops 8000 --cross 0 \
            --falloff "$falloff"
    done
    # 2000 full slots hold 16 MB, two thirds of it, half of it.
    assert [ "$(count even peak_bytes)" -gt $(($(count linear peak_bytes) * 5 / 4)) ]
    assert [ "$(count linear peak_bytes)" -gt $(($(count product peak_bytes) * 5 / 4)) ]
}
