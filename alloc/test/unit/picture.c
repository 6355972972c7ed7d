/* picture.c (test): small heaps and the exact lines that show them. */
#include "../../include/ashlar/ashlar.h"
#include "../../api/boot.h"
#include "../../heap/arena.h"
#include "../../thread/thread.h"
#include "../../util/conf.h"
#include "../../util/prng.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

static const char *picture(void)
{
    unit_capture();
    ashlar_picture(2);
    return unit_captured();
}

/* The line of the picture that begins so. */
static void require_line(const char *text, const char *line)
{
    REQUIRE_CONTAINS(text, line);
    REQUIRE(strstr(text, line)[strlen(line)] == '\n');
}

static void an_empty_heap(void)
{
    const char *text = picture();
    require_line(text, "H header   a-t small run of size class 16, 32, ... 1024   u-y to 2, 4, 8, 16, "
                       "32 KiB");
    require_line(text, "L- large block   C- cached   S- sampled");
    require_line(text, ". free, clean (reads as zero)   , free, dirty (still backed)");
    REQUIRE(!strstr(text, "chunk"));
}

static void a_page_a_character(void)
{
    setenv("ASHLAR_CONF", "prof:false,thp:never", 1);
    boot();
    ashlar_malloc(10);     /* a: 1 page */
    ashlar_malloc(1024);   /* t: 8 */
    ashlar_malloc(2000);   /* u: 16 */
    ashlar_malloc(4000);   /* v: 16 */
    ashlar_malloc(5000);   /* w: 10, of 5120 */
    ashlar_malloc(16384);  /* x: 16 */
    ashlar_malloc(32768);  /* y: 32 */
    void *cached = ashlar_malloc(36864), *large = ashlar_malloc(45056); /* 9 and 11 */
    ashlar_malloc(65536); /* 16 */
    ashlar_free(cached);
    const char *text = picture();
    require_line(text, "arena 0, 1 chunk(s)");
    require_line(text, "chunk 0, 870 of 1005 pages free");
    require_line(text, "      0  HHHHHHHHHHHHHHHHHHHattttttttuuuuuuuuuuuuuuuuvvvvvvvvvvvvvvvvwwww");
    require_line(text, "     64  wwwwwwxxxxxxxxxxxxxxxxyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyC--------L");
    require_line(text, "    128  ----------L---------------......................................");
    require_line(text, "    192  ................................................................");
    require_line(text, "           (12 more such lines)");
    require_line(text, "reserve 1, by address: [runs 1] [free clean 15]");
    ashlar_free(large);
    tcache_flush_all(tcache_self);
    text = picture();
    require_line(text, "     64  wwwwwwxxxxxxxxxxxxxxxxyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy,,,,,,,,,,");
    require_line(text, "    128  ,,,,,,,,,,L---------------......................................");
}

static void sampled_blocks(void)
{
    setenv("ASHLAR_CONF", "prof:true,lg_prof_sample:0,thp:never", 1);
    ashlar_malloc(10);
    ashlar_malloc(10000);
    require_line(picture(),
                 "      0  HHHHHHHHHHHHHHHHHHHSS--.........................................");
}

static void extents(void)
{
    setenv("ASHLAR_CONF", "thp:never", 1);
    ashlar_malloc(10);
    void *a = ashlar_malloc(5 * MIB), *b = ashlar_malloc(5 * MIB);
    ashlar_malloc(70 * MIB);
    ashlar_free(a);
    require_line(picture(), "reserve 1, by address: [runs 1] [free dirty 2] [huge 2] [free clean 11]");
    require_line(picture(), "reserve 2, by address: [huge 18]");
    ashlar_free(b);
    require_line(picture(), "reserve 1, by address: [runs 1] [free dirty 4] [free clean 11]");
}

static void each_arena_and_chunk(void)
{
    setenv("ASHLAR_CONF", "narenas:2,thp:never", 1);
    ashlar_malloc(3 * MIB);
    ashlar_malloc(3 * MIB);
    struct arena *arena = arena_join();
    void *block;
    REQUIRE(arena->index == 1 && arena_fill(arena, 0, &block, 1) == 1);
    const char *text = picture();
    require_line(text, "arena 0, 2 chunk(s)");
    require_line(text, "arena 1, 1 chunk(s)");
    require_line(text, "chunk 0, 237 of 1005 pages free");
    require_line(text, "chunk 1, 237 of 1005 pages free");
    require_line(text, "chunk 2, 1004 of 1005 pages free");
}

/* Two processes that do the same draw the same, wherever the system put them. */
static void part_random_heap(void)
{
    enum { HELD = 500 };
    static void *held[HELD];
    uint64_t state = 5;
    setenv("ASHLAR_CONF", "thp:never,narenas:2", 1);
    for (unsigned step = 0; step < 6000; step++) {
        unsigned i = (unsigned)(prng_next(&state) % HELD), lg = (unsigned)(prng_next(&state) % 24);
        size_t size = prng_next(&state) % ((size_t)1 << lg) + 1;
        if (prng_next(&state) % 4 == 0) {
            held[i] = ashlar_realloc(held[i], size);
        } else {
            ashlar_free(held[i]);
            held[i] = prng_next(&state) % 8 ? ashlar_malloc(size) : ashlar_memalign(65536, size);
        }
    }
    REQUIRE(ashlar_check());
    ashlar_picture(2);
}

static void same_work_same_picture(void)
{
    unit_deterministic(part_random_heap);
}

/* Chunks of hooks have a line of their own; an index without an arena has none. */
static void chunks_of_hooks(void)
{
    bool zeroed;
    setenv("ASHLAR_CONF", "thp:never,narenas:3", 1);
    boot();
    ashlar_malloc(5 * MIB);
    chunk_hooks_t hooks = hooks_default;
    hooks.decommit = hooks_default.commit; /* any that differ */
    struct arena *arena = arena_create(&hooks);
    REQUIRE(arena && arena_huge_alloc(arena, 9 * MIB, 16, &zeroed));
    const char *text = picture();
    require_line(text, "reserve 1, by address: [huge 2] [free clean 14]");
    require_line(text, "hooks of arena 3, by address: [huge 3]");
    require_line(text, "arena 3, 0 chunk(s)");
    REQUIRE(!strstr(text, "arena 1,"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(an_empty_heap),
        UNIT(a_page_a_character),
        UNIT(sampled_blocks),
        UNIT(extents),
        UNIT(each_arena_and_chunk),
        UNIT(same_work_same_picture),
        UNIT(chunks_of_hooks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
