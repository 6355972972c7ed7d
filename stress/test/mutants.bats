#!/usr/bin/env bats
# The tests of the tests: each mutant changes one line of the library, and the test named in it must
# fail on that library and say why. (That all pass on the library itself is tested elsewhere.)
bats_require_minimum_version 1.5.0

setup() {
    load /usr/lib/bats/bats-support/load.bash
    load /usr/lib/bats/bats-assert/load.bash
    root="$(cd "$BATS_TEST_DIRNAME/../.." && pwd)"
    mutants="$root/stress/mutants"
    export TMPDIR="$BATS_TEST_TMPDIR"
}

field() {
    sed -n "s/^# $2: //p" "$mutants/$1.sed"
}

# dies NAME: builds the mutant, runs what must kill it, and compares what that says.
dies() {
    local dir="$BATS_TEST_TMPDIR/tree" kill says
    run "$root/stress/mutate.sh" "$1" "$dir"
    assert_success
    kill="$(field "$1" kill)"
    says="$(field "$1" says)"
    cd "$dir" || return 1
    # Not the path of this process: bats puts its own parts before the command `bats`.
    run env -i PATH="$(getconf PATH)" HOME="$HOME" TMPDIR="$TMPDIR" B="$dir/build" \
        ASHLAR_BUILD="$dir/build" bash -c "$kill"
    assert_failure
    [ "$status" -ne 127 ] || fail "the killer of $1 did not run"
    grep -qE -- "$says" <<<"$output" || fail "$1: no line matches '$says' in: $output"
}

@test "oracle sees a region handed out twice" { dies region_twice; }
@test "oracle sees a realloc that copies too little" { dies realloc_half; }
@test "boundary sees a class that is too small" { dies class_too_small; }
@test "forkstorm sees locks of dead threads" { dies owner_never_dead; }
@test "oom-nth sees a failed purge taken for done" { dies purge_never_fails; }
@test "rlimit-as sees a missing errno" { dies no_enomem; }
@test "threadchurn sees caches that die full" { dies cache_dies_full; }
@test "remote sees blocks lost on their way home" { dies remote_lost; }
@test "sampling sees a biased weight" { dies weight_biased; }
@test "errno_rules sees an errno that leaks" { dies errno_leaks; }
@test "contents sees a calloc that is not zero" { dies calloc_not_zero; }
@test "sizes sees an alignment that is not kept" { dies alignment_halved; }
@test "figures sees frees that are miscounted" { dies frees_miscounted; }
@test "threads sees thread state that is not used again" { dies thread_state_lost; }
@test "no_memory sees memory that is left unused" { dies limit_ignored; }
@test "cxx sees a missing exception" { dies no_bad_alloc; }
@test "misuse sees a library without the double-free check" { dies double_free_unseen; }
@test "misuse sees a library without the interior check" { dies interior_unseen; }
@test "options sees an option without effect" { dies narenas_ignored; }
@test "the thread sanitizer sees a relaxed hand-over" { dies handoff_relaxed; }

@test "every mutant is run above (control)" {
    for mutant in "$mutants"/*.sed; do
        name="$(basename "$mutant" .sed)"
        grep -q "dies $name;" "$BATS_TEST_FILENAME" || fail "$name is not run"
    done
}

@test "a mutant that does not fit the source is an error (control)" {
    cp -r "$root/stress" "$root/alloc" "$root/Makefile" "$BATS_TEST_TMPDIR/"
    printf '# file: alloc/api/entry.c\n# product: ashlar-stress\ns/no such text/x/\n' \
        >"$BATS_TEST_TMPDIR/stress/mutants/unfit.sed"
    run "$BATS_TEST_TMPDIR/stress/mutate.sh" unfit "$BATS_TEST_TMPDIR/tree"
    assert_equal "$status" 2
    assert_output 'mutate.sh: unfit changes 0 lines of alloc/api/entry.c, not one'
    run "$root/stress/mutate.sh" no_such_mutant "$BATS_TEST_TMPDIR/tree"
    assert_equal "$status" 2
    assert_output --partial 'no mutant "no_such_mutant"'
}
