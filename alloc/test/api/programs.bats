#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# Whole programs: start-up and shut-down, dlopen, static links, determinism; and the control of the
# api tests, which is the C library's own malloc.

setup() {
    load /usr/lib/bats/bats-support/load.bash
    load /usr/lib/bats/bats-assert/load.bash
    build="${ASHLAR_BUILD:-$BATS_TEST_DIRNAME/../../../build}"
    bin="$build/test/api"
}

@test "blocks of a resolver, of constructors, of main and of exit outlive their stage" {
    run env ASHLAR_CONF=stats_print:true "$bin/early"
    assert_success
    assert_line 'all stages passed'
    assert_line 'at exit'
    assert_line --regexp '^ashlar: mallocs=[1-9]'
}

@test "the same in a static program" {
    run "$bin/early_static"
    assert_success
    assert_line 'all stages passed'
}

@test "the same on the C library (control)" {
    run "$bin/early_libc"
    assert_success
    assert_line 'all stages passed'
    refute_output --partial ashlar
}

@test "a static program runs on libashlar.a, the C library's own blocks included" {
    run "$bin/static_program"
    assert_success
    assert_output '100 lines, our malloc ran, heap holds'
    run readelf -lW "$bin/static_program"
    assert_success
    refute_output --partial INTERP
}

@test "dlopen of libashlar.so works, with threads older and younger than it, and a fork" {
    run "$bin/loaded" "$build/libashlar.so"
    assert_success
    assert_output 'mallocs 900, failures 0, child 0, heap holds'
}

@test "dlopen of what is no library fails (control)" {
    run "$bin/loaded" "$bin/loaded.d"
    assert_failure 1
    assert_output --partial 'invalid ELF header'
}

@test "the same operations give the same offsets, whatever the addresses" {
    "$bin/replay" 7 >"$BATS_TEST_TMPDIR/first"
    padding="$(head -c 100000 /dev/zero | tr '\0' x)"
    for run in 1 2 3; do
        PADDING="${padding:0:run * 30000}" "$bin/replay" 7 >"$BATS_TEST_TMPDIR/again"
        cmp "$BATS_TEST_TMPDIR/first" "$BATS_TEST_TMPDIR/again"
    done
    (cd / && exec setarch -R "$bin/replay" 7) >"$BATS_TEST_TMPDIR/again"
    cmp "$BATS_TEST_TMPDIR/first" "$BATS_TEST_TMPDIR/again"
    grep -q '^offsets [0-9a-f]\{16\}$' "$BATS_TEST_TMPDIR/first"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/first")" -gt 17 ]
}

@test "other operations give other offsets (control)" {
    "$bin/replay" 7 >"$BATS_TEST_TMPDIR/first"
    "$bin/replay" 8 >"$BATS_TEST_TMPDIR/second"
    run ! cmp -s "$BATS_TEST_TMPDIR/first" "$BATS_TEST_TMPDIR/second"
}

@test "the api tests pass on the C library where it makes the same promise (control)" {
    export CMOCKA_MESSAGE_OUTPUT=TAP
    for name in errno_rules sizes contents threads no_memory mallinfo; do
        run "$bin/${name}_libc"
        assert_success
        assert_line --regexp '^ok [0-9]+ - '
    done
}
