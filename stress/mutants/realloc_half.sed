# realloc that moves copies half of the block.
# file: alloc/api/entry.c
# product: ashlar-stress
# kill: $B/ashlar-stress oracle --seed 1 --secs 5
# says: ^FAIL: oracle: .*lost the contents
s/memcpy(fresh, ptr, size < b->usable ? size : b->usable)/memcpy(fresh, ptr, (size < b->usable ? size : b->usable) \/ 2)/
