/* check.c: ashlar_check() walks the whole heap and runs the numbered invariants of every file. */
#include "../include/ashlar/ashlar.h"
#include "../os/base.h"
#include "../thread/thread.h"

__attribute__((visibility("default"))) bool ashlar_check(void)
{
    bool ok = base_check() && extent_check();
    for (unsigned i = 0; i < arena_count(); i++) {
        struct arena *arena = arena_get(i);
        ok &= !arena || pool_check(&arena->pool);
        for (unsigned class = 0; arena && class < SMALL_CLASSES; class++) {
            ok &= bin_check(&arena->bins[class], &arena->pool, class);
        }
    }
    return ok & thread_check();
}
