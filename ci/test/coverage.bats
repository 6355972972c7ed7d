# `make coverage`, on one unit test: its module is reached, and another is not.

bats_require_minimum_version 1.5.0

# percent FILE: what the table says of it, without the sign.
percent() {
    sed -nE "s|^$1 +[0-9]+ +[0-9]+ +([0-9]+)%.*|\1|p" "$BATS_TEST_TMPDIR/table"
}

@test "the table has a line a file: what its unit test reaches, and what no test does" {
    make -C "$ASHLAR_ROOT" --no-print-directory coverage B="$BATS_TEST_TMPDIR" \
        COVERED="$BATS_TEST_TMPDIR/coverage/test/unit/tree" </dev/null >"$BATS_TEST_TMPDIR/table"
    cat "$BATS_TEST_TMPDIR/table"
    grep -E '^[1-9][0-9]* passed, 0 failed' "$BATS_TEST_TMPDIR/table"
    (($(percent alloc/util/tree.c) > 90))
    (($(percent alloc/util/diag.c) < 50))
    run ! grep '^alloc/test/' "$BATS_TEST_TMPDIR/table"
}
