/* bits.c (test): single-word arithmetic against loops that say the same slowly. */
#include "../../util/bits.h"
#include "unit.h"

static unsigned slow_count(uint64_t x)
{
    unsigned n = 0;
    for (; x; x >>= 1) {
        n += x & 1;
    }
    return n;
}

static void require_word(uint64_t x)
{
    unsigned lowest = 0, highest = 63;
    while (!(x >> lowest & 1)) {
        lowest++;
    }
    while (!(x >> highest & 1)) {
        highest--;
    }
    REQUIRE_EQUAL(bits_lowest(x), lowest);
    REQUIRE_EQUAL(bits_lg_floor(x), highest);
    REQUIRE_EQUAL(bits_count(x), slow_count(x));
    REQUIRE_EQUAL(bits_is_pow2(x), slow_count(x) == 1);
}

static void words(void)
{
    for (unsigned i = 0; i < 64; i++) {
        for (unsigned j = 0; j < 64; j++) {
            require_word(UINT64_C(1) << i | UINT64_C(1) << j);
            require_word(UINT64_MAX >> i << j ? UINT64_MAX >> i << j : 1);
        }
    }
    REQUIRE(!bits_is_pow2(0));
    REQUIRE_EQUAL(bits_count(0), 0);
}

/* The first outputs of splitmix64 from the seed 0, as its authors publish them. */
static void mix_is_splitmix(void)
{
    uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);
    REQUIRE_EQUAL(bits_mix(golden), UINT64_C(0xe220a8397b1dcdaf));
    REQUIRE_EQUAL(bits_mix(golden * 2), UINT64_C(0x6e789e6aa1b965f4));
    REQUIRE_EQUAL(bits_mix(golden * 3), UINT64_C(0x06c45d188009454f));
    REQUIRE_EQUAL(bits_mix(0), 0);
}

/* Neighbouring serials become unlike priorities: each input bit changes about half of the bits. */
static void mix_spreads(void)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        unsigned changed = 0;
        for (uint64_t x = 1; x <= 1000; x++) {
            changed += bits_count(bits_mix(x) ^ bits_mix(x ^ UINT64_C(1) << bit));
        }
        REQUIRE(changed > 30 * 1000 && changed < 34 * 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(words),
        UNIT(mix_is_splitmix),
        UNIT(mix_spreads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
