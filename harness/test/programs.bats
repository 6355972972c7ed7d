# Real programs as cells: where the library goes, what is judged, what a wrong output does.

bats_require_minimum_version 1.5.0
load common

setup_programs() {
    export TMPDIR=$BATS_TEST_TMPDIR
    cat >programs.ini <<-INI
	[suite]
	blocks = 6
	timeout_s = 20
	[cell lua]
	program = lua5.4
	args = --ops 300
	primary = yes
	INI
}

programs() {
    run -"${want:-0}" --separate-stderr ashlar "$1" --suite ./programs.ini --results res --quiet --seed 1 \
        --allocators "$2" "${@:3}"
}

@test "a program is run under each allocator and its output is kept" {
    setup_programs
    programs run "glibc ashlar" --blocks 2
    assert_equal "$(samples '[.status, .time_ns > 0, .peak_rss_kib > 1000, .instructions]' | sort | uniq -c | xargs)" \
        "6 [ok,true,true,null]"
    assert_equal "$(samples .bench.output_sha256 | sort -u | wc -l)" 1
    assert_equal "$(jq -c 'select(.type == "null" or .type == "count")' res/latest/samples.jsonl)" ""
    run -0 jq -r 'select(.type == "plan") | .cells[0].program, (.programs[] | .name + " " + .path)' \
        res/latest/samples.jsonl
    assert_line --index 0 lua5.4
    assert_line --index 1 "lua5.4 $ASHLAR_BUILD/programs/lua5.4.sh"
    assert_line --index 2 "lua5.4 /usr/bin/lua5.4"
    assert_equal "${#lines[@]}" 3
}

# The driver is a script of ours that says what LD_PRELOAD it was started with.
@test "the library reaches the driver by another name than LD_PRELOAD" {
    setup_programs
    cat >spy.sh <<-SH
	#!/bin/sh
	echo "\${LD_PRELOAD-none} \${ASHLAR_PRELOAD-none}" >>$BATS_TEST_TMPDIR/seen
	exec $ASHLAR_BUILD/programs/lua5.4.sh "\$@"
	SH
    chmod +x spy.sh
    sed -i "s|program = lua5.4|program = $PWD/spy.sh|" programs.ini
    programs run ashlar --blocks 1
    assert_equal "$(sort seen | uniq -c | xargs)" "2 none $ASHLAR_BUILD/libashlar.so 1 none none"
}

@test "an output that is not the baseline's is an integrity failure of whose it is" {
    setup_programs
    altering=$ASHLAR_BUILD/harness/test/preload_altering.so
    want=4 programs compare "glibc ashlar altering=$altering"
    [[ $stderr == *"lua under altering: integrity: the output's sha256 is"* ]] || fail "stderr: $stderr"
    assert_equal "$(samples 'select(.allocator == "altering") | [.status, .time_ns, .peak_rss_kib]')" \
        '["integrity",null,null]'
    assert_equal "$(samples 'select(.allocator != "altering") | .status' | sort -u)" '"ok"'
    run -0 jq -r '.cells[] | select(.metric == "time") | .contender + " " + (.verdict == "failed" | tostring)' \
        res/latest/summary.json
    assert_line "altering true"
    assert_line "ashlar false"
}

@test "a resumed run remembers whose output was wrong" {
    setup_programs
    want=4 programs run "glibc altering=$ASHLAR_BUILD/harness/test/preload_altering.so ashlar"
    head -n 5 res/latest/samples.jsonl >cut
    mv cut res/latest/samples.jsonl
    run -4 --separate-stderr ashlar run --resume res/latest --quiet
    assert_equal "$(samples .allocator | sort | uniq -c | xargs)" "1 altering 7 ashlar 7 glibc"
}

@test "the whole peak of a program is judged" {
    setup_programs
    run ashlar compare --suite ./programs.ini --results res --quiet --allocators "glibc ashlar"
    [[ $status =~ ^[013]$ ]] # any verdict, but a verdict
    run -0 jq -c '[.cells[] | select(.metric == "peak_rss") | .baseline_null_kib, .contender_null_kib]' \
        res/latest/summary.json
    assert_output "[0,0]"
    run -0 jq -c '[.warnings[].id] | index("no-null")' res/latest/summary.json
    assert_output null
}

@test "a missing program is refused before anything runs, with its package" {
    setup_programs
    sed -i 's|args = --ops 300|args = --ops 300 --program /nowhere/lua|' programs.ini
    want=2 programs run glibc
    assert_line_on_stderr "[cell lua] lua5.4: there is no /nowhere/lua here; apt-get install lua5.4"
    [[ ! -e res ]]
    sed -i 's|program = lua5.4|program = nothing|' programs.ini
    want=2 programs run glibc
    assert_line_on_stderr "cannot run $ASHLAR_BUILD/programs/nothing.sh"
}
