#!/bin/bash
# The life of a repository: commits, a branch, a merge, gc, fsck, clone. Prints hashes that depend
# on every object. Dates and names are fixed, so that the hashes are too.
set -euo pipefail
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT

export HOME=$PWD GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=C
export GIT_COMMITTER_EMAIL=c@example.org

git init -q -b main work
cd work
git config gc.auto 0
for ((i = 0; i < 30; i++)); do
    export GIT_AUTHOR_DATE="$((1600000000 + i)) +0000" GIT_COMMITTER_DATE="$((1600000000 + i)) +0000"
    for ((j = 0; j < 12; j++)); do
        seq $((i * j)) $((i * 40 + j * 100 + 300)) >"file$((i * j % 50))"
    done
    git add .
    git commit -q -m "commit $i"
    ((i != 15)) || git branch side
done
git checkout -q side
echo side >side
git add side
git commit -q -m side
git merge -q -m merge main
git gc -q --aggressive
git fsck --full --strict
git clone -q . ../copy
cd ../copy
git log --format='%H %T %s' | sha256sum
git rev-list --objects --all | sort | sha256sum
git log -p | sha256sum
git blame file0 | sha256sum
