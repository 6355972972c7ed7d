#!/usr/bin/env bats
# The command line of ashlar-bench: its errors, its help, its JSON.

load helper

# usage_error LINE ARGS...: ARGS end with code 2, nothing on standard output, and exactly LINE.
usage_error() {
    local line="$1"
    shift
    run --separate-stderr "$BENCH" "$@"
    assert_failure 2
    assert_equal "$output" ""
    assert_equal "$stderr" "ashlar-bench: $line"
}

@test "no workload, an unknown one, an option in its place" {
    usage_error "no workload given; 'ashlar-bench --list' names them, 'ashlar-bench --help' explains"
    local names
    names=$(printf ', %s' "${WORKLOADS[@]}")
    usage_error "unknown workload 'larsen'; choose one of ${names:2}" larsen
    usage_error "unknown option '--threads' before a workload; write ashlar-bench WORKLOAD [OPTION]..., or --list, or --help" --threads 2
}

@test "unknown options, stray arguments, missing and superfluous values" {
    usage_error "stack: unknown option '--slots'; 'ashlar-bench stack --help' lists the options" stack --slots 5
    usage_error "stack: unknown option '--'; 'ashlar-bench stack --help' lists the options" stack --=5
    usage_error "stack: unexpected argument '7'; options start with --" stack 7
    usage_error "stack: unexpected argument '-t'; options start with --" stack -t
    usage_error "stack: --ops needs a value; 'ashlar-bench stack --help' shows its form" stack --ops
    usage_error "stack: --null takes no value, but '1' was given; write --null alone" stack --null=1
}

@test "values that are not numbers, sizes, ranges or known words" {
    usage_error "larson: --ops '12k' is not a whole number; give digits only, for example --ops 1" larson --ops 12k
    usage_error "larson: --seed '-1' is not a whole number; give digits only, for example --seed 1" larson --seed -1
    usage_error "larson: --seed '99999999999999999999' is not a whole number; give digits only, for example --seed 1" larson --seed 99999999999999999999
    usage_error "fastpath: --size '' is not a size; give digits and perhaps k, m or g, for example --size 64" fastpath --size=
    usage_error "fastpath: --size '64kb' is not a size; give digits and perhaps k, m or g, for example --size 64" fastpath --size 64kb
    usage_error "larson: --size '8-1000' is not a range of sizes; give A..B (B not included) or one size, for example --size 8..1000" larson --size 8-1000
    usage_error "stack: --order 'sorted' is not known; choose one of lifo, fifo, rnd" stack --order sorted
    usage_error "stack: --touch 'some' is not known; choose one of none, first, ends, page, head, full" stack --touch some
}

@test "values out of range" {
    usage_error "stack: --threads 0 is out of range; give a number from 1 to 256" stack --threads 0
    usage_error "stack: --threads 257 is out of range; give a number from 1 to 256" stack --threads 257
    usage_error "stack: --ops 0 is out of range; give a number from 1 to 1099511627776" stack --ops 0
    usage_error "stack: --size 9..9 is out of range; give A..B with 1 <= A < B <= 65537" stack --size 9..9
    usage_error "stack: --size 0..9 is out of range; give A..B with 1 <= A < B <= 65537" stack --size 0..9
}

@test "options that contradict each other" {
    usage_error "stack: --depth 100 does not fit --order rnd; give a power of two" stack --order rnd --depth 100
    usage_error "xmalloc-test: --threads 3 does not fit; give a multiple of 2" xmalloc-test --threads 3
    usage_error "larson: --sized needs free_sized, which no loaded library exports; preload an allocator that has it, or drop --sized" larson --sized
    usage_error "cache-thrash: --passes 3 leaves none for each of 4 threads; give 4 or more" cache-thrash --passes 3 --threads 4
    usage_error "malloc-large: --slots does not fit --mode batch128, whose sizes are fixed; drop one of them" malloc-large --mode batch128 --slots 3
    usage_error "malloc-large: --size does not fit --mode pair800k, whose sizes are fixed; drop one of them" malloc-large --mode pair800k --size 1m
    usage_error "frag: --freed does not fit --mode aging; it belongs to --mode sawtooth" frag --mode aging --freed 50
    usage_error "frag: --peak is 2047 bytes for each of 33 threads, too few for --mode doubling; give them 2048 or more" frag --mode doubling --peak 67583 --threads 33
    usage_error "larson: --check cannot hold with --null, whose blocks overlap; drop one of them" larson --check --null
}

@test "presets: unknown, of a workload without any, and what they set" {
    usage_error "larson: unknown preset 'ptmalloc'; choose one of mimalloc-bench, hoard" larson --preset ptmalloc
    usage_error "stack: unknown preset 'hoard'; choose one of glibc" stack --preset hoard
    usage_error "blowup: unknown preset 'hoard'; this workload has none, give its options instead" blowup --preset hoard
    run "$BENCH" larson --describe --preset mimalloc-bench
    assert_equal "$(json params <<<"$output")" "size=8..1000,slots=5000,generations=20,sized=0,touch=ends"
    assert_equal "$(json seed <<<"$output")" 4141
    # 100 rounds over 5000 slots, 20 generations, 2 threads.
    assert_equal "$(json ops <<<"$output")" 20000000
}

@test "every preset is accepted by its workload, with the blocks that its source states" {
    described() { "$BENCH" "$1" --preset "$2" --threads 4 --describe | json "$3"; }
    # shellcheck disable=SC2016
    "$PYTHON" -c '
import json, subprocess, sys
for line in subprocess.check_output([sys.argv[1], "--list"], text=True).splitlines():
    workload = json.loads(line)
    for preset in workload["presets"]:
        subprocess.check_call([sys.argv[1], workload["name"], "--preset", preset["name"],
                               "--describe"], stdout=subprocess.DEVNULL)
' "$BENCH"
    assert_equal "$(described threadtest hoard ops)" 10000000
    assert_equal "$(described threadtest hoard params)" "size=8,objects=10000,work=0,touch=full"
    assert_equal "$(described linux-scalability hoard params)" "size=8,keep=0,touch=none"
    assert_equal "$(described glibc-thread glibc params)" "size=4..32768,slots=1024,touch=none"
    assert_equal "$(described alloc-test mimalloc-bench params)" "slots=262144,maxexp=10,touch=full"
    assert_equal "$(described cache-thrash mimalloc-bench ops)" 4000
    assert_equal "$(described cache-thrash mimalloc-bench params)" "size=1,passes=2000000,touch=none"
    assert_equal "$(described stack glibc params)" "order=fifo,depth=400,size=16,age=0,touch=none"
    assert_equal "$(described malloc-large snmalloc ops)" 100000
    assert_equal "$(described malloc-large snmalloc-batch ops)" 99968
    assert_equal "$(described frag largesmall ops)" 3355500
    assert_equal "$(described cache-scratch hoard ops)" 400
    assert_equal "$(described cache-scratch hoard params)" "size=8,passes=1000000,touch=none"
}

@test "an option typed beats the preset, wherever the preset stands" {
    for words in "--slots 7 --preset hoard" "--preset hoard --slots 7"; do
        # shellcheck disable=SC2086
        run "$BENCH" larson --describe $words
        assert_equal "$(json params <<<"$output")" "size=7,slots=7,generations=2,sized=0,touch=ends"
    done
}

@test "a size in k, m, g and a range of one size are the same key as in bytes" {
    run "$BENCH" malloc-large --describe --size=1m..2m
    assert_equal "$(json params <<<"$output")" "mode=random,size=1048576..2097152,slots=10,touch=page"
    run "$BENCH" stack --describe --size 64..65
    one="$output"
    run "$BENCH" stack --describe --size 64
    assert_equal "$output" "$one"
}

@test "ASHLAR_PHASE_FD that is no number" {
    export ASHLAR_PHASE_FD=three
    usage_error "ASHLAR_PHASE_FD is not a number; set it to an open descriptor, such as 3, or unset it" stack
}

@test "a result that cannot be written is an error" {
    run --separate-stderr bash -c '"$0" stack --ops 100 >/dev/full' "$BENCH"
    assert_failure 1
    assert_equal "$stderr" "ashlar-bench: cannot write the result to descriptor 1 (errno 28); give it a place"
}

@test "help of the binary names every workload, help of a workload every option" {
    run "$BENCH" --help
    assert_success
    for workload in "${WORKLOADS[@]}"; do
        assert_line --regexp "^  $workload +[a-z]"
    done
    run "$BENCH" larson --ops 5 --help
    assert_success
    for option in size slots generations rounds sized threads ops seed preset null check layout touch \
        idle-ms describe; do
        assert_line --regexp "^  --$option( |\$)"
    done
    assert_line --regexp "^  hoard: "
}

@test "--list is one line of JSON a workload, with what a runner needs" {
    run "$BENCH" --list
    assert_success
    assert_equal "${#lines[@]}" "${#WORKLOADS[@]}"
    "$PYTHON" - "${lines[@]}" <<'PY'
import json, sys
for line in sys.argv[1:]:
    w = json.loads(line)
    for key in ("imitates", "source", "options", "entry_points", "presets", "cells"):
        assert key in w, (w["name"], key)
    assert "free" in w["entry_points"] and len(w["entry_points"]) > 1, w["entry_points"]
    assert w["threads_default"] in (1, 2, 8) and w["ops_default"] > 0 and w["cells"]
    assert all(o["name"] and o["help"] for o in w["options"] + w["common_options"])
PY
}

@test "every cell and every preset of --list is accepted" {
    "$BENCH" --list | "$PYTHON" -c '
import json, subprocess, sys
for line in sys.stdin:
    w = json.loads(line)
    words = w["cells"] + ["--preset " + p["name"] for p in w["presets"]]
    for args in words:
        subprocess.run([sys.argv[1], w["name"], "--describe", *args.split()], check=True,
                       stdout=subprocess.DEVNULL)
' "$BENCH"
}

@test "the result is one line of JSON with the keys of its schema" {
    for workload in "${WORKLOADS[@]}"; do
        # shellcheck disable=SC2046
        run "$BENCH" "$workload" $(small "$workload") --threads 4 --seed 5
        assert_success
        assert_equal "${#lines[@]}" 1
        "$PYTHON" - "$workload" "$output" <<'PY'
import json, sys
r = json.loads(sys.argv[2])
assert r["schema"] == "ashlar-bench-1" and r["workload"] == sys.argv[1]
assert r["threads"] == 4 and len(r["thread_ns"]) == 4 and r["seed"] == 5
assert 0 < max(r["thread_ns"]) <= r["elapsed_ns"] < 20e9
assert r["straggler"] >= 1 and r["vmhwm_kib"] > 500 and r["live_peak_bytes"] > 0
assert r["null"] is False and r["check"] is False and r["check_failures"] == 0
assert "threads" not in r["params"] and "touch=" + r["touched"] in r["params"]
PY
    done
}

@test "the timed part is neither the process nor nothing" {
    run "$BENCH" fastpath --ops 1000000 --idle-ms 300
    one=$(json elapsed_ns <<<"$output")
    assert [ "$one" -lt 300000000 ]
    assert [ "$one" -gt 1000000 ]
}

@test "--touch decides what becomes resident" {
    for policy in none first page full; do
        run "$BENCH" malloc-large --ops 20 --size 20m --slots 4 --touch "$policy"
        eval "$policy=$(json vmhwm_kib <<<"$output")"
    done
    # Four blocks of 20 MiB are 80 MiB when every page is touched, and next to nothing otherwise.
    # shellcheck disable=SC2154
    assert [ "$none" -lt 8000 ]
    # shellcheck disable=SC2154
    assert [ "$first" -lt 8000 ]
    # shellcheck disable=SC2154
    assert [ "$page" -gt 60000 ]
    # shellcheck disable=SC2154
    assert [ "$full" -gt 60000 ]
}

@test "a null run has next to no payload resident" {
    for workload in malloc-large frag realloc-grow; do
        run "$BENCH" "$workload" --null
        assert [ "$(json vmhwm_kib <<<"$output")" -lt 8000 ]
        assert [ "$(json live_peak_bytes <<<"$output")" -gt 60000000 ]
    done
}

@test "VmHWM is the process's own peak, not what its parent had" {
    run "$PYTHON" -c '
import subprocess, sys
fat = bytearray(300 << 20)
for at in range(0, len(fat), 4096): fat[at] = 1
print(subprocess.run([sys.argv[1], "fastpath", "--ops", "1000"], check=True, capture_output=True,
                     text=True).stdout)' "$BENCH"
    assert_success
    assert [ "$(json vmhwm_kib <<<"$output")" -lt 8000 ]
}
