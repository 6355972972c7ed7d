/* early.c (test): the few pages for callers that come before the library is relocated. What such callers
 * meet is tested by whole programs in ../early. */
#include "../../api/early.h"
#include "unit.h"

#include <string.h>

static void blocks_lie_apart_and_aligned(void)
{
    char *end = early_memory;
    for (size_t size = 1; size <= 64; size++) {
        for (size_t alignment = 1; alignment <= 64; alignment *= 8) {
            char *block = early_alloc(size, alignment);
            REQUIRE(block && (uintptr_t)block % alignment == 0);
            REQUIRE(block >= end && early_owns(block) && early_owns(block + size - 1));
            REQUIRE(early_usable(block) >= size);
            REQUIRE(block[0] == 0 && memcmp(block, block + 1, size - 1) == 0);
            memset(block, 'x', size);
            end = block + size;
        }
    }
}

static void size_zero_is_a_block_of_its_own(void)
{
    void *a = early_alloc(0, 16), *b = early_alloc(0, 16);
    REQUIRE(a && b && a != b);
}

static void all_is_used_and_no_more(void)
{
    REQUIRE(!early_alloc(EARLY_BYTES + 1, 1));
    REQUIRE(!early_alloc(SIZE_MAX, 16));
    REQUIRE(early_alloc(EARLY_BYTES - 1, 1) == early_memory);
    char *last = early_alloc(1, 1);
    REQUIRE(last == early_memory + EARLY_BYTES - 1);
    REQUIRE_EQUAL(early_usable(last), 1);
    REQUIRE(!early_alloc(1, 1) && !early_alloc(0, 1) && !early_alloc(1, 4096));
    REQUIRE(!early_alloc(0, 1));
}

static void owns_its_own_alone(void)
{
    int local;
    REQUIRE(!early_owns(&local) && !early_owns(NULL));
    REQUIRE(!early_owns(early_memory - 1) && !early_owns(early_memory + EARLY_BYTES));
}

/* A cache as empty as tcache_none, but another one. */
static void the_early_cache_refuses_all(void)
{
    static const struct tcache zero;
    REQUIRE(&tcache_early != &tcache_none);
    REQUIRE(memcmp(&tcache_early, &zero, sizeof zero) == 0);
    REQUIRE(!early_now());
    tcache_self = (struct tcache *)(uintptr_t)&tcache_early;
#if defined(__x86_64__)
    REQUIRE(early_now());
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(blocks_lie_apart_and_aligned),    UNIT(all_is_used_and_no_more),
        UNIT(size_zero_is_a_block_of_its_own), UNIT(owns_its_own_alone),
        UNIT(the_early_cache_refuses_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
