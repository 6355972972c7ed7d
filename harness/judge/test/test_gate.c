/* test_gate.c: the rule of a gate. Its error rates and its power by chance, look by look, with
 * seeds; and every word on runs that are written line by line.
 */
#include "../gate.h"

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

/* ---- simulation ---- */

#define TESTS 20
#define BLOCKS_MAX 72

/* What became of many simulated gates. */
struct tally {
    double any_regression; /* share of gates with at least one */
    double regression;     /* share of tests */
    double confirmed;      /* share of tests, fresh blocks included */
    double within;         /* share of tests */
    double within_first;   /* at the first look */
};

/* One test of a gate that has ended. */
static void tally_one(struct tally *t, const struct gate_series *s, gsl_rng *rng, double effect,
                      double noise)
{
    double fresh[GATE_CONFIRM_BLOCKS], p;
    t->regression += s->word == GATE_REGRESSION;
    t->within += s->word == GATE_WITHIN;
    t->within_first += s->word == GATE_WITHIN && s->looks == 1;
    if (s->word == GATE_REGRESSION) {
        for (size_t b = 0; b < GATE_CONFIRM_BLOCKS; b++) {
            fresh[b] = effect + gsl_ran_gaussian(rng, noise);
        }
        assert_true(gate_confirm(fresh, GATE_CONFIRM_BLOCKS, s->limit, &p));
        t->confirmed += p <= GATE_CONFIRM_ALPHA;
    }
}

/* `gates` gates of TESTS tests, each with this true effect and budget. Every tenth block is ten
 * times as noisy as the others: the test must not need a bell curve. family 1: no Holm. */
static struct tally simulate(int gates, size_t max_blocks, size_t family, double effect,
                             double budget, double noise, unsigned long seed)
{
    static double d[TESTS][BLOCKS_MAX];
    struct gate_series series[TESTS];
    struct gate_schedule plan;
    struct tally t = {0};
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_rng_set(rng, seed);
    assert_true(gate_schedule(max_blocks, &plan));
    for (int g = 0; g < gates; g++) {
        bool any = false;
        for (size_t i = 0; i < TESTS; i++) {
            series[i] = (struct gate_series){.d = d[i], .limit = log1p(budget)};
            for (size_t b = 0; b < max_blocks; b++) {
                double wild = gsl_rng_uniform(rng) < 0.1 ? 10 : 1;
                d[i][b] = effect + gsl_ran_gaussian(rng, noise * wild);
            }
        }
        for (size_t k = 0; k < plan.looks; k++) {
            for (size_t i = 0; family == 1 && i < TESTS; i++) {
                assert_true(gate_look(&series[i], 1, 1, plan.blocks[k], plan.alpha[k]));
            }
            assert_true(family == 1 ||
                        gate_look(series, TESTS, family, plan.blocks[k], plan.alpha[k]));
        }
        for (size_t i = 0; i < TESTS; i++) {
            any = any || series[i].word == GATE_REGRESSION;
            tally_one(&t, &series[i], rng, effect, noise);
        }
        t.any_regression += any;
    }
    gsl_rng_free(rng);
    t.any_regression /= gates;
    t.regression /= gates * TESTS;
    t.confirmed /= gates * TESTS;
    t.within /= gates * TESTS;
    t.within_first /= gates * TESTS;
    return t;
}

static void assert_at_most(double got, double want)
{
    if (!(got <= want)) {
        fail_msg("got %g, want at most %g", got, want);
    }
}

static void assert_at_least(double got, double want)
{
    if (!(got >= want)) {
        fail_msg("got %g, want at least %g", got, want);
    }
}

#define GATES 600
#define THREE_SIGMA(p) (3 * sqrt((p) * (1 - (p)) / GATES))

/* The worst case that is no regression: every effect exactly at its budget. */
static void test_false_alarms_over_all_looks(void **state)
{
    (void)state;
    struct tally t = simulate(GATES, 48, TESTS, log1p(0.05), 0.05, 0.03, 1);
    assert_at_most(t.any_regression, 0.05 + THREE_SIGMA(0.05));
    assert_at_least(t.any_regression, 0.01);
    t = simulate(GATES / 2, 72, TESTS, log1p(0.05), 0.05, 0.03, 2);
    assert_at_most(t.any_regression, 0.05 + 1.5 * THREE_SIGMA(0.05));
    /* The control: without Holm many gates of twenty tests have one. */
    t = simulate(GATES / 4, 48, 1, log1p(0.05), 0.05, 0.03, 3);
    assert_at_least(t.any_regression, 0.30);
}

/* The same library twice. */
static void test_no_difference_passes(void **state)
{
    (void)state;
    struct tally t = simulate(200, 48, TESTS, 0, 0.05, 0.03, 4);
    assert_true(t.any_regression == 0);
    assert_at_least(t.within_first, 0.80);
    assert_at_least(t.within, 0.99);
    /* The control: the budget far below the noise. */
    t = simulate(50, 48, TESTS, 0, 0.001, 0.03, 5);
    assert_at_most(t.within, 0.30);
}

/* A word that lets a change pass is wrong with probability .05 at most, where the effect lies just
 * beyond the budget. */
static void test_within_is_rarely_wrong(void **state)
{
    (void)state;
    struct tally t = simulate(200, 48, TESTS, log1p(0.0501), 0.05, 0.03, 6);
    assert_at_most(t.within, 0.055);
    assert_at_least(t.within, 0.01);
}

/* The budget plus 5 points, confirmed by fresh blocks. */
static void test_power(void **state)
{
    (void)state;
    struct tally t = simulate(100, 48, TESTS, log1p(0.10), 0.05, 0.03, 7);
    assert_at_least(t.regression, 0.98);
    assert_at_least(t.confirmed, 0.95);
    t = simulate(100, 72, TESTS, log1p(0.10), 0.05, 0.04, 8);
    assert_at_least(t.regression, 0.98);
    assert_at_least(t.confirmed, 0.95);
    /* An effect equal to its budget is not to be found. */
    t = simulate(100, 48, TESTS, log1p(0.05), 0.05, 0.03, 9);
    assert_at_most(t.regression, 0.02);
}

static void test_schedules(void **state)
{
    (void)state;
    struct gate_schedule plan;
    for (size_t max = 1; max <= 100; max++) {
        bool known = gate_schedule(max, &plan);
        assert_int_equal(known, max == 12 || max == 24 || max == 48 || max == 72);
        double sum = 0;
        for (size_t i = 0; known && i < plan.looks; i++) {
            sum += plan.alpha[i];
        }
        assert_true(!known || fabs(sum - 0.05) < 1e-12);
    }
}

static void test_decided_stays_decided(void **state)
{
    (void)state;
    double d[24];
    struct gate_series s = {.d = d, .limit = 0.05};
    for (int b = 0; b < 24; b++) {
        d[b] = b < 12 ? 0.01 + 0.001 * b : 5; /* harmless, then dreadful */
    }
    assert_true(gate_look(&s, 1, 1, 12, 0.02));
    assert_int_equal(s.word, GATE_WITHIN);
    assert_true(gate_look(&s, 1, 1, 24, 0.015));
    assert_int_equal(s.word, GATE_WITHIN);
    assert_int_equal(s.looks, 1);
    /* The control: undecided before, it would have seen them. */
    s = (struct gate_series){.d = d, .limit = 0.05};
    assert_true(gate_look(&s, 1, 1, 24, 0.015));
    assert_int_not_equal(s.word, GATE_WITHIN);
}

/* ---- runs in files ---- */

static char path[] = "/tmp/test_gate_XXXXXX";
static FILE *file;
static struct samples run;
static struct gate_ruling ruling;
static int n_tests; /* written to the plan so far */

/* Cells 0 .. cells-1, each with the tests that follow by test(). */
static void begin(int cells)
{
    file = fopen(path, "w");
    assert_non_null(file);
    fputs("{\"type\":\"plan\",\"schema\":\"ashlar-samples-1\",\"baseline\":\"a\",\"contenders\":"
          "[\"b\"],\"blocks\":60,\"memory_blocks\":1,\"seed\":1,\"cells\":[",
          file);
    for (int c = 0; c < cells; c++) {
        fprintf(file, "%s{\"id\":%d,\"workload\":\"w%d\",\"params\":\"\",\"threads\":%d}",
                c > 0 ? "," : "", c, c, c == 2 ? 2 : 1);
    }
    n_tests = 0;
    fputs("],\"gate\":{\"looks\":[{\"blocks\":12,\"alpha\":0.02},{\"blocks\":24,\"alpha\":0.015},"
          "{\"blocks\":48,\"alpha\":0.015}],\"tests\":[",
          file);
}

static void test(int cell, const char *metric, double budget, bool gates)
{
    fprintf(file, "%s{\"cell\":%d,\"metric\":\"%s\",\"budget\":%g,\"gates\":%s}",
            n_tests++ > 0 ? "," : "", cell, metric, budget, gates ? "true" : "false");
}

static void end_of_plan(void)
{
    fputs("]}}\n", file);
}

/* One block: the contender's time and peak are the baseline's times these, its faults more by so
 * many. Every block is disturbed a little, and differently. */
static void block(int cell, int b, double time, double peak, int faults)
{
    double shake = 1 + 0.0007 * ((b * 5) % 12 - 5.5);
    for (int a = 0; a < 2; a++) {
        fprintf(file,
                "{\"type\":\"sample\",\"cell\":%d,\"block\":%d,\"allocator\":\"%s\",\"status\":"
                "\"ok\",\"warmup\":false,\"time_ns\":%.0f,\"peak_rss_kib\":%.0f,\"minflt\":%d}\n",
                cell, b, a == 0 ? "a" : "b", a == 0 ? 1e8 : 1e8 * time * shake,
                a == 0 ? 20000.0 : 20000 * peak * shake, a == 0 ? 1000 : 1000 + faults);
    }
}

static void blocks(int cell, int from, int to, double time, double peak, int faults)
{
    for (int b = from; b < to; b++) {
        block(cell, b, time, peak, faults);
    }
}

static void count(int cell, const char *allocator, double instructions)
{
    fprintf(file,
            "{\"type\":\"count\",\"cell\":%d,\"allocator\":\"%s\",\"instructions\":%.0f,"
            "\"ops\":1000}\n",
            cell, allocator, instructions);
}

/* A traced pass: in its two runs so many madvise, futex and minor faults. */
static void calls(int cell, const char *allocator, int ops, const int madvise[2],
                  const int futex[2], const int faults[2])
{
    fprintf(file,
            "{\"type\":\"count\",\"method\":\"ptrace\",\"cell\":%d,\"allocator\":\"%s\",\"ops\":%d,"
            "\"syscalls\":[%d,%d],\"minor_faults\":[%d,%d],\"by_name\":{\"futex\":[%d,%d],"
            "\"madvise\":[%d,%d]}}\n",
            cell, allocator, ops, madvise[0] + futex[0], madvise[1] + futex[1], faults[0],
            faults[1], futex[0], futex[1], madvise[0], madvise[1]);
}

/* Any number of runs, of calls without a name. */
static void runs_of_calls(int cell, const char *allocator, const char *runs)
{
    fprintf(
        file,
        "{\"type\":\"count\",\"method\":\"ptrace\",\"cell\":%d,\"allocator\":\"%s\",\"ops\":1000,"
        "\"syscalls\":[%s],\"minor_faults\":[%s],\"by_name\":{}}\n",
        cell, allocator, runs, runs);
}

#define RUNS(a, b) ((const int[2]){a, b})

static void judge(void)
{
    char err[512];
    fclose(file);
    if (!samples_read(path, &run, err, sizeof err) || !gate_judge(&run, &ruling, err, sizeof err)) {
        fail_msg("%s", err);
    }
}

static void finish(void)
{
    gate_free(&ruling);
    samples_free(&run);
}

static const struct gate_test *test_of(size_t cell, enum gate_metric metric)
{
    for (size_t i = 0; i < ruling.n_tests; i++) {
        if (ruling.tests[i].cell == cell && ruling.tests[i].metric == metric) {
            return &ruling.tests[i];
        }
    }
    fail_msg("no test of cell %zu", cell);
    return NULL;
}

static void assert_wants(size_t from, size_t to, bool confirming, size_t cells)
{
    size_t wanted = 0;
    for (size_t c = 0; c < run.n_cells; c++) {
        wanted += ruling.wanted[c];
    }
    assert_false(ruling.complete);
    assert_int_equal(ruling.from, from);
    assert_int_equal(ruling.to, to);
    assert_int_equal(ruling.confirming, confirming);
    assert_int_equal(wanted, cells);
}

/* Cell 0 is harmless, cell 1 slower by 12 %, cell 2 up and down by 20 %. */
static void three_cells(int at_0, int at_1, int at_2, bool slow_again)
{
    begin(3);
    for (int c = 0; c < 3; c++) {
        test(c, "time", 0.05, true);
    }
    end_of_plan();
    blocks(0, 0, at_0, 1.0, 1, 0);
    blocks(1, 0, at_1, 1.12, 1, 0);
    for (int b = 0; b < at_2; b++) {
        block(2, b, b % 2 == 0 ? 1.24 : 0.89, 1, 0);
    }
    if (slow_again) {
        blocks(1, 48, 60, 1.12, 1, 0);
    }
    judge();
}

static void test_only_the_undecided_go_on(void **state)
{
    (void)state;
    three_cells(0, 0, 0, false);
    assert_wants(0, 12, false, 3);
    finish();
    three_cells(12, 11, 12, false); /* cut off in the first look */
    assert_wants(0, 12, false, 1);
    assert_true(ruling.wanted[1]);
    finish();
    three_cells(12, 12, 12, false);
    assert_wants(12, 24, false, 1);
    assert_true(ruling.wanted[2]);
    finish();
    three_cells(12, 12, 24, false);
    assert_wants(24, 48, false, 1);
    finish();
    three_cells(12, 12, 48, false);
    assert_wants(48, 60, true, 1);
    assert_true(ruling.wanted[1]);
    finish();
    three_cells(12, 12, 48, true);
    assert_true(ruling.complete);
    assert_int_equal(test_of(0, GATE_TIME)->word, GATE_WITHIN);
    assert_int_equal(test_of(0, GATE_TIME)->looks, 1);
    assert_int_equal(test_of(1, GATE_TIME)->word, GATE_REGRESSION);
    assert_true(fabs(test_of(1, GATE_TIME)->estimate - 1.12) < 0.001);
    assert_true(fabs(test_of(1, GATE_TIME)->p_holm - 3 * ldexp(1, -12)) < 1e-12);
    assert_int_equal(test_of(2, GATE_TIME)->word, GATE_INCONCLUSIVE);
    assert_int_equal(test_of(2, GATE_TIME)->looks, 3);
    assert_int_equal(test_of(2, GATE_TIME)->blocks, 48);
    finish();
}

static void test_a_regression_has_to_come_again(void **state)
{
    (void)state;
    for (int again = 0; again < 2; again++) {
        begin(1);
        test(0, "time", 0.05, true);
        end_of_plan();
        blocks(0, 0, 12, 1.12, 1, 0);
        blocks(0, 48, 60, again ? 1.12 : 1.0, 1, 0);
        judge();
        assert_true(ruling.complete);
        assert_int_equal(test_of(0, GATE_TIME)->word, again ? GATE_REGRESSION : GATE_UNCONFIRMED);
        assert_true(fabs(test_of(0, GATE_TIME)->confirm_estimate - (again ? 1.12 : 1)) < 0.001);
        finish();
    }
}

static void test_remote_frees_never_gate_on_time(void **state)
{
    (void)state;
    begin(1);
    test(0, "time", 0.05, false);
    test(0, "peak_rss", 0.05, true);
    end_of_plan();
    blocks(0, 0, 12, 1.5, 1.0, 0);
    judge();
    assert_true(ruling.complete);
    assert_int_equal(ruling.family, 1);
    assert_int_equal(test_of(0, GATE_TIME)->word, GATE_REPORTED);
    assert_true(fabs(test_of(0, GATE_TIME)->estimate - 1.5) < 0.01);
    assert_true(test_of(0, GATE_TIME)->detectable > 0.05 &&
                test_of(0, GATE_TIME)->detectable < 0.06);
    assert_non_null(strstr(test_of(0, GATE_TIME)->reason, "could detect +5 %"));
    assert_int_equal(test_of(0, GATE_PEAK_RSS)->word, GATE_WITHIN);
    finish();
}

static void null_runs(int cell, int kib)
{
    fprintf(file, "{\"type\":\"null\",\"cell\":%d,\"allocator\":\"a\",\"null_rss_kib\":%d}\n", cell,
            kib);
    fprintf(file, "{\"type\":\"null\",\"cell\":%d,\"allocator\":\"b\",\"null_rss_kib\":%d}\n", cell,
            kib);
}

/* 20000 KiB against 5 % more, of which ever more is the process's own. */
static void test_peaks_are_net(void **state)
{
    (void)state;
    begin(3);
    for (int c = 0; c < 3; c++) {
        test(c, "peak_rss", 0.07, true);
    }
    end_of_plan();
    null_runs(1, 10000);
    null_runs(2, 17000); /* 3000 and 4000 KiB are left: told apart in KiB, against 256 */
    for (int c = 0; c < 3; c++) {
        blocks(c, 0, 12, 1, 1.05, 0);
        blocks(c, 48, 60, 1, 1.05, 0);
    }
    judge();
    assert_true(ruling.complete);
    assert_int_equal(test_of(0, GATE_PEAK_RSS)->word, GATE_WITHIN);
    assert_int_equal(test_of(1, GATE_PEAK_RSS)->word, GATE_REGRESSION);
    assert_true(fabs(test_of(1, GATE_PEAK_RSS)->estimate - 1.10) < 0.001);
    assert_int_equal(test_of(2, GATE_PEAK_RSS)->basis, GATE_BY_DIFFERENCE);
    assert_int_equal(test_of(2, GATE_PEAK_RSS)->word, GATE_REGRESSION);
    assert_true(fabs(test_of(2, GATE_PEAK_RSS)->estimate - 1000) < 10);
    finish();
}

static void test_figures_that_repeat(void **state)
{
    (void)state;
    begin(6);
    for (int c = 0; c < 4; c++) {
        test(c, "instructions", 0.005, true);
    }
    for (int c = 4; c < 6; c++) {
        test(c, "minor_faults", 0.01, true);
    }
    end_of_plan();
    count(0, "a", 1e6);
    count(0, "b", 1.0049e6);
    count(1, "a", 1e6);
    count(1, "b", 1.0051e6);
    count(2, "a", 1e6);
    count(2, "a", 1.01e6); /* counted twice, and differently */
    count(2, "b", 1.5e6);
    count(2, "b", 1.5e6);
    for (int c = 0; c < 5; c++) {
        blocks(c, 0, 12, 3, 3, 11);
    }
    for (int b = 0; b < 12; b++) {
        block(5, b, 1, 1, b * 10);
    }
    judge();
    assert_true(ruling.complete);
    assert_int_equal(ruling.family, 0);
    assert_int_equal(test_of(0, GATE_INSTRUCTIONS)->word, GATE_WITHIN);
    assert_int_equal(test_of(1, GATE_INSTRUCTIONS)->word, GATE_REGRESSION);
    assert_int_equal(test_of(2, GATE_INSTRUCTIONS)->word, GATE_REPORTED);
    assert_int_equal(test_of(3, GATE_INSTRUCTIONS)->word, GATE_INCONCLUSIVE);
    assert_int_equal(test_of(4, GATE_MINOR_FAULTS)->word, GATE_REGRESSION);
    assert_int_equal(test_of(5, GATE_MINOR_FAULTS)->word, GATE_REPORTED);
    finish();
}

/* Each cell of test_calls_and_faults under a and b: madvise, futex, faults; what is to be said. */
static const struct {
    int madvise_a[2], madvise_b[2], futex_b[2];
    enum gate_word word;
    const char *reason;
} traced[] = {
    {{100, 100}, {102, 102}, {0, 0}, GATE_WITHIN, "madvise 100 to 102"},
    {{100, 100}, {103, 103}, {0, 0}, GATE_REGRESSION, "madvise 100 to 103"},
    {{100, 100}, {100, 100}, {9, 4}, GATE_WITHIN, "futex 0 to 6.5"}, /* the one of two threads */
    {{100, 100}, {100, 100}, {9, 4}, GATE_REPORTED, "its runs do not agree"},
    {{1000, 1000}, {1005, 1005}, {0, 0}, GATE_WITHIN, "madvise 1000 to 1005"},
    {{1000, 1000}, {1006, 1006}, {0, 0}, GATE_REGRESSION, "madvise 1000 to 1006"},
    {{1000, 1000}, {900, 900}, {0, 0}, GATE_WITHIN, "madvise 1000 to 900"},
    {{0, 0}, {0, 0}, {0, 0}, GATE_WITHIN, ""},
    {{0, 1}, {1, 0}, {0, 0}, GATE_WITHIN, ""},
    {{0, 2}, {1, 1}, {0, 0}, GATE_REPORTED, "its runs do not agree"},
};

#define TRACED (sizeof traced / sizeof traced[0])

static void test_calls_and_faults(void **state)
{
    const int last = TRACED;
    (void)state;
    begin(TRACED + 4);
    for (int c = 0; c < last; c++) {
        test(c, "syscalls", 0.005, true);
    }
    test(0, "minor_faults", 0.01, true);
    test(1, "minor_faults", 0.01, true);
    test(last, "syscalls", 0.005, true);
    for (int c = last + 1; c < last + 4; c++) {
        test(c, "syscalls", 0.005, true);
    }
    end_of_plan();
    for (int c = 0; c < last + 4; c++) {
        blocks(c, 0, 12, 1, 1, 500); /* of timed processes, which do not count here */
    }
    for (int c = 0; c < last; c++) {
        calls(c, "a", 1000, traced[c].madvise_a, RUNS(0, 0), RUNS(100, 100));
        calls(c, "b", 1000, traced[c].madvise_b, traced[c].futex_b,
              c == 0 ? RUNS(116, 116) : RUNS(117, 117));
    }
    calls(last, "a", 1000, RUNS(100, 100), RUNS(0, 0), RUNS(0, 0));
    calls(last, "b", 2000, RUNS(200, 200), RUNS(0, 0), RUNS(0, 0));     /* twice the work */
    calls(last + 1, "a", 1000, RUNS(100, 100), RUNS(0, 0), RUNS(0, 0)); /* and b was not counted */
    runs_of_calls(last + 2, "a", "2,2,8,2,9");                          /* two modes */
    runs_of_calls(last + 2, "b", "9,9,9,9,9");
    runs_of_calls(last + 3, "a", "5"); /* one run agrees with nothing */
    runs_of_calls(last + 3, "b", "5,5");
    judge();
    assert_true(ruling.complete);
    assert_int_equal(ruling.family, 0);
    for (size_t c = 0; c < TRACED; c++) {
        const struct gate_test *t = test_of(c, GATE_SYSCALLS);
        assert_int_equal(t->word, traced[c].word);
        assert_non_null(strstr(t->reason, traced[c].reason));
    }
    assert_int_equal(test_of(0, GATE_SYSCALLS)->basis, GATE_BY_TALLY);
    assert_true(test_of(0, GATE_SYSCALLS)->allowed == 2);
    assert_true(test_of(5, GATE_SYSCALLS)->allowed == 5);
    assert_true(test_of(5, GATE_SYSCALLS)->estimate == 6);
    assert_int_equal(test_of(0, GATE_MINOR_FAULTS)->word, GATE_WITHIN);
    assert_int_equal(test_of(1, GATE_MINOR_FAULTS)->word, GATE_REGRESSION);
    assert_int_equal(test_of(TRACED, GATE_SYSCALLS)->word, GATE_WITHIN);
    assert_int_equal(test_of(TRACED + 1, GATE_SYSCALLS)->word, GATE_INCONCLUSIVE);
    assert_int_equal(test_of(TRACED + 2, GATE_SYSCALLS)->word, GATE_REPORTED);
    assert_int_equal(test_of(TRACED + 3, GATE_SYSCALLS)->word, GATE_REPORTED);
    finish();
}

/* Figures of an earlier run of the baseline's library: its faults in twelve processes. */
static void stored_faults(int cell, int faults)
{
    fprintf(file,
            "{\"type\":\"stored\",\"cell\":%d,\"allocator\":\"a\",\"metric\":\"minor_faults\","
            "\"figures\":[%d,%d,%d]}\n",
            cell, faults, faults, faults);
}

/* What is stored is judged while the library still shows it. */
static void test_stored_figures(void **state)
{
    (void)state;
    begin(6);
    test(0, "instructions", 0.005, true);
    test(1, "instructions", 0.005, true);
    for (int c = 3; c < 6; c++) {
        test(c, "minor_faults", 0.01, true);
    }
    end_of_plan();
    fputs("{\"type\":\"count\",\"cell\":0,\"allocator\":\"a\",\"instructions\":1000000,\"ops\":"
          "1000,\"stored\":\"kept\"}\n",
          file);
    count(0, "b", 1.0051e6);
    count(1, "a", 1e6);
    count(1, "b", 1.0051e6);
    stored_faults(3, 1004); /* 11 more than 1000 are too many, than 1004 they are not */
    stored_faults(4, 1010); /* too far from the 1000 that the library shows now */
    for (int c = 0; c < 6; c++) {
        blocks(c, 0, 12, 1, 1, 11);
    }
    judge();
    assert_int_equal(test_of(0, GATE_INSTRUCTIONS)->word, GATE_REGRESSION);
    assert_true(test_of(0, GATE_INSTRUCTIONS)->stored);
    assert_int_equal(test_of(1, GATE_INSTRUCTIONS)->word, GATE_REGRESSION);
    assert_false(test_of(1, GATE_INSTRUCTIONS)->stored);
    assert_int_equal(test_of(3, GATE_MINOR_FAULTS)->word, GATE_WITHIN);
    assert_true(test_of(3, GATE_MINOR_FAULTS)->stored);
    assert_int_equal(test_of(4, GATE_MINOR_FAULTS)->word, GATE_REGRESSION);
    assert_false(test_of(4, GATE_MINOR_FAULTS)->stored);
    assert_non_null(strstr(test_of(4, GATE_MINOR_FAULTS)->reason, "was 1010 and is 1000 now"));
    /* The control: nothing stored, and the eleven are too many. */
    assert_int_equal(test_of(5, GATE_MINOR_FAULTS)->word, GATE_REGRESSION);
    finish();
}

static void layout(int cell, const char *allocator, double pages, const char *internal)
{
    fprintf(file,
            "{\"type\":\"memory\",\"cell\":%d,\"allocator\":\"%s\",\"block\":0,\"status\":\"ok\","
            "\"layout\":{\"page_waste\":%g,\"internal_waste\":%s}}\n",
            cell, allocator, pages, internal);
}

/* Wastes are judged as pages and bytes for what is live. */
static void test_layout(void **state)
{
    (void)state;
    begin(6);
    for (int c = 0; c < 6; c++) {
        test(c, "page_waste", 0.02, true);
    }
    test(0, "internal_waste", 0.01, true);
    test(1, "internal_waste", 0.01, true);
    end_of_plan();
    layout(0, "a", 0.20, "0.1"); /* 1.25 pages a page */
    layout(0, "b", 0.21, "0.1"); /* 1.2658: 1.27 % more */
    layout(1, "a", 0.20, "0.1");
    layout(1, "b", 0.22, "0.12"); /* 2.56 % more pages, 1.82 % more bytes */
    layout(2, "a", 0.20, "null");
    layout(2, "b", 0.90, "null"); /* of two threads */
    layout(3, "a", 0.20, "null"); /* the other's is lacking */
    layout(4, "a", 0.30, "null");
    layout(4, "b", 0.30, "null");
    fputs(
        "{\"type\":\"stored\",\"cell\":4,\"allocator\":\"a\",\"metric\":\"page_waste\",\"figures\":"
        "[0.2]}\n",
        file); /* the library shows something else now */
    layout(5, "a", 0.20, "null");
    layout(5, "b", 0.2177, "null"); /* 2.26 % more than that, 1.94 % more than 0.2025 */
    fputs(
        "{\"type\":\"stored\",\"cell\":5,\"allocator\":\"a\",\"metric\":\"page_waste\",\"figures\":"
        "[0.2025]}\n",
        file);
    for (int c = 0; c < 6; c++) {
        blocks(c, 0, 12, 1, 1, 0);
    }
    judge();
    assert_int_equal(test_of(0, GATE_PAGE_WASTE)->word, GATE_WITHIN);
    assert_true(fabs(test_of(0, GATE_PAGE_WASTE)->estimate - 0.80 / 0.79) < 1e-9);
    assert_int_equal(test_of(0, GATE_INTERNAL_WASTE)->word, GATE_WITHIN);
    assert_int_equal(test_of(1, GATE_PAGE_WASTE)->word, GATE_REGRESSION);
    assert_int_equal(test_of(1, GATE_INTERNAL_WASTE)->word, GATE_REGRESSION);
    assert_int_equal(test_of(2, GATE_PAGE_WASTE)->word, GATE_REPORTED);
    assert_int_equal(test_of(3, GATE_PAGE_WASTE)->word, GATE_INCONCLUSIVE);
    assert_int_equal(test_of(4, GATE_PAGE_WASTE)->word, GATE_WITHIN);
    assert_false(test_of(4, GATE_PAGE_WASTE)->stored);
    assert_int_equal(test_of(5, GATE_PAGE_WASTE)->word, GATE_WITHIN);
    assert_true(test_of(5, GATE_PAGE_WASTE)->stored);
    finish();
}

static void test_a_failure_is_no_figure(void **state)
{
    (void)state;
    begin(2);
    for (int c = 0; c < 2; c++) {
        test(c, "time", 0.05, true);
        test(c, "instructions", 0.005, true);
    }
    end_of_plan();
    blocks(0, 0, 12, 1, 1, 0);
    count(0, "a", 1e6);
    count(0, "b", 1e6);
    blocks(1, 0, 3, 1, 1, 0);
    fputs("{\"type\":\"sample\",\"cell\":1,\"block\":3,\"allocator\":\"b\",\"warmup\":false,"
          "\"status\":\"crash\",\"signal\":11,\"detail\":\"signal 11\"}\n",
          file);
    judge();
    assert_true(ruling.complete);
    assert_int_equal(test_of(0, GATE_TIME)->word, GATE_WITHIN);
    assert_int_equal(test_of(1, GATE_TIME)->word, GATE_FAILED);
    assert_int_equal(test_of(1, GATE_INSTRUCTIONS)->word, GATE_FAILED);
    assert_string_equal(test_of(1, GATE_TIME)->reason, "b: crash: signal 11");
    finish();
}

/* A block of a workload that recorded 8000 blocks, so many of them beside another thread's. */
static void sharing(int cell, int b, int of_a, int of_b)
{
    for (int a = 0; a < 2; a++) {
        fprintf(file,
                "{\"type\":\"sample\",\"cell\":%d,\"block\":%d,\"allocator\":\"%s\",\"status\":"
                "\"ok\",\"warmup\":false,\"time_ns\":1000,\"bench\":{\"counters\":{"
                "\"blocks_recorded\":8000,\"blocks_sharing\":%d}}}\n",
                cell, b, a == 0 ? "a" : "b", a == 0 ? of_a : of_b);
    }
}

static void test_the_index_alone(void **state)
{
    (void)state;
    begin(6);
    for (int c = 0; c < 6; c++) {
        test(c, "false_sharing", 0.01, true);
    }
    end_of_plan();
    for (int b = 0; b < 12; b++) {
        sharing(0, b, 4000, 4080);                 /* one point more: what is allowed */
        sharing(1, b, 4000, 4081);                 /* beyond it */
        sharing(2, b, 8000, 0);                    /* better */
        sharing(3, b, 0, b == 7 ? 8000 : 0);       /* who came first decides */
        sharing(4, b, b == 7 ? 4040 : 4000, 4000); /* repeats well enough */
    }
    blocks(5, 0, 12, 1, 1, 0); /* of a workload that records no block */
    judge();
    assert_true(ruling.complete);
    assert_int_equal(ruling.family, 0);
    assert_int_equal(test_of(0, GATE_FALSE_SHARING)->word, GATE_WITHIN);
    assert_int_equal(test_of(1, GATE_FALSE_SHARING)->word, GATE_REGRESSION);
    assert_true(fabs(test_of(1, GATE_FALSE_SHARING)->estimate - 0.010125) < 1e-9);
    assert_int_equal(test_of(1, GATE_FALSE_SHARING)->basis, GATE_BY_SHARE);
    assert_string_equal(test_of(1, GATE_FALSE_SHARING)->reason,
                        "51.0 % of its blocks share a line, 50.0 % before");
    assert_int_equal(test_of(2, GATE_FALSE_SHARING)->word, GATE_WITHIN);
    assert_int_equal(test_of(3, GATE_FALSE_SHARING)->word, GATE_REPORTED);
    assert_int_equal(test_of(4, GATE_FALSE_SHARING)->word, GATE_WITHIN);
    assert_int_equal(test_of(5, GATE_FALSE_SHARING)->word, GATE_INCONCLUSIVE);
    assert_non_null(strstr(test_of(5, GATE_FALSE_SHARING)->reason, "tells no false-sharing index"));
    finish();
}

/* Of a process that was watched over time nothing is judged, but that it ended. */
static void test_a_failure_while_watched(void **state)
{
    (void)state;
    for (int crashed = 0; crashed < 2; crashed++) {
        begin(1);
        test(0, "time", 0.05, true);
        end_of_plan();
        blocks(0, 0, 12, 1, 1, 0);
        fprintf(file,
                "{\"type\":\"memory\",\"cell\":0,\"block\":0,\"allocator\":\"b\",\"status\":\"%s\","
                "\"detail\":\"\",\"curve\":null}\n",
                crashed ? "oom" : "ok");
        judge();
        assert_true(ruling.complete);
        assert_int_equal(test_of(0, GATE_TIME)->word, crashed ? GATE_FAILED : GATE_WITHIN);
        assert_string_equal(test_of(0, GATE_TIME)->reason, crashed ? "b: oom" : "");
        finish();
    }
}

static void test_another_run_is_refused(void **state)
{
    (void)state;
    char err[256] = "";
    begin(1);
    test(0, "speed", 0.05, true);
    end_of_plan();
    fclose(file);
    assert_true(samples_read(path, &run, err, sizeof err));
    assert_false(gate_judge(&run, &ruling, err, sizeof err));
    assert_non_null(strstr(err, "not that of a gate"));
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schedules),
        cmocka_unit_test(test_decided_stays_decided),
        cmocka_unit_test(test_only_the_undecided_go_on),
        cmocka_unit_test(test_a_regression_has_to_come_again),
        cmocka_unit_test(test_remote_frees_never_gate_on_time),
        cmocka_unit_test(test_peaks_are_net),
        cmocka_unit_test(test_figures_that_repeat),
        cmocka_unit_test(test_calls_and_faults),
        cmocka_unit_test(test_the_index_alone),
        cmocka_unit_test(test_stored_figures),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_a_failure_is_no_figure),
        cmocka_unit_test(test_a_failure_while_watched),
        cmocka_unit_test(test_another_run_is_refused),
        cmocka_unit_test(test_false_alarms_over_all_looks),
        cmocka_unit_test(test_no_difference_passes),
        cmocka_unit_test(test_within_is_rarely_wrong),
        cmocka_unit_test(test_power),
    };
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
