# What a visitor meets first: a fresh clone lists its targets and keeps its floors, and README names
# only targets and files that exist.

bats_require_minimum_version 1.5.0

setup() {
    cd "$ASHLAR_ROOT"
    # The checkout may belong to another user than the one who runs the tests.
    export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
}

# targets [DIRECTORY]: every target of the Makefile, one a line.
targets() {
    make -C "${1:-.}" --no-print-directory -pRrq : 2>/dev/null |
        sed -n 's/^\([a-z][a-z-]*\):\( .*\)\{0,1\}$/\1/p' | sort -u
}

# named_targets FILE...: the targets that the texts tell a reader to make.
named_targets() {
    cat -- "$@" | grep -oE '(^|[`$( ])make +([A-Z_]+=("[^"]*"|[^ `"]+) +)*[a-z][a-z-]+' |
        awk '{ print $NF }' | sort -u
}

# In running text `make` is also a verb, so only code counts: `...` and indented or fenced lines.
code_of() {
    awk '/^```/ { fenced = !fenced; next }
         fenced || /^    / { print; next }
         { n = split($0, part, "`"); for (i = 2; i <= n; i += 2) print part[i] }' "$@"
}

@test "a fresh clone lists its targets and keeps its floors" {
    git rev-parse --git-dir >/dev/null 2>&1 || skip "this tree is not a git checkout"
    local clone=$BATS_TEST_TMPDIR/clone
    git clone -q . "$clone"
    make -C "$clone" --no-print-directory help >"$BATS_TEST_TMPDIR/help"
    local target
    for target in all check compare help clean lint; do
        grep -E "^  make $target +[a-z]" "$BATS_TEST_TMPDIR/help"
    done
    "$clone/ci/floors.sh"
    run git -C "$clone" status --porcelain
    [[ -z $output ]]
}

@test "every target that README names exists" {
    code_of README.md | named_targets >"$BATS_TEST_TMPDIR/named"
    cat "$BATS_TEST_TMPDIR/named"
    grep -x check "$BATS_TEST_TMPDIR/named"
    grep -x compare "$BATS_TEST_TMPDIR/named"
    targets >"$BATS_TEST_TMPDIR/targets"
    [[ -z $(comm -23 "$BATS_TEST_TMPDIR/named" "$BATS_TEST_TMPDIR/targets") ]]
}

@test "every file and folder that the READMEs name exists" {
    local readme name
    while read -r readme; do
        while read -r name; do
            [[ -e $name || -e ${readme%/*}/$name ]] || {
                echo "$readme names $name"
                false
            }
        done < <(code_of "$readme" |
            grep -oE '(^|[ =])(alloc|bench|stress|harness|ci)/[A-Za-z0-9_./-]*[A-Za-z0-9_/]' | tr -d ' =')
    done < <(find README.md alloc bench stress harness ci -name README.md)
}

@test "control: a target that does not exist is found" {
    printf '%s\n' 'Type `make check` and `make ALLOCATORS="a b" compare`, then make sense of it:' \
        '    make nonsense' >"$BATS_TEST_TMPDIR/README.md"
    code_of "$BATS_TEST_TMPDIR/README.md" | named_targets >"$BATS_TEST_TMPDIR/named"
    targets >"$BATS_TEST_TMPDIR/targets"
    run comm -23 "$BATS_TEST_TMPDIR/named" "$BATS_TEST_TMPDIR/targets"
    [[ $output == nonsense || $output == $'compare\nnonsense' ]]
}

@test "nothing generated is in the repository" {
    git rev-parse --git-dir >/dev/null 2>&1 || skip "this tree is not a git checkout"
    run git ls-files -- build 'results/*.html' '*.o' '*.so' '*.a' '*.d'
    [[ -z $output ]]
}

# unexplained: of the files below results/, those whose folder's report results/README.md does not name.
unexplained() {
    local file
    while read -r file; do
        [[ $file == results/README.md ]] ||
            grep -qF "($(dirname "${file#results/}")/report.md)" results/README.md ||
            echo "$file"
    done
}

@test "of runs, only those that results/README.md explains are in the repository" {
    git rev-parse --git-dir >/dev/null 2>&1 || skip "this tree is not a git checkout"
    [[ -n $(git ls-files -- results) ]]
    run unexplained < <(git ls-files -- results)
    [[ -z $output ]]
    # The control: a run that was committed by mistake.
    run unexplained <<<results/20260101T120000Z/samples.jsonl
    [[ $output == results/20260101T120000Z/samples.jsonl ]]
}
