/* pages.c (test): what the system gives and takes, and what is left when it refuses. */
#include "../../os/pages.h"
#include "../../util/config.h"
#include "faults.h"
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

static bool all_bytes(const char *addr, size_t size, char c)
{
    return addr[0] == c && memcmp(addr, addr + 1, size - 1) == 0;
}

static bool is_mapped(const char *page)
{
    unsigned char in_core;
    return mincore((void *)(uintptr_t)page, PAGE_SIZE, &in_core) == 0;
}

static void maps_aligned_zeroed_memory(void)
{
    for (size_t alignment = PAGE_SIZE; alignment <= 64 * MIB; alignment *= 4) {
        for (size_t size = PAGE_SIZE; size <= 4 * MIB; size *= 8) {
            char *addr = pages_map(size, alignment);
            REQUIRE(addr && ((uintptr_t)addr & (alignment - 1)) == 0);
            REQUIRE(all_bytes(addr, size, 0));
            memset(addr, 'x', size);
            REQUIRE(pages_unmap(addr, size));
            REQUIRE(!is_mapped(addr) && !is_mapped(addr + size - PAGE_SIZE));
        }
    }
}

/* What was mapped for the alignment alone goes back, or is counted. */
static void trims_both_ends(void)
{
    for (int i = 0; i < 4; i++) {
        faults_none();
        char *addr = pages_map(MIB, 32 * MIB);
        REQUIRE(addr && ((uintptr_t)addr & (32 * MIB - 1)) == 0);
        REQUIRE_EQUAL(faults.mmaps, 1);
        REQUIRE(faults.munmaps >= 1 && faults.munmaps <= 2);
        REQUIRE(!is_mapped(addr + MIB));
        pages_map(3 * PAGE_SIZE, PAGE_SIZE); /* so that the next one lies elsewhere */
    }
    REQUIRE_EQUAL(pages_stuck_bytes(), 0);
}

static void refused_unmap_is_counted(void)
{
    faults.munmaps_left = 0;
    for (size_t i = 1; i <= 4; i++) {
        errno = EDOM;
        char *addr = pages_map(MIB, 32 * MIB);
        REQUIRE(addr && ((uintptr_t)addr & (32 * MIB - 1)) == 0);
        memset(addr, 1, MIB);
        REQUIRE_EQUAL(pages_stuck_bytes(), i * (32 * MIB - PAGE_SIZE));
        REQUIRE(!pages_unmap(addr, MIB));
        REQUIRE_EQUAL(errno, EDOM);
    }
}

static void refused_map_is_null(void)
{
    faults.mmaps_left = 0;
    errno = EDOM;
    REQUIRE(!pages_map(MIB, PAGE_SIZE));
    REQUIRE(!pages_map(MIB, 1024 * MIB));
    REQUIRE_EQUAL(errno, EDOM);
    REQUIRE_EQUAL(faults.munmaps, 0);
}

static void too_much_is_null(void)
{
    errno = EDOM;
    REQUIRE(!pages_map((size_t)1 << 62, PAGE_SIZE));
    REQUIRE(!pages_map((size_t)1 << 62, (size_t)1 << 40));
    REQUIRE(!pages_map(SIZE_MAX - PAGE_MASK, PAGE_SIZE));
    REQUIRE(!pages_map((size_t)1 << 46, (size_t)1 << 63));
    REQUIRE_EQUAL(errno, EDOM);
}

/* Where size and alignment overflow together the system is not even asked. */
static void padded_size_does_not_wrap(void)
{
    REQUIRE(!pages_map(SIZE_MAX - PAGE_MASK, (size_t)1 << 40));
    REQUIRE_EQUAL(faults.mmaps, 0);
}

static void purged_pages_read_as_zero(void)
{
    char *addr = pages_map(MIB, PAGE_SIZE);
    memset(addr, 'x', MIB);
    REQUIRE(pages_purge(addr + 16 * PAGE_SIZE, 16 * PAGE_SIZE));
    REQUIRE(all_bytes(addr, 16 * PAGE_SIZE, 'x'));
    REQUIRE(all_bytes(addr + 16 * PAGE_SIZE, 16 * PAGE_SIZE, 0));
    REQUIRE(all_bytes(addr + 32 * PAGE_SIZE, MIB - 32 * PAGE_SIZE, 'x'));
}

static void refused_purge_changes_nothing(void)
{
    char *addr = pages_map(MIB, PAGE_SIZE);
    memset(addr, 'x', MIB);
    faults.madvises_left = 0;
    errno = EDOM;
    REQUIRE(!pages_purge(addr, MIB));
    REQUIRE_EQUAL(errno, EDOM);
    REQUIRE(all_bytes(addr, MIB, 'x'));
}

static void hint_keeps_errno(void)
{
    errno = EDOM;
    pages_hint_huge(NULL, PAGE_SIZE, true);
    pages_hint_huge(NULL, PAGE_SIZE, false);
    REQUIRE_EQUAL(errno, EDOM);
    REQUIRE_EQUAL(faults.hints, 2);
}

static char *shared_page;

static void part_child_sees_zero(void)
{
    REQUIRE(all_bytes(shared_page, PAGE_SIZE, 0));
    REQUIRE(all_bytes(shared_page + PAGE_SIZE, PAGE_SIZE, 'x'));
    memset(shared_page, 'y', PAGE_SIZE);
}

static void wiped_on_fork(void)
{
    shared_page = pages_map(2 * PAGE_SIZE, PAGE_SIZE);
    memset(shared_page, 'x', 2 * PAGE_SIZE);
    REQUIRE(pages_wipe_on_fork(shared_page, PAGE_SIZE));
    REQUIRE(all_bytes(shared_page, PAGE_SIZE, 'x'));
    REQUIRE_EQUAL(unit_child(part_child_sees_zero).exit, 0);
    REQUIRE(all_bytes(shared_page, PAGE_SIZE, 'x'));
    faults.madvises_left = 0;
    errno = EDOM;
    REQUIRE(!pages_wipe_on_fork(shared_page, PAGE_SIZE));
    REQUIRE_EQUAL(errno, EDOM);
}

static void knows_the_page_size(void)
{
    REQUIRE_EQUAL(pages_system_page_bytes(), sysconf(_SC_PAGESIZE));
    faults.sysconf_gives = 65536;
    REQUIRE_EQUAL(pages_system_page_bytes(), 65536);
}

static void maps_where_it_is_told(void)
{
    char *place = pages_map(4 * PAGE_SIZE, PAGE_SIZE);
    REQUIRE(place);
    place[0] = 'x';
    errno = EDOM;
    REQUIRE(!pages_map_at(place, PAGE_SIZE)); /* something lies there */
    REQUIRE_EQUAL(place[0], 'x');
    REQUIRE(!pages_map_at(place - PAGE_SIZE, 2 * PAGE_SIZE));
    REQUIRE(pages_unmap(place + PAGE_SIZE, 2 * PAGE_SIZE));
    REQUIRE(pages_map_at(place + PAGE_SIZE, PAGE_SIZE) == place + PAGE_SIZE);
    REQUIRE(all_bytes(place + PAGE_SIZE, PAGE_SIZE, 0));
    REQUIRE_EQUAL(pages_stuck_bytes(), 0);
    faults.mmaps_left = 0;
    REQUIRE(!pages_map_at(place + 2 * PAGE_SIZE, PAGE_SIZE));
    REQUIRE_EQUAL(errno, EDOM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(maps_aligned_zeroed_memory),
        UNIT(trims_both_ends),
        UNIT(refused_unmap_is_counted),
        UNIT(refused_map_is_null),
        UNIT(too_much_is_null),
        UNIT(padded_size_does_not_wrap),
        UNIT(purged_pages_read_as_zero),
        UNIT(refused_purge_changes_nothing),
        UNIT(hint_keeps_errno),
        UNIT(wiped_on_fork),
        UNIT(knows_the_page_size),
        UNIT(maps_where_it_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
