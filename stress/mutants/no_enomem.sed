# malloc fails without an errno.
# file: alloc/api/entry.c
# product: ashlar-stress
# kill: $B/ashlar-stress rlimit-as --seed 1
# says: malloc\(48\) failed with errno 0
s/^    errno = ENOMEM;/    errno = 0;/
