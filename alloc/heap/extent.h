/* extent.h: whole chunks: taken from the system in large reserves, recycled, never lost.
 *
 *     reserve   | live | live | free dirty   | live | free clean                   |
 *                 arena  huge    (cached)      huge   (never touched, or purged)
 *
 * An extent is a row of chunks of one reserve in one state. Extents tile their reserve. A free extent
 * is joined with free neighbours of its own kind at once; clean and dirty ones join when the dirty one
 * is purged. Memory is reserved 64 MiB at a time, so that alignment costs no trimming and a process
 * has few mappings. It is not unmapped again, for address space is cheap and a later request reuses it,
 * unless the address space is full.
 *
 * Choice: the smallest that fits, among those the first born (never by address), dirty before clean.
 *
 * Lock         one for all (extent_lock), ranked below the run pools.
 * Invariants   X1  by-address neighbours of one reserve do not overlap and leave no gap
 *              X2  two neighbouring free extents of one reserve differ in kind
 *              X3  the dirty list holds exactly the dirty extents and sums to the dirty count
 *              X4  a clean extent reads as zero (its first word is looked at)
 * Below        base tree pages pagemap          Above   run huge purge
 */
#ifndef ASHLAR_HEAP_EXTENT_H
#define ASHLAR_HEAP_EXTENT_H

#include "../util/list.h"
#include "../util/tree.h"
#include "pagemap.h"

enum extent_state { EXTENT_LIVE, EXTENT_DIRTY, EXTENT_CLEAN };

/* Chunks of one reserve, and so of one block: 4 TiB. Reserves are counted in 24 bits: 1 PiB of them. */
#define BIRTH_INDEX_BITS 20
#define EXTENT_CHUNKS_MAX ((size_t)1 << BIRTH_INDEX_BITS)

struct extent {
    struct tree_node by_address; /* in the tree of all extents */
    struct tree_node by_size;    /* in the tree of its kind while free; links spare nodes */
    struct list_node age;        /* in the dirty list, oldest first */
    uintptr_t addr;
    size_t nchunks;
    uint64_t birth;        /* reserve serial << 20 | chunk within the reserve: the order of choice */
    uint64_t freed_ms;     /* when it became dirty */
    uint64_t freed_serial; /* and as which of all: the order of purging, the same on every run */
    void *sample;          /* live and huge: its record when sampled (prof.h), else NULL */
    enum extent_state state;
    bool zeroed;           /* live: read as zero when handed out */
    uint32_t generation;   /* of the trees that it was made for: a fork may leave it in none */
};

/* A live extent of nchunks at an address that is a multiple of `alignment` (CHUNK_SIZE or a larger
 * power of two), or NULL. Its kind in the registry is set to `kind`. */
struct extent *extent_alloc(size_t nchunks, size_t alignment, enum chunk_kind kind);

/* Back to the free extents. The pages count as dirty. */
void extent_free(struct extent *extent);

/* The live extent that starts at or covers addr; NULL where there is none. */
struct extent *extent_find(uintptr_t addr);

/* Changes the length in place. Growing fails where the neighbour is not free or too short. */
bool extent_grow(struct extent *extent, size_t nchunks);
void extent_shrink(struct extent *extent, size_t nchunks);

/* Purges dirty extents, oldest first, until at most `keep_chunks` are left or the oldest was freed
 * after `before_ms`. Returns the bytes given back. */
size_t extent_purge(size_t keep_chunks, uint64_t before_ms);

/* Holds the bound of demand.h for whole chunks, of which `least_chunks` may stay anyway. Cheap while
 * no more than those are dirty. */
void extent_purge_excess(size_t least_chunks);

/* Unmaps reserves that are free as a whole: for an address space that is full. Returns bytes. */
size_t extent_unmap_free(void);

struct extent_figures {
    size_t reserved_bytes; /* taken from the system */
    size_t live_chunks;
    size_t dirty_chunks;
    uint64_t npurges;       /* times that some were purged */
    uint64_t nmadvises;     /* calls of the system for it */
    uint64_t chunks_purged; /* ever */
    uint64_t chunks_made;   /* chunks handed out, ever */
    size_t live_peak;       /* the most live_chunks ever */
};
void extent_figures(struct extent_figures *out);

/* A count of the bytes in live chunks that stays up to date: never less than what is in use. */
const size_t *extent_live_bytes(void);

/* Calls visit for each extent by order of birth of its reserve and address within; holds the lock. */
void extent_each(void (*visit)(const struct extent *extent, void *context), void *context);

/* X1 to X4; writes a line for each that is broken. */
bool extent_check(void);

#endif
