/* ctl_stats.c: the figures behind stats.*. At rest they are exact: what the program holds, class by
 * class, and each sum is the sum of its parts; beside running threads they keep their order in
 * every snapshot.
 */
#include "doors.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { NBINS = 60, NLRUNS = 55, NHCHUNKS = 76 };
#define ALL 4096u

/* stats.arenas.<i>.NAME */
static size_t of_arena(unsigned i, const char *name)
{
    char full[96];
    snprintf(full, sizeof full, "stats.arenas.%u.%s", i, name);
    return size_at(full);
}

/* stats.arenas.<i>.GROUP.<j>.NAME */
static size_t of_class(unsigned i, const char *group, unsigned j, const char *name)
{
    char part[64];
    snprintf(part, sizeof part, "%s.%u.%s", group, j, name);
    return of_arena(i, part);
}

/* The class of a size among arenas.bin, lrun or hchunk. */
static unsigned class_of(const char *group, size_t size)
{
    char name[64];
    for (unsigned j = 0;; j++) {
        snprintf(name, sizeof name, "arenas.%s.%u.size", group, j);
        if (size_at(name) >= size)
            return j;
    }
}

/* Is there such an arena in the snapshot? */
static bool made(unsigned i)
{
    char name[64];
    snprintf(name, sizeof name, "stats.arenas.%u.nthreads", i);
    return door.mallctl(name, NULL, NULL, NULL, 0) == 0;
}

static void flush(void)
{
    assert_int_equal(door.mallctl("thread.tcache.flush", NULL, NULL, NULL, 0), 0);
}

/* What is known of one class. */
struct counts {
    size_t nmalloc, ndalloc, nrequests, current;
};

static struct counts counts(const char *group, unsigned j)
{
    const char *current = group[0] == 'b' ? "curregs" : group[0] == 'l' ? "curruns" : "curhchunks";
    return (struct counts){of_class(ALL, group, j, "nmalloc"), of_class(ALL, group, j, "ndalloc"),
                           of_class(ALL, group, j, "nrequests"), of_class(ALL, group, j, current)};
}

/* n blocks of `size`, at once, then none again. */
static void one_class(const char *group, const char *kind, size_t size, unsigned n)
{
    char word[16], name[40];
    static void *blocks[2000];
    snprintf(word, sizeof word, "%.*s", (int)strlen(group) - 1, group);
    unsigned j = class_of(word, size);
    flush();
    refresh();
    struct counts before = counts(group, j);
    size_t allocated = size_at("stats.allocated"), active = size_at("stats.active");
    snprintf(name, sizeof name, "%s.allocated", kind);
    size_t of_kind = of_arena(ALL, name);
    for (unsigned i = 0; i < n; i++) {
        blocks[i] = door.malloc(size);
        assert_non_null(blocks[i]);
    }
    size_t usable = door.usable_size(blocks[0]);
    refresh();
    struct counts held = counts(group, j);
    assert_int_equal(size_at("stats.allocated") - allocated, n * usable);
    assert_true(size_at("stats.active") >= active + n * usable / 2);
    assert_int_equal(held.nrequests - before.nrequests, n);
    assert_true(held.current - before.current >= n); /* some more may lie in the cache */
    assert_int_equal(held.nmalloc - held.ndalloc, held.current);
    assert_true(of_arena(ALL, name) - of_kind >= n * usable);
    flush();
    refresh();
    assert_int_equal(counts(group, j).current - before.current, n);
    assert_int_equal(of_arena(ALL, name) - of_kind, n * usable);
    for (unsigned i = 0; i < n; i++)
        door.free(blocks[i]);
    flush();
    refresh();
    struct counts after = counts(group, j);
    assert_int_equal(size_at("stats.allocated"), allocated);
    assert_int_equal(of_arena(ALL, name), of_kind);
    assert_int_equal(after.current, before.current);
    assert_int_equal(after.nrequests - before.nrequests, n);
    assert_int_equal(after.ndalloc - before.ndalloc, after.nmalloc - before.nmalloc);
}

static void test_each_kind_of_block_is_counted(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    one_class("bins", "small", 48, 1000);
    one_class("bins", "small", 1000, 333);
    one_class("bins", "small", 32768, 20);
    one_class("lruns", "large", 40000, 17);
    one_class("lruns", "large", 1 << 20, 5);
    one_class("lruns", "large", 3 << 20, 3); /* beyond what is cached */
    one_class("hchunks", "huge", 9u << 20, 2);
    one_class("hchunks", "huge", 4u << 20, 3);
}

/* Each sum over classes and over arenas. */
static void sums_hold(void)
{
    static const char *const kinds[] = {"small", "large", "huge"};
    static const char *const groups[] = {"bins", "lruns", "hchunks"};
    static const char *const members[] = {"nmalloc", "ndalloc", "nrequests"};
    static const unsigned classes[] = {NBINS, NLRUNS, NHCHUNKS};
    unsigned narenas = unsigned_at("arenas.narenas");
    char name[64];
    for (int k = 0; k < 3; k++) {
        size_t allocated = 0;
        for (unsigned i = 0; i < narenas; i++) {
            size_t sum = 0, count;
            if (!made(i))
                continue;
            for (unsigned j = 0; j < classes[k]; j++)
                sum += k == 0 ? of_class(i, groups[k], j, "allocated") : 0;
            snprintf(name, sizeof name, "%s.allocated", kinds[k]);
            if (k == 0)
                assert_int_equal(sum, of_arena(i, name));
            allocated += of_arena(i, name);
            for (int m = 0; m < 3; m++) {
                count = 0;
                for (unsigned j = 0; j < classes[k]; j++)
                    count += of_class(i, groups[k], j, members[m]);
                snprintf(name, sizeof name, "%s.%s", kinds[k], members[m]);
                assert_int_equal(count, of_arena(i, name));
            }
        }
        snprintf(name, sizeof name, "%s.allocated", kinds[k]);
        assert_int_equal(allocated, of_arena(ALL, name));
        assert_int_equal(allocated, of_arena(narenas, name)); /* the same by its other number */
    }
}

/* Large blocks have one size a class, so their bytes are a sum of classes too. */
static void large_sum_holds(void)
{
    size_t sum = 0;
    char name[64];
    for (unsigned j = 0; j < NLRUNS; j++) {
        snprintf(name, sizeof name, "arenas.lrun.%u.size", j);
        sum += size_at(name) * of_class(ALL, "lruns", j, "curruns");
    }
    assert_int_equal(sum, of_arena(ALL, "large.allocated"));
}

static void bins_hold(unsigned i)
{
    char name[64];
    for (unsigned j = 0; j < NBINS; j++) {
        size_t current = of_class(i, "bins", j, "curregs"),
               runs = of_class(i, "bins", j, "curruns");
        snprintf(name, sizeof name, "arenas.bin.%u.size", j);
        assert_int_equal(of_class(i, "bins", j, "allocated"), current * size_at(name));
        assert_int_equal(of_class(i, "bins", j, "nmalloc") - of_class(i, "bins", j, "ndalloc"),
                         current);
        snprintf(name, sizeof name, "arenas.bin.%u.nregs", j);
        assert_true(current <= runs * unsigned_at(name));
        assert_true(runs <= of_class(i, "bins", j, "nruns"));
        assert_true(of_class(i, "bins", j, "nonfull_slabs") <= runs);
    }
}

/* allocated <= active <= resident <= mapped, of the heap and of each arena. */
static bool in_order(unsigned narenas)
{
    bool ok = size_at("stats.allocated") <= size_at("stats.active") &&
              size_at("stats.active") <= size_at("stats.resident") &&
              size_at("stats.resident") <= size_at("stats.mapped") &&
              size_at("stats.metadata") <= size_at("stats.resident") &&
              size_at("stats.active") == of_arena(ALL, "pactive") * 4096;
    for (unsigned i = 0; i < narenas; i++) {
        if (!made(i))
            continue;
        size_t allocated = of_arena(i, "small.allocated") + of_arena(i, "large.allocated") +
                           of_arena(i, "huge.allocated");
        size_t active = of_arena(i, "pactive") * 4096;
        ok &= allocated <= active && active <= of_arena(i, "resident") &&
              of_arena(i, "resident") <= of_arena(i, "mapped");
    }
    return ok;
}

static void *works(void *arg)
{
    uint64_t rng = (uintptr_t)arg;
    static __thread void *blocks[200];
    for (int i = 0; i < (slow_run() ? 2000 : 20000); i++) {
        unsigned b = (unsigned)(draw(&rng) % 200);
        door.free(blocks[b]);
        blocks[b] = door.malloc(draw(&rng) % ((size_t)1 << (4 + draw(&rng) % 19)));
    }
    for (int b = 0; b < 200; b += 2)
        door.free(blocks[b]); /* the others are left behind */
    return NULL;
}

static void test_sums_at_rest(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, works, (void *)(uintptr_t)(i + 1)), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    refresh();
    sums_hold();
    large_sum_holds();
    for (unsigned i = 0; i < unsigned_at("arenas.narenas"); i++) {
        if (made(i))
            bins_hold(i);
    }
    bins_hold(ALL);
    assert_true(in_order(unsigned_at("arenas.narenas")));
    /* What the program holds is what arenas gave out, less what lies in caches. */
    assert_int_equal(size_at("stats.allocated") + of_arena(ALL, "tcache_bytes"),
                     of_arena(ALL, "small.allocated") + of_arena(ALL, "large.allocated") +
                         of_arena(ALL, "huge.allocated"));
    struct ashlar_stats s;
    door.stats(&s);
    assert_int_equal(s.allocated_bytes, size_at("stats.allocated"));
    assert_int_equal(s.active_bytes, size_at("stats.active"));
    assert_int_equal(s.dirty_bytes, of_arena(ALL, "pdirty") * 4096);
}

static atomic_bool over;

static void *works_on(void *arg)
{
    uint64_t rng = (uintptr_t)arg;
    void *blocks[64] = {0};
    while (!atomic_load(&over)) {
        unsigned b = (unsigned)(draw(&rng) % 64);
        door.free(blocks[b]);
        size_t most = draw(&rng) % 512 ? (size_t)1 << (4 + draw(&rng) % 16) : (size_t)12 << 20;
        blocks[b] = door.malloc(draw(&rng) % most);
    }
    for (int b = 0; b < 64; b++)
        door.free(blocks[b]);
    return NULL;
}

static void test_order_under_load(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    pthread_t threads[4];
    bool ok = true;
    atomic_store(&over, false);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, works_on, (void *)(uintptr_t)(i + 7)),
                         0);
    for (int i = 0; i < (slow_run() ? 10 : 400) && ok; i++) {
        refresh();
        ok = in_order(1);
    }
    atomic_store(&over, true);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    if (!ok)
        fail_msg("allocated %zu active %zu resident %zu mapped %zu", size_at("stats.allocated"),
                 size_at("stats.active"), size_at("stats.resident"), size_at("stats.mapped"));
    refresh();
    sums_hold();
}

/* Figures stay as they are until the next epoch. */
static void test_the_snapshot_stands(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    refresh();
    uint64_t epoch = size_at("epoch"), before = size_at("stats.allocated");
    void *block = door.malloc(1 << 20);
    assert_int_equal(size_at("stats.allocated"), before);
    assert_int_equal(size_at("epoch"), epoch);
    refresh();
    assert_int_equal(size_at("epoch"), epoch + 1);
    assert_int_equal(size_at("stats.allocated"), before + (1 << 20));
    door.free(block);
    uint64_t old, any = 77;
    size_t len = sizeof old;
    assert_int_equal(door.mallctl("epoch", &old, &len, &any, sizeof any), 0);
    assert_int_equal(old, epoch + 2); /* reading and writing at once gives the new one */
    assert_int_equal(size_at("stats.allocated"), before);
}

static void test_runs_and_batches(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    enum { N = 1024 };
    static void *blocks[N];
    unsigned j = class_of("bin", 320);
    refresh();
    size_t fills = of_class(ALL, "bins", j, "nfills"),
           flushes = of_class(ALL, "bins", j, "nflushes");
    size_t runs = of_class(ALL, "bins", j, "nruns"),
           ops = of_class(ALL, "bins", j, "mutex.num_ops");
    for (int i = 0; i < N; i++)
        blocks[i] = door.malloc(320);
    for (int i = 0; i < N; i++)
        door.free(blocks[i]);
    flush();
    refresh();
    fills = of_class(ALL, "bins", j, "nfills") - fills;
    flushes = of_class(ALL, "bins", j, "nflushes") - flushes;
    runs = of_class(ALL, "bins", j, "nruns") - runs;
    assert_true(fills >= N / 128 && fills < N);
    assert_true(flushes >= 1 && flushes < N);
    assert_true(runs >= N / 64 - 2 && runs <= N / 32);
    assert_true(of_class(ALL, "bins", j, "mutex.num_ops") - ops >= fills + flushes);
    assert_int_equal(of_class(ALL, "bins", j, "mutex.num_wait"), 0); /* one thread waits for none */
    assert_int_equal(door.mallctl("stats.mutexes.reset", NULL, NULL, NULL, 0), 0);
    refresh();
    assert_true(of_class(ALL, "bins", j, "mutex.num_ops") <= unsigned_at("arenas.narenas"));
}

/* Threads of one arena that take each block from it meet at its locks. */
static void *meets(void *arg)
{
    bool off = false;
    if (door.mallctl("thread.tcache.enabled", NULL, NULL, &off, sizeof off) != 0)
        return arg;
    while (!atomic_load(&over))
        door.free(door.malloc(64));
    return NULL;
}

static void test_waiting_for_a_lock_is_counted(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    unsigned narenas_limit = unsigned_at("opt.narenas"), j = class_of("bin", 64), n = 0;
    pthread_t threads[64];
    size_t waits = 0;
    atomic_store(&over, false);
    for (; n <= narenas_limit + 2 && n < 64; n++) /* so many that two share an arena */
        assert_int_equal(pthread_create(&threads[n], NULL, meets, NULL), 0);
    for (int i = 0; i < 20000 && waits == 0; i++) {
        refresh();
        waits = of_class(ALL, "bins", j, "mutex.num_wait") +
                of_class(ALL, "bins", j, "mutex.num_spin_acq");
    }
    atomic_store(&over, true);
    for (unsigned i = 0; i < n; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    refresh();
    assert_true(waits > 0);
    assert_true(of_class(ALL, "bins", j, "mutex.num_owner_switch") > 0);
    assert_true(of_class(ALL, "bins", j, "mutex.total_wait_time") >=
                of_class(ALL, "bins", j, "mutex.max_wait_time"));
    assert_true(of_class(ALL, "bins", j, "mutex.max_wait_time") > 0);
}

static void test_cactive_is_never_low(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    size_t *cactive, len = sizeof cactive;
    assert_int_equal(door.mallctl("stats.cactive", &cactive, &len, NULL, 0), 0);
    size_t before = *cactive;
    void *block = door.malloc(30u << 20);
    assert_true(*cactive >= before + (30u << 20));
    refresh();
    assert_true(*cactive >= size_at("stats.active"));
    assert_true(size_at("approximate_stats.active") <= *cactive);
    assert_int_equal(size_at("approximate_stats.active"), size_at("stats.active"));
    door.free(block);
    assert_int_equal(*cactive, before);
}

static void test_zero_reallocs(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    refresh();
    size_t before = size_at("stats.zero_reallocs");
    void *block = door.realloc(door.malloc(10), 0);
    door.free(block);
    refresh();
    assert_int_equal(size_at("stats.zero_reallocs"), before + 1);
}

static void test_chunks(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    refresh();
    size_t now = size_at("stats.chunks.current"), ever = size_at("stats.chunks.total");
    void *block = door.malloc(17u << 20); /* five chunks */
    refresh();
    assert_int_equal(size_at("stats.chunks.current"), now + 5);
    assert_int_equal(size_at("stats.chunks.total"), ever + 5);
    assert_true(size_at("stats.chunks.high") >= now + 5);
    assert_int_equal(size_at("stats.huge.allocated"), of_arena(ALL, "huge.allocated"));
    door.free(block);
    refresh();
    assert_int_equal(size_at("stats.chunks.current"), now);
    assert_int_equal(size_at("stats.chunks.total"), ever + 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_kind_of_block_is_counted),
        TEST(test_runs_and_batches),
        TEST(test_the_snapshot_stands),
        TEST(test_cactive_is_never_low),
        TEST(test_zero_reallocs),
        TEST(test_chunks),
        TEST(test_sums_at_rest),
        TEST(test_order_under_load),
        TEST(test_waiting_for_a_lock_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
