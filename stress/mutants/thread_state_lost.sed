# The caches of dead threads are not used again.
# file: alloc/thread/thread.c
# product: test/api/threads
# kill: $B/test/api/threads
# says: FAILED.*test_ten_thousand_threads
s/^    spare = tc;/    spare = NULL;/
