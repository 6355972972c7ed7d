/* test_curve.c: the figures of curves that are known, and what is left of a long one. */
#include "run/curve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MS UINT64_C(1000000)
#define START (UINT64_C(5000) * MS) /* a machine is up before a process begins */

static void add(struct curve *curve, unsigned ms, long rss_kib, double live_kib)
{
    struct reading_point p = {.at_ns = START + ms * MS, .rss_kib = rss_kib, .live_kib = live_kib};

    curve_add(curve, &p);
}

static void mark(struct curve *curve, enum mark which, unsigned ms)
{
    curve_mark(curve, which, START + ms * MS);
}

static void near(double value, double wanted)
{
    if (!(fabs(value - wanted) < 1e-9))
        fail_msg("%g is not %g", value, wanted);
}

/* Resident 300 (base 100) over live 100, then 500 over 200, then 500 over 50. */
static struct curve three(void)
{
    struct curve curve = {0};

    mark(&curve, MARK_READY, 90);
    mark(&curve, MARK_BEGIN, 100);
    mark(&curve, MARK_DRAINED, 200);
    add(&curve, 95, 9000, 1); /* set-up: in no figure */
    add(&curve, 110, 300, 100);
    add(&curve, 120, 500, 200);
    add(&curve, 160, 500, 50);
    add(&curve, 210, 8000, 1); /* after the drain: in no figure */
    return curve;
}

static void test_four_measures(void **state)
{
    struct curve curve = three();
    struct figures f = curve_figures(&curve, 100, 200);

    (void)state;
    near(f.f1, (10 * 2.0 + 10 * 2.0 + 40 * 8.0) / 60);
    near(f.f2, 2);
    near(f.f3, 2);
    near(f.f4, 2);
    near(f.peak_kib, 400);
    assert_int_equal(f.readings, 3);
    curve_free(&curve);
}

/* The peak of resident memory comes after that of live bytes. */
static void test_the_moments_differ(void **state)
{
    struct curve curve = three();
    struct figures f;

    (void)state;
    curve.at[3].rss_kib = 600;
    f = curve_figures(&curve, 100, 200);
    near(f.f2, 2);
    near(f.f3, 10);
    near(f.f4, 2.5);
    curve_free(&curve);
}

static void test_lazy_pages_are_not_resident(void **state)
{
    struct curve curve = three();
    struct figures f;

    (void)state;
    curve.at[2].lazyfree_kib = 200;
    f = curve_figures(&curve, 100, 200);
    near(f.f2, 1);
    near(f.peak_kib, 400);
    near(f.f3, 8);
    assert_ptr_equal(curve_peak(&curve), &curve.at[0]);
    curve_free(&curve);
}

static void test_a_crest_counts_in_no_mean(void **state)
{
    struct curve curve = three();
    struct figures f;

    (void)state;
    curve.at[2].crest = true;
    f = curve_figures(&curve, 100, 200);
    near(f.f1, (10 * 2.0 + 50 * 8.0) / 60);
    near(f.f2, 2);
    curve_free(&curve);
}

static void test_next_to_nothing_live_is_no_ratio(void **state)
{
    struct curve curve = three();
    struct figures f;

    (void)state;
    curve.at[3].live_kib = 1; /* below a hundredth of the peak */
    f = curve_figures(&curve, 100, 200);
    near(f.f1, 2);
    for (size_t i = 1; i <= 3; i++)
        curve.at[i].live_kib = 0;
    f = curve_figures(&curve, 100, 200);
    assert_true(isnan(f.f1) && isnan(f.f2) && isnan(f.f3) && isnan(f.f4));
    curve_free(&curve);
}

static void test_no_reading_gives_no_figure(void **state)
{
    struct curve curve = {0};
    struct figures f;

    (void)state;
    mark(&curve, MARK_BEGIN, 100);
    mark(&curve, MARK_DRAINED, 200);
    add(&curve, 50, 300, 100);
    f = curve_figures(&curve, 100, 200);
    assert_true(isnan(f.f1) && isnan(f.f4));
    assert_int_equal(f.readings, 0);
    curve_free(&curve);
}

static json_int_t at(const json_t *rows, size_t row, size_t column)
{
    return (json_int_t)json_number_value(json_array_get(json_array_get(rows, row), column));
}

/* One spike among ten thousand readings, and a drain that is longer than the work. */
static void test_thinning_keeps_the_peaks(void **state)
{
    struct curve curve = {0};
    json_int_t highest = 0, most = 0;
    size_t in_work = 0;
    json_t *rows;

    (void)state;
    mark(&curve, MARK_BEGIN, 0);
    mark(&curve, MARK_DRAINED, 3000);
    for (unsigned i = 1; i <= 10000; i++)
        add(&curve, i, i == 1234 ? 7777 : 1000 + i % 7, i == 2345 ? 888 : 100 + i % 5);
    rows = curve_to_json(&curve);
    assert_true(json_array_size(rows) <= CURVE_POINTS_MAX);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const char *phase = json_string_value(json_array_get(json_array_get(rows, i), 5));

        assert_true(i == 0 || at(rows, i, 0) > at(rows, i - 1, 0));
        highest = at(rows, i, 1) > highest ? at(rows, i, 1) : highest;
        most = at(rows, i, 4) > most ? at(rows, i, 4) : most;
        assert_string_equal(phase, at(rows, i, 0) < 3000 ? "begin" : "drained");
        in_work += at(rows, i, 0) < 3000;
    }
    assert_int_equal(highest, 7777);
    assert_int_equal(most, 888);
    assert_true(in_work > CURVE_POINTS_MAX / 2);
    json_decref(rows);
    curve_free(&curve);
}

static void test_a_short_curve_is_stored_whole(void **state)
{
    struct curve curve = three();
    json_t *rows = curve_to_json(&curve);

    (void)state;
    assert_int_equal(json_array_size(rows), 5);
    assert_int_equal(at(rows, 0, 0), -5);
    assert_int_equal(at(rows, 2, 1), 500);
    assert_int_equal(at(rows, 2, 4), 200);
    assert_string_equal(json_string_value(json_array_get(json_array_get(rows, 0), 5)), "ready");
    json_decref(rows);
    curve_free(&curve);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_four_measures),
        cmocka_unit_test(test_the_moments_differ),
        cmocka_unit_test(test_lazy_pages_are_not_resident),
        cmocka_unit_test(test_a_crest_counts_in_no_mean),
        cmocka_unit_test(test_next_to_nothing_live_is_no_ratio),
        cmocka_unit_test(test_no_reading_gives_no_figure),
        cmocka_unit_test(test_thinning_keeps_the_peaks),
        cmocka_unit_test(test_a_short_curve_is_stored_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
