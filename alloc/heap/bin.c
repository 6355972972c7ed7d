/* bin.c: see bin.h. */
#include "bin.h"
#include "hooks.h"
#include "misuse.h"
#include "../util/diag.h"

#define NO_BUCKET BUCKETS

/* What may lie in a remote queue before the freeing thread helps to empty it. */
#define REMOTE_BYTES_MAX ((uint32_t)1024 << 10)

void bin_init(struct bin *bin)
{
    bin->generation++;
    bin->current = bin->spare = NULL;
    bin->nruns = 0;
    atomic_store_explicit(&bin->regions_out, 0, RELAXED);
    for (unsigned i = 0; i < BUCKETS; i++) {
        list_init(&bin->buckets[i]);
    }
}

static void bin_enter(struct bin *bin, struct pool *pool)
{
    bool whole = mutex_lock_counted(&bin->lock, &bin->waits);
    uint32_t owner = mutex_owner(&bin->lock);
    if (bin->last_owner != owner) {
        bin->last_owner = owner;
        bin->owner_switches++;
    }
    uint32_t pool_generation = atomic_load_explicit(&pool->generation, RELAXED);
    if (!whole || bin->pool_generation != pool_generation) {
        /* A thread that a fork left behind was at work here, or in the pool. The runs are forgotten:
         * what the program holds in them stays good, but is not handed out again. */
        bin_init(bin);
        bin->pool_generation = pool_generation;
    }
}

/* The bits change under the lock only; they are atomic because bin_region_is_out reads without it. */
static uint64_t bits_get(const struct run *run, unsigned i)
{
    return atomic_load_explicit(&run->free_bits[i], RELAXED);
}

static void bits_set(struct run *run, unsigned i, uint64_t bits)
{
    atomic_store_explicit(&run->free_bits[i], bits, RELAXED);
}

static struct run *run_from_link(struct list_node *link)
{
    return CONTAINER_OF(link, struct run, link);
}

/* Which bucket a run with this many free regions belongs into; none when full. */
static unsigned bucket_of(const struct run *run)
{
    unsigned regions = size_classes[run->class].run_regions;
    return run->nfree ? (run->nfree * BUCKETS - 1u) / regions : NO_BUCKET;
}

static void bucket_leave(struct run *run)
{
    if (run->bucket != NO_BUCKET) {
        list_remove(&run->link);
        run->bucket = NO_BUCKET;
    }
}

/* Moves the run to the bucket of its count, where it is not there already. */
static void bucket_settle(struct bin *bin, struct run *run)
{
    unsigned bucket = bucket_of(run);
    if (bucket != run->bucket) {
        bucket_leave(run);
        run->bucket = bucket;
        if (bucket != NO_BUCKET) {
            list_push_first(&bin->buckets[bucket], &run->link);
        }
    }
}

/* The word of every page of a small run. */
static uint64_t word_of(const struct run *run)
{
    uint64_t word = page_word_make(run_addr(run), PAGE_SMALL, run->class);
    return chunk_of((uintptr_t)run)->pool->apart ? page_word_uncached(word) : word;
}

static void set_words(const struct run *run, uint64_t word)
{
    uintptr_t addr = run_addr(run);
    for (unsigned i = 0; i < run->npages; i++) {
        page_word_set(addr + ((uintptr_t)i << LG_PAGE), word);
    }
}

static struct run *run_new(struct bin *bin, struct pool *pool, unsigned class)
{
    bool zeroed;
    const struct size_class *c = &size_classes[class];
    struct run *run = pool_alloc(pool, c->run_pages, 1, &zeroed);
    if (!run) {
        return NULL;
    }
    run->class = (uint8_t)class;
    run->nfree = c->run_regions;
    run->generation = bin->generation;
    run->bucket = NO_BUCKET;
    for (unsigned i = 0; i < RUN_REGIONS_MAX / 64; i++) {
        unsigned low = i * 64, n = c->run_regions > low ? c->run_regions - low : 0;
        bits_set(run, i, n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1);
    }
    set_words(run, word_of(run));
    bin->nruns++;
    bin->nruns_made++;
    return run;
}

static void run_release(struct bin *bin, struct pool *pool, struct run *run)
{
    set_words(run, 0);
    bin->nruns--;
    pool_free(pool, run);
}

/* The next run to fill from: the fullest, then the spare, then a new one; NULL when out of memory. */
static struct run *next_run(struct bin *bin, struct pool *pool, unsigned class)
{
    for (unsigned i = 0; i < BUCKETS; i++) {
        if (!list_empty(&bin->buckets[i])) {
            struct run *run = run_from_link(bin->buckets[i].next);
            bucket_leave(run);
            bin->nreruns++;
            return run;
        }
    }
    struct run *run = bin->spare;
    if (!run) {
        return run_new(bin, pool, class);
    }
    bin->spare = NULL;
    bin->nreruns++;
    return run;
}

/* Takes up to `want` regions of the run, lowest address first, a word of bits at a time. */
static unsigned take_regions(struct run *run, void **out, unsigned want)
{
    uintptr_t start = run_addr(run);
    size_t size = size_classes[run->class].size_bytes;
    unsigned n = 0;
    for (unsigned i = 0; i < RUN_REGIONS_MAX / 64 && n < want; i++) {
        uint64_t bits = bits_get(run, i);
        while (bits && n < want) {
            out[n++] = (void *)(start + (i * 64 + bits_lowest(bits)) * size);
            bits &= bits - 1;
        }
        bits_set(run, i, bits);
    }
    run->nfree = (uint16_t)(run->nfree - n);
    return n;
}

/* Marks the region free and moves its run accordingly. False: it was free already. */
static bool give_back(struct bin *bin, struct pool *pool, unsigned class, void *region)
{
    const struct size_class *c = &size_classes[class];
    uint64_t word = page_word((uintptr_t)region);
    struct run *run = run_of_word(word, (uintptr_t)region);
    uint64_t index = (uint64_t)page_word_offset(word, (uintptr_t)region) * c->reciprocal >> 32;
    uint64_t bit = UINT64_C(1) << (index & 63);
    if (run->generation != bin->generation) {
        return true; /* frozen by a fork: the region is not seen again */
    }
    uint64_t bits = bits_get(run, (unsigned)index >> 6);
    if (bits & bit) {
        return false;
    }
    bits_set(run, (unsigned)index >> 6, bits | bit);
    run->nfree++;
    count_add(&bin->regions_out, (size_t)-1);
    if (run == bin->current) {
        return true;
    }
    if (run->nfree < c->run_regions) {
        bucket_settle(bin, run);
        return true;
    }
    bucket_leave(run);
    if (!bin->spare) {
        bin->spare = run;
    } else {
        run_release(bin, pool, run);
    }
    return true;
}

static COLD _Noreturn void double_free(struct bin *bin, struct pool *pool, unsigned class,
                                       void *region)
{
    uint64_t word = page_word((uintptr_t)region);
    mutex_unlock(&bin->lock);
    misuse_freed(region, "free", size_classes[class].size_bytes, pool->arena,
                 (uintptr_t)region - page_word_offset(word, (uintptr_t)region));
}

/* Empties the remote queue into the runs. The bin is locked. */
static void drain(struct bin *bin, struct pool *pool, unsigned class)
{
    if (LIKELY(!atomic_load_explicit(&bin->remote, RELAXED))) {
        return;
    }
    atomic_store_explicit(&bin->remote_count, 0, RELAXED);
    void *region = atomic_exchange_explicit(&bin->remote, NULL, ACQUIRE);
    while (region) {
        void *next = *(void **)region;
        if (!give_back(bin, pool, class, region)) {
            double_free(bin, pool, class, region);
        }
        region = next;
    }
}

unsigned bin_fill(struct bin *bin, struct pool *pool, unsigned class, void **out, unsigned want)
{
    unsigned n = 0;
    bin_enter(bin, pool);
    drain(bin, pool, class);
    while (n < want) {
        if (!bin->current || bin->current->nfree == 0) {
            bin->current = next_run(bin, pool, class);
            if (!bin->current) {
                break;
            }
        }
        n += take_regions(bin->current, out + n, want - n);
    }
    count_add(&bin->regions_out, n);
    bin->nmalloc += n;
    bin->nfills++;
    mutex_unlock(&bin->lock);
    return n;
}

void bin_flush(struct bin *bin, struct pool *pool, unsigned class, void **regions, unsigned n)
{
    bin_enter(bin, pool);
    bin->nflushes++;
    for (unsigned i = 0; i < n; i++) {
        if (!give_back(bin, pool, class, regions[i])) {
            double_free(bin, pool, class, regions[i]);
        }
    }
    mutex_unlock(&bin->lock);
    purge_bound_pool(pool);
}

void bin_flush_remote(struct bin *bin, struct pool *pool, unsigned class, void *first, void *last,
                      unsigned n)
{
    void *head = atomic_load_explicit(&bin->remote, RELAXED);
    do {
        *(void **)last = head;
    } while (!atomic_compare_exchange_weak_explicit(&bin->remote, &head, first, RELEASE, RELAXED));
    uint32_t count = atomic_fetch_add_explicit(&bin->remote_count, n, RELAXED) + n;
    if (count > REMOTE_BYTES_MAX / size_classes[class].size_bytes && !hooks_running &&
        mutex_try(&bin->lock)) { /* a hook's caller may hold what emptying the queue waits for */
        bin->nlooks++;
        drain(bin, pool, class);
        mutex_unlock(&bin->lock);
        purge_bound_pool(pool);
    }
}

void bin_trim(struct bin *bin, struct pool *pool, unsigned class)
{
    bin_enter(bin, pool);
    bin->nlooks++;
    drain(bin, pool, class);
    if (bin->current && bin->current->nfree == size_classes[class].run_regions) {
        run_release(bin, pool, bin->current);
        bin->current = NULL;
    }
    if (bin->spare) {
        run_release(bin, pool, bin->spare);
        bin->spare = NULL;
    }
    mutex_unlock(&bin->lock);
}

bool bin_region_is_out(const struct run *run, uintptr_t addr)
{
    uint32_t offset = (uint32_t)(addr - run_addr(run));
    uint64_t index = (uint64_t)offset * size_classes[run->class].reciprocal >> 32;
    return !(bits_get(run, (unsigned)index >> 6) >> (index & 63) & 1);
}

/* Only who holds the lock takes regions out of the queue, and so their links stay links. */
static size_t count_remote(struct bin *bin)
{
    size_t n = 0;
    for (void *r = atomic_load_explicit(&bin->remote, ACQUIRE); r; r = *(void **)r) {
        n++;
    }
    return n;
}

size_t bin_remote_regions(struct bin *bin, struct pool *pool)
{
    bin_enter(bin, pool);
    size_t n = count_remote(bin);
    mutex_unlock(&bin->lock);
    return n;
}

void bin_forget_runs(struct bin *bin, struct pool *pool)
{
    bin_enter(bin, pool);
    bin_init(bin);
    mutex_unlock(&bin->lock);
}

/* The bin is locked. */
static size_t count_nonfull(const struct bin *bin, unsigned regions)
{
    size_t n = bin->current && bin->current->nfree > 0 && bin->current->nfree < regions;
    for (unsigned i = 0; i < BUCKETS; i++) {
        for (const struct list_node *l = bin->buckets[i].next; l != &bin->buckets[i]; l = l->next) {
            n++;
        }
    }
    return n;
}

static void lock_figures(struct bin *bin, struct bin_figures *out)
{
    struct mutex_waits *w = &bin->waits;
    out->lock_ops = bin->nfills + bin->nflushes + bin->nlooks;
    out->lock_switches = bin->owner_switches;
    out->lock_spun = atomic_load_explicit(&w->spun, RELAXED);
    out->lock_slept = atomic_load_explicit(&w->slept, RELAXED);
    out->lock_ns = atomic_load_explicit(&w->ns, RELAXED);
    out->lock_ns_max = atomic_load_explicit(&w->ns_max, RELAXED);
    out->lock_waiting_max = atomic_load_explicit(&w->waiting_max, RELAXED);
}

COLD void bin_figures(struct bin *bin, struct pool *pool, unsigned class, struct bin_figures *out)
{
    bin_enter(bin, pool);
    bin->nlooks++;
    size_t regions = count_read(&bin->regions_out), remote = count_remote(bin);
    *out = (struct bin_figures){
        .nmalloc = bin->nmalloc,
        .nfills = bin->nfills,
        .nflushes = bin->nflushes,
        .nruns_made = bin->nruns_made,
        .nreruns = bin->nreruns,
        .regions = regions > remote ? regions - remote : 0, /* a queue may outlive a fork's restart */
        .runs = bin->nruns,
        .runs_nonfull = count_nonfull(bin, size_classes[class].run_regions),
    };
    lock_figures(bin, out);
    mutex_unlock(&bin->lock);
}

COLD void bin_forget_waits(struct bin *bin, struct pool *pool)
{
    struct mutex_waits *w = &bin->waits;
    bin_enter(bin, pool);
    bin->nlooks = -(bin->nfills + bin->nflushes); /* so that the sum is 0 */
    bin->owner_switches = 0;
    atomic_store_explicit(&w->spun, 0, RELAXED);
    atomic_store_explicit(&w->slept, 0, RELAXED);
    atomic_store_explicit(&w->ns, 0, RELAXED);
    atomic_store_explicit(&w->ns_max, 0, RELAXED);
    atomic_store_explicit(&w->waiting_max, 0, RELAXED);
    mutex_unlock(&bin->lock);
}

struct tally {
    size_t runs, out, in_buckets;
    bool ok;
};

static void complain(struct tally *t, const char *invariant, const struct run *run)
{
    diag_line("%s: broken in the run at %p of size class %u", invariant, (void *)run_addr(run),
              (uint64_t)size_classes[run->class].size_bytes);
    t->ok = false;
}

static void check_run(const struct bin *bin, const struct run *run, struct tally *t)
{
    const struct size_class *c = &size_classes[run->class];
    unsigned bits = 0, beyond = 0;
    for (unsigned i = 0; i < RUN_REGIONS_MAX / 64; i++) {
        bits += bits_count(bits_get(run, i));
        unsigned low = i * 64, n = c->run_regions > low ? c->run_regions - low : 0;
        beyond += n < 64 && bits_get(run, i) >> n;
    }
    if (bits != run->nfree || beyond) {
        complain(t, "N1", run);
    }
    bool apart = run == bin->current || run == bin->spare;
    if (run->bucket != (apart ? NO_BUCKET : bucket_of(run))) {
        complain(t, "N2", run);
    }
    uint64_t word = word_of(run);
    for (unsigned i = 0; i < run->npages; i++) {
        if (page_word(run_addr(run) + ((uintptr_t)i << LG_PAGE)) != word) {
            complain(t, "N4", run);
        }
    }
    t->in_buckets += run->bucket != NO_BUCKET;
    t->runs++;
    t->out += c->run_regions - run->nfree;
}

/* The runs on the lists, which must all know that they are there; stops where links do not agree. */
static size_t count_listed(struct bin *bin, struct tally *t)
{
    size_t listed = 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        struct list_node *head = &bin->buckets[i];
        for (struct list_node *n = head->next; n != head; n = n->next) {
            struct run *run = run_from_link(n);
            if (run->bucket != i || n->next->prev != n || listed++ > bin->nruns) {
                complain(t, "N2", run);
                return listed;
            }
        }
    }
    return listed;
}

bool bin_check(struct bin *bin, struct pool *pool, unsigned class)
{
    struct tally t = {.ok = true};
    bin_enter(bin, pool);
    pool_enter(pool);
    for (struct list_node *n = pool->chunks.next; n != &pool->chunks; n = n->next) {
        struct chunk *chunk = CONTAINER_OF(n, struct chunk, link);
        for (unsigned page = HEADER_PAGES; page < CHUNK_PAGES;) {
            uintptr_t addr = (uintptr_t)chunk + ((uintptr_t)page << LG_PAGE);
            struct run *run = run_of_page(addr);
            uint64_t word = page_word(addr);
            if (run->kind == RUN_USED && page_word_state(word) == PAGE_SMALL &&
                page_word_class(word) == class && run->generation == bin->generation) {
                check_run(bin, run, &t);
            }
            page += run->npages ? run->npages : CHUNK_PAGES; /* R1 is the pool's to report */
        }
    }
    pool_leave(pool);
    size_t listed = count_listed(bin, &t);
    if (listed != t.in_buckets) {
        diag_line("N2: size class %u: %u runs belong into buckets, %u are there",
                  (uint64_t)size_classes[class].size_bytes, (uint64_t)t.in_buckets,
                  (uint64_t)listed);
        t.ok = false;
    }
    if (t.out != count_read(&bin->regions_out) || t.runs != bin->nruns) {
        diag_line("N3: size class %u: %u regions out in %u runs, counted %u in %u",
                  (uint64_t)size_classes[class].size_bytes, (uint64_t)t.out, (uint64_t)t.runs,
                  (uint64_t)count_read(&bin->regions_out), (uint64_t)bin->nruns);
        t.ok = false;
    }
    mutex_unlock(&bin->lock);
    return t.ok;
}
