/* size_class.c (test): every size class at its boundary, and tables that were tampered with. */
#include "../../util/size_class.h"
#include "unit.h"

#include <sys/mman.h>

static void boundaries(void)
{
    size_t before = 0;
    for (unsigned i = 0; i < RUN_CLASSES; i++) {
        size_t bytes = size_class_bytes(i);
        REQUIRE(bytes > before && bytes % QUANTUM == 0);
        REQUIRE_EQUAL(size_class_of(bytes), i);
        REQUIRE_EQUAL(size_class_of(before + 1), i);
        REQUIRE_EQUAL(size_class_compute(bytes), i);
        if (bytes <= TABLE_MAX) {
            REQUIRE_EQUAL(size_class_lookup(bytes), i);
            REQUIRE_EQUAL(size_class_lookup(before + 1), i);
        }
        before = bytes;
    }
    REQUIRE_EQUAL(before, LARGE_MAX);
    REQUIRE_EQUAL(size_class_of(0), 0);
}

/* The limits by name are the limits by number. */
static void limits(void)
{
    REQUIRE_EQUAL(size_class_bytes(SMALL_CLASSES - 1), SMALL_MAX);
    REQUIRE_EQUAL(size_class_bytes(CACHED_CLASSES - 1), CACHED_MAX);
    REQUIRE_EQUAL(size_class_bytes(RUN_CLASSES - 1), LARGE_MAX);
    for (unsigned i = SMALL_CLASSES; i < RUN_CLASSES; i++) {
        REQUIRE_EQUAL(size_class_bytes(i) % PAGE_SIZE, 0);
    }
}

/* Four classes a doubling waste a fifth at most, eight, beyond 1 KiB, a ninth. */
static void waste(void)
{
    for (size_t size = 113; size <= LARGE_MAX; size++) {
        size_t bytes = size_class_bytes(size_class_of(size));
        REQUIRE(bytes >= size && (bytes - size) * (size > 1024 ? 9 : 5) <= bytes);
    }
}

static void small_runs(void)
{
    for (unsigned i = 0; i < SMALL_CLASSES; i++) {
        const struct size_class *c = &size_classes[i];
        REQUIRE_EQUAL(c->size_bytes, size_class_bytes(i));
        REQUIRE_EQUAL((size_t)c->size_bytes * c->run_regions, c->run_pages * PAGE_SIZE);
        REQUIRE(bits_is_pow2(c->run_regions));
        REQUIRE(c->run_regions >= (c->size_bytes <= 2048    ? 32
                                   : c->size_bytes <= 4096  ? 16
                                   : c->size_bytes <= 15360 ? 8
                                                            : 4));
        REQUIRE(c->run_regions <= RUN_REGIONS_MAX);
        REQUIRE(c->run_pages * PAGE_SIZE <= 1 << 17);
    }
}

static void aligned_classes(void)
{
    for (size_t alignment = 1; alignment <= PAGE_SIZE; alignment *= 2) {
        for (size_t size = 0; size <= LARGE_MAX - PAGE_SIZE; size += size < 20000 ? 1 : 1021) {
            unsigned index = size_class_aligned(size, alignment), first = size_class_of(size);
            while (size_class_bytes(first) % alignment) {
                first++;
            }
            REQUIRE_EQUAL(index, first);
            REQUIRE(index < RUN_CLASSES);
        }
    }
    REQUIRE_EQUAL(size_class_bytes(size_class_aligned(1, PAGE_SIZE)), PAGE_SIZE);
    REQUIRE_EQUAL(size_class_bytes(size_class_aligned(5000, PAGE_SIZE)), 8192);
    REQUIRE_EQUAL(size_class_bytes(size_class_aligned(SMALL_MAX - PAGE_SIZE + 1, PAGE_SIZE)),
                  SMALL_MAX);
}

static void make_writable(const void *from, size_t size)
{
    uintptr_t start = ROUND_DOWN((uintptr_t)from, PAGE_SIZE);
    uintptr_t end = ROUND_UP((uintptr_t)from + size, PAGE_SIZE);
    REQUIRE(mprotect((void *)start, end - start, PROT_READ | PROT_WRITE) == 0);
}

static void check_sees_tampered_tables(void)
{
    REQUIRE(size_class_check());
    make_writable(size_classes, sizeof size_classes);
    make_writable(size_class_table, sizeof size_class_table);
    for (unsigned i = 0; i < SMALL_CLASSES; i += 17) {
        /* Volatile: the compiler knows the tables to be constant. */
        volatile struct size_class *c = (volatile struct size_class *)&size_classes[i];
        struct size_class good = *c;
        c->reciprocal = good.reciprocal - 1;
        REQUIRE(!size_class_check());
        c->reciprocal = good.reciprocal;
        c->size_bytes = good.size_bytes + 16;
        REQUIRE(!size_class_check());
        c->size_bytes = good.size_bytes;
        c->run_regions = (uint16_t)(good.run_regions / 2);
        REQUIRE(!size_class_check());
        c->run_regions = good.run_regions;
    }
    volatile uint8_t *entry = (volatile uint8_t *)&size_class_table[100];
    ++*entry;
    REQUIRE(!size_class_check());
    --*entry;
    REQUIRE(size_class_check());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(boundaries),      UNIT(limits),
        UNIT(waste),           UNIT(small_runs),
        UNIT(aligned_classes), UNIT(check_sees_tampered_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
