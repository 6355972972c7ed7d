# Duets: two processes at the same time on two processors, which they swap; and what duets gain.

bats_require_minimum_version 1.5.0
load common

two_processors() {
    (($(nproc) > 1)) || skip "a duet needs two processors, and this machine has one"
}

# blocks KIND: the judged blocks that are duets (true) or not (null), each once.
blocks() {
    samples "select((.warmup | not) and .duet == $1) | .block" | sort -n | uniq -c | awk '{print $2 ":" $1}' | xargs
}

@test "the two of a duet are pinned to two processors, and swap them from block to block" {
    two_processors
    toy run "plain other=plain" --duet
    assert_equal "$(blocks true)" "0:2 1:2 2:2 3:2 4:2 5:2"
    # What the plan says is where the processes were, as they themselves saw it.
    assert_equal "$(samples '.cpu == .bench.pinned' | sort | uniq -c | xargs)" "14 true"
    assert_equal "$(samples .cpu | sort -un | xargs)" \
        "$(jq -r 'select(.type == "plan") | .duet.cpus | sort | map(tostring) | join(" ")' res/latest/samples.jsonl)"
    seats=$(samples 'select((.warmup | not) and .allocator == "plain") | [.block, .cpu]' | jq -sc 'sort | map(.[1])')
    run -0 jq -c '[.[0] != .[1], .[0] == .[2], .[1] == .[3], .[2] == .[4], .[3] == .[5]] | all' <<<"$seats"
    assert_output true
    run -0 jq -s '[.[] | select(.type == "sample")] | group_by([.warmup, .block]) | map(map(.cpu) | unique | length) | all(. == 2)' \
        res/latest/samples.jsonl
    assert_output true
    # Control: without --duet nothing is pinned, and no sample says that it was.
    toy run "plain other=plain"
    assert_equal "$(samples '[.duet, .cpu]' | sort -u)" '[null,null]'
}

@test "the two run at the same time; without --duet they never do" {
    two_processors
    entry one "meet:$PWD/place"
    entry two "meet:$PWD/place"
    sed -i 's/timeout_s = 2/timeout_s = 120/' toy.ini
    toy run "one two" --baseline one --duet --blocks 2
    assert_equal "$(samples .status | sort | uniq -c | xargs)" "6 ok"
    rm place
    sed -i 's/timeout_s = 120/timeout_s = 1/' toy.ini
    want=4 toy run "one two" --baseline one --blocks 2
    [[ $(samples .status) == *timeout* ]]
}

@test "duets that cannot be are refused with one line, before anything is written" {
    refused() {
        assert_line_on_stderr "$1"
        [[ ! -e res ]]
    }
    want=2 toy run "plain other=plain third=plain" --duet
    refused "--duet pairs two allocators, and 3 are named"
    want=2 toy run plain --duet
    refused "--duet pairs two allocators, and 1 are named"
    want=2 toy run "plain other=plain" --duet --blocks 5
    refused "--duet needs an even number of blocks"
    want=2 toy run "plain other=plain" --duet=some
    refused "--duet=some is unknown; write --duet or --duet=both"
    run -2 --separate-stderr taskset -c "$(first_cpu)" "$ASHLAR_BUILD/ashlar" run --suite "$PWD/toy.ini" \
        --registry registry.ini --bench "$fake" --results res --quiet --allocators "plain other=plain" --duet
    refused "--duet needs two usable processors, and there is one"
    sed -i 's/--ops 1000000/--threads 2 --ops 1000000/' toy.ini
    want=2 toy run "plain other=plain" --duet
    refused "--duet is for timed cells of one thread"
}

@test "cells of several threads run as without --duet, and that is told" {
    two_processors
    printf '[cell pair]\nworkload = toy\nargs = --threads 2 --ops 1000000\ncount = no\n' >>toy.ini
    toy compare "plain other=plain" --duet
    assert_output --partial "warning duet: cells of one thread are run as duets on processors"
    assert_output --partial "one process after the other, as without --duet: pair"
    assert_equal "$(samples '[.cell, .duet]' | sort | uniq -c | xargs)" '14 [0,true] 14 [1,null]'
    assert_equal "$(jq -c '[.duets, ([.cells[] | select(.metric == "time") | .blocks] | unique)]' res/latest/summary.json)" \
        '[[],[6]]'
}

@test "an interrupted run goes on with its duets as it would have" {
    two_processors
    toy run "plain other=plain" --duet=both
    samples '[.block, .warmup, .order, .allocator, .duet, .cpu]' >whole
    head -n 13 res/latest/samples.jsonl >cut
    mv cut res/latest/samples.jsonl
    run -5 --separate-stderr ashlar run --resume res/latest --duet --quiet
    assert_line_on_stderr "--duet is not what the run in res/latest was begun with"
    cp res/latest/samples.jsonl cut
    sed -i '1s/"cpus":\[[0-9]*,/"cpus":[999,/' res/latest/samples.jsonl
    run -5 --separate-stderr ashlar run --resume res/latest --quiet
    assert_line_on_stderr "the duets of the run need processor 999, which may not be used here"
    cp cut res/latest/samples.jsonl
    run -0 ashlar run --resume res/latest --duet=both --blocks 6 --quiet
    samples '[.block, .warmup, .order, .allocator, .duet, .cpu]' >resumed
    cmp whole resumed
}

@test "--duet=both runs as many duets as ordinary blocks, one of each two, and tells what they gain" {
    two_processors
    entry shaky shaky
    run --separate-stderr ashlar compare --suite "$PWD/toy.ini" --registry registry.ini --bench "$fake" \
        --results res --quiet --seed 1 --allocators "plain shaky" --duet=both --blocks 8
    [[ $status == [013] ]] || fail "exit $status: $stderr"
    assert_line --partial "duets: cell, interval of ordinary blocks, of as many duets, gain"
    assert_equal "$(samples 'select((.warmup | not) and .duet) | .block' | sort -un | wc -l)" 8
    # One of each two blocks, by chance.
    assert_equal "$(samples 'select(.duet) | .block / 2 | floor' | sort -n | uniq -c | awk '{print $1}' | sort -u)" 2
    run -0 jq -c '[.duets[] | [.label, .ordinary, .duet]]' res/latest/summary.json
    assert_output '[["toy",8,8],["all cells together",null,null]]'
    run -0 grep -c '^| all cells together | - | - | [0-9.]* \[[0-9.]*, [0-9.]*\] |$' res/latest/report.md
    # As often on one processor as on the other, among the duets alone.
    run -0 samples 'select(.duet and .allocator == "plain") | .cpu'
    assert_equal "$(sort <<<"$output" | uniq -c | awk '{print $1}' | xargs)" "4 4"
    # Control: a run of one kind has no gain to tell.
    toy compare "plain other=plain"
    refute_output --partial "duets:"
    assert_equal "$(jq -c .duets res/latest/summary.json)" '[]'
}

# played ORDINARY DUET: a run of 24 ordinary blocks and 24 duets that never happened, with these spreads
# of the log ratios, in three cells.
played() {
    rm -rf played
    mkdir played
    /usr/bin/python3 - "$1" "$2" >played/samples.jsonl <<-'PY'
	import json, math, random, sys
	spread = {False: float(sys.argv[1]), True: float(sys.argv[2])}
	rng = random.Random(7)
	def say(**line):
	    print(json.dumps(line, separators=(',', ':')))
	say(type='plan', schema='ashlar-samples-1', seed=3, baseline='a', contenders=['b'], blocks=48,
	    duet={'both': True, 'cpus': [0, 1]}, warnings=[], skipped=[], environment={},
	    cells=[{'id': c, 'label': f'w{c}', 'workload': f'w{c}', 'params': '', 'threads': 1, 'primary': True}
	           for c in range(3)])
	for block in range(48):
	    for cell in range(3):
	        duet = (block + cell) % 2 == 1
	        d = rng.gauss(0.1, spread[duet])
	        for order, name in enumerate('ab'):
	            extra = {'duet': True, 'cpu': order} if duet else {}
	            say(type='sample', cell=cell, block=block, order=order, warmup=False, allocator=name, status='ok',
	                time_ns=round(4e8 * (math.exp(d) if name == 'b' else 1)), **extra)
	print('{"type":"end","elapsed_s":1}')
	PY
    run --separate-stderr ashlar report played
    [[ $status == [013] ]] || fail "exit $status: $stderr"
}

# gain EXPRESSION: of the row of all cells.
gain() {
    jq -r ".duets[-1] | $1" played/summary.json
}

@test "a gain that was planted is found, with its interval, and no gain is none" {
    played 0.04 0.01
    assert_line --regexp '^  all cells together +- +- +0\.[0-9]{2} \[0\.[0-9]{2}, 0\.[0-9]{2}\]$'
    assert_equal "$(gain '.gain > 0.17 and .gain < 0.36 and .low < 0.25 and .high > 0.25 and .high < 0.6')" true
    # Both ways tell the same ratio, exp(0.1), where no duet bias was planted.
    assert_equal "$(jq -c '[.duets[0:3][] | .ordinary_ratio, .duet_ratio] | all(. > 1.07 and . < 1.14)' played/summary.json)" true
    played 0.02 0.02
    assert_equal "$(gain '.low < 1 and .high > 1')" true
    played 0.01 0.04
    assert_equal "$(gain '.low > 1')" true
}

@test "a pair of a duet and an ordinary process is no pair" {
    played 0.02 0.02
    assert_equal "$(jq -c '[.cells[] | select(.metric == "time") | .blocks]' played/summary.json)" '[48,48,48]'
    # Block 1 of cell 0, side b: it says no longer that it was a duet.
    sed -i '/"cell":0,"block":1,.*"allocator":"b"/s/,"duet":true,"cpu":1//' played/samples.jsonl
    run --separate-stderr ashlar report played
    assert_equal "$(jq -c '[.cells[] | select(.metric == "time") | .blocks] | sort' played/summary.json)" '[47,48,48]'
    assert_equal "$(jq -c '.duets[0] | [.ordinary, .duet]' played/summary.json)" '[24,23]'
}

@test "a gate takes duets, and judges them by block" {
    two_processors
    run -0 --separate-stderr ashlar gate plain other=plain --suite "$PWD/toy.ini" --registry registry.ini \
        --bench "$fake" --results res --quiet --seed 1 --duet --max-blocks 12
    assert_equal "$(samples 'select(.warmup | not) | .duet' | sort | uniq -c | xargs)" "24 true"
    run -0 jq -c '[.tests[] | select(.metric == "time") | .word]' res/latest/gate.json
    assert_output '["within"]'
    run -2 --separate-stderr ashlar gate plain other=plain --suite "$PWD/toy.ini" --registry registry.ini \
        --bench "$fake" --results res --quiet --duet=both
    assert_line_on_stderr "--duet=both is for \`ashlar compare\`; a gate takes --duet"
}
