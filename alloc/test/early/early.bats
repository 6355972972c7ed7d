#!/usr/bin/env bats
# Callers before the library is relocated (api/early.h).

setup_file() {
    here=$BATS_TEST_DIRNAME
    cd "$BATS_FILE_TMPDIR"
    gcc -O1 -shared -fPIC "$here/resolver.c" -o libresolver.so
    gcc -O1 -shared -fPIC "$here/caller.c" -L. -lresolver -Wl,-rpath,"$PWD" -o libcaller.so
    gcc -O1 -fno-builtin "$here/program.c" -L. -lcaller -lresolver -Wl,-rpath,"$PWD" -o program
}

setup() {
    LIB=${ASHLAR_BUILD:-$BATS_TEST_DIRNAME/../../../build}/libashlar.so
}

@test "an IFUNC resolver that allocates before the library is relocated is served" {
    run env LD_BIND_NOW=1 LD_PRELOAD="$LIB" "$BATS_FILE_TMPDIR/program"
    [ "$status" -eq 0 ] && [ "$output" = "whole early early" ]
}

@test "control: bound lazily, the resolver runs later and takes from the heap" {
    run env LD_PRELOAD="$LIB" "$BATS_FILE_TMPDIR/program"
    [ "$status" -eq 0 ] && [ "$output" = "whole early heap" ]
}

@test "control: the program works on the C library alone" {
    run env LD_BIND_NOW=1 "$BATS_FILE_TMPDIR/program"
    [ "$status" -eq 0 ] && [ "$output" = "whole early heap" ]
}
