# Running: what is written, how bad endings are told, how an interrupted run goes on.

bats_require_minimum_version 1.5.0
load common

@test "a run holds the plan, a warm-up and every block of every allocator, and an end" {
    toy run "plain other=plain third=plain"
    assert_equal "$(jq -r .type res/latest/samples.jsonl | sort | uniq -c | xargs)" \
        "1 end 3 null 1 plan 21 sample"
    assert_equal "$(samples '[.block, .warmup] | map(tostring) | join(":")' | sort | uniq -c | xargs)" \
        "3 0:false 3 0:true 3 1:false 3 2:false 3 3:false 3 4:false 3 5:false"
    assert_equal "$(samples 'select(.status != "ok")')" ""
    assert_equal "$(samples '[.time_ns > 0, .peak_rss_kib, .null_rss_kib, .wall_ns > 0] | join(" ")' | sort -u)" \
        '"true 20000 1000 true"'
}

@test "the plan tells the machine, the allocators and the cells" {
    toy run "plain other=plain"
    head -1 res/latest/samples.jsonl >plan.json
    run -0 jq -r '.schema, .baseline, .contenders[0], .blocks, .cells[0].params, .environment.fingerprint,
        .allocators[1].audit.canary, .programs[0].name' plan.json
    assert_line --index 0 ashlar-samples-1
    assert_line --index 1 plain
    assert_line --index 2 other
    assert_line --index 3 6
    assert_line --index 4 toy=1
    assert_line --index 5 --regexp '^[0-9a-f]{16}$'
    assert_line --index 6 ok
    assert_line --index 7 ashlar-bench
}

@test "the order is random, within blocks too, and comes from the seed" {
    toy run "plain other=plain" --blocks 20
    samples '[.block, .order, .allocator]' >first
    toy run "plain other=plain" --blocks 20
    samples '[.block, .order, .allocator]' >second
    cmp first second
    assert_equal "$(grep -c ',0,"plain"' first)" "$(grep -c ',1,"other"' first)"
    (($(grep -c ',0,"plain"' first) > 3 && $(grep -c ',0,"plain"' first) < 18))
    run -0 --separate-stderr ashlar run --suite ./toy.ini --registry registry.ini --bench "$fake" \
        --results res --allocators "plain other=plain" --blocks 20 --seed 2 --quiet
    samples '[.block, .order, .allocator]' >third
    ! cmp -s first third
}

@test "the baseline is glibc unless told, and is added when it is not named" {
    toy run "other=plain plain" --baseline plain
    assert_equal "$(jq -r 'select(.type=="plan") | .baseline' res/latest/samples.jsonl)" plain
    toy run "other=plain" --baseline plain
    assert_equal "$(jq -c 'select(.type=="plan") | [.baseline, .contenders[0]]' res/latest/samples.jsonl)" \
        '["plain","other"]'
}

# ends_as FAKE STATUS DETAIL: a contender that ends badly is a result, with its details, and exit 4; it is
# tried once only, and the baseline goes on.
ends_as() {
    entry victim "$1"
    want=4 toy run "plain victim"
    [[ $stderr == *"toy under victim: $2: "*"$3"* ]] || fail "stderr: $stderr"
    assert_equal "$(samples 'select(.allocator == "victim") | [.status, .time_ns]')" "[\"$2\",null]"
    run -0 samples 'select(.allocator == "victim") | .detail'
    assert_output --partial "$3"
    assert_equal "$(samples 'select(.allocator == "plain") | .status' | sort -u)" '"ok"'
    assert_equal "$(tail -1 res/latest/samples.jsonl | jq -r .type)" end
}

@test "a crash" { ends_as crash crash "signal 11 (Segmentation fault)"; }
@test "a time-out" { ends_as hang timeout "killed after 2."; }
@test "out of memory" { ends_as oom oom "no memory for block 17"; }
@test "damaged blocks" { ends_as damaged integrity "block 17 was damaged"; }
@test "damaged blocks that the bench only counts" { ends_as dirty integrity "3 blocks were damaged"; }
@test "a kill that was not the kernel's" { ends_as killed crash "signal 9 (Killed)"; }
@test "a program that says nothing" { ends_as mute error "printed no JSON"; }
@test "a program that refuses" { ends_as refuse error "exit 3: ashlar-bench: I will not"; }

@test "binary garbage instead of a result" { ends_as binary error "printed no JSON: "; }
@test "half a line of JSON" {
    ends_as half error 'printed no JSON: {'
}
@test "a result with a NUL and garbage behind it" { ends_as tail error "printed no JSON: ?more"; }
@test "300 MB without a newline" {
    sed -i 's/timeout_s = 2/timeout_s = 120/' toy.ini
    ends_as flood error "printed no JSON: xxxxxxxx"
}
@test "binary garbage as last words, which are shown without what a terminal would obey" {
    ends_as babble error "exit 3: "
    run -0 samples 'select(.allocator == "victim") | .detail'
    run -1 grep -aP '[^ -~]' <<<"$output$stderr"
}

@test "what a workload leaves behind is killed, in its group or in a session of its own" {
    entry daemon "daemon:$PWD/pids"
    toy run "plain daemon" --blocks 1
    assert_equal "$(samples .status | sort | uniq -c | xargs)" "4 ok"
    assert_equal "$(wc -l <pids)" 8 # four of each of the two
    while read -r pid; do
        ! kill -0 "$pid" 2>/dev/null || fail "process $pid lives"
    done <pids
    # Control: without the launcher they live.
    : >pids
    FAKE=daemon:$PWD/pids FAKE_LOG=$log "$fake" toy --ops 1000 >/dev/null 2>&1 3>&-
    assert_equal "$(wc -l <pids)" 4
    xargs kill -KILL <pids
}

@test "a process that eats all memory is bounded, and that is oom, never a time" {
    ends_as_bounded() {
        want=$1 toy run "plain $2" --blocks 1 --memory-limit "$3"
        assert_equal "$(samples 'select(.allocator != "plain") | .status' | sort -u)" "$4"
    }
    sed -i 's/timeout_s = 2/timeout_s = 120/' toy.ini
    entry victim glutton
    ends_as_bounded 4 victim 100 '"oom"'
    [[ $stderr == *"toy under victim: oom: ashlar-bench: no memory for another bite"* ]]
    ends_as_bounded 0 victim 0 '"ok"' # control: no bound
    # A reference may reserve addresses without end, so it has none.
    entry floor glutton
    echo 'reference = yes' >>registry.ini
    ends_as_bounded 0 floor 100 '"ok"'
}

@test "the bound of memory is what is free unless told, and stays that of the run" {
    toy run "plain other=plain"
    run -0 jq 'select(.type == "plan") | .memory_limit_mib > 100' res/latest/samples.jsonl
    assert_output true
    cut_after 9
    refuses_to_resume --memory-limit 77
    assert_line_on_stderr "--memory-limit is not what the run in res/latest was begun with"
}

@test "a library that vanishes during the run is missing, never a fast time" {
    cp "$ASHLAR_BUILD/libashlar.so" vanishing.so
    printf '[victim]\npath = %s/vanishing.so\n' "$PWD" >>registry.ini
    cat >bench.sh <<-SH
	#!/bin/sh
	[ "\$(basename "\$LD_PRELOAD")" != vanishing.so ] || case "\$*" in *--null*) rm vanishing.so ;; esac
	exec $fake "\$@"
	SH
    chmod +x bench.sh
    want=4 toy run "plain victim" --bench "$PWD/bench.sh"
    run -0 samples 'select(.allocator == "victim") | [.status, .detail] | join(" ")'
    assert_output --partial 'missing ERROR: ld.so: object'
}

@test "a workload whose entry point the library lacks is skipped with the reason" {
    sed -i 's/workload = toy/workload = paged/' toy.ini
    toy run "plain ashlar"
    assert_equal "$(samples .allocator | sort | uniq -c | xargs)" "7 ashlar 7 plain"
    tcmalloc_like=$ASHLAR_BUILD/harness/test/preload_four.so
    toy run "plain four=$tcmalloc_like"
    assert_equal "$(jq -r 'select(.type=="plan") | .skipped[0].reason' res/latest/samples.jsonl)" \
        "four does not define pvalloc, which this workload calls"
    assert_equal "$(samples .allocator)" ""
}

@test "results/latest points at the newest complete run" {
    toy run plain
    first=$(readlink res/latest)
    [[ $first =~ ^[0-9]{8}T[0-9]{6}Z ]]
    toy run plain
    [[ $(readlink res/latest) != "$first" ]]
}

# cut N: the run as it would be after N lines, and half of the next
cut_after() {
    local file=res/latest/samples.jsonl
    head -n "$1" "$file" >cut
    tail -n +$(($1 + 1)) "$file" | head -c 100 >>cut
    mv cut "$file"
}

@test "an interrupted run is resumed from every place where it can be cut, torn line included" {
    toy run "plain other=plain"
    samples '[.cell, .block, .warmup, .order, .allocator]' >whole
    cp res/latest/samples.jsonl whole.jsonl
    for ((kept = 1; kept < $(wc -l <whole.jsonl); kept++)); do
        cp whole.jsonl res/latest/samples.jsonl
        cut_after $kept
        : >"$log"
        run -0 --separate-stderr ashlar run --resume res/latest --quiet
        samples '[.cell, .block, .warmup, .order, .allocator]' >resumed
        cmp whole resumed || fail "cut after $kept lines"
        assert_equal "$(tail -1 res/latest/samples.jsonl | jq -r .type)" end
        # A torn block is run again as a whole, a whole one is not.
        done_before=$(head -n "$kept" whole.jsonl | grep -c '"type":"sample"' || true)
        assert_equal "$(stat -c %s "$log")" $((14 - done_before / 2 * 2))
    done
}

@test "a complete run has nothing left to resume" {
    toy run plain
    cp res/latest/samples.jsonl before
    run -0 ashlar run --resume res/latest --quiet
    cmp before res/latest/samples.jsonl
}

# A run that was cut, resumed with these options: exit 5, one line, the file as it was.
refuses_to_resume() {
    cp res/latest/samples.jsonl before
    run -5 --separate-stderr ashlar run --resume res/latest --quiet "$@"
    cmp before res/latest/samples.jsonl
}

@test "resume refuses another plan, machine or build with exit 5" {
    toy run "plain other=plain"
    cut_after 9
    refuses_to_resume --blocks 7
    assert_line_on_stderr "--blocks is not what the run in res/latest was begun with"
    refuses_to_resume --seed 2
    assert_line_on_stderr "--seed is not what"
    refuses_to_resume --allocators plain
    assert_line_on_stderr "--allocators is not what"
    sed 's/1000000/2000000/' toy.ini >more.ini
    refuses_to_resume --suite ./more.ini
    assert_line_on_stderr "--suite is not what"
    sed -i '1s/"glibc":"[^"]*"/"glibc":"1.0"/' res/latest/samples.jsonl
    refuses_to_resume
    assert_line_on_stderr 'the run was begun in another environment: glibc was "1.0" and is'
}

@test "resume refuses a rebuilt library and a rebuilt bench" {
    cp "$fake" mybench
    cp "$ASHLAR_BUILD/libashlar.so" mine.so
    toy run "plain mine=$PWD/mine.so" --bench "$PWD/mybench"
    cut_after 9
    cp "$ASHLAR_BUILD/harness/test/preload_none.so" mine.so
    refuses_to_resume
    assert_line_on_stderr "mine ($PWD/mine.so) is no longer the build that the run began with"
    cp "$ASHLAR_BUILD/libashlar.so" mine.so
    cp "$ASHLAR_BUILD/ashlar-launch" mybench
    refuses_to_resume
    assert_line_on_stderr "ashlar-bench ($PWD/mybench) is no longer the build"
}

@test "resume refuses a damaged file and a directory without a run" {
    toy run "plain other=plain"
    sed -i '4s/^./x/' res/latest/samples.jsonl
    run -2 --separate-stderr ashlar run --resume res/latest
    assert_line_on_stderr "samples.jsonl:4 is no JSON object; the file is damaged"
    run -2 --separate-stderr ashlar run --resume nowhere
    assert_line_on_stderr "nowhere: no run there"
}

@test "Ctrl-C leaves no process and a run that can be resumed, and says how" {
    strike_asleep INT
    assert_equal "$code" 130
    run -0 cat err
    assert_output --regexp '^ashlar run: interrupted; what is done is kept, continue with --resume res/[^ ]+$'
    run -1 pgrep -f "$PWD/mybench"
    [[ ! -e res/latest ]]
    rm asleep
    run -0 ashlar run --resume "$(echo res/2*)" --quiet
    assert_equal "$(samples .allocator | sort | uniq -c | xargs)" "7 plain 7 sleeper"
}

@test "progress is plain lines without a terminal, and a bar with the time left on one" {
    run -0 ashlar run --suite ./toy.ini --registry registry.ini --bench "$fake" --results res \
        --allocators plain
    assert_line --regexp '^ashlar: 7 of 7 blocks  0 s left$'
    TERM=xterm run -0 script -qec "$ASHLAR_BUILD/ashlar run --suite ./toy.ini --registry registry.ini \
        --bench $fake --results res --allocators plain" /dev/null
    assert_output --partial '[==============================] 7 of 7 blocks  0 s left'
}

@test "--calibrate prints work that can be pasted, and stores nothing" {
    run -0 --separate-stderr ashlar run --calibrate --workload "fastpath --ops 1000000" \
        --allocators glibc --results res
    assert_line --index 0 '[cell fastpath --ops 1000000]'
    assert_line --index 1 'workload = fastpath'
    assert_line --index 2 --regexp '^args = --ops [1-9][0-9]{6,}$'
    [[ ! -e res ]]
}

@test "instructions are counted without a clock: twice the same, and the set-up is not in them" {
    command -v valgrind >/dev/null || skip "valgrind is not installed"
    suite=(--workload "fastpath --size 64 --ops 4000000" --allocators "glibc ashlar" --blocks 1 --quiet)
    run -0 ashlar run "${suite[@]}" --results res
    jq -c 'select(.type == "count" and .method != "ptrace") | [.allocator, .instructions, .ops]' \
        res/latest/samples.jsonl | sort >a
    run -0 ashlar run "${suite[@]}" --results res
    jq -c 'select(.type == "count" and .method != "ptrace") | [.allocator, .instructions, .ops]' \
        res/latest/samples.jsonl | sort >b
    assert_equal "$(wc -l <a)" 2
    # Within one in a thousand of each other.
    run -0 jq -s -c '[.[0][1] / .[2][1], .[1][1] / .[3][1]] | all(. > 0.999 and . < 1.001)' a b
    assert_output true
    # A fast path is some tens of instructions a pair; a set-up in it would be thousands.
    run -0 jq -s -c 'map(.[1] / .[2]) | all(. > 10 and . < 300)' a
    assert_output true
}

@test "a counting pass that fails is told and fails nothing" {
    mkdir bin
    printf '#!/bin/sh\necho "valgrind: no" >&2\nexit 1\n' >bin/valgrind
    chmod +x bin/valgrind
    sed -i 's/count = no/count = yes/' toy.ini
    PATH=$PWD/bin:$PATH toy run plain
    [[ $stderr == *"toy under plain is not counted: ended badly: valgrind: no"* ]]
    run -0 jq -c 'select(.type == "count" and .method != "ptrace") | [.status, .instructions]' \
        res/latest/samples.jsonl
    assert_output '["error",null]'
}

@test "without valgrind and without a PMU the plan says that nothing is counted" {
    mkdir bin
    for tool in sh ldconfig git; do ln -s "$(command -v $tool || echo /sbin/$tool)" bin/; done
    sed -i 's/count = no/count = yes/' toy.ini
    ashlar doctor --fast --json | jq -e '.warnings[] | select(.id == "pmu")' >/dev/null ||
        skip "this machine has a PMU"
    PATH=$PWD/bin run -0 "$ASHLAR_BUILD/ashlar" run --suite ./toy.ini --registry registry.ini \
        --bench "$fake" --results res --quiet --allocators plain
    run -0 jq -r 'select(.type == "plan") | .warnings[] | select(.id == "no-counts") | .remedy' \
        res/latest/samples.jsonl
    assert_output "apt-get install valgrind"
}
