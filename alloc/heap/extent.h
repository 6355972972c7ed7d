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
 * All arenas share one such set of extents, but those with chunk hooks (hooks.h): each of these has a set
 * of its own. There every extent comes from the hooks as it is needed, without a reserve; it may have
 * gaps to its neighbours; what is clean need not read as zero, nor even be committed; whether two join
 * or one is cut is for the hooks to say; and the address stands for the birth.
 *
 * Lock         one a set, ranked below the run pools; sets_lock for the list of sets, above it.
 * Invariants   X1  by-address neighbours of one reserve do not overlap and leave no gap
 *              X2  two neighbouring free extents of one reserve differ in kind
 *              X3  the dirty list holds exactly the dirty extents and sums to the dirty count
 *              X4  a clean extent that is said to read as zero does (its first word is looked at)
 * Below        base tree pages pagemap hooks demand          Above   run huge purge
 */
#ifndef ASHLAR_HEAP_EXTENT_H
#define ASHLAR_HEAP_EXTENT_H

#include "../os/mutex.h"
#include "../util/conf.h"
#include "../util/list.h"
#include "../util/tree.h"
#include "demand.h"
#include "hooks.h"
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
    struct extents *set;   /* that it belongs to */
    uint32_t generation;   /* of the trees that it was made for: a fork may leave it in none */
    unsigned arena;        /* live: index of the arena that holds it */
    enum extent_state state;
    bool zeroed;           /* clean: reads as zero; live: did when it was handed out */
    bool committed;        /* may be touched; else the commit hook comes first */
};

/* A set of extents. */
struct extents {
    struct mutex lock;
    uint32_t generation;           /* counts the times that a fork left the trees unusable */
    struct tree all;               /* by address */
    struct tree kinds[3];          /* free ones, by size and birth */
    struct list_node dirty_list;   /* by age, oldest first */
    struct extent *spare_nodes;    /* linked by by_size.left */
    struct demand demand;          /* in chunks */
    uint64_t freed_serials;        /* given out */
    size_t reserved_chunks, live_chunks, count;
    uint32_t reserves;             /* serial of the newest */
    unsigned hooked_arena;         /* whose hooks these are */
    bool hooked;                   /* constant: extents come from hooks */
    chunk_hooks_t hooks;           /* if hooked */
    _Atomic size_t dirty_chunks;   /* read anywhere */
    uint64_t npurges, nmadvises;   /* see struct extent_figures */
    uint64_t chunks_purged, chunks_made;
    struct setting decay_ms, lg_dirty_mult; /* of this set, see conf_decay_ms; read anywhere */
    struct extents *next;          /* in the list of all hooked sets: constant once it is there */
};

/* Free chunks are given back after this long; -1: never. */
INLINE int64_t extents_decay_ms(const struct extents *set)
{
    return setting_or(&set->decay_ms, conf_decay_ms());
}

INLINE int64_t extents_lg_dirty_mult(const struct extents *set)
{
    return setting_or(&set->lg_dirty_mult, conf_lg_dirty_mult());
}

/* Has it anything to give back? Read without the lock. */
INLINE bool extents_have_dirty(struct extents *set)
{
    return count_read(&set->dirty_chunks) > 0;
}

/* The set of all arenas without hooks. */
extern HIDDEN struct extents extents_shared;

/* Makes zeroed memory the set of an arena with hooks, for ever. */
void extents_init_hooked(struct extents *set, unsigned arena, const chunk_hooks_t *hooks);

/* Exchanges the hooks of a set. From now on the new ones also serve the extents that it has. */
void extents_set_hooks(struct extents *set, const chunk_hooks_t *hooks);
chunk_hooks_t extents_get_hooks(struct extents *set);

/* Forgets the free extents of a hooked set, after their hooks were asked to take them back: what they did
 * not take is the program's from now on. */
void extents_abandon(struct extents *set);

/* A live extent of nchunks at an address that is a multiple of `alignment` (CHUNK_SIZE or a larger
 * power of two), or NULL. Its kind in the registry is set to `kind`. */
struct extent *extent_alloc(struct extents *set, unsigned arena, size_t nchunks, size_t alignment,
                            enum chunk_kind kind);

/* Back to the free extents. The pages count as dirty. */
void extent_free(struct extent *extent);

/* The live extent of any set that starts at or covers addr; NULL where there is none. */
struct extent *extent_find(uintptr_t addr);

/* The live huge extent of this arena with the least address that is not below addr, or NULL. */
struct extent *extent_huge_of(struct extents *set, unsigned arena, uintptr_t addr);

/* Changes the length in place. Growing fails where the neighbour is not free or too short. */
bool extent_grow(struct extent *extent, size_t nchunks);
void extent_shrink(struct extent *extent, size_t nchunks);

/* Purges pages of a live extent. False: they may still hold what they held. */
bool extent_purge_pages(struct extent *extent, uintptr_t addr, size_t len_bytes);

/* Purges dirty extents, oldest first, until at most `keep_chunks` are left or the oldest was freed
 * after `before_ms`. Returns the bytes given back. */
size_t extent_purge(struct extents *set, size_t keep_chunks, uint64_t before_ms);

/* Holds the bound of demand.h for whole chunks, of which `least_chunks` may stay anyway. Cheap while
 * no more than those are dirty. */
void extent_purge_excess(struct extents *set, size_t least_chunks);

/* Holds as many dirty chunks as live ones / 2^lg_dirty_mult, or one; below 0: any number. */
void extent_purge_by_ratio(struct extents *set, int64_t lg_dirty_mult);

/* extent_purge for every set. */
size_t extent_purge_all(void);

/* Unmaps reserves that are free as a whole: for an address space that is full. Returns bytes. */
size_t extent_unmap_free(void);

struct extent_figures {
    size_t reserved_bytes; /* taken from the system */
    size_t live_chunks;
    size_t dirty_chunks;
    uint64_t npurges;       /* times that some were purged */
    uint64_t nmadvises;     /* calls of the system, or of hooks, for it */
    uint64_t chunks_purged; /* ever */
    uint64_t chunks_made;   /* chunks handed out, ever */
};

/* Of one set, and of all together. */
void extents_figures(struct extents *set, struct extent_figures *out);
void extent_figures(struct extent_figures *out);

/* A count of the bytes in live chunks that stays up to date: never less than what is in use. And the
 * most that it ever was. */
const size_t *extent_live_bytes(void);
size_t extent_live_bytes_peak(void);

/* Calls visit for each extent: of the shared set by order of birth of its reserve and address within,
 * then of the others by address. Holds the lock of the set. */
void extent_each(void (*visit)(const struct extent *extent, void *context), void *context);

/* X1 to X4 for every set; writes a line for each that is broken. */
bool extent_check(void);

#endif
