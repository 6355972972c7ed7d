# Of a batch freed by another arena only the first comes home.
# file: alloc/heap/bin.c
# product: ashlar-stress
# kill: $B/ashlar-stress remote --seed 1 --secs 2
# says: ^FAIL: remote: 
s/^        region = next;/        region = next ? NULL : next;/
