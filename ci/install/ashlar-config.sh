#!/bin/sh
# ashlar-config: the flags with which a program is built on the installed Ashlar. All paths follow from
# where this file lies, so that the whole tree may be moved.
set -eu

bin=$(readlink -f "$0")
bin=${bin%/*}
lib=$(readlink -f "$bin/@bin_to_lib@")
include=$(readlink -f "$bin/@bin_to_include@")

print_help() {
    cat <<'END'
Usage: ashlar-config OPTION...

Prints a line for each option.
  --cflags          flags to compile with: the headers
  --libs            flags to link with: libashlar.so, malloc for the whole program
  --rpath           a flag that lets the program find libashlar.so where it is now
  --static-libs     the same malloc from an archive
  --prefixed-libs   ashlar_malloc and its family, beside another malloc
  --jemalloc-cflags flags to compile with where jemalloc/jemalloc.h is included
  --version         the version
  --prefix          the directory that all was installed in
  --bindir          the directory of the commands
  --libdir          the directory of the libraries
  --includedir      the directory of the headers
  --help            this

Exit codes: 0 printed, 2 usage.
END
}

if [ $# -eq 0 ]; then
    echo "ashlar-config: no option; give --cflags, --libs or another one of --help" >&2
    exit 2
fi
for option; do
    case $option in
    --cflags) echo "-I$include" ;;
    --libs) echo "-L$lib -lashlar" ;;
    --rpath) echo "-Wl,-rpath,$lib" ;;
    --static-libs) echo "$lib/libashlar.a -lpthread" ;;
    --prefixed-libs) echo "$lib/libashlar_prefixed.a -lpthread" ;;
    --jemalloc-cflags) echo "-I$include -I$include/ashlar/compat" ;;
    --version) echo "@version@" ;;
    --prefix) readlink -f "$bin/@bin_to_prefix@" ;;
    --bindir) echo "$bin" ;;
    --libdir) echo "$lib" ;;
    --includedir) echo "$include" ;;
    --help) print_help ;;
    *)
        echo "ashlar-config: unknown option '$option'; --help lists the options" >&2
        exit 2
        ;;
    esac
done
