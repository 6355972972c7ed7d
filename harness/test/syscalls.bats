# System calls as a figure: a run stores what the work called, as often as it takes to see whether it repeats,
# and compare shows it. No test depends on a measured time. What the tracer sees: trace.bats.

bats_require_minimum_version 1.5.0
load common

# real: a real workload of one thread, of which 30000 less 7500 pairs are counted; libc under two names, and with
# one madvise more a thousand mallocs.
real() {
    cat >real.ini <<-INI
	[suite]
	blocks = 1
	timeout_s = 20
	[cell pairs]
	workload = fastpath
	args = --size 64 --ops 60000
	count_ops = 30000
	primary = yes
	INI
    printf '[%s]\npath = %s\n' once "$libc" >real-registry.ini
    printf '[%s]\npath = %s\n' twin "$(realpath "$libc")" >>real-registry.ini
    printf '[more]\npath = %s\n' "$ASHLAR_BUILD/harness/test/preload_madvise.so" >>real-registry.ini
}

needs_ptrace() {
    ashlar doctor --fast --json | jq -e '[.warnings[] | select(.id == "ptrace")] == []' >/dev/null ||
        skip "ptrace is refused here"
}

@test "compare shows system calls by name, in the table, the summary and the report" {
    needs_ptrace
    real
    run --separate-stderr ashlar compare --suite real.ini --registry real-registry.ini --results res --quiet \
        --allocators "once more" --baseline once
    assert_line --regexp '^  pairs +[0-9]+ +[0-9]+  madvise 0 to (22|23)$'
    run -0 jq -c '.syscalls[] | [.label, .contender, .contender_calls - .baseline_calls, .repeats, .calls[0].name]' \
        res/latest/summary.json
    assert_output --regexp '^\["pairs","more",2[23](\.0)?,true,"madvise"\]$'
    run -0 grep -A 6 '^## System calls' res/latest/report.md
    assert_line --regexp '^\| pairs \| more \| 22500 \| .* \| madvise 0 to (22|23) \|$'
    run -0 jq -c '[.cells[].metric] | unique' res/latest/summary.json
    refute_output --partial syscalls
}

@test "a pass that fails is told with its reason, and fails nothing" {
    needs_ptrace
    # It ends well with some work, and badly with a quarter of it.
    sed -i 's/count = no/count_ops = 4000/' toy.ini
    entry bad fail-below:2000
    toy run "plain bad"
    [[ $stderr == *"the system calls of toy under bad are not counted: ended badly: ashlar-bench: too little work"* ]]
    run -0 jq -c 'select(.type == "count" and .method == "ptrace") | [.allocator, .status, .syscalls == null]' \
        res/latest/samples.jsonl
    assert_output $'["plain","ok",false]\n["bad","error",true]'
}

@test "an interrupted run goes on with the calls that it lacks" {
    needs_ptrace
    real
    ashlar run --suite real.ini --registry real-registry.ini --results res --quiet --allocators "once more" \
        --baseline once --seed 1
    mkdir cut
    jq -c 'select(.type != "end" and (.type != "count" or .method != "ptrace" or .allocator == "once"))' \
        res/latest/samples.jsonl >cut/samples.jsonl
    run -0 ashlar run --resume cut --quiet
    run -0 jq -r 'select(.type == "count" and .method == "ptrace") | .allocator' cut/samples.jsonl
    assert_output $'once\nmore'
}
