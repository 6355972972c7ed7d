/* test_gauge.c: what is measured is ordered and whole, survives JSON, and steal is a share of time.
 *
 * No figure is compared with a speed.
 */
#include "machine/gauge.h"

#include "machine/environment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static void test_measured(void **state)
{
    struct gauges gauges = gauges_measure();

    (void)state;
    assert_true(gauges.timer_step_ns > 0 && gauges.timer_cost_ns > 0);
    assert_true(gauges.loop_count >= 10 && gauges.loop_count <= 50);
    assert_true(gauges.loop_ms > 0 && gauges.loop_spread >= 0 && gauges.loop_worst >= 0);
    assert_true(gauges.steal_share >= 0 && gauges.steal_share <= 1);
    assert_true(gauges.two_threads_min > 0);
    assert_true(gauges.two_threads_min <= gauges.two_threads);
    assert_true(gauges.two_threads <= gauges.two_threads_max);
    assert_true(gauges.page_fresh_ns > 0 && gauges.page_again_ns > 0);
    assert_true((gauges.huge_fresh_ns > 0) == (gauges.huge_again_ns > 0));
}

static void test_json(void **state)
{
    struct gauges gauges, back = {0};
    double *figures = (double *)&gauges;
    json_t *object;

    (void)state;
    for (size_t i = 0; i < sizeof gauges / sizeof(double); i++)
        figures[i] = (double)i + 0.5;
    object = gauges_to_json(&gauges);
    assert_int_equal(json_object_size(object), sizeof gauges / sizeof(double));
    assert_true(gauges_from_json(object, &back));
    assert_memory_equal(&gauges, &back, sizeof gauges);
    json_object_del(object, "steal_share");
    assert_false(gauges_from_json(object, &back));
    json_object_set_new(object, "steal_share", json_string("none"));
    assert_false(gauges_from_json(object, &back));
    json_decref(object);
}

static void write_stat(const char *root, const char *text)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof path, "%s/proc/stat", root);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void test_steal(void **state)
{
    char root[] = "/tmp/ashlar-gauge-XXXXXX", path[128];
    struct cpu_times before, after;

    (void)state;
    assert_non_null(mkdtemp(root));
    snprintf(path, sizeof path, "%s/proc", root);
    assert_int_equal(mkdir(path, 0700), 0);
    environment_root = root;
    write_stat(root, "cpu  100 10 20 300 0 0 0 40 7 7\ncpu0 1 1 1 1 1 1 1 1 1 1\n");
    before = cpu_times_read();
    write_stat(root, "cpu  130 10 40 340 0 0 0 50 9 9\n");
    after = cpu_times_read();
    environment_root = "";
    assert_true(before.total == 470 && before.steal == 40); /* guest times are not added again */
    assert_true(cpu_times_steal_share(before, after) == 0.1);
    assert_true(cpu_times_steal_share(after, after) == 0);
    snprintf(path, sizeof path, "%s/proc/stat", root);
    unlink(path);
    snprintf(path, sizeof path, "%s/proc", root);
    rmdir(path);
    rmdir(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measured),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_steal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
