#!/usr/bin/env bats
# A misuse is a feature: every program of this folder ends with SIGABRT and exactly one line, which
# names the pointer and what it is. Each is tried at every door that takes a pointer. The controls:
# correct use stays silent, the C library says none of it, and a library whose check was removed
# fails these very expectations (stress/test/mutants.bats).

setup_file() {
    # Threads of one process take arenas in turn; one arena makes "arena 0" certain for main.
    export LC_ALL=C
}

setup() {
    load /usr/lib/bats/bats-support/load.bash
    load /usr/lib/bats/bats-assert/load.bash
    bin="${ASHLAR_BUILD:-$BATS_TEST_DIRNAME/../../../build}/test/misuse"
    run_at='\(size class %s, arena [0-9]+, run 0x[0-9a-f]+\)'
}

# expect PROGRAM DOOR KIND [CLASS]: runs it and compares the signal and the line. Without a class,
# the one that the program found in its block (by malloc_usable_size) is expected.
expect() {
    local program="$1" door="$2" kind="$3" class="${4:-}" word pattern where gone
    run "$bin/$program" $door
    echo "# $program $door -> status $status"
    assert_equal "$status" 134
    assert_equal "${#lines[@]}" 2
    read -r pointer block found <<<"${lines[0]}"
    class="${class:-$found}"
    case "${door%% *}" in
    realloc | realloc_to_zero) word=realloc ;;
    usable_size) word=malloc_usable_size ;;
    rallocx | xallocx | sallocx) word=$door ;;
    *) word=free ;; # a program that frees twice by another name has freed twice
    esac
    # shellcheck disable=SC2059
    where="$(printf "$run_at" "$class")"
    gone="invalid $word of $pointer \\((not a live block|not memory of this allocator)\\)"
    case "$kind-$word" in
    # Freed a moment ago.
    freed-free) pattern="double free of $pointer $where" ;;
    freed-*) pattern="use of freed block $pointer by $word $where" ;;
    inside-*)
        pattern="invalid $word of $pointer "
        pattern+="\\(inside a block of size class $class at $block\\)"
        ;;
    dead-*) pattern="invalid $word of $pointer \\(not a live block\\)" ;;
    foreign-*) pattern="invalid $word of $pointer \\(not memory of this allocator\\)" ;;
    huge-free) pattern="double free of $pointer \\(huge block\\)" ;;
    huge-*) pattern="use of freed block $pointer by $word \\(huge block\\)" ;;
    # Freed long ago: what can still be said depends on what became of its pages.
    gone-free) pattern="(double free of $pointer $where|$gone)" ;;
    gone-*) pattern="(use of freed block $pointer by $word $where|$gone)" ;;
    esac
    assert_line --index 1 --regexp "^ashlar: $pattern\$"
}

every_door=(free realloc realloc_to_zero usable_size free_sized free_aligned_sized
    dallocx dallocx_none sdallocx rallocx xallocx sallocx)

@test "a small block freed twice in a row" {
    for door in "${every_door[@]}"; do expect double_free_now "$door" freed 64; done
}

@test "a small block freed twice with other frees between" {
    for door in "${every_door[@]}"; do expect double_free_later "$door" freed 64; done
}

@test "a small block freed by another thread before" {
    for door in "${every_door[@]}"; do expect double_free_other_thread "$door" freed 64; done
}

@test "a small block freed again in another thread" {
    for door in "${every_door[@]}"; do expect double_free_in_thread "$door" freed 64; done
}

@test "a small block freed again after the cache was flushed" {
    for door in "${every_door[@]}"; do expect double_free_flushed "$door" freed 64; done
}

@test "a small block freed again after its run is gone" {
    for door in "${every_door[@]}"; do expect double_free_run_gone "$door" gone 64; done
}

@test "a block of the largest small class freed twice" {
    for door in free realloc usable_size; do expect double_free_largest_small "$door" freed; done
}

@test "a block of calloc freed twice" {
    for door in "${every_door[@]}"; do expect double_free_calloc "$door" freed 64; done
}

@test "the old address after realloc moved the block" {
    for door in "${every_door[@]}"; do expect double_free_after_realloc "$door" freed 64; done
}

@test "a large block freed twice" {
    for door in free realloc realloc_to_zero usable_size; do
        expect double_free_large "$door" freed
    done
}

@test "a large block beyond the cache freed twice" {
    for door in free realloc realloc_to_zero usable_size; do
        expect double_free_large_uncached "$door" gone
    done
}

@test "a huge block freed twice" {
    for door in free realloc realloc_to_zero usable_size; do
        expect double_free_huge "$door" huge
    done
}

@test "a pointer into a small block: +1, +8, +16, +16 of an odd class, + a page" {
    for door in "${every_door[@]}"; do
        expect interior_1 "$door" inside 64
        expect interior_8 "$door" inside 64
        expect interior_16 "$door" inside 64
        expect interior_odd_class "$door" inside 48
    done
    for door in free realloc usable_size; do expect interior_page_of_small "$door" inside; done
}

@test "a pointer into a large block: +16, + a page" {
    for door in free realloc usable_size; do
        expect interior_16_of_large "$door" inside
        expect interior_page_of_large "$door" inside
    done
}

@test "a pointer into a huge block: + a page, + a chunk" {
    for door in free realloc usable_size; do
        expect interior_page_of_huge "$door" inside
        expect interior_chunk_of_huge "$door" inside
    done
}

@test "beyond the last block of a run and behind a large block" {
    for door in free realloc usable_size; do
        expect beyond_small "$door" dead
        expect beyond_large "$door" dead
    done
}

@test "the allocator's own pages" {
    for door in free realloc usable_size; do expect chunk_start "$door" dead; done
}

@test "the stack, static data, code, the environment" {
    for door in "${every_door[@]}"; do
        expect foreign_stack "$door" foreign
        expect foreign_static "$door" foreign
        expect foreign_code "$door" foreign
        expect foreign_environment "$door" foreign
    done
}

@test "memory of the program's own mmap, also where a chunk could be" {
    for door in "${every_door[@]}"; do
        expect foreign_mmap "$door" foreign
        expect foreign_chunk_aligned "$door" foreign
    done
}

@test "addresses where nothing is mapped, or can be" {
    for door in "${every_door[@]}"; do
        expect foreign_unmapped "$door" foreign
        expect foreign_noncanonical "$door" foreign
    done
}

@test "small integers" {
    for number in 1 2 7 8 16 64 4095 4096 65536 0x3fffff 0x400000 -1 -16 -4096; do
        for door in free realloc usable_size; do
            expect foreign_small_integer "$door $number" foreign
        done
    done
}

@test "the same without a thread cache" {
    export ASHLAR_CONF=tcache:false
    for door in "${every_door[@]}"; do
        expect double_free_later "$door" freed 64
        expect double_free_other_thread "$door" freed 64
        expect interior_16 "$door" inside 64
        expect foreign_static "$door" foreign
    done
    for door in free realloc usable_size; do
        expect double_free_large "$door" gone
        expect double_free_huge "$door" huge
    done
}

# tells PROGRAM LINE: the program ends with this line about its block.
tells() {
    run "$bin/$1"
    assert_equal "$status" 134
    assert_equal "${#lines[@]}" 2
    assert_line --index 1 --regexp "^ashlar: ${2//BLOCK/${lines[0]}}\$"
}

@test "sdallocx of more than the block has" {
    tells sized_too_large 'invalid sdallocx of BLOCK \(told 65 bytes, the block has 64\)'
    tells sized_huge_too_large 'invalid sdallocx of BLOCK \(told 8388609 bytes, the block has 8388608\)'
}

@test "dallocx into a cache that does not exist" {
    tells no_such_cache 'invalid dallocx of BLOCK \(there is no explicit cache 7\)'
}

@test "correct use is silent at every door (control)" {
    for door in "${every_door[@]}"; do
        run "$bin/valid" "$door"
        assert_success
        refute_output --partial ashlar
        assert_line survived
    done
    run "$bin/valid" usable_size
    assert_line 'usable 64'
}

@test "the C library says none of this (control)" {
    for program in "$bin"/*_libc; do
        for door in free realloc usable_size; do
            run "$program" "$door"
            refute_output --partial 'ashlar:'
        done
    done
    run "$bin/double_free_now_libc" free
    assert_equal "$status" 134
    assert_output --partial 'double free detected'
    # What it cannot see: this control would pass for a library without the check.
    run "$bin/double_free_now_libc" usable_size
    assert_success
    assert_line survived
}

@test "every program of the folder is run above (control)" {
    for source in "$BATS_TEST_DIRNAME"/*.c; do
        name="$(basename "$source" .c)"
        [ "$(grep -cE "(expect|tells|\\\$bin/)\"? ?$name\\b|bin/$name\"" "$BATS_TEST_FILENAME")" -gt 0 ] ||
            fail "$name.c is not run"
    done
}
