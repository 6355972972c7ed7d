/* run.c: see run.h. */
#include "run.h"
#include "../os/process.h"
#include "../util/diag.h"

static struct run *from_node(const struct tree_node *node)
{
    return CONTAINER_OF(node, struct run, by_size);
}

static struct chunk *chunk_of_run(const struct run *run)
{
    return chunk_of((uintptr_t)run);
}

/* The order of choice in one word: length, then birth of the chunk, then page. */
static uint64_t key_of(const struct run *run)
{
    _Static_assert(CHUNK_PAGES <= 1 << 12, "length and page take 12 bits each");
    return (uint64_t)run->npages << 52 | chunk_of_run(run)->serial << 12 | run->page;
}

/* The shortest free run of at least npages of this kind, or NULL. */
static struct run *best_fit(const struct pool *pool, enum run_kind kind, unsigned npages)
{
    struct tree_node *node = tree_at_least(&pool->free[kind], (uint64_t)npages << 52);
    return node ? from_node(node) : NULL;
}

void pool_init(struct pool *pool, unsigned arena)
{
    pool->arena = arena;
    pool->generation++;
    if (!pool_extents(pool)) {
        atomic_store_explicit(&pool->extents, &extents_shared, RELEASE);
    }
    for (int kind = 0; kind < 2; kind++) {
        pool->free[kind].root = NULL;
        atomic_store_explicit(&pool->pages_free[kind], 0, RELAXED);
    }
    pool->chunks_empty = 0;
    atomic_store_explicit(&pool->nchunks, 0, RELAXED);
    atomic_store_explicit(&pool->pages_used, 0, RELAXED);
    list_init(&pool->age);
    list_init(&pool->chunks);
}

void pool_enter(struct pool *pool)
{
    if (!mutex_lock(&pool->lock)) {
        /* A thread that a fork left behind was at work here. Its chunks stay readable and freeable
         * in name (their generation is old), but are never cut again. */
        pool_init(pool, pool->arena);
    }
}

void pool_leave(struct pool *pool)
{
    mutex_unlock(&pool->lock);
}

static struct run *descriptor(struct chunk *chunk, unsigned page)
{
    return run_of_page((uintptr_t)chunk + ((uintptr_t)page << LG_PAGE));
}

/* Writes both ends of a run. */
static struct run *describe(struct chunk *chunk, unsigned page, unsigned npages, enum run_kind kind)
{
    struct run *first = descriptor(chunk, page), *last = descriptor(chunk, page + npages - 1);
    first->page = last->page = (uint16_t)page;
    first->npages = last->npages = (uint16_t)npages;
    first->kind = last->kind = (uint8_t)kind;
    return first;
}

/* Makes a described run free. A dirty one enters the age list before `younger` (the head: as the
 * youngest), so that the list stays sorted by the time of freeing. */
static void link_free(struct pool *pool, struct run *run, uint64_t freed_ms,
                      struct list_node *younger)
{
    run->by_size.key = key_of(run);
    tree_insert(&pool->free[run->kind], &run->by_size);
    count_add(&pool->pages_free[run->kind], run->npages);
    if (run->kind == RUN_DIRTY) {
        run->freed_ms = freed_ms;
        list_insert_before(younger, &run->age);
    }
}

static void unlink_free(struct pool *pool, struct run *run)
{
    tree_remove(&pool->free[run->kind], &run->by_size);
    count_add(&pool->pages_free[run->kind], -(size_t)run->npages);
    if (run->kind == RUN_DIRTY) {
        list_remove(&run->age);
    }
}

/* Makes the pages a free run of this kind, joined with neighbours of the same kind. */
static void put_free(struct pool *pool, struct chunk *chunk, unsigned page, unsigned npages,
                     enum run_kind kind, uint64_t freed_ms)
{
    if (page > HEADER_PAGES) {
        struct run *before = descriptor(chunk, page - 1);
        if (before->kind == kind) {
            before = descriptor(chunk, before->page);
            unlink_free(pool, before);
            page = before->page;
            npages += before->npages;
        }
    }
    if (page + npages < CHUNK_PAGES) {
        struct run *behind = descriptor(chunk, page + npages);
        if (behind->kind == kind) {
            unlink_free(pool, behind);
            npages += behind->npages;
        }
    }
    link_free(pool, describe(chunk, page, npages, kind), freed_ms, &pool->age);
}

/* A new chunk, one clean run long. */
static bool new_chunk(struct pool *pool)
{
    static _Atomic uint64_t serials;
    struct extent *extent = extent_alloc(pool_extents(pool), pool->arena, 1, CHUNK_SIZE, CHUNK_RUNS);
    if (!extent) {
        return false;
    }
    struct chunk *chunk = (struct chunk *)extent->addr;
    if (!extent->zeroed) {
        /* Recycled: the header must read as zero, and pages are clean only if they really are. */
        for (unsigned i = 0; i < CHUNK_PAGES; i++) {
            atomic_store_explicit(&chunk->words[i], 0, RELAXED);
        }
    }
    chunk->pool = pool;
    chunk->extent = extent;
    chunk->serial = atomic_fetch_add_explicit(&serials, 1, RELAXED);
    chunk->pages_free = USABLE_PAGES;
    chunk->generation = pool->generation;
    list_push_last(&pool->chunks, &chunk->link);
    count_add(&pool->nchunks, 1);
    pool->chunks_empty++;
    enum run_kind kind = extent->zeroed ? RUN_CLEAN : RUN_DIRTY;
    link_free(pool, describe(chunk, HEADER_PAGES, USABLE_PAGES, kind), process_now_ms(), &pool->age);
    return true;
}

/* Gives an empty chunk back, with the free runs in it. */
static void release_chunk(struct pool *pool, struct chunk *chunk)
{
    for (unsigned page = HEADER_PAGES; page < CHUNK_PAGES;) {
        struct run *run = descriptor(chunk, page);
        page += run->npages;
        unlink_free(pool, run);
    }
    list_remove(&chunk->link);
    count_add(&pool->nchunks, (size_t)-1);
    pool->chunks_empty--;
    extent_free(chunk->extent);
}

static void count_used(struct pool *pool, struct chunk *chunk, unsigned npages)
{
    pool->chunks_empty -= chunk->pages_free == USABLE_PAGES;
    chunk->pages_free -= npages;
    count_add(&pool->pages_used, npages);
}

/* An emptied chunk stays if it is the only one: the next run need not fetch it again. */
static void count_freed(struct pool *pool, struct chunk *chunk, unsigned npages)
{
    chunk->pages_free += npages;
    count_add(&pool->pages_used, -(size_t)npages);
    if (chunk->pages_free == USABLE_PAGES && ++pool->chunks_empty > 1) {
        release_chunk(pool, chunk);
    }
}

/* Uses the pages [page, page + npages) of a free run and leaves what is before and behind free. */
static struct run *carve(struct pool *pool, struct run *run, unsigned page, unsigned npages)
{
    struct chunk *chunk = chunk_of_run(run);
    enum run_kind kind = (enum run_kind)run->kind;
    unsigned start = run->page, end = start + run->npages;
    uint64_t freed_ms = kind == RUN_DIRTY ? run->freed_ms : 0;
    struct list_node *younger = kind == RUN_DIRTY ? run->age.next : NULL;
    unlink_free(pool, run);
    if (page > start) {
        link_free(pool, describe(chunk, start, page - start, kind), freed_ms, younger);
    }
    if (page + npages < end) {
        link_free(pool, describe(chunk, page + npages, end - page - npages, kind), freed_ms,
                  younger);
    }
    count_used(pool, chunk, npages);
    return describe(chunk, page, npages, RUN_USED);
}

static struct run *find(struct pool *pool, unsigned npages)
{
    struct run *dirty = best_fit(pool, RUN_DIRTY, npages);
    return dirty ? dirty : best_fit(pool, RUN_CLEAN, npages);
}

struct run *pool_alloc(struct pool *pool, unsigned npages, unsigned align_pages, bool *zeroed)
{
    unsigned need = npages + align_pages - 1;
    ASSERT(need <= USABLE_PAGES);
    pool_enter(pool);
    struct run *run = find(pool, need);
    if (!run && new_chunk(pool)) {
        run = find(pool, need);
    }
    if (run) {
        *zeroed = run->kind == RUN_CLEAN;
        run = carve(pool, run, ROUND_UP((unsigned)run->page, align_pages), npages);
        demand_taken(&pool->demand, *zeroed ? npages : 0, count_read(&pool->pages_used));
    }
    pool_leave(pool);
    return run;
}

static bool frozen(const struct pool *pool, const struct run *run)
{
    return chunk_of_run(run)->generation != pool->generation;
}

void pool_free(struct pool *pool, struct run *run)
{
    pool_enter(pool);
    if (!frozen(pool, run)) {
        struct chunk *chunk = chunk_of_run(run);
        unsigned npages = run->npages;
        put_free(pool, chunk, run->page, npages, RUN_DIRTY, process_now_ms());
        count_freed(pool, chunk, npages);
    }
    pool_leave(pool);
}

bool pool_grow(struct pool *pool, struct run *run, unsigned npages)
{
    struct chunk *chunk = chunk_of_run(run);
    unsigned have = run->npages, more = npages - have, end = run->page + have;
    bool done = false;
    pool_enter(pool);
    if (!frozen(pool, run) && end < CHUNK_PAGES) {
        /* Both kinds may follow each other; take from one or two free runs. */
        struct run *behind = descriptor(chunk, end);
        unsigned first = behind->kind == RUN_USED ? 0 : behind->npages;
        struct run *second = NULL;
        if (first && first < more && end + first < CHUNK_PAGES) {
            second = descriptor(chunk, end + first);
            second = second->kind == RUN_USED ? NULL : second;
        }
        if (first >= more || (second && first + second->npages >= more)) {
            carve(pool, behind, end, first < more ? first : more);
            if (first < more) {
                carve(pool, second, end + first, more - first);
            }
            describe(chunk, run->page, npages, RUN_USED);
            done = true;
        }
    }
    pool_leave(pool);
    return done;
}

void pool_shrink(struct pool *pool, struct run *run, unsigned npages)
{
    pool_enter(pool);
    if (!frozen(pool, run)) {
        struct chunk *chunk = chunk_of_run(run);
        unsigned less = run->npages - npages;
        describe(chunk, run->page, npages, RUN_USED);
        put_free(pool, chunk, run->page + npages, less, RUN_DIRTY, process_now_ms());
        count_freed(pool, chunk, less);
    }
    pool_leave(pool);
}

void pool_trim(struct pool *pool)
{
    pool_enter(pool);
    for (struct list_node *n = pool->chunks.next; n != &pool->chunks && pool->chunks_empty;) {
        struct chunk *chunk = CONTAINER_OF(n, struct chunk, link);
        n = n->next;
        if (chunk->pages_free == USABLE_PAGES) {
            release_chunk(pool, chunk);
        }
    }
    pool_leave(pool);
}

/* The pool is locked. Returns pages. */
static size_t purge(struct pool *pool, size_t keep_pages, uint64_t before_ms)
{
    size_t purged = 0;
    while (count_read(&pool->pages_free[RUN_DIRTY]) > keep_pages) {
        struct run *oldest = CONTAINER_OF(pool->age.next, struct run, age);
        unsigned page = oldest->page, npages = oldest->npages;
        if (oldest->freed_ms > before_ms ||
            !extent_purge_pages(chunk_of_run(oldest)->extent, run_addr(oldest),
                                (size_t)npages << LG_PAGE)) {
            break;
        }
        purged += npages;
        pool->nmadvises++;
        unlink_free(pool, oldest);
        put_free(pool, chunk_of_run(oldest), page, npages, RUN_CLEAN, 0);
    }
    pool->npurges += purged > 0;
    pool->pages_purged += purged;
    return purged;
}

size_t pool_purge(struct pool *pool, size_t keep_pages, uint64_t before_ms)
{
    pool_enter(pool);
    size_t purged = purge(pool, keep_pages, before_ms);
    pool_leave(pool);
    return purged << LG_PAGE;
}

void pool_purge_excess(struct pool *pool, size_t least_pages)
{
    pool_enter(pool);
    size_t most = demand_keep(&pool->demand, count_read(&pool->pages_used), least_pages,
                              pool_decay_ms(pool), process_now_ms());
    if (count_read(&pool->pages_free[RUN_DIRTY]) > most) {
        demand_purged(&pool->demand, purge(pool, most - most / 8, UINT64_MAX));
    }
    pool_leave(pool);
}

COLD void pool_figures(struct pool *pool, struct pool_figures *out)
{
    pool_enter(pool);
    *out = (struct pool_figures){.chunks = count_read(&pool->nchunks),
                                 .pages_used = count_read(&pool->pages_used),
                                 .pages_dirty = count_read(&pool->pages_free[RUN_DIRTY]),
                                 .npurges = pool->npurges,
                                 .nmadvises = pool->nmadvises,
                                 .pages_purged = pool->pages_purged};
    pool_leave(pool);
}

void pool_reset(struct pool *pool)
{
    pool_enter(pool);
    for (struct list_node *n = pool->chunks.next; n != &pool->chunks;) {
        struct chunk *chunk = CONTAINER_OF(n, struct chunk, link);
        n = n->next; /* before the chunk is another's */
        extent_free(chunk->extent);
    }
    pool_init(pool, pool->arena); /* a new generation: the bins see that their runs are gone */
    pool_leave(pool);
}

void pool_each_used(struct pool *pool, void (*visit)(struct run *run, void *context), void *context)
{
    pool_enter(pool);
    for (struct list_node *n = pool->chunks.next; n != &pool->chunks; n = n->next) {
        struct chunk *chunk = CONTAINER_OF(n, struct chunk, link);
        for (unsigned page = HEADER_PAGES; page < CHUNK_PAGES;) {
            struct run *run = descriptor(chunk, page);
            page += run->npages;
            if (run->kind == RUN_USED) {
                visit(run, context);
            }
        }
    }
    pool_leave(pool);
}

struct tally {
    size_t runs[2], pages[2], used;
};

static bool complain(const char *invariant, const struct run *run)
{
    diag_line("%s: broken at the run of %u pages at page %u of chunk %u", invariant,
              (uint64_t)run->npages, (uint64_t)run->page, chunk_of_run(run)->serial);
    return false;
}

/* R5 for one run; what a small run's words must be is the bin's affair (bin_check). */
static bool check_words(const struct run *run)
{
    uintptr_t addr = run_addr(run);
    for (unsigned i = 0; i < run->npages; i++) {
        uint64_t word = page_word(addr + ((uintptr_t)i << LG_PAGE));
        bool may_have = run->kind == RUN_USED && (i == 0 || page_word_state(word) == PAGE_SMALL);
        if (word && !may_have) {
            return false;
        }
    }
    return true;
}

static bool check_chunk(struct chunk *chunk, struct tally *t)
{
    bool ok = true;
    int previous = RUN_USED;
    for (unsigned page = HEADER_PAGES; page < CHUNK_PAGES;) {
        struct run *run = descriptor(chunk, page);
        unsigned end = page + run->npages;
        struct run *last = end > page && end <= CHUNK_PAGES ? descriptor(chunk, end - 1) : NULL;
        if (!last || run->page != page || last->page != page || last->kind != run->kind ||
            last->npages != run->npages) {
            return complain("R1", run);
        }
        if (run->kind != RUN_USED && run->kind == previous) {
            ok = complain("R2", run);
        }
        if (!check_words(run)) {
            ok = complain("R5", run);
        }
        previous = run->kind;
        if (run->kind == RUN_USED) {
            t->used += run->npages;
        } else {
            t->runs[run->kind]++;
            t->pages[run->kind] += run->npages;
        }
        page = end;
    }
    return ok;
}

bool pool_check(struct pool *pool)
{
    bool ok = true;
    struct tally t = {{0}, {0}, 0};
    size_t aged = 0;
    pool_enter(pool);
    for (struct list_node *n = pool->chunks.next; n != &pool->chunks; n = n->next) {
        ok &= check_chunk(CONTAINER_OF(n, struct chunk, link), &t);
    }
    for (struct list_node *n = pool->age.next; n != &pool->age; n = n->next) {
        aged++;
    }
    for (int kind = 0; kind < 2; kind++) {
        if (t.pages[kind] != count_read(&pool->pages_free[kind]) ||
            !tree_check(&pool->free[kind], t.runs[kind])) {
            diag_line("R3: arena %u has %u free %s pages, its tree says %u", (uint64_t)pool->arena,
                      (uint64_t)t.pages[kind], kind == RUN_CLEAN ? "clean" : "dirty",
                      (uint64_t)count_read(&pool->pages_free[kind]));
            ok = false;
        }
    }
    if (aged != t.runs[RUN_DIRTY] || t.used != count_read(&pool->pages_used)) {
        diag_line("R4: arena %u has %u dirty runs, %u listed; %u used pages, %u counted",
                  (uint64_t)pool->arena, (uint64_t)t.runs[RUN_DIRTY], (uint64_t)aged,
                  (uint64_t)t.used, (uint64_t)count_read(&pool->pages_used));
        ok = false;
    }
    pool_leave(pool);
    return ok;
}
