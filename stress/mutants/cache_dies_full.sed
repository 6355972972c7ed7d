# A thread that ends leaves its smallest blocks in its cache.
# file: alloc/thread/tcache.c
# product: ashlar-stress
# kill: $B/ashlar-stress threadchurn --seed 1 --ops 400
# says: ^FAIL: threadchurn: allocated was
/^void tcache_flush_all/,/^}/s/unsigned class = 0;/unsigned class = 8;/
