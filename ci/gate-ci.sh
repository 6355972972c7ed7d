#!/usr/bin/env bash
# gate-ci.sh: gates a change of an allocator in CI, whoever's allocator and whatever CI.
#
#     ci/gate-ci.sh prepare     installs what Ashlar needs (ci/setup.sh) and builds it
#     ci/gate-ci.sh gate        in the allocator's repository: builds base and head, and asks
#                               `ashlar gate` whether head is worse than its budgets allow
#
# All that differs between repositories comes from the environment; the templates in github/ and
# gitlab/ fill it in and hold no logic of their own.
#
#     ASHLAR_BUILD_COMMAND   how a checkout is built, as a shell command                 (a must)
#     ASHLAR_LIBRARY         the library that it makes, a path in the checkout           (a must)
#     ASHLAR_BASE            what head is compared with; without it, in this order: the base that
#                            GitLab names (CI_MERGE_REQUEST_DIFF_BASE_SHA), where head left the
#                            target branch (GITHUB_BASE_REF), the commit before head
#     ASHLAR_HEAD            the change                                               (HEAD)
#     ASHLAR_SUITE           a suite's name or file                                   (gate)
#     ASHLAR_BUDGET          as `ashlar gate --budget` takes it
#     ASHLAR_BUDGET_FILE     the same as a file
#     ASHLAR_WAIVERS         regressions that are borne, a file
#     ASHLAR_MAX_BLOCKS      the last look: 12, 24, 48 or 72                          (48)
#     ASHLAR_STRICT          yes: a gate that cannot tell fails                       (no)
#     ASHLAR_OPTIONS         more words for `ashlar gate`
#     ASHLAR_RESULTS         samples, gate.json, junit.xml, logs of the builds        (ashlar-results)
#     ASHLAR_CACHE           builds of earlier jobs                                   (.ashlar-cache)
#     ASHLAR_APT             Debian packages that the allocator's own build needs, for `prepare`
#     ASHLAR_BUILD           where Ashlar is built                                    (build/ beside ci/)
#
# Sides are commits, never the working tree. All are built in one directory, one after the other, so
# that no path in them differs. A build is kept under its commit, the command, and the compiler and C
# library that made it: a base of last month's compiler would make the compiler's change look like
# yours.
#
# Exit status: that of `ashlar gate`. What stops a change:
#     0  within the budgets; or inconclusive, which is a warning
#     1  a regression
#     2  wrong use: a variable is missing, a commit is not in the clone
#     3  inconclusive, with ASHLAR_STRICT=yes alone
#     4  a build broke, or a process crashed, timed out or ran out of memory under base or head
#     5  another environment than that of a run that is resumed
# Under GITHUB_ACTIONS each reason is an ::error line.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
build=${ASHLAR_BUILD:-$root/build}
results=${ASHLAR_RESULTS:-ashlar-results}
cache=${ASHLAR_CACHE:-.ashlar-cache}

# give_up STATUS TEXT: the one line that says why, wherever a reader looks for it.
give_up() {
    local status=$1 text=$2
    if [[ -n ${GITHUB_ACTIONS-} ]]; then
        echo "::error title=ashlar gate::${text//%/%25}"
    else
        echo "gate-ci.sh: $text" >&2
    fi
    if [[ -n ${GITHUB_STEP_SUMMARY-} ]]; then
        printf '### ashlar gate\n\n%s\n' "$text" >>"$GITHUB_STEP_SUMMARY"
    fi
    if [[ -d $results ]]; then
        junit_error "$text" >"$results/junit.xml"
    fi
    exit "$status"
}

# junit_error TEXT: a report of one case, for a gate that did not get as far as to judge.
junit_error() {
    local text=$1
    text=${text//&/&amp;} text=${text//</&lt;} text=${text//\"/&quot;}
    text=${text//[$'\x01'-$'\x1f']/ }
    echo '<?xml version="1.0" encoding="UTF-8"?>'
    echo '<testsuite name="ashlar gate" tests="1" failures="0" errors="1" skipped="0">'
    echo "  <testcase classname=\"gate-ci\" name=\"build\"><error message=\"$text\"/></testcase>"
    echo '</testsuite>'
}

prepare() {
    local list log
    log=$(mktemp) list=$(mktemp)
    # valgrind: hosted machines have no counters, so callgrind counts instructions.
    printf 'build %s\n' git valgrind ${ASHLAR_APT-} >"$list"
    "$root/ci/setup.sh" build && ASHLAR_PACKAGES=$list "$root/ci/setup.sh" build ||
        give_up 2 "packages are missing and cannot be installed; see above"
    make -C "$root" --no-print-directory -j"$(nproc)" all B="${build#"$root"/}" >"$log" 2>&1 || {
        cat "$log"
        give_up 2 "Ashlar itself does not build here; its log is above"
    }
    rm -f "$log" "$list"
    echo "gate-ci.sh: Ashlar is built in $build"
}

# ---- which commits ----

# commit_of VARIABLE WORD WHAT: the full commit id into the variable.
commit_of() {
    local id
    id=$(git rev-parse --quiet --verify --end-of-options "$2^{commit}") ||
        give_up 2 "$3 $2 is not in this clone; clone all of it (GitHub: fetch-depth: 0, GitLab: GIT_DEPTH: 0)"
    printf -v "$1" %s "$id"
}

# CI fetches the target branch without a local branch of its name.
find_branching() {
    local target=$1
    if git rev-parse --quiet --verify "refs/remotes/origin/$target" >/dev/null; then
        target=origin/$target
    fi
    commit_of target "$target" "the target branch"
    base=$(git merge-base "$target" "$head") ||
        give_up 2 "head and $1 have no commit in common in this clone; clone all of it (fetch-depth: 0)"
}

# Sets head and base.
find_commits() {
    local zeros=0000000000000000000000000000000000000000
    commit_of head "${ASHLAR_HEAD:-HEAD}" "the head"
    if [[ -n ${ASHLAR_BASE-} && $ASHLAR_BASE != "$zeros" ]]; then
        commit_of base "$ASHLAR_BASE" ASHLAR_BASE
    elif [[ -n ${CI_MERGE_REQUEST_DIFF_BASE_SHA-} ]]; then
        commit_of base "$CI_MERGE_REQUEST_DIFF_BASE_SHA" "the merge request's base"
    elif [[ -n ${GITHUB_BASE_REF-} ]]; then
        find_branching "$GITHUB_BASE_REF"
    else
        commit_of base "$head^" "the commit before head,"
    fi
}

# ---- building them ----

# What a build depends on beside its sources.
toolchain() {
    printf '%s\n' "$cache" "$ASHLAR_BUILD_COMMAND" "$ASHLAR_LIBRARY"
    uname -m
    grep -hs '^VERSION' /etc/os-release || true
    for tool in "${CC:-cc}" "${CXX:-c++}"; do
        $tool --version 2>/dev/null | head -n 1 || true
    done
    getconf GNU_LIBC_VERSION 2>/dev/null || true
}

# The last line of a log that says anything.
last_line() {
    grep -v '^[[:space:]]*$' "$1" | tail -n 1 || true
}

fetch_submodules() {
    [[ ! -e .gitmodules ]] || git submodule update --quiet --init --recursive
}

# build_side NAME COMMIT: leaves the library's path in the variable `library`.
build_side() {
    local name=$1 commit=$2 src=$cache/src log=$results/build-$1.log kept said status=0
    kept=$cache/$commit-$(toolchain | sha256sum | cut -c 1-16)
    library=$kept/$(basename -- "$ASHLAR_LIBRARY")
    if [[ -s $library ]]; then
        echo "gate-ci.sh: $name ${commit:0:10} was built before"
        return
    fi
    echo "gate-ci.sh: building $name ${commit:0:10}"
    git worktree add --quiet --force --detach "$src" "$commit" >"$log" 2>&1 ||
        give_up 2 "$name ${commit:0:10} cannot be checked out: $(last_line "$log")"
    # One chain: what fails behind an || stops nothing else.
    (cd -- "$src" && fetch_submodules && bash -c "$ASHLAR_BUILD_COMMAND") >>"$log" 2>&1 </dev/null || status=$?
    said="whole log: ${ASHLAR_RESULTS:-ashlar-results}/build-$name.log"
    ((status == 0)) ||
        give_up 4 "the build of $name ${commit:0:10} failed with exit status $status: $(last_line "$log") ($said)"
    [[ -s $src/$ASHLAR_LIBRARY ]] ||
        give_up 4 "the build of $name ${commit:0:10} left no $ASHLAR_LIBRARY; correct ASHLAR_LIBRARY or the command ($said)"
    mkdir -p -- "$kept"
    cp -L -- "$src/$ASHLAR_LIBRARY" "$library.new"
    mv -- "$library.new" "$library" # whole, or not there
    clean_up
}

clean_up() {
    rm -rf -- "$cache/src"
    git worktree prune
}

gate() {
    local base head base_library library options=() status=0
    [[ -n ${ASHLAR_BUILD_COMMAND-} ]] || give_up 2 "ASHLAR_BUILD_COMMAND is not set; say how a checkout is built"
    [[ -n ${ASHLAR_LIBRARY-} ]] || give_up 2 "ASHLAR_LIBRARY is not set; say which library the build makes"
    [[ -x $build/ashlar ]] || give_up 2 "there is no $build/ashlar; run gate-ci.sh prepare first"
    if [[ -n ${CI-} ]]; then
        # A container's user is not always the one who checked out.
        export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=$PWD
    fi
    git rev-parse --git-dir >/dev/null 2>&1 || give_up 2 "$PWD is no git repository; run me in the allocator's"
    mkdir -p -- "$results" "$cache"
    results=$(realpath -- "$results") cache=$(realpath -- "$cache")
    find_commits
    trap clean_up EXIT
    clean_up
    build_side base "$base"
    base_library=$library
    build_side head "$head"

    options=(--suite "${ASHLAR_SUITE:-gate}" --results "$results" --junit "$results/junit.xml")
    [[ -z ${ASHLAR_BUDGET-} ]] || options+=(--budget "$ASHLAR_BUDGET")
    [[ -z ${ASHLAR_BUDGET_FILE-} ]] || options+=(--budget-file "$ASHLAR_BUDGET_FILE")
    [[ -z ${ASHLAR_WAIVERS-} ]] || options+=(--waivers "$ASHLAR_WAIVERS")
    [[ -z ${ASHLAR_MAX_BLOCKS-} ]] || options+=(--max-blocks "$ASHLAR_MAX_BLOCKS")
    [[ ${ASHLAR_STRICT:-no} != yes ]] || options+=(--strict)
    # shellcheck disable=SC2206 # words, as they are said to be
    options+=(${ASHLAR_OPTIONS-})
    rm -f "$results/junit.xml"
    "$build/ashlar" gate "base=$base_library" "head=$library" "${options[@]}" || status=$?
    case $status in
    0) exit 0 ;;
    1 | 3 | 4) # where it got as far as a ruling, the gate has said why, row by row
        [[ ! -e $results/junit.xml ]] || exit $status
        give_up $status "ashlar gate ended with exit status $status before it judged; its own line is above"
        ;;
    *) give_up $status "ashlar gate ended with exit status $status; its own line is above" ;;
    esac
}

case ${1-} in
prepare | gate) "$1" ;;
--help | -h) sed -n '2,/^set /{/^#/!d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" ;;
*)
    echo "gate-ci.sh: say prepare or gate; gate-ci.sh --help explains" >&2
    exit 2
    ;;
esac
