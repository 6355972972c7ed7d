# shellcheck shell=bash
# common.sh: what the drivers of real programs share. A driver says what it is, makes its input, runs
# its program, and speaks like ashlar-bench:
#
#     NAME.sh --ops N [--program PATH]     one run, one line of JSON
#     NAME.sh --ops N --describe           the input is made, nothing is measured
#
#     ASHLAR_PRELOAD=LIB    goes to the measured program as LD_PRELOAD, and to nothing else: neither
#                           to this shell nor to a client or helper
#     ASHLAR_CACHE=DIR      where inputs are kept (else below TMPDIR or /tmp, one folder a user)
#
# The driver sets `name`, `package`, `entry_points`, defines `generate DIR` (writes the input of
# $ops operations; depends on $ops alone) and `execute` (calls `measured`, leaves the output to be
# hashed in $work/out), and ends with `drive "$@"`.
#
# Exit status: 0 fine, 2 usage or a missing program, 3 the program failed; a program that a signal
# ended ends its driver by the same signal.
set -euo pipefail
export LC_ALL=C
umask 077

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
unset LD_PRELOAD
name='' package='' entry_points=(malloc calloc realloc free) # a driver's own words come after

refuse() {
    echo "$name: $1" >&2
    exit 2
}

# Ends as the program did: by its signal, which the shell tells as 128 and more.
end_as() {
    if (($1 > 128)); then
        ulimit -c 0
        trap - EXIT
        rm -rf -- "$work"
        kill -s "$(($1 - 128))" $$
    fi
    echo "$name: $program ended with $1" >&2
    exit 3
}

# run_once ARGS...: the helper, whatever its program comes to.
run_once() {
    local code=0
    "$here/once" "$@" || code=$?
    ((code == 0)) || end_as "$code"
}

# measured [--stdin FILE] PROGRAM ARGS...: runs it under the allocator; its output goes to $work/out.
measured() {
    local options=(--report "$work/report" --stdout "$work/out")
    [[ -z ${ASHLAR_PRELOAD-} ]] || options+=(--preload "$ASHLAR_PRELOAD")
    if [[ $1 == --stdin ]]; then
        options+=(--stdin "$2")
        shift 2
    fi
    run_once "${options[@]}" -- "$@" 
}

# The input is made once for a driver, as it is now, and an amount of work; a half-made one is never
# seen, because the folder gets its name when it is whole.
find_input() {
    local cache=${ASHLAR_CACHE:-${TMPDIR:-/tmp}/ashlar-programs-$(id -u)} sum fresh
    mkdir -p -- "$cache"
    [[ -O $cache ]] || refuse "$cache belongs to another user; set ASHLAR_CACHE to a folder of your own"
    sum=$(sha256sum <"$0")
    input=$cache/$name-$ops-${sum:0:12}
    [[ ! -d $input ]] || return 0
    fresh=$(mktemp -d -- "$cache/.making-XXXXXX")
    generate "$fresh"
    # Another run may have been faster; its input is the same.
    mv -T -- "$fresh" "$input" 2>/dev/null || rm -rf -- "$fresh"
    [[ -d $input ]] || refuse "cannot make $input; make room there"
}

describe() {
    local points
    printf -v points '"%s",' "${entry_points[@]}"
    printf '{"schema":"ashlar-bench-describe-1","workload":"%s","params":"ops=%s","threads":1,' "$name" "$ops"
    printf '"ops":%s,"entry_points":[%s],"program":"%s"}\n' "$ops" "${points%,}" "$program"
}

print_result() {
    local sum
    sum=$(sha256sum <"$work/out")
    printf '{"schema":"ashlar-bench-1","workload":"%s","params":"ops=%s","threads":1,"seed":1,' "$name" "$ops"
    printf '"ops":%s,%s,"null":false,"check_failures":0,"output_sha256":"%s"}\n' \
        "$ops" "$(<"$work/report")" "${sum%% *}"
}

drive() {
    local describing=false
    ops=
    program=/usr/bin/$name
    while (($# > 0)); do
        case $1 in
        --ops=*) ops=${1#*=} ;;
        --ops | --program)
            (($# > 1)) || refuse "$1 has no value"
            [[ $1 == --ops ]] && ops=$2 || program=$2
            shift
            ;;
        --describe) describing=true ;;
        *) refuse "unknown option '$1'; use --ops N, --program PATH or --describe" ;;
        esac
        shift
    done
    [[ $ops =~ ^[1-9][0-9]{0,8}$ ]] || refuse "--ops: give a whole number above 0"
    [[ -x $program ]] || refuse "there is no $program here; apt-get install $package"
    find_input
    if $describing; then
        describe
        return
    fi
    work=$(mktemp -d -- "${TMPDIR:-/tmp}/ashlar-run-XXXXXX")
    trap 'rm -rf -- "$work"' EXIT
    execute
    print_result
}
