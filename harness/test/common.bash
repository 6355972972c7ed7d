# common.bash: what the harness's tests share. A suite of one toy cell under the fake bench (fake_bench.c),
# and allocators whose registry entry makes it misbehave. No test depends on a measured time.

load /usr/lib/bats/bats-support/load
load /usr/lib/bats/bats-assert/load

ashlar() {
    "$ASHLAR_BUILD/ashlar" "$@"
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    fake=$ASHLAR_BUILD/harness/test/fake-bench
    log=$BATS_TEST_TMPDIR/log
    libc=$(ldconfig -p | awk '/libc\.so\.6 \(libc6,(x86-64|AArch64)/{print $NF; exit}')
    cat >toy.ini <<-INI
	[suite]
	blocks = 6
	timeout_s = 2
	[cell toy]
	workload = toy
	args = --ops 1000000
	primary = yes
	count = no
	INI
    entry plain
}

# entry NAME [FAKE]: a section of the registry: libc under another name, the fake told how to behave.
entry() {
    {
        printf '[%s]\npath = %s\nenv = FAKE_LOG=%s\n' "$1" "$libc" "$log"
        [[ -z ${2-} ]] || printf 'env = FAKE=%s\n' "$2"
    } >>registry.ini
}

# toy VERB ALLOCATORS [OPTION...]
toy() {
    local verb=$1 allocators=$2
    shift 2
    run -"${want:-0}" --separate-stderr ashlar "$verb" --suite "$BATS_TEST_TMPDIR/toy.ini" \
        --registry registry.ini --bench "$fake" --results res --quiet --seed 1 \
        --allocators "$allocators" "$@"
}

samples() {
    jq -c "select(.type == \"sample\") | $1" res/latest/samples.jsonl
}

# first_cpu: one processor that this test may use.
first_cpu() {
    taskset -cp $$ | sed 's/.*: //; s/[-,].*//'
}

# strike_asleep SIGNAL: a run of two allocators is begun, and is sent the signal while the second one's
# process hangs; $code is its exit, err what it said. They go on when asleep is removed. The bench is ./mybench.
strike_asleep() {
    touch asleep
    entry sleeper "hang-while:$PWD/asleep"
    sed -i 's/timeout_s = 2/timeout_s = 60/' toy.ini
    cp "$fake" mybench
    "$ASHLAR_BUILD/ashlar" run --suite ./toy.ini --registry registry.ini --bench "$PWD/mybench" \
        --results res --seed 1 --allocators "plain sleeper" --quiet 2>err 3>&- &
    local pid=$!
    for ((i = 0; i < 1200; i++)); do
        [[ ! -s asleep ]] || break
        sleep 0.05
    done
    assert_equal "$(cat asleep)" hangs
    kill "-$1" "$pid"
    code=0
    wait "$pid" || code=$?
}

# The one line on stderr.
assert_line_on_stderr() {
    assert_equal "${#stderr_lines[@]}" 1
    [[ $stderr == *"$1"* ]] || fail "stderr is: $stderr"
}
