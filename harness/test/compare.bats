# compare and report: verdicts become exit codes, files become whole or not at all.

bats_require_minimum_version 1.5.0
load common

@test "no difference is exit 0, and all four files are there" {
    toy compare "plain other=plain"
    assert_output --partial "toy"
    assert_equal "$(cd res/latest && echo *)" "report.html report.md samples.jsonl summary.json"
    assert_equal "$(jq -r '.cells[] | select(.metric == "time") | .verdict' res/latest/summary.json)" same
}

@test "a planted slowdown is exit 1" {
    entry slow slow:30
    want=1 toy compare "plain slow"
    assert_equal "$(jq -r '.cells[] | select(.metric == "time") | .verdict' res/latest/summary.json)" worse
    run -1 --separate-stderr ashlar report res/latest
    assert_output --partial "worse"
}

@test "a reference may be slower: it is shown, and exit stays 0" {
    entry slow slow:30
    echo 'reference = yes' >>registry.ini
    toy compare "plain other=plain slow"
    assert_equal "$(jq -r '[.cells[] | select(.metric == "time") | .contender + " " + .verdict] | join(", ")' res/latest/summary.json)" \
        "other same, slow worse"
    assert_equal "$(jq -r '.reference, ([.geomean[].contender] | unique | join(" "))' res/latest/summary.json)" $'slow\nother'
    # with nobody but the reference there is nothing to say
    want=3 toy compare "plain slow"
}

@test "noise that hides everything is exit 3" {
    entry shaky shaky
    sed -i 's/^count = no/count = no/; s/primary = yes/primary = yes/' toy.ini
    want=3 toy compare "plain shaky" --blocks 2
    assert_equal "$(jq -r '[.cells[] | select(.metric == "time") | .verdict][0]' res/latest/summary.json)" unclear
}

@test "a crash is exit 4 and the verdict is failed" {
    entry victim crash
    want=4 toy compare "plain victim"
    assert_equal "$(jq -r '[.cells[].verdict] | unique | join(" ")' res/latest/summary.json)" failed
    run -4 --separate-stderr ashlar report res/latest
}

@test "a failing baseline is exit 4 too" {
    entry victim crash
    want=4 toy compare "victim plain" --baseline victim
    assert_equal "$(jq -r '[.cells[].verdict] | unique | join(" ")' res/latest/summary.json)" failed
}

@test "a run is finished and judged by compare --resume" {
    toy run "plain other=plain"
    head -n 9 res/latest/samples.jsonl >cut
    mv cut res/latest/samples.jsonl
    run -0 --separate-stderr ashlar compare --resume res/latest --quiet
    assert_equal "$(jq -r .complete res/latest/summary.json)" true
}

@test "--json prints the summary" {
    toy compare "plain other=plain" --json
    assert_equal "$(jq -r .schema <<<"$output")" ashlar-summary-1
    run -0 --separate-stderr ashlar report res/latest --json
    assert_equal "$(jq -r .schema <<<"$output")" ashlar-summary-1
}

@test "a micro row is left out for an allocator without an entry point that it calls" {
    cat >rows.ini <<-INI
	[suite]
	blocks = 1
	[cell new]
	micro = BM_new_sized/64
	args = --ops 1000
	[cell sized]
	micro = BM_free_sized/64
	args = --ops 1000
	INI
    run -0 --separate-stderr ashlar run --suite "$PWD/rows.ini" --allocators "ashlar glibc limit" \
        --baseline ashlar --results res \
        --no-counts --quiet
    run -0 jq -r 'select(.type == "plan") | .skipped[] | "\(.cell) \(.allocator): \(.reason)"' res/latest/samples.jsonl
    assert_output "1 glibc: glibc does not define free_sized, which this workload calls"
    run -0 jq -rs '[.[] | select(.type == "sample" and .cell == 1) | .allocator + " " + .status] | unique | join(", ")' \
        res/latest/samples.jsonl
    assert_output "ashlar ok, limit ok"
    run -0 --separate-stderr ashlar run --suite "$PWD/rows.ini" --calibrate --allocators glibc
    assert_output --partial "; [cell sized] is left out: glibc lacks an entry point that it calls"
}

@test "the real parts together: the smoke suite on ashlar against glibc, nothing failed" {
    run --separate-stderr ashlar compare --suite smoke --results res --quiet
    [[ $status == 0 || $status == 1 || $status == 3 ]] || fail "exit $status: $stderr"
    assert_equal "$(jq -r '[.cells[].verdict] | index("failed")' res/latest/summary.json)" null
    assert_equal "$(jq -r '[.cells[].workload] | unique | join(" ")' res/latest/summary.json)" \
        "fastpath larson micro"
    # The library that was measured is ours: it defines what glibc does not.
    assert_equal "$(jq -r 'select(.type=="plan") | .allocators[1].audit.entry_points.malloc' res/latest/samples.jsonl)" \
        "$(realpath "$ASHLAR_BUILD/libashlar.so")"
}
