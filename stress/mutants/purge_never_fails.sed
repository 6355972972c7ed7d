# Pages that could not be given back are taken for zeros.
# file: alloc/os/pages.c
# product: ashlar-stress
# kill: $B/ashlar-stress oom-nth --variant large --seed 1
# says: X4: the clean extent|is not zero at offset
s/madvise(addr, size_bytes, MADV_DONTNEED) == 0/madvise(addr, size_bytes, MADV_DONTNEED) <= 0/
