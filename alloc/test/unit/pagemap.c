/* pagemap.c (test): words go in and come out, every page has its place, any address may be asked. */
#include "../../heap/pagemap.h"
#include "unit.h"

#include <stdlib.h>
#include <sys/mman.h>

static uintptr_t some_chunk(void)
{
    char *addr = mmap(NULL, 3 * CHUNK_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(addr != MAP_FAILED);
    return ROUND_UP((uintptr_t)addr, CHUNK_SIZE);
}

static void word_round_trip(void)
{
    static const enum page_state states[] = {PAGE_SMALL, PAGE_LARGE, PAGE_LARGE_CACHED,
                                             PAGE_SAMPLED};
    static const uintptr_t runs[] = {0x7f31c2a04000, 0x7fffffc13000, 0x13000, 0x7f32fffff000};
    for (unsigned r = 0; r < 4; r++) {
        for (unsigned s = 0; s < 4; s++) {
            for (unsigned class = 0; class < RUN_CLASSES; class++) {
                uint64_t word = page_word_make(runs[r], states[s], class);
                REQUIRE(word != 0);
                REQUIRE_EQUAL(page_word_state(word), states[s]);
                REQUIRE_EQUAL(page_word_class(word), class);
                REQUIRE_EQUAL(page_word_bin_offset(word),
                              states[s] == PAGE_SMALL ? (class + 1) << LG_TCACHE_BIN : 0);
                for (uint32_t offset = 0; offset < 1 << 17; offset += 4111) {
                    REQUIRE_EQUAL(page_word_offset(word, runs[r] + offset), offset);
                }
            }
        }
    }
    REQUIRE_EQUAL(page_word_state(0), PAGE_NONE);
    REQUIRE_EQUAL(page_word_bin_offset(0), 0); /* the bin that no free gets past */
}

static void every_page_has_its_own_place(void)
{
    uintptr_t chunk = some_chunk();
    for (unsigned n = 0; n < 2; n++, chunk += CHUNK_SIZE) {
        static bool taken[CHUNK_PAGES];
        for (unsigned page = 0; page < CHUNK_PAGES; page++) {
            uintptr_t addr = chunk + ((uintptr_t)page << LG_PAGE);
            unsigned place = page_rotated(addr);
            REQUIRE(place < CHUNK_PAGES);
            REQUIRE_EQUAL(page_rotated(addr + PAGE_SIZE - 1), place);
            REQUIRE(taken[place] == (n == 1)); /* the same map serves both chunks */
            taken[place] = n == 0;
            REQUIRE((uintptr_t)page_word_at(addr) == chunk + 8 * place);
        }
    }
}

/* The words of page n of neighbouring chunks fall on different cache lines. */
static void neighbours_are_rotated(void)
{
    uintptr_t chunk = some_chunk();
    for (unsigned page = 0; page < CHUNK_PAGES; page++) {
        uintptr_t addr = chunk + ((uintptr_t)page << LG_PAGE);
        uintptr_t here = (uintptr_t)page_word_at(addr) & CHUNK_MASK;
        uintptr_t there = (uintptr_t)page_word_at(addr + CHUNK_SIZE) & CHUNK_MASK;
        REQUIRE(here / CACHELINE != there / CACHELINE);
    }
}

static void words_are_kept(void)
{
    uintptr_t chunk = some_chunk();
    for (unsigned page = 0; page < CHUNK_PAGES; page++) {
        uintptr_t addr = chunk + ((uintptr_t)page << LG_PAGE);
        REQUIRE_EQUAL(page_word(addr), 0);
        page_word_set(addr + page, page + 1); /* any address in the page names it */
    }
    for (unsigned page = 0; page < CHUNK_PAGES; page++) {
        REQUIRE_EQUAL(page_word(chunk + ((uintptr_t)page << LG_PAGE) + PAGE_MASK), page + 1);
    }
    page_large_set(chunk + PAGE_SIZE, 40, PAGE_LARGE_CACHED);
    REQUIRE_EQUAL(page_word(chunk + PAGE_SIZE),
                  page_word_make(chunk + PAGE_SIZE, PAGE_LARGE_CACHED, 40));
}

static void registry_covers_any_address(void)
{
    uintptr_t chunk = some_chunk();
    static const uintptr_t wild[] = {0, 1, 0x400000, 0x7fffffffffff, 0x800000000000,
                                     0xffff800000000000, UINTPTR_MAX};
    int local;
    for (unsigned i = 0; i < sizeof wild / sizeof wild[0]; i++) {
        REQUIRE_EQUAL(chunk_kind_at(wild[i]), CHUNK_FOREIGN);
    }
    REQUIRE_EQUAL(chunk_kind_at((uintptr_t)&local), CHUNK_FOREIGN);
    REQUIRE_EQUAL(chunk_kind_at((uintptr_t)&registry_covers_any_address), CHUNK_FOREIGN);
    for (int kind = CHUNK_RUNS; kind <= CHUNK_HUGE_FREED; kind++) {
        chunk_kind_set(chunk, 2, (enum chunk_kind)kind);
        REQUIRE_EQUAL(chunk_kind_at(chunk - 1), CHUNK_FOREIGN);
        REQUIRE_EQUAL(chunk_kind_at(chunk), kind);
        REQUIRE_EQUAL(chunk_kind_at(chunk + 2 * CHUNK_SIZE - 1), kind);
        REQUIRE_EQUAL(chunk_kind_at(chunk + 2 * CHUNK_SIZE), CHUNK_FOREIGN);
    }
    uintptr_t last = (CHUNK_NUMBERS - 1) << LG_CHUNK; /* the last byte of the registry */
    chunk_kind_set(last, 1, CHUNK_HUGE);
    REQUIRE_EQUAL(chunk_kind_at(0x7fffffffffff), CHUNK_HUGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(word_round_trip),        UNIT(every_page_has_its_own_place),
        UNIT(neighbours_are_rotated), UNIT(words_are_kept),
        UNIT(registry_covers_any_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
