# `ashlar baseline` and `ashlar gate baseline:NAME`: what is kept, what is judged against it, and what is
# refused. No test depends on a measured time.

bats_require_minimum_version 1.5.0
load common
load revisions

# The toy cell is counted, under an allocator with its own instructions.
counted() {
    sed -i 's/count = no/count_ops = 20000/' toy.ini
    entry busy busy:0
    entry busy2 busy:2
}

options=(--registry registry.ini --results res --quiet)

# save NAME ALLOCATOR [OPTION...]; $want is the exit code.
save() {
    run -"${want:-0}" --separate-stderr ashlar baseline save "$@" --suite toy.ini --bench "$fake" --seed 1 \
        "${options[@]}"
}

# gate A B [OPTION...]
gate() {
    run -"${want:-0}" --separate-stderr ashlar gate "$@" --suite toy.ini --bench "$fake" --seed 1 "${options[@]}"
}

# kept FILTER: of the baseline's document.
kept() {
    jq -r "$1" res/baselines/base/baseline.json
}

# change FILTER: the document is edited.
change() {
    jq "$1" res/baselines/base/baseline.json >edited.json
    mv edited.json res/baselines/base/baseline.json
}

# of NAME: where the count of an allocator in the last gate comes from.
of() {
    jq -r "select(.type == \"count\" and .method != \"ptrace\" and .allocator == \"$1\") | .stored" res/latest/samples.jsonl
}

@test "a baseline keeps the library, exact figures and the environment, and no time or peak" {
    entry four slow:20
    sed -i "s|^path = .*|path = $ASHLAR_BUILD/harness/test/preload_four.so|" registry.ini
    save base four --no-counts
    assert_output --partial "res/baselines/base: four "
    cmp res/baselines/base/preload_four.so "$ASHLAR_BUILD/harness/test/preload_four.so"
    assert_equal "$(kept '.schema, (.cells[0].minor_faults | length), .cells[0].cell.label, .cells[0].count')" \
        $'ashlar-baseline-1\n12\ntoy\nnull'
    assert_equal "$(kept .library.build_id)" \
        "$(readelf -n "$ASHLAR_BUILD/harness/test/preload_four.so" | awk '/Build ID/{print $3}')"
    assert_equal "$(kept '.environment.fingerprint | length')" 16
    assert_equal "$(kept '[.. | objects | keys[] | select(test("time|wall|rss|peak"))] | length')" 0
    assert_equal "$(kept '.library.env | join(" ")')" "FAKE_LOG=$log FAKE=slow:20"
}

@test "list, show and remove" {
    run -0 ashlar baseline list "${options[@]:2}"
    assert_output "no baseline in res/baselines/"
    save base plain --no-counts
    save other plain --no-counts
    run -0 ashlar baseline list --results res
    assert_line --regexp '^base +20.*Z +plain .* toy +figures count here$'
    assert_line --regexp '^other '
    run -0 ashlar baseline list --results res --json
    assert_equal "$(jq -c '[.[] | .baseline.name, .problem]' <<<"$output")" '["base","","other",""]'
    run -0 ashlar baseline show base --results res
    assert_line --regexp '^base, saved 20.*: plain '
    assert_line --regexp '^toy +- +[0-9]+ +- '
    assert_equal "$(ashlar baseline show base --results res --json | jq -r .name)" base
    run -0 ashlar baseline remove base --results res
    assert_equal "$(ls res/baselines)" other
    # What is no baseline is not removed.
    mkdir res/baselines/mine
    run -2 --separate-stderr ashlar baseline remove mine --results res
    assert_line_on_stderr "no baseline in res/baselines/mine; \`ashlar baseline list\` names"
    [[ -d res/baselines/mine ]]
}

@test "a gate takes the baseline's instructions from it, and counts the other side alone" {
    counted
    save base busy
    [[ $(kept '.cells[0].count.instructions') != null ]] || skip "nothing can be counted here"
    want=1 gate baseline:base busy2
    assert_line --regexp '^toy +instructions +\+0\.50 % +\+[12]\.[0-9]+ % +stored +0  regression$'
    [[ $(kept '.cells[0].calls') == null ]] || assert_line --regexp '^toy +syscalls +\+2 +\+0 +stored +0  within$'
    assert_line --partial "busy2 against base, suite toy"
    assert_equal "$(of base)" base
    assert_equal "$(of busy2)" null
    # The control: the same library is no regression, and is called what one likes.
    gate old=baseline:base busy
    assert_line --regexp '^toy +instructions .* stored +0  within$'
    assert_line --partial "busy against old"
    assert_equal "$(jq -r 'select(.type == "plan") | .allocators[0].source | .kind, .name' res/latest/samples.jsonl)" \
        $'baseline\nbase'
    # And it is the stored figure that decides.
    change '.cells[0].count.instructions /= 2'
    want=1 gate baseline:base busy
    assert_line --regexp '^toy +instructions +\+0\.50 % +\+(99|100|101)\.[0-9]+ % +stored +0  regression$'
}

@test "time and peaks are never those of the past: the library runs again, with its settings" {
    entry slow slow:20
    entry slower slow:44
    save base slow --no-counts
    want=1 gate baseline:base slower
    assert_line --regexp '^toy +time +\+5\.00 % +\+(18|19|20|21)\.[0-9]+ % .* 1  regression$'
    assert_equal "$(samples 'select(.allocator == "base") | .block' | sort -nu | wc -l)" 24
    gate baseline:base slow
    assert_line --regexp '^toy +time .* within$'
}

@test "another environment, another bench, another cell: left out, told, and measured again" {
    counted
    save base busy
    [[ $(kept '.cells[0].count.instructions') != null ]] || skip "nothing can be counted here"
    cp res/baselines/base/baseline.json good.json
    change '.environment.kernel = "1.0" | .cells[0].count.instructions /= 2'
    gate baseline:base busy
    assert_line --regexp '^note: the figures of baseline base are left out and measured again: kernel was "1.0" and is "'
    assert_line --regexp '^toy +instructions .* exact +0  within$'
    assert_equal "$(of base)" null
    run -0 ashlar baseline list --results res
    assert_line --regexp '^base .*kernel was "1.0" and is '
    jq '.programs[0].build_id = "00"' good.json >res/baselines/base/baseline.json
    gate baseline:base busy
    assert_line --partial "measured again: ashlar-bench is another build"
    assert_equal "$(of base)" null
    jq '.cells[0].cell.count_ops = 1' good.json >res/baselines/base/baseline.json
    gate baseline:base busy
    assert_equal "$(of base)" null
    # The control.
    cp good.json res/baselines/base/baseline.json
    gate baseline:base busy
    assert_equal "$(of base)" base
    refute_output --partial "measured again"
}

# refused CODE LINE ARGUMENT...: nothing is run.
refused() {
    rm -rf res/latest res/2*
    want=$1 gate "${@:3}"
    assert_line_on_stderr "$2"
    [[ -z $(find res -name samples.jsonl) ]] || fail "something was run"
}

@test "a library that was changed, or is gone, is refused, and so is a damaged document" {
    entry four
    sed -i "s|^path = .*|path = $ASHLAR_BUILD/harness/test/preload_four.so|" registry.ini
    save base four --no-counts
    library=res/baselines/base/preload_four.so
    cp "$library" good.so
    echo >>"$library"
    refused 5 "preload_four.so was changed since baseline base kept it (build id the same, bytes not)" baseline:base four
    run -5 --separate-stderr ashlar baseline show base --results res
    cp "$libc" "$library"
    refused 5 "preload_four.so is not the library that baseline base kept (build id" baseline:base four
    run -0 ashlar baseline list --results res
    assert_line --partial "is not the library that baseline base kept"
    rm "$library"
    refused 4 "the library of baseline base is missing or is none: res/baselines/base/preload_four.so" baseline:base four
    cp good.so "$library"
    echo '{' >res/baselines/base/baseline.json
    refused 2 "res/baselines/base/baseline.json is damaged (" baseline:base four
    echo '{"schema":"other"}' >res/baselines/base/baseline.json
    refused 2 "is not of schema ashlar-baseline-1" baseline:base four
    refused 2 "no baseline in res/baselines/none; \`ashlar baseline list\` names" baseline:none four
    refused 2 "'baseline:' names nothing" baseline: four
}

@test "a baseline is the first side, and may lie anywhere" {
    save base plain --no-counts
    refused 2 "'baseline:base' is the second side" plain baseline:base
    mv res/baselines/base there
    gate baseline:./there/ plain
    assert_line --partial "plain against there"
}

@test "save refuses what is no baseline: exit 2, or 4 where a process ends badly" {
    entry crash crash
    save base plain --no-counts
    want=2 save base plain --no-counts
    assert_line_on_stderr "baseline base is there already; choose another name, or replace it with --force"
    save base plain --no-counts --force
    want=4 save bad crash --no-counts
    [[ $stderr == *"processes ended badly under crash, so it is no baseline; res/"* ]]
    want=2 save ../bad plain
    assert_line_on_stderr "'../bad' is no name of a baseline"
    want=2 save .bad plain
    want=2 save bad
    assert_line_on_stderr "name a library: ashlar baseline save NAME ALLOCATOR"
    want=2 save bad baseline:base
    assert_line_on_stderr "'baseline:base' is a baseline already"
    want=2 save bad plain --blocks 3
    assert_line_on_stderr "a baseline is of one library in 12 blocks"
    want=4 save bad gone=/nowhere/lib.so
    mkdir res/baselines/mine
    want=2 save mine plain --force
    assert_line_on_stderr "res/baselines/mine is there and is no baseline"
    assert_equal "$(ls -A res/baselines)" $'base\nmine'
    run -2 --separate-stderr ashlar baseline
    assert_line_on_stderr "write ashlar baseline save NAME ALLOCATOR, list, show NAME or remove NAME"
    run -2 --separate-stderr ashlar baseline keep base
    run -2 --separate-stderr ashlar baseline show base more --results res
    assert_line_on_stderr "unexpected argument 'more'"
}

@test "a revision is kept with where it comes from" {
    make_repo
    commit one ""
    commit two slow:20
    run -0 --separate-stderr ashlar baseline save base rev:main~1 --suite toy.ini --bench "$fake" --results res \
        --quiet --repo "$repo" --cache "$cache"
    assert_equal "$(kept '.library.source.commit, .library.source.subject')" "$(sha main~1)"$'\none'
    rm -r "$cache"
    run -1 --separate-stderr ashlar gate baseline:base rev:main --suite toy.ini --bench "$fake" --results res \
        --quiet --repo "$repo" --cache "$cache"
    assert_equal "$(wc -l <"$BUILDS")" 2
    assert_equal "$(jq -rn 'input | .allocators[0].source.of.commit' res/latest/samples.jsonl)" "$(sha main~1)"
    assert_untouched
}

@test "a gate against a baseline goes on with the same figures, also when the baseline is gone" {
    counted
    save base busy
    [[ $(kept '.cells[0].count.instructions') != null ]] || skip "nothing can be counted here"
    want=1 gate baseline:base busy2
    mkdir cut
    head -n 10 res/latest/samples.jsonl >cut/samples.jsonl
    change '.cells[0].count.instructions /= 2'
    run -1 --separate-stderr ashlar gate --resume cut --quiet
    assert_equal "$(jq -c '[.tests[] | .word, .blocks, .stored]' cut/gate.json)" \
        "$(jq -c '[.tests[] | .word, .blocks, .stored]' res/latest/gate.json)"
    assert_equal "$(jq -c 'select(.type == "count" and .method != "ptrace" and .allocator == "base") | .instructions' cut/samples.jsonl)" \
        "$(jq -c 'select(.type == "count" and .method != "ptrace" and .allocator == "base") | .instructions' res/latest/samples.jsonl)"
    rm -r res/baselines
    run -1 --separate-stderr ashlar gate --resume cut --quiet
}

@test "the layout at the peak is kept, and judged as pages for the same bytes" {
    sed -i 's/^\[cell toy\]/memory_blocks = 1\nmemory_idle_ms = 1\n&\nmemory = yes/' toy.ini
    entry loose waste:30
    save base plain --no-counts
    assert_equal "$(kept '.cells[0].layout.page_waste')" 0.2
    run -0 ashlar baseline show base --results res
    assert_line --regexp '^toy .* 20\.00 % +- +10\.00 % +-$'
    # 0.8 / 0.7: a seventh more pages.
    want=1 gate baseline:base loose --budget "toy:page_waste=2%,internal_waste=2%"
    assert_line --regexp '^toy +page_waste +\+2\.00 % +\+14\.29 % +stored +0  regression$'
    assert_line --regexp '^toy +internal_waste .* stored +0  within$'
    # The controls: the same library, a budget above it, another way round, and no memory pass.
    gate baseline:base plain --cell toy:page_waste --budget "toy:page_waste=0%"
    gate plain loose --cell toy:page_waste --budget "toy:page_waste=15%"
    assert_line --regexp '^toy +page_waste .* exact +0  within$'
    gate loose plain --cell toy:page_waste --budget "toy:page_waste=0%"
    sed -i '/^memory = yes/d' toy.ini
    want=2 gate plain loose --cell toy:page_waste --budget "toy:page_waste=2%"
    assert_line_on_stderr "leave nothing to judge"
}
