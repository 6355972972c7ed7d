# .ci/run: whatever `make check` does, the last line is the count and the exit status is its own.

bats_require_minimum_version 1.5.0

load /usr/lib/bats/bats-support/load
load /usr/lib/bats/bats-assert/load

# run_with SCRIPT: .ci/run, with a make that does what SCRIPT says.
run_with() {
    mkdir -p "$BATS_TEST_TMPDIR/bin"
    printf '#!/bin/bash\n%s\n' "$1" >"$BATS_TEST_TMPDIR/bin/make"
    chmod +x "$BATS_TEST_TMPDIR/bin/make"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH run "$ASHLAR_ROOT/.ci/run"
}

@test "a check that passes: everything is printed, the count comes last" {
    run_with 'echo "told: $*"; echo "12 passed, 0 failed, 1 skipped"'
    assert_success
    assert_line --index 0 'told: check'
    assert_equal "${lines[-1]}" '12 passed, 0 failed, 1 skipped'
    assert_equal ${#lines[@]} 2
}

@test "it says that it is an automatic check, and gives no input" {
    run_with 'read -r line && exit 9; echo "CI=$CI"; echo "1 passed, 0 failed, 0 skipped"'
    assert_success
    assert_line 'CI=true'
}

@test "control: a failed check keeps its status, and the count comes after the last word of make" {
    run_with 'echo "3 passed, 2 failed, 0 skipped"; echo "make: *** [check] Error 1" >&2; exit 2'
    assert_failure 2
    assert_equal "${lines[-1]}" '3 passed, 2 failed, 0 skipped'
    assert_line 'make: *** [check] Error 1'
}

@test "control: a build that fails before any test counts as one failure" {
    run_with 'echo "x.c:1: error: no" >&2; exit 2'
    assert_failure 2
    assert_equal "${lines[-1]}" '0 passed, 1 failed, 0 skipped'
}

@test "control: a check that says nothing at all does not pass" {
    run_with 'exit 0'
    assert_failure 1
    assert_equal "${lines[-1]}" '0 passed, 1 failed, 0 skipped'
}
