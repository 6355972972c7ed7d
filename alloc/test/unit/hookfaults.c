/* hookfaults.c (test): arenas whose chunks are a file, or a fixed buffer, used through the doors; and each
 * hook failing at each of its calls, with every block and every invariant whole afterwards.
 */
#include "../../api/explicit.h"
#include "../../heap/arena.h"
#include "../../os/pages.h"
#include "../../thread/thread.h"
#include "../../util/conf.h"
#include "../../util/prng.h"
#include "faults.h"
#include "hookmem.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

enum { CHUNKS = 12, BLOCKS = 48 };

static unsigned arena;
static int flags; /* that name it */

static char buffer[(CHUNKS + 1) * CHUNK_SIZE];

/* An arena on this memory. */
static void begin(void *memory, int advice)
{
    conf.thp = THP_NEVER;
    conf.dirty_decay_ms = -1;     /* it purges when it is told */
    ashlar_free(ashlar_malloc(1)); /* the start, and arena 0 */
    hookmem_init(memory, CHUNKS, advice, 0);
    struct arena *a = arena_create(&hookmem_hooks);
    REQUIRE(a);
    arena = hookmem.arena = a->index;
    flags = MALLOCX_ARENA(arena);
    REQUIRE_EQUAL(hookmem.calls[H_ALLOC], 0);
}

static bool is_ours(const void *block)
{
    return (uintptr_t)block - hookmem.base < CHUNKS * CHUNK_SIZE;
}

static struct {
    unsigned char *at;
    size_t size;
} blocks[BLOCKS];

static unsigned char byte_of(unsigned i, size_t offset)
{
    return (unsigned char)(i * 37 + offset / 512 + 1);
}

/* Every 512th byte, and the last. */
static void fill(unsigned i)
{
    for (size_t at = 0; at < blocks[i].size; at += 512) {
        blocks[i].at[at] = byte_of(i, at);
    }
    blocks[i].at[blocks[i].size - 1] = byte_of(i, blocks[i].size - 1);
}

static void require_filled(unsigned i, size_t size)
{
    for (size_t at = 0; at < size; at += 512) {
        REQUIRE_EQUAL(blocks[i].at[at], byte_of(i, at));
    }
}

static bool take(unsigned i, size_t size, int more_flags)
{
    errno = 0;
    void *block = ashlar_mallocx(size, flags | more_flags);
    if (!block) {
        REQUIRE_EQUAL(errno, ENOMEM);
        return false;
    }
    REQUIRE(is_ours(block));
    if (more_flags & MALLOCX_ZERO) {
        for (size_t at = 0; at < size; at += 64) {
            REQUIRE_EQUAL(((unsigned char *)block)[at], 0);
        }
    }
    blocks[i].at = block;
    blocks[i].size = size;
    fill(i);
    return true;
}

static void give(unsigned i)
{
    require_filled(i, blocks[i].size);
    ashlar_dallocx(blocks[i].at, 0);
    blocks[i].at = NULL;
}

static void resize(unsigned i, size_t size)
{
    size_t kept = size < blocks[i].size ? size : blocks[i].size;
    void *moved = ashlar_rallocx(blocks[i].at, size, flags);
    if (moved) {
        REQUIRE(is_ours(moved));
        blocks[i].at = moved;
        require_filled(i, kept);
        blocks[i].size = size;
        fill(i);
    }
}

static size_t draw_size(uint64_t *state)
{
    static const size_t most[] = {200, 3000, 40 * KIB, 300 * KIB, 2 * MIB, 9 * MIB};
    return prng_next(state) % most[prng_next(state) % 6] + 1;
}

static unsigned flip_steps; /* after so many steps all hooks fail, after as many work again; 0: never */

static void flip(unsigned step)
{
    for (int hook = 0; flip_steps && step % flip_steps == 0 && hook < HOOKS; hook++) {
        hookmem.refuses[hook] = step / flip_steps % 2;
    }
}

static void work(uint64_t seed, unsigned steps)
{
    uint64_t state = seed;
    for (unsigned step = 0; step < steps; step++) {
        flip(step);
        unsigned i = (unsigned)(prng_next(&state) % BLOCKS);
        size_t size = draw_size(&state);
        uint64_t what = prng_next(&state) % 8;
        if (!blocks[i].at) {
            take(i, size, what < 2 ? MALLOCX_ZERO : 0);
        } else if (what < 3) {
            resize(i, size);
        } else {
            give(i);
        }
        if (what == 7) {
            (void)arena_purge(arena_get(arena));
        }
    }
    REQUIRE(ashlar_check());
    for (unsigned i = 0; i < BLOCKS; i++) {
        if (blocks[i].at) {
            give(i);
        }
    }
    (void)arena_purge(arena_get(arena));
    REQUIRE(ashlar_check());
}

static void require_empty(void)
{
    struct arena *a = arena_get(arena);
    (void)arena_purge(a);
    REQUIRE_EQUAL(count_read(&a->pool.pages_used), 0);
    for (unsigned class = 0; class < SMALL_CLASSES; class++) {
        REQUIRE_EQUAL(count_read(&a->bins[class].regions_out), 0);
    }
}

/* ---- two kinds of memory ----------------------------------------------------------------------- */

static void a_file(void)
{
    int fd = memfd_create("heap", 0);
    size_t size = (CHUNKS + 1) * CHUNK_SIZE;
    REQUIRE(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
    char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    REQUIRE(map != MAP_FAILED);
    begin(map, MADV_REMOVE);
    char text[32] = "";
    char *block = ashlar_mallocx(100, flags);
    REQUIRE(block);
    strcpy(block, "in the file");
    REQUIRE_EQUAL(pread(fd, text, 12, block - map), 12);
    REQUIRE_SAME(text, "in the file");
    ashlar_dallocx(block, 0);
    work(3, 2000);
    require_empty();
    REQUIRE(explicit_destroy(arena));
    REQUIRE_EQUAL(hookmem_given(), 0);
}

/* Takes all there is; returns how many blocks that were. */
static unsigned exhaust(void)
{
    static void *all[4096];
    unsigned n = 0;
    while (n < 4096 && (all[n] = ashlar_mallocx(30 * KIB, flags))) {
        REQUIRE(is_ours(all[n]));
        n++;
    }
    REQUIRE(n < 4096);
    REQUIRE_EQUAL(errno, ENOMEM);
    REQUIRE(ashlar_check());
    REQUIRE_EQUAL(hookmem_given(), CHUNKS);
    void *elsewhere = ashlar_malloc(30 * KIB); /* others have theirs still */
    REQUIRE(elsewhere && !is_ours(elsewhere));
    ashlar_free(elsewhere);
    for (unsigned i = 0; i < n; i++) {
        ashlar_free(all[i]);
    }
    require_empty();
    return n;
}

static void a_fixed_buffer(void)
{
    begin(buffer, MADV_DONTNEED);
    unsigned n = exhaust();
    REQUIRE(n > CHUNKS * 100);
    REQUIRE_EQUAL(exhaust(), n);
    (void)arena_purge(arena_get(arena));
    REQUIRE_EQUAL(hookmem_given(), 0);
    work(4, 2000);
    void *huge = ashlar_mallocx(20 * MIB, flags);
    REQUIRE(is_ours(huge) && ashlar_sallocx(huge, 0) == 20 * MIB);
    REQUIRE_EQUAL(ashlar_xallocx(huge, 30 * MIB, 0, 0), 32 * MIB); /* by new chunks behind it */
    REQUIRE_EQUAL(ashlar_xallocx(huge, 5 * MIB, 0, 0), 8 * MIB);
    ashlar_dallocx(huge, 0);
    REQUIRE(explicit_destroy(arena));
    REQUIRE_EQUAL(hookmem_given(), 0);
    REQUIRE(ashlar_check());
}

/* ---- each hook at each call -------------------------------------------------------------------- */

static void a_round(const bool refuses[HOOKS], enum hook failing, unsigned long at)
{
    memcpy(hookmem.refuses, refuses, sizeof hookmem.refuses);
    memset(hookmem.calls, 0, sizeof hookmem.calls);
    memset(hookmem.fail_at, 0, sizeof hookmem.fail_at);
    hookmem.fail_at[failing] = at;
    work(11, 45);
    require_empty();
    hookmem.refuses[H_DALLOC] = false;
    hookmem.fail_at[failing] = 0;
    REQUIRE(explicit_destroy(arena));
    REQUIRE_EQUAL(hookmem_given(), 0);
    struct arena *next = arena_create(&hookmem_hooks);
    REQUIRE(next && next->index == arena); /* its index is used again */
}

static void each_hook_fails_at_each_call(void)
{
    static const bool refusals[3][HOOKS] = {
        {false}, {[H_DALLOC] = true}, {[H_DALLOC] = true, [H_DECOMMIT] = true}};
    bool called[HOOKS] = {false};
    begin(buffer, MADV_DONTNEED);
    for (unsigned r = 0; r < 3; r++) {
        for (int hook = 0; hook < HOOKS; hook++) {
            a_round(refusals[r], (enum hook)hook, 0);
            unsigned long calls = hookmem.calls[hook];
            called[hook] = called[hook] || calls;
            for (unsigned long n = 1; n <= calls; n++) {
                a_round(refusals[r], (enum hook)hook, n);
            }
        }
    }
    for (int hook = 0; hook < HOOKS; hook++) {
        REQUIRE(called[hook]);
    }
}

/* From some call on each hook fails for good; when they work again all is there. */
static void all_hooks_fail_for_a_while(void)
{
    begin(buffer, MADV_DONTNEED);
    flip_steps = 30;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        work(seed, 30 * (unsigned)seed);
        require_empty();
    }
    flip(0);
    REQUIRE(explicit_destroy(arena));
    REQUIRE_EQUAL(hookmem_given(), 0);
}

/* ---- hooks that allocate ----------------------------------------------------------------------- */

static unsigned taken_in_hooks;

static void allocate(void)
{
    static const size_t sizes[] = {1, 100, 5000, 100 * KIB, 5 * MIB};
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char *block = ashlar_malloc(sizes[i]);
        REQUIRE(block && !is_ours(block));
        block = ashlar_realloc(block, 2 * sizes[i]);
        REQUIRE(block && !is_ours(block));
        ashlar_free(block);
        taken_in_hooks++;
    }
    REQUIRE_EQUAL(ashlar_purge(), 0); /* it would want locks that are held */
}

static void *bound(void *unused)
{
    (void)unused;
    REQUIRE(explicit_bind(arena));
    REQUIRE_EQUAL(explicit_of_thread(), arena);
    void *held[300];
    for (unsigned i = 0; i < 300; i++) {
        held[i] = ashlar_malloc(i * 60 + 1);
        REQUIRE(is_ours(held[i]));
    }
    for (unsigned i = 0; i < 300; i++) {
        ashlar_free(held[i]);
    }
    return NULL;
}

/* Also for a thread whose own blocks come from there. */
static void hooks_may_allocate(void)
{
    pthread_t thread;
    begin(buffer, MADV_DONTNEED);
    hookmem.in_hook = allocate;
    work(5, 500);
    REQUIRE(pthread_create(&thread, NULL, bound, NULL) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);
    REQUIRE(taken_in_hooks > 100);
    require_empty();
    REQUIRE(ashlar_check());
    REQUIRE(explicit_destroy(arena));
}

/* ---- hooks that come later --------------------------------------------------------------------- */

static void hooks_are_exchanged(void)
{
    conf.thp = THP_NEVER;
    conf.dirty_decay_ms = -1;
    ashlar_free(ashlar_malloc(1));
    hookmem_init(buffer, CHUNKS, MADV_DONTNEED, 0);
    struct arena *a = arena_create(NULL);
    chunk_hooks_t hooks = arena_hooks(a);
    REQUIRE(hooks_are_default(&hooks));
    arena = hookmem.arena = a->index;
    flags = MALLOCX_ARENA(arena);
    void *old = ashlar_mallocx(3 * MIB, flags), *old_huge = ashlar_mallocx(5 * MIB, flags);
    REQUIRE(arena_set_hooks(a, &hookmem_hooks));
    hooks = arena_hooks(a);
    REQUIRE(memcmp(&hooks, &hookmem_hooks, sizeof hooks) == 0);
    void *new = ashlar_mallocx(3 * MIB, flags), *new_huge = ashlar_mallocx(5 * MIB, flags);
    REQUIRE(!is_ours(old) && !is_ours(old_huge) && is_ours(new) && is_ours(new_huge));
    REQUIRE(ashlar_check());
    ashlar_free(old);
    ashlar_free(old_huge);
    hooks = hooks_default;
    REQUIRE(arena_set_hooks(a, &hooks));
    void *newest = ashlar_mallocx(5 * MIB, flags);
    REQUIRE(newest && !is_ours(newest));
    REQUIRE(arena_set_hooks(a, &hookmem_hooks)); /* so that they get theirs back */
    ashlar_free(newest);
    ashlar_free(new);
    ashlar_free(new_huge);
    REQUIRE(ashlar_check());
    REQUIRE(explicit_destroy(arena));
    REQUIRE_EQUAL(hookmem_given(), 0);
}

/* ---- misuse ------------------------------------------------------------------------------------ */

static void part_twice_small(void)
{
    void *block = ashlar_mallocx(100, flags);
    ashlar_free(block);
    ashlar_free(block);
}

static void part_twice_large(void)
{
    void *keep = ashlar_mallocx(100 * KIB, flags), *block = ashlar_mallocx(100 * KIB, flags);
    (void)keep;
    ashlar_dallocx(block, 0);
    ashlar_dallocx(block, 0);
}

static void part_twice_huge(void)
{
    void *block = ashlar_mallocx(5 * MIB, flags);
    ashlar_dallocx(block, MALLOCX_TCACHE_NONE);
    ashlar_dallocx(block, MALLOCX_TCACHE_NONE);
}

static void part_inside(void)
{
    char *block = ashlar_mallocx(100, flags);
    ashlar_dallocx(block + 16, 0);
}

static void misuse_is_seen_as_elsewhere(void)
{
    begin(buffer, MADV_DONTNEED);
    struct unit_end end = unit_child(part_twice_small);
    REQUIRE_CONTAINS(end.text, "ashlar: double free of 0x");
    REQUIRE_CONTAINS(end.text, "(size class 112, arena ");
    end = unit_child(part_twice_large);
    REQUIRE_CONTAINS(end.text, "(not a live block)");
    end = unit_child(part_twice_huge);
    REQUIRE_CONTAINS(end.text, "(huge block)");
    end = unit_child(part_inside);
    REQUIRE_CONTAINS(end.text, "(inside a block of size class 112 at 0x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(a_file),
        UNIT(a_fixed_buffer),
        UNIT(each_hook_fails_at_each_call),
        UNIT(all_hooks_fail_for_a_while),
        UNIT(hooks_may_allocate),
        UNIT(hooks_are_exchanged),
        UNIT(misuse_is_seen_as_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
