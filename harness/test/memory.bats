# Memory over time: a process whose memory is known gives known figures, and one that misbehaves is told.

bats_require_minimum_version 1.5.0
load common

# watched [KEY]: makes the toy suite one of memory alone.
watched() {
    sed -i 's/^blocks = 6/blocks = 0\nmemory_blocks = 2\nmemory_idle_ms = 300/; s/^count = no/memory = yes/
        s/^timeout_s = 2/timeout_s = 20/' toy.ini
}

# fakes NAME MEMORY: an allocator under which the fake's memory behaves so.
fakes() {
    entry "$1"
    echo "env = FAKE_MEMORY=$2" >>registry.ini
}

curves() {
    jq -c "select(.type == \"memory\") | $1" res/latest/samples.jsonl
}

@test "32 MiB resident for 16 MiB live: every figure is 2, and nothing is left after the drain" {
    watched
    toy run "plain other=plain"
    assert_equal "$(jq -r .type res/latest/samples.jsonl | sort | uniq -c | xargs)" \
        "1 end 4 memory 2 null 1 plan"
    assert_equal "$(curves '[.allocator, .block, .status]' | sort | tr -d '\n')" \
        '["other",0,"ok"]["other",1,"ok"]["plain",0,"ok"]["plain",1,"ok"]'
    run -0 curves '[.figures | .f1, .f2, .f3, .f4] | all(. > 1.9 and . < 2.3)'
    assert_output $'true\ntrue\ntrue\ntrue'
    run -0 curves '[.live_peak_kib == 16384, .figures.peak_kib > 32768, .figures.peak_kib < 36000,
        .peak.rss_kib >= .peak.private_dirty_kib, .drained["0.1"] < 8192, (.drained | length)]'
    assert_equal "$(sort -u <<<"$output")" '[true,true,true,true,true,1]'
}

@test "the curve has its phases in order, its peak, and not more points than it may" {
    watched
    toy run plain
    run -0 curves '[.curve | length <= 400, (map(.[0]) | . == sort), (map(.[1]) | max > 32768),
        (map(.[4]) | max == 16384)]'
    assert_equal "$(sort -u <<<"$output")" '[true,true,true,true]'
    run -0 curves '.curve | map(.[5]) | unique | contains(["active", "idle"])'
    assert_equal "$(sort -u <<<"$output")" true
}

@test "the readings' own cost is told, by their share and by the same process left alone" {
    watched
    toy run plain
    run -0 curves '[.block, (.disturbance | .watched_ns > 0 and .alone_ns > 0)]'
    assert_equal "$(sort <<<"$output" | tr -d '\n')" '[0,true][1,false]'
    run -0 curves '.read_share > 0 and .read_share < 0.1'
    assert_equal "$(sort -u <<<"$output")" true
}

@test "control: what is kept after the last free is seen" {
    watched
    fakes keeper keep
    toy run "plain keeper"
    run -0 curves 'select(.allocator == "keeper") | .drained["0.1"] > 32768'
    assert_output $'true\ntrue'
}

@test "pages given back lazily are not resident" {
    watched
    fakes sloth lazy
    toy run "plain sloth"
    run -0 curves 'select(.allocator == "sloth") | [.drained["0.1"] < 8192, (.curve[-1] | .[1] > 32768 and .[2] > 32000)]'
    assert_output $'[true,true]\n[true,true]'
}

@test "a curve without marks, or without live bytes, is an error" {
    watched
    fakes silent unmarked
    want=4 toy run "plain silent"
    [[ $stderr == *"toy under silent: error: the program announced no phases"* ]] || fail "$stderr"
    assert_equal "$(curves 'select(.allocator == "silent") | [.status, .curve]')" '["error",null]'
    fakes secret unpublished
    want=4 toy run "plain secret"
    [[ $stderr == *"toy under secret: error: the program published no live bytes"* ]] || fail "$stderr"
}

@test "a process that ends badly is a result, and is not tried again" {
    watched
    fakes victim fail
    want=4 toy run "plain victim"
    assert_equal "$(curves 'select(.allocator == "victim") | [.status, .detail, .curve]')" \
        '["integrity","ashlar-bench: block 17 was damaged",null]'
    assert_equal "$(curves 'select(.allocator == "plain") | .status' | xargs)" "ok ok"
}

@test "timed blocks come first, and are watched by nothing" {
    sed -i 's/^blocks = 6/blocks = 1\nmemory_blocks = 1/; s/^count = no/count = no\nmemory = yes/' toy.ini
    cat >bench.sh <<-SH
	#!/bin/sh
	echo "\${ASHLAR_PHASE_FD-none} \${ASHLAR_LIVE_FD-none} \$*" >>$PWD/calls
	exec $fake "\$@"
	SH
    chmod +x bench.sh
    toy run plain --bench "$PWD/bench.sh"
    assert_equal "$(jq -r .type res/latest/samples.jsonl | xargs)" "plan null sample sample memory end"
    run -0 grep -v -e --describe -e --null calls
    assert_equal "$output" 'none none toy --ops 1000000
none none toy --ops 1000000
3 4 toy --ops 1000000 --idle-ms 300
3 4 toy --ops 1000000 --idle-ms 0
3 4 toy --ops 1000000 --idle-ms 0 --layout'
}

@test "an interrupted pass is resumed without losing a finished curve" {
    watched
    toy run "plain other=plain"
    curves '[.block, .allocator]' >whole
    cp res/latest/samples.jsonl whole.jsonl
    for kept in 1 4 6; do
        head -n $kept whole.jsonl >res/latest/samples.jsonl
        sed -n "$((kept + 1))p" whole.jsonl | head -c 90 >>res/latest/samples.jsonl
        run -0 --separate-stderr ashlar run --resume res/latest --quiet
        curves '[.block, .allocator]' >resumed
        cmp whole resumed || fail "cut after $kept lines"
        cmp <(head -n $kept whole.jsonl) <(head -n $kept res/latest/samples.jsonl)
        assert_equal "$(tail -1 res/latest/samples.jsonl | jq -r .type)" end
    done
}

@test "the real bench: a sawtooth under glibc and ashlar" {
    cat >saw.ini <<-INI
	[suite]
	blocks = 0
	memory_blocks = 1
	[cell saw]
	workload = frag
	args = --peak 32m --ops 400000
	memory = yes
	INI
    run -0 --separate-stderr ashlar run --suite ./saw.ini --results res --quiet --allocators "glibc ashlar"
    assert_equal "$(curves .status | xargs)" "ok ok"
    # A slow machine may miss the crests; ten times the demand would be a broken reading.
    run -0 curves '[.figures.f4 > 0, .figures.f4 < 10, .live_peak_kib >= 32768, .live_peak_kib < 33000,
        .peak.rss_kib <= .vmhwm_kib + 1024]'
    layout=$(curves '[.layout | .page_waste, .internal_waste, .huge_coverage] | all(. >= 0 and . < 1)')
    assert_equal "$layout" $'true\ntrue'
    assert_equal "$(sort -u <<<"$output")" '[true,true,true,true,true]'
}

@test "suites that watch what cannot be watched, or do nothing, are refused" {
    sed -i 's/^blocks = 6/blocks = 0/' toy.ini
    want=2 toy run plain
    assert_line_on_stderr "[cell toy] blocks = 0 leaves it nothing to do; say memory = yes, or give blocks"
    sed -i 's/^workload = toy/micro = BM_x/; s/^count = no/memory = yes/' toy.ini
    want=2 toy run plain
    assert_line_on_stderr "[cell toy] memory = yes needs a workload of ashlar-bench"
}
