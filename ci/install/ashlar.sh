#!/bin/sh
# ashlar.sh: runs a program on the Ashlar allocator, by LD_PRELOAD. The library is found from where this
# file lies, so that the whole tree may be moved.
set -eu

bin=$(readlink -f "$0")
bin=${bin%/*}
library=$(readlink -f "$bin/@bin_to_lib@/libashlar.so.1") || library=''

print_help() {
    cat <<'END'
Usage: ashlar.sh [--conf OPTIONS] PROGRAM [ARG...]

Runs PROGRAM with Ashlar in place of the C library's malloc.
  --conf OPTIONS   key:value,key:value, after what ASHLAR_CONF says already; see ashlar(3)
  --help           this

PROGRAM must be linked dynamically and must not be set-uid.
Exit codes: that of PROGRAM; 125 usage or no library, 126 PROGRAM cannot be run, 127 there is none.
END
}

refuse() {
    echo "ashlar.sh: $1" >&2
    exit 125
}

while [ $# -gt 0 ]; do
    case $1 in
    --conf)
        [ $# -ge 2 ] || refuse "--conf has no value; give key:value,key:value"
        ASHLAR_CONF=${ASHLAR_CONF:+$ASHLAR_CONF,}$2
        export ASHLAR_CONF
        shift 2
        ;;
    --conf=*)
        ASHLAR_CONF=${ASHLAR_CONF:+$ASHLAR_CONF,}${1#--conf=}
        export ASHLAR_CONF
        shift
        ;;
    --help)
        print_help
        exit 0
        ;;
    --)
        shift
        break
        ;;
    -*) refuse "unknown option '$1'; write [--conf OPTIONS] PROGRAM [ARG...]" ;;
    *) break ;;
    esac
done
[ $# -gt 0 ] || refuse "no program; write [--conf OPTIONS] PROGRAM [ARG...]"
[ -r "$library" ] || refuse "no $bin/@bin_to_lib@/libashlar.so.1; install Ashlar again"
case $library in
*[[:space:]:]*) refuse "LD_PRELOAD cannot name $library; install Ashlar in another place" ;;
esac

LD_PRELOAD=$library${LD_PRELOAD:+:$LD_PRELOAD}
export LD_PRELOAD
exec "$@"
