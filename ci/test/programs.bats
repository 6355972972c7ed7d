# Real programs on the preloaded library give the outputs that they give on glibc's allocator.

bats_require_minimum_version 1.5.0

load preload

setup_file() {
    programs=$ASHLAR_ROOT/ci/test/programs
    bump() {
        gcc -std=c11 -D_GNU_SOURCE -O2 -fPIC -fno-builtin -shared -o "$BATS_FILE_TMPDIR/$1.so" \
            "${@:2}" "$programs/bump.c"
    }
    bump bump
    bump faulty -DFAULT
    bump silent -DSILENT
    echo 'int nothing;' | gcc -fPIC -shared -x c -o "$BATS_FILE_TMPDIR/nothing.so" -
    on=$programs/on.sh
    export programs on
}

@test "python3 with PYTHONMALLOC=malloc" {
    same_on_library 1000000 "$on" env PYTHONMALLOC=malloc PYTHONHASHSEED=0 /usr/bin/python3 \
        "$programs/python.py"
}

@test "perl" {
    same_on_library 200000 "$on" perl "$programs/perl.pl"
}

@test "sqlite3" {
    same_on_library 500000 "$programs/sqlite.sh"
}

@test "gcc compiles a large file to the same bits" {
    same_on_library 1000000 "$programs/gcc.sh"
}

@test "git: commits, merge, gc, fsck, clone, log" {
    same_on_library 10000 "$programs/git.sh"
}

@test "redis-server under redis-benchmark keeps its data set" {
    same_on_library 1000000 "$programs/redis.sh"
}

@test "stress-ng --malloc --verify" {
    same_on_library 200 "$programs/stress-ng.sh"
}

# fails_with LINE LIBRARY COMMAND...: the comparison on LIBRARY must fail and say LINE.
fails_with() {
    library=$2 run same_on_library 1000 "${@:3}"
    echo "$output"
    ((status == 1))
    [[ $output == *"$1"* ]]
}

@test "control: a sound library passes, one whose realloc loses bytes does not" {
    library=$BATS_FILE_TMPDIR/bump.so slack_kib=4000000 same_on_library 200000 "$on" perl "$programs/perl.pl"
    library=$BATS_FILE_TMPDIR/faulty.so slack_kib=4000000 run same_on_library 200000 "$on" perl "$programs/perl.pl"
    echo "$output"
    ((status == 1))
    [[ $output == *'differs from that on glibc'* || $output == *'fails on the library'* ]]
}

@test "control: a library that interposes nothing is no proof, with or without its line" {
    fails_with 'no proof that the library ran: 0 mallocs' "$BATS_FILE_TMPDIR/nothing.so" \
        "$on" perl "$programs/perl.pl"
    fails_with 'no proof that the library ran: 0 mallocs' "$BATS_FILE_TMPDIR/silent.so" \
        "$on" perl "$programs/perl.pl"
}

@test "control: no library at all is no proof" {
    fails_with 'no proof that the library ran: 0 mallocs' '' "$on" perl "$programs/perl.pl"
}

@test "control: another output, another line on standard error and a failure are each named" {
    fails_with 'the output differs' "$BATS_FILE_TMPDIR/bump.so" \
        "$on" bash -c 'echo "${LD_PRELOAD:+changed}"'
    fails_with 'the standard error differs' "$BATS_FILE_TMPDIR/bump.so" \
        "$on" bash -c '[[ -z ${LD_PRELOAD-} ]] || echo "ashlar: double free of 0x1" >&2'
    fails_with 'the program fails on the library' "$BATS_FILE_TMPDIR/bump.so" \
        "$on" bash -c '[[ -z ${LD_PRELOAD-} ]]'
}

@test "control: more than twice the memory is named" {
    slack_kib=0 fails_with 'KiB on glibc' "$BATS_FILE_TMPDIR/bump.so" "$on" perl "$programs/perl.pl"
}
