/* run.h: page runs. Cuts the pages of a chunk into runs and glues freed runs together again.
 *
 *     before pool_alloc(2)      | header |  A  A  A  | .  .  .  .  . | B |        . a free page
 *     after                     | header |  A  A  A  | C  C  .  .  . | B |
 *
 * A free run is clean (reads as zero) or dirty (still backed), and joins only neighbours of its own
 * kind until it is purged: so memory known to be zero stays known, and dirty memory is reused first.
 *
 * Choice: the shortest that fits, dirty before clean, among equals the oldest chunk and the lowest
 * page. Why the lowest: the low end stays full, so whole high chunks become free.
 *
 * The header of a chunk holds the page words (pagemap.h) and a descriptor of 64 bytes a page; a run
 * uses those of its first and last page. They are touched as pages are, so a header costs what is
 * used of it. Both are rotated by the chunk's number against cache-set conflicts.
 *
 * Lock         pool->lock, ranked below the bins and above the extents.
 * Invariants   R1  the runs of a chunk tile its pages, and both descriptors of each agree
 *              R2  two neighbouring free runs differ in kind
 *              R3  the free runs of each kind are exactly its tree, and sum to its page count
 *              R4  the age list holds exactly the dirty runs
 *              R5  pages outside small runs and large starts carry the page word 0
 * Below        extent.h pagemap.h tree.h          Above   purge bin large arena
 */
#ifndef ASHLAR_HEAP_RUN_H
#define ASHLAR_HEAP_RUN_H

#include "../os/mutex.h"
#include "../util/conf.h"
#include "../util/config.h"
#include "../util/list.h"
#include "../util/tree.h"
#include "demand.h"
#include "extent.h"
#include "pagemap.h"

enum run_kind { RUN_CLEAN = 0, RUN_DIRTY = 1, RUN_USED = 2 };

/* The descriptor of a page. Meaningful for the first page of a run; the last page of a run has only
 * `kind`, `npages` and `page` (of the first). */
struct run {
    union {
        struct {                      /* free: under the pool's lock */
            struct tree_node by_size; /* in the tree of its kind */
            struct list_node age;     /* dirty: in the age list, oldest first */
            uint64_t freed_ms;        /* dirty: when it became so */
        };
        struct {                    /* used for a small class: under the bin's lock */
            struct list_node link;  /* in a bucket of its bin */
            _Atomic uint64_t free_bits[RUN_REGIONS_MAX / 64]; /* bit i: region i is free */
        };
        struct {                /* used for a sampled block: under the profile's lock */
            void *sample;       /* the record (prof.h) */
        };
    };
    uint16_t page;       /* index in the chunk of the run's first page */
    uint16_t npages;
    uint8_t kind;        /* enum run_kind */
    uint8_t class;       /* used: size class */
    uint16_t nfree;      /* small: free regions */
    uint32_t generation; /* small: of the bin that made it */
    uint32_t bucket;     /* small: which list of the bin it is in */
};
_Static_assert(sizeof(struct run) == CACHELINE, "a descriptor is one cache line");

struct pool;

struct chunk {
    _Atomic uint64_t words[CHUNK_PAGES]; /* pagemap.h */
    struct run runs[CHUNK_PAGES];        /* rotated like the words */
    struct pool *pool;                   /* constant while the chunk lives */
    struct extent *extent;
    struct list_node link; /* in pool->chunks */
    uint64_t serial;       /* order of birth among all chunks ever */
    uint32_t pages_free;
    uint32_t generation; /* of the pool that made it */
};

#define HEADER_PAGES ((unsigned)((sizeof(struct chunk) + PAGE_SIZE - 1) >> LG_PAGE))
#define USABLE_PAGES (CHUNK_PAGES - HEADER_PAGES)
_Static_assert(LARGE_MAX >> LG_PAGE <= USABLE_PAGES, "the largest class must fit a chunk");

struct pool {
    struct mutex lock;
    _Atomic uint32_t generation; /* counts the times that a fork left it unusable; read anywhere */
    unsigned arena;           /* index of the arena that it is a member of */
    bool apart;               /* its blocks stay out of the caches of threads (arena.h); constant */
    _Atomic(struct extents *) extents; /* where new chunks come from; read anywhere */
    struct setting decay_ms, lg_dirty_mult; /* of this pool, see conf_decay_ms */
    struct tree free[2];      /* by kind */
    _Atomic size_t pages_free[2]; /* by kind; written under the lock, read anywhere */
    _Atomic size_t pages_used;    /* likewise */
    struct list_node age;     /* dirty runs, oldest first */
    struct demand demand;     /* in pages */
    uint64_t npurges, nmadvises; /* times that some were purged, and calls of the system for it */
    uint64_t pages_purged;    /* ever */
    _Atomic uint64_t decay_next_ms; /* when purge looks for old dirty runs again; read anywhere */
    struct list_node chunks;  /* by order of birth */
    _Atomic size_t nchunks;   /* read anywhere */
    size_t chunks_empty;      /* of which no page is used; at most one stays */
};

INLINE struct chunk *chunk_of(uintptr_t addr)
{
    return (struct chunk *)(addr & ~(uintptr_t)CHUNK_MASK);
}

INLINE struct run *run_of_page(uintptr_t addr)
{
    return &chunk_of(addr)->runs[page_rotated(addr)];
}

INLINE uintptr_t run_addr(const struct run *run)
{
    return ((uintptr_t)run & ~(uintptr_t)CHUNK_MASK) + ((uintptr_t)run->page << LG_PAGE);
}

/* The descriptor of the run whose page word is `word`, found at an address inside it. */
INLINE struct run *run_of_word(uint64_t word, uintptr_t addr)
{
    return run_of_page(addr - page_word_offset(word, addr));
}

/* Empties the pool, whose chunks are forgotten. Zeroed memory becomes one that takes its chunks from
 * the shared extents. */
void pool_init(struct pool *pool, unsigned arena);

/* Gives all chunks back with all that is in them. */
void pool_reset(struct pool *pool);

INLINE struct extents *pool_extents(struct pool *pool)
{
    return atomic_load_explicit(&pool->extents, ACQUIRE);
}

/* Takes or gives up the lock; after a fork that left it held, the pool starts empty. */
void pool_enter(struct pool *pool);
void pool_leave(struct pool *pool);

/* A used run of npages at a multiple of align_pages (a power of two; npages + align_pages - 1 <=
 * USABLE_PAGES), or NULL. *zeroed says that it reads as zero. The caller sets page words. */
struct run *pool_alloc(struct pool *pool, unsigned npages, unsigned align_pages, bool *zeroed);

/* Back to the pool, as dirty; the page words must be 0 again. A run of a chunk that a fork froze is
 * left where it is. */
void pool_free(struct pool *pool, struct run *run);

/* Changes the length of a used run in place. */
bool pool_grow(struct pool *pool, struct run *run, unsigned npages);
void pool_shrink(struct pool *pool, struct run *run, unsigned npages);

/* Gives up the empty chunk that is kept for the next run. */
void pool_trim(struct pool *pool);

/* Purges dirty runs, oldest first, until `keep_pages` are left or the oldest was freed after
 * `before_ms`. Returns bytes given back. */
size_t pool_purge(struct pool *pool, size_t keep_pages, uint64_t before_ms);

/* Holds the bound of demand.h, of which least_pages may stay anyway: purges down to 7/8 of it. */
void pool_purge_excess(struct pool *pool, size_t least_pages);

/* Free pages are given back after this long; -1: never. */
INLINE int64_t pool_decay_ms(const struct pool *pool)
{
    return setting_or(&pool->decay_ms, conf_decay_ms());
}

INLINE int64_t pool_lg_dirty_mult(const struct pool *pool)
{
    return setting_or(&pool->lg_dirty_mult, conf_lg_dirty_mult());
}

struct pool_figures {
    size_t chunks, pages_used, pages_dirty; /* at one moment */
    uint64_t npurges, nmadvises, pages_purged;
};
void pool_figures(struct pool *pool, struct pool_figures *out);

/* Calls visit for each used run; holds the lock. */
void pool_each_used(struct pool *pool, void (*visit)(struct run *run, void *context), void *context);

/* R1 to R5 for every chunk of the pool; takes the lock. */
bool pool_check(struct pool *pool);

#endif
