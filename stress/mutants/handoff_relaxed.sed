# Blocks that another arena freed are taken over without an order.
# file: alloc/heap/bin.c
# product: -
# kill: make B=$B/tsan OPT='-O1 -g -fsanitize=thread' $B/tsan/test/race/exchange >/dev/null 2>&1 && ASHLAR_RACE_SECS=3 $B/tsan/test/race/exchange
# says: ThreadSanitizer: data race
s/atomic_exchange_explicit(&bin->remote, NULL, ACQUIRE)/atomic_exchange_explicit(\&bin->remote, NULL, RELAXED)/
