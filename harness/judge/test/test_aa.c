/* test_aa.c: what the lines of an aa come to: alarms counted by whole verdicts, plants by cell and
 * metric, and every target met, missed and not tried enough. */
#include "../aa.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- lines ---- */

static json_t *begun(int max_blocks)
{
    json_t *lines = json_array();
    json_array_append_new(lines, json_pack("{s:s,s:i,s:{s:s}}", "type", "plan", "max_blocks",
                                           max_blocks, "rehearsal", "suite", "toy"));
    return lines;
}

/* A test of cell `id` with one thread (even id) or two (odd). */
static json_t *a_test(int id, const char *metric, const char *word, int blocks, double estimate)
{
    char name[16];
    snprintf(name, sizeof name, "cell-%d", id);
    return json_pack("{s:i,s:s,s:s,s:i,s:f,s:b,s:s,s:s,s:f,s:i}", "id", id, "cell", name, "metric",
                     metric, "threads", 1 + id % 2, "budget", .05, "gates", true, "basis", "ratio",
                     "word", word, "estimate", estimate, "blocks", blocks);
}

static void add_verdict(json_t *lines, int n, json_t *tests)
{
    json_array_append_new(lines, json_pack("{s:s,s:i,s:f,s:b,s:o}", "type", "verdict", "n", n,
                                           "seconds", 60. * n, "resumed", false, "tests", tests));
}

static json_t *quiet_tests(void)
{
    return json_pack("[o,o,o]", a_test(0, "time", "within", 12, 1.0),
                     a_test(1, "time", "within", 24, 1.0),
                     a_test(0, "peak_rss", "within", 12, 1.0));
}

static void add_trial(json_t *lines, const char *kind, double size, int k, int cell,
                      const char *dosed, json_t *tests)
{
    json_array_append_new(lines, json_pack("{s:s,s:s,s:f,s:i,s:f,s:b,s:[{s:i,s:s,s:f}],s:o}",
                                           "type", "trial", "kind", kind, "size", size, "k", k,
                                           "seconds", 60., "resumed", false, "doses", "cell", cell,
                                           "metric", dosed, "rate", .5, "tests", tests));
}

/* `found` of `of` trials of a stall of that size in one cell. */
static json_t *stalls(int max_blocks, double size, int cell, int found, int of, int blocks)
{
    json_t *lines = begun(max_blocks);
    for (int k = 1; k <= of; k++) {
        add_trial(lines, "stall", size, k, cell, "time",
                  json_pack("[o]", a_test(cell, "time", k <= found ? "regression" : "inconclusive",
                                          blocks, 1.1)));
    }
    return lines;
}

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static const json_t *target(const json_t *finding, const char *text)
{
    json_t *row;
    size_t i;
    json_array_foreach(json_object_get(finding, "targets"), i, row)
    {
        if (strstr(json_string_value(json_object_get(row, "text")), text) != NULL) {
            return row;
        }
    }
    return NULL;
}

static void assert_target(json_t *lines, size_t verdicts, size_t trials, const char *text,
                          const char *word)
{
    json_t *finding = aa_find(lines, verdicts, trials);
    const json_t *row = target(finding, text);
    assert_non_null(row);
    assert_string_equal(json_string_value(json_object_get(row, "word")), word);
    json_decref(finding);
    json_decref(lines);
}

/* ---- alarms ---- */

static json_t *verdicts(int n, int alarms)
{
    json_t *lines = begun(48);
    for (int v = 1; v <= n; v++) {
        json_t *tests = quiet_tests();
        if (v <= alarms) {
            json_array_append_new(tests, a_test(2, "time", "regression", 12, 1.2));
            json_array_append_new(tests, a_test(3, "time", "regression", 12, 1.2));
        }
        add_verdict(lines, v, tests);
    }
    return lines;
}

static void test_alarms_are_of_whole_verdicts(void **state)
{
    (void)state;
    json_t *lines = verdicts(10, 2), *finding = aa_find(lines, 10, 0), *metric;
    const json_t *total = json_object_get(finding, "verdicts");
    assert_int_equal(number(total, "n"), 10);
    assert_int_equal(number(total, "alarms"), 2);
    assert_float_equal(number(total, "rate"), .2, 1e-12);
    assert_float_equal(number(total, "low"), 0.0252107, 1e-6);
    assert_float_equal(number(total, "high"), 0.5560955, 1e-6);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(total, "alarms_in"), 1)), 2);
    /* Two cells that cry in one verdict are one alarm of their metric. */
    metric = json_array_get(json_object_get(finding, "metrics"), 0);
    assert_string_equal(json_string_value(json_object_get(metric, "metric")), "time");
    assert_int_equal(number(metric, "n"), 10);
    assert_int_equal(number(metric, "alarms"), 2);
    metric = json_array_get(json_object_get(finding, "metrics"), 1);
    assert_int_equal(number(metric, "alarms"), 0);
    /* By cell: the last row is cell-3, which was tested twice. */
    assert_int_equal(json_array_size(json_object_get(finding, "cells")), 5);
    assert_int_equal(number(json_array_get(json_object_get(finding, "cells"), 4), "n"), 2);
    assert_int_equal(number(json_array_get(json_object_get(finding, "cells"), 4), "alarms"), 2);
    json_decref(finding);
    json_decref(lines);
}

static void test_minutes_leave_out_what_was_cut_off(void **state)
{
    (void)state;
    json_t *lines = verdicts(3, 0), *finding;
    json_object_set_new(json_array_get(lines, 3), "resumed", json_true());
    finding = aa_find(lines, 3, 0);
    const json_t *minutes = json_object_get(json_object_get(finding, "verdicts"), "minutes");
    assert_float_equal(number(minutes, "median"), 1.5, 1e-9);
    assert_int_equal(number(minutes, "n"), 2);
    json_decref(finding);
    json_decref(lines);
}

static void test_a_failed_verdict_is_none(void **state)
{
    (void)state;
    json_t *lines = verdicts(2, 0), *tests = quiet_tests(), *finding;
    json_array_append_new(tests, a_test(2, "time", "failed", 0, 1));
    json_array_append_new(tests, a_test(3, "time", "regression", 12, 1.2));
    add_verdict(lines, 3, tests);
    finding = aa_find(lines, 3, 0);
    const json_t *total = json_object_get(finding, "verdicts");
    assert_int_equal(number(total, "n"), 2);
    assert_int_equal(number(total, "failed"), 1);
    assert_int_equal(number(total, "alarms"), 0);
    json_decref(finding);
    json_decref(lines);
}

static void test_what_is_not_a_regression_is_no_alarm(void **state)
{
    (void)state;
    json_t *lines = begun(48), *finding;
    add_verdict(lines, 1,
                json_pack("[o,o]", a_test(0, "time", "unconfirmed", 12, 1.1),
                          a_test(1, "time", "inconclusive", 48, 1.1)));
    finding = aa_find(lines, 1, 0);
    const json_t *total = json_object_get(finding, "verdicts");
    assert_int_equal(number(total, "alarms"), 0);
    assert_int_equal(number(total, "unconfirmed"), 1);
    assert_int_equal(number(total, "inconclusive"), 1);
    json_decref(finding);
    json_decref(lines);
}

static void test_target_of_alarms(void **state)
{
    (void)state;
    const char *text = "no false alarm in 24";
    assert_target(verdicts(24, 0), 24, 0, text, "met");
    assert_target(verdicts(23, 0), 24, 0, text, "not enough trials");
    assert_target(verdicts(24, 1), 24, 0, text, "missed");
    assert_target(verdicts(3, 1), 24, 0, text, "missed");
    json_t *lines = verdicts(24, 0), *finding = aa_find(lines, 0, 0);
    assert_null(target(finding, text)); /* nobody asked */
    json_decref(finding);
    json_decref(lines);
}

/* ---- power ---- */

static void test_target_of_slowdowns(void **state)
{
    (void)state;
    const char *one = "stall found in 95 %, one thread", *two = "stall found in 95 %, two threads";
    assert_target(stalls(48, 10, 0, 19, 20, 48), 0, 20, one, "met");
    assert_target(stalls(48, 10, 0, 18, 20, 48), 0, 20, one, "missed");
    assert_target(stalls(48, 10, 0, 19, 19, 48), 0, 20, one, "not enough trials");
    assert_target(stalls(48, 10, 0, 0, 5, 48), 0, 20, one, "missed"); /* refuted already */
    assert_target(stalls(48, 5, 0, 20, 20, 48), 0, 20, one, "not enough trials"); /* at budget */
    assert_target(stalls(72, 10, 0, 20, 20, 72), 0, 20, one, "missed"); /* found, but too late */
    assert_target(stalls(24, 10, 0, 20, 20, 24), 0, 20, one, "not enough trials");
    assert_target(stalls(72, 10, 1, 20, 20, 72), 0, 20, two, "met");
    assert_target(stalls(48, 10, 1, 20, 20, 48), 0, 20, two, "not enough trials");
    assert_target(stalls(72, 10, 1, 20, 20, 72), 0, 20, one, "not enough trials");
}

static void test_target_of_instructions(void **state)
{
    (void)state;
    for (int missed = 0; missed <= 2; missed++) {
        json_t *lines = begun(48);
        for (int k = 1; k <= 100; k++) {
            add_trial(
                lines, "instr", 1, k, 0, "instructions",
                json_pack("[o,o]",
                          a_test(0, "instructions", k <= missed ? "within" : "regression", 1, 1.01),
                          a_test(0, "time", "within", 12, 1.004)));
        }
        assert_target(lines, 0, 100, "1 % more instructions", missed <= 1 ? "met" : "missed");
    }
}

static void test_rows_of_plants(void **state)
{
    (void)state;
    json_t *lines = begun(48), *finding, *rows, *row;
    /* A dose by instructions is looked for in times too, a dose by time in times alone; what is
     * only reported, and cells without a dose, are no trials. */
    add_trial(lines, "instr", 2, 1, 0, "instructions",
              json_pack("[o,o,o]", a_test(0, "instructions", "regression", 1, 1.021),
                        a_test(0, "time", "within", 12, 1.01),
                        a_test(0, "peak_rss", "regression", 12, 1.5)));
    add_trial(lines, "instr", 2, 2, 0, "instructions",
              json_pack("[o]", a_test(0, "instructions", "regression", 1, 1.019)));
    add_trial(lines, "leak", 5, 1, 0, "peak_rss",
              json_pack("[o,o,o]", a_test(0, "peak_rss", "inconclusive", 48, 1.05),
                        a_test(0, "time", "regression", 12, 1.5),
                        a_test(2, "peak_rss", "regression", 12, 1.5)));
    add_trial(lines, "stall", 5, 1, 0, "time",
              json_pack("[o]", a_test(0, "time", "reported", 12, 1.05)));
    finding = aa_find(lines, 0, 2);
    rows = json_object_get(finding, "plants");
    assert_int_equal(json_array_size(rows), 3);
    row = json_array_get(rows, 0);
    assert_int_equal(number(row, "n"), 2);
    assert_int_equal(number(row, "found"), 2);
    assert_float_equal(number(row, "achieved"), .02, 1e-12);
    assert_true(json_is_true(json_object_get(row, "nominal")));
    row = json_array_get(rows, 1);
    assert_string_equal(json_string_value(json_object_get(row, "metric")), "time");
    assert_int_equal(number(row, "found"), 0);
    assert_false(json_is_true(json_object_get(row, "nominal")));
    row = json_array_get(rows, 2);
    assert_string_equal(json_string_value(json_object_get(row, "metric")), "peak_rss");
    assert_int_equal(number(row, "n"), 1);
    json_decref(finding);
    json_decref(lines);
}

static void test_unplanted_once(void **state)
{
    (void)state;
    json_t *lines = begun(48), *finding;
    for (int step = 1; step <= 2; step++) {
        json_array_append_new(lines, json_pack("{s:s,s:s,s:i,s:[{s:s,s:s,s:s},{s:s,s:s}]}", "type",
                                               "calibration", "kind", "leak", "step", step, "cells",
                                               "label", "cell-0", "state", "unplanted", "reason",
                                               "small", "label", "cell-1", "state", "settled"));
    }
    finding = aa_find(lines, 0, 1);
    assert_int_equal(json_array_size(json_object_get(finding, "unplanted")), 1);
    json_decref(finding);
    json_decref(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alarms_are_of_whole_verdicts),
        cmocka_unit_test(test_minutes_leave_out_what_was_cut_off),
        cmocka_unit_test(test_a_failed_verdict_is_none),
        cmocka_unit_test(test_what_is_not_a_regression_is_no_alarm),
        cmocka_unit_test(test_target_of_alarms),
        cmocka_unit_test(test_target_of_slowdowns),
        cmocka_unit_test(test_target_of_instructions),
        cmocka_unit_test(test_rows_of_plants),
        cmocka_unit_test(test_unplanted_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
