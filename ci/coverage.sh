#!/usr/bin/env bash
# coverage.sh: which lines of alloc/ the tests reach. `make coverage` builds for it.
#
#     ci/coverage.sh BUILD TEST...
#
# BUILD was built with --coverage. The tests run, as `make check` runs them, and each process adds its
# counts to files beside the objects; gcovr reads those of alloc/ and prints a line a file, with the
# lines that nothing reached. What a signal ended is not counted, but for the children of unit tests.
#
# Exit status: 0 fine, 1 a test failed, 2 usage.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
if (($# < 2)); then
    echo "coverage.sh: give BUILD and TEST...; \`make coverage\` does" >&2
    exit 2
fi
build=$1
shift

# Counts of an earlier run would be added to.
find "$build" -name '*.gcda' -delete
failed=0
env -u ONLY ASHLAR_BUILD="$build" "$here/check.sh" "$@" || failed=1
gcovr --root "${here%/ci}" --filter "${here%/ci}/alloc/" --exclude "${here%/ci}/alloc/test/" \
    --gcov-executable gcov "$build/alloc"
exit $failed
