#!/bin/bash
# on.sh COMMAND...: runs COMMAND with the library of $PRELOAD, if there is one. The scripts beside
# this one start the program in question through it, and stay off the library themselves, so that
# the library's count is the program's alone.
[[ -z ${PRELOAD-} ]] || export LD_PRELOAD=$PRELOAD ASHLAR_CONF=stats_print:true
exec "$@"
