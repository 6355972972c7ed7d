/* mallinfo.c: the questions of <malloc.h>, as a program asks them. Built against libashlar.so, and
 * against the C library, the control. */
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ashlar/ashlar.h"

#ifdef CONTROL
#define OURS false
#else
#define OURS true
#endif

enum { BLOCKS = 64, BLOCK_BYTES = 100000, HUGE_BYTES = 9 << 20 };

static void *blocks[BLOCKS];

static void take_blocks(void)
{
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(BLOCK_BYTES);
        assert_non_null(blocks[i]);
        memset(blocks[i], 1, BLOCK_BYTES);
    }
}

static void free_blocks(void)
{
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
}

static void test_in_use_follows_the_blocks(void **state)
{
    (void)state;
    struct mallinfo2 before = mallinfo2();
    take_blocks();
    struct mallinfo2 during = mallinfo2();
    size_t grown = during.uordblks - before.uordblks;
    assert_in_range(grown, BLOCKS * BLOCK_BYTES, BLOCKS * BLOCK_BYTES * 5 / 4);
    assert_true(during.arena >= during.uordblks);
    assert_int_equal(during.arena, during.uordblks + during.fordblks);
    free_blocks();
    assert_int_equal(mallinfo2().uordblks, before.uordblks);
}

static void test_huge_blocks_stand_apart(void **state)
{
    (void)state;
    struct mallinfo2 before = mallinfo2();
    char *block = malloc(HUGE_BYTES);
    assert_non_null(block);
    struct mallinfo2 during = mallinfo2();
    assert_in_range(during.hblkhd - before.hblkhd, HUGE_BYTES, HUGE_BYTES + (4 << 20));
    assert_true(during.hblks > before.hblks);
    assert_int_equal(during.uordblks, before.uordblks);
    free(block);
    assert_int_equal(mallinfo2().hblkhd, before.hblkhd);
}

static void test_the_older_form_says_the_same(void **state)
{
    (void)state;
    struct mallinfo2 wide = mallinfo2();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    struct mallinfo narrow = mallinfo();
#pragma GCC diagnostic pop
    assert_int_equal(narrow.uordblks, wide.uordblks);
    assert_int_equal(narrow.arena, wide.arena);
    assert_int_equal(narrow.hblkhd, wide.hblkhd);
}

static void test_trim_gives_back_once(void **state)
{
    (void)state;
    if (!OURS)
        skip();
    malloc_trim(0);
    assert_int_equal(mallinfo2().keepcost, 0);
    assert_int_equal(malloc_trim(0), 0);
    take_blocks();
    free_blocks();
    assert_int_equal(malloc_trim(0), 1);
}

/* What malloc_info writes, in memory of the test's own: the stream's must not count. */
static void test_info_is_whole(void **state)
{
    (void)state;
    static char text[16384];
    FILE *stream = fmemopen(text, sizeof text, "w");
    assert_non_null(stream);
    assert_int_equal(malloc_info(0, stream), 0);
    fclose(stream);
    assert_int_equal(strncmp(text, "<malloc version=", 16), 0);
    assert_non_null(strstr(text, "<heap nr=\"0\">"));
    assert_non_null(strstr(text, "</malloc>"));
    if (OURS) {
        const char *at = strstr(text, "type=\"allocated\" size=\"");
        assert_non_null(at);
        assert_true(strtoull(at + 23, NULL, 10) > 0);
    }
}

static void test_info_refuses_options(void **state)
{
    (void)state;
    FILE *null = fopen("/dev/null", "w");
    assert_non_null(null);
    int result = malloc_info(1, null);
    assert_true(OURS ? result == -1 && errno == EINVAL : result != 0);
    fclose(null);
}

/* Reads what malloc_stats writes to standard error. */
static void test_stats_go_to_standard_error(void **state)
{
    (void)state;
    char text[4096] = "";
    int ends[2], saved = dup(2);
    assert_int_equal(pipe(ends), 0);
    fflush(stderr);
    dup2(ends[1], 2);
    malloc_stats();
    fflush(stderr);
    dup2(saved, 2);
    close(ends[1]);
    ssize_t len = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    close(saved);
    assert_true(len > 0);
    assert_non_null(strstr(text, "in use bytes     ="));
}

static void test_mallopt_says_what_it_can_do(void **state)
{
    (void)state;
    assert_int_equal(mallopt(M_TRIM_THRESHOLD, 1 << 20), 1);
    assert_int_equal(mallopt(M_MMAP_THRESHOLD, 1 << 20), 1);
    if (OURS) {
        assert_int_equal(mallopt(M_PERTURB, 1), 0);
        assert_int_equal(mallopt(12345, 1), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_use_follows_the_blocks),
        cmocka_unit_test(test_huge_blocks_stand_apart),
        cmocka_unit_test(test_the_older_form_says_the_same),
        cmocka_unit_test(test_trim_gives_back_once),
        cmocka_unit_test(test_info_is_whole),
        cmocka_unit_test(test_info_refuses_options),
        cmocka_unit_test(test_stats_go_to_standard_error),
        cmocka_unit_test(test_mallopt_says_what_it_can_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
