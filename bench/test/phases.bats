#!/usr/bin/env bats
# The phases that are announced on a descriptor: their form, order and times.

load helper

# phases ARGS...: runs ashlar-bench ARGS and prints its records, "name thread ns" a line.
phases() {
    ASHLAR_PHASE_FD=7 "$BENCH" "$@" 7>"$BATS_TEST_TMPDIR/records" >"$BATS_TEST_TMPDIR/result"
    "$PYTHON" - "$BATS_TEST_TMPDIR/records" <<'PY'
import struct, sys
data = open(sys.argv[1], "rb").read()
assert len(data) % 16 == 0
names = ["READY", "BEGIN", "ACTIVE", "DRAINED", "IDLE", "END"]
last = 1
for phase, thread, ns in struct.iter_unpack("=IIQ", data):
    assert ns >= last, "records out of time"
    last = ns
    print(names[phase], thread, ns)
PY
}

@test "every workload announces the phases in their order" {
    for workload in "${WORKLOADS[@]}"; do
        [ "$workload" != frag ] || continue # the next test
        # shellcheck disable=SC2046
        run phases "$workload" $(small "$workload")
        assert_success
        assert_equal "$(cut -d' ' -f1 <<<"$output" | tr '\n' ' ')" \
            "READY BEGIN ACTIVE DRAINED IDLE END "
    done
}

@test "frag announces every crest" {
    run phases frag --ops 20000 --peak 2m
    assert_success
    crests=$(json counters <"$BATS_TEST_TMPDIR/result" | tr -dc 0-9)
    assert [ "$crests" -gt 10 ]
    assert_equal "$(grep -c ^ACTIVE <<<"$output")" "$crests"
    assert_equal "$(cut -d' ' -f1 <<<"$output" | uniq | tr '\n' ' ')" \
        "READY BEGIN ACTIVE DRAINED IDLE END "
}

@test "the timed part lies between BEGIN and DRAINED, the rest of --idle-ms after IDLE" {
    run phases fastpath --ops 2000000 --idle-ms 200
    ns() { awk -v name="$1" '$1 == name { print $3 }' <<<"$output"; }
    elapsed=$(json elapsed_ns <"$BATS_TEST_TMPDIR/result")
    assert [ $(($(ns DRAINED) - $(ns BEGIN))) -ge "$elapsed" ]
    assert [ $(($(ns END) - $(ns IDLE))) -ge 200000000 ]
}

@test "nothing is announced unless asked, nor on a descriptor that is closed or read-only" {
    "$BENCH" stack --ops 1000 7>"$BATS_TEST_TMPDIR/quiet" >/dev/null
    assert [ ! -s "$BATS_TEST_TMPDIR/quiet" ]
    run env ASHLAR_PHASE_FD=7 "$BENCH" stack --ops 1000
    assert_success
    ASHLAR_PHASE_FD=7 run "$BENCH" stack --ops 1000 7</dev/null
    assert_success
}

# watched ARGS...: runs ashlar-bench ARGS with its live bytes in a file that is read meanwhile. Prints the
# highest total seen, then total and peak at the end and whether the pid was that of the process.
watched() {
    "$PYTHON" - "$BENCH" "$@" <<'PY'
import mmap, os, struct, subprocess, sys
fd = os.memfd_create("live")
os.ftruncate(fd, 4096)
page = mmap.mmap(fd, 4096)
at = lambda place: struct.unpack_from("=q", page, place)[0]
child = subprocess.Popen(sys.argv[1:], pass_fds=[fd], stdout=subprocess.DEVNULL,
                         env=dict(os.environ, ASHLAR_LIVE_FD=str(fd)))
highest = 0
while child.poll() is None:
    highest = max(highest, at(0))
print(highest, at(0), at(128), at(256) == child.pid, child.returncode)
PY
}

@test "live bytes can be read from outside while the process runs" {
    run watched frag --ops 400000 --peak 8m
    assert_success
    read -r highest total peak mine code <<<"$output"
    assert_equal "$total $mine $code" "0 True 0"
    assert [ "$peak" -ge $((8 << 20)) ]
    assert [ "$peak" -lt $((9 << 20)) ]
    assert [ "$highest" -gt $((1 << 20)) ]
    assert [ "$highest" -le "$peak" ]
}

@test "a descriptor for live bytes that cannot serve is refused" {
    ASHLAR_LIVE_FD=x run "$BENCH" stack --ops 1000
    assert_failure 2
    assert_output --partial "ASHLAR_LIVE_FD is 'x'; give the number of an open file of"
    ASHLAR_LIVE_FD=7 run "$BENCH" stack --ops 1000 7</dev/null
    assert_failure 2
    head -c 4096 /dev/zero >"$BATS_TEST_TMPDIR/page"
    ASHLAR_LIVE_FD=7 run "$BENCH" stack --ops 1000 7<"$BATS_TEST_TMPDIR/page"
    assert_failure 2
    assert_output --partial "descriptor 7 cannot be mapped"
}
