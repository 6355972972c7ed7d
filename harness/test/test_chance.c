/* test_chance.c: the same seed gives the same order, another one another, and no order is favoured.
 */
#include "base/chance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_streams(void **state)
{
    struct chance a = chance_for(1, 2, 3), b = chance_for(1, 2, 3);
    struct chance swapped = chance_for(1, 3, 2), seeded = chance_for(2, 2, 3);
    uint64_t first = chance_next(&a);

    (void)state;
    assert_int_equal(first, chance_next(&b));
    assert_int_not_equal(first, chance_next(&swapped));
    assert_int_not_equal(first, chance_next(&seeded));
}

static void test_below(void **state)
{
    struct chance chance = chance_for(1, 0, 0);
    unsigned seen[7] = {0};

    (void)state;
    for (int i = 0; i < 70000; i++)
        seen[chance_below(&chance, 7)]++;
    /* 10,000 expected, standard deviation 93: five of them are one chance in two million. */
    for (int i = 0; i < 7; i++)
        assert_in_range(seen[i], 9535, 10465);
}

/* All 24 orders of four, each about as often. */
static void test_permutations(void **state)
{
    struct chance chance = chance_for(1, 0, 0);
    unsigned seen[256] = {0};
    size_t different = 0;

    (void)state;
    for (int i = 0; i < 24000; i++) {
        size_t order[4], code = 0, mask = 0;

        chance_permutation(&chance, order, 4);
        for (int k = 0; k < 4; k++) {
            assert_true(order[k] < 4);
            mask |= (size_t)1 << order[k];
            code = code * 4 + order[k];
        }
        assert_int_equal(mask, 15);
        seen[code]++;
    }
    for (int i = 0; i < 256; i++)
        if (seen[i] > 0) {
            different++;
            assert_in_range(seen[i], 840, 1160);
        }
    assert_int_equal(different, 24);
}

static void test_hash(void **state)
{
    (void)state;
    /* Published values of FNV-1a, 64 bits. */
    assert_int_equal(hash_text(""), UINT64_C(0xcbf29ce484222325));
    assert_int_equal(hash_text("a"), UINT64_C(0xaf63dc4c8601ec8c));
    assert_int_equal(hash_text("foobar"), UINT64_C(0x85944171f73967e8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_below),
        cmocka_unit_test(test_permutations),
        cmocka_unit_test(test_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
