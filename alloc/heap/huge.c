/* huge.c: see huge.h. */
#include "huge.h"
#include "purge.h"

size_t huge_class_chunks(unsigned class)
{
    return class < 4 ? class + 1 : (size_t)(class % 4 + 5) << (class / 4 - 1);
}

unsigned huge_class_of(size_t nchunks)
{
    if (nchunks <= 4) {
        return (unsigned)nchunks - 1;
    }
    unsigned lg = bits_lg_floor(nchunks - 1);
    return 4 * (lg - 1) + (unsigned)((nchunks - 1) >> (lg - 2) & 3);
}

static size_t chunks_for(size_t size)
{
    return (size >> LG_CHUNK) + ((size & CHUNK_MASK) != 0);
}

/* A recycled extent may be backed beyond what the block needs. Whole huge pages of that go back: less
 * would cut one up. */
static void purge_tail(struct extent *e, size_t size)
{
    uintptr_t end = e->addr + e->nchunks * CHUNK_SIZE;
    uintptr_t from = ROUND_UP(e->addr + size, HUGEPAGE_SIZE);
    if (!e->zeroed && from < end) {
        (void)extent_purge_pages(e, from, end - from);
    }
}

void *huge_alloc(struct extents *set, unsigned arena, size_t size, size_t alignment, bool *zeroed)
{
    size_t nchunks = chunks_for(size ? size : 1);
    struct extent *e = extent_alloc(set, arena, nchunks,
                                    alignment > CHUNK_SIZE ? alignment : CHUNK_SIZE, CHUNK_HUGE);
    if (!e) {
        return NULL;
    }
    *zeroed = e->zeroed;
    purge_tail(e, size);
    purge_decay_extents(set);
    return (void *)e->addr;
}

void huge_free(struct extent *extent)
{
    struct extents *set = extent->set; /* the extent may be another's, or gone, once it is free */
    extent_free(extent);
    purge_bound_extents(set);
}

bool huge_resize(struct extent *e, size_t size)
{
    size_t nchunks = chunks_for(size);
    if (nchunks > e->nchunks) {
        return extent_grow(e, nchunks);
    }
    if (nchunks < e->nchunks) {
        extent_shrink(e, nchunks);
        purge_bound_extents(e->set);
    }
    return true;
}
