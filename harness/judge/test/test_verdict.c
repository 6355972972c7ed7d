/* test_verdict.c: the words, cell by cell, on runs written line by line; and their error rates by
 * chance.
 *
 * A run is composed by the functions below: begin(), samples, judge(). The simulations have seeds.
 */
#include "../verdict.h"

#include "../stats.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#define BLOCKS 12

/* One run in the making, and what came of it. */
static char path[] = "/tmp/test_verdict_XXXXXX";
static FILE *file;
static struct samples run;
static struct judgement judgement;

/* A plan of `cells` cells; those below `primary` are primary, those from `threaded` on have two
 * threads. */
static void begin(int cells, int primary, int threaded)
{
    file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file,
            "{\"type\":\"plan\",\"schema\":\"ashlar-samples-1\",\"baseline\":\"a\",\"contenders\":"
            "[\"b\"],\"blocks\":%d,\"seed\":1,\"cells\":[",
            BLOCKS);
    for (int c = 0; c < cells; c++) {
        fprintf(file,
                "%s{\"id\":%d,\"workload\":\"w%d\",\"params\":\"\",\"threads\":%d,\"primary\":%s}",
                c > 0 ? "," : "", c, c, c >= threaded ? 2 : 1, c < primary ? "true" : "false");
    }
    fputs("]}\n", file);
}

static void sample(int cell, int block, const char *allocator, double time_ns, double peak_kib)
{
    fprintf(file,
            "{\"type\":\"sample\",\"cell\":%d,\"block\":%d,\"allocator\":\"%s\",\"status\":\"ok\","
            "\"warmup\":false,\"time_ns\":%.0f,\"peak_rss_kib\":%.0f}\n",
            cell, block, allocator, time_ns, peak_kib);
}

/* The same, of a process that had up to live_kib of requested bytes live at once. */
static void sample_live(int cell, int block, const char *allocator, double peak_kib,
                        double live_kib)
{
    fprintf(file,
            "{\"type\":\"sample\",\"cell\":%d,\"block\":%d,\"allocator\":\"%s\",\"status\":\"ok\","
            "\"warmup\":false,\"time_ns\":1000000,\"peak_rss_kib\":%.0f,"
            "\"bench\":{\"live_peak_bytes\":%.0f}}\n",
            cell, block, allocator, peak_kib, live_kib * 1024);
}

static void failure(int cell, int block, const char *allocator, bool warmup)
{
    fprintf(file,
            "{\"type\":\"sample\",\"cell\":%d,\"block\":%d,\"allocator\":\"%s\",\"warmup\":%s,"
            "\"status\":\"crash\",\"signal\":11}\n",
            cell, block, allocator, warmup ? "true" : "false");
}

static void count(int cell, const char *allocator, double instructions)
{
    fprintf(file, "{\"type\":\"count\",\"cell\":%d,\"allocator\":\"%s\",\"instructions\":%.0f}\n",
            cell, allocator, instructions);
}

/* The same, of a pass that says how much it did. */
static void count_ops(int cell, const char *allocator, double instructions, int ops)
{
    fprintf(file,
            "{\"type\":\"count\",\"cell\":%d,\"allocator\":\"%s\",\"instructions\":%.0f,"
            "\"ops\":%d}\n",
            cell, allocator, instructions, ops);
}

static void null_run(int cell, const char *allocator, double kib)
{
    fprintf(file, "{\"type\":\"null\",\"cell\":%d,\"allocator\":\"%s\",\"null_rss_kib\":%.0f}\n",
            cell, allocator, kib);
}

static void judge(void)
{
    char err[512];
    fputs("{\"type\":\"end\"}\n", file);
    fclose(file);
    if (!samples_read(path, &run, err, sizeof err) ||
        !verdict_judge(&run, &judgement, err, sizeof err)) {
        fail_msg("%s", err);
    }
}

static void finish(void)
{
    verdict_free(&judgement);
    samples_free(&run);
}

static const struct finding *find(size_t cell, enum metric metric)
{
    for (size_t i = 0; i < judgement.n_findings; i++) {
        if (judgement.findings[i].cell == cell && judgement.findings[i].metric == metric) {
            return &judgement.findings[i];
        }
    }
    fail_msg("no finding for cell %zu", cell);
    return NULL;
}

static bool warned(const char *id)
{
    for (size_t i = 0; i < json_array_size(judgement.warnings); i++) {
        const json_t *one = json_array_get(judgement.warnings, i);
        if (strcmp(json_string_value(json_object_get(one, "id")), id) == 0) {
            assert_true(json_string_length(json_object_get(one, "remedy")) > 0);
            return true;
        }
    }
    return false;
}

/* Twelve blocks of one cell with a small, regular disturbance around `ratio`. */
static void regular(int cell, double ratio, double a_kib, double b_kib)
{
    for (int b = 0; b < BLOCKS; b++) {
        sample(cell, b, "a", 1e8, a_kib);
        sample(cell, b, "b", 1e8 * ratio * (1 + 0.0005 * (b - 5.5)), b_kib);
    }
}

static void test_words(void **state)
{
    (void)state;
    begin(6, 6, 6);
    regular(0, 0.80, 9000, 9000);
    regular(1, 1.25, 9000, 9000);
    regular(2, 1.01, 9000, 9000); /* every block slower, by less than the margin */
    regular(3, 1.021, 9000, 9000);
    for (int b = 0; b < BLOCKS; b++) { /* up and down by 20 % */
        sample(4, b, "a", 1e8, 9000);
        sample(4, b, "b", b % 2 == 0 ? 1.2e8 + b : 0.8e8 - b, 9000);
    }
    for (int b = 0; b < BLOCKS; b++) { /* slower in every block, mostly by too little */
        sample(5, b, "a", 1e8, 9000);
        sample(5, b, "b", b % 4 == 0 ? 1.06e8 + b : 1.005e8 + b, 9000);
    }
    judge();
    assert_int_equal(find(0, METRIC_TIME)->verdict, VERDICT_BETTER);
    assert_int_equal(find(1, METRIC_TIME)->verdict, VERDICT_WORSE);
    assert_int_equal(find(2, METRIC_TIME)->verdict, VERDICT_SAME);
    assert_true(find(2, METRIC_TIME)->p_holm < 0.05);
    assert_int_equal(find(3, METRIC_TIME)->verdict, VERDICT_WORSE);
    assert_int_equal(find(4, METRIC_TIME)->verdict, VERDICT_UNCLEAR);
    assert_int_equal(find(5, METRIC_TIME)->verdict, VERDICT_UNCLEAR);
    assert_true(find(5, METRIC_TIME)->p_holm < 0.05 && find(5, METRIC_TIME)->low > 1);
    assert_true(fabs(find(1, METRIC_TIME)->ratio - 1.25) < 0.001);
    /* The order: what is lost first, the greatest loss first of all. */
    assert_int_equal(judgement.findings[0].cell, 1);
    assert_int_equal(judgement.findings[1].cell, 3);
    assert_int_equal(judgement.findings[5].cell, 0);
    finish();
}

static void test_families(void **state)
{
    (void)state;
    begin(5, 3, 5);
    for (int c = 0; c < 5; c++) {
        regular(c, 0.8, 9000, 9500);
    }
    judge();
    double p = stats_smallest_p(BLOCKS);
    assert_int_equal(find(0, METRIC_TIME)->family, 3);
    assert_int_equal(find(4, METRIC_TIME)->family, 5);
    assert_int_equal(find(0, METRIC_PEAK_RSS)->family, 5);
    assert_true(fabs(find(0, METRIC_TIME)->p_holm - 3 * p) < 1e-12);
    assert_true(fabs(find(4, METRIC_TIME)->p_holm - 5 * p) < 1e-12);
    finish();
}

static void test_small_peaks_by_difference(void **state)
{
    (void)state;
    begin(5, 5, 5);
    regular(0, 1, 2000, 2200); /* net 200 against 400: twice as much, and nothing */
    regular(1, 1, 2000, 4000);
    regular(2, 1, 101800, 122200); /* net 100000 against 120400 */
    regular(3, 1, 9000, 1700);     /* less than its null run: no ratio */
    regular(4, 1, 9000, 9000);     /* no null run at all */
    for (int c = 0; c < 4; c++) {
        null_run(c, "a", 1800);
        null_run(c, "b", 1800);
    }
    judge();
    assert_int_equal(find(0, METRIC_PEAK_RSS)->basis, BASIS_DIFFERENCE);
    assert_int_equal(find(0, METRIC_PEAK_RSS)->verdict, VERDICT_SAME);
    assert_true(find(0, METRIC_PEAK_RSS)->difference == 200);
    assert_int_equal(find(1, METRIC_PEAK_RSS)->verdict, VERDICT_WORSE);
    assert_int_equal(find(2, METRIC_PEAK_RSS)->basis, BASIS_RATIO);
    assert_int_equal(find(2, METRIC_PEAK_RSS)->verdict, VERDICT_WORSE);
    assert_true(fabs(find(2, METRIC_PEAK_RSS)->ratio - 1.204) < 1e-9);
    assert_int_equal(find(3, METRIC_PEAK_RSS)->basis, BASIS_DIFFERENCE);
    assert_int_equal(find(3, METRIC_PEAK_RSS)->verdict, VERDICT_BETTER);
    assert_true(isnan(find(3, METRIC_PEAK_RSS)->ratio));
    assert_true(warned("no-null"));
    /* Only the cell with an honest ratio is averaged. */
    assert_int_equal(judgement.means[1].metric, METRIC_PEAK_RSS);
    assert_int_equal(judgement.means[1].workloads, 1);
    assert_int_equal(json_array_size(judgement.means[1].left_out), 4);
    const json_t *no_ratio = json_array_get(judgement.means[1].left_out, 3);
    assert_string_equal(json_string_value(json_object_get(no_ratio, "why")),
                        "judged by difference");
    assert_true(fabs(judgement.means[1].ratio - 1.204) < 1e-9);
    finish();
}

/* A queue whose depth is chance: cell 0 has the same allocator twice, in cell 1 the contender takes
 * a quarter more for each live byte. Cell 2 is as cell 0 but nobody says what was live. */
static void test_peaks_where_demand_varies(void **state)
{
    (void)state;
    begin(4, 4, 0);
    for (int b = 0; b < BLOCKS; b++) {
        double a_live = 10000 + 1500 * b, b_live = 40000 - 1700 * b;
        sample_live(0, b, "a", 1.2 * a_live + 7 * b, a_live);
        sample_live(0, b, "b", 1.2 * b_live - 7 * b, b_live);
        sample_live(1, b, "a", 1.2 * a_live, a_live);
        sample_live(1, b, "b", 1.5 * b_live, b_live);
        sample(2, b, "a", 1e6, 1.2 * a_live);
        sample(2, b, "b", 1e6, 1.2 * b_live);
        /* Demand that repeats within 1 %: nothing is divided. */
        sample_live(3, b, "a", 20000, 10000);
        sample_live(3, b, "b", 26000, 10050);
    }
    for (int c = 0; c < 4; c++) {
        null_run(c, "a", 0);
        null_run(c, "b", 0);
    }
    judge();
    assert_true(find(0, METRIC_PEAK_RSS)->per_live);
    assert_int_equal(find(0, METRIC_PEAK_RSS)->verdict, VERDICT_SAME);
    assert_int_equal(find(1, METRIC_PEAK_RSS)->verdict, VERDICT_WORSE);
    assert_true(fabs(find(1, METRIC_PEAK_RSS)->ratio - 1.25) < 0.001);
    assert_false(find(2, METRIC_PEAK_RSS)->per_live); /* control: taken for a difference */
    assert_true(find(2, METRIC_PEAK_RSS)->ratio > 1.3);
    assert_false(find(3, METRIC_PEAK_RSS)->per_live);
    assert_true(fabs(find(3, METRIC_PEAK_RSS)->ratio - 1.3) < 1e-9);
    finish();
}

static void test_counts(void **state)
{
    (void)state;
    begin(5, 5, 3);
    for (int c = 0; c < 5; c++) {
        regular(c, 1, 9000, 9000);
    }
    count(0, "a", 1e6), count(0, "b", 1.004e6); /* within the margin */
    count(1, "a", 1e6), count(1, "b", 1.006e6); /* beyond it */
    count(2, "a", 1e6), count(2, "b", 0.990e6);
    count(3, "a", 1e6), count(3, "b", 0.500e6); /* two threads, one pass */
    count(4, "a", 1e6), count(4, "b", 0.500e6); /* two threads, passes that agree */
    count(4, "a", 1.001e6), count(4, "b", 0.5001e6);
    judge();
    assert_int_equal(find(0, METRIC_INSTRUCTIONS)->verdict, VERDICT_SAME);
    assert_int_equal(find(1, METRIC_INSTRUCTIONS)->verdict, VERDICT_WORSE);
    assert_int_equal(find(2, METRIC_INSTRUCTIONS)->verdict, VERDICT_BETTER);
    assert_true(isnan(find(2, METRIC_INSTRUCTIONS)->p));
    assert_int_equal(find(3, METRIC_INSTRUCTIONS)->verdict, VERDICT_UNCLEAR);
    assert_int_equal(find(4, METRIC_INSTRUCTIONS)->verdict, VERDICT_BETTER);
    finish();
}

static void test_counts_are_an_operation(void **state)
{
    (void)state;
    begin(2, 2, 2);
    regular(0, 1, 9000, 9000);
    regular(1, 1, 9000, 9000);
    count_ops(0, "a", 1e6, 1000), count_ops(0, "b", 3e6, 4000);
    count_ops(1, "a", 1e6, 1000);
    fputs("{\"type\":\"count\",\"cell\":1,\"allocator\":\"b\",\"instructions\":null}\n", file);
    judge();
    assert_int_equal(find(0, METRIC_INSTRUCTIONS)->verdict, VERDICT_BETTER);
    assert_true(fabs(find(0, METRIC_INSTRUCTIONS)->ratio - 0.75) < 1e-12);
    assert_true(find(0, METRIC_INSTRUCTIONS)->baseline_median == 1000);
    assert_int_equal(find(1, METRIC_INSTRUCTIONS)->verdict, VERDICT_UNCLEAR);
    assert_true(isnan(find(1, METRIC_INSTRUCTIONS)->ratio));
    assert_true(warned("not-counted"));
    finish();
}

static void test_a_failure_is_never_a_time(void **state)
{
    (void)state;
    begin(3, 3, 3);
    regular(0, 0.5, 9000, 9000);
    regular(1, 0.5, 9000, 9000);
    regular(2, 0.5, 9000, 9000);
    failure(0, 4, "b", false);
    sample(0, 4, "b", 1, 9000); /* run again: does not undo the crash */
    failure(1, 0, "a", true);   /* the baseline, in its warm-up */
    judge();
    for (size_t c = 0; c < 2; c++) {
        const struct finding *f = find(c, METRIC_TIME);
        assert_int_equal(f->verdict, VERDICT_FAILED);
        assert_true(isnan(f->ratio) && isnan(f->p));
        assert_int_equal(find(c, METRIC_PEAK_RSS)->verdict, VERDICT_FAILED);
    }
    assert_non_null(strstr(find(0, METRIC_TIME)->reason, "b: crash in 1 of"));
    assert_non_null(strstr(find(1, METRIC_TIME)->reason, "a: crash in 1 of"));
    assert_int_equal(find(2, METRIC_TIME)->verdict, VERDICT_BETTER);
    assert_true(judgement.any_failed);
    assert_true(warned("failed"));
    assert_int_equal(judgement.means[0].workloads, 1);
    finish();
}

static void test_a_block_run_again_counts_once(void **state)
{
    (void)state;
    begin(1, 1, 1);
    regular(0, 0.5, 9000, 9000);
    regular(0, 0.8, 9000, 9000);
    judge();
    assert_int_equal(find(0, METRIC_TIME)->n, BLOCKS);
    assert_true(fabs(find(0, METRIC_TIME)->ratio - 0.8) < 0.001);
    finish();
}

static void test_holes_stay_holes(void **state)
{
    (void)state;
    begin(2, 2, 2);
    regular(0, 0.8, 9000, 9000);
    for (int b = 0; b < BLOCKS; b++) {
        sample(1, b, "a", 1e8, 9000);
        if (b < 5) {
            sample(1, b, "b", 0.5e8 + b, 9000);
        }
    }
    judge();
    assert_int_equal(find(1, METRIC_TIME)->n, 5);
    /* Five blocks cannot say more. */
    assert_int_equal(find(1, METRIC_TIME)->verdict, VERDICT_UNCLEAR);
    assert_true(find(1, METRIC_TIME)->confidence < 0.95);
    assert_true(warned("missing-blocks"));
    assert_false(warned("incomplete"));
    finish();
}

/* Runs of four primary and two other cells; how many have a better or a worse among their times? */
static int alarms(double ratio, double margin_of_noise, int runs)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_rng_set(rng, 3);
    int alarmed = 0;
    for (int r = 0; r < runs; r++) {
        begin(6, 4, 6);
        for (int c = 0; c < 6; c++) {
            for (int b = 0; b < BLOCKS; b++) {
                double shared = 1e8 * exp(gsl_ran_gaussian(rng, 0.10));
                double effect = c == 0 ? ratio : 1;
                sample(c, b, "a", shared * exp(gsl_ran_gaussian(rng, margin_of_noise)), 9000);
                sample(c, b, "b", shared * effect * exp(gsl_ran_gaussian(rng, margin_of_noise)),
                       9000);
            }
        }
        judge();
        bool alarm = false;
        for (size_t i = 0; i < judgement.n_findings; i++) {
            const struct finding *f = &judgement.findings[i];
            bool word = f->verdict == VERDICT_BETTER || f->verdict == VERDICT_WORSE;
            alarm =
                alarm || (word && (ratio == 1 || (f->cell == 0 && f->verdict == VERDICT_WORSE)));
            assert_false(word && !(f->p_holm <= VERDICT_ALPHA));
        }
        alarmed += alarm;
        finish();
    }
    gsl_rng_free(rng);
    return alarmed;
}

static void test_same_library_twice(void **state)
{
    (void)state;
    const int runs = 400;
    double stated = VERDICT_ALPHA * (1 + 2.0 / 6); /* primary cells, and the others' share of all */
    double slack = 4 * sqrt(stated * (1 - stated) / runs);
    assert_true(alarms(1, 0.03, runs) <= (stated + slack) * runs);
}

static void test_planted_slowdown(void **state)
{
    (void)state;
    const int runs = 100;
    assert_true(alarms(1.10, 0.03 / sqrt(2), runs) >= 99);
    assert_true(alarms(1.005, 0.03 / sqrt(2), runs) <= 10); /* control: too small to be seen */
}

static int make_path(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_small_peaks_by_difference),
        cmocka_unit_test(test_peaks_where_demand_varies),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_counts_are_an_operation),
        cmocka_unit_test(test_a_failure_is_never_a_time),
        cmocka_unit_test(test_a_block_run_again_counts_once),
        cmocka_unit_test(test_holes_stay_holes),
        cmocka_unit_test(test_same_library_twice),
        cmocka_unit_test(test_planted_slowdown),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
