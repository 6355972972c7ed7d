#!/usr/bin/env bats
# Every scenario, briefly, on the library; its control on the C library; and the command itself.
bats_require_minimum_version 1.5.0

setup() {
    load /usr/lib/bats/bats-support/load.bash
    load /usr/lib/bats/bats-assert/load.bash
    build="${ASHLAR_BUILD:-$BATS_TEST_DIRNAME/../../build}"
    stress="$build/ashlar-stress"
    # A soak sets a longer time; the seed is fixed here so that a failure is one of the code.
    secs="${ASHLAR_STRESS_SECS:-3}"
    export TMPDIR="$BATS_TEST_TMPDIR"
}

passes() {
    run "$stress" "$@" --seed 1
    assert_success
    assert_line --regexp '^PASS: .*: [1-9][0-9]* operations'
}

@test "oracle: four threads" {
    passes oracle --secs "$secs"
}

@test "oracle: one thread, every byte tagged" {
    ASHLAR_CONF=thp:never passes oracle --threads 1 --ops 10000 --full
}

@test "oracle: without a thread cache, one arena, pages given back at once" {
    ASHLAR_CONF=tcache:false passes oracle --secs 1
    ASHLAR_CONF=narenas:1 passes oracle --secs 1
    ASHLAR_CONF=dirty_decay_ms:0 passes oracle --secs 1
    ASHLAR_CONF=thp:never passes oracle --secs 1
}

@test "oracle: with sampling, where blocks are promoted" {
    ASHLAR_CONF=prof:true,lg_prof_sample:12 passes oracle --secs 1
}

@test "boundary" {
    passes boundary
}

@test "remote" {
    passes remote --secs "$secs"
}

@test "threadchurn" {
    passes threadchurn --secs "$secs"
}

@test "rlimit-as" {
    passes rlimit-as
}

# Huge pages make each first touch in a child clear 2 MiB: much time, and nothing new.
@test "forkstorm: 1000 forks" {
    ASHLAR_CONF=thp:never passes forkstorm
    assert_line '1000 forks'
}

@test "forkstorm: with huge pages, one arena, without caches" {
    passes forkstorm --ops 40
    ASHLAR_CONF=narenas:1,thp:never passes forkstorm --ops 40
    ASHLAR_CONF=tcache:false,thp:never passes forkstorm --ops 40
}

@test "forkstorm: stdio and threads take the library's blocks too" {
    export ASHLAR_CONF=thp:never
    LD_PRELOAD="$build/libashlar.so" passes forkstorm --allocator preload --ops 100
    assert_line '100 forks'
}

@test "oom-nth: small blocks" {
    passes oom-nth --variant small
}

@test "oom-nth: large and huge blocks" {
    passes oom-nth --variant large
}

@test "oom-nth: threads" {
    passes oom-nth --variant threads
}

@test "sampling" {
    for seed in 1 2 3; do
        run "$stress" sampling --seed "$seed"
        assert_success
        assert_line --regexp '^bytes: error'
    done
}

@test "the scenarios pass on the C library (control)" {
    for scenario in 'oracle --secs 1' 'boundary' 'remote --secs 1' 'threadchurn --secs 1' \
        'rlimit-as' 'forkstorm --variant main --ops 60' 'forkstorm --variant worker --ops 60'; do
        # shellcheck disable=SC2086
        run "$stress" $scenario --allocator glibc --seed 1
        assert_success
        assert_line --partial 'allocator glibc'
    done
}

@test "what the C library does not promise is seen to fail there: a fork in a handler (control)" {
    run "$stress" forkstorm --variant bare --ops 300 --allocator glibc --seed 1
    assert_equal "$status" 1
    assert_line --regexp '^FAIL: forkstorm: variant bare: child [0-9]+ hangs'
    assert_line --regexp '^REPRO: .*forkstorm --variant bare --allocator glibc --seed 1 --ops [0-9]+'
}

@test "scenarios about the library itself are skipped on others, with the reason" {
    for scenario in oom-nth sampling; do
        run "$stress" "$scenario" --allocator glibc
        assert_equal "$status" 77
        assert_line --regexp "^SKIP: $scenario: "
    done
}

@test "one thread and one seed: the same places, whatever the addresses; another seed: others" {
    export ASHLAR_CONF=thp:never
    run "$stress" oracle --threads 1 --ops 8000 --seed 5
    assert_success
    assert_line --index 1 --regexp '^digest of all places: [0-9a-f]{16}$'
    first="${lines[1]}"
    run setarch -R "$stress" oracle --threads 1 --ops 8000 --seed 5
    assert_success
    assert_equal "${lines[1]}" "$first"
    run "$stress" oracle --threads 1 --ops 8000 --seed 6
    assert_success
    refute_line "$first"
}

@test "--list and --help name every scenario" {
    run "$stress" --list
    assert_success
    assert_equal "${#lines[@]}" 8
    names="$(cut -f1 <<<"$output")"
    run "$stress" --help
    assert_success
    for name in $names; do assert_output --partial "  $name "; done
    assert_output --partial 'exit status: 0 pass'
}

@test "bad input gets one line that names it and the remedy, and status 2" {
    bad() {
        run --separate-stderr "$stress" "$@"
        assert_equal "$status" 2
        assert_equal "${#stderr_lines[@]}" 1
        [[ "${stderr_lines[0]}" == "ashlar-stress: "*"$expected"* ]] ||
            fail "got: ${stderr_lines[0]}"
    }
    expected='no scenario named' bad
    expected='unknown scenario "orakel" (ashlar-stress --list' bad orakel
    expected='unknown option "--sed"' bad oracle --sed 1
    expected='bad --seed "x"' bad oracle --seed x
    expected='bad --seed "-1"' bad oracle --seed -1
    expected='bad --secs "0"' bad oracle --secs 0
    expected='bad --ops "0"' bad oracle --ops 0
    expected='bad --threads "33" (a number from 1 to 32)' bad oracle --threads 33
    expected='unknown allocator "hoard" (ashlar, glibc or preload)' bad oracle --allocator hoard
    expected='LD_PRELOAD=LIBRARY' bad oracle --allocator preload
    expected='unknown variant "x" (main|worker|signal|bare)' bad forkstorm --variant x
    expected='no variants, but --variant "x"' bad oracle --variant x
    expected='unexpected argument "more"' bad oracle more
    expected='"--secs"' bad oracle --secs
    export ASHLAR_STRESS_FAULT=every
    expected='needs a form nth:N' bad oom-nth --variant small
    unset ASHLAR_STRESS_FAULT
}

@test "a preloaded library under the name of the control is refused" {
    LD_PRELOAD="$build/libashlar.so" run "$stress" oracle --allocator glibc
    assert_equal "$status" 2
    assert_output --partial 'name it as --allocator preload'
}
