# The harness itself meets trouble: it is killed, has no room, and reads a clock that jumps. No run loses
# what was finished, and none looks whole that is not.

bats_require_minimum_version 1.5.0
load common

shim=preload_fault.so

# struck FAULT N ARG...: ashlar ARG..., its N-th call that changes something below res/ struck as
# preload_fault.c says. What it printed is in out and err; $code is its exit.
struck() {
    local fault=$1 at=$2
    shift 2
    code=0
    LD_PRELOAD=$ASHLAR_BUILD/harness/test/$shim FAULT=$fault FAULT_AT=$at FAULT_UNDER=$(pwd -P)/res \
        "$ASHLAR_BUILD/ashlar" "$@" >out 2>err || code=$?
}

order_of() {
    jq -c 'select(.type == "sample") | [.cell, .block, .warmup, .order, .allocator]' "$1"
}

# The run that is struck, of two rounds; and what it comes to when nothing strikes.
begin_args() {
    args=(run --suite "$PWD/toy.ini" --registry registry.ini --bench "$fake" --results res --quiet
        --seed 1 --allocators "plain other=plain" --blocks 1)
    run -0 ashlar "${args[@]}"
    order_of res/latest/samples.jsonl >whole
    assert_equal "$(wc -l <whole)" 4
}

# goes_on WHERE: whatever the stroke has left is resumed to exactly the planned samples: what was
# stored whole is not run again, all else is. A run without its plan is refused with one line.
goes_on() {
    local dir stored=0 runs_before
    dir=$(compgen -G 'res/2*' || true)
    [[ -n $dir ]] || return 0
    if [[ ! -e $dir/samples.jsonl ]] || (($(wc -l <"$dir/samples.jsonl") == 0)); then
        run -2 --separate-stderr ashlar run --resume "$dir" --quiet
        assert_equal "${#stderr_lines[@]}" 1
        assert_regex "$stderr" 'no run there|is empty; begin a new run'
        return 0
    fi
    # A result is announced only when it is whole.
    [[ ! -L res/latest ]] || assert_equal "$(tail -1 res/latest/samples.jsonl | jq -r .type)" end
    stored=$(head -n "$(wc -l <"$dir/samples.jsonl")" "$dir/samples.jsonl" | grep -c '"type":"sample"' || true)
    runs_before=$(stat -c %s "$log")
    run -0 --separate-stderr ashlar run --resume "$dir" --quiet
    order_of res/latest/samples.jsonl >resumed
    cmp whole resumed || fail "$1"
    assert_equal "$(jq -r .type "$dir/samples.jsonl" | sort | uniq -c | xargs)" "1 end 2 null 1 plan 4 sample"
    assert_equal "$(($(stat -c %s "$log") - runs_before))" $((4 - stored / 2 * 2))
}

@test "killed at any of its writes, a run goes on to exactly what was planned" {
    begin_args
    for ((n = 1; ; n++)); do
        rm -rf res
        : >"$log"
        struck torn $n "${args[@]}"
        ((code == 137)) || break
        goes_on "killed at call $n"
    done
    assert_equal "$code" 0
    # Directories, the file, and 6 times a write with its fsync, and the link: all of them were struck.
    ((n > 16)) || fail "only $((n - 1)) calls were struck"
}

@test "on a disk that is full from any write on, a run ends with one line and can be resumed" {
    begin_args
    for ((n = 1; ; n++)); do
        rm -rf res
        : >"$log"
        struck full $n "${args[@]}"
        ((code != 0)) || break
        assert_equal "$code" 2
        assert_equal "$(wc -l <err)" 1
        run -0 grep -c 'No space left on device' err
        [[ ! -L res/latest ]]
        goes_on "full at call $n"
    done
    ((n > 16)) || fail "only $((n - 1)) calls were struck"
}

# The reports of a finished run, struck and made again.
publishes() {
    local fault=$1 wanted=$2 dir file
    toy run "plain other=plain"
    mv res start
    cp -a start res
    run -0 ashlar compare --resume res/latest --quiet
    mv "$(readlink -f res/latest)" want
    for ((n = 1; ; n++)); do
        rm -rf res
        cp -a start res
        rm res/latest
        dir=$(compgen -G 'res/2*')
        struck "$fault" $n compare --resume "$dir" --quiet
        ((code == wanted)) || break
        for file in report.md report.html summary.json; do
            [[ ! -e $dir/$file ]] || cmp "$dir/$file" "want/$file" || fail "$file is torn, call $n"
        done
        [[ ! -L res/latest ]] || [[ -e res/latest/summary.json ]]
        [[ $fault != full ]] || assert_equal "$(wc -l <err) $(grep -c 'No space left' err)" "1 1"
        run -0 ashlar compare --resume "$dir" --quiet
        diff -r "$dir" want || fail "made again after call $n"
    done
    assert_equal "$code" 0
    ((n > 8)) || fail "only $((n - 1)) calls were struck"
}

@test "killed while it publishes, compare leaves whole reports or none, and makes them again" {
    publishes torn 137
}

@test "without room for its reports compare says so in one line, and makes them later" {
    publishes full 2
}

@test "control: the shim strikes a write by half, and the resume tells it from a whole one" {
    begin_args
    # The first stroke that leaves something of the end line leaves half of it.
    for ((n = 10; ; n++)); do
        rm -rf res
        struck torn $n "${args[@]}"
        ((code == 137)) || fail "the end line was never struck"
        ! tail -n 1 res/2*/samples.jsonl | grep -q '^{"type":"end"' || break
    done
    run -2 --separate-stderr ashlar report "$(compgen -G 'res/2*')"
    assert_line_on_stderr "the run is not complete; finish it with"
}

@test "kill -9 leaves no process, and a run that can be resumed" {
    strike_asleep KILL
    # The launcher hears of it, and needs a moment.
    for ((i = 0; i < 1200; i++)); do
        pgrep -f "$PWD/mybench" >/dev/null || break
        sleep 0.05
    done
    run -1 pgrep -f "$PWD/mybench"
    rm asleep
    run -0 ashlar run --resume "$(compgen -G 'res/2*')" --quiet
    assert_equal "$(samples .allocator | sort | uniq -c | xargs)" "7 plain 7 sleeper"
}

@test "a second ashlar keeps away from a run that goes on" {
    toy run "plain other=plain"
    head -n 9 res/latest/samples.jsonl >cut
    mv cut res/latest/samples.jsonl
    run -2 --separate-stderr flock res/latest/samples.jsonl "$ASHLAR_BUILD/ashlar" run --resume res/latest
    assert_line_on_stderr "another ashlar is at work in $(readlink -f res/latest); wait for its end"
    run -0 ashlar run --resume res/latest --quiet
}

# ---- the clock ----

# clocked MODE COMMAND...
clocked() {
    local mode=$1
    shift
    run -0 --separate-stderr env LD_PRELOAD="$ASHLAR_BUILD/harness/test/preload_clock.so" CLOCK="$mode" "$@"
}

@test "control: the shim sets the wall clock back and forth, and leaves the monotonic one alone" {
    clocked jumps python3 -c 'import time; a, b = time.time(), time.time(); print(abs(a - b) > 1e8)'
    assert_output True
    clocked jumps python3 -c 'import time; a, b = time.monotonic(), time.monotonic(); print(0 <= b - a < 1e6)'
    assert_output True
}

@test "runs of one second get stamps of their own, and nothing is written over" {
    for seed in 1 2 3; do
        clocked frozen:1700000000 "$ASHLAR_BUILD/ashlar" run --suite "$PWD/toy.ini" --registry registry.ini \
            --bench "$fake" --results res --quiet --seed $seed --allocators plain --blocks 1
        assert_equal "$(readlink res/latest)" "20231114T221320Z$([[ $seed == 1 ]] || echo -$seed)"
    done
    assert_equal "$(jq -c 'select(.type == "plan") | .seed' res/2*/samples.jsonl | sort | xargs)" "1 2 3"
}

@test "a wall clock that jumps changes no duration, and no time-out" {
    clocked jumps "$ASHLAR_BUILD/ashlar" run --suite "$PWD/toy.ini" --registry registry.ini --bench "$fake" \
        --results res --quiet --allocators "plain other=plain" --timeout 600
    assert_equal "$(samples .status | sort | uniq -c | xargs)" "14 ok"
    # Ten years are 3e8 s; no process here takes an hour.
    run -0 jq -s '[.[] | select(.wall_ns) | .wall_ns] | all(. > 0 and . < 3600e9)' res/latest/samples.jsonl
    assert_output true
    run -0 jq 'select(.type == "end") | .elapsed_s >= 0 and .elapsed_s < 3600' res/latest/samples.jsonl
    assert_output true
}

@test "the launcher and the workloads take their durations from the monotonic clock" {
    clocked jumps "$ASHLAR_BUILD/ashlar-launch" --report-fd 3 --timeout-ms 600000 -- /bin/sh -c 'exit 7' 3>report.json
    assert_equal "$(jq -c '[.exit, .timed_out, .wall_ns > 0 and .wall_ns < 3600e9]' report.json)" '[7,false,true]'
    clocked jumps "$ASHLAR_BUILD/ashlar-bench" fastpath --ops 10000
    assert_equal "$(jq '.elapsed_ns > 0 and .elapsed_ns < 3600e9' <<<"$output")" true
    clocked jumps "$ASHLAR_BUILD/ashlar-micro" --benchmark_filter='^BM_malloc_free/64(/.*)?$' --iterations=1000 \
        --benchmark_format=json
    assert_equal "$(jq '.benchmarks[0].real_time | . > 0 and . < 1e9' <<<"$output")" true
}
