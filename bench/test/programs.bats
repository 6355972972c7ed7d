#!/usr/bin/env bats
# The drivers of real programs: what they print, where the library goes, what they refuse.

load helper

PROGRAMS=(sqlite3 python3 perl lua5.4 gcc gawk jq redis-server)

setup() {
    export ASHLAR_CACHE=$BATS_FILE_TMPDIR/cache
    DRIVERS=$BUILD/programs
    LIBRARY=$BUILD/libashlar.so
}

# Work that is enough to print something.
ops_of() {
    case $1 in gcc) echo 5 ;; redis-server) echo 300 ;; *) echo 500 ;; esac
}

driver() {
    "$DRIVERS/$1.sh" --ops "$(ops_of "$1")" "${@:2}"
}

@test "every driver is tested here" {
    assert_equal "$(cd "$DRIVERS" && echo *.sh | tr ' ' '\n' | grep -v common | sed "s/.sh$//" | sort | xargs)" \
        "$(printf '%s\n' "${PROGRAMS[@]}" | sort | xargs)"
}

@test "a run prints one result in the bench's shape, with the program's peak and its output's hash" {
    for program in "${PROGRAMS[@]}"; do
        run --separate-stderr driver "$program"
        assert_success
        assert_equal "${#lines[@]}" 1
        run jq -e --arg name "$program" '.schema == "ashlar-bench-1" and .workload == $name and
            .elapsed_ns > 0 and .vmhwm_kib > 1000 and .check_failures == 0 and (.null | not) and
            (.output_sha256 | test("^[0-9a-f]{64}$")) and .params == "ops=\(.ops)"' <<<"$output"
        assert_success
    done
}

@test "the library is in the measured program, in no other, and the output is the same" {
    for program in "${PROGRAMS[@]}"; do
        plain=$(driver "$program" | jq -r .output_sha256)
        ASHLAR_PRELOAD=$LIBRARY ASHLAR_CONF=stats_print:true run --separate-stderr driver "$program"
        assert_success
        assert_equal "$(jq -r .output_sha256 <<<"$output")" "$plain"
        # One line of figures for the program; gcc starts the compiler and the assembler.
        processes=$(grep -c '^ashlar: ' <<<"$stderr")
        case $program in gcc) ((processes >= 2)) ;; *) assert_equal "$processes" 1 ;; esac
    done
}

@test "control: without the library there is no line of figures" {
    ASHLAR_CONF=stats_print:true run --separate-stderr driver perl
    assert_success
    assert_equal "$stderr" ""
}

@test "the output depends on the amount of work" {
    for program in "${PROGRAMS[@]}"; do
        [[ $program != redis-server ]] || continue # its output is data of its own, whatever the load
        few=$(driver "$program" | jq -r .output_sha256)
        more=$("$DRIVERS/$program.sh" --ops $(($(ops_of "$program") + 1)) | jq -r .output_sha256)
        [[ $few != "$more" ]]
    done
}

@test "control: a library that adds to the output changes the hash" {
    for program in lua5.4 perl sqlite3; do
        plain=$(driver "$program" | jq -r .output_sha256)
        altered=$(ASHLAR_PRELOAD=$BUILD/harness/test/preload_altering.so driver "$program" | jq -r .output_sha256)
        [[ $plain != "$altered" ]]
    done
}

@test "the description makes the input, and a later run finds it" {
    export ASHLAR_CACHE=$BATS_TEST_TMPDIR/own
    run --separate-stderr driver jq --describe
    assert_success
    run jq -e '.schema == "ashlar-bench-describe-1" and .program == "/usr/bin/jq" and
        (.entry_points | index("realloc") != null)' <<<"$output"
    assert_success
    first=$(stat -c '%i %Y' "$ASHLAR_CACHE"/jq-500-*/documents.json)
    driver jq
    assert_equal "$(stat -c '%i %Y' "$ASHLAR_CACHE"/jq-500-*/documents.json)" "$first"
    assert_equal "$(ls -A "$ASHLAR_CACHE" | wc -l)" 1
}

@test "a missing program names its package" {
    run -2 driver sqlite3 --program /nowhere/sqlite3
    assert_output "sqlite3: there is no /nowhere/sqlite3 here; apt-get install sqlite3"
}

@test "what is asked wrongly is refused" {
    run -2 "$DRIVERS/perl.sh"
    assert_output --partial "--ops: give a whole number"
    run -2 "$DRIVERS/perl.sh" --ops 0
    run -2 "$DRIVERS/perl.sh" --ops 5 --null
    assert_output --partial "unknown option '--null'"
}

@test "a program that fails or dies takes its driver along" {
    printf '#!/bin/sh\nexit 7\n' >"$BATS_TEST_TMPDIR/failing"
    printf '#!/bin/sh\nkill -SEGV $$\n' >"$BATS_TEST_TMPDIR/dying"
    chmod +x "$BATS_TEST_TMPDIR"/{failing,dying}
    for program in lua5.4 redis-server; do
        run -3 driver "$program" --program "$BATS_TEST_TMPDIR/failing"
        assert_output --partial "$program: $BATS_TEST_TMPDIR/failing ended with 7"
        run -139 driver "$program" --program "$BATS_TEST_TMPDIR/dying"
    done
}

@test "nothing is left behind, no process and no file" {
    export TMPDIR=$BATS_TEST_TMPDIR/tmp
    mkdir "$TMPDIR"
    driver redis-server
    driver gcc
    assert_equal "$(ls -A "$TMPDIR")" ""
    run pgrep -f "$TMPDIR"
    assert_failure
}
