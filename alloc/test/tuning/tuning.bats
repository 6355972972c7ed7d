#!/usr/bin/env bats
# What alloc/TUNING.md says of each option, as an order of magnitude: the program there, and the option.

setup() {
    build=$(realpath "${ASHLAR_BUILD:-$BATS_TEST_DIRNAME/../../../build}")
    guide=$BATS_TEST_DIRNAME/../../TUNING.md
    library=$build/libashlar.so
    front=(env) # what starts it
}

# figure OPTIONS FIGURE SCENARIO...: what the program says under these options.
figure() {
    ASHLAR_CONF=$1 LD_PRELOAD=$library "${front[@]}" "$build/tuning" "${@:3}" | sed -n "s/^$2 //p" | grep .
}

# at_least TIMES LARGE SMALL: both are told where it does not hold.
at_least() {
    echo "$2 against $3"
    (($2 >= $1 * $3))
}

@test "memory not returned: dirty_decay_ms:0 returns it at once, -1 never" {
    at_least 4 "$(figure dirty_decay_ms:-1 freed_kib burst 0)" "$(figure dirty_decay_ms:0 freed_kib burst 0)"
}

@test "memory not returned: a short decay returns it soon after" {
    at_least 4 "$(figure dirty_decay_ms:100000 later_kib burst 1)" "$(figure dirty_decay_ms:100 later_kib burst 1)"
}

@test "many threads: without caches idle threads hold nothing" {
    at_least 4 "$(figure '' staying_kib threads)" "$(figure tcache:false staying_kib threads)"
}

@test "many threads: fewer arenas hold less, and as many are made as there are processors for" {
    at_least 2 "$(figure narenas:64 staying_kib threads)" "$(figure narenas:1 staying_kib threads)"
    front=(taskset -c "$(taskset -cp $$ | sed 's/.*: *\([0-9]*\).*/\1/')")
    at_least 2 "$(figure narenas:64 staying_kib threads)" "$(figure '' staying_kib threads)"
}

@test "latency: memory that is kept is not faulted in again" {
    at_least 4 "$(figure dirty_decay_ms:0 faults rounds)" "$(figure dirty_decay_ms:-1 faults rounds)"
}

@test "control: without the library the options change nothing" {
    library=
    local never zero
    never=$(figure dirty_decay_ms:-1 faults rounds)
    zero=$(figure dirty_decay_ms:0 faults rounds)
    echo "$zero against $never"
    ((10 * zero < 11 * never && 10 * never < 11 * zero))
}

# keys_of FILE: what looks like an option there, key:value.
keys_of() {
    grep -oE '\b[a-z][a-z_]*:[a-z0-9-]+' "$1" | cut -d: -f1 | sort -u
}

known_keys() {
    ASHLAR_CONF=confirm_conf:true LD_PRELOAD=$library env true 2>&1 |
        sed -n 's/^ashlar: \([a-z_]*\):.*/\1/p' | sort -u
}

@test "the guide names only options that exist" {
    [[ $(known_keys | wc -l) -ge 12 ]]
    [[ -n $(keys_of "$guide") ]]
    run comm -23 <(keys_of "$guide") <(known_keys)
    [[ -z $output ]]
}

@test "control: an option that does not exist is noticed" {
    echo 'Try `no_such_option:true`.' | cat "$guide" - >"$BATS_TEST_TMPDIR/guide.md"
    run comm -23 <(keys_of "$BATS_TEST_TMPDIR/guide.md") <(known_keys)
    [[ $output == no_such_option ]]
}
