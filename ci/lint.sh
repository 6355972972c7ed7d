#!/usr/bin/env bash
# lint.sh: what can be said about the sources without running them. `make lint`.
#
# Fatal: an arrow that points up, a header that does not compile alone, a script that shellcheck
# warns about. Told only: files whose layout .clang-format would change.
set -uo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." || exit 2
failed=0

ci/floors.sh || failed=1
ci/headers.sh || failed=1

if command -v shellcheck >/dev/null; then
    mapfile -t scripts < <(git ls-files '*.sh' .ci/run | sort)
    shellcheck -S warning -- "${scripts[@]}" || failed=1
else
    echo "lint: shellcheck is absent, scripts were not read"
fi

if command -v clang-format >/dev/null; then
    mapfile -t sources < <(git ls-files '*.c' '*.h' '*.cc')
    for source in "${sources[@]}"; do
        clang-format --style=file --dry-run -Werror "$source" 2>/dev/null ||
            echo "note: clang-format would change $source"
    done
fi

((failed == 0)) && echo "lint: clean"
exit $failed
