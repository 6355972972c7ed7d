# calloc believes that every fresh block is zero.
# file: alloc/api/entry.c
# product: test/api/contents
# kill: $B/test/api/contents
# says: FAILED.*test_calloc_is_zero_over_dirt
s/} else if (r->zero && !zeroed) {/} else if (r->zero \&\& zeroed) {/
