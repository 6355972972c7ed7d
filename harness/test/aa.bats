# `ashlar aa` under a bench that misbehaves on demand: alarms and none, what is planted and found, resuming, the
# second library, refusals. The toy's times are made up, so no test depends on a measured one.

bats_require_minimum_version 1.5.0
load common

# aa LIBRARY [OPTION...]: of the toy suite; $want is the exit code.
aa() {
    run -"${want:-0}" --separate-stderr ashlar aa "$@" --suite "$BATS_TEST_TMPDIR/toy.ini" \
        --registry registry.ini --bench "$fake" --results res --quiet --seed 1
}

# go_on OPTION...: resumes the only one there is.
go_on() {
    run -"${want:-0}" --separate-stderr ashlar aa --resume res/aa-* --quiet "$@"
}

# found KIND SIZE METRIC: "found of n" in aa.json.
found() {
    jq -r ".plants[] | select(.kind == \"$1\" and .size == $2 and .metric == \"$3\") | \"\(.found) of \(.n)\"" \
        res/aa-*/aa.json
}

# achieved KIND SIZE METRIC: in thousandths.
achieved() {
    jq -r ".plants[] | select(.kind == \"$1\" and .size == $2 and .metric == \"$3\") | .achieved * 1000 | round" \
        res/aa-*/aa.json
}

lines() {
    jq -r "select(.type == \"$1\") | $2" res/aa-*/aa.jsonl
}

@test "the same library twice: no alarm, from fresh runs of whole gates" {
    want=3 aa plain --verdicts 2
    assert_line "False alarms: 0 of 2 whole verdicts, 0.0 % (95 % interval 0.0 to 84.2 %; 77.6 % at most, one-sided)"
    assert_line --regexp '^Second library: a byte-identical copy'
    assert_line --regexp '^no false alarm in 24 whole verdicts +0 of 2  not enough trials$'
    for n in 1 2; do
        dir=res/$(basename res/aa-*)/$(lines verdict "select(.n == $n) | .dir")
        run -0 jq -s 'map(select(.type == "sample")) | length' "$dir/samples.jsonl"
        assert_output 26
        assert_equal "$(jq -r .schema "$dir/gate.json")" ashlar-gate-1
        cmp "$libc" "${dir%/*}/$(basename "$libc")"
    done
    # Not one process serves two verdicts: the orders are drawn anew.
    assert_equal "$(lines verdict .seed | sort -u | wc -l)" 2
    run -0 jq -r '.schema, .asked.verdicts, (.cells | length), .cells[0].words.within' res/aa-*/aa.json
    assert_output $'ashlar-aa-1\n2\n2\n2'
    run -0 cat res/aa-*/aa.md
    assert_line --regexp '^\| toy \| time \| \+5.00 % \| 0 of 2 \| 77.6 % \| 2 within \|$'
}

@test "control: a second library that is slow in one verdict is one false alarm, and exit 1" {
    entry moody slow-if:verdict-002:20
    want=1 aa moody --verdicts 3
    assert_line --partial "False alarms: 1 of 3 whole verdicts, 33.3 % (95 % interval 0.8 to 90.6 %"
    assert_line --regexp '^time +1 of 3'
    assert_line --regexp '^peak_rss +0 of 3'
    assert_line --regexp '^no false alarm in 24 whole verdicts +1 of 3  missed$'
    run -0 jq -c '.verdicts.alarms_in, .exit_code' res/aa-*/aa.json
    assert_output $'[2]\n1'
}

@test "a planted slowdown and leak beyond the budget are found, smaller ones are not" {
    want=3 aa plain --verdicts 0 --trials 1 --plants "stall:2,12 leak:3,9" --planted "$libc"
    assert_equal "$(found stall 12 time)" "1 of 1"
    assert_equal "$(found stall 2 time)" "0 of 1"
    assert_equal "$(found leak 9 peak_rss)" "1 of 1"
    assert_equal "$(found leak 3 peak_rss)" "0 of 1"
    # What was planted is what was to be planted.
    (($(achieved stall 12 time) >= 112 && $(achieved stall 12 time) <= 128))
    (($(achieved stall 2 time) >= 10 && $(achieved stall 2 time) <= 30))
    (($(achieved leak 9 peak_rss) >= 88 && $(achieved leak 9 peak_rss) <= 92))
    assert_line --regexp '^stall +12 % +toy +time +\+1[12]\.[0-9]+ % +1 of 1 +100.0 % +2.5 .. 100.0 %$'
    # Nothing was asked of verdicts, so nothing is said of them.
    refute_output --partial "False alarms"
}

@test "each kind of plant is dosed until the cell is slower by what was wanted" {
    want=3 aa plain --verdicts 0 --trials 1 --plants "miss:10 fault:10" --planted "$libc"
    assert_equal "$(found miss 10 time), $(found fault 10 time)" "1 of 1, 1 of 1"
    # The toy's units cost 50 to 500 ns of an operation's 100.
    run -0 lines calibration '.cells[] | select(.state == "settled") | .excess >= 0.5 and .excess <= 4'
    assert_output $'true\ntrue'
    run -0 lines trial '.doses[] | .rate * 1000 | round'
    ((lines[0] >= 90 && lines[0] <= 110 && lines[1] >= 18 && lines[1] <= 22))
    # A budget above the plant: nothing is found.
    rm -r res
    want=3 aa plain --verdicts 0 --trials 1 --plants miss:10 --planted "$libc" --budget "toy:time=20%"
    assert_equal "$(found miss 10 time)" "0 of 1"
}

@test "one per cent more instructions is found by counting, a fifth of it is not" {
    command -v valgrind >/dev/null || skip "valgrind is absent"
    entry busy busy:0
    sed -i 's/count = no/count_ops = 20000/' toy.ini
    want=3 aa busy --verdicts 0 --trials 1 --plants "instr:0.2,1" --planted "$libc"
    assert_equal "$(found instr 1 instructions)" "1 of 1"
    assert_equal "$(found instr 0.2 instructions)" "0 of 1"
    assert_equal "$(achieved instr 1 instructions)" 10
    # The toy's time knows nothing of instructions: that row says so.
    assert_line --regexp '^instr +\(1 %\) +toy +time +[+-]0\.[0-9]+ % +0 of 1'
}

@test "what cannot be planted is named with its reason, and is no trial" {
    sed -i 's/primary = yes/primary = yes\nremote = yes/' toy.ini
    want=3 aa plain --verdicts 0 --trials 1 --plants "stall:10" --planted "$libc"
    assert_line --regexp '^stall +toy +its figure never gates$'
    assert_equal "$(found stall 10 time)" ""
    assert_equal "$(lines calibration '.cells[0].state')" unplanted
    # The other control: a bench that obeys no plant has no dose either.
    entry deaf deaf
    sed -i '/remote = yes/d' toy.ini
    rm -r res
    want=3 aa deaf --verdicts 0 --trials 1 --plants "stall:10" --planted "$libc"
    assert_line --regexp '^stall +toy +no dose moves its figure as it should$'
    assert_equal "$(found stall 10 time)" ""
}

# begin_and_hang NAME: an aa of 99 verdicts under that sleeper, in the background as $pid, which hangs in a process of a
# verdict after the first.
begin_and_hang() {
    entry "$1" "hang-while:$PWD/asleep"
    sed -i 's/timeout_s = 2/timeout_s = 60/' toy.ini
    "$ASHLAR_BUILD/ashlar" aa "$1" --suite "$PWD/toy.ini" --registry registry.ini --bench "$fake" \
        --results res --seed 1 --quiet --verdicts 99 2>err &
    pid=$!
    for ((i = 0; i < 400; i++)); do
        [[ $(cat res/aa-*/aa.jsonl 2>/dev/null | wc -l) -lt 2 ]] || break
        sleep 0.05
    done
    touch asleep
    for ((i = 0; i < 400; i++)); do
        [[ ! -s asleep ]] || break
        sleep 0.05
    done
    assert_equal "$(cat asleep)" hangs
}

@test "Ctrl-C is exit 130, and says how to go on" {
    begin_and_hang sleeper
    kill -INT "$pid"
    code=0
    wait "$pid" || code=$?
    assert_equal "$code" 130
    run -0 tail -n 1 err
    assert_output "ashlar aa: interrupted; what is done is kept, continue with --resume $(echo res/aa-*)"
    rm asleep
    want=3 go_on --verdicts 1
    assert_line --partial "False alarms: 0 of "
}

@test "kill -9 loses nothing that has ended, and --resume goes on in the middle of a gate" {
    begin_and_hang sleeper
    kill -KILL "$pid"
    wait "$pid" || true
    rm asleep
    cp res/aa-*/aa.jsonl before.jsonl
    done_before=$(lines verdict .n | wc -l)
    # The line that was being written is torn.
    printf '{"type":"verd' >>"$(echo res/aa-*/aa.jsonl)"
    want=3 go_on --verdicts $((done_before + 2))
    assert_equal "$(lines verdict .n | xargs)" "$(seq -s' ' $((done_before + 2)))"
    cmp before.jsonl <(head -c "$(wc -c <before.jsonl)" res/aa-*/aa.jsonl)
    # The gate that was cut off went on with its own blocks: one run in its folder, each block once.
    cut=$(printf 'res/*/verdict-%03d' $((done_before + 1)))
    # shellcheck disable=SC2086
    run -0 bash -c "ls $cut/*/samples.jsonl | wc -l"
    assert_output 1
    # shellcheck disable=SC2086
    run -0 jq -r 'select(.type == "sample") | "\(.block) \(.warmup) \(.allocator)"' $cut/*/samples.jsonl
    assert_equal "${#lines[@]}" 26
    assert_equal "$(printf '%s\n' "${lines[@]}" | sort -u | wc -l)" 26
    run -0 lines verdict 'select(.resumed) | .n'
    assert_output "$((done_before + 1))"
}

@test "more verdicts are added to those that are there, and trials too" {
    want=3 aa plain --verdicts 1 --planted "$libc" --plants stall:10
    cp res/aa-*/aa.jsonl before.jsonl
    runs=$(wc -c <log)
    want=3 go_on --verdicts 1
    assert_equal "$(wc -c <log)" "$runs"
    want=3 go_on --verdicts 2 --trials 1
    assert_line --partial "False alarms: 0 of 2 whole verdicts"
    assert_equal "$(found stall 10 time)" "1 of 1"
    cmp before.jsonl <(head -c "$(wc -c <before.jsonl)" res/aa-*/aa.jsonl)
    [[ ${stderr_lines[0]} =~ ^"ashlar: 1 verdicts and 1 trials are to be run: "[0-9]+" minutes at least, " ]]
}

@test "resume refuses another machine, library, planted library and harness, with exit 5" {
    cp "$ASHLAR_BUILD/libashlar.so" mine.so
    cp "$ASHLAR_BUILD/libashlar.so" planted.so
    want=3 aa "$PWD/mine.so" --verdicts 1 --planted "$PWD/planted.so"
    cp "$ASHLAR_BUILD/harness/test/preload_none.so" mine.so
    want=5 go_on --verdicts 2
    assert_line_on_stderr "a ($PWD/mine.so) is no longer the build"
    cp "$ASHLAR_BUILD/libashlar.so" mine.so
    cp "$ASHLAR_BUILD/harness/test/preload_none.so" planted.so
    want=5 go_on --verdicts 2
    assert_line_on_stderr "the planted library ($PWD/planted.so) is no longer the build"
    cp "$ASHLAR_BUILD/libashlar.so" planted.so
    cp res/aa-*/aa.jsonl whole.jsonl
    sed -i '1s/"glibc":"[^"]*"/"glibc":"1.0"/' res/aa-*/aa.jsonl
    want=5 go_on --verdicts 2
    assert_line_on_stderr 'another environment: glibc was "1.0" and is'
    sed '1s/\("harness":{"path":"[^"]*","build_id":"\)[^"]*/\1abc/' whole.jsonl >"$(echo res/aa-*/aa.jsonl)"
    want=5 go_on --verdicts 2
    assert_line_on_stderr "ashlar (/proc/self/exe) is no longer the build"
    # The control: what is as it was goes on.
    cp whole.jsonl "$(echo res/aa-*/aa.jsonl)"
    want=3 go_on --verdicts 2
}

# Addresses of the functions of a library, in their order.
layout() {
    nm "$1" | awk '$2 == "t" || $2 == "T" {print $1, $3}' | sort | awk '{print $2}'
}

exports() {
    nm -D --defined-only "$1" | awk '{print $3}' | sort
}

@test "libashlar is linked anew for each verdict: another layout, the same exports" {
    want=3 aa ashlar --verdicts 2
    assert_line "Second library: the same objects, linked in another order"
    old=$ASHLAR_BUILD/libashlar.so
    for n in 1 2; do
        new=$(echo res/aa-*/verdict-00$n/libashlar.so)
        diff <(exports "$old") <(exports "$new")
        diff <(layout "$old" | sort) <(layout "$new" | sort)
        run -1 diff <(layout "$old") <(layout "$new")
    done
    run -1 cmp -s res/aa-*/verdict-00[12]/libashlar.so
    # The order follows from the seed.
    mkdir again
    run -3 ashlar aa ashlar --verdicts 1 --suite "$PWD/toy.ini" --bench "$fake" --results again --seed 1
    cmp res/aa-*/verdict-001/libashlar.so again/aa-*/verdict-001/libashlar.so
}

@test "objects that are not the library's are refused, before anything runs" {
    cp "$ASHLAR_BUILD/libashlar.so" mine.so
    {
        head -n 1 "$ASHLAR_BUILD/libashlar.so.link"
        tail -n +2 "$ASHLAR_BUILD/libashlar.so.link" | sed "s|^|$ASHLAR_BUILD/|"
    } >mine.so.link
    want=3 aa "$PWD/mine.so" --verdicts 1
    assert_line "Second library: the same objects, linked in another order"
    rm -r res
    cp "$ASHLAR_BUILD/libashlar-planted.so" mine.so
    want=2 aa "$PWD/mine.so" --verdicts 1
    assert_line_on_stderr "the objects that $PWD/mine.so.link names are not those of"
    [[ -z $(ls res 2>/dev/null) ]]
    head -n 1 "$ASHLAR_BUILD/libashlar.so.link" >mine.so.link
    want=2 aa "$PWD/mine.so" --verdicts 1
    assert_line_on_stderr "tells no command and objects"
}

@test "another library is built anew by the user's command, with a number for each verdict" {
    want=3 aa plain --verdicts 2 --rebuild "echo \$SEED >>$PWD/seeds; cp '$libc' \"\$OUT\""
    assert_line "Second library: built anew by a command"
    assert_equal "$(sort -u seeds | wc -l)" 2
    want=4 aa plain --verdicts 1 --rebuild "echo no compiler here >&2; false"
    [[ ${stderr_lines[-1]} == *"builds no library (no compiler here); mend it, or --rebuild copy" ]]
}

@test "a crash is exit 4 and no verdict" {
    entry crash crash
    want=4 aa crash --verdicts 1
    run -0 jq -r '.verdicts | .n, .failed, .alarms' res/aa-*/aa.json
    assert_output $'0\n1\n0'
    printf '[gone]\npath = /nowhere/lib.so\n' >>registry.ini
    want=4 aa gone --verdicts 1
    assert_line_on_stderr "allocator gone is missing"
}

@test "--json is what was found, alone, on stdout" {
    want=3 aa plain --verdicts 1 --json
    run -0 jq -r '.schema, .exit_code, .verdicts.n, .targets[0].word' <<<"$output"
    assert_output $'ashlar-aa-1\n3\n1\nnot enough trials'
}

# refused LINE OPTION...: exit 2, one line, nothing written.
refused() {
    local line=$1
    shift
    want=2 aa "$@"
    assert_line_on_stderr "$line"
    [[ -z $(ls res 2>/dev/null) ]] || fail "something was written"
}

@test "bad input is one line and exit 2, before anything is written" {
    refused "--plants: 'speed:5' is no plant" plain --plants speed:5
    refused "--plants: 'stall' is no plant" plain --plants stall
    refused "--plants: 'stall:0' is no plant" plain --plants stall:0
    refused "--plants: 'stall:5,101' is no plant" plain --plants stall:5,101
    refused "--plants is empty" plain --plants ""
    refused "--verdicts many: give a whole number" plain --verdicts many
    refused "there is no planted build of" plain --trials 1
    refused "name one allocator" x=plain
    refused "unexpected argument 'plain'" plain plain
    refused "without --allocators" plain --allocators "plain glibc"
    refused "use --max-blocks" plain --blocks 12
    refused "the last look is at 12, 24, 48 or 72" plain --max-blocks 36
    refused "time=3 is no budget" plain --budget toy:time=3
    refused "unknown allocator 'nobody'" nobody
}

@test "resume takes verdicts and trials, and only what aa has made" {
    want=3 aa plain --verdicts 1
    for option in "--seed 2" "--suite toy.ini" "--plants stall:5" "--budget toy:time=3%" "--rebuild copy"; do
        # shellcheck disable=SC2086
        want=2 go_on $option
        assert_line_on_stderr "what is resumed keeps the options that it was begun with"
    done
    want=2 go_on --trials 1
    assert_line_on_stderr "there is no planted build of"
    mkdir nothing
    run -2 --separate-stderr ashlar aa --resume nothing
    assert_line_on_stderr "nothing holds no aa.jsonl"
}
