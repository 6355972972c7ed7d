#!/usr/bin/env bats
# The drawing in alloc/README.md is what `make picture` prints.

load_picture() {
    sed -n '/^<!-- picture:/,/^<!-- end of picture/p' "$1" | sed -n '/^```$/,/^```$/p' | sed '1d;$d'
}

setup() {
    README=${ASHLAR_ROOT:-$BATS_TEST_DIRNAME/../../..}/alloc/README.md
    PICTURE=${ASHLAR_BUILD:-$BATS_TEST_DIRNAME/../../../build}/picture
}

@test "the picture in alloc/README.md is the output of make picture" {
    diff <(load_picture "$README") <("$PICTURE")
}

@test "the picture is the same on every run" {
    [ "$("$PICTURE" | sha256sum)" = "$("$PICTURE" | sha256sum)" ]
}

@test "control: a changed page in the README is noticed" {
    sed 's/ccccccccc/cccccccc./' "$README" >"$BATS_TEST_TMPDIR/README.md"
    ! diff <(load_picture "$BATS_TEST_TMPDIR/README.md") <("$PICTURE")
}
