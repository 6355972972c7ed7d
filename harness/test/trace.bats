# ashlar-launch --syscalls: every system call of the program and of all that it starts, by name.

bats_require_minimum_version 1.5.0
load common

traced() {
    run -0 --separate-stderr "$ASHLAR_BUILD/ashlar-launch" --report-fd 3 --timeout-ms 60000 "$@" 3>report.json
    assert_equal "$(jq -c '[.exit, .timed_out]' report.json)" '[0,false]'
}

calls() {
    jq ".syscalls.$1" report.json
}

@test "every call is counted: in threads, children, programs they become, and after a stop" {
    traced --syscalls -- "$ASHLAR_BUILD/harness/test/known-calls" 100
    assert_equal "$(calls getppid)" 700
    assert_equal "$(calls getpgrp)" 100
    # One more a place is seen as one more a place.
    traced --syscalls -- "$ASHLAR_BUILD/harness/test/known-calls" 101
    assert_equal "$(calls getppid)" 707
    assert_equal "$(calls getpgrp)" 101
}

@test "twice the same program is twice the same calls, and set-up falls out of the difference" {
    for pass in more:40 less:10 again:40; do
        traced --syscalls --no-aslr -- "$ASHLAR_BUILD/harness/test/known-calls" "${pass#*:}" here
        jq -cS .syscalls report.json >"${pass%:*}.json"
    done
    assert_equal "$(cat more.json)" "$(cat again.json)"
    run -0 jq -cs '.[0] as $more | .[1] as $less | $more | with_entries(.value -= $less[.key]) | with_entries(select(.value != 0))' \
        more.json less.json
    assert_output '{"getppid":30}'
}

@test "without --syscalls nothing is traced, and a time-out ends a traced program too" {
    traced -- "$ASHLAR_BUILD/harness/test/known-calls" 1 here
    assert_equal "$(jq 'has("syscalls")' report.json)" false
    run -0 "$ASHLAR_BUILD/ashlar-launch" --report-fd 3 --timeout-ms 300 --syscalls -- \
        /bin/sh -c "sleep 76.123 & sleep 76.123" 3>report.json
    assert_equal "$(jq -c '[.timed_out, .signal]' report.json)" '[true,9]'
    run -1 pgrep -f 'sleep 76.123'
}

@test "a program that crashes, or is not there, is told as ever" {
    run -0 "$ASHLAR_BUILD/ashlar-launch" --report-fd 3 --syscalls -- /bin/sh -c 'kill -SEGV $$' 3>report.json
    assert_equal "$(jq -c '[.exit, .signal, .syscalls.kill]' report.json)" '[-1,11,1]'
    run -0 "$ASHLAR_BUILD/ashlar-launch" --report-fd 3 --syscalls -- /nowhere/program 3>report.json
    assert_equal "$(jq -r '.exec_error' report.json)" "No such file or directory"
}

@test "where ptrace is refused the launcher says so and runs the program, and doctor warns" {
    deny=$ASHLAR_BUILD/harness/test/deny
    run -0 "$deny" ptrace 1 "$ASHLAR_BUILD/ashlar-launch" --report-fd 3 --syscalls -- /bin/sh -c 'exit 7' 3>report.json
    assert_equal "$(jq -c '[.exit, .trace_error, .syscalls]' report.json)" '[7,"Operation not permitted",null]'
    run -0 --separate-stderr "$deny" ptrace 1 "$ASHLAR_BUILD/ashlar" doctor --fast --json
    run -0 jq -r '.warnings[] | select(.id == "ptrace") | .text' <<<"$output"
    assert_output "programs cannot be traced (ptrace: Operation not permitted): system calls are not counted"
}
