# Pushes that are still possible count as frees.
# file: alloc/thread/thread.c
# product: test/api/figures
# kill: $B/test/api/figures
# says: FAILED.*test_fast_pairs_are_counted
s/^    t->frees += cold->granted - credit;/    t->frees += cold->granted;/
