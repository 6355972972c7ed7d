# The driver of `make check`: what it counts, and that nothing which goes wrong looks like a pass.

bats_require_minimum_version 1.5.0

load /usr/lib/bats/bats-support/load
load /usr/lib/bats/bats-assert/load

setup() {
    export ASHLAR_BUILD=$BATS_TEST_TMPDIR/build
    check=$ASHLAR_ROOT/ci/check.sh
    unset ONLY
}

# program NAME: makes an executable test out of the script on stdin.
program() {
    mkdir -p "$ASHLAR_BUILD"
    { echo '#!/bin/bash' && cat; } >"$ASHLAR_BUILD/$1"
    chmod +x "$ASHLAR_BUILD/$1"
}

# last LINE: the last line of the run is exactly LINE.
last() {
    assert_equal "${lines[-1]}" "$1"
}

@test "passes, failures and skips of several files are summed" {
    program one <<<'echo 1..2; echo ok 1 - a; echo ok 2 - b'
    program two <<<'echo 1..3; echo ok 1 - a; echo not ok 2 - b; echo "# because"; echo "ok 3 c # skip no disk"; exit 1'
    run "$check" "$ASHLAR_BUILD/one" "$ASHLAR_BUILD/two"
    assert_failure 1
    last '3 passed, 1 failed, 1 skipped'
    assert_line --regexp '^\[./2\] ok +one +2 passed +0 failed +0 skipped +[0-9.]+ s$'
    assert_line --regexp '^\[./2\] FAILED two '
    assert_line '    # because'
    assert_line '    two: c: no disk'
}

@test "all passing is exit status 0" {
    program one <<<'echo 1..1; echo ok 1 - a'
    run "$check" "$ASHLAR_BUILD/one"
    assert_success
    last '1 passed, 0 failed, 0 skipped'
}

@test "a .bats file is run by bats" {
    mkdir -p "$ASHLAR_BUILD"
    printf '%s\n' '@test "good" { true; }' '@test "bad" { false; }' \
        '@test "not here" { skip "no tape drive"; }' >"$ASHLAR_BUILD/t.bats"
    run "$check" "$ASHLAR_BUILD/t.bats"
    assert_failure 1
    last '1 passed, 1 failed, 1 skipped'
    assert_line '    t.bats: not here: no tape drive'
}

@test "skips in cmocka's words are skips, with the reason from the comment before them" {
    program one <<<'echo 1..2; echo "# SKIP no huge pages"; echo "not ok 1 # SKIP test_huge"; echo "not ok 2 # SKIP test_two"'
    run "$check" "$ASHLAR_BUILD/one"
    assert_success
    last '0 passed, 0 failed, 2 skipped'
    assert_line '    one: test_huge: no huge pages'
    assert_line '    one: test_two: no reason given'
}

@test "a file skipped as a whole gives its reason" {
    program one <<<'echo "1..0 # SKIP no device"'
    run "$check" "$ASHLAR_BUILD/one"
    assert_success
    last '0 passed, 0 failed, 1 skipped'
    assert_line '    one: the whole file: no device'
}

@test "control: a non-zero exit without a failed test is a failure" {
    program one <<<'echo 1..1; echo ok 1 - a; echo trouble >&2; exit 3'
    run "$check" "$ASHLAR_BUILD/one"
    assert_failure 1
    last '1 passed, 1 failed, 0 skipped'
    assert_line '    --- exit status 3 without a failed test'
    assert_line '    trouble'
}

@test "control: a crash is a failure, also after results" {
    program one <<<'echo 1..2; echo ok 1 - a; kill -SEGV $$'
    run "$check" "$ASHLAR_BUILD/one"
    assert_failure 1
    last '1 passed, 1 failed, 0 skipped'
    assert_line '    --- killed by signal 11'
}

@test "control: a file that hangs is ended, with its children, and is a failure" {
    program one <<<'echo 1..1; sleep 321.5 & echo $! >"$ASHLAR_BUILD/child"; wait'
    CHECK_TIMEOUT=1 run "$check" "$ASHLAR_BUILD/one"
    assert_failure 1
    last '0 passed, 1 failed, 0 skipped'
    assert_line '    --- timed out or killed, its limit is 1 s'
    # Nobody may have collected it yet, so a zombie is dead enough.
    run ! grep -q '^State:[[:space:]]*[RSDT]' "/proc/$(cat "$ASHLAR_BUILD/child")/status"
}

@test "control: no TAP at all is a failure" {
    program one <<<'echo everything is fine'
    run "$check" "$ASHLAR_BUILD/one"
    assert_failure 1
    last '0 passed, 1 failed, 0 skipped'
    assert_line '    --- no TAP plan'
}

@test "control: a plan of no tests is a failure" {
    program one <<<'echo 1..0'
    run "$check" "$ASHLAR_BUILD/one"
    assert_failure 1
    assert_line '    --- a plan of no tests'
}

@test "control: fewer results than planned is a failure" {
    program one <<<'echo 1..3; echo ok 1 - a; echo ok 2 - b'
    run "$check" "$ASHLAR_BUILD/one"
    assert_failure 1
    last '2 passed, 1 failed, 0 skipped'
    assert_line '    --- planned 3 tests but gave 2 results'
}

@test "control: a program that was never built is a failure" {
    run "$check" "$ASHLAR_BUILD/absent"
    assert_failure 1
    last '0 passed, 1 failed, 0 skipped'
}

@test "ONLY runs the files whose names match, and says so when none does" {
    program one <<<'echo 1..1; echo ok 1 - a'
    program two <<<'echo 1..1; echo not ok 1 - a; exit 1'
    ONLY='^o' run "$check" "$ASHLAR_BUILD/one" "$ASHLAR_BUILD/two"
    assert_success
    last '1 passed, 0 failed, 0 skipped'
    ONLY=three run "$check" "$ASHLAR_BUILD/one"
    assert_failure 2
    assert_output 'check.sh: no test to run whose name matches ONLY=three'
}

@test "tests see the tree and the build, no input, and none of the caller's options" {
    program one <<<'echo 1..1; read -r x && exit 1
        [[ -x $ASHLAR_ROOT/ci/check.sh && -d $ASHLAR_BUILD && $CMOCKA_MESSAGE_OUTPUT == TAP ]] || exit 2
        [[ -z ${ASHLAR_CONF-}${MAKEFLAGS-} ]] || exit 3
        echo ok 1 - a'
    ASHLAR_CONF=tcache:false MAKEFLAGS=n run "$check" "$ASHLAR_BUILD/one" <<<'input'
    assert_success
}

@test "two files run side by side" {
    local meet='touch "$ASHLAR_BUILD/here.$me"; for i in {1..100}; do
        [[ -e $ASHLAR_BUILD/here.$other ]] && { echo 1..1; echo ok 1 - met; exit; }; sleep 0.1; done; exit 1'
    program one <<<"me=1 other=2; $meet"
    program two <<<"me=2 other=1; $meet"
    JOBS=2 run "$check" "$ASHLAR_BUILD/one" "$ASHLAR_BUILD/two"
    assert_success
    last '2 passed, 0 failed, 0 skipped'
}
