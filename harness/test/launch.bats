# ashlar-launch: what it does to the program that it starts, and what it says afterwards.

bats_require_minimum_version 1.5.0
load common

# launch OPTION... -- PROGRAM...: the report lands in report.json, the program's output in $output.
launch() {
    run -0 --separate-stderr "$ASHLAR_BUILD/ashlar-launch" --report-fd 3 "$@" 3>report.json
}

report() {
    jq -c "$1" report.json
}

@test "the report tells exit code, signal, time and resources" {
    launch -- /bin/sh -c 'exit 7'
    assert_equal "$(report '[.exit, .signal, .timed_out, .exec_error]')" '[7,0,false,""]'
    assert_equal "$(report '.wall_ns > 0 and .maxrss_kib > 0 and .minflt > 0')" true
    launch -- /bin/sh -c 'kill -ABRT $$'
    assert_equal "$(report '[.exit, .signal]')" '[-1,6]'
}

@test "a program that is not there is told by exec, not taken for exit 125" {
    launch -- /nowhere/program
    assert_equal "$(report .exec_error)" '"No such file or directory"'
}

@test "time-out kills the program and its children" {
    launch --timeout-ms 300 -- /bin/sh -c "sleep 77.123 & sleep 77.123"
    assert_equal "$(report '[.timed_out, .signal]')" '[true,9]'
    run -1 pgrep -f 'sleep 77.123'
}

@test "what a program leaves running is killed after its end" {
    launch -- /bin/sh -c "sleep 78.123 >/dev/null 2>&1 & exit 0"
    assert_equal "$(report '[.timed_out, .exit]')" '[false,0]'
    run -1 pgrep -f 'sleep 78.123'
}

@test "a session of its own does not save what a program leaves running" {
    launch -- /bin/sh -c "setsid sleep 81.123 >/dev/null 2>&1 & exit 0"
    assert_equal "$(report '[.exit, .outlived > 0]')" '[0,true]'
    run -1 pgrep -f 'sleep 81.123'
    launch -- /bin/sh -c 'exit 0'
    assert_equal "$(report .outlived)" 0
    # A process that is traced is stopped at its calls, and is killed all the same.
    launch --syscalls -- /bin/sh -c "setsid sleep 83.123 >/dev/null 2>&1 & exit 0"
    assert_equal "$(report .exit)" 0
    run -1 pgrep -f 'sleep 83.123'
}

@test "time-out kills a program that has left its process group" {
    launch --timeout-ms 1000 -- /usr/bin/python3 -c \
        'import os, time; os.setpgid(0, os.getpgid(os.getppid())); time.sleep(82.123)'
    assert_equal "$(report '[.timed_out, .signal]')" '[true,9]'
}

@test "a program gets no more private memory than it may have; what is only reserved is free" {
    reserve='import mmap, sys; mmap.mmap(-1, 1 << 30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=int(sys.argv[1]))'
    launch --memory-mib 512 -- /usr/bin/python3 -c "$reserve" 3
    assert_equal "$(report .exit)" 1
    launch --memory-mib 512 -- /usr/bin/python3 -c "$reserve" 1
    assert_equal "$(report .exit)" 0
    launch -- /usr/bin/python3 -c "$reserve" 3
    assert_equal "$(report .exit)" 0
}

@test "the kernel is told to kill the program first when memory runs out" {
    launch -- /bin/cat /proc/self/oom_score_adj
    assert_output 1000
}

@test "the program is pinned where it is told, and a processor that is not there is refused" {
    cpu=$(first_cpu)
    launch --cpu "$cpu" -- /bin/grep Cpus_allowed_list /proc/self/status
    assert_output --regexp "[[:space:]]$cpu\$"
    launch --cpu 1000 -- /bin/true
    assert_equal "$(report .exec_error)" '"Invalid argument"'
}

@test "a launcher whose parent has gone already starts nothing" {
    run -125 "$ASHLAR_BUILD/ashlar-launch" --report-fd 3 --parent 1 -- /usr/bin/touch started 3>report.json
    [[ ! -e started ]]
    run -0 cat report.json
    assert_output ''
}

@test "SIGTERM stops the program and is told" {
    "$ASHLAR_BUILD/ashlar-launch" --report-fd 3 -- /bin/sleep 79.123 3>report.json &
    pid=$!
    for ((i = 0; i < 100; i++)); do
        ! pgrep -f '^/bin/sleep 79.123' >/dev/null || break
        sleep 0.02
    done
    kill "$pid"
    wait "$pid"
    assert_equal "$(report .stopped)" true
    run -1 pgrep -f '^/bin/sleep 79.123'
}

@test "the program dies with the launcher" {
    "$ASHLAR_BUILD/ashlar-launch" --report-fd 3 -- /bin/sleep 80.123 3>report.json &
    pid=$!
    for ((i = 0; i < 100; i++)); do
        ! pgrep -f '^/bin/sleep 80.123' >/dev/null || break
        sleep 0.02
    done
    kill -KILL "$pid"
    wait "$pid" || true
    for ((i = 0; i < 100; i++)); do
        pgrep -f '^/bin/sleep 80.123' >/dev/null || return 0
        sleep 0.02
    done
    fail "the sleeper lives"
}

@test "layout is random, or not" {
    stack_of() {
        launch "$@" -- /bin/grep stack /proc/self/maps
        echo "$output"
    }
    assert_equal "$(stack_of --no-aslr)" "$(stack_of --no-aslr)"
    [[ $(stack_of) != "$(stack_of)" ]]
}

@test "the environment is padded to the byte, and the preload is set, not added" {
    LD_PRELOAD='' ASHLAR_PAD=old launch --pad 100 --preload "$libc" -- /usr/bin/env
    assert_equal "$(grep ^ASHLAR_PAD= <<<"$output" | tr -d '\n' | wc -c)" $((100 + 11))
    assert_equal "$(grep ^LD_PRELOAD= <<<"$output")" "LD_PRELOAD=$libc"
}

@test "counters count from exec on, children included" {
    launch --count -- /bin/sh -c ':'
    few=$(report .counters.page_faults)
    [[ $few != null ]] || skip "perf_event_open is not permitted here"
    launch --count -- /bin/sh -c 'for i in 1 2 3 4 5 6 7 8; do /bin/true; done'
    many=$(report .counters.page_faults)
    ((many > 4 * few)) || fail "$many page faults with eight children, $few without"
    launch -- /bin/sh -c ':'
    assert_equal "$(report .counters)" '{}'
}

@test "the peak memory of a fat parent is not inherited" {
    # A python of 100 MiB starts the launcher: what the launcher says of /bin/true must be small.
    python3 - "$ASHLAR_BUILD/ashlar-launch" <<-'PY'
	import os, subprocess, sys
	fat = bytearray(100 << 20)
	fat[::4096] = b'x' * len(fat[::4096])
	with open('report.json', 'w') as report:
	    subprocess.run([sys.argv[1], '--report-fd', str(report.fileno()), '--', '/bin/true'],
	                   pass_fds=[report.fileno()], check=True)
	PY
    (($(report .maxrss_kib) < 20000)) || fail "$(cat report.json)"
}

@test "mistakes of the caller" {
    run -2 --separate-stderr "$ASHLAR_BUILD/ashlar-launch" --report-fd 3 --colour -- /bin/true
    assert_line_on_stderr "ashlar-launch: an option is unknown"
    run -2 --separate-stderr "$ASHLAR_BUILD/ashlar-launch" --report-fd 3
    assert_line_on_stderr "no program is given"
    run -2 --separate-stderr "$ASHLAR_BUILD/ashlar-launch" -- /bin/true
    assert_line_on_stderr "--report-fd is missing"
}

@test "a measured process does not see the user's own allocator settings" {
    cat >bench.sh <<-SH
	#!/bin/sh
	env >>"$PWD/seen"
	exec $fake "\$@"
	SH
    chmod +x bench.sh
    export MALLOC_ARENA_MAX=1 GLIBC_TUNABLES=glibc.malloc.check=0 ASHLAR_CONF=tcache:false LANG=de_DE
    toy run plain --bench "$PWD/bench.sh"
    run -1 grep -E '^(MALLOC_|GLIBC_|ASHLAR_CONF|LANG)' seen
    run -0 grep -c '^FAKE_LOG=' seen
}
