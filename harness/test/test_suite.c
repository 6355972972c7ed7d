/* test_suite.c: the suite reader: what it fills in, what it refuses. */
#include "plan/suite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Opens a suite of this text. */
static bool open_text(struct suite *suite, const char *text, struct failure *why)
{
    char path[] = "/tmp/ashlar-suite-XXXXXX.ini";
    int fd = mkstemps(path, 4);
    bool ok;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    ok = suite_open(suite, path, why);
    unlink(path);
    return ok;
}

static void refuses(const char *text, const char *complaint)
{
    struct suite suite;
    struct failure why = {0};

    assert_false(open_text(&suite, text, &why));
    assert_int_equal(why.exit_code, EXIT_USAGE);
    if (strstr(why.text, complaint) == NULL)
        fail_msg("'%s' does not say '%s'", why.text, complaint);
}

static void test_defaults(void **state)
{
    struct suite suite;
    struct failure why;

    (void)state;
    assert_true(open_text(&suite, "[cell a]\nworkload = larson\nargs = --ops 4000\n", &why));
    assert_int_equal(suite.blocks, 12);
    assert_int_equal(suite.timeout_s, 60);
    assert_int_equal(suite.count, 1);
    assert_int_equal(suite.cells[0].threads, 1);
    assert_int_equal(suite.cells[0].ops, 4000);
    assert_int_equal(suite.cells[0].count_ops, 100);
    assert_false(suite.cells[0].primary);
    suite_close(&suite);
}

static void test_everything_said(void **state)
{
    struct suite suite;
    struct failure why;

    (void)state;
    assert_true(
        open_text(&suite,
                  "; a comment\n[suite]\nabout = two\nblocks = 24\ntimeout_s = 5\n"
                  "[cell a]\nworkload = larson\nargs = --threads 2 --ops=800\nprimary = yes\n"
                  "[cell b]\nmicro = BM_x/64/real_time/threads:4\nargs = --ops 10\n"
                  "[cell c]\nworkload = larson\nargs = --threads 2 --ops 800\ncount = yes\n"
                  "count_ops = 7\nindex = yes\n",
                  &why));
    assert_string_equal(suite.about, "two");
    assert_int_equal(suite.blocks, 24);
    assert_int_equal(suite.timeout_s, 5);
    assert_true(suite.cells[0].primary);
    assert_int_equal(suite.cells[0].threads, 2);
    assert_int_equal(suite.cells[0].ops, 800);
    assert_int_equal(suite.cells[0].count_ops, 0); /* threads that share are not countable */
    assert_string_equal(suite.cells[1].workload, "micro");
    assert_string_equal(suite.cells[1].params, "BM_x/64/real_time/threads:4");
    assert_int_equal(suite.cells[1].threads, 4);
    assert_int_equal(suite.cells[1].count_ops, 0);
    assert_int_equal(suite.cells[2].count_ops, 7);
    assert_true(suite.cells[2].index && !suite.cells[0].index);
    suite_close(&suite);
}

static void test_programs(void **state)
{
    struct suite suite;
    struct failure why;

    (void)state;
    assert_true(open_text(&suite,
                          "[cell a]\nprogram = lua5.4\nargs = --ops 9\nprimary = yes\n"
                          "[cell b]\nprogram = /opt/my.sh\nargs = --ops 4\n",
                          &why));
    assert_string_equal(suite.cells[0].program, "lua5.4");
    assert_string_equal(suite.cells[0].workload, "lua5.4");
    assert_int_equal(suite.cells[0].count_ops, 0);
    assert_string_equal(suite.cells[1].workload, "my");
    suite_close(&suite);
}

static void test_growths(void **state)
{
    struct suite suite;
    struct failure why;
    struct cell cell;

    (void)state;
    assert_true(open_text(&suite,
                          "[cell a]\nworkload = x\nargs = --ops 9\n"
                          "[growth g]\nworkload = stack\nargs = --order rnd --ops 70\n"
                          "over = --depth\nat = 1 4 16 64 256\nrounds = 3\n"
                          "[growth h]\nworkload = stack\nargs = --ops 70\nover = --size\n"
                          "at = 1 2 3 4 5\n",
                          &why));
    assert_int_equal(suite.n_growths, 2);
    assert_int_equal(suite.growths[0].rounds, 3);
    assert_int_equal(suite.growths[1].rounds, 5);
    assert_int_equal(growth_size(&suite.growths[0], 4), 256);
    growth_cell(&suite.growths[0], 2, &cell);
    assert_string_equal(cell.workload, "stack");
    assert_int_equal(cell.args.count, 6);
    assert_string_equal(cell.args.at[4], "--depth");
    assert_string_equal(cell.args.at[5], "16");
    growth_cell_free(&cell);
    assert_false(growth_same(&suite.growths[0], &suite.growths[1]));
    assert_true(growth_same(&suite.growths[0], &suite.growths[0]));
    suite_close(&suite);
}

static void test_growth_refusals(void **state)
{
    static const struct {
        const char *lines, *complaint;
    } wrong[] = {
        {"over = --depth\nargs = --ops 1\nat = 1 2 3 4 5\n", "needs a workload"},
        {"workload = x\nargs = --ops 1\nat = 1 2 3 4 5\n", "the option that is its size"},
        {"workload = x\nover = depth\nargs = --ops 1\nat = 1 2 3 4 5\n", "name an option"},
        {"workload = x\nover = --a\nargs = --ops 1 --a=3\nat = 1 2 3 4 5\n", "args leaves out"},
        {"workload = x\nover = --a\nargs = --opsy 1\nat = 1 2 3 4 5\n", "amount of work"},
        {"workload = x\nover = --a\nargs = --ops 1\nat = 1 2 3 4\n", "five to forty rising"},
        {"workload = x\nover = --a\nargs = --ops 1\nat = 1 2 3 4 4\n", "five to forty rising"},
        {"workload = x\nover = --a\nargs = --ops 1\nat = 0 1 2 3 4\n", "five to forty rising"},
        {"workload = x\nover = --a\nargs = --ops 1\nat = 1 2 3 4 many\n", "five to forty rising"},
        {"rounds = 0\n", "from 1 to 100"},
        {"blocks = 3\n", "unknown key; use workload, args, over, at or rounds"},
        {"over = --a\nover = --b\n", "is set twice"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char *text =
            text_format("[cell a]\nworkload = x\nargs = --ops 9\n[growth g]\n%s", wrong[i].lines);

        refuses(text, wrong[i].complaint);
        free(text);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    refuses("", "has no [cell NAME]");
    refuses("[cell a]\nworkload = larson\n", "states no amount of work");
    refuses("[cell a]\nworkload = larson\nargs = --ops 0\n", "states no amount of work");
    refuses("[cell a]\nworkload = larson\nargs = --ops\n", "states no amount of work");
    refuses("[cell a]\nargs = --ops 4\n", "give one of workload, micro and program");
    refuses("[cell a]\nworkload = x\nmicro = y\nargs = --ops 4\n",
            "give one of workload, micro and program");
    refuses("[cell a]\nworkload = x\nprogram = y\nargs = --ops 4\n",
            "give one of workload, micro and program");
    refuses("[cell a]\nprogram = y\nargs = --ops 4\ncount = yes\n", "are not counted");
    refuses("[cell a]\nprogram = y\nargs = --ops 4\ncount_ops = 4\n", "are not counted");
    refuses("[cell a]\nprogram = y\n", "states no amount of work");
    refuses("[cell a]\nmicro = y\nargs = --threads 2 --ops 4\n", "--ops N alone");
    refuses("[cell a]\nworkload = x\nargs = --threads none --ops 4\n", "--threads none");
    refuses("[cell a]\nworkload = x\nargs = --ops 4\nprimary = maybe\n", "say yes or no");
    refuses("[cell a]\nworkload = x\nargs = --ops 4\ncount_ops = few\n", "give a number above 0");
    refuses("[suite]\nblocks = 0\n[cell a]\nworkload = x\nargs = --ops 4\n",
            "leaves it nothing to do");
    refuses("[suite]\nmemory_blocks = 0\n", "give a number from 1 to 1000");
    refuses("[cell a]\nmicro = x\nargs = --ops 4\nmemory = yes\n",
            "needs a workload of ashlar-bench");
    refuses("[suite]\nblocks = 1001\n", "give a number from 0 to 1000");
    refuses("[suite]\ntimeout_s = -1\n", "give seconds");
    refuses("[suit]\nblocks = 3\n", "unknown section");
    refuses("[cell ]\nworkload = x\n", "unknown section");
}

static void test_args_with_ops(void **state)
{
    static const char *const forms[] = {"--ops 5 --size 8", "--size 8 --ops=5"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct cell cell = {.args = words_split(forms[i], " ")};
        struct words args = cell_args_with_ops(&cell, 77);

        assert_int_equal(args.count, 4);
        assert_string_equal(args.at[0], "--size");
        assert_string_equal(args.at[1], "8");
        assert_string_equal(args.at[2], "--ops");
        assert_string_equal(args.at[3], "77");
        assert_null(args.at[4]);
        words_free(&args);
        words_free(&cell.args);
    }
}

static void test_same_cells(void **state)
{
    struct suite a, b;
    struct failure why;

    (void)state;
    assert_true(open_text(&a, "[cell a]\nworkload = x\nargs = --ops 4\n", &why));
    assert_true(open_text(&b, "[cell other]\nworkload = x\nargs = --ops 4\n", &why));
    assert_true(suite_same_cells(&a, &b));
    free(b.cells[0].args.at[1]);
    b.cells[0].args.at[1] = text_copy("5");
    assert_false(suite_same_cells(&a, &b));
    suite_close(&a);
    suite_close(&b);
}

static void test_keep(void **state)
{
    struct suite suite;
    struct failure why;

    (void)state;
    assert_true(open_text(&suite,
                          "[cell a]\nworkload = x\nargs = --ops 4\n"
                          "[cell b]\nworkload = y\nargs = --ops 5\nmemory = yes\n"
                          "[growth g]\nworkload = z\nargs = --ops 6\nover = --size\n"
                          "at = 1 2 3 4 5\n",
                          &why));
    assert_int_equal(suite_find(&suite, "b"), 1);
    assert_true(suite_find(&suite, "g") == SIZE_MAX);
    suite_keep(&suite, 1);
    assert_int_equal(suite.count, 1);
    assert_string_equal(suite.cells[0].label, "b");
    assert_int_equal(suite.cells[0].id, 0);
    assert_true(suite.cells[0].memory);
    assert_int_equal(suite.n_growths, 0);
    suite_close(&suite);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),   cmocka_unit_test(test_everything_said),
        cmocka_unit_test(test_refusals),   cmocka_unit_test(test_args_with_ops),
        cmocka_unit_test(test_same_cells), cmocka_unit_test(test_programs),
        cmocka_unit_test(test_growths),    cmocka_unit_test(test_growth_refusals),
        cmocka_unit_test(test_keep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
