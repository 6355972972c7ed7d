# System calls as a figure: a run stores what the work called, as often as it takes to see whether it repeats;
# compare shows it, and gate judges it. No test depends on a measured time. What the tracer sees: trace.bats.

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

# gate_calls A B [OPTION...]: only system calls are judged, so no clock has a say.
gate_calls() {
    run -"${want:-0}" --separate-stderr ashlar gate "$@" --suite real.ini --registry real-registry.ini --results res \
        --quiet --seed 1 --max-blocks 12 --budget "default:time=none,peak_rss=none,instructions=none"
}

needs_ptrace() {
    ashlar doctor --fast --json | jq -e '[.warnings[] | select(.id == "ptrace")] == []' >/dev/null ||
        skip "ptrace is refused here"
}

@test "one madvise a thousand mallocs is a regression, named with its count" {
    needs_ptrace
    real
    want=1 gate_calls once more
    # 30000 - 7500 mallocs.
    assert_line --regexp '^pairs +syscalls +\+2 +\+(22|23) +exact +0  regression$'
    assert_line --regexp '^    madvise 0 to (22|23)$'
    run -0 jq -c '.tests[] | [.metric, .basis, .word, .allowed]' res/latest/gate.json
    assert_output '["syscalls","tally","regression",2]'
    run -0 jq -c 'select(.type == "count" and .method == "ptrace") | [.allocator, .ops, (.syscalls | unique | length)]' \
        res/latest/samples.jsonl
    assert_output $'["once",22500,1]\n["more",22500,1]'
}

@test "control: the same library twice, the other way round, and with a budget above it, are within" {
    needs_ptrace
    real
    gate_calls once twin
    assert_line --regexp '^pairs +syscalls +\+2 +\+0 +exact +0  within$'
    gate_calls more once
    assert_line --regexp '^pairs +syscalls +\+2 +-(22|23) +exact +0  within$'
    gate_calls once more --budget "pairs:syscalls=none;default:minor_faults=1000%"
    refute_output --partial "syscalls"
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

@test "where ptrace is refused nothing is counted, and the gate says so" {
    deny=$ASHLAR_BUILD/harness/test/deny
    real
    run -0 --separate-stderr "$deny" ptrace 1 "$ASHLAR_BUILD/ashlar" gate once more --suite real.ini --registry real-registry.ini \
        --results res --quiet --seed 1 --max-blocks 12 --budget "default:time=1000%,peak_rss=1000%,instructions=none"
    assert_line "note: system calls are not counted, nor judged: ptrace: Operation not permitted"
    run -0 jq -c 'select(.type == "count" and .method == "ptrace")' res/latest/samples.jsonl
    assert_output ""
    run -0 jq -c '[.tests[].metric] | unique' res/latest/gate.json
    assert_output '["peak_rss","time"]'
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

@test "threads that share nothing are counted, and what they waited for does not count" {
    needs_ptrace
    real
    sed -i 's/fastpath/glibc-thread/; s/--size 64/--threads 2/; s/^count_ops.*//' real.ini
    sed -i 's/--ops 60000/--ops 1200000/' real.ini
    gate_calls once twin
    run -0 jq -r '.tests[] | .metric' res/latest/gate.json
    assert_output syscalls
    run -0 jq -c 'select(.type == "plan") | .cells[] | [.threads, .count_ops, .trace_ops]' res/latest/samples.jsonl
    assert_output '[2,0,30000]'
    run -0 jq -c 'select(.type == "count") | [.allocator, .method, (.syscalls | length)]' res/latest/samples.jsonl
    assert_output $'["once","ptrace",5]\n["twin","ptrace",5]'
}
