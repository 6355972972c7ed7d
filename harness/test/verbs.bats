# The command itself: help, bad options, the verbs that only look.

bats_require_minimum_version 1.5.0
load common

@test "ashlar --help names every verb, and every verb has its own help" {
    run -0 ashlar --help
    for verb in doctor list run compare gate bisect baseline aa report; do
        assert_output --partial "  $verb"
        run -0 ashlar "$verb" --help
        assert_output --partial "Usage: ashlar $verb"
        run -0 ashlar --help
    done
}

@test "no verb, and an unknown verb, are one line and exit 2" {
    run -2 --separate-stderr ashlar
    assert_line_on_stderr "no verb; use doctor, list, run, compare, gate, bisect, baseline, aa or report"
    run -2 --separate-stderr ashlar measure
    assert_line_on_stderr "unknown verb 'measure'; use doctor"
}

@test "a bad option is one line that names it, for every verb, and exit 2" {
    for verb in doctor list run compare gate bisect baseline aa report; do
        run -2 --separate-stderr ashlar "$verb" --colour
        assert_line_on_stderr "option '--colour' is unknown"
        assert_line_on_stderr "ashlar $verb --help"
    done
    run -2 --separate-stderr ashlar run --suite
    assert_line_on_stderr "option '--suite' is unknown or lacks its value"
    run -2 --separate-stderr ashlar run --blocks many
    assert_line_on_stderr "--blocks many: give a whole number from 1 to 1000"
    run -2 --separate-stderr ashlar run quick
    assert_line_on_stderr "unexpected argument 'quick'"
}

@test "list names allocators, workloads, suites and metrics" {
    run -0 ashlar list --bench "$fake"
    assert_line --regexp '^  glibc +2\.'
    assert_line --regexp '^  toy '
    assert_line --regexp '^  smoke '
    assert_line --regexp '^  quick '
    assert_line --regexp '^  instructions '
    assert_line --regexp '^  syscalls '
}

@test "list --json tells of each allocator who resolves what, by build id" {
    run -0 --separate-stderr ashlar list --json --bench "$fake"
    echo "$output" >list.json
    run -0 jq -r '.allocators[] | select(.name == "glibc") | .audit.entry_points.malloc' list.json
    assert_output "$(realpath "$libc")"
    run -0 jq -r '.allocators[] | select(.name == "glibc") | .build_id' list.json
    assert_output "$(readelf -n "$libc" | awk '/Build ID/{print $3}')"
    run -0 jq -r '.allocators[] | select(.name == "ashlar") | .audit | .loaded, .canary' list.json
    assert_line --index 0 true
    assert_line --index 1 ok
    run -0 jq -r '.workloads[].name' list.json
    assert_output $'toy\npaged'
}

@test "list shows an allocator that is not usable, with the reason" {
    printf '[gone]\npath = /nowhere/lib.so\n' >registry.ini
    run -0 ashlar list --registry registry.ini --bench "$fake"
    assert_line --regexp '^  gone +-  allocator gone is missing: /nowhere/lib.so'
}

@test "list without a bench is one line and exit 2" {
    run -2 --separate-stderr ashlar list --bench /nowhere/bench
    assert_line_on_stderr "cannot run /nowhere/bench (No such file or directory); run make"
}
