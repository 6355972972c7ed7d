/* test_stats.c: the statistics against worked examples, against each other, and against chance.
 *
 * The comparison with an independent program is test/oracle.bats. Here every simulation has a seed,
 * so it passes or fails the same way each time, and each has a negative control: the same check on
 * data or on an interval that is wrong on purpose.
 */
#include "../stats.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#define MATHLIB_STANDALONE
#include <Rmath.h>

#define BLOCKS 12
#define ALPHA 0.05

static void assert_near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance)) {
        print_error("got %.12g, want %.12g within %g\n", got, want, tolerance);
        fail();
    }
}

/* Hollander and Wolfe, example 3.1: Hamilton depression scale before and after; the differences. */
static const double hollander[] = {-0.952, 0.147, -1.022, -0.43, -0.62, -0.59, -0.49, 0.08, -0.01};

static void test_worked_example(void **state)
{
    (void)state;
    struct stats_test t;
    assert_true(stats_signed_rank(hollander, 9, &t));
    assert_near(t.w, 5, 0);
    assert_near(t.p, 0.0390625, 1e-12);
    assert_near(t.effect, -35.0 / 45, 1e-12);
    struct stats_estimate e;
    assert_true(stats_location(hollander, 9, ALPHA, &e));
    assert_near(e.value, -0.46, 1e-12);
    assert_near(e.low, -0.786, 1e-12);
    assert_near(e.high, -0.01, 1e-12);
    assert_true(e.confidence >= 0.95 && e.confidence < 0.97);
}

static void test_all_one_way(void **state)
{
    (void)state;
    double d[BLOCKS];
    for (size_t n = 1; n <= BLOCKS; n++) {
        d[n - 1] = 0.01 * (double)n;
        struct stats_test t;
        assert_true(stats_signed_rank(d, n, &t));
        assert_near(t.p, n == 1 ? 1 : stats_smallest_p(n), 1e-15);
        assert_near(t.effect, 1, 0);
    }
    assert_near(stats_smallest_p(8), 0.0078125, 0);
    assert_near(stats_smallest_p(12), 0.00048828125, 0);
}

static void test_zeros_are_set_aside(void **state)
{
    (void)state;
    const double with[] = {0, 0.3, 0, -0.1, 0.2, 0.5, 0.4, 0};
    const double without[] = {0.3, -0.1, 0.2, 0.5, 0.4};
    struct stats_test a, b;
    assert_true(stats_signed_rank(with, 8, &a));
    assert_true(stats_signed_rank(without, 5, &b));
    assert_int_equal(a.zeros, 3);
    assert_int_equal(a.n, 5);
    assert_near(a.p, b.p, 0);
    assert_near(a.w, 14, 0);

    const double zeros[] = {0, 0, 0, 0, 0, 0, 0, 0};
    assert_true(stats_signed_rank(zeros, 8, &a));
    assert_near(a.p, 1, 0);
    assert_near(a.effect, 0, 0);
    struct stats_estimate e;
    assert_true(stats_location(zeros, 8, ALPHA, &e));
    assert_true(e.value == 0 && e.low == 0 && e.high == 0);
}

/* The tail by trying all 2^n signs: slow, and with nothing in common with the shift algorithm. */
static double p_by_enumeration(const double *rank, size_t n, double w)
{
    unsigned long lower = 0, upper = 0;
    for (unsigned long signs = 0; signs < 1ul << n; signs++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) {
            sum += signs >> i & 1 ? rank[i] : 0;
        }
        lower += sum <= w;
        upper += sum >= w;
    }
    return fmin(1, 2 * fmin((double)lower, (double)upper) / (double)(1ul << n));
}

static void test_ties_are_exact(void **state)
{
    (void)state;
    const double d[] = {1, -1, 2, 2, -2, 3, 4, 4, 4, 5};
    const double midrank[] = {1.5, 1.5, 4, 4, 4, 6, 8, 8, 8, 10};
    struct stats_test t;
    assert_true(stats_signed_rank(d, 10, &t));
    assert_true(t.ties);
    assert_near(t.w, 55 - 1.5 - 4, 0);
    assert_near(t.p, p_by_enumeration(midrank, 10, t.w), 1e-14);

    /* Without ties the enumeration agrees with psignrank: the control of the oracle itself. */
    const double rank[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    const double plain[] = {1, -2, 3, 4, -5, 6, 7, 8, -9, 10};
    assert_true(stats_signed_rank(plain, 10, &t));
    assert_false(t.ties);
    assert_near(t.p, p_by_enumeration(rank, 10, t.w), 1e-14);
}

static void test_last_bit_is_a_tie(void **state)
{
    (void)state;
    const double up = log(105.0 / 100.0), down = log(100.0 / 105.0);
    const double d[] = {up, down, 0.2, nextafter(up, 1)};
    struct stats_test t;
    assert_true(stats_signed_rank(d, 4, &t));
    assert_true(t.ties);
    assert_near(t.w, 2 + 2 + 4, 0);
}

static void test_few_blocks_say_so(void **state)
{
    (void)state;
    const double d[] = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6};
    struct stats_estimate e;
    assert_true(stats_location(d, 1, ALPHA, &e));
    assert_true(e.low == 0.1 && e.high == 0.1 && e.confidence == 0);
    assert_true(stats_location(d, 5, ALPHA, &e));
    assert_near(e.confidence, 0.9375, 1e-12);
    assert_true(e.low == 0.1 && e.high == 0.5);
    assert_true(stats_location(d, 6, ALPHA, &e));
    assert_true(e.confidence >= 0.95);
    assert_false(stats_location(d, 0, ALPHA, &e));
    assert_int_equal(stats_blocks_needed(1, ALPHA), 6);
    assert_int_equal(stats_blocks_needed(10, ALPHA), 9);
}

static void test_holm(void **state)
{
    (void)state;
    const double p[] = {0.04, 0.01, 0.03, 0.005};
    const double want[] = {0.06, 0.03, 0.06, 0.02};
    double adjusted[4];
    assert_true(stats_holm(p, 4, 4, adjusted));
    for (size_t i = 0; i < 4; i++) {
        assert_near(adjusted[i], want[i], 1e-15);
    }
    /* Two planned tests gave no data: the others still pay for them. */
    assert_true(stats_holm(p, 4, 6, adjusted));
    assert_near(adjusted[3], 0.03, 1e-15);
    assert_near(adjusted[0], 0.12, 1e-15);
    assert_false(stats_holm(p, 4, 3, adjusted));
}

static void draw(gsl_rng *rng, double shift, double noise, double *d)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        d[i] = shift + gsl_ran_gaussian(rng, noise);
    }
}

/* Share of `runs` in which the interval, moved by `error`, holds the true centre of two-humped data
 * (two CPUs that are at times siblings of one core): far from normal, but symmetric. */
static double coverage(double error, int runs)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_rng_set(rng, 7);
    int held = 0;
    for (int r = 0; r < runs; r++) {
        double d[BLOCKS];
        draw(rng, 0.1, 0.03, d);
        for (size_t i = 0; i < BLOCKS; i++) {
            d[i] += gsl_rng_uniform(rng) < 0.5 ? 0.04 : -0.04;
        }
        struct stats_estimate e;
        assert_true(stats_location(d, BLOCKS, ALPHA, &e));
        held += e.low + error <= 0.1 && 0.1 <= e.high + error;
    }
    gsl_rng_free(rng);
    return held / (double)runs;
}

/* Four standard errors: what chance may take from a true rate in `runs` runs. */
static double slack(double rate, int runs)
{
    return 4 * sqrt(rate * (1 - rate) / runs);
}

static void test_interval_covers(void **state)
{
    (void)state;
    const int runs = 8000;
    double covered = coverage(0, runs);
    assert_true(covered >= 0.95 - slack(0.95, runs));
    assert_true(covered <= 0.97);
    assert_true(coverage(0.02, runs) < 0.95 - slack(0.95, runs)); /* negative control */
}

/* Share of `runs` suites of `cells` cells in which Holm lets at least one p pass. */
static double family_alarms(double shift, bool with_holm, int cells, int runs)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_rng_set(rng, 11);
    int alarms = 0;
    for (int r = 0; r < runs; r++) {
        double p[16], adjusted[16];
        for (int c = 0; c < cells; c++) {
            double d[BLOCKS];
            draw(rng, shift, 0.03, d);
            struct stats_test t;
            assert_true(stats_signed_rank(d, BLOCKS, &t));
            p[c] = t.p;
        }
        assert_true(stats_holm(p, (size_t)cells, (size_t)cells, adjusted));
        bool any = false;
        for (int c = 0; c < cells; c++) {
            any = any || (with_holm ? adjusted[c] : p[c]) <= ALPHA;
        }
        alarms += any;
    }
    gsl_rng_free(rng);
    return alarms / (double)runs;
}

static void test_false_alarms_within_the_stated_rate(void **state)
{
    (void)state;
    const int runs = 2000;
    assert_true(family_alarms(0, true, 10, runs) <= ALPHA + slack(ALPHA, runs));
    /* Negative controls: without Holm, and with data that really differ, the same count is too
     * high. */
    assert_true(family_alarms(0, false, 10, runs) > 0.25);
    assert_true(family_alarms(0.02, true, 10, runs) > ALPHA + slack(ALPHA, runs));
}

static void test_planted_slowdown_is_found(void **state)
{
    (void)state;
    const int runs = 1000;
    const double tenth = log(1.10);
    assert_true(family_alarms(tenth, true, 1, runs) >= 0.999);
    /* Control: a slowdown too small to see. */
    assert_true(family_alarms(0.005, true, 1, runs) < 0.5);
}

/* Share of runs in which the bootstrap interval holds the true mean of three workloads, one of them
 * with two cells. `counts_twice` breaks the rule that a workload counts once. */
static double group_coverage(bool counts_twice, int runs)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_rng_set(rng, 5);
    const double shift[] = {0.1, 0.3, -0.1, -0.4};
    const size_t group[] = {0, 0, 1, 2};
    const double truth = ((0.1 + 0.3) / 2 - 0.1 - 0.4) / 3;
    int held = 0;
    for (int r = 0; r < runs; r++) {
        double d[4][BLOCKS];
        struct stats_member m[4];
        for (size_t i = 0; i < 4; i++) {
            draw(rng, shift[i], 0.05, d[i]);
            m[i] =
                (struct stats_member){.d = d[i], .n = BLOCKS, .group = counts_twice ? i : group[i]};
        }
        struct stats_estimate e;
        assert_true(stats_group_mean(m, 4, counts_twice ? 4 : 3, ALPHA, 1 + (unsigned)r, 400, &e));
        assert_true(e.low <= e.value && e.value <= e.high);
        held += e.low <= truth && truth <= e.high;
    }
    gsl_rng_free(rng);
    return held / (double)runs;
}

static void test_group_mean(void **state)
{
    (void)state;
    const int runs = 500;
    assert_true(group_coverage(false, runs) >= 0.95 - slack(0.95, runs));
    assert_true(group_coverage(true, runs) < 0.5); /* negative control */
}

static void test_group_mean_is_seeded(void **state)
{
    (void)state;
    const double d[] = {0.1, 0.12, 0.08, 0.2, 0.11, 0.05};
    const struct stats_member m = {.d = d, .n = 6, .group = 0};
    struct stats_estimate a, b, c;
    assert_true(stats_group_mean(&m, 1, 1, ALPHA, 1, 500, &a));
    assert_true(stats_group_mean(&m, 1, 1, ALPHA, 1, 500, &b));
    assert_true(stats_group_mean(&m, 1, 1, ALPHA, 2, 500, &c));
    assert_memory_equal(&a, &b, sizeof a);
    assert_near(a.value, c.value, 0);
    assert_true(a.low != c.low || a.high != c.high);

    const struct stats_member one = {.d = d, .n = 1, .group = 0};
    assert_true(stats_group_mean(&one, 1, 1, ALPHA, 1, 500, &a));
    assert_true(a.confidence == 0 && a.low == 0.1 && a.high == 0.1);
    assert_false(stats_group_mean(&m, 1, 2, ALPHA, 1, 500, &a)); /* the second group is empty */
    assert_false(stats_group_mean(&m, 0, 1, ALPHA, 1, 500, &a));
}

static void test_spread(void **state)
{
    (void)state;
    const double d[] = {1, 2, 3, 4, 100};
    assert_near(stats_median(d, 5), 3, 0);
    assert_near(stats_spread(d, 5), 1.4826, 1e-3);
    assert_true(isnan(stats_median(d, 0)));
    assert_near(d[4], 100, 0);
}

static void test_slope(void **state)
{
    (void)state;
    struct stats_estimate e;
    double x[7], y[7];
    static const double exponents[] = {-1, 0, 0.5, 1, 2};
    for (size_t k = 0; k < 5; k++) {
        for (size_t i = 0; i < 7; i++) {
            x[i] = log(16.0) + (double)i * log(4.0);
            y[i] = 3 + exponents[k] * x[i];
        }
        y[2] += 5; /* one outlier of seven moves neither the middle slope nor an end */
        assert_true(stats_slope(x, y, 7, ALPHA, &e));
        assert_near(e.value, exponents[k], 1e-9);
        assert_true(e.low <= e.value && e.value <= e.high);
    }
    assert_true(e.low < 1.9 || e.high > 2.1); /* control: the outlier is in the interval */

    /* By hand: slopes of 1 2 4 3 over 1 2 3 4 are -1 1/2 2/3 1 1.5 2. */
    const double four_x[] = {1, 2, 3, 4}, four_y[] = {1, 2, 4, 3};
    assert_true(stats_slope(four_x, four_y, 4, ALPHA, &e));
    assert_near(e.value, (2.0 / 3 + 1) / 2, 1e-12);
    assert_near(e.low, -1, 0);
    assert_near(e.high, 2, 0);
    assert_near(e.confidence, 1 - 2.0 / 24, 1e-12);

    const double twice[] = {1, 2, 2, 3};
    assert_false(stats_slope(twice, four_y, 4, ALPHA, &e));
    assert_false(stats_slope(four_x, four_y, 1, ALPHA, &e));
    assert_false(stats_slope(four_x, four_y, STATS_POINTS_MAX + 1, ALPHA, &e));
}

/* Inversions of all permutations: of 6 points one has none, 5 one, 14 two; of 7: 1, 6, 20, 49. */
static void test_slope_interval_is_exact(void **state)
{
    (void)state;
    struct stats_estimate e;
    const double x[] = {1, 2, 3, 4, 5, 6, 7}, y[] = {1, 4, 2, 8, 5, 7, 3};
    assert_true(stats_slope(x, y, 5, ALPHA, &e));
    assert_near(e.confidence, 1 - 2.0 / 120, 1e-12);
    assert_true(stats_slope(x, y, 6, ALPHA, &e));
    assert_near(e.confidence, 1 - 2.0 * (1 + 5) / 720, 1e-12);
    assert_true(stats_slope(x, y, 7, ALPHA, &e));
    assert_near(e.confidence, 1 - 2.0 * (1 + 6 + 20 + 49) / 5040, 1e-12);
}

/* How often the interval holds a slope of 0.3 under noise without a name; `squeeze` below 1 is the
 * control. */
static double slope_coverage(double squeeze)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_rng_set(rng, 7);
    size_t held = 0, runs = 3000;
    for (size_t r = 0; r < runs; r++) {
        struct stats_estimate e;
        double x[8], y[8];
        for (size_t i = 0; i < 8; i++) {
            x[i] = (double)i;
            y[i] = 0.3 * x[i] + gsl_ran_cauchy(rng, 0.2);
        }
        assert_true(stats_slope(x, y, 8, ALPHA, &e));
        held += e.value - squeeze * (e.value - e.low) <= 0.3 &&
                0.3 <= e.value + squeeze * (e.high - e.value);
    }
    gsl_rng_free(rng);
    return (double)held / (double)runs;
}

static void test_slope_interval_covers(void **state)
{
    (void)state;
    assert_true(slope_coverage(1) >= 0.95);
    assert_true(slope_coverage(0.5) < 0.92);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worked_example),
        cmocka_unit_test(test_all_one_way),
        cmocka_unit_test(test_zeros_are_set_aside),
        cmocka_unit_test(test_ties_are_exact),
        cmocka_unit_test(test_last_bit_is_a_tie),
        cmocka_unit_test(test_few_blocks_say_so),
        cmocka_unit_test(test_holm),
        cmocka_unit_test(test_interval_covers),
        cmocka_unit_test(test_false_alarms_within_the_stated_rate),
        cmocka_unit_test(test_planted_slowdown_is_found),
        cmocka_unit_test(test_group_mean),
        cmocka_unit_test(test_group_mean_is_seeded),
        cmocka_unit_test(test_spread),
        cmocka_unit_test(test_slope),
        cmocka_unit_test(test_slope_interval_is_exact),
        cmocka_unit_test(test_slope_interval_covers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
