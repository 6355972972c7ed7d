# Runs that never happened, judged: what is written, what is said, and what is refused.

setup() {
    load /usr/lib/bats/bats-support/load
    load /usr/lib/bats/bats-assert/load
    here=$BATS_TEST_DIRNAME
    root=${ASHLAR_ROOT:-$(cd "$here/../../.." && pwd)}
    judge=${ASHLAR_BUILD:-$root/build}/harness/judge/test/judge-cli
    python=/usr/bin/python3
    dir=$BATS_TEST_TMPDIR/run
}

synthetic() { "$python" "$here/synthetic.py" "$dir" "$@"; }

# summary EXPRESSION: evaluates python over the summary `s` and its cells by (workload, params, metric).
summary() {
    "$python" - "$dir/summary.json" "$1" <<'PY'
import json, sys
s = json.load(open(sys.argv[1]))
cells = {(c["workload"], c["params"], c["metric"]): c for c in s["cells"]}
words = lambda metric: sorted(c["verdict"] for c in s["cells"] if c["metric"] == metric)
print(eval(sys.argv[2]))
PY
}

# refused TEXT: judging fails with one line that holds TEXT, and nothing is written.
refused() {
    run "$judge" "$dir"
    assert_failure 2
    assert_equal "${#lines[@]}" 1
    assert_line --partial "$1"
    assert_equal "$(ls -A "$dir" | grep -v '^samples.jsonl$')" ""
}

@test "a whole run: exit 0, three files, nothing beside them" {
    synthetic
    run "$judge" "$dir"
    assert_success
    assert_equal "$(ls -A "$dir" | tr '\n' ' ')" "report.html report.md samples.jsonl summary.json "
}

@test "summary.json keeps its schema" {
    synthetic plain --contenders ashlar,other
    "$judge" "$dir" >/dev/null
    run "$python" "$here/schema.py" "$dir/summary.json"
    assert_success
    assert_output "valid: 80 cells, 6 means"
}

@test "control: the schema check sees a changed word, a missing key and a NaN" {
    synthetic
    "$judge" "$dir" >/dev/null
    for change in 's/"better"/"faster"/' '/"p_holm"/d' 's/"ratio": 0\.[0-9]*/"ratio": NaN/'; do
        sed "$change" "$dir/summary.json" >"$dir/changed.json"
        run "$python" "$here/schema.py" "$dir/changed.json"
        assert_failure
    done
}

@test "planted effects are found, with their size" {
    synthetic
    "$judge" "$dir" >/dev/null
    run summary '[cells[k]["verdict"] for k in (("larson", "size=8..1000,slots=1000", "time"), ("micro", "BM_realloc_growth", "time"), ("larson", "size=8..1000,slots=1000", "peak_rss"), ("fastpath", "size=64,batch=1", "peak_rss"))]'
    assert_output "['better', 'worse', 'better', 'same']"
    run summary 'all(c["low"] <= 0.71 <= c["high"] for c in [cells["fastpath", "size=64,batch=1", "time"]])'
    assert_output True
    run summary '[(m["metric"], m["workloads"]) for m in s["geomean"]]'
    assert_output "[('time', 7), ('peak_rss', 5), ('instructions', 5)]"
}

@test "10 % slower with 12 blocks and 3 % noise is found, in that cell alone" {
    synthetic slow
    "$judge" "$dir" >/dev/null
    run summary '[c["workload"] for c in s["cells"] if c["verdict"] in ("worse", "better")]'
    assert_output "['larson']"
    run summary '[c["verdict"] for c in s["cells"] if c["workload"] == "larson" and c["metric"] == "time"]'
    assert_output "['worse']"
}

@test "the same library twice: neither better nor worse" {
    for seed in 1 2 3 4 5; do
        synthetic aa --seed $seed
        "$judge" "$dir" >/dev/null
        run summary '[w for m in ("time", "peak_rss") for w in words(m) if w in ("better", "worse", "failed")]'
        assert_output "[]"
    done
}

@test "a reference is shown with its verdicts, and has no mean" {
    synthetic floor
    run "$judge" "$dir"
    assert_success
    assert_line --partial "limit against glibc (a reference, which counts for no verdict); time in 14 cells:"
    assert_line --partial "time as a multiple of limit's, the floor"
    run summary '(s["reference"], sorted({m["contender"] for m in s["geomean"]}), sorted({c["contender"] for c in s["cells"] if c.get("reference")}))'
    assert_output "('limit', ['ashlar'], ['limit'])"
    run summary '[c["verdict"] for c in s["cells"] if c["contender"] == "limit" and c["metric"] == "time" and c["workload"] == "malloc-large"]'
    assert_output "['worse']"
    # control: the same run with nobody called a reference
    sed -i '1s/"reference": true/"reference": false/' "$dir/samples.jsonl"
    "$judge" "$dir" >/dev/null
    run summary '(s["reference"], sorted({m["contender"] for m in s["geomean"]}), any(c.get("reference") for c in s["cells"]), {c["contender_x_floor"] for c in s["cells"] if c["metric"] == "time"})'
    assert_output "(None, ['ashlar', 'limit'], False, {None})"
}

@test "a reference changes no verdict, p or mean of the others" {
    synthetic floor
    "$judge" "$dir" >/dev/null
    figures='[(c["cell"], c["metric"], c["ratio"], c["p_holm"], c["verdict"]) for c in s["cells"] if c["contender"] == "ashlar"] + [(m["metric"], m["ratio"], m["low"]) for m in s["geomean"] if m["contender"] == "ashlar"]'
    summary "$figures" >"$BATS_TEST_TMPDIR/with"
    # The same run without its lines of the reference.
    "$python" - "$dir/samples.jsonl" >"$BATS_TEST_TMPDIR/lines" <<'PY'
import json, sys
for line in map(json.loads, open(sys.argv[1])):
    if line["type"] == "plan":
        line["contenders"].remove("limit")
    if line.get("allocator") != "limit":
        print(json.dumps(line))
PY
    mv "$BATS_TEST_TMPDIR/lines" "$dir/samples.jsonl"
    "$judge" "$dir" >/dev/null
    summary "$figures" >"$BATS_TEST_TMPDIR/without"
    grep -q larson "$dir/summary.json"
    run cmp "$BATS_TEST_TMPDIR/with" "$BATS_TEST_TMPDIR/without"
    assert_success
}

@test "times are told as multiples of the floor: their medians' quotient" {
    synthetic floor
    "$judge" "$dir" >/dev/null
    # 415 ms against a quarter of that; ashlar's ratio there is 0.71.
    run summary 'all(3.8 < c["baseline_x_floor"] < 4.2 and 2.7 < c["contender_x_floor"] < 3.0 for c in s["cells"] if c["contender"] == "ashlar" and (c["params"], c["metric"]) == ("size=64,batch=1", "time"))'
    assert_output True
    run summary 'all(abs(c["contender_x_floor"] / c["baseline_x_floor"] - c["contender_median"] / c["baseline_median"]) < 1e-9 for c in s["cells"] if c["contender"] == "ashlar" and c["metric"] == "time")'
    assert_output True
    run summary '{c["contender_x_floor"] for c in s["cells"] if c["contender"] == "limit" and c["metric"] == "time"}'
    assert_output "{None}"
    run grep -c '^| verdict .* null share | glibc x floor | ashlar x floor |$' "$dir/report.md"
    assert_output 1
    # A reference that failed in a cell is no floor there.
    sed -i '0,/"cell": 1,.*"warmup": false, "allocator": "limit", "status": "ok"/s/\("cell": 1,.*"warmup": false, "allocator": "limit", "status": \)"ok"/\1"crash"/' "$dir/samples.jsonl"
    run "$judge" "$dir"
    assert_failure 4
    run summary '[c["contender_x_floor"] for c in s["cells"] if (c["contender"], c["cell"], c["metric"]) == ("ashlar", 1, "time")]'
    assert_output "[None]"
}

@test "the bare loop's share is told, and above a fifth it is a doubt" {
    synthetic floor
    run "$judge" "$dir"
    assert_success
    assert_line --regexp "^warning null-share: the bare loop takes more than 20 % of glibc's time, .*fastpath size=16,batch=1 T=1 \(3[234] %\)"
    refute_line --regexp "^warning null-share: .*(stack|larson)"
    # once a cell, though there are two contenders
    assert_equal "$(grep -o 'fastpath size=16,batch=1 T=1 (3[234] %)' <<<"$output" | wc -l)" 1
    run summary '[round(c["null_share"], 1) for c in s["cells"] if c["metric"] == "time" and c["contender"] == "ashlar" and c["workload"] in ("larson", "malloc-large")]'
    assert_output "[0.1, 0.1]"
    run summary '{c["null_share"] for c in s["cells"] if c["metric"] == "time" and c["workload"] == "micro"}'
    assert_output "{None}" # it has no bare loop
    run grep -cE '^\| (better|same) \| fastpath .* 3[234] % \|' "$dir/report.md"
    refute_output 0
}

@test "control: where the bare loop is short nobody doubts it" {
    synthetic plain
    run "$judge" "$dir"
    refute_line --partial "null-share"
    # and a null run that failed is no bare loop, whatever its time
    sed -i 's/"null_rss_kib": 1800, "time_ns": [0-9]*/"null_rss_kib": 1800, "time_ns": 400000000/' "$dir/samples.jsonl"
    run "$judge" "$dir"
    assert_line --partial "warning null-share:"
    sed -i '/"type": "null"/s/"status": "ok"/"status": "crash"/' "$dir/samples.jsonl"
    run "$judge" "$dir"
    refute_line --partial "null-share"
}

@test "few blocks say how little they can show" {
    synthetic plain --blocks 4
    run "$judge" "$dir"
    assert_success
    assert_line --regexp '^warning few-blocks: 4 blocks can show little: the smallest p they can give is 0.125'
    assert_line --partial "remedy: run 9 blocks or more"
    run summary 'set(words("time"))'
    assert_output "{'unclear'}"
}

@test "crash, time-out and damage: failed, no figure, exit 4, named with the remedy" {
    synthetic failed
    run "$judge" "$dir"
    assert_failure 4
    assert_line --partial "larson size=8..1000,slots=1000 T=2: ashlar: crash in 1 of 13 processes, first in block 3"
    assert_line --partial "glibc: timeout in 1 of 13 processes, first in the warm-up"
    assert_line --partial "ashlar: integrity in 1 of 13 processes"
    run summary '[(c["ratio"], c["p"]) for c in s["cells"] if c["verdict"] == "failed" and c["metric"] == "time"]'
    assert_output "[(None, None), (None, None), (None, None)]"
    run summary '[m["workloads"] for m in s["geomean"] if m["metric"] == "time"]'
    assert_output "[4]"
}

@test "missing blocks and a missing end are told, not filled in" {
    synthetic holes
    run "$judge" "$dir"
    assert_success
    assert_line --regexp '^warning incomplete: '
    assert_line --regexp '^warning missing-blocks: .*\(ashlar: 9 of 12\)'
    run summary '(s["complete"], cells["stack", "order=lifo,depth=128,size=64", "time"]["blocks"], cells["stack", "order=rnd,depth=8192,size=16..512", "time"]["blocks"])'
    assert_output "(False, 9, 11)"
}

@test "a torn last line is left out and told" {
    synthetic torn
    run "$judge" "$dir"
    assert_success
    assert_line --regexp '^warning torn-line: '
}

@test "counts that repeat are judged by the threshold, others are tested" {
    synthetic perf
    "$judge" "$dir" >/dev/null
    run summary 'sorted({(c["threads"], c["judged_by"], c["p"] is None) for c in s["cells"] if c["metric"] == "instructions"})'
    assert_output "[(1, 'count', True), (2, 'ratio', False)]"
}

@test "what is lost stands first; colour only when asked" {
    synthetic
    run "$judge" "$dir"
    assert_line --index 1 --regexp 'xmalloc-test-8 .* worse$'
    refute_output --partial $'\e['
    run "$judge" --color "$dir"
    assert_output --partial $'\e[31mworse'
}

@test "the same run gives the same summary" {
    synthetic
    "$judge" "$dir" >/dev/null
    cp "$dir/summary.json" "$BATS_TEST_TMPDIR/first.json"
    "$judge" "$dir" >/dev/null
    run cmp "$dir/summary.json" "$BATS_TEST_TMPDIR/first.json"
    assert_success
}

@test "names cannot break out of the report" {
    synthetic markup
    run "$judge" "$dir"
    assert_success
    run grep -c '</script><' "$dir/report.html"
    assert_output 0
    run grep -c '<script>alert' "$dir/report.html"
    assert_output 0
    run grep -cE '(^|[^\])<' "$dir/report.md" # a backslash takes its meaning from a bracket
    assert_output 0
}

@test "report.md: verdict first, tables whole" {
    synthetic
    "$judge" "$dir" >/dev/null
    run cat "$dir/report.md"
    assert_line --index 1 --regexp '^ashlar against glibc; 0\.[0-9]+ of the time \('
    assert_line '## Reasons for doubt'
    assert_line '## Environment'
    assert_line '## Method'
    # Each row of a table has as many bars as its head.
    run awk -F'|' '/^\|/ {if (prev && NF != prev) bad++; prev = NF; next} {prev = 0} END {print bad + 0}' "$dir/report.md"
    assert_output 0
}

@test "system calls: by name in the table, the summary and report.md, and in no verdict" {
    synthetic
    run "$judge" "$dir"
    assert_line --regexp '^system calls +baseline +ashlar +what changed most$'
    assert_line --regexp '^  fastpath-1 +14 +4  madvise 10 to 3, process_madvise 4 to 0, munmap 0 to 1$'
    run grep -c '| madvise 10 to 3, process\\_madvise 4 to 0, munmap 0 to 1 |$' "$dir/report.md"
    assert_success
    run summary '[(r["baseline_calls"], r["contender_calls"], r["repeats"], r["ops"]) for r in s["syscalls"]][0]'
    assert_output "(14.0, 4.0, True, 15000)"
    run summary 'sorted({c["metric"] for c in s["cells"]})'
    assert_output "['instructions', 'peak_rss', 'time']"
    # Control: where the runs of one side differ, that is said.
    sed -i '0,/"syscalls": \[4, 4\]/s//"syscalls": [4, 9]/' "$dir/samples.jsonl"
    run "$judge" "$dir"
    assert_line --partial "munmap 0 to 1 (does not repeat)"
    # And a run without such a pass has no such table.
    synthetic perf
    run "$judge" "$dir"
    refute_output --partial "system calls"
}

@test "refused: no such run" {
    mkdir -p "$dir"
    refused "samples.jsonl: No such file or directory; give a directory that \`ashlar run\` made"
}

@test "refused: an empty file" {
    mkdir -p "$dir"
    : >"$dir/samples.jsonl"
    refused "samples.jsonl: empty; the run ended before it began, run again"
}

@test "refused: an unknown schema" {
    synthetic
    sed -i '1s/ashlar-samples-1/ashlar-samples-9/' "$dir/samples.jsonl"
    refused 'samples.jsonl:1: schema "ashlar-samples-9" is not known here (only "ashlar-samples-1")'
}

@test "refused: a first line that is no plan" {
    synthetic
    sed -i 1d "$dir/samples.jsonl"
    refused "samples.jsonl:1: the first line is not a plan"
}

@test "refused: a damaged line in the middle" {
    synthetic
    sed -i '40s/.$//' "$dir/samples.jsonl"
    refused "samples.jsonl:40: not a JSON object"
}

@test "refused: a sample of another run" {
    synthetic
    sed -i '60s/"cell": [0-9]*/"cell": 99/' "$dir/samples.jsonl"
    refused "samples.jsonl:60: cell 99 is not in the plan"
}

@test "refused: an ok sample without a time" {
    synthetic
    sed -i '60s/"time_ns": [0-9]*/"time_ns": 0/' "$dir/samples.jsonl"
    refused "samples.jsonl:60: an ok sample without a time above 0"
}

@test "refused: no finished block" {
    synthetic
    grep -v '"warmup": false' "$dir/samples.jsonl" >"$dir/cut"
    mv "$dir/cut" "$dir/samples.jsonl"
    refused "the run holds no finished block"
}

@test "unwritable: one line, and no file that looks whole" {
    synthetic
    mkdir "$dir/summary.json"
    run "$judge" "$dir"
    assert_failure 2
    assert_equal "${#lines[@]}" 1
    assert_line --partial "summary.json: cannot be written (Is a directory)"
    assert_equal "$(ls -A "$dir" | tr '\n' ' ')" "samples.jsonl summary.json "
}

# memory EXPRESSION: evaluates python over the rows of memory over time, by cell and allocator, in `m`.
memory() { summary "(lambda m: $1)({(r['cell'], r['allocator']): r for r in s['memory']})"; }

@test "memory over time: medians, ratios within a block, the rest after the last free" {
    synthetic memory
    run "$judge" "$dir"
    assert_success
    assert_line --regexp '^  ashlar +1.50 \(x 0.75\) +1.12 \(x 0.75\) +- +1.12 \(x 0.75\) +36.0 \(x 0.75\)'
    run memory '[round(m[0, "ashlar"]["f1"][k], 4) for k in ("median", "low", "high", "ratio", "ratio_low", "ratio_high")]'
    assert_output "[1.5, 1.35, 1.65, 0.75, 0.75, 0.75]"
    run memory '[m[1, "glibc"]["f1"]["median"], m[1, "glibc"]["f1"]["ratio"], m[1, "glibc"]["f3"]["median"], m[0, "ashlar"]["blocks"]]'
    assert_output "[2.0, None, None, 3]"
    # Net of the bare loop: what is less than it is nothing, and has no ratio; what was not read is not 0.
    run memory '[[m[0, "ashlar"]["drained"][k][f] for f in ("median", "ratio")] for k in ("0.1", "1", "5", "12")]'
    assert_output "[[20000.0, 1.0], [15000.0, 0.75], [0.0, None], [None, None]]"
    run memory '[m[0, "ashlar"]["disturbance"], m[0, "ashlar"]["read_share"]]'
    assert_output "[{'watched_ns': 2000000000, 'alone_ns': 1990000000}, 0.01]"
    grep -qF '| fastpath-0 | ashlar | 1.50 (x 0.75) |' "$dir/report.md"
    grep -qF '| fastpath-1 | glibc | 25.0 % | 0.0 % | 12.5 % | 50.0 % |' "$dir/report.md"
}

@test "memory over time has no verdict and no p, and says how little its blocks can show" {
    synthetic memory
    run "$judge" "$dir"
    assert_success
    assert_line --regexp '^warning memory-blocks: memory over time has 3 blocks'
    assert_line "ashlar against glibc; memory over time alone, nothing was timed."
    run summary '(s["cells"], s["geomean"], s["blocks_planned"])'
    assert_output "([], [], 0)"
    run "$python" "$here/schema.py" "$dir/summary.json"
    assert_output "valid: 0 cells, 0 means"
}

@test "a watched process that ended badly is exit 4, and a stranger's curve is refused" {
    synthetic memory
    sed -i '0,/"allocator": "ashlar", "block": 1, "status": "ok", "detail": ""/s//"allocator": "ashlar", "block": 1, "status": "crash", "detail": "signal 11"/' "$dir/samples.jsonl"
    run "$judge" "$dir"
    assert_failure 4
    assert_line --partial "memory over time: fastpath-0 under ashlar: crash: signal 11"
    rm "$dir"/report.* "$dir/summary.json"
    sed -i 's/"block": 2, "status"/"block": 3, "status"/' "$dir/samples.jsonl"
    refused "memory block 3 is not among the 3 of the plan"
}
