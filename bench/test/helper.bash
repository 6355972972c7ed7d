# helper.bash: what the bench tests share. Each test file loads it.

export BATS_LIB_PATH="${BATS_LIB_PATH:-/usr/lib/bats}"
bats_require_minimum_version 1.7.0
bats_load_library bats-support
bats_load_library bats-assert

ROOT="$(cd "$BATS_TEST_DIRNAME/../.." && pwd)"
BUILD="${ASHLAR_BUILD:-$ROOT/build}"
BENCH="$BUILD/ashlar-bench"
MICRO="$BUILD/ashlar-micro"
COUNT_SHIM="$BUILD/bench/test/count_shim.so"
FAULT_SHIM="$BUILD/bench/test/fault_shim.so"
# Debian's own interpreter: Debian's scipy, which compare.py imports, belongs to it.
PYTHON=/usr/bin/python3
[ -x "$PYTHON" ] || PYTHON=python3
WORKLOADS=(fastpath stack larson xmalloc-test malloc-large frag)
WORKLOADS+=(threadtest linux-scalability glibc-thread alloc-test cache-thrash cache-scratch)
WORKLOADS+=(churn blowup)
# Each thread frees what it allocated, and nothing is allocated outside the timed part.
PRIVATE=(threadtest linux-scalability glibc-thread alloc-test cache-thrash)
# Those whose threads free each other's blocks.
REMOTE=(msgpass contention batch-remote sh8-like mstress rptest)
WORKLOADS+=("${REMOTE[@]}")
# Those of one thread: what they hold at the end, the main thread frees.
SINGLE=(fastpath-dep glibc-simple calloc-zero realloc-grow aligned-mix trees)
WORKLOADS+=("${SINGLE[@]}")

# Options that make a workload small enough for a test.
small() {
    case "$1" in
    fastpath) echo --ops 20000 ;;
    stack) echo --ops 20000 --depth 64 ;;
    larson) echo --ops 20000 --slots 50 --generations 3 ;;
    xmalloc-test) echo --ops 20000 --batch 300 --bound 4 ;;
    malloc-large) echo --ops 60 --size 100k..300k ;;
    frag) echo --ops 20000 --peak 2m ;;
    threadtest) echo --ops 20000 --objects 3000 ;;
    linux-scalability) echo --ops 20000 ;;
    glibc-thread) echo --ops 20000 --slots 300 ;;
    alloc-test) echo --ops 20000 --slots 2000 ;;
    fastpath-dep | glibc-simple | calloc-zero) echo --ops 20000 ;;
    realloc-grow) echo --ops 20000 --size 100k ;;
    aligned-mix) echo --ops 20000 --slots 300 ;;
    trees) echo --ops 20000 --depth 8 ;;
    cache-*) echo --ops 20000 --passes 12 ;;
    churn) echo --ops 300 --cells 50 ;;
    blowup) echo --ops 20000 --live 64k ;;
    msgpass) echo --ops 20000 --bound 256 ;;
    contention) echo --ops 20000 --slots 500 ;;
    batch-remote) echo --ops 20000 --doublings 10 ;;
    sh8-like) echo --ops 20000 --ring 512 ;;
    mstress) echo --ops 20000 --phases 4 ;;
    rptest) echo --ops 20000 --slots 100 --batch 20 ;;
    esac
}

# json KEY: the value of a key of the JSON on standard input.
json() {
    "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

# counted NAME ARGS...: runs ashlar-bench ARGS under the counting shim. The counts go to
# $BATS_TEST_TMPDIR/NAME.count, the result to $BATS_TEST_TMPDIR/NAME.json.
counted() {
    local name="$1"
    shift
    ASHLAR_COUNT_FILE="$BATS_TEST_TMPDIR/$name.count" LD_PRELOAD="$COUNT_SHIM" \
        "$BENCH" "$@" >"$BATS_TEST_TMPDIR/$name.json"
}

# count NAME KEY: one figure of an earlier `counted NAME`.
count() {
    awk -v key="$2" '$1 == key { print $2; found = 1 } END { exit !found }' \
        "$BATS_TEST_TMPDIR/$1.count"
}

# result NAME KEY: one key of the result of an earlier `counted NAME`.
result() {
    json "$2" <"$BATS_TEST_TMPDIR/$1.json"
}
