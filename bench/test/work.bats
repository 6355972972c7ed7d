#!/usr/bin/env bats
# Every workload does the work that it states, as counted from outside by the counting shim.

load helper

# Blocks that are not operations: what exists before the timed part, and headers.
extra() {
    case "$1" in
    larson) echo $((50 * $2)) ;; # the arrays' first blocks: slots x threads
    contention) echo 500 ;;      # the first block of each cell
    xmalloc-test) result "$3" counters | tr -dc 0-9 ;; # one header a batch
    cache-scratch) echo $(($2 + 4)) ;; # the row: one a thread and four to spare
    *) echo 0 ;;
    esac
}

# The doors that a run went through, in the order of the shim's report.
doors() { # name
    local door
    for door in malloc calloc realloc posix_memalign aligned_alloc; do
        local calls
        calls=$(count "$1" "$door")
        [ "$door" = calloc ] && calls=$((calls - $(count "$1" calloc_system)))
        [ "$calls" -eq 0 ] || echo -n "$door "
    done
}

# The doors that a workload declares, in that order, but for free.
declared() { # workload
    "$BENCH" "$1" --describe | "$PYTHON" -c '
import json, sys
points = json.load(sys.stdin)["entry_points"]
assert "free" in points
doors = ("malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc")
print("".join(door + " " for door in doors if door in points))'
}

check_counts() { # workload threads
    # shellcheck disable=SC2046
    counted run "$1" $(small "$1") --threads "$2"
    local ops
    ops=$(result run ops)
    assert_equal "$(count run blocks)" $((ops + $(extra "$1" "$2" run)))
    # A thread's start is a calloc of the C library, its end the free of it. A realloc is a block
    # asked for, but none to be freed.
    assert_equal "$(count run free)" \
        $(($(count run blocks) - $(count run realloc) + $(count run calloc_system)))
    assert_equal "$(count run left_blocks)" 0
    assert_equal "$(result run live_end_bytes)" 0
    assert_equal "$(doors run)" "$(declared "$1")"
}

@test "each workload allocates exactly --ops blocks and frees them all" {
    for workload in fastpath stack larson malloc-large frag "${PRIVATE[@]}" "${SINGLE[@]}" \
        cache-scratch churn blowup contention sh8-like mstress rptest; do
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
    for workload in fastpath stack larson frag "${PRIVATE[@]}" "${SINGLE[@]}" \
        cache-scratch blowup \
        "${REMOTE[@]}"; do
        counted odd "$workload" --ops 12347
        counted more "$workload" --ops 12348
        assert_equal $(($(count more blocks) - $(count odd blocks))) 1
    done
}

@test "the optimiser drops no malloc: fastpath asks for every pair" {
    counted pairs fastpath --ops 100000 --touch none
    assert_equal "$(count pairs malloc)" 100000
    assert_equal "$(count pairs free)" 100000
}

@test "with one worker no thread is created" {
    for workload in fastpath stack malloc-large frag "${PRIVATE[@]}" "${SINGLE[@]}" contention sh8-like; do
        # shellcheck disable=SC2046
        counted run "$workload" $(small "$workload") --threads 1
        # A thread would show as the calloc of its thread vector.
        assert_equal "$(count run calloc_system)" 0
    done
    counted run larson --threads 1 --ops 100 --slots 10 --generations 3
    assert_equal "$(count run calloc_system)" 3
}

@test "a null run allocates nothing" {
    for workload in "${WORKLOADS[@]}"; do
        # shellcheck disable=SC2046
        counted null "$workload" $(small "$workload") --null
        assert_equal "$(count null blocks)" 0
        assert_equal "$(count null free)" "$(count null calloc_system)"
        assert_equal "$(result null null)" True
    done
}

@test "the same seed asks for the same sizes, another seed for others" {
    for workload in stack malloc-large frag glibc-thread alloc-test realloc-grow aligned-mix; do
        # shellcheck disable=SC2046
        for run in a:7 b:7 c:8; do
            counted "${run%:*}" "$workload" $(small "$workload") --threads 1 --seed "${run#*:}"
        done
        assert_equal "$(count a sizes_order)" "$(count b sizes_order)"
        assert_not_equal "$(count a sizes_order)" "$(count c sizes_order)"
    done
}

@test "the same seed asks for the same sizes when threads interleave" {
    for workload in stack realloc-grow aligned-mix "larson --slots 50" "xmalloc-test --mixed" frag glibc-thread alloc-test \
        msgpass contention sh8-like mstress rptest; do
        for run in a:7 b:7 c:8; do
            # shellcheck disable=SC2086
            counted "${run%:*}" $workload --ops 10000 --threads 4 --seed "${run#*:}"
        done
        assert_equal "$(count a sizes_bag)" "$(count b sizes_bag)"
        assert_not_equal "$(count a sizes_bag)" "$(count c sizes_bag)"
    done
}

@test "the peak of live bytes is exact for one thread and near for more" {
    for workload in fastpath stack malloc-large frag "${PRIVATE[@]}" "${SINGLE[@]}" contention sh8-like mstress \
        rptest; do
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
    for workload in stack "${PRIVATE[@]}" fastpath-dep glibc-simple calloc-zero trees; do
        counted own "$workload" --ops 5000 --threads 4
        assert_equal "$(count own frees_remote)" 0
    done
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

@test "threadtest holds --objects in all and frees them in order" {
    counted one threadtest --objects 1000 --ops 2500 --threads 1 --size 8
    assert_equal "$(count one peak_bytes)" 8000
    assert_equal "$(count one frees_order)" "$(chain 2500)"
    # Each of four threads fills its quarter at least once, but all need not be full at once.
    counted four threadtest --objects 1000 --ops 4000 --threads 4 --size 8
    assert [ "$(count four peak_bytes)" -ge 2000 ]
    assert [ "$(count four peak_bytes)" -le 8000 ]
    counted work threadtest --objects 1000 --ops 2500 --threads 1 --work 100
    assert_equal "$(count work frees_order)" "$(count one frees_order)"
}

# chain N: the hash of N frees of the blocks 1, 2, ... N in that order.
chain() {
    "$PYTHON" -c '
import sys
chained = 0
for number in range(1, int(sys.argv[1]) + 1):
    chained = (chained ^ number) * 0x100000001B3 % 2**64
print(chained)' "$1"
}

@test "linux-scalability holds a block a thread, with --keep all of them" {
    counted pairs linux-scalability --ops 5000 --threads 1
    assert_equal "$(count pairs peak_bytes)" 512
    for threads in 1 3; do
        counted keep linux-scalability --keep --ops 5000 --threads "$threads"
        assert_equal "$(count keep malloc)" 5000
        assert_equal "$(count keep free)" $((5000 + $(count keep calloc)))
        assert_equal "$(count keep left_blocks)" 0
        assert_equal "$(count keep frees_remote)" 0
    done
    counted keep linux-scalability --keep --ops 5000 --threads 1
    assert_equal "$(count keep peak_bytes)" $((5000 * 512))
    # The default holds no more than 256 MiB, whatever the size.
    for size in 1 512 100m; do
        run "$BENCH" linux-scalability --keep --describe --size "$size"
        assert [ "$(json ops <<<"$output")" -le $((268435456 / ${size/100m/104857600})) ]
    done
}

@test "glibc-thread and alloc-test ask and free as their descriptions say" {
    # A second account of both in another language, from the words of the descriptions: it gives the
    # same hashes of the sizes and of the order of frees, or one of the two is wrong.
    model() {
        "$PYTHON" - "$@" <<'PY'
import sys
W = 2**64
class Prng: # splitmix64 seeds xoshiro256**
    def __init__(self, seed):
        self.s = []
        for i in range(1, 5):
            z = (seed + i * 0x9E3779B97F4A7C15) % W
            z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % W
            z = (z ^ z >> 27) * 0x94D049BB133111EB % W
            self.s.append(z ^ z >> 31)
    def next(self):
        rotate = lambda x, k: (x << k | x >> 64 - k) % W
        a, b, c, d = self.s
        result = rotate(b * 5 % W, 7) * 9 % W
        c ^= a; d ^= b
        self.s = [a ^ d, b ^ c, c ^ (b << 17) % W, rotate(d, 45)]
        return result
    def below(self, n): return self.next() * n >> 64

sizes_hash = frees_hash = made = 0
def allocate(size):
    global sizes_hash, made
    made += 1
    sizes_hash = (sizes_hash ^ size) * 0x100000001B3 % W
    return made
def free(number):
    global frees_hash
    frees_hash = (frees_hash ^ number) * 0x100000001B3 % W

def glibc_thread(prng, ops, nslots):
    index = [prng.below(nslots) for _ in range(65536)]
    def size():
        unit = (prng.next() >> 11) / 2**53
        return int(1 / (1 / 4 - unit * (1 / 4 - 1 / 32768)))
    sizes = [size() for _ in range(65536)]
    slots = [0] * nslots
    for i in range(ops):
        at = index[i % 65536]
        if slots[at]: free(slots[at])
        slots[at] = allocate(sizes[i % 65536])
    return slots

def alloc_test(prng, ops, nslots):
    bands = [.000064, .001536, .01536, .08192, .24576, .393216, .262144]
    def size():
        u, k = prng.next() >> 57, 0
        while (u + 1) >> k & 1 == 0: k += 1
        return 2**(k + 2) + prng.below(2**(k + 2)) + 1
    sizes = [size() for _ in range(65536)]
    ends, share = [0], 0.0
    for band in bands:
        share += band
        ends.append(max(ends[-1] + 1, int(share * nslots + .5)))
    slots = [0] * nslots
    for k in range(nslots):
        if prng.next() >> 63 and made < ops: slots[k] = allocate(sizes[made % 65536])
    while made < ops:
        bits = prng.next()
        pick, place, band, below = bits >> 32, bits % 2**32, 0, bands[6]
        while band < 6 and pick >= int(below * 2**32):
            band += 1
            below += bands[6 - band]
        at = ends[band] + (place * (ends[band + 1] - ends[band]) >> 32)
        if slots[at]:
            free(slots[at])
            slots[at] = 0
        else:
            slots[at] = allocate(sizes[made % 65536])
    return slots

run = {"glibc-thread": glibc_thread, "alloc-test": alloc_test}[sys.argv[1]]
for number in run(Prng(int(sys.argv[2])), int(sys.argv[3]), int(sys.argv[4])):
    if number: free(number)
print(sizes_hash, frees_hash)
PY
    }
    for workload in glibc-thread alloc-test; do
        counted run "$workload" --threads 1 --seed 3 --ops 30000 --slots 5000
        assert_equal "$(count run sizes_order) $(count run frees_order)" \
            "$(model "$workload" 3 30000 5000)"
    done
    # The account tells seeds apart.
    assert_not_equal "$(count run frees_order)" "$(model alloc-test 4 30000 5000 | cut -d' ' -f2)"
}

@test "cache-scratch frees a block of main's in each thread, cache-thrash none" {
    for threads in 2 5; do
        counted scratch cache-scratch --threads "$threads" --ops 1000 --passes 10
        assert_equal "$(count scratch frees_remote)" "$threads"
        assert_equal "$(count scratch malloc)" $((1000 + threads + 4))
    done
}

@test "the false-sharing index sees lines that two threads write to, and no others" {
    index() { # prints blocks recorded and blocks that share a line
        json counters <<<"$output" | tr -dc '0-9 ' | xargs
    }
    # One block for all threads, whatever they ask for.
    run env ASHLAR_FAULT=same LD_PRELOAD="$FAULT_SHIM" \
        "$BENCH" cache-thrash --threads 3 --ops 600 --passes 3
    assert_equal "$(index)" "600 600"
    # One thread shares with nobody, and neither do blocks of the null heap.
    run "$BENCH" cache-scratch --threads 1 --ops 600
    assert_equal "$(index)" "600 0"
    run "$BENCH" cache-scratch --threads 3 --ops 600 --null
    assert_equal "$(index)" "600 0"
    # glibc gives threads heaps of their own, and a thread the block back that it has freed last. The
    # first needs threads that run at the same time, for heaps of ended threads are used again: a
    # third of a second's work each.
    run "$BENCH" cache-thrash --threads 2
    assert_equal "$(index)" "8192 0"
    run "$BENCH" cache-scratch --threads 2 --ops 600
    assert_equal "$(index)" "600 600"
    # The first 4096 blocks of each thread are looked at.
    run "$BENCH" cache-scratch --threads 2 --ops 10000 --passes 2
    assert_equal "$(index)" "8192 8192"
}

# hash_lines: the shim's hash of a list of numbers, one a line.
hash_lines() {
    "$PYTHON" -c '
import sys
chained = 0
for number in sys.stdin:
    chained = (chained ^ int(number)) * 0x100000001B3 % 2**64
print(chained)'
}

@test "malloc-large holds one block of 800 KiB, or 128 of them" {
    counted pair malloc-large --mode pair800k --ops 200
    counted batch malloc-large --mode batch128 --ops 200
    for mode in pair batch; do
        assert_equal "$(count $mode malloc)" 200
        assert_equal "$(count $mode free)" 200
        assert_equal "$(count $mode sizes_order)" "$(for _ in {1..200}; do echo 819200; done | hash_lines)"
        assert_equal "$(count $mode frees_order)" "$(seq 200 | hash_lines)"
    done
    assert_equal "$(count pair peak_bytes)" 819200
    assert_equal "$(count batch peak_bytes)" $((128 * 819200))
}

@test "frag makes --ops blocks and frees them all in every mode, with one thread and many" {
    for mode in sawtooth doubling largesmall aging; do
        for threads in 1 2 6; do
            counted run frag --mode $mode --peak 2m --ops 20011 --threads $threads --check
            assert_equal "$(count run malloc)" 20011
            assert_equal "$(count run left_blocks)" 0
            assert_equal "$(result run live_end_bytes)" 0
            assert [ "$(count run peak_bytes)" -le $(((2 << 20) + 32768 * threads)) ]
        done
    done
}

@test "frag doubles and alternates exactly as drawn" {
    counted doubling frag --mode doubling --peak 1m --ops 5000
    assert_equal "$(count doubling sizes_order)" "$("$PYTHON" -c '
peak, left, live, size = 1 << 20, 5000, 0, 512
while left:
    made = min((peak - live) // 2 // (2 * size) * 2, left)
    print("\n".join([str(size)] * made), end="\n" if made else "")
    left -= made
    live = live + made // 2 * size + made % 2 * size if made else 0
    size = size * 2 if made else 512' | hash_lines)"
    counted largesmall frag --mode largesmall --peak 1m --ops 4500
    assert_equal "$(count largesmall sizes_order)" "$("$PYTHON" -c '
sizes = ([1 << 20] + [1000] * 1048) * 5
print("\n".join(map(str, sizes[:4500])))' | hash_lines)"
    # The large block beside four survivors.
    assert_equal "$(count largesmall peak_bytes)" $(((1 << 20) + 4 * 1000))
}

@test "frag --mode aging keeps half of the peak live in the mean, in both mixes" {
    counted a frag --mode aging --peak 4m --seed 7
    counted b frag --mode aging --peak 4m --seed 7
    counted c frag --mode aging --peak 4m --seed 8
    assert_equal "$(count a sizes_order)" "$(count b sizes_order)"
    assert_equal "$(count a frees_order)" "$(count b frees_order)"
    assert_not_equal "$(count a sizes_order)" "$(count c sizes_order)"
    local mean
    mean=$(result a counters | sed "s/.*mean_live_bytes': \([0-9]*\).*/\1/")
    assert [ "$mean" -gt $((2097152 * 90 / 100)) ]
    assert [ "$mean" -lt $((2097152 * 110 / 100)) ]
    # So far below the peak hardly anything is freed. The mean size is 284 bytes in the one mix and
    # 575 in the other, so 429 when each has its half, with a standard error of 9.
    counted mixes frag --mode aging --peak 256m --ops 20000
    assert [ "$(count mixes peak_bytes)" -gt $((20000 * 380)) ]
    assert [ "$(count mixes peak_bytes)" -lt $((20000 * 470)) ]
}

@test "blowup hands one demand from thread to thread" {
    counted turns blowup --ops 20000 --live 64k --threads 4
    # 1024 blocks of 64 bytes a turn.
    assert_equal "$(count turns peak_bytes)" 65536
    assert_equal "$(result turns live_peak_bytes)" 65536
    assert_equal "$(count turns frees_remote)" 20000
    assert_equal "$(count turns frees_order)" "$(seq 20000 | hash_lines)"
    "$PYTHON" - "$BATS_TEST_TMPDIR/turns.json" <<'PY'
import json, sys
r = json.load(open(sys.argv[1]))
kib = r["series"]["resident_kib"]
assert r["counters"]["turns"] == 20 and len(kib) == 21, r
grown = (max(kib[1:]) - kib[0]) * 1024 * 1000 // 65536
assert r["counters"]["highest_permille"] == max(grown, 0), (grown, r)
assert r["counters"]["first_permille"] == max((kib[1] - kib[0]) * 1024 * 1000 // 65536, 0)
PY
    counted alone blowup --ops 20000 --live 64k --threads 1
    assert_equal "$(count alone frees_remote)" 0
}

@test "blowup sees memory that is kept from turn to turn" {
    run "$BENCH" blowup --threads 1
    alone=$(json counters <<<"$output" | sed "s/.*highest_permille': \([0-9]*\).*/\1/")
    run "$BENCH" blowup --threads 4
    four=$(json counters <<<"$output" | sed "s/.*highest_permille': \([0-9]*\).*/\1/")
    # The C library keeps what was freed in the arena of the thread that had allocated it.
    assert [ "$four" -gt $((alone * 3)) ]
}

@test "churn starts a thread for each block, and frees the blocks of others" {
    counted threads churn --ops 301 --cells 40 --threads 2
    assert_equal "$(count threads calloc_system)" 302 # one thread of the last pair has no block
    assert_equal "$(count threads blocks)" 301
    # A block is freed by the thread that takes its cell, or by main at the end.
    assert_equal "$(count threads frees_remote)" 301
    # All cells are full long before the end, and one thread or both hold a block beside them.
    assert [ "$(count threads peak_bytes)" -ge $((128 * 41)) ]
    assert [ "$(count threads peak_bytes)" -le $((128 * 42)) ]
    "$PYTHON" - "$BATS_TEST_TMPDIR/threads.json" <<'PY'
import json, sys
r = json.load(open(sys.argv[1]))
c = r["counters"]
assert c["threads_started"] == 302 and len(r["series"]["resident_kib"]) == 76, r
assert 0 < c["first_p50_ns"] <= c["first_p99_ns"], c
PY
}

@test "churn sees memory that stays of each thread" {
    slope() { json counters <<<"$1" | sed "s/.*slope_bytes_per_1000_threads': \([0-9]*\).*/\1/"; }
    # 8 KiB of each thread are never given back: the shim loses every block.
    run env ASHLAR_LAYOUT=pages LD_PRELOAD="$BUILD/bench/test/layout_shim.so" "$BENCH" churn \
        --threads 1 --ops 400 --size 8000
    assert_success
    assert [ "$(slope "$output")" -gt 6000000 ]
    assert [ "$(slope "$output")" -lt 10500000 ]
    run "$BENCH" churn --threads 1 --ops 400 --size 8000 --cells 1
    assert [ "$(slope "$output")" -lt 1000000 ]
}
