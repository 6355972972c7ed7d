/* prng.c (test): the stream, the logarithm, and the law of the sample intervals. Seeds are fixed, so a
 * result is the same on every run; the bounds are five standard deviations wide. */
#include "../../util/prng.h"
#include "unit.h"

#include <math.h>

static void stream_is_splitmix(void)
{
    uint64_t state = 0;
    REQUIRE_EQUAL(prng_next(&state), UINT64_C(0xe220a8397b1dcdaf));
    REQUIRE_EQUAL(prng_next(&state), UINT64_C(0x6e789e6aa1b965f4));
    REQUIRE_EQUAL(prng_next(&state), UINT64_C(0x06c45d188009454f));
}

static void unit_is_above_zero_and_flat(void)
{
    uint64_t state = 1;
    unsigned n = 1000000, buckets[10] = {0};
    for (unsigned i = 0; i < n; i++) {
        double u = prng_unit(&state);
        REQUIRE(u > 0 && u <= 1);
        buckets[u == 1 ? 9 : (unsigned)(u * 10)]++;
    }
    for (int i = 0; i < 10; i++) {
        REQUIRE(fabs(buckets[i] - n / 10.0) < 5 * sqrt(n * 0.1 * 0.9));
    }
}

static void ln_is_close(void)
{
    REQUIRE(prng_ln(1) == 0);
    uint64_t state = 2;
    for (int i = 0; i < 1000000; i++) {
        double x = prng_unit(&state);
        REQUIRE(fabs(prng_ln(x) - log(x)) <= 1e-12 * fmax(1, fabs(log(x))));
    }
    for (int e = -53; e <= 60; e++) { /* the smallest that prng_unit gives, and beyond 1 */
        for (double m = 1; m < 2; m += 0.0625) {
            double x = ldexp(m, e);
            REQUIRE(fabs(prng_ln(x) - log(x)) <= 1e-12 * fmax(1, fabs(log(x))));
        }
    }
}

/* The number of blocks until a sample is geometric with p = 1 - exp(-size / mean). */
static void require_geometric(size_t size, unsigned lg_mean)
{
    enum { DRAWS = 200000, BUCKETS = 8 };
    uint64_t state = size * 1000 + lg_mean;
    double p = -expm1(-(double)size / ldexp(1, (int)lg_mean)), sum = 0;
    unsigned buckets[BUCKETS] = {0};
    for (int i = 0; i < DRAWS; i++) {
        uint32_t blocks = prng_sample_interval(&state, size, lg_mean);
        REQUIRE(blocks >= 1);
        sum += blocks;
        /* Buckets of equal width in units of the mean interval. */
        unsigned bucket = (unsigned)((blocks - 1) * p * 2);
        buckets[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    }
    double mean = sum / DRAWS, deviation = sqrt(1 - p) / p;
    REQUIRE(fabs(mean - 1 / p) <= 5 * deviation / sqrt(DRAWS) + 1e-9);
    double before = 0; /* P(bucket < i) = 1 - (1 - p)^k, k the first interval of bucket i, less 1 */
    for (int i = 0; i < BUCKETS; i++) {
        double k = ceil((i + 1) / (p * 2) - 1e-12);
        double below = i + 1 < BUCKETS ? 1 - pow(1 - p, k) : 1;
        double share = below - before;
        REQUIRE(fabs(buckets[i] - share * DRAWS) <= 5 * sqrt(DRAWS * share * (1 - share)) + 1);
        before = below;
    }
}

static void intervals_are_geometric(void)
{
    static const size_t sizes[] = {16, 48, 1024, 14336, 524288, 1048576, 3670016};
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        require_geometric(sizes[i], 19);
        require_geometric(sizes[i], 12);
    }
}

static void intervals_end(void)
{
    uint64_t state = 3;
    for (int i = 0; i < 10000; i++) {
        REQUIRE_EQUAL(prng_sample_interval(&state, 4096, 0), 1); /* every byte: every block */
        REQUIRE(prng_sample_interval(&state, 16, 40) <= UINT32_C(1) << 30);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(stream_is_splitmix),
        UNIT(unit_is_above_zero_and_flat),
        UNIT(ln_is_close),
        UNIT(intervals_are_geometric),
        UNIT(intervals_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
