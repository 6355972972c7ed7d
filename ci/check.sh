#!/usr/bin/env bash
# check.sh: runs test files side by side and says plainly what passed.
#
#     ci/check.sh TEST...
#
# A TEST is a .bats file or a program that prints TAP. Each runs under a time limit, in its own
# process group, without input. As one ends, one line tells its counts and seconds; what failed is
# printed whole below that line; the skips and their reasons come last, then
#
#     N passed, N failed, N skipped
#
# Environment: ASHLAR_BUILD (default build/)   ONLY regex over the tests' names, for a part
#              JOBS (default nproc)            CHECK_TIMEOUT seconds a test file (default 480)
# Exit status: 0 none failed, 1 some failed, 2 usage.
set -uo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
export ASHLAR_ROOT=${here%/*}
ASHLAR_BUILD=$(realpath -m -- "${ASHLAR_BUILD:-$ASHLAR_ROOT/build}")
export ASHLAR_BUILD
export CMOCKA_MESSAGE_OUTPUT=TAP LC_ALL=C.UTF-8
# Make's own variables would leak into the makes that tests run, and a caller's allocator options
# into every test.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES LD_PRELOAD ASHLAR_CONF MALLOC_CONF

jobs=${JOBS:-$(nproc)}
limit=${CHECK_TIMEOUT:-480}
logs=$ASHLAR_BUILD/check
mkdir -p "$logs"

name_of() {
    local name=${1#"$ASHLAR_BUILD/"}
    echo "${name#"$ASHLAR_ROOT/"}"
}

# Long ones first, so that no long one is left alone at the end. What a file took last time decides;
# files that never ran go first of all, in the order given.
seconds=$logs/seconds
declare -A took=()
if [[ -r $seconds ]]; then
    while read -r name s; do
        took[$name]=$s
    done <"$seconds"
fi

tests=()
while read -r _ path; do
    tests+=("$path")
done < <(
    for path in "$@"; do
        [[ $path == /* ]] || path=$PWD/$path
        name=$(name_of "$path")
        [[ -z ${ONLY-} || $name =~ $ONLY ]] || continue
        echo "${took[$name]-9999} $path"
    done | sort -s -k1,1nr
)
if ((${#tests[@]} == 0)); then
    echo "check.sh: no test to run${ONLY:+ whose name matches ONLY=$ONLY}" >&2
    exit 2
fi

total=${#tests[@]}
declare -A index_of=()
started=() done_count=0 passed=0 failed=0 skipped=0
skips=()

stop() {
    trap - INT TERM
    ((${#index_of[@]})) && kill -TERM "${!index_of[@]}" 2>/dev/null
    wait
    echo "check.sh: interrupted" >&2
    exit 130
}
trap stop INT TERM

log_of() {
    local name
    name=$(name_of "$1")
    echo "$logs/${name//\//-}"
}

start() {
    local path=${tests[$1]} log command
    log=$(log_of "$path")
    if [[ $path == *.bats ]]; then
        command=(bats --tap "$path")
    else
        command=("$path")
    fi
    started[$1]=${EPOCHREALTIME/./}
    timeout -k 10 "$limit" "${command[@]}" </dev/null >"$log.tap" 2>"$log.err" &
    index_of[$!]=$1
}

# finish INDEX STATUS: counts a test file and prints its line.
finish() {
    local path=${tests[$1]} rc=$2 name log us kind rest p=0 f=0 s=0 wrong='' word=ok
    name=$(name_of "$path")
    log=$(log_of "$path")
    us=$((${EPOCHREALTIME/./} - started[$1]))
    took[$name]=$((us / 1000000)).$((us / 100000 % 10))
    while read -r kind rest; do
        case $kind in
        count) read -r p f s <<<"$rest" ;;
        skip) skips+=("$name: $rest") ;;
        wrong) wrong=$rest ;;
        esac
    done < <(awk -v rc="$rc" -v limit="$limit" -f "$here/tap.awk" "$log.tap")
    ((f == 0)) || word=FAILED
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    done_count=$((done_count + 1))
    printf '[%*d/%d] %-6s %-44s %3d passed %3d failed %3d skipped %7s s\n' \
        ${#total} "$done_count" "$total" "$word" "$name" "$p" "$f" "$s" "${took[$name]}"
    ((f == 0)) && return
    sed 's/^/    /' "$log.tap"
    if [[ -s $log.err ]]; then
        echo "    --- its standard error"
        sed 's/^/    /' "$log.err"
    fi
    [[ -z $wrong ]] || echo "    --- $wrong"
}

next=0
while ((done_count < total)); do
    while ((next < total && ${#index_of[@]} < jobs)); do
        start $next
        next=$((next + 1))
    done
    wait -n -p pid 2>/dev/null
    rc=$?
    i=${index_of[$pid]}
    unset "index_of[$pid]"
    finish "$i" $rc
done

for name in "${!took[@]}"; do
    echo "$name ${took[$name]}"
done | sort >"$seconds"

if ((${#skips[@]})); then
    echo "skipped:"
    printf '    %s\n' "${skips[@]}"
fi
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
