# The staircase: the tree keeps its rules, and each planted breach is named.

bats_require_minimum_version 1.5.0

load /usr/lib/bats/bats-support/load
load /usr/lib/bats/bats-assert/load

# A small tree of the same shape, with a breach or none.
setup() {
    tree=$BATS_TEST_TMPDIR/tree
    mkdir -p "$tree"/{alloc/{util,heap,include/ashlar,test},bench,harness,ci}
    cp "$ASHLAR_ROOT"/ci/floors.awk "$tree/ci/"
    printf '%s\n' 'alloc/include/ashlar/ashlar.h 0' 'alloc/util/low.h 0' 'alloc/util/low.c 0' \
        'alloc/heap/left.h 4' 'alloc/heap/right.h 4' 'alloc/heap/high.h 5' >"$tree/ci/floors.txt"
    touch "$tree"/alloc/{include/ashlar/ashlar.h,util/low.h,heap/left.h,heap/high.h}
    echo '#include "low.h"' >"$tree/alloc/util/low.c"
    printf '%s\n' '#include "left.h"' '#include "../util/low.h"' >"$tree/alloc/heap/right.h"
}

floors() {
    run "$ASHLAR_ROOT/ci/floors.sh" "$tree"
}

@test "the tree keeps its floors" {
    run "$ASHLAR_ROOT/ci/floors.sh"
    assert_success
    refute_output
}

@test "the headers of the tree compile alone" {
    run "$ASHLAR_ROOT/ci/headers.sh"
    assert_success
    refute_output
}

@test "the library is linked in the order of the floors" {
    run make -C "$ASHLAR_ROOT" --no-print-directory -s \
        --eval='sources: ; @printf "%s\n" $(ALLOC_SRCS)' sources
    ((${#lines[@]} > 20))
    assert_output "$(awk '$1 ~ /\.c$/ { print $1 }' "$ASHLAR_ROOT/ci/floors.txt" |
        grep -Fx -f <(printf '%s\n' "${lines[@]}"))"
}

@test "a tree without a breach passes, its tests may look anywhere inside alloc/" {
    echo '#include "../heap/high.h"' >"$tree/alloc/test/unit.c"
    echo '#include <ashlar/ashlar.h>' >"$tree/bench/own.h"
    echo '#include "own.h"' >"$tree/bench/bench.c"
    floors
    assert_success
    refute_output
}

@test "control: an include planted in the real tree that points up is named with both floors" {
    mkdir "$BATS_TEST_TMPDIR/real"
    cp -r "$ASHLAR_ROOT/alloc" "$ASHLAR_ROOT/ci" "$BATS_TEST_TMPDIR/real/"
    tree=$BATS_TEST_TMPDIR/real
    floors
    assert_success
    echo '#include "../os/pages.h"' >>"$tree/alloc/util/bits.h"
    floors
    assert_failure 1
    local line
    line=$(wc -l <"$tree/alloc/util/bits.h")
    assert_output "alloc/util/bits.h:$line: points up: alloc/util/bits.h is on floor 1, alloc/os/pages.h on floor 2"
}

@test "control: an arrow to the right on one floor is named" {
    echo '#include "right.h"' >"$tree/alloc/heap/left.h"
    floors
    assert_failure 1
    assert_output 'alloc/heap/left.h:1: points right on floor 4: alloc/heap/right.h stands after alloc/heap/left.h'
}

@test "control: a path that takes a detour is still seen" {
    echo '#include "../heap/../heap/high.h"' >"$tree/alloc/util/low.h"
    floors
    assert_failure 1
    assert_output --partial 'alloc/util/low.h:1: points up: alloc/util/low.h is on floor 0, alloc/heap/high.h on floor 5'
}

@test "control: an unlisted file, a listed file that is gone and a double line are named" {
    touch "$tree/alloc/heap/new.h"
    rm "$tree/alloc/heap/right.h"
    echo 'alloc/heap/high.h 5' >>"$tree/ci/floors.txt"
    floors
    assert_failure 1
    assert_line 'alloc/heap/new.h:1: is on no floor of ci/floors.txt'
    assert_line 'ci/floors.txt:5: alloc/heap/right.h does not exist'
    assert_line 'ci/floors.txt:7: alloc/heap/high.h stands here twice'
}

@test "control: a list out of order is named" {
    echo 'alloc/util/bits.h 1' >>"$tree/ci/floors.txt"
    touch "$tree/alloc/util/bits.h"
    floors
    assert_failure 1
    assert_output 'ci/floors.txt:7: alloc/util/bits.h on floor 1 stands after floor 5'
}

@test "control: a test header included by the allocator is named" {
    touch "$tree/alloc/test/fake.h"
    echo '#include "../test/fake.h"' >"$tree/alloc/heap/high.h"
    floors
    assert_failure 1
    assert_output 'alloc/heap/high.h:1: includes alloc/test/fake.h, which is on no floor of ci/floors.txt'
}

@test "control: the inside of alloc/ and the neighbours are closed to the other folders" {
    echo '#include "../alloc/heap/high.h"' >"$tree/bench/bench.c"
    touch "$tree/bench/own.h"
    echo '#include "own.h"' >"$tree/harness/main.c"
    echo '#include "../../bench/own.h"' >"$tree/alloc/heap/high.h"
    floors
    assert_failure 1
    assert_line 'bench/bench.c:1: bench/ includes alloc/heap/high.h, of other folders it may include alloc/include/ only'
    assert_line 'harness/main.c:1: harness/ includes bench/own.h, of other folders it may include alloc/include/ only'
    assert_line 'alloc/heap/high.h:1: alloc/ includes bench/own.h, it may include alloc/ only'
}

@test "control: a .c whose own header is not first, and a header from nowhere, are named" {
    printf '%s\n' '#include <errno.h>' '#include "low.h"' '#include "gone.h"' >"$tree/alloc/util/low.c"
    floors
    assert_failure 1
    assert_line 'alloc/util/low.c:1: includes errno.h before its own alloc/util/low.h'
    assert_line 'alloc/util/low.c:3: includes "gone.h", which is nowhere in the tree'
}

@test "control: a header that needs another before it is named" {
    echo 'static inline size_t f(void) { return 0; }' >"$tree/alloc/heap/high.h"
    run "$ASHLAR_ROOT/ci/headers.sh" "$tree"
    assert_failure 1
    assert_line 'alloc/heap/high.h: does not compile alone as c'
}

@test "a folder that is no tree of ours is refused" {
    run "$ASHLAR_ROOT/ci/floors.sh" "$BATS_TEST_TMPDIR"
    assert_failure 2
    assert_output --partial 'has no ci/floors.txt'
}
