# The tests of the allocator's doors under valgrind's memcheck: no error, and the calls did reach
# our code.
#
# Without the soname synonym valgrind replaces every malloc that a program can see, ours too, and
# would praise its own.

bats_require_minimum_version 1.5.0

# checked PROGRAM...: under memcheck. Its report goes to $log, the program's standard error to $err.
checked() {
    log=$BATS_TEST_TMPDIR/log err=$BATS_TEST_TMPDIR/err out=$BATS_TEST_TMPDIR/out
    ASHLAR_CONF=${options-stats_print:true} CMOCKA_MESSAGE_OUTPUT=TAP valgrind -q --leak-check=no \
        --soname-synonyms=somalloc=nouserintercepts --error-exitcode=99 --log-file="$log" \
        "$@" </dev/null >"$out" 2>"$err"
}

# mallocs: how many of them our library served, by its own line at exit.
mallocs() {
    sed -n 's/^ashlar: mallocs=\([0-9]*\).*/\1/p' "$err" | sort -n | tail -n 1 | grep . || echo 0
}

compile() {
    gcc -std=c11 -D_GNU_SOURCE -O0 -o "$BATS_TEST_TMPDIR/$1" "$ASHLAR_ROOT/ci/test/planted/$1.c" \
        -L"$ASHLAR_BUILD" -Wl,--no-as-needed -lashlar -Wl,-rpath,"$ASHLAR_BUILD"
}

# clean LEAST PROGRAM...: each ends well, memcheck has nothing to say, and our library served at
# least that many mallocs. All are run, so that one failure does not hide another.
clean() {
    local least=$1 program rc bad=0
    for program in "${@:2}"; do
        rc=0
        checked "$program" || rc=$?
        if ((rc != 0)) || [[ -s $log ]] || (($(mallocs) < least)); then
            echo "$program: exit status $rc, $(mallocs) mallocs"
            cat "$out" "$err" "$log"
            bad=1
        fi
    done
    return $bad
}

@test "no error in any test of the doors, and our code ran" {
    local programs=("$ASHLAR_BUILD"/test/api/*_so)
    ((${#programs[@]} >= 5))
    clean 10 "${programs[@]}"
}

# They are linked with the modules that they test, not with the library, so there is no count; and some
# of them are about the options, so that none may come from here.
@test "no error in the unit tests" {
    local programs=() options=
    mapfile -t programs < <(find "$ASHLAR_BUILD/test/unit" -type f -executable | sort)
    ((${#programs[@]} >= 5))
    clean 0 "${programs[@]}"
}

@test "control: planted errors are found by the same command" {
    local program rc
    for program in uninitialised invalid_read; do
        compile $program
        "$BATS_TEST_TMPDIR/$program"
        rc=0
        checked "$BATS_TEST_TMPDIR/$program" || rc=$?
        cat "$log"
        ((rc == 99))
        grep -E 'uninitialised|Invalid read' "$log"
    done
}

@test "control: where valgrind replaces malloc the count says that our code did not run" {
    local perl=(env LD_PRELOAD="$ASHLAR_BUILD/libashlar.so" perl -e 'push @x, "y" x $_ for 1 .. 2000')
    checked --trace-children=yes "${perl[@]}"
    (($(mallocs) > 2000))
    ASHLAR_CONF=stats_print:true valgrind -q --trace-children=yes --leak-check=no \
        --log-file="$log" "${perl[@]}" </dev/null 2>"$err"
    (($(mallocs) == 0))
}
