#!/bin/bash
# stress-ng's malloc stressor with --verify. Prints its report without process ids and seconds.
set -euo pipefail
on=$(dirname "$(realpath "$0")")/on.sh
"$on" stress-ng --seed 42 --malloc 2 --malloc-bytes 256k --malloc-max 65536 --malloc-pthreads 4 \
    --malloc-touch --malloc-zerofree --malloc-ops 30000 --verify --timeout 60 --stdout |
    sed -E 's/\[[0-9]+\]/[]/; s/ in [0-9.]+s.*//'
