# `ashlar gate rev:REF rev:REF`: builds of git revisions, from a repository of tiny allocators. No test
# depends on a measured time.

bats_require_minimum_version 1.5.0
load common
load revisions

# gate A B [OPTION...]: a gate of the toy suite; $want is the exit code.
gate() {
    run -"${want:-0}" --separate-stderr ashlar gate "$@" --suite toy.ini --bench "$fake" --results res \
        --quiet --seed 1 --repo "$repo" --cache "$cache"
}

builds() {
    wc -l <"$BUILDS"
}

# refused LINE ARGUMENT...: one line, nothing measured, no worktree left.
refused() {
    gate "${@:2}"
    assert_line_on_stderr "$1"
    [[ ! -e res ]] || fail "something was written"
    [[ ! -d $repo/.git ]] || assert_untouched
}

@test "two revisions are built and gated; tables name the references, the plan the commits" {
    make_repo
    commit "the honest one" ""
    git -C "$repo" tag v1
    commit "the slow one" slow:20
    want=1 gate rev:v1 rev:main
    assert_line --partial "main against v1, suite toy"
    assert_line --regexp '^toy +time .* regression$'
    head -n 1 res/latest/samples.jsonl >plan.json
    run -0 jq -r '.allocators[] | .name, .source.kind, .source.ref, .source.commit, .source.subject,
        (.build_id == .source.build_id)' plan.json
    assert_output "v1
revision
v1
$(sha v1)
the honest one
true
main
revision
main
$(sha main)
the slow one
true"
    assert_untouched
    # The control: the other way round.
    gate rev:main rev:v1
}

@test "a revision is built once, by commit and command, and again when its library is another one" {
    make_repo
    commit one ""
    commit two ""
    gate rev:HEAD~1 rev:HEAD
    assert_equal "$(builds)" 2
    assert_line --partial "HEAD against HEAD-1"
    gate old=rev:main~1 new=rev:main
    assert_equal "$(builds)" 2
    assert_line --partial "new against old"
    assert_equal "$(jq -rn 'input | .allocators[1].source.ref' res/latest/samples.jsonl)" main
    gate rev:HEAD~1 rev:HEAD --build-command "make build/libashlar.so CC='cc -g'"
    assert_equal "$(builds)" 4
    # The control: what lies in the cache is not taken on trust.
    cp "$libc" "$(echo "$cache/$(sha HEAD)"-*/libashlar.so | cut -d' ' -f1)"
    gate rev:HEAD~1 rev:HEAD
    gate rev:HEAD~1 rev:HEAD --build-command "make build/libashlar.so CC='cc -g'"
    assert_equal "$(builds)" 5
}

@test "what is not committed is not seen, and stays as it is" {
    make_repo
    commit one ""
    git -C "$repo" tag v1
    commit two ""
    printf '#define FAKE "slow:20"\n' >"$repo/fake.h"
    gate rev:v1 rev:main
    assert_untouched " M fake.h"
    # The control: committed it is.
    git -C "$repo" commit -q -a -m three
    want=1 gate rev:v1 rev:main
}

@test "hooks do not run, and a calling git or make misdirects nobody" {
    make_repo
    commit one ""
    commit two ""
    printf '#!/bin/sh\ntouch "%s/hooked"\n' "$BATS_TEST_TMPDIR" >"$repo/.git/hooks/post-checkout"
    chmod +x "$repo/.git/hooks/post-checkout"
    GIT_DIR=/nowhere GIT_INDEX_FILE=/nowhere MAKEFLAGS="-n" gate rev:main~1 rev:main
    [[ ! -e hooked ]] || fail "a hook ran"
    # The control: it would have.
    git -C "$repo" worktree add -q --detach other main
    [[ -e hooked ]]
}

@test "no repository, no such revision, a shallow clone: one line and exit 2" {
    make_repo
    commit one ""
    commit two ""
    want=2 refused "rev:nowhere names no commit of the repository in $repo; \`git log\`" rev:main rev:nowhere
    want=2 refused "rev:--all names no commit" rev:main rev:--all
    want=2 refused "'rev:' names nothing" rev:main rev:
    want=2 refused "both sides are called main; give one a name, as in main2=rev:main" rev:main rev:main
    want=2 refused "'a b' is no name" rev:main "a b=rev:main~1"
    git clone -q --depth 1 "file://$repo" shallow
    repo=$BATS_TEST_TMPDIR/shallow
    want=2 refused "the clone is shallow: \`git fetch --unshallow\`" rev:main~1 rev:main
    repo=$BATS_TEST_TMPDIR/empty
    mkdir "$repo"
    want=2 refused "$repo is no git repository (" rev:main~1 rev:main
    repo=/nowhere want=2 refused "/nowhere is no git repository (" rev:main~1 rev:main
    assert_equal "$(builds)" 0
}

@test "a build that fails says where its log is and its last line: exit 4" {
    make_repo
    commit one ""
    commit two broken
    want=4 refused "rev:main ($(sha main | cut -c 1-12)) does not build: \`make build/libashlar.so\` ended with 2: make: " \
        rev:main~1 rev:main
    log=$(grep -o '[^ ]*build\.log' <<<"$stderr")
    grep -q "broken on purpose" "$log"
    want=4 refused "ended with 7: out of luck; its log is" rev:main~1 rev:main --build-command "echo out of luck; exit 7"
    # It is tried again, and not taken from the cache.
    want=4 refused "ended with 7" rev:main~1 rev:main --build-command "echo out of luck; exit 7"
}

@test "a build without its library, or with something else in its place, is exit 4" {
    make_repo
    commit one ""
    commit two ""
    want=4 refused "leaves no lib/other.so; name the library with --library" rev:main~1 rev:main --library lib/other.so
    want=4 refused "makes a lib.c that is no shared library" rev:main~1 rev:main --library lib.c
    want=2 refused "--library '../lib.so' is no file below the checkout" rev:main~1 rev:main --library ../lib.so
    want=2 refused "--library '/lib.so' is no file below the checkout" rev:main~1 rev:main --library /lib.so
    cache="$BATS_TEST_TMPDIR/a b" want=2 refused "no library below '$BATS_TEST_TMPDIR/a b' can be preloaded" rev:main~1 rev:main
    touch file
    cache=$BATS_TEST_TMPDIR/file/cache want=2 refused "give another place with --cache" rev:main~1 rev:main
    # The control: another place that holds it.
    gate rev:main~1 rev:main --build-command "make build/libashlar.so && mv build/libashlar.so other.so" --library other.so
}

@test "two commands that want the same build make it once" {
    make_repo
    commit one ""
    commit two ""
    for i in 1 2; do
        ashlar gate rev:main~1 rev:main --suite toy.ini --bench "$fake" --results "res$i" --quiet --repo "$repo" \
            --cache "$cache" --build-command "sleep 0.3; make build/libashlar.so" >"out$i" 2>&1 3>&- &
    done
    wait
    assert_equal "$(grep -c "main against main-1" out1 out2 | cut -d: -f2 | paste -s)" "$(printf '1\t1')"
    assert_equal "$(builds)" 2
    assert_untouched
}

@test "an interrupted build leaves no worktree and no process behind" {
    make_repo
    commit one ""
    commit two ""
    "$ASHLAR_BUILD/ashlar" gate rev:main~1 rev:main --suite toy.ini --bench "$fake" --results res --quiet --repo "$repo" \
        --cache "$cache" --build-command 'echo $$ >"$BUILDS"; sleep 600 & wait' 2>err 3>&- &
    pid=$!
    wait_for_words "$BUILDS" "$pid"
    assert_equal "$(git -C "$repo" worktree list | wc -l)" 2
    group=$(cat "$BUILDS")
    kill -TERM "$pid"
    wait "$pid" && code=0 || code=$?
    assert_equal "$code" 130
    assert_equal "$(cat err)" "ashlar gate: interrupted"
    ! kill -0 -- "-$group" 2>/dev/null || fail "the build goes on"
    assert_untouched
    [[ ! -e res ]]
}

@test "a gate of revisions goes on without building them again" {
    make_repo
    commit one ""
    commit two slow:20
    want=1 gate rev:main~1 rev:main
    mkdir cut
    head -n 14 res/latest/samples.jsonl >cut/samples.jsonl
    run -1 --separate-stderr ashlar gate --resume cut --quiet rev:main~1 rev:main
    assert_equal "$(jq -c '[.tests[] | .word, .blocks]' cut/gate.json)" \
        "$(jq -c '[.tests[] | .word, .blocks]' res/latest/gate.json)"
    assert_equal "$(builds)" 2
    run -5 --separate-stderr ashlar gate --resume cut --quiet rev:main~1 rev:v2
    assert_line_on_stderr "--allocators is not what the run in cut was begun with"
    rm -r "$cache"
    sed -i '$d' cut/samples.jsonl
    run -5 --separate-stderr ashlar gate --resume cut --quiet
    assert_line_on_stderr "is no longer the build that the run began with"
}
