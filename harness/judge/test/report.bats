# report.html as a reader's browser sees it: headless Chromium, without a network.

setup() {
    load /usr/lib/bats/bats-support/load
    load /usr/lib/bats/bats-assert/load
    here=$BATS_TEST_DIRNAME
    root=${ASHLAR_ROOT:-$(cd "$here/../../.." && pwd)}
    judge=${ASHLAR_BUILD:-$root/build}/harness/judge/test/judge-cli
    dir=$BATS_TEST_TMPDIR/run
    command -v chromium >/dev/null || skip "chromium is not installed"
}

# made SCENARIO [OPTION...]: a judged run in $dir.
made() {
    /usr/bin/python3 "$here/synthetic.py" "$dir" "$@"
    local code=0
    "$judge" "$dir" >/dev/null || code=$?
    if [[ $1 == failed ]]; then ((code == 4)); else ((code == 0)); fi
}

# open_report [FILE]: the page's DOM after its scripts in dom, and what the console said in console.
open_report() {
    local profile
    profile=$(mktemp -d "$BATS_TEST_TMPDIR/profile.XXXX")
    timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync \
        --disable-dev-shm-usage --hide-scrollbars --user-data-dir="$profile" --window-size="${SIZE:-1280,900}" \
        --virtual-time-budget=5000 --enable-logging=stderr --v=0 --dump-dom \
        "file://${1:-$dir/report.html}" >"$BATS_TEST_TMPDIR/dom" 2>"$BATS_TEST_TMPDIR/err"
    grep CONSOLE "$BATS_TEST_TMPDIR/err" >"$BATS_TEST_TMPDIR/console" || true
}

# charts: how many <svg> were drawn; marks: how many shapes in them.
charts() { grep -o '<svg' "$BATS_TEST_TMPDIR/dom" | wc -l; }
marks() { grep -oE '<path [^>]*aria-roledescription="symbol|<path transform="translate' "$BATS_TEST_TMPDIR/dom" | wc -l; }
drawn() { grep -oE '<html[^>]*data-drawn="[0-9]+"' "$BATS_TEST_TMPDIR/dom" | grep -oE '[0-9]+' || echo 0; }

# healthy N: N charts, all announced, with shapes in them, and a silent console.
healthy() {
    run cat "$BATS_TEST_TMPDIR/console"
    assert_output ""
    assert_equal "$(charts)" "$1"
    assert_equal "$(drawn)" "$1"
    (($(marks) > $1)) || fail "only $(marks) shapes in $1 charts"
}

@test "every chart is drawn and the console is silent" {
    made plain
    open_report
    healthy 17 # three metrics and fourteen cells
    run cat "$BATS_TEST_TMPDIR/dom"
    assert_output --partial '<h1 id="title">ashlar against glibc</h1>'
    assert_output --partial 'xmalloc-test'
    assert_output --partial 'Imagined CPU @ 2.60GHz'
    assert_output --partial '<section id="calls">'
    assert_output --partial 'madvise 10 to 3, process_madvise 4 to 0, munmap 0 to 1'
}

@test "on a phone nothing sticks out" {
    made plain
    # A window is never narrower than 500 here, but a frame is; it tells its page what it measures.
    cat "$dir/report.html" - >"$dir/framed.html" <<'HTML'
<script>
setTimeout(function () {
  var page = document.documentElement;
  parent.postMessage(page.scrollWidth + " of " + page.clientWidth + ", " + page.dataset.drawn + " charts", "*");
}, 1500);
</script>
HTML
    cat >"$dir/phone.html" <<'HTML'
<!doctype html><body>
<script>onmessage = function (event) { document.body.dataset.phone = event.data; };</script>
<iframe src="framed.html" style="border: 0; width: 390px; height: 800px"></iframe>
HTML
    open_report "$dir/phone.html"
    run grep -oE 'data-phone="[^"]*"' "$BATS_TEST_TMPDIR/dom"
    assert_output 'data-phone="390 of 390, 17 charts"'

    # Control: something wide is noticed.
    echo '<div style="width: 700px">wide</div>' >>"$dir/framed.html"
    open_report "$dir/phone.html"
    run grep -oE 'data-phone="[^"]*"' "$BATS_TEST_TMPDIR/dom"
    assert_output 'data-phone="700 of 390, 17 charts"'
}

@test "hovering shows the raw figures of a row, and of a sample" {
    made plain
    # A pointer that moves over each of these in turn, and what the hint says then, a line each.
    cat "$dir/report.html" - >"$dir/hover.html" <<'HTML'
<script>
setTimeout(function () {
  ["h1", "#ratio-time .mark-rect path", "#raw-grid .mark-symbol path"].forEach(function (selector, i) {
    var shape = document.querySelector(selector);
    ["pointerover", "mouseover", "pointermove", "mousemove"].forEach(function (name) {
      shape.dispatchEvent(new PointerEvent(name, { bubbles: true, clientX: 300, clientY: 300 }));
    });
    document.body.append("\nseen " + i + ": " + document.getElementById("tip").outerHTML);
  });
}, 1500);
</script>
HTML
    open_report "$dir/hover.html"
    run grep '^seen' "$BATS_TEST_TMPDIR/dom"
    assert_line --index 0 --partial 'hidden' # control: a heading has no figures
    refute_line --index 1 --partial 'hidden'
    assert_line --index 1 --partial 'xmalloc-test'
    assert_line --index 1 --regexp 'glibc, median&lt;/span&gt;&lt;span&gt;[0-9]+ ms'
    assert_line --index 1 --partial 'p, and with Holm'
    assert_line --index 2 --regexp 'time&lt;/span&gt;&lt;span&gt;[0-9,]+ ns'
    assert_line --index 2 --regexp 'block&lt;/span&gt;&lt;span&gt;(warm-up|[0-9]+)'
}

@test "what duets gain is a table, where both ways were run and nowhere else" {
    made duets
    open_report
    run cat "$BATS_TEST_TMPDIR/console"
    assert_output ""
    run cat "$BATS_TEST_TMPDIR/dom"
    assert_output --partial '<section id="duets">'
    assert_output --regexp '<td>all cells together</td><td>–</td><td>–</td><td>0\.[0-9]{2}</td><td>0\.[0-9]{2} to [0-9.]+</td>'
    assert_output --regexp '<td>fastpath-0</td><td>± [0-9.]+ %</td><td>± [0-9.]+ %</td>'
    refute_output --partial '<td>larson-7</td><td>±' # two threads: no duet
    made plain
    open_report
    run cat "$BATS_TEST_TMPDIR/dom"
    assert_output --partial '<section id="duets" hidden="">'
}

@test "failed cells, a single block and counts from every process are drawn too" {
    for scenario in failed perf "plain --blocks 1"; do
        # shellcheck disable=SC2086
        made $scenario
        open_report
        run cat "$BATS_TEST_TMPDIR/console"
        assert_output ""
        (($(drawn) >= 16 && $(drawn) == $(charts))) || fail "$scenario: $(drawn) announced, $(charts) drawn"
    done
}

@test "the floor and the bare loop are told in the page" {
    made floor
    open_report
    healthy 16 # nothing was counted
    run cat "$BATS_TEST_TMPDIR/dom"
    assert_output --partial '<h1 id="title">ashlar against glibc</h1>' # not the reference
    assert_output --regexp 'bare loop 3[234].{1,6}% · 2\.[789][0-9]* × floor \((glibc) [34]'
    made plain # control
    open_report
    run cat "$BATS_TEST_TMPDIR/dom"
    refute_output --regexp '[0-9] × floor'
}

@test "memory over time: a panel an allocator, its figures, and nothing that was timed" {
    made memory
    open_report
    healthy 2 # a chart a cell
    run cat "$BATS_TEST_TMPDIR/dom"
    assert_output --partial 'Resident and live memory of fastpath-1 over time, a panel an allocator'
    assert_output --partial '<td>1.50<small>× 0.75</small><small>0.75 to 0.75</small></td>'
    assert_output --partial '<th>+5 s</th><th>page waste</th>' # no reading at 12 s, no column
    assert_output --partial '<section id="raw" hidden'
    assert_output --partial '<section id="calls" hidden' # nobody traced
    # Control: a run without the pass has no such section.
    made plain
    open_report
    run cat "$BATS_TEST_TMPDIR/dom"
    assert_output --partial '<section id="memory" hidden'
}

@test "hostile names stay text" {
    made markup
    open_report
    healthy 3
    run cat "$BATS_TEST_TMPDIR/dom"
    assert_output --partial 'x&lt;/script&gt;&lt;script&gt;alert(1)'
    refute_output --partial '<script>alert(1)'
}

@test "the file asks for nothing outside itself" {
    made plain
    run grep -cE '<(script|link|img|iframe)[^>]+(src|href)="[^d]' "$dir/report.html"
    assert_output 0
    run grep -cE '@import|url\(["'\'']?http' "$dir/report.html"
    assert_output 0
}

@test "control: a report with a broken script is noticed" {
    made plain
    sed -i 's/function forest(/function florist(/' "$dir/report.html"
    open_report
    run cat "$BATS_TEST_TMPDIR/console"
    assert_output --partial "forest is not defined"
    assert_equal "$(drawn)" 0
    grep -q 'could not be drawn' "$BATS_TEST_TMPDIR/dom"
}

@test "control: a report without Vega is noticed" {
    made plain
    sed -i 's/^var vega = /var vgea = /' "$dir/report.html"
    open_report
    run cat "$BATS_TEST_TMPDIR/console"
    assert_output --partial "vega is not defined"
    assert_equal "$(drawn)" 0
}

@test "control: a chart without shapes is noticed" {
    made plain
    sed -i 's/type: "symbol"/type: "group"/g' "$dir/report.html"
    open_report
    (($(marks) <= 17)) || fail "$(marks) shapes are still there"
}
