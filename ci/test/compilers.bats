# gcc and clang both build the whole tree, tests included, without a warning.

bats_require_minimum_version 1.5.0

# build COMPILER C++-COMPILER DIRECTORY TARGET...
build() {
    make -C "$ASHLAR_ROOT" --no-print-directory --output-sync=target -k -j"$(nproc)" CC="$1" CXX="$2" \
        B="$3" OPT='-O2 -Werror' "${@:4}" </dev/null 2>&1
}

# Warnings are errors, and the linker's are looked for by their word.
builds_clean() {
    local out=$BATS_TEST_TMPDIR/out
    build "$1" "$2" "$BATS_TEST_TMPDIR/build" all check-deps >"$out" || {
        grep -E -A4 'warning|error:|\*\*\*' "$out" | head -n 60
        return 1
    }
    run ! grep -i 'warning' "$out"
}

@test "gcc builds all without a warning" {
    builds_clean gcc g++
}

@test "clang builds all without a warning" {
    builds_clean clang clang++
}

@test "every compilation is told to warn" {
    local commands=$BATS_TEST_TMPDIR/commands flag
    build gcc g++ "$BATS_TEST_TMPDIR/build" -n all check-deps |
        sed -e ':a' -e '/\\$/{N;s/\\\n//;ba' -e '}' | grep -E '^ *(gcc|g\+\+) .*\.(c|cc|cpp|cxx)( |$)' \
        >"$commands"
    (($(wc -l <"$commands") > 20))
    for flag in -Werror -Wall -Wextra -Wshadow; do
        run ! grep -v -e " $flag\b" "$commands"
    done
    grep '^ *gcc' "$commands" >"$commands.c"
    run ! grep -v -e ' -Wstrict-prototypes\b' "$commands.c"
}

@test "control: a shadowed variable planted in the allocator stops both compilers" {
    local tree=$BATS_TEST_TMPDIR/tree compiler
    mkdir "$tree"
    cp -r "$ASHLAR_ROOT"/{Makefile,alloc,bench,stress,harness,ci} "$tree/"
    echo 'int planted(int x); int planted(int x) { { int x = 1; (void)x; } return x; }' \
        >>"$tree/alloc/util/diag.c"
    for compiler in gcc clang; do
        ASHLAR_ROOT=$tree run build $compiler $compiler++ "$BATS_TEST_TMPDIR/$compiler" \
            "$BATS_TEST_TMPDIR/$compiler/libashlar.so"
        ((status != 0))
        [[ $output == *'[-Werror,-Wshadow]'* || $output == *'[-Werror=shadow]'* ]]
    done
}
