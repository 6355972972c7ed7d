#!/usr/bin/env bats
# --layout: where the live blocks lie at the peak. Places that are known by hand, an oracle that
# works it out another way from a log of the calls, and allocators that break the book.

load helper

LAYOUT_SHIM="$BUILD/bench/test/layout_shim.so"

# laid MODE ARGS...: runs ashlar-bench ARGS --layout under the shim.
laid() {
    local mode="$1"
    shift
    run --separate-stderr env ASHLAR_LAYOUT="$mode" LD_PRELOAD="$LAYOUT_SHIM" "$BENCH" "$@" --layout
}

# figures KEY...: those of the result in $output, in a row.
figures() {
    "$PYTHON" -c '
import json, sys
layout = json.loads(sys.argv[1])["layout"]
print(*(layout[key] for key in sys.argv[2:]))' "$output" "$@"
}

@test "a page for each block: 64 blocks of 100 bytes waste what is computed by hand" {
    laid pages stack --depth 64 --size 100 --ops 640
    assert_success
    assert_equal "$(figures live_blocks live_bytes pages)" "64 6400 64"
    # 1 - 6400 / (64 * 4096), and 256 / 100 - 1
    assert_equal "$(figures page_waste internal_waste false_sharing)" "0.975585 1.56 0.0"
    # 64 pages of one range of 512, each with 100 bytes
    assert_equal "$(figures ranges dense_ranges huge_coverage)" "1 0 0.0"
}

@test "ranges that are live for more than 90 % are covered, others are not" {
    # 3 MiB are one whole range and half of another.
    laid ranges malloc-large --slots 1 --size 3m --ops 1
    assert_equal "$(figures ranges dense_ranges huge_coverage)" "2 1 0.5"
    # Beside 8 MiB, 1,887,436 bytes are just below 90 % of the fifth range, and one more just above.
    laid ranges malloc-large --slots 1 --size 10276044 --ops 1
    assert_equal "$(figures ranges dense_ranges)" "5 4"
    laid ranges malloc-large --slots 1 --size 10276045 --ops 1
    assert_equal "$(figures ranges dense_ranges huge_coverage)" "5 5 1.0"
    # The last page of the five is not full.
    assert_equal "$(figures pages live_bytes)" "2509 10276045"
}

@test "blocks of two threads on one line share, and those on lines of their own do not" {
    # 64 blocks of 32 bytes in all, which frag keeps until both threads are done.
    laid lines frag --threads 2 --size 32 --ops 64
    assert_equal "$(figures live_blocks sharing_blocks false_sharing)" "64 64 1.0"
    laid half frag --threads 2 --size 32 --ops 64
    assert_equal "$(figures live_blocks sharing_blocks false_sharing)" "64 32 0.5"
    laid lines frag --threads 1 --size 32 --ops 64
    assert_equal "$(figures live_blocks sharing_blocks false_sharing)" "64 0 0.0"
}

@test "the figures are those that an oracle finds in a log of the calls" {
    for run in "stack --depth 300 --ops 3000" "larson --threads 1 --slots 300 --ops 9000" \
        "frag --peak 1m --ops 3000" "frag --mode doubling --peak 1m --ops 3000" \
        "frag --mode aging --peak 1m --ops 9000" "malloc-large --size 100k..9m --ops 40" \
        "blowup --live 64k --ops 9000 --threads 3"; do
        # shellcheck disable=SC2086
        ASHLAR_LAYOUT_LOG="$BATS_TEST_TMPDIR/log" laid log $run
        assert_success
        "$PYTHON" - "$BATS_TEST_TMPDIR/log" "$output" <<'PY'
import json, sys
from collections import defaultdict
live, total, peak, moment = {}, 0, 0, None
for line in open(sys.argv[1]):
    event = line.split()
    if event[0] == "m":
        live[int(event[1])] = (int(event[2]), event[3])
        total += int(event[2])
        if total > peak:
            peak, moment = total, dict(live)
    elif int(event[1]) in live:
        total -= live.pop(int(event[1]))[0]
threads, pages, ranges = defaultdict(set), set(), defaultdict(int)
for at, (size, thread) in moment.items():
    for line in range(at // 64, (at + size - 1) // 64 + 1):
        threads[line].add(thread)
    pages.update(range(at // 4096, (at + size - 1) // 4096 + 1))
    while size > 0:
        part = min(size, 2**21 - at % 2**21)
        ranges[at // 2**21] += part
        at, size = at + part, size - part
sharing = sum(any(len(threads[line]) > 1 for line in range(at // 64, (at + size - 1) // 64 + 1))
              for at, (size, thread) in moment.items())
dense = sum(part * 10 > 9 * 2**21 for part in ranges.values())
cut = lambda x: int(x * 10**6)
layout = json.loads(sys.argv[2])["layout"]
print(len(moment), sharing, layout)
assert layout["live_bytes"] == peak and layout["live_blocks"] == len(moment)
assert layout["pages"] == len(pages) and layout["sharing_blocks"] == sharing
assert layout["ranges"] == len(ranges) and layout["dense_ranges"] == dense
assert abs(layout["page_waste"] - (1 - peak / (4096 * len(pages)))) < 1.1e-6
assert abs(layout["false_sharing"] - sharing / len(moment)) < 1.1e-6
assert abs(layout["huge_coverage"] - dense / len(ranges)) < 1.1e-6
assert abs(layout["internal_waste"] - 3 * len(moment) / peak) < 1.1e-6
if "larson" in sys.argv[2]:
    assert sharing > 0, "the oracle has seen nobody share"
PY
    done
}

# layout_of ARGS...: the "layout" of a run, in one line.
layout_of() {
    "$@" --layout | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["layout"])'
}

@test "two runs of one thread agree exactly, and with random addresses in all but the ranges" {
    setarch -R true || skip "address randomisation cannot be turned off here"
    # shellcheck disable=SC2086
    for run in "stack --depth 300 --ops 3000" "frag --ops 20000 --peak 8m" \
        "frag --mode aging --peak 1m" "larson --threads 1 --slots 300 --ops 9000"; do
        one=$(layout_of setarch -R "$BENCH" $run)
        assert_equal "$(layout_of setarch -R "$BENCH" $run)" "$one"
        assert_not_equal "$(layout_of setarch -R "$BENCH" $run --seed 2)" "$one"
        one=$(sed "s/'[a-z]*_\?ranges': [0-9]*, //g; s/, 'huge_coverage.*//" <<<"$one")
        assert_regex "$one" "'page_waste': 0.*'internal_waste': 0"
        for _ in 1 2 3; do
            other=$(layout_of "$BENCH" $run)
            assert_equal "$(sed "s/'[a-z]*_\?ranges': [0-9]*, //g; s/, 'huge_coverage.*//" <<<"$other")" \
                "$one"
        done
    done
}

@test "every workload keeps the book straight, through whatever door" {
    for workload in "${WORKLOADS[@]}"; do
        # shellcheck disable=SC2046
        run --separate-stderr "$BENCH" "$workload" $(small "$workload") --layout --check
        assert_success
        assert_equal "$stderr" ""
        "$PYTHON" - "$output" <<'PY'
import json, sys
result = json.loads(sys.argv[1])
layout = result["layout"]
assert 0 < layout["live_blocks"] and 0 <= layout["page_waste"] < 1, layout
assert layout["internal_waste"] >= 0 and layout["false_sharing"] <= 1, layout
# Threads flush their counts late, and fastpath and the cache ones count no block that is in use.
if result["threads"] == 1:
    assert layout["live_bytes"] == result["live_peak_bytes"], result
PY
    done
}

@test "without --layout the result says nothing of it, and what is usable is not guessed" {
    run "$BENCH" stack --ops 100
    refute_output --partial layout
    # This shim has no malloc_usable_size, and the C library's own knows nothing of its blocks.
    run env LD_PRELOAD="$COUNT_SHIM" "$BENCH" stack --ops 100 --layout
    assert_equal "$(figures internal_waste)" None
    run --separate-stderr "$BENCH" stack --layout --null
    assert_failure 2
    assert_equal "$stderr" "ashlar-bench: stack: --layout says nothing of --null, whose blocks overlap; drop one of them"
}

@test "an allocator that breaks the book ends the run" {
    run --separate-stderr env ASHLAR_FAULT=twin LD_PRELOAD="$FAULT_SHIM" \
        "$BENCH" stack --ops 1000 --layout
    assert_failure 1
    assert_regex "$stderr" "^ashlar-bench: block 0x[0-9a-f]+ of [0-9]+ bytes was handed out while it is live, with [0-9]+\$"
    # Blocks of 256 bytes every 16 bytes fill a page sixteen times over.
    laid overlap stack --depth 300 --size 256 --ops 300
    assert_failure 1
    assert_regex "$stderr" "^ashlar-bench: live blocks overlap: the 4096 bytes at 0x[0-9a-f]+ hold [0-9]+ live ones\$"
    # This shim says that 256 bytes can be used, always.
    laid pages stack --depth 4 --size 300 --ops 4
    assert_failure 1
    assert_regex "$stderr" "^ashlar-bench: malloc_usable_size says 256 for block 0x[0-9a-f]+ of 300 bytes\$"
}
