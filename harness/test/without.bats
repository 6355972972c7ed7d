# What a machine may lack: counters, root, a whole processor, more than one. Each is told, and the rest
# is measured.

bats_require_minimum_version 1.5.0
load common

deny=$ASHLAR_BUILD/harness/test/deny

# denied ERRNO COMMAND...: without perf_event_open, for the command and all that it starts.
denied() {
    "$deny" perf_event_open 1 true || skip "this kernel takes no seccomp filter, so counters cannot be denied"
    run -0 --separate-stderr "$deny" perf_event_open "$@"
}

toy_args() {
    args=(--suite "$PWD/toy.ini" --registry registry.ini --bench "$fake" --results res --quiet --seed 1)
}

# ---- no counters ----

@test "counters that are denied are told with the reason, whatever it is" {
    while read -r number reason; do
        denied "$number" "$ASHLAR_BUILD/ashlar" doctor --fast --json
        assert_equal "$(jq -r '.environment.pmu' <<<"$output")" "$reason"
        assert_equal "$(jq -r '.warnings[] | select(.id == "pmu") | .text' <<<"$output")" \
            "no hardware counters ($reason)"
    done <<-LIST
	1 Operation not permitted
	13 Permission denied
	2 this processor offers none
	38 Function not implemented
	LIST
}

@test "the launcher leaves out what it may not count, and measures" {
    denied 1 "$ASHLAR_BUILD/ashlar-launch" --report-fd 3 --count -- /bin/true 3>report.json
    assert_equal "$(jq -c '[.exit, .counters, .wall_ns > 0]' report.json)" '[0,{},true]'
    # Control: faults can be counted without the filter, where the kernel lets us.
    run -0 "$ASHLAR_BUILD/ashlar-launch" --report-fd 3 --count -- /bin/true 3>report.json
    [[ $(jq .counters.page_faults report.json) != null ]] || skip "perf_event_open is not permitted here anyway"
}

@test "where counters are denied callgrind counts, and the samples say null" {
    command -v valgrind >/dev/null || skip "valgrind is not installed"
    entry busy busy:0
    sed -i 's/^count = no/count = yes/; s/^timeout_s = 2/timeout_s = 120/' toy.ini
    toy_args
    denied 13 "$ASHLAR_BUILD/ashlar" run "${args[@]}" --allocators busy --blocks 1
    assert_equal "$(samples '[.status, .instructions, .counters]' | sort -u)" '["ok",null,{}]'
    assert_equal "$(jq -c 'select(.type == "count" and .method != "ptrace") | [.method, .status, .instructions > 0]' res/latest/samples.jsonl)" \
        '["callgrind","ok",true]'
}

@test "without counters and without valgrind everything else is measured, and the gap is told" {
    mkdir bin
    for tool in sh ldconfig git; do ln -s "$(command -v $tool || echo /sbin/$tool)" bin/; done
    sed -i 's/^count = no/count = yes/' toy.ini
    toy_args
    denied 1 env PATH="$PWD/bin" "$ASHLAR_BUILD/ashlar" compare "${args[@]}" --allocators "plain other=plain"
    assert_output --partial "warning no-counts: neither a PMU nor valgrind is there: instructions are not counted"
    assert_output --partial "remedy: apt-get install valgrind"
    assert_equal "$(samples .status | sort | uniq -c | xargs)" "14 ok"
    assert_equal "$(jq -c 'select(.type == "count" and .method != "ptrace")' res/latest/samples.jsonl)" ''
    denied 1 env PATH="$PWD/bin" "$ASHLAR_BUILD/ashlar" doctor --fast
    assert_output --partial "instructions are not counted at all: valgrind is not there either"
}

# ---- a container ----

# machine DIR CPU_MAX: two processors, and a control group with that cpu.max.
machine() {
    mkdir -p "$1"/proc/self "$1"/sys/fs/cgroup/job
    echo '0::/job' >"$1/proc/self/cgroup"
    echo "$2" >"$1/sys/fs/cgroup/job/cpu.max"
    printf 'processor\t: 0\nprocessor\t: 1\n' >"$1/proc/cpuinfo"
    printf 'MemTotal: 16000000 kB\nMemAvailable: 8000000 kB\n' >"$1/proc/meminfo"
}

@test "a plan reads the processor time that a container may use, and a run goes on under the same alone" {
    machine m '150000 100000'
    machine free 'max 100000'
    toy run "plain other=plain" --root m
    run -0 jq -c 'select(.type == "plan") | [.environment.processors_quota,
        (.warnings[] | select(.id == "quota") | .text)]' res/latest/samples.jsonl
    assert_output '[1.5,"the control group may use 1.50 of 2 processors"]'
    head -n 9 res/latest/samples.jsonl >cut
    mv cut res/latest/samples.jsonl
    run -5 --separate-stderr ashlar run --resume res/latest --root free --quiet
    assert_line_on_stderr "the run was begun in another environment: processors_quota was 1.5 and is null"
    run -0 ashlar run --resume res/latest --root m --quiet
    # Control: no quota.
    toy run plain --root free
    run -0 jq -c 'select(.type == "plan") | [.environment.processors_quota,
        ([.warnings[].id] | index("quota"))]' res/latest/samples.jsonl
    assert_output '[null,null]'
}

@test "a plan takes the bound of memory from the container, where that is less than the machine's" {
    machine m 'max 100000'
    echo $((1 << 30)) >m/sys/fs/cgroup/job/memory.max
    echo $((512 << 20)) >m/sys/fs/cgroup/job/memory.current
    toy run plain --root m --blocks 1
    assert_equal "$(jq 'select(.type == "plan") | .memory_limit_mib' res/latest/samples.jsonl)" 460
    rm m/sys/fs/cgroup/job/memory.*
    toy run plain --root m --blocks 1
    assert_equal "$(jq 'select(.type == "plan") | .memory_limit_mib' res/latest/samples.jsonl)" 7031
}

# in_group CONTROLLER FILE VALUE COMMAND...: runs it in a real control group of its own, of version 1.
in_group() {
    local controller=$1 file=$2 value=$3 path
    shift 3
    path=$(awk -F: -v c="$controller" '$2 ~ "(^|,)" c "(,|$)" {print $3; exit}' /proc/self/cgroup)
    group=/sys/fs/cgroup/$controller${path%/}/ashlar-test-$$
    mkdir "$group" 2>/dev/null && echo "$value" 2>/dev/null >"$group/$file" ||
        skip "no control group of version 1 with $controller can be made here"
    # What could be swapped out would not be missed.
    [[ ! -e $group/memory.swappiness ]] || echo 0 >"$group/memory.swappiness"
    run --separate-stderr bash -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" "$@"
}

teardown() {
    # Zombies leave a moment after they were waited for.
    for ((i = 0; i < 100; i++)); do
        [[ -n ${group-} && -d $group ]] || return 0
        rmdir "$group" 2>/dev/null || sleep 0.05
    done
}

@test "a real quota is found" {
    in_group cpu cpu.cfs_quota_us 50000 "$ASHLAR_BUILD/ashlar" doctor --fast --json
    assert_equal "$(jq .environment.processors_quota <<<"$output")" 0.5
    assert_regex "$(jq -r '.warnings[] | select(.id == "quota") | .text' <<<"$output")" \
        '^the control group may use 0\.50 of [0-9]+ processors$'
}

@test "a process that the kernel kills for want of memory is oom, and the harness lives on beside it" {
    entry victim glutton
    sed -i 's/timeout_s = 2/timeout_s = 120/' toy.ini
    toy_args
    in_group memory memory.limit_in_bytes $((128 << 20)) "$ASHLAR_BUILD/ashlar" run "${args[@]}" \
        --allocators "plain victim" --blocks 1 --memory-limit 0
    assert_equal "$status" 4
    assert_equal "$(samples 'select(.allocator == "victim") | [.status, .detail]')" \
        '["oom","killed by the kernel for want of memory"]'
    assert_equal "$(samples 'select(.allocator == "plain") | .status' | sort -u)" '"ok"'
}

# ---- one processor ----

two_threads() {
    sed -i 's/--ops 1000000/--threads 2 --ops 1000000/' toy.ini
    toy_args
}

@test "on one processor cells of two threads are run, and what they then mean is told" {
    two_threads
    run -0 --separate-stderr taskset -c "$(first_cpu)" "$ASHLAR_BUILD/ashlar" compare "${args[@]}" \
        --allocators "plain other=plain"
    assert_output --partial "warning turns: more threads than usable processors (1): they take turns"
    assert_output --partial "tell nothing of threads that run at once: toy"
    assert_equal "$(samples .status | sort | uniq -c | xargs)" "14 ok"
    run -0 --separate-stderr taskset -c "$(first_cpu)" "$ASHLAR_BUILD/ashlar" doctor --fast --json
    assert_regex "$(jq -r '.warnings[] | select(.id == "cores") | .text' <<<"$output")" '^one processor may be used'
}

@test "control: with two processors, or one thread, nothing is said of turns" {
    toy_args
    run -0 taskset -c "$(first_cpu)" "$ASHLAR_BUILD/ashlar" run "${args[@]}" --allocators plain --blocks 1
    assert_equal "$(jq -c 'select(.type == "plan") | [.warnings[].id] | index("turns")' res/latest/samples.jsonl)" null
    (($(nproc) > 1)) || skip "this machine has one processor: the other half of this control cannot be shown"
    two_threads
    run -0 ashlar run "${args[@]}" --allocators plain --blocks 1
    assert_equal "$(jq -c 'select(.type == "plan") | [.warnings[].id] | index("turns")' res/latest/samples.jsonl)" null
}
