#!/bin/bash
# The life of a repository: commits, a branch, a merge, gc, fsck, clone. Prints hashes that depend
# on every object. Dates and names are fixed, so that the hashes are too.
set -euo pipefail
on=$(dirname "$(realpath "$0")")/on.sh
g() { "$on" git "$@"; }
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT

export HOME=$PWD GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=C
export GIT_COMMITTER_EMAIL=c@example.org

g init -q -b main work
cd work
g config gc.auto 0
for ((i = 0; i < 30; i++)); do
    export GIT_AUTHOR_DATE="$((1600000000 + i)) +0000" GIT_COMMITTER_DATE="$((1600000000 + i)) +0000"
    for ((j = 0; j < 12; j++)); do
        seq $((i * j)) $((i * 40 + j * 100 + 300)) >"file$((i * j % 50))"
    done
    g add .
    g commit -q -m "commit $i"
    ((i != 15)) || g branch side
done
g checkout -q side
echo side >side
g add side
g commit -q -m side
g merge -q -m merge main
g gc -q --aggressive
g fsck --full --strict
g clone -q . ../copy
cd ../copy
g log --format='%H %T %s' | sha256sum
g rev-list --objects --all | sort | sha256sum
g log -p | sha256sum
g blame file0 | sha256sum
