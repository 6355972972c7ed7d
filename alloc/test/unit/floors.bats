#!/usr/bin/env bats
# A unit test links its module and the floors below. So what a module must not depend on is missing, and
# a forbidden call is an error of the linker.

setup_file() {
    ROOT=${ASHLAR_ROOT:-$(realpath "$BATS_TEST_DIRNAME/../../..")}
    BUILD=${ASHLAR_BUILD:-$ROOT/build}
    export ROOT BUILD
    sed -n '/^ALLOC_SRCS/,/[^\\]$/p' "$ROOT/alloc/module.mk" | grep -o '[a-z]*/[a-z_]*\.c' |
        grep -v cxx >"$BATS_FILE_TMPDIR/sources"
    # OBJECT:FUNCTION for each function that an object offers to others, in the order of the sources.
    (cd "$BUILD/alloc/prefixed" &&
        sed 's/c$/o/' "$BATS_FILE_TMPDIR/sources" | xargs nm -A --defined-only) |
        awk '$2 == "T" { sub(/\.o:[0-9a-f]*$/, ".c", $1); print $1 ":" $3 }' >"$BATS_FILE_TMPDIR/offered"
}

setup() {
    mapfile -t SOURCES <"$BATS_FILE_TMPDIR/sources"
}

# Which functions of modules above $1 the program of its test, or the program $2, has. There they are
# hidden, and so small letters to nm.
from_above() {
    local program=$BUILD/test/unit/${2:-$(basename "$1" .c)}
    [[ -x $program ]] || { echo "$program is not built"; return 1; }
    nm --defined-only "$program" | awk -F '[ :]' -v module="$1" '
        FNR == NR { if (toupper($2) == "T") held[$3]; next }
        $1 == module { seen = 1; next }
        seen && $2 in held { print $2 }' - "$BATS_FILE_TMPDIR/offered"
}

@test "no unit test holds a function of a module above its own" {
    local source tested=0
    for source in "${SOURCES[@]}"; do
        if [[ -e $ROOT/alloc/test/unit/$(basename "$source") ]]; then
            run from_above "$source"
            [[ $status -eq 0 && -z $output ]] || { echo "$source: $output"; return 1; }
            tested=$((tested + 1))
        fi
    done
    ((tested >= 20))
}

@test "every module has a unit test" {
    local source
    for source in "${SOURCES[@]}"; do
        # Doors are tested by whole programs, against several libraries, in api/.
        [[ $source == api/entry.c || $source == api/extended.c || $source == inspect/mallinfo.c || -e $ROOT/alloc/test/unit/$(basename "$source") ]] ||
            { echo "$source has none"; return 1; }
    done
}

@test "control: in the program of the top floor those functions are found" {
    run from_above heap/run.c picture
    [[ $output == *bin_fill* && $output == *arena_join* && $output == *thread_cache* ]]
}

@test "control: a call upwards does not link" {
    local objects=() source
    for source in "${SOURCES[@]}"; do
        objects+=("$BUILD/alloc/prefixed/${source%.c}.o")
        [[ $source != heap/run.c ]] || break
    done
    echo 'void *pool_init(void); int main(void) { return !pool_init(); }' \
        >"$BATS_TEST_TMPDIR/down.c"
    echo 'void *arena_join(void); int main(void) { return !arena_join(); }' >"$BATS_TEST_TMPDIR/up.c"
    ${CC:-cc} -o "$BATS_TEST_TMPDIR/down" "$BATS_TEST_TMPDIR/down.c" "${objects[@]}" -pthread
    run ${CC:-cc} -o "$BATS_TEST_TMPDIR/up" "$BATS_TEST_TMPDIR/up.c" "${objects[@]}" -pthread
    [[ $status -ne 0 && $output == *"undefined reference to"*arena_join* ]]
}
