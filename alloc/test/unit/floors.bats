#!/usr/bin/env bats
# A unit test links its module and the floors below. So what a module must not depend on is missing, and
# a forbidden call is an error of the linker.

setup() {
    ROOT=${ASHLAR_ROOT:-$(realpath "$BATS_TEST_DIRNAME/../../..")}
    BUILD=${ASHLAR_BUILD:-$ROOT/build}
    mapfile -t SOURCES < <(sed -n '/^ALLOC_SRCS/,/[^\\]$/p' "$ROOT/alloc/module.mk" |
        grep -o '[a-z]*/[a-z_]*\.c' | grep -v cxx)
}

# The functions that an object defines for others; and those of a program, where they are hidden.
offered_by() { nm --defined-only "$1" | awk '$2 == "T" { print $3 }' | sort; }
held_by() { nm --defined-only "$1" | awk 'toupper($2) == "T" { print $3 }' | sort; }
object_of() { echo "$BUILD/alloc/prefixed/${1%.c}.o"; }

# Which functions of modules above $1 the program of its test has.
from_above() {
    local source above=
    for source in "${SOURCES[@]}"; do
        [[ ! $above ]] || comm -12 <(offered_by "$(object_of "$source")") \
            <(held_by "$BUILD/test/unit/${2:-$(basename "$1" .c)}")
        [[ $source != "$1" ]] || above=yes
    done
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
        # The doors are tested by whole programs, against three libraries, in api/.
        [[ $source == api/entry.c || -e $ROOT/alloc/test/unit/$(basename "$source") ]] ||
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
        objects+=("$(object_of "$source")")
        [[ $source != heap/run.c ]] || break
    done
    echo 'void *pool_init(void); int main(void) { return !pool_init(); }' \
        >"$BATS_TEST_TMPDIR/down.c"
    echo 'void *arena_join(void); int main(void) { return !arena_join(); }' >"$BATS_TEST_TMPDIR/up.c"
    ${CC:-cc} -o "$BATS_TEST_TMPDIR/down" "$BATS_TEST_TMPDIR/down.c" "${objects[@]}" -pthread
    run ${CC:-cc} -o "$BATS_TEST_TMPDIR/up" "$BATS_TEST_TMPDIR/up.c" "${objects[@]}" -pthread
    [[ $status -ne 0 && $output == *"undefined reference to"*arena_join* ]]
}
