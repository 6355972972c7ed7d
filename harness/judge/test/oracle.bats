# The statistics against scipy and brute force, on fixed data.

setup() {
    load /usr/lib/bats/bats-support/load
    load /usr/lib/bats/bats-assert/load
    here=$BATS_TEST_DIRNAME
    root=${ASHLAR_ROOT:-$(cd "$here/../../.." && pwd)}
    tools=${ASHLAR_BUILD:-$root/build}/harness/judge/test
    # Debian's python3, the one that Debian's scipy belongs to.
    python=/usr/bin/python3
    cd "$BATS_TEST_TMPDIR"
}

@test "signed rank, estimate and interval agree with the oracle" {
    "$python" "$here/oracle.py" data >data
    "$tools/stats-cli" pairs <data >ours
    run "$python" "$here/oracle.py" compare data ours
    assert_success
    assert_output --regexp '^4[0-9] cases, 0 differ$'
}

@test "the one-sided test of a limit and its upper bounds agree with the oracle" {
    "$python" "$here/oracle.py" data-upward >data
    "$tools/stats-cli" upward <data >ours
    run "$python" "$here/oracle.py" compare-upward data ours
    assert_success
    assert_output "27 cases, 0 differ"
    # The control: the same blocks against another limit.
    sed '13s/[^ ]*/0.02/' data | "$tools/stats-cli" upward >ours
    run "$python" "$here/oracle.py" compare-upward data ours
    assert_failure
    assert_output --partial "1 differ"
}

@test "Holm's adjustment agrees with the oracle" {
    "$python" "$here/oracle.py" data-holm >data
    "$tools/stats-cli" holm <data >ours
    run "$python" "$here/oracle.py" compare-holm data ours
    assert_success
    assert_output "6 cases, 0 differ"
}

@test "Clopper and Pearson's interval agrees with the oracle" {
    "$python" "$here/oracle.py" data-share >data
    "$tools/stats-cli" share <data >ours
    run "$python" "$here/oracle.py" compare-share data ours
    assert_success
    assert_output --regexp '^4[0-9] cases, 0 differ$'
    # The control: one more was found.
    sed '9s/[^ ]*/1/' data | "$tools/stats-cli" share >ours
    run "$python" "$here/oracle.py" compare-share data ours
    assert_failure
    assert_output --partial "1 differ"
}

@test "control: the oracle notices data that were shifted, and a missing line" {
    "$python" "$here/oracle.py" data >data
    sed '5s/[^ ]*/0.3/' data | "$tools/stats-cli" pairs >ours
    run "$python" "$here/oracle.py" compare data ours
    assert_failure
    assert_output --partial "case 4"
    assert_output --partial "1 differ"
    sed -i 1d ours
    run "$python" "$here/oracle.py" compare data ours
    assert_failure
}
