#!/usr/bin/env bats
# What is special about the workloads of one thread, as counted from outside by the counting shim.

load helper

@test "fastpath-dep asks for the 32 sizes in turn, wherever the seed starts" {
    bag() {
        "$PYTHON" - <<'PY'
def mix(word):
    mask = 2**64 - 1
    word = (word ^ word >> 33) * 0xFF51AFD7ED558CCD & mask
    word = (word ^ word >> 33) * 0xC4CEB9FE1A85EC53 & mask
    return word ^ word >> 33
print(sum(3 * mix(size + 1) for size in range(16, 513, 16)) % 2**64)
PY
    }
    for seed in 1 2 3; do
        counted run fastpath-dep --ops 96 --seed "$seed"
        assert_equal "$(count run sizes_bag)" "$(bag)"
        assert_equal "$(count run peak_bytes)" 512
    done
}

@test "fastpath-dep asks every allocator for the same sizes" {
    # The addresses of ashlar differ from glibc's, so sizes that followed them would differ too.
    run "$BENCH" fastpath-dep --ops 5
    own=$(json live_peak_bytes <<<"$output")
    run env LD_PRELOAD="$BUILD/libashlar.so" "$BENCH" fastpath-dep --ops 5
    assert_equal "$(json live_peak_bytes <<<"$output")" "$own"
}

@test "glibc-simple makes a thread where its mode says so, and frees in the order of allocation" {
    # 450 blocks, 200 at a time: each is freed in the order of its number.
    expected=$("$PYTHON" -c '
chained = 0
for number in range(1, 451):
    chained = (chained ^ number) * 0x100000001B3 % 2**64
print(chained)')
    for mode in main:0 thread:1 after:1; do
        counted run glibc-simple --mode "${mode%:*}" --ops 450 --batch 200
        assert_equal "$(count run calloc_system)" "${mode#*:}"
        assert_equal "$(count run frees_order)" "$expected"
        assert_equal "$(count run peak_bytes)" $((200 * 16))
        assert_equal "$(count run frees_remote)" 0
    done
}

@test "calloc-zero holds a batch, dirty or not, and never more than 64 MiB" {
    for dirty in "" --dirty; do
        # shellcheck disable=SC2086
        counted run calloc-zero --size 10k --batch 7 --ops 100 $dirty
        assert_equal "$(count run calloc)" 100
        assert_equal "$(count run peak_bytes)" $((7 * 10240))
    done
    run --separate-stderr "$BENCH" calloc-zero --size 16m --batch 5
    assert_failure 2
    assert_equal "$stderr" "ashlar-bench: calloc-zero: --batch 5 of --size 16777216 hold more than 64 MiB; give --batch 4 or less"
}

@test "calloc-zero --dirty makes every byte resident, a clean block of 8 MiB only its ends" {
    for dirty in "" --dirty; do
        # shellcheck disable=SC2086
        run "$BENCH" calloc-zero --size 8m --batch 4 --ops 4 --touch ends $dirty
        eval "resident${dirty#--}=$(json vmhwm_kib <<<"$output")"
    done
    # shellcheck disable=SC2154
    assert [ "$resident" -lt 8000 ]
    # shellcheck disable=SC2154
    assert [ "$residentdirty" -gt 32768 ]
}

@test "a calloc that does not clear is found, dirty or not, and by aligned-mix" {
    for words in calloc-zero "calloc-zero --dirty" aligned-mix; do
        # shellcheck disable=SC2086
        run --separate-stderr env ASHLAR_FAULT=dirty LD_PRELOAD="$FAULT_SHIM" \
            "$BENCH" $words --check --ops 2000
        assert_failure 1
        assert_equal "$(json check_failures <<<"$output")" 1
        assert_regex "$stderr" "^ashlar-bench: ${words%% *}: calloc gave block 0x[0-9a-f]+ of [0-9]+ bytes, whose byte [0-9]+ is not zero\$"
        # shellcheck disable=SC2086
        run env ASHLAR_FAULT=dirty LD_PRELOAD="$FAULT_SHIM" "$BENCH" $words --ops 2000
        assert_success
    done
}

@test "realloc-grow reports what realloc did: the shim counts the same" {
    for size in 64k 1m; do
        counted run realloc-grow --size "$size" --ops 5000
        counters=$(result run counters | tr "'" '"')
        assert_equal "$(json grows <<<"$counters")" "$(count run realloc)"
        assert_equal "$(json in_place <<<"$counters")" "$(count run realloc_in_place)"
        assert_equal "$(json moved_bytes <<<"$counters")" "$(count run realloc_moved)"
        assert_equal "$(json in_place_permille <<<"$counters")" \
            $((1000 * $(count run realloc_in_place) / $(count run realloc)))
        # A step is one block, by either door.
        assert_equal $(($(count run malloc) + $(count run realloc))) 5000
        assert [ "$(count run realloc_in_place)" -gt 0 ]
        assert [ "$(count run realloc_moved)" -gt 0 ]
    done
}

@test "realloc-grow starts a vector again at the limit, and by chance before it" {
    # 16, 24, 36, 54, 81, 100: six steps a life of the one vector, which no chance cuts short.
    counted run realloc-grow --vectors 1 --size 100 --reset 4294967295 --ops 600
    assert_equal "$(count run malloc)" 100
    assert_equal "$(count run realloc)" 500
    counted often realloc-grow --vectors 1 --size 100 --reset 2 --ops 600
    assert [ "$(count often malloc)" -gt 250 ]
    counted each realloc-grow --vectors 1 --size 100 --reset 1 --ops 600
    assert_equal "$(count each malloc)" 600
    run --separate-stderr "$BENCH" realloc-grow --first 1k --size 64
    assert_failure 2
    assert_equal "$stderr" "ashlar-bench: realloc-grow: --first 1024 exceeds --size 64; give a smaller one"
}

@test "a realloc that loses the end of what it moves is found" {
    run --separate-stderr env ASHLAR_FAULT=forget LD_PRELOAD="$FAULT_SHIM" \
        "$BENCH" realloc-grow --check --ops 2000
    assert_failure 1
    assert_equal "$(json check_failures <<<"$output")" 1
    assert_regex "$stderr" "^ashlar-bench: realloc-grow: block 0x[0-9a-f]+ of [0-9]+ bytes came back changed: its last bytes are [0-9a-f]{16} instead of [0-9a-f]{16}\$"
    run env ASHLAR_FAULT=forget LD_PRELOAD="$FAULT_SHIM" "$BENCH" realloc-grow --ops 2000
    assert_success
}

@test "aligned-mix goes through its doors in the stated shares" {
    counted run aligned-mix --ops 60000 --slots 500
    for share in malloc:40 posix_memalign:40 aligned_alloc:10 calloc:10; do
        local permille=$(($(count run "${share%:*}") * 1000 / 60000))
        assert [ "$permille" -gt $((${share#*:} * 10 - 15)) ]
        assert [ "$permille" -lt $((${share#*:} * 10 + 15)) ]
    done
}

@test "a block that is not aligned is found" {
    run --separate-stderr env ASHLAR_FAULT=skew LD_PRELOAD="$FAULT_SHIM" \
        "$BENCH" aligned-mix --check --ops 2000
    assert_failure 1
    assert_equal "$(json check_failures <<<"$output")" 1
    assert_regex "$stderr" "^ashlar-bench: aligned-mix: (posix_memalign|aligned_alloc) gave block 0x[0-9a-f]+8 of [0-9]+ bytes, which is no multiple of [0-9]+\$"
    run env ASHLAR_FAULT=skew LD_PRELOAD="$FAULT_SHIM" "$BENCH" aligned-mix --ops 2000
    assert_success
}

@test "trees are built from the top down and freed in post-order, beside one that stays" {
    # The order in which a depth of 6 with 1000 blocks frees them, written down from the description.
    expected=$("$PYTHON" - <<'PY'
def nodes(depth): return 2 ** (depth + 1) - 1
def build(depth):
    global left, number
    left -= 1
    number += 1
    node = [number]
    for _ in range(2):
        if depth > 0 and left > 0:
            node.append(build(depth - 1))
    return node
def destroy(node):
    global chained
    for child in node[1:]:
        destroy(child)
    chained = (chained ^ node[0]) * 0x100000001B3 % 2**64
number = chained = 0
left = 1000
whole = {d: 2 ** (6 - d + 4) * nodes(d) for d in (4, 6)}
long_lived = build(6)
rest = left
first = rest * whole[4] // sum(whole.values())
for depth, share in ((4, first), (6, rest - first)):
    left = share
    while left > 0:
        destroy(build(depth))
destroy(long_lived)
print(chained)
PY
)
    counted run trees --depth 6 --ops 1000
    assert_equal "$(count run frees_order)" "$expected"
    assert_equal "$(count run malloc)" 1000
}

@test "trees by default are the published ones: complete, as many as stated" {
    # 2^9 - 1 that stay; 2^8 trees of depth 4, 2^6 of depth 6, 2^4 of depth 8.
    run "$BENCH" trees --depth 8 --describe
    assert_equal "$(json ops <<<"$output")" $((511 + 256 * 31 + 64 * 127 + 16 * 511))
    counted run trees --depth 8
    assert_equal "$(count run malloc)" $((511 + 256 * 31 + 64 * 127 + 16 * 511))
    assert_equal "$(count run peak_bytes)" $((2 * 511 * 32))
}
