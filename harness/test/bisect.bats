# `ashlar bisect`: the first bad commit of a repository of tiny allocators, and nothing left behind. No test
# depends on a measured time: what is slow says so itself (fake_bench.c).

bats_require_minimum_version 1.5.0
load common
load revisions

# bisect OPTION...: of the toy cell; $want is the exit code. Its temporary files would lie in tmp/.
bisect() {
    mkdir -p tmp
    TMPDIR=$PWD/tmp run -"${want:-0}" --separate-stderr ashlar bisect --suite toy.ini --bench "$fake" \
        --results res --seed 1 --repo "$repo" --cache "$cache" "$@"
}

assert_nothing_left() {
    assert_untouched
    assert_equal "$(ls tmp)" ""
}

# commits SUBJECT=FAKE...: a commit each.
commits() {
    make_repo
    for one; do commit "${one%%=*}" "${one#*=}"; done
}

@test "the first bad commit is named with its ratio and bound, and nothing is left behind" {
    commits one= two= three=slow:20 four=slow:20 five=slow:21 six=slow:20
    bisect --cell toy:time -- main~5 main
    assert_line --index 0 "$(sha main~3) is the first bad commit"
    assert_line --index 1 "    three"
    assert_line --regexp '^    toy time is regression: \+(18|19|20|21)\.[0-9]+ % \(at most \+[12][0-9]\.[0-9]+ %\) against a budget of \+5\.00 %$'
    assert_nothing_left
    # What each step said, the check of BAD first.
    [[ ${stderr_lines[0]} == "ashlar: step 1: $(sha main | cut -c 1-12) six: bad: toy time is regression: "* ]]
    [[ $stderr == *" two: good: toy time is within: "* ]]
    # Not every commit is built.
    (($(wc -l <"$BUILDS") < 6))
}

@test "--json has the commit, its tests and the steps" {
    commits one= two=slow:20 three=slow:20
    bisect --cell toy:time --json --quiet -- main~2 main
    assert_equal "$stderr" ""
    run -0 jq -r '.schema, .first_bad.commit, .first_bad.subject, .first_bad.tests[0].word,
        ([.steps[].commit] | unique | length)' <<<"$output"
    assert_output "ashlar-bisect-1
$(sha main~1)
two
regression
2"
}

@test "BAD itself may be the first, right after GOOD or later" {
    commits one= two= three=slow:20
    bisect --cell toy:time -- main~1 main
    assert_line --index 0 "$(sha main) is the first bad commit"
    bisect --cell toy:time -- main~2 main
    assert_line --index 0 "$(sha main) is the first bad commit"
    assert_nothing_left
}

@test "a commit that does not build is skipped" {
    commits one= two= three= four=broken five= six=slow:20 seven=slow:20
    bisect --cell toy:time -- main~6 main
    assert_line --index 0 "$(sha main~1) is the first bad commit"
    [[ $stderr == *" four: unbuilt: rev:$(sha main~3) ("*") does not build: "* ]]
    assert_nothing_left
}

@test "skipped commits that hide the first bad one: exit 3, and all that it may be" {
    commits one= two=broken three=slow:20 four=slow:20
    want=3 bisect --cell toy:time -- main~3 main
    [[ $stderr == *"ashlar bisect: the first bad commit is one of 2, as the others were skipped; "* ]]
    assert_equal "${#lines[@]}" 2
    assert_line --regexp "^$(sha main~1): bad: toy time is regression: "
    assert_line --regexp "^$(sha main~2): unbuilt: rev:"
    assert_nothing_left
}

@test "a commit under which a process crashes is skipped, too" {
    commits one= two=crash three=slow:20 four=slow:20
    want=3 bisect --cell toy:time --json -- main~3 main
    assert_equal "$(jq -r '.candidates[]' <<<"$output")" "$(sha main~1)"$'\n'"$(sha main~2)"
    run -0 jq -r ".steps[] | select(.commit == \"$(sha main~2)\") | .verdict, .told" <<<"$output"
    assert_line --index 0 failed
    assert_line --index 1 --partial "toy time is failed: "
    assert_nothing_left
}

@test "BAD that is no regression against GOOD is exit 3, before anything is bisected" {
    commits one= two=slow:20 three=
    want=3 bisect --cell toy:time --quiet -- main~2 main
    assert_line_on_stderr "ashlar bisect: main is no regression against main~2: toy time is within: "
    assert_equal "$output" ""
    want=3 bisect --cell toy:time --quiet --budget "toy:time=30%" -- main~2 main~1
    assert_line_on_stderr "main~1 is no regression against main~2: "
    # The control: with its own budget it is one.
    bisect --cell toy:time -- main~2 main~1
    assert_nothing_left
}

@test "what cannot be bisected is one line and exit 2, and builds nothing" {
    commits one= two=slow:20
    git -C "$repo" branch side main~1
    want=2 bisect --quiet -- main~1 main
    assert_line_on_stderr "--cell is missing; name the one that is worse"
    want=2 bisect --cell toy -- main
    assert_line_on_stderr "name two revisions: ashlar bisect --cell NAME -- GOOD BAD"
    want=2 bisect --cell toy -- main main
    assert_line_on_stderr "main and main are the same commit"
    want=2 bisect --cell toy -- main main~1
    assert_line_on_stderr "main is no ancestor of main~1"
    want=2 bisect --cell toy -- nowhere main
    assert_line_on_stderr "rev:nowhere names no commit"
    run -0 ashlar bisect --help
    assert_output --partial "--budget=TEXT"
    refute_output --partial "--waivers"
    want=2 bisect --cell toy --waivers w.ini -- main~1 main
    assert_line_on_stderr "--waivers is not for a bisection"
    want=2 bisect --cell toy --colour -- main~1 main
    assert_line_on_stderr "option '--colour' is unknown"
    want=2 bisect --cell toy -- main~1 main more
    assert_line_on_stderr "unexpected argument 'more'"
    assert_equal "$(wc -l <"$BUILDS")" 0
    repo=/nowhere want=2 bisect --cell toy -- main~1 main
    assert_line_on_stderr "/nowhere is no git repository"
}

@test "what the gate refuses comes through as its line and its exit code" {
    commits one= two=slow:20
    want=2 bisect --cell none -- main~1 main
    assert_line_on_stderr "ashlar bisect: --cell names 'none', which is no cell of suite toy"
    want=2 bisect --cell toy --max-blocks 13 -- main~1 main
    assert_line_on_stderr "the last look is at 12, 24, 48 or 72 blocks"
    want=4 bisect --cell toy --quiet --build-command "echo no luck; false" -- main~1 main
    assert_line_on_stderr "does not build: \`echo no luck; false\` ended with 1: no luck; its log is"
    echo "remote = yes" >>toy.ini
    want=2 bisect --cell toy:time --quiet -- main~1 main
    assert_line_on_stderr "nothing gates there: toy time is reported: "
    assert_nothing_left
}

@test "an interrupted bisection leaves nothing behind" {
    : >held
    commits one= "two=hang-while:$PWD/held" three=slow:20
    mkdir tmp
    TMPDIR=$PWD/tmp "$ASHLAR_BUILD/ashlar" bisect --suite toy.ini --bench "$fake" --results res --repo "$repo" --cache "$cache" \
        --timeout 600 --quiet --cell toy:time -- main~2 main >out 2>err 3>&- &
    pid=$!
    wait_for_words held "$pid"
    assert_equal "$(git -C "$repo" worktree list | wc -l)" 2
    kill -TERM "$pid"
    wait "$pid" && code=0 || code=$?
    assert_equal "$code" 130
    assert_equal "$(cat err)" "ashlar bisect: interrupted"
    assert_nothing_left
}
