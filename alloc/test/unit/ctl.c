/* ctl.c (test): what only faults and forks show of mallctl; its contract is tested through the
 * doors in api/ctl.c. */
#include "../../inspect/ctl.h"
#include "../../include/ashlar/ashlar.h"
#include "../../api/boot.h"
#include "../../thread/thread.h"
#include "faults.h"
#include "unit.h"

#include <errno.h>
#include <stdlib.h>

static int refresh(void)
{
    uint64_t any = 1;
    return ashlar_mallctl("epoch", NULL, NULL, &any, sizeof any);
}

static int read_size(const char *name, size_t *value)
{
    size_t len = sizeof *value;
    return ashlar_mallctl(name, value, &len, NULL, 0);
}

/* There is no memory for the figures: EAGAIN, and later a snapshot all the same. */
static void no_memory(void)
{
    size_t value = 7;
    boot();
    thread_cache();
    faults.mmaps_left = 0;
    REQUIRE_EQUAL(refresh(), EAGAIN);
    REQUIRE_EQUAL(read_size("stats.allocated", &value), EAGAIN);
    REQUIRE_EQUAL(value, 7);
    REQUIRE_EQUAL(read_size("opt.lg_tcache_max", &value), 0); /* needs none */
    faults.mmaps_left = -1;
    REQUIRE_EQUAL(read_size("stats.allocated", &value), 0);
    REQUIRE_EQUAL(refresh(), 0);
}

/* The first question makes the snapshot. */
static void the_first_question(void)
{
    size_t value = 1;
    REQUIRE_EQUAL(read_size("stats.allocated", &value), 0);
    REQUIRE_EQUAL(value, 0);
    REQUIRE_EQUAL(read_size("epoch", &value), 0);
    REQUIRE_EQUAL(value, 1);
}

static void *block;

static void part_child(void)
{
    size_t value = 0;
    REQUIRE_EQUAL(read_size("stats.allocated", &value), 0);
    REQUIRE_EQUAL(value, 112); /* the snapshot of before the fork */
    ashlar_free(block);
    REQUIRE_EQUAL(refresh(), 0);
    REQUIRE_EQUAL(read_size("stats.allocated", &value), 0);
    REQUIRE_EQUAL(value, 0);
    unsigned threads = 0;
    size_t len = sizeof threads;
    REQUIRE_EQUAL(ashlar_mallctl("stats.arenas.0.nthreads", &threads, &len, NULL, 0), 0);
    REQUIRE_EQUAL(threads, 1);
}

static void in_a_forked_child(void)
{
    block = ashlar_malloc(100);
    REQUIRE_EQUAL(refresh(), 0);
    REQUIRE_EQUAL(unit_child(part_child).exit, 0);
}

/* A thread stands in the middle of a refresh, with the snapshot's lock, when another forks. */
static void *into_the_stop(void *arg)
{
    (void)refresh();
    return arg;
}

static void part_after_a_stranded_refresh(void)
{
    size_t value = 0;
    REQUIRE_EQUAL(read_size("stats.allocated", &value), 0);
    REQUIRE_EQUAL(refresh(), 0);
    REQUIRE_EQUAL(read_size("stats.active", &value), 0);
}

static void fork_in_the_middle_of_a_refresh(void)
{
    setenv("ASHLAR_CONF", "narenas:1", 1); /* so that the thread needs no arena of its own */
    ashlar_free(ashlar_malloc(100));
    faults_strand(into_the_stop, NULL); /* in the mapping of memory for the figures */
    REQUIRE_EQUAL(unit_child(part_after_a_stranded_refresh).exit, 0);
}

static void types_have_names(void)
{
    const struct ctl_name *n;
    for (size_t row = 0; (n = ctl_row(row)); row++) {
        REQUIRE(n->name[0] && n->doc[0] && ctl_type_name(n->type)[0]);
        REQUIRE(n->name[sizeof n->name - 1] == '\0' && n->doc[sizeof n->doc - 1] == '\0');
        REQUIRE(n->access <= CTL_RW && n->level <= CTL_LATER);
        REQUIRE((n->type == CTL_VOID) == (n->access == CTL_ACTS));
    }
}

static void components(void)
{
    REQUIRE_EQUAL(ctl_components("a"), 1);
    REQUIRE_EQUAL(ctl_components("ab.<i>.c"), 3);
    REQUIRE_EQUAL(ctl_prefix("ab.<i>.c", 0), 0);
    REQUIRE_EQUAL(ctl_prefix("ab.<i>.c", 1), 2);
    REQUIRE_EQUAL(ctl_prefix("ab.<i>.c", 2), 6);
    REQUIRE_EQUAL(ctl_prefix("ab.<i>.c", 3), 8);
    REQUIRE_EQUAL(ctl_prefix("ab.<i>.c", 4), 0);
    REQUIRE(ctl_same_prefix("ab.c", "ab.d", 1) && !ctl_same_prefix("ab.c", "ab.d", 2));
    REQUIRE(!ctl_same_prefix("ab", "abc", 1) && !ctl_same_prefix("ab", "ab.c", 2));
    REQUIRE(ctl_is_number("ab.<i>.c", 1) && !ctl_is_number("ab.<i>.c", 0));
    REQUIRE(!ctl_is_number("ab.<i>.c", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(no_memory),         UNIT(the_first_question),
        UNIT(in_a_forked_child), UNIT(fork_in_the_middle_of_a_refresh),
        UNIT(types_have_names),  UNIT(components),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
