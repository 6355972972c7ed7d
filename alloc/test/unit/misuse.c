/* misuse.c (test): each line word for word, and that the program ends by abort(). */
#include "../../heap/misuse.h"
#include "unit.h"

#include <string.h>

#define PTR ((const void *)0x7f31c2a04048)
#define RUN ((uintptr_t)0x7f31c2a04000)

static void part_double_free(void)
{
    misuse_freed(PTR, "free", 64, 1, RUN);
}

static void part_use_of_freed(void)
{
    misuse_freed(PTR, "realloc", 64, 1023, RUN);
}

static void part_double_free_huge(void)
{
    misuse_freed_huge(PTR, "free");
}

static void part_use_of_freed_huge(void)
{
    misuse_freed_huge(PTR, "malloc_usable_size");
}

static void part_inside(void)
{
    misuse_inside(PTR, "free", 3670016, RUN);
}

static void part_not_live(void)
{
    misuse_not_live(PTR, "realloc");
}

static void part_foreign(void)
{
    misuse_foreign(PTR, "free");
}

static void part_size(void)
{
    misuse_size(PTR, "sdallocx", 100, 64);
}

static void part_no_cache(void)
{
    misuse_no_cache(PTR, "dallocx", 7);
}

static void lines(void)
{
    REQUIRE_ABORTS(part_double_free, "ashlar: double free of 0x7f31c2a04048 (size class 64, "
                                     "arena 1, run 0x7f31c2a04000)\n");
    REQUIRE_ABORTS(part_use_of_freed, "ashlar: use of freed block 0x7f31c2a04048 by realloc (size "
                                      "class 64, arena 1023, run 0x7f31c2a04000)\n");
    REQUIRE_ABORTS(part_double_free_huge, "ashlar: double free of 0x7f31c2a04048 (huge block)\n");
    REQUIRE_ABORTS(part_use_of_freed_huge, "ashlar: use of freed block 0x7f31c2a04048 by "
                                           "malloc_usable_size (huge block)\n");
    REQUIRE_ABORTS(part_inside, "ashlar: invalid free of 0x7f31c2a04048 (inside a block of size "
                                "class 3670016 at 0x7f31c2a04000)\n");
    REQUIRE_ABORTS(part_not_live, "ashlar: invalid realloc of 0x7f31c2a04048 (not a live block)\n");
    REQUIRE_ABORTS(part_foreign, "ashlar: invalid free of 0x7f31c2a04048 (not memory of this "
                                 "allocator)\n");
    REQUIRE_ABORTS(part_size, "ashlar: invalid sdallocx of 0x7f31c2a04048 (told 100 bytes, the block "
                              "has 64)\n");
    REQUIRE_ABORTS(part_no_cache, "ashlar: invalid dallocx of 0x7f31c2a04048 (there is no explicit "
                                  "cache 7)\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {UNIT(lines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
