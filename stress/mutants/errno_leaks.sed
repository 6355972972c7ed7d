# posix_memalign lets errno through.
# file: alloc/api/entry.c
# product: test/api/errno_rules
# kill: $B/test/api/errno_rules
# says: FAILED.*test_posix_memalign
/^int DOOR(posix_memalign)/,/^}/s/^    errno = saved;/    (void)saved;/
