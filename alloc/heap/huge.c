/* huge.c: see huge.h. */
#include "huge.h"
#include "purge.h"
#include "../os/pages.h"

struct huge_counts huge_counts[HUGE_CLASSES];

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

static void count_malloc(size_t nchunks)
{
    atomic_fetch_add_explicit(&huge_counts[huge_class_of(nchunks)].nmalloc, 1, RELAXED);
}

static void count_free(size_t nchunks)
{
    atomic_fetch_add_explicit(&huge_counts[huge_class_of(nchunks)].ndalloc, 1, RELAXED);
}

static size_t chunks_for(size_t size)
{
    return (size >> LG_CHUNK) + ((size & CHUNK_MASK) != 0);
}

/* A recycled extent may be backed beyond what the block needs. Whole huge pages of that go back: less
 * would cut one up. */
static void purge_tail(const struct extent *e, size_t size)
{
    uintptr_t end = e->addr + e->nchunks * CHUNK_SIZE;
    uintptr_t from = ROUND_UP(e->addr + size, HUGEPAGE_SIZE);
    if (!e->zeroed && from < end) {
        pages_purge((void *)from, end - from);
    }
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
    count_malloc(nchunks);
    purge_tail(e, size);
    purge_decay_extents();
    return (void *)e->addr;
}

void huge_free(struct extent *extent)
{
    count_free(extent->nchunks);
    extent_free(extent);
    purge_bound_extents();
}

static bool change_length(struct extent *e, size_t nchunks)
{
    if (nchunks > e->nchunks) {
        return extent_grow(e, nchunks);
    }
    if (nchunks < e->nchunks) {
        extent_shrink(e, nchunks);
        purge_bound_extents();
    }
    return true;
}

bool huge_resize(struct extent *e, size_t size)
{
    size_t before = e->nchunks;
    bool done = change_length(e, chunks_for(size));
    if (e->nchunks != before) {
        count_free(before);
        count_malloc(e->nchunks);
    }
    return done;
}
