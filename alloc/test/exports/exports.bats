#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# The names that the libraries show: those of alloc/exports.txt, none more and none missing. And what
# they do not show may be used by a program for itself.

setup() {
    build=$(realpath "${ASHLAR_BUILD:-$BATS_TEST_DIRNAME/../../../build}")
    list=$BATS_TEST_DIRNAME/../../exports.txt
    cd "$BATS_TEST_TMPDIR"
}

# listed LIBRARY [FILE]: the names that it is to show.
listed() {
    awk -v prefixed="$([[ $1 == *prefixed* ]] && echo 1 || echo 0)" '
        { sub(/#.*/, "") }
        NF == 0 { next }
        NF != 2 || $1 !~ /^(door|override|all)$/ { print "line " FNR " is not KIND NAME: " $0; next }
        !prefixed || $1 == "all" { print $2 }
        prefixed && $1 == "door" { print "ashlar_" $2 }' "${2-$list}" | LC_ALL=C sort
}

# shown LIBRARY: the names that it does show.
shown() {
    local dynamic=()
    [[ $1 != *.so ]] || dynamic=(-D)
    nm "${dynamic[@]}" -g --defined-only -P "$1" | awk 'NF > 2 { print $1 }' | LC_ALL=C sort
}

# same LIBRARY [FILE]: fails and tells the difference, `<` missing, `>` unexpected.
same() {
    diff <(listed "$1" "${2-$list}") <(shown "$build/$1")
}

@test "libashlar.so shows what is listed" {
    same libashlar.so
}

@test "libashlar.a and libashlar_prefixed.a show what is listed" {
    same libashlar.a
    same libashlar_prefixed.a
}

@test "control: a name that is not listed, one that is missing and a bad line are told" {
    grep -v ' malloc$' "$list" >less
    echo 'door mallocate' | cat "$list" - >more
    echo 'malloc' | cat "$list" - >bad
    for library in libashlar.so libashlar.a libashlar_prefixed.a; do
        run -1 same $library less
        [[ $output == *'> '*malloc && ${#lines[@]} -eq 2 ]]
        run -1 same $library more
        [[ $output == *'< '*mallocate && ${#lines[@]} -eq 2 ]]
        run -1 same $library bad
        [[ $output == *'< line '*' is not KIND NAME: malloc' ]]
    done
}

@test "programs remember libashlar.so.1 and find it in the build folder" {
    printf '%s\n' '#include <stdlib.h>' 'int main(void) { return malloc(1) == NULL; }' >program.c
    gcc -fno-builtin program.c -L"$build" -Wl,--no-as-needed -lashlar -Wl,-rpath,"$build" -o program
    readelf -d program | grep -F 'Shared library: [libashlar.so.1]'
    ASHLAR_CONF=stats_print:true run -0 ./program
    [[ $output == 'ashlar: mallocs='* ]]
}

# Names that the allocator uses inside, of functions and of variables.
own_names() {
    echo 'int conf = 1, boot_done = 2, large_alloc = 3, pool_check = 4, options = 5;'
    echo '#include <stdlib.h>'
    echo 'int main(void) { return malloc(conf + boot_done + large_alloc + pool_check) == NULL; }'
}

@test "a program may use the names that are hidden, also where it is linked statically" {
    own_names >program.c
    gcc program.c "$build/libashlar.a" -lpthread -o program
    ./program
    gcc -static program.c "$build/libashlar.a" -lpthread -o program
    ./program
    gcc program.c "$build/libashlar_prefixed.a" -lpthread -o program
    ./program
}

@test "control: with the objects themselves it does not link" {
    own_names >program.c
    run ! gcc program.c "$build"/alloc/override/*/*.o -lpthread -o program
    [[ $output == *'multiple definition of `conf'* ]]
}
