#!/usr/bin/env bats
# ashlar-micro: its benchmarks, its JSON, and that it really calls the allocator.

load helper

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
