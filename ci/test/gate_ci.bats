# The CI templates: whole and consistent, and every shell step of them run in the repository of a small foreign
# allocator, whose second commit is harmless, slower, or does not build. The bench is the toy one, which takes from
# the library how slow it is to look, so that no clock has a say.

bats_require_minimum_version 1.5.0
load /usr/lib/bats/bats-support/load
load /usr/lib/bats/bats-assert/load

setup() {
    root=$ASHLAR_ROOT build=$ASHLAR_BUILD
    steps=(/usr/bin/python3 "$root/ci/test/steps.py")
    action=$root/ci/github/action.yml workflow=$root/ci/github/ashlar-gate.yml gitlab=$root/ci/gitlab/ashlar-gate.yml
    export HOME=$BATS_TEST_TMPDIR/home GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
    # Of the variables of this name only these two are the tests'; the others would be taken for the kit's.
    unset CI GITHUB_ACTIONS GITHUB_BASE_REF GITHUB_STEP_SUMMARY CI_MERGE_REQUEST_DIFF_BASE_SHA "${!ASHLAR_@}"
    export ASHLAR_ROOT=$root ASHLAR_BUILD=$build
    mkdir -p "$HOME" && cd "$BATS_TEST_TMPDIR"
}

# foreign: a git repository of an allocator with a Makefile of its own, main at its first commit.
foreign() {
    git init -q -b main mine && cd mine
    echo 'out/libmine.so: mine.c knob.h; echo >>"$(BUILDS)" && mkdir -p out && $(CC) -fno-builtin -fPIC -shared mine.c -o $@' \
        >Makefile
    cat >mine.c <<-'C'
	#include "knob.h"
	#include <stdlib.h>
	extern void *__libc_malloc(size_t);
	extern void *__libc_calloc(size_t, size_t);
	extern void *__libc_realloc(void *, size_t);
	extern void __libc_free(void *);
	void *malloc(size_t n) { return __libc_malloc(n); }
	void *calloc(size_t k, size_t n) { return __libc_calloc(k, n); }
	void *realloc(void *p, size_t n) { return __libc_realloc(p, n); }
	void free(void *p) { __libc_free(p); }
	__attribute__((constructor)) static void begin(void) { setenv("FAKE_LOG", LOG, 1); if (*KNOB) setenv("FAKE", KNOB, 1); }
	C
    cat >toy.ini <<-'INI'
	[suite]
	blocks = 12
	timeout_s = 20
	[cell toy]
	workload = toy
	args = --ops 1000000
	primary = yes
	count = no
	INI
    printf 'out/\nashlar-results/\n.ashlar-cache/\n' >.gitignore
    export BUILDS=$BATS_TEST_TMPDIR/builds log=$BATS_TEST_TMPDIR/log
    knob ""
}

# knob WORD: a commit after which the library has the bench behave so; knob broken: one that does not compile.
knob() {
    if [[ $1 == broken ]]; then
        echo '#error broken on purpose' >knob.h
    else
        printf '#define KNOB "%s"\n#define LOG "%s"\n' "$1" "$log" >knob.h
    fi
    git add -A && git commit -q --allow-empty -m "knob $1"
}

toy=(--bench "$ASHLAR_BUILD/harness/test/fake-bench" --seed 1 --quiet)

# on_github [INPUT=VALUE...]: the action's shell steps, for a pull request of head into main. $want: the status.
on_github() {
    "${steps[@]}" steps "$action" build-command=make library=out/libmine.so suite=toy.ini "options=${toy[*]}" \
        "$@" >../steps.sh
    : >../summary.md
    run -"${want:-0}" --separate-stderr env CI=true GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY=../summary.md \
        GITHUB_BASE_REF=main GITHUB_ACTION_PATH="$root/ci/github" bash ../steps.sh
}

# on_gitlab [VARIABLE=VALUE...]: the job's shell lines, for a merge request whose base is main.
on_gitlab() {
    "${steps[@]}" steps "$gitlab" ASHLAR_BUILD_COMMAND=make ASHLAR_LIBRARY=out/libmine.so ASHLAR_SUITE=toy.ini \
        "ASHLAR_OPTIONS=${toy[*]}" ASHLAR_HOME="$root" "$@" >../steps.sh
    run -"${want:-0}" --separate-stderr env CI=true CI_PROJECT_DIR="$PWD" \
        CI_MERGE_REQUEST_DIFF_BASE_SHA="$(git rev-parse main)" bash ../steps.sh
}

# junit: its counts, and each case with what befell it.
junit() {
    /usr/bin/python3 -c 'import xml.etree.ElementTree as tree
suite = tree.parse("ashlar-results/junit.xml").getroot()
print(*(suite.get(key) for key in ("tests", "failures", "errors")))
for case in suite: print(case.get("name"), *(child.tag for child in case))'
}

@test "the templates, and the examples of the README, are whole and consistent" {
    run -0 "${steps[@]}" check "$action" "$workflow" "$gitlab" "$root/ci/README.md"
    assert_output "$action: action
$workflow: workflow
$gitlab: gitlab
$root/ci/README.md: workflow gitlab"
    # The GitHub example is ten lines.
    run -0 awk '/^```yaml/{n = 0; on = 1; next} /^```/{if (on) print n; on = 0} on {n++}' "$root/ci/README.md"
    assert_line --index 0 10
}

# spoiled FILE SED LINE: what the check says of the file after that edit.
spoiled() {
    sed -E "$2" "$1" >changed.yml
    ! cmp -s "$1" changed.yml || fail "the edit changes nothing: $2"
    run -1 "${steps[@]}" check changed.yml
    assert_output --partial "$3"
}

@test "control: the check names what is wrong with a template" {
    spoiled "$action" 's/^inputs:/inputs: [/' "no YAML"
    spoiled "$action" '/^  library:/,/required/d' "uses input library, which it does not declare"
    spoiled "$action" '/ASHLAR_WAIVERS/d' "declares input waivers and does not use it"
    spoiled "$action" 's/"\$GITHUB_ACTION_PATH/"${{ inputs.suite }}/' "an expression in a run"
    spoiled "$action" '0,/shell: bash/{/shell: bash/d}' "wants shell: bash"
    spoiled "$action" "s/default: '48'/default: 48/" "is no text"
    spoiled "$workflow" 's/build-command: make/build: make/' "gives input build, which ci/github does not have"
    spoiled "$workflow" '/library:/d' "lacks input library"
    spoiled "$workflow" 's/runs-on:/runs-at:/' "wants runs-on"
    spoiled "$workflow" 's,ashlar/ci/github@,ashlar/ci/hub@,' "there is no action.yml"
    spoiled "$workflow" 's/^permissions:/on:/' "stands twice"
    spoiled "$gitlab" '/junit:/d' "hands no JUnit report over"
    spoiled "$gitlab" 's/when: always/when: on_success/' "keeps no results of a gate that failed"
    spoiled "$gitlab" 's/GIT_DEPTH: "0"/GIT_DEPTH: 0/' "variable GIT_DEPTH is no text"
    echo 'name: nothing' >changed.yml
    run -1 "${steps[@]}" check changed.yml
    assert_output --partial "neither a composite action nor a workflow"
}

@test "GitHub: a change that changes nothing passes, with a table in the summary" {
    foreign
    git checkout -q -b topic
    knob ""
    on_github
    assert_line --regexp '^head against base, suite toy, 2 tests: 2 within$'
    refute_output --partial "::error"
    run -0 cat ../summary.md
    assert_line --regexp '^\| toy \| time \| .* \| within \|'
    run -0 junit
    assert_output $'2 0 0\ntime\npeak_rss'
    run -0 git worktree list
    assert_equal "${#lines[@]}" 1
    assert_equal "$(git status --porcelain)" ""
}

@test "GitHub: a planted regression fails, with an ::error line and a JUnit failure" {
    foreign
    git checkout -q -b topic
    knob slow:20
    want=1 on_github
    assert_line --regexp '^::error title=ashlar gate::toy time is regression: \+(19|2[01])\.[0-9]+ %25 \(at most \+[12][0-9.]+ %25\) against a budget of \+5\.00 %25'
    run -0 junit
    assert_output $'2 1 0\ntime failure\npeak_rss'
    run -0 cat ../summary.md
    assert_line --regexp '^\| toy \| time \| .* \| regression \|'
    # Control: the budget decides, and it is the step's.
    on_github budget="toy:time=40%"
    refute_output --partial "::error"
}

@test "GitHub: a build that breaks is one line, and a JUnit error" {
    foreign
    git checkout -q -b topic
    knob broken
    want=4 on_github
    assert_equal "$(grep -c '^::error' <<<"$output")" 1
    assert_line --regexp '^::error title=ashlar gate::the build of head [0-9a-f]{10} failed with exit status 2: .*\(whole log: ashlar-results/build-head.log\)$'
    refute_output --partial "compilation"
    assert_equal "$stderr" ""
    run -0 grep -c "broken on purpose" ashlar-results/build-head.log
    run -0 junit
    assert_output $'1 0 1\nbuild error'
    run -0 cat ../summary.md
    assert_line --partial "the build of head"
}

@test "GitLab: the same three, with the merge request's base" {
    foreign
    git checkout -q -b topic
    knob ""
    on_gitlab
    assert_line --regexp '2 tests: 2 within$'
    knob slow:20
    want=1 on_gitlab
    assert_line --regexp '^toy +time .* regression$'
    refute_output --partial "::error"
    run -0 junit
    assert_output $'2 1 0\ntime failure\npeak_rss'
    knob broken
    want=4 on_gitlab
    assert_equal "${#stderr_lines[@]}" 1
    [[ $stderr =~ ^"gate-ci.sh: the build of head "[0-9a-f]{10}" failed with exit status 2: " ]] || fail "$stderr"
    run -0 junit
    assert_output $'1 0 1\nbuild error'
}

@test "GitLab: Ashlar is cloned where it is not there" {
    git init -q -b main copy && mkdir -p copy/ci
    printf '#!/bin/sh\necho "stand-in: $1"\n' >copy/ci/gate-ci.sh
    chmod +x copy/ci/gate-ci.sh
    git -C copy add -A && git -C copy commit -qm copy
    foreign
    on_gitlab ASHLAR_HOME="$PWD/.ashlar" ASHLAR_REPOSITORY="file://$BATS_TEST_TMPDIR/copy"
    assert_output $'stand-in: prepare\nstand-in: gate'
    want=128 on_gitlab ASHLAR_HOME="$PWD/.other" ASHLAR_REPOSITORY="file:///nowhere"
}

@test "the workflow's own steps run too" {
    "${steps[@]}" steps "$workflow" >steps.sh
    run -0 grep -c 'command -v git' steps.sh
    run -0 bash steps.sh
}

# by_hand [NAME=VALUE...]: the script alone, against main.
by_hand() {
    rm -f "$log" # how shaky the bench is follows from its length
    run -"${want:-0}" --separate-stderr env ASHLAR_BUILD_COMMAND=make ASHLAR_LIBRARY=out/libmine.so ASHLAR_SUITE=toy.ini \
        ASHLAR_OPTIONS="${toy[*]}" "$@" "$root/ci/gate-ci.sh" gate
}

@test "a crash is 4; what cannot be told is a warning and 0, and 3 when strict" {
    foreign
    knob crash
    want=4 by_hand GITHUB_ACTIONS=true
    assert_line --regexp '^::error title=ashlar gate::toy time is failed'
    knob shaky
    knob shaky
    by_hand GITHUB_ACTIONS=true ASHLAR_BUDGET="toy:time=0.1%" ASHLAR_MAX_BLOCKS=12
    assert_line --regexp '^::warning title=ashlar gate::toy time is inconclusive'
    want=3 by_hand GITHUB_ACTIONS=true ASHLAR_BUDGET="toy:time=0.1%" ASHLAR_MAX_BLOCKS=12 ASHLAR_STRICT=yes
}

@test "a head whose library serves nothing is 4 before any ruling, with a reason and a JUnit error" {
    foreign
    printf 'out/libmine.so:\n\tmkdir -p out\n\techo "int nothing;" | $(CC) -shared -x c -o $@ -\n' >Makefile
    git commit -qam "Serve nothing"
    want=4 by_hand GITHUB_ACTIONS=true
    assert_line --regexp '^::error title=ashlar gate::ashlar gate ended with exit status 4 before it judged'
    run -0 grep -c '<error message="ashlar gate ended with exit status 4' ashlar-results/junit.xml
}

@test "base is built once: the next gate finds it, another command or compiler does not" {
    foreign
    git checkout -q -b topic
    knob ""
    by_hand ASHLAR_BASE=main
    assert_equal "$(wc -l <"$BUILDS")" 2
    knob ""
    by_hand ASHLAR_BASE=main
    assert_line --regexp '^gate-ci.sh: base [0-9a-f]{10} was built before$'
    assert_equal "$(wc -l <"$BUILDS")" 3
    by_hand ASHLAR_BASE=main ASHLAR_BUILD_COMMAND="make -s"
    assert_equal "$(wc -l <"$BUILDS")" 5
    printf '#!/bin/sh\n[ "$1" != --version ] || { echo other 99; exit; }\nexec cc "$@"\n' >../othercc
    chmod +x ../othercc
    by_hand ASHLAR_BASE=main CC="$PWD/../othercc"
    assert_equal "$(wc -l <"$BUILDS")" 7
}

@test "base is what the user says, the merge request's, where head left the target, or the commit before" {
    foreign
    knob slow:50
    git checkout -q -b topic
    knob slow:50
    git checkout -q main && knob "" && git checkout -q topic
    base() { git log -1 --format=%h --abbrev=10 "$1"; }
    by_hand
    assert_line "gate-ci.sh: building base $(base HEAD~1)"
    want=1 by_hand ASHLAR_BASE=HEAD~2
    assert_line "gate-ci.sh: building base $(base HEAD~2)"
    by_hand GITHUB_BASE_REF=main # where they parted, not main's end, against which it would be slower
    assert_line "gate-ci.sh: base $(base HEAD~1) was built before"
    want=1 by_hand CI_MERGE_REQUEST_DIFF_BASE_SHA="$(git rev-parse HEAD~2)"
    by_hand ASHLAR_BASE=0000000000000000000000000000000000000000
    assert_line "gate-ci.sh: base $(base HEAD~1) was built before"
}

# refused LINE [NAME=VALUE...]: exit 2, one line.
refused() {
    want=2 by_hand "${@:2}"
    assert_equal "${#stderr_lines[@]}" 1
    [[ $stderr == "gate-ci.sh: "*"$1"* ]] || fail "stderr is: $stderr"
}

@test "wrong use is one line and exit 2" {
    foreign
    knob ""
    refused "ASHLAR_BUILD_COMMAND is not set" ASHLAR_BUILD_COMMAND=
    refused "ASHLAR_LIBRARY is not set" ASHLAR_LIBRARY=
    refused "there is no /nowhere/ashlar; run gate-ci.sh prepare first" ASHLAR_BUILD=/nowhere
    refused "ASHLAR_BASE gone is not in this clone" ASHLAR_BASE=gone
    refused "the target branch gone is not in this clone" GITHUB_BASE_REF=gone
    want=4 by_hand ASHLAR_LIBRARY=out/libother.so
    [[ $stderr == *"left no out/libother.so; correct ASHLAR_LIBRARY"* ]]
    git clone -q --depth 1 "file://$PWD" ../shallow && cd ../shallow
    refused "the commit before head, "
    cd .. && mkdir -p bare && cd bare
    refused "is no git repository" GIT_CEILING_DIRECTORIES="$BATS_TEST_TMPDIR"
    run -2 --separate-stderr "$root/ci/gate-ci.sh"
    assert_equal "$stderr" "gate-ci.sh: say prepare or gate; gate-ci.sh --help explains"
    run -0 "$root/ci/gate-ci.sh" --help
    assert_line --partial "ASHLAR_BUILD_COMMAND"
}
