#!/usr/bin/env bash
# mutate.sh: builds the library and one test with one line changed, to see that the test notices.
#
#     stress/mutate.sh NAME DIR     applies stress/mutants/NAME.sed to a copy of the tree in DIR
#
# A mutant file is a sed script whose comments say the rest:
#     # file:      the source that it changes: exactly one line, or it is an error. A mutant that no
#                  longer fits the source must not look like one that was found.
#     # product:   what is built, below the build folder ($B); `-` where the kill line builds
#     # kill:      a command, run in DIR with B set, that must fail
#     # says:      what it must print (an extended regular expression)
# Objects of ASHLAR_BUILD are reused, so that only the changed file is compiled.
set -euo pipefail

die() {
    echo "mutate.sh: $*" >&2
    exit 2
}

[ $# -eq 2 ] || die "usage: mutate.sh NAME DIR"
name="$1" dir="$2"
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
mutant="$root/stress/mutants/$name.sed"
[ -f "$mutant" ] || die "no mutant \"$name\" (stress/mutants/*.sed)"
file="$(sed -n 's/^# file: //p' "$mutant")"
product="$(sed -n 's/^# product: //p' "$mutant")"
[ -n "$file" ] && [ -f "$root/$file" ] || die "$mutant: the line '# file:' names no file"
[ -n "$product" ] || die "$mutant: there is no line '# product:'"

mkdir -p "$dir/build"
dir="$(cd "$dir" && pwd)"
tar -C "$root" --exclude=./build --exclude=./.git --exclude=./results -cf - . | tar -C "$dir" -xf -

# Objects that are up to date spare most of the compiling. A changed header makes all of them stale.
build="${ASHLAR_BUILD:-$root/build}"
if [[ "$file" == *.c ]]; then
    for objects in alloc stress; do
        [ ! -d "$build/$objects" ] || cp -a "$build/$objects" "$dir/build/"
    done
    find "$dir/build" -name '*.so' -delete
fi

sed -i -f "$mutant" "$dir/$file"
changed="$(diff "$root/$file" "$dir/$file" | grep -c '^>' || true)"
[ "$changed" -eq 1 ] || die "$name changes $changed lines of $file, not one"
touch "$dir/$file"

[ "$product" != - ] || exit 0
make -C "$dir" B="$dir/build" WARN= CXXWARN= "$dir/build/$product" >"$dir/build.log" 2>&1 || {
    tail -n 20 "$dir/build.log" >&2
    die "$name does not build"
}
