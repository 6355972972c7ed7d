# The prefixed library and its tests, instrumented: threads by TSan, addresses and undefined
# behaviour by ASan and UBSan. No report, no suppression.
#
# The prefixed names are the way: a malloc of ours inside an instrumented executable would be
# hidden by the sanitizer's own, or crash at start.

bats_require_minimum_version 1.5.0

thread='-fsanitize=thread'
address='-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer'

# TSan's shadow wants the usual places, which some kernels' randomisation leaves.
at_usual_places() {
    if setarch -R true 2>/dev/null; then
        setarch -R "$@"
    else
        "$@"
    fi
}

# make_with DIRECTORY FLAGS ROOT TARGET...
make_with() {
    make -C "$3" --no-print-directory --output-sync=target -j"$(nproc)" CC=clang CXX=clang++ B="$1" \
        OPT="-O1 -g $2" "${@:4}" </dev/null >"$1.log" 2>&1 || {
        tail -n 40 "$1.log"
        return 1
    }
}

# door_tests DIRECTORY: the tests of the doors that are linked with the prefixed library.
door_tests() {
    local source name
    for source in "$ASHLAR_ROOT"/alloc/test/api/*.c; do
        name=$(basename "$source" .c)
        [[ ! -x $ASHLAR_BUILD/test/api/${name}_so ]] || echo "$1/test/api/$name"
    done
}

race_tests() {
    local source
    for source in "$ASHLAR_ROOT"/alloc/test/race/*.c; do
        echo "$1/test/race/$(basename "$source" .c)"
    done
}

# passes PROGRAM...: each ends well, prints TAP with passes, and the sanitizer says nothing. All
# are run, so that one failure does not hide another.
passes() {
    local program bad=0 out=$BATS_TEST_TMPDIR/out
    (($# >= 1))
    for program; do
        if ! at_usual_places "$program" </dev/null >"$out" 2>&1 || ! grep -q '^1\.\.[1-9]' "$out" ||
            grep -E 'WARNING: ThreadSanitizer|ERROR: AddressSanitizer|runtime error' "$out"; then
            echo "$program:"
            grep -E '^not ok|SUMMARY|runtime error' "$out" | sort | uniq -c
            head -n 60 "$out"
            bad=1
        fi
    done
    return $bad
}

# planted NAME FLAGS LIBRARY-DIRECTORY [-DX]: builds a planted error as the library was built.
planted() {
    local flags
    read -ra flags <<<"$2"
    clang -std=c11 -D_GNU_SOURCE -O1 -g "${flags[@]}" "${@:4}" -I"$ASHLAR_ROOT/alloc/include" \
        -o "$BATS_TEST_TMPDIR/$1" "$ASHLAR_ROOT/ci/test/planted/$1.c" "$3/libashlar_prefixed.a" \
        -pthread
}

setup_file() {
    # The leak checker does not look into our blocks and would call what they point to lost.
    export CMOCKA_MESSAGE_OUTPUT=TAP ASHLAR_TEST_SLOW=1 ASAN_OPTIONS=detect_leaks=0
    export TSAN=$ASHLAR_BUILD/tsan ASAN=$ASHLAR_BUILD/asan
    mkdir -p "$TSAN" "$ASAN"
}

@test "threads: no race in the tests of the doors and in those made for races" {
    local tests
    mapfile -t tests < <(door_tests "$TSAN" && race_tests "$TSAN")
    make_with "$TSAN" "$thread" "$ASHLAR_ROOT" "${tests[@]}"
    passes "${tests[@]}"
}

@test "control: a planted race is reported, the same program with a mutex is not" {
    planted race "$thread" "$TSAN"
    run ! at_usual_places "$BATS_TEST_TMPDIR/race"
    [[ $output == *'ThreadSanitizer: data race'* ]]
    planted race "$thread" "$TSAN" -DORDERED
    run -0 at_usual_places "$BATS_TEST_TMPDIR/race"
    [[ -z $output ]]
}

@test "addresses and undefined behaviour: no error in the tests of the doors and the races" {
    local tests
    mapfile -t tests < <(door_tests "$ASAN" && race_tests "$ASAN")
    make_with "$ASAN" "$address" "$ASHLAR_ROOT" "${tests[@]}"
    passes "${tests[@]}"
}

@test "control: a planted overflow and a planted shift are reported" {
    planted overflow "$address" "$ASAN"
    run ! at_usual_places "$BATS_TEST_TMPDIR/overflow"
    [[ $output == *'global-buffer-overflow'* || $output == *'out of bounds'* ]]
    planted overflow "$address" "$ASAN" -DSHIFT
    run ! at_usual_places "$BATS_TEST_TMPDIR/overflow"
    [[ $output == *'shift exponent'* ]]
}

# mutant NAME FILE SED-SCRIPT: the race test on a copy of the tree with one line changed.
mutant() {
    local tree=$BATS_TEST_TMPDIR/$1
    mkdir "$tree"
    cp -r "$ASHLAR_ROOT"/{Makefile,alloc,bench,stress,harness,ci} "$tree/"
    sed -i "$3" "$tree/$2"
    if cmp -s "$ASHLAR_ROOT/$2" "$tree/$2"; then
        echo "$2 has no line that '$3' changes"
        return 1
    fi
    mkdir "$tree/build"
    make_with "$tree/build" "$thread" "$tree" "$tree/build/test/race/exchange"
    run at_usual_places "$tree/build/test/race/exchange"
    ((status != 0))
    [[ $output == *'ThreadSanitizer: data race'* ]]
}

@test "control: a lock of the allocator that is released without order is reported" {
    mutant lock alloc/os/mutex.c '/mutex->word, 0, RELEASE/s/RELEASE/RELAXED/'
}

@test "control: blocks handed to another arena without order are reported" {
    mutant queue alloc/heap/bin.c '/bin->remote, &head, first, RELEASE/s/RELEASE/RELAXED/'
}
