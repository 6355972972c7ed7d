/* huge.c: see huge.h. */
#include "huge.h"
#include "purge.h"
#include "../os/pages.h"

#include <string.h>

/* Below this, copying is cheaper than moving pages and faulting the old ones in again. */
#define MOVE_FROM_BYTES ((size_t)8 << 20)

static size_t chunks_for(size_t size)
{
    return (size >> LG_CHUNK) + ((size & CHUNK_MASK) != 0);
}

void *huge_alloc(size_t size, size_t alignment, bool *zeroed)
{
    size_t nchunks = chunks_for(size ? size : 1);
    struct extent *e =
        extent_alloc(nchunks, alignment > CHUNK_SIZE ? alignment : CHUNK_SIZE, CHUNK_HUGE);
    if (!e) {
        return NULL;
    }
    *zeroed = e->zeroed;
    purge_decay_extents();
    return (void *)e->addr;
}

void huge_free(struct extent *extent)
{
    extent_free(extent);
    purge_bound_extents();
}

bool huge_resize(struct extent *e, size_t size)
{
    size_t nchunks = chunks_for(size);
    if (nchunks > e->nchunks) {
        return extent_grow(e, nchunks);
    }
    if (nchunks < e->nchunks) {
        extent_shrink(e, nchunks);
        purge_bound_extents();
    }
    return true;
}

void huge_move(struct extent *from, void *to, size_t size)
{
    void *source = (void *)from->addr;
    size_t whole = ROUND_DOWN(size, PAGE_SIZE);
    if (size < MOVE_FROM_BYTES || !pages_move(source, to, whole)) {
        memcpy(to, source, size);
    } else {
        memcpy((char *)to + whole, (char *)source + whole, size - whole);
    }
}
