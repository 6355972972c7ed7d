/* tcache.c: see tcache.h. */
#include "tcache.h"
#include "../util/conf.h"
#include "../util/diag.h"
#include "../util/prng.h"

#define CREDIT_BYTES ((size_t)64 << 10)     /* between two renewals of a bin */
#define CREDIT_LEAST 16u                    /* or else every few large blocks would renew */
#define CLASS_BYTES_MAX ((size_t)1 << 20)
#define FOREIGN_BYTES_MAX ((size_t)64 << 10) /* of another arena's blocks: their owner wants them */
#define THREAD_BYTES_MAX ((size_t)4 << 20)
#define THREAD_BYTES_MIN ((size_t)256 << 10)
#define PROCESS_BYTES_MAX ((size_t)32 << 20)
#define FILL_MAX 128u                       /* a fill's array lies on the stack */
#define FILL_BYTES_MAX ((size_t)32 << 10)
#define FLUSH_MAX 256u
#define AGE_EVENTS 32u                      /* events between two looks */
#define AGE_CLASSES 4u                      /* classes that a look visits */

const struct tcache tcache_none;
THREAD_LOCAL struct tcache *tcache_self = (struct tcache *)(uintptr_t)&tcache_none;
uint64_t tcache_secret;

static _Atomic size_t thread_bytes_max = THREAD_BYTES_MAX;

void tcache_set_threads(unsigned nthreads)
{
    size_t share = PROCESS_BYTES_MAX / (nthreads ? nthreads : 1);
    share = share > THREAD_BYTES_MAX ? THREAD_BYTES_MAX : share;
    share = share < THREAD_BYTES_MIN ? THREAD_BYTES_MIN : share;
    atomic_store_explicit(&thread_bytes_max, share, RELAXED);
}

/* The first fill of a class stays within one page: a small process touches little. */
static uint32_t first_fill(unsigned class)
{
    size_t size = size_class_bytes(class);
    return size < PAGE_SIZE ? (uint32_t)(PAGE_SIZE / size) : 1;
}

static uint32_t fill_limit(unsigned class)
{
    uint32_t n = (uint32_t)(FILL_BYTES_MAX / size_class_bytes(class));
    return n > FILL_MAX ? FILL_MAX : n < 1 ? 1 : n;
}

void tcache_init(struct tcache *tc, struct arena *arena)
{
    tc->arena = arena;
    tc->prng = (uintptr_t)arena->index + ((uint64_t)(uintptr_t)tc ^ tcache_secret);
    for (unsigned class = 0; class < CACHED_CLASSES; class++) {
        struct tcache_bin *bin = &tc->bins[class];
        bin->reciprocal = class < SMALL_CLASSES ? size_classes[class].reciprocal : 0;
        uint32_t fill = first_fill(class), most = fill_limit(class);
        bin->fill = fill < most ? fill : most;
        if (conf.prof) {
            tcache_sample_next(tc, class);
        }
    }
}

static void fold_pops(struct tcache *tc, unsigned class)
{
    struct tcache_bin_cold *cold = &tc->cold[class];
    uint32_t npop = tc->bins[class].npop;
    cold->pops += (uint32_t)(npop - cold->npop_seen);
    cold->npop_seen = npop;
}

/* Brings the sums of the cache up to date for one class: what its stack holds, and for large classes what
 * it may still take. (The credit of a small class is little; counted, that of sixty classes would fill
 * the bound by itself, and a program of many sizes would flush all the time.) */
static size_t recount(struct tcache *tc, unsigned class)
{
    struct tcache_bin *bin = &tc->bins[class];
    struct tcache_bin_cold *cold = &tc->cold[class];
    uint32_t blocks = bin->base - bin->npop - (class < SMALL_CLASSES ? bin->credit : 0);
    size_t bytes = blocks * size_class_bytes(class);
    tc->bytes += bytes - cold->bytes;
    cold->bytes = bytes;
    fold_pops(tc, class);
    return bytes;
}

/* Takes the credit back that a bin has left. */
static void revoke(struct tcache *tc, unsigned class)
{
    struct tcache_bin *bin = &tc->bins[class];
    tc->cold[class].granted -= bin->credit;
    bin->base -= bin->credit;
    bin->credit = 0;
}

static void *unlink_head(struct tcache_bin *bin)
{
    void *block = bin->head;
    bin->head = *(void **)block;
    return block;
}

static void flush_small(struct tcache *tc, unsigned class, uint32_t n)
{
    void *batch[FLUSH_MAX];
    struct tcache_bin *bin = &tc->bins[class];
    while (n) {
        unsigned take = 0;
        while (take < FLUSH_MAX && take < n) {
            batch[take++] = unlink_head(bin);
        }
        bin->base -= take;
        n -= take;
        arena_flush(tc->arena, class, batch, take);
    }
}

static void flush_large(struct tcache *tc, unsigned class, uint32_t n)
{
    struct tcache_bin *bin = &tc->bins[class];
    for (; n; n--) {
        uintptr_t block = (uintptr_t)unlink_head(bin);
        bin->base--;
        arena_large_free(run_of_page(block));
    }
}

void tcache_flush(struct tcache *tc, unsigned class, uint32_t n)
{
    uint32_t length = tcache_length(&tc->bins[class]);
    n = n < length ? n : length;
    if (class < SMALL_CLASSES) {
        flush_small(tc, class, n);
    } else {
        flush_large(tc, class, n);
    }
    recount(tc, class);
}

void tcache_flush_all(struct tcache *tc)
{
    for (unsigned class = 0; class < CACHED_CLASSES; class++) {
        tcache_flush(tc, class, UINT32_MAX);
    }
}

/* Classes that were not popped from since the last look lose half of their blocks. */
static void age(struct tcache *tc)
{
    for (unsigned i = 0; i < AGE_CLASSES; i++) {
        unsigned class = tc->next_aged;
        struct tcache_bin *bin = &tc->bins[class];
        uint32_t length = tcache_length(bin);
        if (length && bin->npop == bin->npop_aged) {
            tcache_flush(tc, class, (length + 1) / 2);
            bin->fill = bin->fill > 1 ? bin->fill / 2 : 1;
        }
        bin->npop_aged = bin->npop;
        tc->next_aged = class + 1 < CACHED_CLASSES ? class + 1 : 0;
    }
    arena_decay(tc->arena);
}

static void event(struct tcache *tc)
{
    if (++tc->events % AGE_EVENTS == 0) {
        age(tc);
    }
}

void tcache_sample_next(struct tcache *tc, unsigned class)
{
    tc->cold[class].sample_at =
        tc->bins[class].npop + prng_sample_interval(&tc->prng, size_class_bytes(class),
                                                    (unsigned)conf.lg_prof_sample);
}

/* How many more blocks the stack may hold so that it runs dry when the next sample is due. */
static uint32_t room_until_sample(const struct tcache *tc, unsigned class)
{
    const struct tcache_bin *bin = &tc->bins[class];
    uint32_t pops_left = tc->cold[class].sample_at - bin->npop - 1;
    uint32_t length = tcache_length(bin);
    return pops_left > length ? pops_left - length : 0;
}

/* Puts n blocks on the empty stack, the first on top. */
static void stack_up(struct tcache_bin *bin, void **blocks, unsigned n)
{
    void *next = bin->head;
    while (n) {
        uint64_t *block = blocks[--n];
        block[0] = (uint64_t)(uintptr_t)next;
        block[1] = tcache_key(block);
        next = block;
    }
    bin->head = next;
}

static void *fill_small(struct tcache *tc, unsigned class, uint32_t most)
{
    void *blocks[FILL_MAX];
    struct tcache_bin *bin = &tc->bins[class];
    unsigned want = bin->fill < most ? bin->fill : most;
    unsigned n = arena_fill(tc->arena, class, blocks, want);
    if (n == 0) {
        return NULL;
    }
    uint32_t limit = fill_limit(class);
    bin->fill = bin->fill * 2 < limit ? bin->fill * 2 : limit;
    stack_up(bin, blocks + 1, n - 1);
    bin->base += n;
    bin->npop++;
    uint64_t *block = blocks[0];
    block[1] = 0;
    return block;
}

static void *fill_large(struct tcache *tc, unsigned class, bool *zeroed)
{
    void *block = arena_large_alloc(tc->arena, class, 1, PAGE_LARGE, zeroed);
    if (block) {
        tc->bins[class].base++;
        tc->bins[class].npop++;
    }
    return block;
}

void *tcache_fill(struct tcache *tc, unsigned class, bool *zeroed, bool *sample_due)
{
    struct tcache_bin *bin = &tc->bins[class];
    uint32_t most = FILL_MAX;
    *zeroed = *sample_due = false;
    if (UNLIKELY(conf.prof)) {
        revoke(tc, class); /* credit that is left over would let the stack outgrow the countdown */
        uint32_t left = tc->cold[class].sample_at - bin->npop;
        if (left <= 1) {
            *sample_due = true;
            return NULL;
        }
        most = left - 1 < FILL_MAX ? left - 1 : FILL_MAX;
    }
    event(tc);
    if (class >= SMALL_CLASSES) {
        fold_pops(tc, class);
        return fill_large(tc, class, zeroed);
    }
    void *block = fill_small(tc, class, most);
    recount(tc, class);
    return block;
}

/* Does the newest block of the stack come from another arena? Then most do: the thread takes blocks from
 * others and only frees them. */
static bool foreign(const struct tcache *tc, const struct tcache_bin *bin)
{
    return bin->head && arena_of((uintptr_t)bin->head) != tc->arena;
}

/* Bounds the stack when its credit is spent. */
static void bound_class(struct tcache *tc, unsigned class)
{
    struct tcache_bin *bin = &tc->bins[class];
    size_t bytes = recount(tc, class);
    if (bytes >= FOREIGN_BYTES_MAX && foreign(tc, bin)) {
        tcache_flush(tc, class, UINT32_MAX);
    } else if (bytes >= CLASS_BYTES_MAX) {
        tcache_flush(tc, class, (tcache_length(bin) + 1) / 2);
    }
}

/* Makes room for `need` bytes within the thread's bound: other classes lose their credit and half of
 * their blocks, in turn; if that does not do, the class itself loses all. */
static void make_room(struct tcache *tc, unsigned class, size_t need, size_t most)
{
    for (unsigned i = 0; i < 8 * CACHED_CLASSES && tc->bytes + need > most; i++) {
        unsigned victim = tc->next_evicted;
        tc->next_evicted = victim + 1 < CACHED_CLASSES ? victim + 1 : 0;
        if (victim != class && tc->cold[victim].bytes) {
            revoke(tc, victim);
            tcache_flush(tc, victim, (tcache_length(&tc->bins[victim]) + 1) / 2);
        }
    }
    if (tc->bytes + need > most) {
        tcache_flush(tc, class, UINT32_MAX);
    }
}

/* How many pushes the bin may have until it looks again; 1 at least. */
static uint32_t next_credit(size_t size, size_t thread_max)
{
    size_t bytes = CREDIT_BYTES < thread_max / 32 ? CREDIT_BYTES : thread_max / 32;
    size_t grant = bytes / size;
    grant = grant > CREDIT_LEAST ? grant : CREDIT_LEAST;
    size_t most = CLASS_BYTES_MAX < thread_max / 4 ? CLASS_BYTES_MAX : thread_max / 4;
    grant = grant * size < most ? grant : most / size;
    return grant ? (uint32_t)grant : 1;
}

/* The credit of the bin is spent: bound the stack and grant more. At least one push is possible
 * afterwards, except while a sample is so near that the stack must not grow. */
static void renew(struct tcache *tc, unsigned class)
{
    struct tcache_bin *bin = &tc->bins[class];
    size_t size = size_class_bytes(class);
    size_t thread_max = atomic_load_explicit(&thread_bytes_max, RELAXED);
    uint32_t grant = next_credit(size, thread_max);
    bound_class(tc, class);
    event(tc);
    if (tc->bytes + grant * size > thread_max) {
        tcache_flush(tc, class, (tcache_length(bin) + 1) / 2);
        make_room(tc, class, grant * size, thread_max);
    }
    if (UNLIKELY(conf.prof)) {
        if (room_until_sample(tc, class) == 0) {
            tcache_flush(tc, class, UINT32_MAX);
        }
        uint32_t until = room_until_sample(tc, class);
        grant = grant < until ? grant : until;
    }
    bin->credit += grant;
    bin->base += grant;
    tc->cold[class].granted += grant;
    recount(tc, class);
}

static void push_direct(struct tcache *tc, unsigned class, void *block)
{
    tc->direct_frees++;
    tc->direct_free_bytes += size_class_bytes(class);
    if (class < SMALL_CLASSES) {
        arena_flush(tc->arena, class, &block, 1);
    } else {
        arena_large_free(run_of_page((uintptr_t)block));
    }
}

void tcache_push(struct tcache *tc, unsigned class, void *block)
{
    struct tcache_bin *bin = &tc->bins[class];
    uint64_t *words = block;
    if (class < SMALL_CLASSES) {
        words[1] = tcache_key(block);
    } else {
        page_large_set((uintptr_t)block, class, PAGE_LARGE_CACHED);
    }
    if (bin->credit == 0) {
        renew(tc, class);
        if (bin->credit == 0) {
            push_direct(tc, class, block);
            return;
        }
    }
    bin->credit--;
    words[0] = (uint64_t)(uintptr_t)bin->head;
    bin->head = block;
}

static bool check_block(unsigned class, const void *block)
{
    uint64_t word = page_word((uintptr_t)block);
    if (class < SMALL_CLASSES) {
        return chunk_kind_at((uintptr_t)block) == CHUNK_RUNS &&
               page_word_state(word) == PAGE_SMALL && page_word_class(word) == class &&
               ((const uint64_t *)block)[1] == tcache_key(block);
    }
    return chunk_kind_at((uintptr_t)block) == CHUNK_RUNS &&
           page_word_state(word) == PAGE_LARGE_CACHED && page_word_class(word) == class;
}

/* Walks a stack, at most one block beyond its length. */
static bool check_stack(const struct tcache *tc, unsigned class)
{
    uint32_t length = tcache_length(&tc->bins[class]), n = 0;
    for (void *block = tc->bins[class].head; block && n <= length; block = *(void **)block, n++) {
        if (!check_block(class, block)) {
            diag_line("%s: block %p in the cache of size class %u",
                      class < SMALL_CLASSES ? "C1" : "C2", block,
                      (uint64_t)size_class_bytes(class));
            return false;
        }
    }
    if (n != length) {
        diag_line("C1: %s %u blocks in the cache of size class %u, counted %u",
                  n > length ? "more than" : "only", (uint64_t)(n > length ? length : n),
                  (uint64_t)size_class_bytes(class), (uint64_t)length);
        return false;
    }
    return true;
}

bool tcache_check(const struct tcache *tc)
{
    bool ok = true;
    for (unsigned class = 0; class < CACHED_CLASSES; class++) {
        ok &= check_stack(tc, class);
    }
    return ok;
}
