# Set-up: installs what is absent and nothing else, and says what to type where it may not.
#
# The commands that it calls are replaced by ones that write down how they were called, so no test
# changes the machine or needs the network.

bats_require_minimum_version 1.5.0

load /usr/lib/bats/bats-support/load
load /usr/lib/bats/bats-assert/load

# fake NAME: a command of that name, whose script is on stdin, before the real one.
fake() {
    { echo '#!/bin/bash' && cat; } >"$bin/$1"
    chmod +x "$bin/$1"
}

setup() {
    bin=$BATS_TEST_TMPDIR/bin
    export calls=$BATS_TEST_TMPDIR/calls installed=$BATS_TEST_TMPDIR/installed
    mkdir "$bin"
    : >"$calls"
    echo ours >"$installed"
    export ASHLAR_PACKAGES=$BATS_TEST_TMPDIR/packages.txt
    printf '%s\n' '# a comment' 'build ours   # why' 'build one' 'compare two' 'check three' \
        >"$ASHLAR_PACKAGES"
    fake dpkg-query <<<'sed "s/$/ installed/" "$installed"; exit 1'
    fake apt-cache <<<'echo "  Candidate: 1.0-1"'
    fake apt-get <<'END'
echo "$*" >>"$calls"
for package; do
    [[ $package == -* ]] || echo "$package" >>"$installed"
done
END
    fake id <<<'echo 0'
    PATH=$bin:$PATH
}

setup_sh() {
    run "$ASHLAR_ROOT/ci/setup.sh" "$@"
}

@test "the packages of this tree are listed one by one, in known groups, each once" {
    run grep -Evx '(#.*)?|(build|compare|check) [a-z0-9.+-]+ *(#.*)?' "$ASHLAR_ROOT/ci/packages.txt"
    refute_output
    run bash -c 'sed "s/#.*//" "$ASHLAR_ROOT/ci/packages.txt" | awk "NF{print \$2}" | sort | uniq -d'
    refute_output
}

@test "nothing is called where everything is there" {
    printf '%s\n' one two three >>"$installed"
    setup_sh check
    assert_success
    refute_output
    run cat "$calls"
    refute_output
}

@test "what is absent is installed, and only that, without recommendations or questions" {
    setup_sh compare
    assert_success
    assert_output --partial 'setup.sh: installing one two'
    run cat "$calls"
    assert_output '-o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -q install -y --no-install-recommends one two'
}

@test "a group contains the ones above it; build is the default" {
    setup_sh
    assert_output 'setup.sh: installing one'
    setup_sh check
    assert_output 'setup.sh: installing two three'
}

@test "the lists are fetched when a package has no candidate" {
    fake apt-cache <<<'echo "  Candidate: (none)"'
    setup_sh
    assert_success
    run cat "$calls"
    assert_line --index 0 '-o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -q update'
    assert_line --index 1 --partial 'install -y'
}

@test "old lists are fetched again when the install fails with them" {
    fake apt-get <<'END'
echo "$*" >>"$calls"
case $* in
*update) touch "$calls.updated" ;;
*) [[ -e $calls.updated ]] && echo one >>"$installed" ;;
esac
END
    setup_sh
    assert_success
    run cat "$calls"
    assert_equal ${#lines[@]} 3
}

@test "an ordinary user goes through sudo" {
    fake id <<<'echo 1000'
    fake sudo <<<'echo "sudo $*" >>"$calls"; [[ $1 == -n ]] && shift; exec "$@"'
    setup_sh
    assert_success
    run cat "$calls"
    assert_line --partial 'sudo -n env DEBIAN_FRONTEND=noninteractive'
}

@test "control: without root or sudo it says what to type and fails" {
    fake id <<<'echo 1000'
    fake sudo <<<'exit 1'
    setup_sh check
    assert_failure 1
    assert_line '    apt-get update && apt-get install -y --no-install-recommends one two three'
    run cat "$calls"
    refute_output
}

@test "control: an install that fails, or that does not bring the package, fails" {
    fake apt-get <<<'exit 100'
    setup_sh
    assert_failure 1
    assert_line 'setup.sh: apt-get install failed; as root, run:'
    fake apt-get <<<'exit 0'
    setup_sh
    assert_failure 1
    assert_line 'setup.sh: apt-get ended well but packages are still missing; as root, run:'
}

@test "control: an unknown group is refused" {
    setup_sh everything
    assert_failure 2
    assert_output "setup.sh: unknown group 'everything': use build, compare or check"
}

@test "control: where there is no sudo at all it says what to type, and asks nobody" {
    fake id <<<'echo 1000'
    for tool in bash sed cat dirname; do
        ln -s "$(command -v $tool)" "$bin/"
    done
    PATH=$bin run "$BASH" "$ASHLAR_ROOT/ci/setup.sh" compare
    assert_failure 1
    assert_line 'setup.sh: packages are missing, and this user is not root and has no sudo without password; as root, run:'
    assert_line '    apt-get update && apt-get install -y --no-install-recommends one two'
    run cat "$calls"
    refute_output
}

# The script and the list come through descriptors, because the tree need not be open to that user.
@test "a user without rights is told what to install, by the real commands" {
    (($(/usr/bin/id -u) == 0)) || skip "only root can become a user who surely has no rights"
    echo 'build ashlar-has-no-such-package' >"$ASHLAR_PACKAGES"
    PATH=/usr/sbin:/usr/bin:/sbin:/bin ASHLAR_PACKAGES=/dev/fd/9 run setpriv --reuid=65534 --regid=65534 \
        --clear-groups bash /dev/fd/8 check 8<"$ASHLAR_ROOT/ci/setup.sh" 9<"$ASHLAR_PACKAGES"
    assert_failure 1
    assert_line --partial 'this user is not root and has no sudo'
    assert_line --partial 'apt-get install -y --no-install-recommends ashlar-has-no-such-package'
}
