# Series of growing sizes: what is run, what exponent is found, how a broken run goes on. The fake bench has a
# cost of a known power of the size.

bats_require_minimum_version 1.5.0
load common

setup_growth() {
    cat >>toy.ini <<-INI
	[growth toy-size]
	workload = toy
	args = --ops 1000
	over = --size
	at = 16 64 256 1024 4096 16384
	rounds = 3
	INI
    entry flat grow:0
    entry root grow:half
    entry line grow:1
}

points() {
    jq -c "select(.type == \"growth\") | $1" res/latest/samples.jsonl
}

# curve NAME EXPRESSION: of an allocator in the summary.
curve() {
    jq -c --arg name "$1" ".growth[0].allocators[] | select(.allocator == \$name) | $2" res/latest/summary.json
}

@test "every point runs every allocator once a round, in random order, after the blocks" {
    setup_growth
    toy run "plain flat line"
    assert_equal "$(points .size | sort -n | uniq -c | xargs)" "3 16 3 64 3 256 3 1024 3 4096 3 16384"
    assert_equal "$(points '.samples | map(.allocator) | sort | join(" ")' | sort | uniq -c | xargs -n1 | xargs)" \
        "18 flat line plain"
    assert_equal "$(points '.samples | map(.status) | unique')" "$(yes '["ok"]' | head -18)"
    # In order of neither size nor name.
    run -1 cmp <(points .size | head -6) <(points .size | head -6 | sort -n)
    (($(points '.samples[0].allocator' | sort -u | wc -l) > 1))
    assert_equal "$(jq -r .type res/latest/samples.jsonl | uniq | xargs)" "plan null sample growth end"
    assert_equal "$(jq -c 'select(.type == "plan") | .growth[0] | [.over, .params, .at[5], .rounds]' \
        res/latest/samples.jsonl)" '["--size","toy=1",16384,3]'
}

@test "a known exponent is found: 0, one half, 1" {
    setup_growth
    run ashlar compare --suite ./toy.ini --registry registry.ini --bench "$fake" --results res --quiet --seed 1 \
        --allocators "plain flat root line"
    [[ $status =~ ^[013]$ ]]
    assert_line --regexp '^  toy-size +line +\+1\.00 \[\+(0\.99|1\.00), \+1\.0[01]\].* 1\.6e\+03 ns at 16,.* grows$'
    for want in plain:0:constant flat:0:constant root:0.5:grows line:1:grows; do
        IFS=: read -r name exponent word <<<"$want"
        run -0 curve "$name" "((.exponent - $exponent) | fabs < 0.01) and .low <= .exponent and .exponent <= .high and
            (.high - .low) < 0.05 and .confidence >= 0.95 and .word == \"$word\""
        assert_output true
    done
    run -0 grep -c '^| grows | toy-size' res/latest/report.md
    assert_output 2
    run -0 curve line '.points | map([.size, .rounds])'
    assert_output '[[16,3],[64,3],[256,3],[1024,3],[4096,3],[16384,3]]'
}

@test "control: a curve that jumps up and down is neither constant nor growing" {
    setup_growth
    toy run "plain flat"
    jq -c 'if .type == "growth" and .point % 2 == 1 then .samples |= map(.time_ns *= 6) else . end' \
        res/latest/samples.jsonl >jumping
    mv jumping res/latest/samples.jsonl
    run ashlar report res/latest
    run -0 curve flat '[.word, .high - .low > 0.2]'
    assert_output '["unclear",true]'
}

@test "a failure in a series is a result, and the allocator is tried no more in it" {
    setup_growth
    entry victim crash-at:256
    want=4 toy compare "plain victim flat"
    [[ $stderr == *"growth toy-size at --size 256 under victim: crash: signal 11"* ]] || fail "stderr: $stderr"
    assert_equal "$(points '.samples[] | select(.allocator == "victim" and .status == "crash") | .time_ns')" null
    run -0 curve victim '[.word, .exponent, (.reason | startswith("crash at 256: signal 11"))]'
    assert_output '["failed",null,true]'
    run -0 curve flat .word
    assert_output '"constant"'
    # Its cell, at another size, is sound.
    assert_equal "$(samples 'select(.allocator == "victim") | .status' | sort -u)" '"ok"'
}

@test "a series is skipped for a library that lacks an entry point" {
    setup_growth
    sed -i '/growth/,$s/workload = toy/workload = paged/' toy.ini
    toy run "plain four=$ASHLAR_BUILD/harness/test/preload_four.so"
    assert_equal "$(points '.samples[].allocator' | sort -u)" '"plain"'
    run ashlar report res/latest
    run -0 curve four '[.word, .points]'
    assert_output '["skipped",[]]'
}

@test "a run that is cut in the middle of its series goes on with the same points" {
    setup_growth
    toy run "plain flat"
    points '[.size, .round, (.samples | map(.allocator))]' >whole
    total=$(wc -l <res/latest/samples.jsonl)
    cp res/latest/samples.jsonl whole.jsonl
    for kept in $((total - 19)) $((total - 10)) $((total - 1)); do
        { head -n "$kept" whole.jsonl && tail -n +$((kept + 1)) whole.jsonl | head -c 60; } >res/latest/samples.jsonl
        : >"$log"
        run -0 ashlar run --resume res/latest --quiet
        points '[.size, .round, (.samples | map(.allocator))]' >resumed
        cmp whole resumed
        assert_equal "$(stat -c %s "$log")" $((2 * (total - 1 - kept)))
    done
    sed 's/rounds = 3/rounds = 4/' toy.ini >more.ini
    head -n $((total - 2)) whole.jsonl >res/latest/samples.jsonl
    run -5 --separate-stderr ashlar run --resume res/latest --quiet --suite ./more.ini
    assert_line_on_stderr "--suite is not what"
}

@test "a size that the bench refuses is refused before anything runs" {
    setup_growth
    sed -i 's/over = --size/over = --colour/' toy.ini
    want=2 toy run plain
    assert_line_on_stderr "[cell toy-size] toy: unknown option '--colour'"
    [[ ! -e res ]]
}

@test "the report draws a chart a series, and none where there is none" {
    command -v chromium >/dev/null || skip "chromium is not installed"
    toy run "plain other=plain"
    run ashlar report res/latest
    dom() {
        chromium --headless --no-sandbox --disable-gpu --virtual-time-budget=8000 --dump-dom \
            "file://$PWD/res/latest/report.html" 2>/dev/null >dom
        grep -oE 'data-drawn="[0-9]+"' dom
    }
    without=$(dom)
    run -0 grep -c '<section id="growth" hidden' dom
    setup_growth
    toy run "plain flat line"
    run ashlar report res/latest
    with=$(dom)
    assert_equal "${with//[^0-9]/}" $((${without//[^0-9]/} + 1))
    run -1 grep -q '<section id="growth" hidden' dom
    run -0 grep -oE '<h3>toy-size</h3><span class="say">\+0\.00 constant' dom
}

@test "the growth suite spans three decades, and every workload takes its sizes" {
    sed 's/--ops [0-9]*/--ops 5000/; s/^rounds = .*/rounds = 1/' "$ASHLAR_BUILD/suites/growth.ini" >small.ini
    run -0 --separate-stderr ashlar run --suite ./small.ini --allocators glibc --blocks 1 --no-counts --quiet \
        --results res
    run -0 jq -c 'select(.type == "plan") | .growth[] | select(.at[-1] / .at[0] < 1000)' res/latest/samples.jsonl
    assert_output ""
    assert_equal "$(points '.samples[] | select(.status != "ok")')" ""
    (($(points .series | sort -u | wc -l) == $(grep -c '^\[growth' small.ini)))
}
