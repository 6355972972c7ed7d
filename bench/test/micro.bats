#!/usr/bin/env bats
# ashlar-micro: its benchmarks, its JSON, and that it really calls the allocator.

load helper

DOOR_SHIM="$BUILD/bench/test/door_shim.so"

@test "it lists its benchmarks" {
    run --separate-stderr "$MICRO" --benchmark_list_tests
    assert_success
    for name in BM_malloc_free/8 BM_malloc_free/64 BM_malloc_free/65536 \
        BM_malloc_free_mt/64/real_time/threads:2 BM_stack/64/1000 BM_calloc/1024 \
        BM_realloc_growth/1048576 BM_posix_memalign/64/1024; do
        assert_line "$name"
    done
}

@test "its JSON has the keys of Google Benchmark and stderr the resident peak" {
    run --separate-stderr "$MICRO" --benchmark_filter='^BM_malloc_free/64$' \
        --benchmark_min_time=0.01 --benchmark_out="$BATS_TEST_TMPDIR/out.json" \
        --benchmark_out_format=json
    assert_success
    assert_regex "$stderr" $'(^|\n)vmhwm_kib [0-9]+$'
    "$PYTHON" - "$BATS_TEST_TMPDIR/out.json" <<'PY'
import json, sys
document = json.load(open(sys.argv[1]))
assert "num_cpus" in document["context"]
(b,) = document["benchmarks"]
for key in ("name", "run_name", "run_type", "family_index", "per_family_instance_index",
            "repetitions", "repetition_index", "threads", "iterations", "real_time", "cpu_time",
            "time_unit"):
    assert key in b, key
assert b["name"] == "BM_malloc_free/64" and b["run_type"] == "iteration"
assert b["iterations"] > 0 and 0 < b["real_time"] < 1e6 and b["time_unit"] == "ns"
PY
}

@test "compare.py of Google Benchmark reads it" {
    [ -f /usr/share/benchmark/compare.py ] || skip "libbenchmark-tools is not installed"
    for side in one two; do
        "$MICRO" --benchmark_filter='^BM_calloc/64$' --benchmark_min_time=0.01 \
            --benchmark_out="$BATS_TEST_TMPDIR/$side.json" --benchmark_out_format=json \
            >/dev/null 2>&1
    done
    run "$PYTHON" /usr/share/benchmark/compare.py benchmarks "$BATS_TEST_TMPDIR/one.json" \
        "$BATS_TEST_TMPDIR/two.json"
    assert_success
    assert_output --partial BM_calloc/64
}

# calls FILTER KEY: calls of an entry point, by the counting shim, for 1001 iterations minus those
# for one: what start-up calls falls out.
calls() {
    local many one
    many=$(calls_of "$1" "$2" 1001)
    one=$(calls_of "$1" "$2" 1)
    echo $((many - one))
}

calls_of() {
    ASHLAR_COUNT_FILE="$BATS_TEST_TMPDIR/micro.count" LD_PRELOAD="$COUNT_SHIM" \
        "$MICRO" --benchmark_filter="$1" --iterations="$3" >/dev/null 2>&1
    count micro "$2"
}

# Google Benchmark itself allocates for its report, a few times more or less.
assert_near() {
    local off=$(($1 - $2))
    assert [ "${off#-}" -le 40 ]
}

@test "the optimiser drops no operation" {
    assert_near "$(calls '^BM_malloc_free/64/' malloc)" 1000
    assert_near "$(calls '^BM_malloc_free/64/' free)" 1000
    assert_near "$(calls '^BM_malloc_free_mt/64/.*threads:2$' malloc)" 2000
    assert_near "$(calls '^BM_stack/64/10/' malloc)" 10000
    assert_near "$(calls '^BM_calloc/1024/' calloc)" 1000
    assert_near "$(calls '^BM_posix_memalign/64/1024/' posix_memalign)" 1000
    # 16, 24, 36, 54, 81, 121, 181, 271, 406, 609, 913
    assert_near "$(calls '^BM_realloc_growth/1024/' realloc)" 11000
}

# entry_points: every entry point of C and C++ that allocates or frees, one a line. The operators come from
# libstdc++ itself, which exports all that there are.
entry_points() {
    printf '%s\n' malloc calloc realloc reallocarray free posix_memalign aligned_alloc memalign valloc \
        pvalloc malloc_usable_size free_sized free_aligned_sized
    nm -D --defined-only "$(ldd "$MICRO" | awk '/libstdc\+\+/{print $3}')" |
        sed -nE 's/.* (_Z(nw|na|dl|da)[^@]*).*/\1/p'
}

@test "every entry point of C and C++ has a row" {
    "$MICRO" --describe | grep -oE '"calls":\[[^]]*' | grep -oE '"[a-z_A-Z0-9]+"' | grep -v calls |
        tr -d '"' | sort -u >"$BATS_TEST_TMPDIR/called"
    entry_points | sort -u >"$BATS_TEST_TMPDIR/all"
    assert [ "$(wc -l <"$BATS_TEST_TMPDIR/all")" -ge 33 ]
    run comm -3 "$BATS_TEST_TMPDIR/all" "$BATS_TEST_TMPDIR/called"
    assert_output ""
}

# doors_of FAMILY ITERATIONS FILE: runs the first row of a family and leaves the calls of each door.
doors_of() {
    ASHLAR_COUNT_FILE="$3" LD_PRELOAD="$DOOR_SHIM" "$MICRO" --benchmark_format=json \
        --benchmark_filter="^$1/[0-9]" --iterations="$2" >/dev/null 2>&1
}

# calls_each FILE: whether every call that the rows of FILE (of --describe) list was made once an iteration at
# least; names those that were not.
calls_each() {
    "$PYTHON" - "$1" "$BATS_TEST_TMPDIR" <<'PY'
import json, sys
read = lambda path: dict(line.split() for line in open(path))
for row in map(json.loads, open(sys.argv[1])):
    many, few = (read(f"{sys.argv[2]}/{row['name']}.{n}") for n in (501, 1))
    for call in row["calls"]:
        if int(many[call]) - int(few[call]) < 450:
            print(row["name"], call, many[call], few[call])
PY
}

@test "each row calls the entry points that it lists, once an iteration or more" {
    "$MICRO" --describe >"$BATS_TEST_TMPDIR/rows"
    local family
    while read -r family; do
        doors_of "$family" 501 "$BATS_TEST_TMPDIR/$family.501"
        doors_of "$family" 1 "$BATS_TEST_TMPDIR/$family.1"
    done < <("$PYTHON" -c 'import json, sys
for line in sys.stdin: print(json.loads(line)["name"])' <"$BATS_TEST_TMPDIR/rows")
    run calls_each "$BATS_TEST_TMPDIR/rows"
    assert_success
    assert_output ""
    # control: a call that no row makes is noticed
    sed 's/"calls":\["valloc"/"calls":["pvalloc"/' "$BATS_TEST_TMPDIR/rows" >"$BATS_TEST_TMPDIR/wrong"
    run calls_each "$BATS_TEST_TMPDIR/wrong"
    assert_output --regexp '^BM_valloc pvalloc 0 0$'
}

@test "an entry point that nobody exports is said, not passed over" {
    run "$MICRO" --benchmark_filter='^BM_free_sized/64$' --benchmark_min_time=0.001
    assert_output --partial "no loaded library exports free_sized"
    run env LD_PRELOAD="$BUILD/libashlar.so" "$MICRO" --benchmark_filter='^BM_free_sized/64$' \
        --benchmark_min_time=0.001
    refute_output --partial "no loaded library exports"
}

@test "--describe tells what an allocator must define for a row" {
    run "$MICRO" --describe=BM_free_sized/64
    assert_output '{"name":"BM_free_sized","entry_points":["malloc","free_sized"],"calls":["malloc","free_sized"]}'
    run "$MICRO" --describe=BM_new/64
    assert_output --partial '"entry_points":["malloc","free"]'
    run --separate-stderr "$MICRO" --describe=BM_nosuch/64
    assert_failure 2
    assert_equal "$stderr" "ashlar-micro: no benchmark is called 'BM_nosuch/64'; --describe lists all"
}

@test "the rows of the suite micro exist, and call every entry point" {
    local rows="$BATS_TEST_TMPDIR/rows" row
    "$MICRO" --benchmark_list_tests >"$rows" 2>/dev/null
    while read -r row; do
        grep -Fxq "$row" "$rows" || fail "no benchmark $row"
    done < <(sed -n 's/^micro = //p' "$ROOT/harness/suites/micro.ini")
    "$MICRO" --describe | grep -oE '"calls":\[[^]]*' | grep -oE '"[a-z_A-Z0-9]+"' | sort -u >"$BATS_TEST_TMPDIR/all"
    while read -r row; do
        "$MICRO" --describe="$row"
    done < <(sed -n 's/^micro = //p' "$ROOT/harness/suites/micro.ini") |
        grep -oE '"calls":\[[^]]*' | grep -oE '"[a-z_A-Z0-9]+"' | sort -u >"$BATS_TEST_TMPDIR/suite"
    run diff "$BATS_TEST_TMPDIR/all" "$BATS_TEST_TMPDIR/suite"
    assert_output ""
}

@test "wrong arguments end with code 2 and one line" {
    run --separate-stderr "$MICRO" --iterations=many
    assert_failure 2
    assert_equal "$stderr" "ashlar-micro: --iterations 'many' is not a whole number above 0; give digits only"
    run --separate-stderr "$MICRO" --bogus
    assert_failure 2
    assert_equal "$stderr" "ashlar-micro: unknown argument '--bogus'; --help lists Google Benchmark's flags"
    run --separate-stderr "$MICRO" --benchmark_filter=nothing
    assert_failure 2
    assert_regex "$stderr" "ashlar-micro: no benchmark has such a name; --benchmark_list_tests names all\$"
}
