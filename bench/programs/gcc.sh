#!/usr/bin/env bash
# gcc.sh: compiles one translation unit of --ops functions at -O1. The allocator is under the driver, the
# compiler and the assembler alike: they are the program. The object file is the output.
# shellcheck source-path=SCRIPTDIR
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
name=gcc package=gcc

generate() {
    awk -v functions="$ops" 'BEGIN {
        x = 4711
        print "struct node { struct node *next; long key; char name[24]; };"
        for (i = 0; i < functions; i++) {
            x = x * 48271 % 2147483647
            printf "long f%d(struct node *list, long a, long b)\n{\n    long sum = %d;\n", i, x % 1000
            printf "    for (struct node *n = list; n != 0; n = n->next) {\n"
            printf "        switch ((n->key + a) %% %d) {\n", x % 7 + 3
            for (k = 0; k < x % 7 + 3; k++)
                printf "        case %d: sum += n->name[%d] * %d + (b ^ %d); break;\n", k, (x + k) % 24, x % 97 + k, k
            printf "        default: sum -= n->key / %d;\n        }\n    }\n", x % 13 + 1
            if (i > 0)
                printf "    if (sum < b)\n        sum += f%d(list, sum, a - %d);\n", x % i, x % 50
            printf "    for (long j = 0; j < a %% %d; j++)\n        sum = sum * 31 + (j & b);\n", x % 19 + 2
            printf "    return sum;\n}\n"
        }
    }' >"$1/unit.c"
}

execute() {
    cd "$input"
    export TMPDIR=$work
    measured "$program" -O1 -frandom-seed=1 -c unit.c -o "$work/unit.o"
    mv "$work/unit.o" "$work/out"
}

drive "$@"
