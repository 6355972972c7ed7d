#!/bin/bash
# Compiles a large generated C file. Prints the hash of the object file.
set -euo pipefail
on=$(dirname "$(realpath "$0")")/on.sh
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT

{
    echo 'struct node { struct node *next; unsigned long key; double weight[4]; };'
    for ((i = 0; i < 350; i++)); do
        cat <<END
static unsigned long leaf$i(struct node *n, unsigned long x)
{
    for (unsigned j = 0; n && j < $((i % 13 + 3)); j++, n = n->next) {
        switch ((x ^ n->key) % 7) {
        case 0: x += n->key * ${i}ul; break;
        case 1: x ^= (unsigned long)n->weight[j % 4]; break;
        case 2: n->weight[j & 3] *= 1.$i; break;
        case 5: x = x << 3 | x >> 61; break;
        default: x -= j;
        }
    }
    return x;
}
unsigned long entry$i(struct node *n) { return leaf$i(n, ${i}ul) + leaf$((i / 2))(n, 3); }
END
    done
} >large.c
"$on" gcc -O2 -g -ffile-prefix-map="$PWD"=. -c large.c -o large.o
sha256sum <large.o
