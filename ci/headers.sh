#!/usr/bin/env bash
# headers.sh: each header of alloc/ compiles alone, as C and, for the public one, as C++.
#
#     ci/headers.sh [ROOT]
#
# Exit status: 0 all compile, 1 some do not.
set -uo pipefail

root=${1:-$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)}
cd -- "$root" || exit 2
failed=0

# compiles LANGUAGE COMPILER-AND-FLAGS... HEADER
compiles() {
    local language=$1 header=${*: -1}
    if ! echo "#include \"$header\"" |
        "${@:2:$#-2}" -Wall -Wextra -Wshadow -Werror -I. -Ialloc -Ialloc/include \
            -fsyntax-only -x "$language" -; then
        echo "$header: does not compile alone as $language"
        failed=1
    fi
}

while read -r header; do
    compiles c "${CC:-gcc}" -std=c11 -D_GNU_SOURCE "$header"
done < <(find alloc -path alloc/test -prune -o -name '*.h' -print | LC_ALL=C sort)
compiles c++ "${CXX:-g++}" -std=c++11 alloc/include/ashlar/ashlar.h
exit $failed
