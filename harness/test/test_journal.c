/* test_journal.c: what of a plan counts as done when its lines are read back. */
#include "run/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

/* Two cells, three allocators, two blocks: three rounds with the warm-up. */
static struct cell cells[2] = {{.label = "c0"}, {.label = "c1", .memory = true}};
static struct allocator allocators[3] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
static struct plan plan = {.suite = {.blocks = 2, .memory_blocks = 2, .cells = cells, .count = 2},
                           .allocators = allocators,
                           .n_allocators = 3};

static json_t *plan_line(void)
{
    return json_pack("[{s:s}]", "type", "plan");
}

/* Appends samples of a block: one letter an allocator, upper case for one that crashed. */
static void add_block(json_t *lines, int cell, int round, const char *who)
{
    for (; *who != '\0'; who++) {
        char name[2] = {(char)(*who | 0x20), '\0'};

        json_array_append_new(lines, json_pack("{s:s,s:i,s:i,s:b,s:s,s:s}", "type", "sample",
                                               "cell", cell, "block", round > 0 ? round - 1 : 0,
                                               "warmup", round == 0, "allocator", name, "status",
                                               *who == name[0] ? "ok" : "crash"));
    }
}

static size_t read_all(struct journal *journal, json_t *lines)
{
    struct failure why;
    size_t kept = 0;

    journal_open(journal, &plan);
    assert_true(journal_read(journal, lines, &kept, &why));
    json_decref(lines);
    return kept;
}

static void test_whole_blocks_are_done(void **state)
{
    struct journal journal;
    json_t *lines = plan_line();

    (void)state;
    add_block(lines, 0, 0, "bca");
    add_block(lines, 1, 0, "abc");
    add_block(lines, 1, 1, "cab");
    assert_int_equal(read_all(&journal, lines), 10);
    assert_false(journal_block_due(&journal, 0, 0));
    assert_false(journal_block_due(&journal, 1, 1));
    assert_true(journal_block_due(&journal, 0, 1));
    assert_true(journal_block_due(&journal, 1, 2));
    assert_int_equal(journal_blocks_over(&journal), 3);
    assert_int_equal(journal.failures, 0);
    journal_close(&journal);
}

static void test_a_torn_block_is_cut_off(void **state)
{
    struct journal journal;
    json_t *lines = plan_line();

    (void)state;
    add_block(lines, 0, 0, "bca");
    add_block(lines, 1, 0, "ab");
    assert_int_equal(read_all(&journal, lines), 4);
    assert_true(journal_block_due(&journal, 1, 0));
    journal_close(&journal);
}

static void test_a_failure_ends_an_allocators_cell(void **state)
{
    struct journal journal;
    json_t *lines = plan_line();

    (void)state;
    add_block(lines, 0, 0, "bCa");
    add_block(lines, 0, 1, "ab"); /* whole without c */
    assert_int_equal(read_all(&journal, lines), 6);
    assert_true(journal.out[journal_pair(&journal, 0, 2)]);
    assert_false(journal.out[journal_pair(&journal, 1, 2)]);
    assert_false(journal_block_due(&journal, 0, 1));
    assert_true(journal_block_due(&journal, 0, 2));
    assert_int_equal(journal.failures, 1);
    journal_close(&journal);
}

static void test_a_cell_without_its_baseline_is_over(void **state)
{
    struct journal journal;
    json_t *lines = plan_line();

    (void)state;
    add_block(lines, 0, 0, "bcA");
    read_all(&journal, lines);
    assert_false(journal_cell_alive(&journal, 0));
    assert_true(journal_cell_alive(&journal, 1));
    assert_false(journal_block_due(&journal, 0, 2));
    assert_int_equal(journal_blocks_over(&journal), 3);
    journal_close(&journal);
}

static void test_nulls_counts_and_the_end(void **state)
{
    struct journal journal;
    json_t *lines = plan_line();

    (void)state;
    json_array_append_new(lines, json_pack("{s:s,s:i,s:s,s:i}", "type", "null", "cell", 1,
                                           "allocator", "b", "null_rss_kib", 777));
    json_array_append_new(lines,
                          json_pack("{s:s,s:i,s:s}", "type", "count", "cell", 0, "allocator", "c"));
    json_array_append_new(lines, json_pack("{s:s,s:i,s:s,s:s}", "type", "count", "cell", 1,
                                           "allocator", "a", "method", "ptrace"));
    json_array_append_new(lines, json_pack("{s:s,s:f}", "type", "end", "elapsed_s", 1.5));
    assert_int_equal(read_all(&journal, lines), 5);
    assert_int_equal(journal.null_rss_kib[journal_pair(&journal, 1, 1)], 777);
    assert_true(journal.null_done[journal_pair(&journal, 1, 1)]);
    assert_false(journal.null_done[journal_pair(&journal, 1, 0)]);
    assert_true(journal.counted[journal_pair(&journal, 0, 2)]);
    assert_false(journal.traced[journal_pair(&journal, 0, 2)]);
    assert_true(journal.traced[journal_pair(&journal, 1, 0)]);
    assert_false(journal.counted[journal_pair(&journal, 1, 0)]);
    assert_true(journal.ended);
    journal_close(&journal);
}

/* Two points of five, three rounds, of one series that allocator c is left out of. */
static struct growth series = {.label = "g", .rounds = 3};

static json_t *growth_line(int point, int round, const char *status)
{
    return json_pack("{s:s,s:i,s:i,s:i,s:[{s:s,s:s},{s:s,s:s}]}", "type", "growth", "series", 0,
                     "point", point, "round", round, "samples", "allocator", "a", "status", "ok",
                     "allocator", "b", "status", status);
}

static void test_points_of_growth_are_done(void **state)
{
    struct journal journal;
    json_t *lines = plan_line();

    (void)state;
    series.at = words_split("1 2 3 4 5", " ");
    series.skipped = words_split("c", " ");
    plan.suite.growths = &series;
    plan.suite.n_growths = 1;
    json_array_append_new(lines, growth_line(4, 2, "ok"));
    json_array_append_new(lines, growth_line(1, 0, "crash"));
    assert_int_equal(read_all(&journal, lines), 3);
    assert_true(*journal_growth_done(&journal, 0, 4, 2));
    assert_true(*journal_growth_done(&journal, 0, 1, 0));
    assert_false(*journal_growth_done(&journal, 0, 4, 0));
    assert_false(*journal_growth_out(&journal, 0, 0));
    assert_true(*journal_growth_out(&journal, 0, 1));
    assert_true(*journal_growth_out(&journal, 0, 2));
    assert_int_equal(journal.failures, 1);
    journal_close(&journal);
    plan.suite.n_growths = 0;
    words_free(&series.at);
    words_free(&series.skipped);
}

static json_t *memory_line(int cell, const char *name, int block, const char *status)
{
    return json_pack("{s:s,s:i,s:s,s:i,s:s}", "type", "memory", "cell", cell, "allocator", name,
                     "block", block, "status", status);
}

static void test_finished_curves_are_kept(void **state)
{
    struct journal journal;
    json_t *lines = plan_line();

    (void)state;
    json_array_append_new(lines, memory_line(1, "b", 1, "ok"));
    json_array_append_new(lines, memory_line(1, "c", 0, "crash"));
    assert_int_equal(read_all(&journal, lines), 3);
    assert_false(journal_watch_due(&journal, 1, 1, 1));
    assert_true(journal_watch_due(&journal, 1, 1, 0));
    assert_true(journal_watch_due(&journal, 1, 0, 1));
    assert_false(journal_watch_due(&journal, 0, 0, 0)); /* the suite does not ask for it */
    assert_false(journal_watch_due(&journal, 1, 2, 1)); /* ended badly: not tried again */
    assert_int_equal(journal.failures, 1);
    journal_close(&journal);
}

static void refuses(json_t *line)
{
    struct journal journal;
    struct failure why = {0};
    json_t *lines = plan_line();
    size_t kept;

    json_array_append_new(lines, line);
    journal_open(&journal, &plan);
    assert_false(journal_read(&journal, lines, &kept, &why));
    assert_int_equal(why.exit_code, EXIT_USAGE);
    assert_non_null(strstr(why.text, "samples.jsonl:2 does not belong to the plan"));
    json_decref(lines);
    journal_close(&journal);
}

static void test_strangers_are_refused(void **state)
{
    (void)state;
    refuses(json_pack("{s:s,s:i,s:i,s:b,s:s,s:s}", "type", "sample", "cell", 2, "block", 0,
                      "warmup", 0, "allocator", "a", "status", "ok"));
    refuses(json_pack("{s:s,s:i,s:i,s:b,s:s,s:s}", "type", "sample", "cell", 0, "block", 2,
                      "warmup", 0, "allocator", "a", "status", "ok"));
    refuses(json_pack("{s:s,s:i,s:i,s:b,s:s,s:s}", "type", "sample", "cell", 0, "block", 0,
                      "warmup", 0, "allocator", "z", "status", "ok"));
    refuses(json_pack("{s:i}", "cell", 0));
    refuses(growth_line(0, 0, "ok")); /* the plan has no series */
    refuses(memory_line(1, "a", 2, "ok"));
    refuses(memory_line(1, "z", 0, "ok"));
}

/* The order of a resumed run is that of the run that was not interrupted. */
static void test_order_is_a_function_of_the_seed(void **state)
{
    size_t first[3], again[3], cells_order[2];
    bool differs = false;

    (void)state;
    plan.seed = 99;
    for (uint64_t round = 0; round < 3; round++) {
        plan_block_order(&plan, round, 1, first);
        plan_cell_order(&plan, round, cells_order);
        plan_block_order(&plan, round, 1, again);
        assert_memory_equal(first, again, sizeof first);
    }
    for (uint64_t round = 0; round < 50 && !differs; round++) {
        plan_block_order(&plan, round, 0, first);
        plan_block_order(&plan, round, 1, again);
        differs = memcmp(first, again, sizeof first) != 0;
    }
    assert_true(differs);
    for (uint64_t round = 0; round < 100; round++)
        assert_true(plan_pad(&plan, round, 1, 2) < 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_blocks_are_done),
        cmocka_unit_test(test_a_torn_block_is_cut_off),
        cmocka_unit_test(test_a_failure_ends_an_allocators_cell),
        cmocka_unit_test(test_a_cell_without_its_baseline_is_over),
        cmocka_unit_test(test_nulls_counts_and_the_end),
        cmocka_unit_test(test_points_of_growth_are_done),
        cmocka_unit_test(test_finished_curves_are_kept),
        cmocka_unit_test(test_strangers_are_refused),
        cmocka_unit_test(test_order_is_a_function_of_the_seed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
