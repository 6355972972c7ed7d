#!/usr/bin/env bash
# floors.sh: dependencies point down.
#
#     ci/floors.sh [ROOT]
#
# alloc/ is one staircase, and ci/floors.txt is its list: a file and its floor on each line, lowest
# floor first. A file includes only files of lower floors, or files to its left on its own floor,
# which is earlier lines of the list. Every file stands in the list, every line has its file, and a
# .c includes its own .h first. Tests in alloc/test/ stand outside the staircase.
#
# Between the top folders there is one arrow: bench/, stress/, harness/ and ci/ may include
# alloc/include/ beside their own files, never each other or the inside of alloc/; alloc/ includes
# only alloc/.
#
# Each broken rule is one line `file:line: what`. Exit status: 0 none, 1 some, 2 usage.
set -euo pipefail

root=${1:-$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)}
cd -- "$root"
if [[ ! -r ci/floors.txt ]]; then
    echo "floors.sh: $root has no ci/floors.txt; give the root of the tree" >&2
    exit 2
fi

folders=()
for folder in alloc bench stress harness ci; do
    [[ ! -d $folder ]] || folders+=("$folder")
done
mapfile -t files < <(find "${folders[@]}" -type f \( -name '*.[ch]' -o -name '*.cc' -o -name '*.cpp' \
    -o -name '*.hpp' \) | LC_ALL=C sort)

printf '%s\n' "${files[@]}" | awk -f ci/floors.awk - floors=ci/floors.txt ci/floors.txt \
    floors='' "${files[@]}"
