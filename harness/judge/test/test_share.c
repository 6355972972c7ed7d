/* test_share.c: Clopper and Pearson's interval against closed forms, against its definition by the
 * binomial distribution, and its coverage. scipy's figures are compared in oracle.bats. */
#include "../share.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>

static void assert_near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance)) {
        print_error("got %.12g, want %.12g within %g\n", got, want, tolerance);
        fail();
    }
}

static struct share of(size_t found, size_t n)
{
    struct share s;
    assert_true(share_of(found, n, &s));
    return s;
}

/* With none found the bounds have a closed form: 1 - alpha^(1/n). */
static void test_none_found(void **state)
{
    (void)state;
    assert_near(of(0, 24).upper, 0.117346, 1e-6);
    assert_near(of(0, 72).upper, 0.040754, 1e-6);
    for (size_t n = 1; n <= 200; n++) {
        struct share s = of(0, n);
        assert_near(s.value, 0, 0);
        assert_near(s.low, 0, 0);
        assert_near(s.upper, 1 - pow(0.05, 1 / (double)n), 1e-9);
        assert_near(s.high, 1 - pow(0.025, 1 / (double)n), 1e-9);
        s = of(n, n);
        assert_near(s.low, pow(0.025, 1 / (double)n), 1e-9);
        assert_near(s.high, 1, 0);
        assert_near(s.upper, 1, 0);
    }
}

static void test_known_values(void **state)
{
    (void)state;
    assert_near(of(19, 20).low, 0.7512672, 1e-6);
    assert_near(of(19, 20).high, 0.9987349, 1e-6);
    assert_near(of(5, 10).low, 0.1870860, 1e-6);
    assert_near(of(5, 10).high, 0.8129140, 1e-6);
}

/* At each end the tail beyond `found` has the probability that the interval allows. */
static void test_definition(void **state)
{
    (void)state;
    for (unsigned n = 2; n <= 60; n += 7) {
        for (unsigned k = 1; k < n; k++) {
            struct share s = of(k, n);
            assert_near(gsl_cdf_binomial_P(k, s.high, n), 0.025, 1e-9);
            assert_near(gsl_cdf_binomial_Q(k - 1, s.low, n), 0.025, 1e-9);
            assert_near(gsl_cdf_binomial_P(k, s.upper, n), 0.05, 1e-9);
        }
    }
}

/* How often the interval of n trials holds a rate p; `narrower` moves both ends inwards. */
static double coverage(unsigned n, double p, double narrower)
{
    double covered = 0;
    for (unsigned k = 0; k <= n; k++) {
        struct share s = of(k, n);
        if (s.low + narrower <= p && p <= s.high - narrower) {
            covered += gsl_ran_binomial_pdf(k, p, n);
        }
    }
    return covered;
}

static void test_coverage(void **state)
{
    (void)state;
    double worst = 1, worst_of_narrower = 1;
    for (double p = 0.01; p < 1; p += 0.01) {
        worst = fmin(worst, coverage(24, p, 0));
        worst_of_narrower = fmin(worst_of_narrower, coverage(24, p, 0.05));
    }
    assert_true(worst >= 0.95);
    assert_true(worst_of_narrower < 0.95); /* the control: such an interval does not cover */
}

static void test_nothing_tried_and_nonsense(void **state)
{
    (void)state;
    struct share s = of(0, 0);
    assert_true(isnan(s.value));
    assert_near(s.low, 0, 0);
    assert_near(s.upper, 1, 0);
    assert_false(share_of(2, 1, &s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none_found),
        cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_definition),
        cmocka_unit_test(test_coverage),
        cmocka_unit_test(test_nothing_tried_and_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
