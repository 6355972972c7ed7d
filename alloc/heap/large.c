/* large.c: see large.h. */
#include "large.h"

struct run *large_alloc(struct pool *pool, unsigned class, unsigned align_pages,
                        enum page_state state, bool *zeroed)
{
    unsigned npages = large_pages(class);
    if (npages + align_pages - 1 > USABLE_PAGES) {
        return NULL;
    }
    struct run *run = pool_alloc(pool, npages, align_pages, zeroed);
    if (run) {
        run->class = (uint8_t)class;
        if (state == PAGE_LARGE && pool->apart) {
            state = PAGE_LARGE_APART;
        }
        page_large_set(run_addr(run), class, state);
    }
    return run;
}

void large_free(struct pool *pool, struct run *run)
{
    page_word_set(run_addr(run), 0);
    pool_free(pool, run);
    purge_bound_pool(pool);
}

bool large_resize(struct pool *pool, struct run *run, unsigned class)
{
    unsigned npages = large_pages(class);
    if (npages > run->npages) {
        if (!pool_grow(pool, run, npages)) {
            return false;
        }
    } else if (npages < run->npages) {
        pool_shrink(pool, run, npages);
        purge_bound_pool(pool);
    }
    run->class = (uint8_t)class;
    page_large_set(run_addr(run), class, page_word_state(page_word(run_addr(run))));
    return true;
}
