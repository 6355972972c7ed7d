# free takes any pointer into a small run.
# file: alloc/api/entry.c
# product: test/misuse/interior_8
# kill: bats -f 'into a small block' alloc/test/misuse/misuse.bats
# says: not ok 1 a pointer into a small block
s/LIKELY(product < bin->reciprocal)/LIKELY(product + 1 \&\& bin->reciprocal != 0)/
