#!/usr/bin/env bash
# mutate.sh: builds the library and its tests with one line changed, to see that a test notices.
#
#     stress/mutate.sh NAME DIR       stress/mutants/NAME.sed is applied to a copy of the tree in DIR
#
# A mutant file says in comments which file it changes and what must fail, and is a sed script for the
# rest. It must change exactly one line: a mutant that no longer fits the source is an error, not a
# pass. The products are in DIR/build afterwards. Objects of ASHLAR_BUILD are reused, so that only the
# changed file is compiled.
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
kill_line="$(sed -n 's/^# kill: //p' "$mutant")"
[ -n "$file" ] && [ -f "$root/$file" ] || die "$mutant: the line '# file:' names no file"
[ -n "$kill_line" ] || die "$mutant: there is no line '# kill:'"

mkdir -p "$dir"
tar -C "$root" --exclude=./build --exclude=./.git --exclude=./results -cf - . | tar -C "$dir" -xf -

# Objects that are up to date spare most of the compiling. A changed header touches them all.
build="${ASHLAR_BUILD:-$root/build}"
case "$file" in
*.c) [ -d "$build/alloc" ] && mkdir -p "$dir/build" && cp -a "$build/alloc" "$dir/build/" ;;
esac

sed -i -f "$mutant" "$dir/$file"
changed="$(diff "$root/$file" "$dir/$file" | grep -c '^>' || true)"
[ "$changed" -eq 1 ] || die "$name changes $changed lines of $file, not one"
touch "$dir/$file"

# What the kill line starts with is the product to build.
product="${kill_line%% *}"
make -C "$dir" B="$dir/build" CWARN='-w' "$dir/build/$product" >"$dir/build.log" 2>&1 ||
    { tail -n 20 "$dir/build.log" >&2; die "$name does not build"; }
