# revisions.bash: a git repository of tiny allocators in $repo. Each commit is one: preload_four.c with a
# constructor that tells the fake bench how to behave. $BUILDS gets a line for every build.

export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b

make_repo() {
    repo=$BATS_TEST_TMPDIR/repo
    cache=$BATS_TEST_TMPDIR/cache
    export BUILDS=$BATS_TEST_TMPDIR/builds
    : >"$BUILDS"
    git init -q -b main "$repo"
    {
        cat "$BATS_TEST_DIRNAME/preload_libc.h"
        sed '/preload_libc.h/d' "$BATS_TEST_DIRNAME/preload_four.c"
        cat <<-'C'
	#include "fake.h"
	__attribute__((constructor)) static void behave(void)
	{
	    setenv("FAKE", FAKE, 1);
	}
	C
    } >"$repo/lib.c"
    printf '%s\n' 'build/libashlar.so: lib.c fake.h' $'\tmkdir -p build' $'\techo built >>"$$BUILDS"' \
        $'\t$(CC) -shared -fPIC -fno-builtin -O1 lib.c -o $@' >"$repo/Makefile"
    git -C "$repo" add lib.c Makefile
}

# commit SUBJECT FAKE: one that behaves like FAKE; "" is an honest one, "broken" one that does not build.
commit() {
    if [[ $2 == broken ]]; then
        printf '#error broken on purpose\n' >"$repo/fake.h"
    else
        printf '#define FAKE "%s" /* %s */\n' "$2" "$1" >"$repo/fake.h"
    fi
    git -C "$repo" add fake.h
    git -C "$repo" commit -q -m "$1"
}

sha() {
    git -C "$repo" rev-parse "$1"
}

# The user's repository is as it was: one worktree, no bisection, no file that is not committed.
assert_untouched() {
    assert_equal "$(git -C "$repo" worktree list | wc -l)" 1
    assert_equal "$(git -C "$repo" for-each-ref refs/bisect)" ""
    assert_equal "$(git -C "$repo" symbolic-ref HEAD)" refs/heads/main
    assert_equal "$(git -C "$repo" status --porcelain)" "${1-}"
}

# wait_for_words FILE PID: until the process has written something there.
wait_for_words() {
    while [[ ! -s $1 ]]; do
        kill -0 "$2" || fail "it ended before it wrote $1"
        sleep 0.05
    done
}
