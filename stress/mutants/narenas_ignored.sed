# The option narenas has no effect.
# file: alloc/heap/arena.c
# product: test/api/probe
# kill: bats -f narenas:1 alloc/test/api/options.bats
# says: not ok 1 narenas:1
s/n = conf.narenas ? /n = conf.narenas \&\& !cpus ? /
