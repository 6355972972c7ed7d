#!/usr/bin/env bash
# install.sh: puts what was built where a system looks for it, and takes exactly that away again.
#
#     ci/install/install.sh install|uninstall       (make install, make uninstall)
#
#     PREFIX/lib/               libashlar.so.1 and its link, the archives, pkgconfig/, cmake/Ashlar/
#     PREFIX/include/           the headers
#     PREFIX/libexec/ashlar/    the commands beside their helpers, suites/ and programs/, as in the build
#                               folder: `ashlar` looks for all of them beside itself
#     PREFIX/bin/               links to the commands; ashlar-config, ashlar.sh
#     PREFIX/share/             man/, doc/ashlar/, ashlar/installed.txt
#
# installed.txt is the record: `file PATH` and `dir PATH`, a line for each thing that is ours, written
# before the thing is made, so that a torn install can be taken away too. A second install goes over the
# first and removes what only the first had. Files are replaced by a rename: who runs one keeps it whole.
#
# Environment: B        the build folder (build)
#              DESTDIR  stands before every path and in no file: for making packages
#              PREFIX   (/usr/local), and BINDIR LIBDIR LIBEXECDIR INCLUDEDIR DATADIR MANDIR DOCDIR
#
# Exit status: 0 done, 1 could not, 2 usage.
set -euo pipefail
umask 022

die() {
    echo "install.sh: $1" >&2
    exit "${2-1}"
}

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=${here%/ci/install}
build=$(realpath -m -- "${B:-$root/build}")
dest=${DESTDIR-}
[[ -z $dest ]] || dest=$(realpath -m -- "$dest")
dest=${dest%/}

prefix=${PREFIX:-/usr/local}
prefix=${prefix%/}
bin=${BINDIR:-$prefix/bin}
lib=${LIBDIR:-$prefix/lib}
libexec=${LIBEXECDIR:-$prefix/libexec}/ashlar
include=${INCLUDEDIR:-$prefix/include}
data=${DATADIR:-$prefix/share}
man=${MANDIR:-$data/man}
doc=${DOCDIR:-$data/doc/ashlar}
cmake=$lib/cmake/Ashlar
record=$data/ashlar/installed.txt

soname=libashlar.so.1
version=$(sed -n 's/^#define ASHLAR_VERSION "\(.*\)"/\1/p' "$root/alloc/util/config.h")

# What flags and LD_PRELOAD cannot name is refused now, not by every program later.
check_places() {
    local place bad='[[:space:];:"'\''`\$&#@|<>*?]'
    for place in "$bin" "$lib" "$libexec" "$include" "$data" "$man" "$doc"; do
        [[ $place == /* ]] || die "'$place' is no absolute path; give PREFIX=/... and the like" 2
        [[ ! $place =~ $bad ]] ||
            die "'$place' has a character that compiler flags or LD_PRELOAD cannot carry; give another" 2
    done
    [[ $dest != *$'\n'* ]] || die "DESTDIR has a line break; give another" 2
}

# check_rights FOLDER: what there is of it can be written to; better found out before anything is there.
check_rights() {
    local place=$dest$1
    while [[ -n $place && ! -e $place ]]; do
        place=${place%/*}
    done
    [[ -d ${place:-/} && -w ${place:-/} ]] ||
        die "cannot write below ${place:-/}; become root, or give PREFIX or DESTDIR of your own"
}

# ---- what is installed ----

modes=() sources=() paths=()

# add MODE SOURCE PATH, or: add link TARGET PATH
add() {
    modes+=("$1")
    sources+=("$2")
    paths+=("$3")
}

relative() {
    realpath -ms --relative-to="$1" -- "$2"
}

# The path under the prefix is written by its name there, so that pkg-config --define-prefix can move it.
# shellcheck disable=SC2016
in_prefix() {
    [[ -n $prefix && $1 == "$prefix"/* ]] && echo '${prefix}'"${1#"$prefix"}" || echo "$1"
}

# add_filled MODE TEMPLATE PATH: a file of this folder whose @words@ are known only now.
add_filled() {
    local text
    text=$(<"$here/$2")
    text=${text//@version@/"$version"}
    text=${text//@prefix@/"${prefix:-/}"}
    text=${text//@libdir@/"$(in_prefix "$lib")"}
    text=${text//@includedir@/"$(in_prefix "$include")"}
    text=${text//@bin_to_prefix@/"$(relative "$bin" "${prefix:-/}")"}
    text=${text//@bin_to_lib@/"$(relative "$bin" "$lib")"}
    text=${text//@bin_to_include@/"$(relative "$bin" "$include")"}
    text=${text//@cmake_to_lib@/"$(relative "$cmake" "$lib")"}
    text=${text//@cmake_to_include@/"$(relative "$cmake" "$include")"}
    printf '%s\n' "$text" >"$work/$2"
    add "$1" "$work/$2" "$3"
}

list_library() {
    local path
    add 644 "$build/libashlar.so" "$lib/$soname"
    add link $soname "$lib/libashlar.so"
    add 644 "$build/libashlar.a" "$lib/libashlar.a"
    add 644 "$build/libashlar_prefixed.a" "$lib/libashlar_prefixed.a"
    while read -r path; do
        add 644 "$root/alloc/include/$path" "$include/$path"
    done < <(cd -- "$root/alloc/include" && find . -name '*.h' -printf '%P\n' | sort)
    add_filled 644 ashlar.pc.in "$lib/pkgconfig/ashlar.pc"
    add_filled 644 ashlar-jemalloc.pc.in "$lib/pkgconfig/ashlar-jemalloc.pc"
    add_filled 644 AshlarConfig.cmake.in "$cmake/AshlarConfig.cmake"
    add_filled 644 AshlarConfigVersion.cmake.in "$cmake/AshlarConfigVersion.cmake"
    add_filled 755 ashlar-config.sh "$bin/ashlar-config"
    add_filled 755 ashlar.sh "$bin/ashlar.sh"
}

list_commands() {
    local name source
    for name in ashlar ashlar-bench ashlar-micro ashlar-stress; do
        add 755 "$build/$name" "$libexec/$name"
        add link "$(relative "$bin" "$libexec/$name")" "$bin/$name"
    done
    add 755 "$build/ashlar-launch" "$libexec/ashlar-launch"
    add 755 "$build/ashlar-probe" "$libexec/ashlar-probe"
    add link "$(relative "$libexec" "$lib/$soname")" "$libexec/libashlar.so"
    add 644 "$build/liblimit.so" "$libexec/liblimit.so"
    add 644 "$build/libashlar-planted.so" "$libexec/libashlar-planted.so"
    for source in "$root"/harness/suites/*.ini; do
        add 644 "$source" "$libexec/suites/${source##*/}"
    done
    for source in "$root"/bench/programs/*.sh; do
        add 755 "$source" "$libexec/programs/${source##*/}"
    done
    add 755 "$build/programs/once" "$libexec/programs/once"
}

# The documents keep their places to each other, so that their links hold.
list_documents() {
    local path
    add 644 "$root/alloc/ashlar.3" "$man/man3/ashlar.3"
    add 644 "$root/harness/ashlar.1" "$man/man1/ashlar.1"
    add link ../man3/ashlar.3 "$man/man1/ashlar.sh.1"
    add link ../man3/ashlar.3 "$man/man1/ashlar-config.1"
    for path in LICENSE README.md alloc/README.md alloc/TUNING.md alloc/inspect/ctl_names.md bench/README.md \
        stress/README.md harness/README.md harness/report.png harness/judge/README.md harness/judge/method.md; do
        add 644 "$root/$path" "$doc/$path"
    done
}

check_sources() {
    local i
    for i in "${!paths[@]}"; do
        [[ ${modes[i]} == link || -r ${sources[i]} ]] || die "there is no ${sources[i]}; run make first"
    done
}

# ---- install ----

early=() recording=false
note() {
    if $recording; then
        echo "$1 $2" >>"$dest$record"
    else
        early+=("$1 $2")
    fi
}

# make_dir PATH: with its parents; each that was not there is noted.
make_dir() {
    [[ ! -d $dest$1/ ]] || return 0
    make_dir "${1%/*}"
    note dir "$1"
    mkdir -m 755 -- "$dest$1"
}

open_record() {
    mkdir -p -- "$dest/"
    make_dir "${record%/*}"
    recording=true
    printf '%s\n' "file $record" "${early[@]}" >>"$dest$record"
}

pending=''
put() {
    local mode=$1 source=$2 path=$3
    make_dir "${path%/*}"
    note file "$path"
    pending=$dest$path.new
    rm -f -- "$pending"
    if [[ $mode == link ]]; then
        ln -s -- "$source" "$pending"
    else
        install -m "$mode" -- "$source" "$pending"
    fi
    mv -fT -- "$pending" "$dest$path"
    pending=''
}

# remove_dirs RECORD: of the recorded directories, children first, those that nobody uses any more.
remove_dirs() {
    local path
    while read -r _ path; do
        [[ ! -d $dest$path ]] || rmdir --ignore-fail-on-non-empty -- "$dest$path"
    done < <(grep '^dir ' "$1" | LC_ALL=C sort -r)
}

# What only an earlier install had goes, and the record tells what is there now.
settle() {
    local kind path
    local -A now=(["$record"]=1)
    for path in "${paths[@]}"; do
        now[$path]=1
    done
    LC_ALL=C sort -u -- "$dest$record" >"$work/all"
    while read -r kind path; do
        [[ $kind != file || -n ${now[$path]-} ]] || rm -f -- "$dest$path"
    done <"$work/all"
    remove_dirs "$work/all"
    while read -r kind path; do
        if [[ $kind == dir && -d $dest$path || -n ${now[$path]-} ]]; then
            echo "$kind $path"
        fi
    done <"$work/all" >"$work/now"
    put 644 "$work/now" "$record"
}

# The dynamic linker's cache, where this is the system itself and not a package in the making.
refresh_cache() {
    [[ -z $dest && $(id -u) == 0 ]] || return 0
    PATH=$PATH:/usr/sbin:/sbin ldconfig ||
        echo "install.sh: ldconfig failed; run it, so that programs find $soname" >&2
}

install_all() {
    local i
    list_library
    list_commands
    list_documents
    check_sources
    check_rights "${record%/*}"
    open_record
    for i in "${!paths[@]}"; do
        put "${modes[i]}" "${sources[i]}" "${paths[i]}"
    done
    settle
    refresh_cache
    echo "Ashlar $version is in $dest${prefix:-/}; $dest$record lists its ${#paths[@]} files."
}

# ---- uninstall ----

uninstall_all() {
    local kind path
    if [[ ! -r $dest$record ]]; then
        echo "Nothing to remove: there is no $dest$record."
        return
    fi
    check_rights "${record%/*}"
    cp -- "$dest$record" "$work/all"
    while read -r kind path; do
        [[ $kind != file || $path == "$record" ]] || rm -f -- "$dest$path"
    done <"$work/all"
    rm -f -- "$dest$record"
    remove_dirs "$work/all"
    refresh_cache
    echo "Ashlar is gone from $dest${prefix:-/}."
}

work=$(mktemp -d)
trap 'rm -rf -- "$work"; [[ -z $pending ]] || rm -f -- "$pending"' EXIT
check_places
case ${1-} in
install) install_all ;;
uninstall) uninstall_all ;;
*) die "give install or uninstall" 2 ;;
esac
