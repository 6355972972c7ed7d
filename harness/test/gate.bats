# `ashlar gate` under a bench that misbehaves on demand: each exit code with its control, budgets, waivers,
# confirmation, and what is written for people and machines. No test depends on a measured time.

bats_require_minimum_version 1.5.0
load common

# gate A B [OPTION...]: a gate of the toy suite; $want is the exit code.
gate() {
    run -"${want:-0}" --separate-stderr ashlar gate "$@" --suite "$BATS_TEST_TMPDIR/toy.ini" \
        --registry registry.ini --bench "$fake" --results res --quiet --seed 1
}

# word CELL METRIC: what the last gate called it.
word() {
    jq -r ".tests[] | select(.cell == \"$1\" and .metric == \"$2\") | .word" res/latest/gate.json
}

blocks() {
    jq -r 'select(.type == "sample" and (.warmup | not)) | .block' res/latest/samples.jsonl | sort -nu | wc -l
}

@test "two that are the same: within the budgets at the first look, and exit 0" {
    entry twin
    gate plain twin
    assert_line --regexp '^toy +time +\+5\.00 % .* 1  within$'
    assert_line --regexp '^toy +peak_rss +\+5\.00 % +\+0\.00 % +\+0\.00 % +1  within$'
    assert_line "twin against plain, suite toy, 2 tests: 2 within"
    assert_equal "$(blocks)" 12
    assert_equal "$(jq -c 'select(.type == "end")' res/latest/samples.jsonl | wc -l)" 1
    assert_equal "$(jq -r .schema res/latest/gate.json)" ashlar-gate-1
}

@test "a slowdown beyond the budget is a regression that came again in fresh blocks: exit 1" {
    entry slow slow:20
    want=1 gate plain slow
    assert_line --regexp '^toy +time +\+5\.00 % +\+(19|20)\.[0-9]+ % .* 1  regression$'
    run -0 jq -r '.tests[0] | .word, .looks, (.confirm_p <= 0.1)' res/latest/gate.json
    assert_output $'regression\n1\ntrue'
    # 12 blocks of the look, and blocks 48 to 59 to confirm.
    assert_equal "$(blocks)" 24
    assert_equal "$(jq -s 'map(select(.type == "sample") | .block) | max' res/latest/samples.jsonl)" 59
}

@test "control: the same slowdown within its budget, and the other way round, are no regression" {
    entry slow slow:20
    gate plain slow --budget "toy:time=30%"
    assert_equal "$(word toy time)" within
    gate slow plain
    assert_equal "$(word toy time)" within
}

@test "a larger peak is a regression, net of the null run; a budget above it is none" {
    entry fat fat:8
    want=1 gate plain fat
    run -0 jq -r '.tests[] | select(.metric == "peak_rss") | .word, (.estimate * 1000 | round)' res/latest/gate.json
    assert_output $'regression\n1080'
    gate plain fat --budget "default:peak_rss=9%"
}

@test "a regression that fresh blocks do not show is reported, and is inconclusive" {
    entry slow fade:26:20
    gate plain slow
    assert_equal "$(word toy time)" unconfirmed
    assert_line --regexp 'a regression at look 1 that 12 fresh blocks do not show'
    [[ $stderr == *"warning: 1 tests are inconclusive"* ]]
    assert_equal "$(blocks)" 24
    rm log
    want=3 gate plain slow --strict
}

@test "only the failing cell runs again" {
    entry slow fade:1000:20
    cat >>toy.ini <<-INI
	[cell calm]
	workload = toy
	args = --ops 2000000
	count = no
	INI
    want=1 gate plain slow --budget "calm:time=40%"
    assert_equal "$(word calm time)" within
    run -0 jq -s 'map(select(.type == "sample" and .cell == 1) | .block) | max' res/latest/samples.jsonl
    assert_output 11
    run -0 jq -s 'map(select(.type == "sample" and .cell == 0) | .block) | max' res/latest/samples.jsonl
    assert_output 59
}

@test "what 48 blocks cannot tell is inconclusive: a warning and 0, 3 with --strict" {
    entry shaky shaky
    entry shaky2 shaky
    gate shaky shaky2 --budget "toy:time=0.1%"
    assert_equal "$(word toy time)" inconclusive
    assert_equal "$(blocks)" 48
    assert_line --regexp '48 blocks do not tell; with this noise they find \+[0-9.]+ %'
    [[ $stderr == *"warning: 1 tests are inconclusive; they do not stop the gate without --strict"* ]]
    want=3 gate shaky shaky2 --budget "toy:time=0.1%" --strict --max-blocks 24
    assert_equal "$(blocks)" 24
    want=3 gate shaky shaky2 --budget "toy:time=0.1%" --strict --max-blocks 72
    assert_equal "$(blocks)" 72
}

@test "a crash under either side is exit 4, and no figure" {
    entry crash crash
    want=4 gate plain crash
    assert_line --regexp '^toy +time .* failed$'
    assert_line --partial "crash: crash"
    want=4 gate crash plain
    want=4 gate plain gone=/nowhere/lib.so
    assert_line_on_stderr "no library at /nowhere/lib.so"
}

@test "cells with remote frees say what they could detect and never gate on time" {
    entry slow slow:50
    echo "remote = yes" >>toy.ini
    gate plain slow
    assert_equal "$(word toy time)" reported
    assert_line --regexp '^toy +time +- +\+(49|50)\.'
    assert_line --regexp 'remote frees: never gates on time; 12 blocks could detect \+[0-9]+ %'
    # The control: the same cell without them.
    sed -i 's/remote = yes/remote = no/' toy.ini
    want=1 gate plain slow
}

@test "more instructions are a regression outside any test, by a fixed threshold" {
    command -v valgrind >/dev/null || skip "valgrind is absent"
    sed -i 's/count = no/count_ops = 20000/' toy.ini
    entry busy busy:0
    entry busy2 busy:2
    want=1 gate busy busy2
    assert_equal "$(word toy instructions)" regression
    assert_equal "$(word toy time)" within
    assert_line --regexp '^toy +instructions +\+0\.50 % +\+[12]\.[0-9]+ % +exact +0  regression$'
    gate busy busy2 --budget "toy:instructions=3%"
    gate busy busy2 --no-counts
    assert_equal "$(word toy instructions)" ""
}

@test "where threads write to one cache line is judged by the index alone, exactly" {
    cat >index.ini <<-INI
	[suite]
	blocks = 12
	[cell scratch]
	workload = cache-scratch
	args = --threads 2 --ops 20000
	count = no
	index = yes
	INI
    # glibc hands a thread its neighbour's line again; liblimit never does.
    want=1 run -1 ashlar gate limit glibc --suite ./index.ini --results res --quiet
    assert_line --regexp '^scratch +false_sharing +\+1\.00 pt +\+100\.00 pt +exact +0  regression$'
    assert_line --partial '100.0 % of its blocks share a line, 0.0 % before'
    refute_line --regexp '^scratch +(time|peak_rss)'
    run -0 ashlar gate glibc limit --suite ./index.ini --results res --quiet
}

@test "a waiver bears a regression; an expired one is named and does not" {
    entry slow slow:20
    printf '[toy time]\nuntil = 2999-12-31\nreason = wanted, safer\n' >w.ini
    gate plain slow --waivers w.ini
    assert_equal "$(word toy time)" waived
    assert_line --partial "until 2999-12-31: wanted, safer"
    sed -i 's/2999/2020/' w.ini
    want=1 gate plain slow --waivers w.ini
    assert_line "note: the waiver [toy time] expired on 2020-12-31 (wanted, safer) and waives nothing"
    printf '[toy peak_rss]\nuntil = 2999-12-31\nreason = another metric\n' >w.ini
    want=1 gate plain slow --waivers w.ini
    printf '[other time]\nuntil = 2999-12-31\nreason = another cell\n' >w.ini
    want=1 gate plain slow --waivers w.ini
    assert_line "note: the waiver [other time] names nothing that this gate judges"
}

# refused OPTION... -- LINE: exit 2, one line, nothing written.
refused() {
    local line=${*: -1}
    want=2 gate "${@:1:$#-1}"
    assert_line_on_stderr "$line"
    [[ ! -e res ]] || fail "something was written"
}

@test "a bad waiver is one line and exit 2, before anything runs" {
    entry slow slow:20
    printf '[toy time]\nuntil = 2999-12-31\n' >w.ini
    refused plain slow --waivers w.ini "w.ini: [toy time] has no reason"
    printf '[toy time]\nuntil = 2999-12-31\nreason =\n' >w.ini
    refused plain slow --waivers w.ini "w.ini: [toy time] has no reason"
    printf '[toy time]\nreason = wanted\n' >w.ini
    refused plain slow --waivers w.ini "w.ini: [toy time] has no end"
    printf '[toy time]\nuntil = 2999-02-30\nreason = wanted\n' >w.ini
    refused plain slow --waivers w.ini "until wants a day as YYYY-MM-DD"
    printf '[toy speed]\nuntil = 2999-12-31\nreason = wanted\n' >w.ini
    refused plain slow --waivers w.ini "[toy speed] is no cell and metric"
    printf '[toy time]\nuntill = 2999-12-31\nreason = wanted\n' >w.ini
    refused plain slow --waivers w.ini "has an unknown key"
    refused plain slow --waivers /nowhere/w.ini "cannot read the waivers /nowhere/w.ini"
}

@test "a bad budget is one line and exit 2, before anything runs" {
    entry slow slow:20
    refused plain slow --budget "toy" 'write NAME:METRIC=PERCENT%'
    refused plain slow --budget "" '--budget is empty'
    refused plain slow --budget "toy:time" "'time' has no budget"
    refused plain slow --budget "toy:time=3" 'time=3 is no budget; write a percentage'
    refused plain slow --budget "toy:time=-3%" 'time=-3% is no budget'
    refused plain slow --budget "toy:speed=3%" "unknown metric 'speed'"
    refused plain slow --budget "other:time=3%" "names 'other', which is no cell and no workload"
    refused plain slow --budget "default:time=none,peak_rss=none" 'leave nothing to judge'
    printf '[toy]\ntime = much\n' >b.ini
    refused plain slow --budget-file b.ini 'b.ini: [toy]: time=much is no budget'
    printf '[toy]\ntime\n' >b.ini
    refused plain slow --budget-file b.ini 'b.ini:2: neither'
    refused plain slow --max-blocks 36 'the last look is at 12, 24, 48 or 72'
    refused plain slow --blocks 12 '--blocks is not for a gate'
    refused plain slow --allocators "plain slow" 'ashlar gate A B'
    refused plain 'name two allocators, the baseline first'
}

@test "the nearest budget counts: cell, workload, default; the command line after the file" {
    entry slow slow:20
    printf '[default]\ntime = 1%%\n[toy]\ntime = 40%%\n' >b.ini
    gate plain slow --budget-file b.ini
    want=1 gate plain slow --budget-file b.ini --budget "toy:time=2%"
    gate plain slow --budget "default:time=1%;toy:time=none"
    assert_equal "$(word toy time)" ""
    assert_equal "$(word toy peak_rss)" within
}

@test "a bare path is a library, and what it is called is told" {
    gate "$libc" "$(realpath "$libc")"
    assert_line --partial "head against base"
}

@test "the minutes are told before anything runs" {
    entry twin
    gate plain twin
    [[ ${stderr_lines[0]} =~ ^"ashlar: a gate of 1 cells and 2 tests: "[0-9.]+" minutes at least, "[0-9]+" at most" ]]
}

@test "a gate that was cut off goes on where it stood, and says the same as one that was not" {
    entry slow slow:20
    want=1 gate plain slow
    cp -r "$(realpath res/latest)" whole
    mkdir cut
    head -n 14 whole/samples.jsonl >cut/samples.jsonl
    printf '{"type":"sam' >>cut/samples.jsonl
    run -1 --separate-stderr ashlar gate --resume cut --quiet
    assert_equal "$(jq -c '[.tests[] | .word, .looks, .blocks]' cut/gate.json)" \
        "$(jq -c '[.tests[] | .word, .looks, .blocks]' whole/gate.json)"
    assert_equal "$(wc -l <cut/samples.jsonl)" "$(wc -l <whole/samples.jsonl)"
    # One that has ended is judged again and not run again.
    runs=$(wc -c <log)
    run -1 --separate-stderr ashlar gate --resume cut --quiet
    assert_equal "$(wc -c <log)" "$runs"
}

@test "a gate resumes with its own budgets, and only as a gate" {
    entry twin
    gate plain twin
    run -2 --separate-stderr ashlar gate --resume res/latest --budget "toy:time=1%"
    assert_line_on_stderr "keeps the budgets and looks"
    run -2 --separate-stderr ashlar run --resume res/latest
    assert_line_on_stderr "holds a gate; go on with \`ashlar gate --resume"
    toy run "plain twin"
    run -2 --separate-stderr ashlar gate --resume res/latest
    assert_line_on_stderr "holds no gate; go on with \`ashlar run --resume"
}

@test "ashlar report reads a gate's run, and says that it is one" {
    entry slow slow:20
    want=1 gate plain slow
    run -1 --separate-stderr ashlar report res/latest
    assert_line --partial "warning gate: a gate's run"
    refute_output --partial "missing-blocks"
}

@test "--json is the ruling alone, on stdout" {
    entry slow slow:20
    want=1 gate plain slow --json
    run -0 jq -r '.exit_code, .baseline, .contender, .complete, .family' <<<"$output"
    assert_output $'1\nplain\nslow\ntrue\n2'
}

@test "JUnit: a case a test, a regression is a failure, what does not tell is skipped" {
    entry slow slow:20
    want=1 gate plain slow --junit j.xml
    run -0 /usr/bin/python3 - <<-'PY'
	import xml.etree.ElementTree as tree
	suite = tree.parse("j.xml").getroot()
	print(*(suite.get(k) for k in ("tests", "failures", "errors", "skipped")))
	for case in suite:
	    print(case.get("classname"), case.get("name"), *(child.tag for child in case))
	PY
    assert_output $'2 1 0 0\ntoy time failure\ntoy peak_rss'
    printf '[toy time]\nuntil = 2999-12-31\nreason = a < b & "c"\n' >w.ini
    gate plain slow --junit j.xml --waivers w.ini
    run -0 /usr/bin/python3 -c 'import xml.etree.ElementTree as t; print(t.parse("j.xml").getroot()[0][0].get("message"))'
    assert_output --partial 'a < b & "c"'
    want=2 gate plain slow --junit /nowhere/j.xml
    [[ $stderr == *"cannot write /nowhere/j.xml"* ]]
}

@test "GitHub: ::error lines and a summary only where it asks for them" {
    entry slow slow:20
    GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY=$PWD/summary.md want=1 gate plain slow
    assert_line --regexp '^::error title=ashlar gate::toy time is regression: .*%25 \(at most \+2[0-9.]+ %25\) against a budget of \+5\.00 %25$'
    run -0 cat summary.md
    assert_line --regexp '^\| toy \| time \| \+5\.00 % \| .* \| regression \|  \|$'
    unset GITHUB_ACTIONS GITHUB_STEP_SUMMARY
    want=1 gate plain slow
    refute_output --partial "::error"
}

@test "--cell judges one cell, or one metric of it, and runs no other" {
    entry slow slow:20
    cat >>toy.ini <<-INI
	[cell other]
	workload = toy
	args = --ops 2000000
	count = no
	INI
    want=1 gate plain slow --cell other:time
    assert_equal "$(jq -c '[.tests[] | .cell, .metric]' res/latest/gate.json)" '["other","time"]'
    assert_equal "$(samples .cell | sort -u)" 0
    gate plain slow --cell other:peak_rss
    want=1 gate plain slow --cell toy --budget "other:time=30%"
    rm -r res
    refused plain slow --cell none "--cell names 'none', which is no cell of suite toy"
    refused plain slow --cell toy:speed "--cell names 'toy:speed', which is no cell"
    refused plain slow --cell toy:minor_faults "leave nothing to judge"
}
