/* hooks.c (test): the default hooks, and what surrounds each call of a program's own: what the caller must
 * not see changed, and how answers are turned. */
#include "../../heap/hooks.h"
#include "faults.h"
#include "hookmem.h"

#include <errno.h>
#include <stdio.h>

#define SIZE CHUNK_SIZE

static unsigned suspended, resumed;
static int inside; /* 1 while the thread is suspended */

static void *count_suspend(void)
{
    suspended++;
    inside++;
    return &suspended;
}

static void count_resume(void *what)
{
    REQUIRE(what == &suspended);
    resumed++;
    inside--;
}

static void look_inside(void)
{
    REQUIRE_EQUAL(inside, 1);
    errno = ERANGE; /* as a hook may leave it */
}

static void watch(void)
{
    void *memory = mmap(NULL, 9 * SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    hookmem_init(memory, 8, MADV_DONTNEED, 3);
    hookmem.in_hook = look_inside;
    hooks_suspend = count_suspend;
    hooks_resume = count_resume;
}

/* Calls each hook once, in an order in which all succeed if they are willing. Returns how many did. */
static unsigned call_all(void)
{
    const chunk_hooks_t *h = &hookmem_hooks;
    struct hooked_chunk c = hooks_alloc(h, 3, NULL, 2 * SIZE, SIZE);
    void *at = c.addr ? c.addr : (void *)hookmem.base;
    void *second = (char *)at + SIZE;
    unsigned done = c.addr != NULL;
    done += hooks_purge(h, 3, at, 2 * SIZE, SIZE, PAGE_SIZE);
    done += hooks_split(h, 3, at, 2 * SIZE, SIZE, true);
    done += hooks_merge(h, 3, at, SIZE, second, SIZE, true);
    done += hooks_decommit(h, 3, at, 2 * SIZE, 0, 2 * SIZE);
    done += hooks_commit(h, 3, at, 2 * SIZE, 0, 2 * SIZE);
    done += hooks_dalloc(h, 3, at, 2 * SIZE, true);
    return done;
}

static void each_call_is_surrounded(void)
{
    watch();
    errno = EDOM;
    REQUIRE_EQUAL(call_all(), HOOKS);
    REQUIRE_EQUAL(errno, EDOM);
    REQUIRE_EQUAL(suspended, HOOKS);
    REQUIRE_EQUAL(resumed, HOOKS);
    for (int hook = 0; hook < HOOKS; hook++) {
        REQUIRE_EQUAL(hookmem.calls[hook], 1);
    }
}

/* Where alloc, decommit or the like fail, those behind would be called with what is not so. */
static void each_failure_is_told(void)
{
    static const enum hook harmless[] = {H_PURGE, H_SPLIT, H_MERGE, H_DALLOC};
    for (unsigned i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
        watch();
        hookmem.refuses[harmless[i]] = true;
        REQUIRE_EQUAL(call_all(), HOOKS - 1);
    }
    watch();
    hookmem.refuses[H_ALLOC] = true;
    REQUIRE(!hooks_alloc(&hookmem_hooks, 3, NULL, SIZE, SIZE).addr);
    hookmem.refuses[H_ALLOC] = false;
    void *at = hooks_alloc(&hookmem_hooks, 3, NULL, SIZE, SIZE).addr;
    hookmem.refuses[H_DECOMMIT] = hookmem.refuses[H_COMMIT] = true;
    REQUIRE(!hooks_decommit(&hookmem_hooks, 3, at, SIZE, 0, SIZE));
    REQUIRE(!hooks_commit(&hookmem_hooks, 3, at, SIZE, 0, SIZE));
    REQUIRE_EQUAL(suspended, resumed);
}

static void says_what_alloc_said(void)
{
    watch();
    struct hooked_chunk c = hooks_alloc(&hookmem_hooks, 3, NULL, SIZE, 2 * SIZE);
    REQUIRE(c.addr && c.committed && !c.zeroed && (uintptr_t)c.addr % (2 * SIZE) == 0);
    hookmem.gives_uncommitted = true;
    REQUIRE(!hooks_alloc(&hookmem_hooks, 3, NULL, SIZE, SIZE).committed);
    void *wanted = (void *)(hookmem.base + 6 * SIZE);
    REQUIRE(hooks_alloc(&hookmem_hooks, 3, wanted, SIZE, SIZE).addr == wanted);
    REQUIRE(!hooks_alloc(&hookmem_hooks, 3, wanted, SIZE, SIZE).addr);
}

static void *elsewhere(void *new_addr, size_t size, size_t alignment, bool *zero, bool *commit,
                       unsigned arena)
{
    (void)new_addr, (void)size, (void)alignment, (void)zero, (void)commit;
    REQUIRE_EQUAL(arena, 5);
    return (void *)(16 * SIZE);
}

static void part_elsewhere(void)
{
    chunk_hooks_t hooks = hookmem_hooks;
    hooks.alloc = elsewhere;
    (void)hooks_alloc(&hooks, 5, (void *)(32 * SIZE), SIZE, SIZE);
}

static void an_address_not_asked_for_ends_the_program(void)
{
    REQUIRE_ABORTS(part_elsewhere, "ashlar: the alloc hook of arena 5 returned 0x4000000, asked for "
                                   "4194304 bytes at 0x8000000\n");
}

/* ---- the default ------------------------------------------------------------------------------- */

static void default_is_the_system(void)
{
    const chunk_hooks_t *h = &hooks_default;
    struct hooked_chunk c = hooks_alloc(h, 0, NULL, 2 * SIZE, 2 * SIZE);
    REQUIRE(c.addr && c.zeroed && c.committed && (uintptr_t)c.addr % (2 * SIZE) == 0);
    char *bytes = c.addr;
    bytes[0] = bytes[SIZE] = 1;
    REQUIRE(hooks_purge(h, 0, bytes, 2 * SIZE, SIZE, SIZE));
    REQUIRE(bytes[0] == 1 && bytes[SIZE] == 0);
    REQUIRE(hooks_split(h, 0, bytes, 2 * SIZE, SIZE, true));
    REQUIRE(hooks_merge(h, 0, bytes, SIZE, bytes + SIZE, SIZE, true));
    REQUIRE(hooks_commit(h, 0, bytes, SIZE, 0, SIZE));
    REQUIRE(!hooks_decommit(h, 0, bytes, SIZE, 0, SIZE));
    REQUIRE(!hooks_alloc(h, 0, bytes, SIZE, SIZE).addr); /* something lies there */
    REQUIRE(hooks_dalloc(h, 0, bytes + SIZE, SIZE, true));
    REQUIRE(hooks_alloc(h, 0, bytes + SIZE, SIZE, SIZE).addr == bytes + SIZE);
    REQUIRE(hooks_dalloc(h, 0, bytes, 2 * SIZE, true));
}

static void default_passes_failures_on(void)
{
    struct hooked_chunk c = hooks_alloc(&hooks_default, 0, NULL, SIZE, SIZE);
    faults.munmaps_left = faults.madvises_left = 0;
    REQUIRE(!hooks_dalloc(&hooks_default, 0, c.addr, SIZE, true));
    REQUIRE(!hooks_purge(&hooks_default, 0, c.addr, SIZE, 0, SIZE));
    faults.mmaps_left = 0;
    REQUIRE(!hooks_alloc(&hooks_default, 0, NULL, SIZE, SIZE).addr);
}

static void default_is_known(void)
{
    chunk_hooks_t h = hooks_default;
    REQUIRE(hooks_are_default(&h));
    h.merge = hookmem_merge;
    REQUIRE(!hooks_are_default(&h));
    REQUIRE(!hooks_are_default(&hookmem_hooks));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(each_call_is_surrounded),
        UNIT(each_failure_is_told),
        UNIT(says_what_alloc_said),
        UNIT(an_address_not_asked_for_ends_the_program),
        UNIT(default_is_the_system),
        UNIT(default_passes_failures_on),
        UNIT(default_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
