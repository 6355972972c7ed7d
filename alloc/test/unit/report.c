/* report.c (test): what is written at exit, and the pieces in which the report comes. */
#include "../../inspect/report.h"
#include "../../include/ashlar/ashlar.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void part_exit(void)
{
    setenv("ASHLAR_CONF", "stats_print:true", 1);
    ashlar_free(ashlar_malloc(1));
    close(2);
    exit(0);
}

static void part_exit_silently(void)
{
    ashlar_free(ashlar_malloc(1));
    exit(0);
}

static void part_exit_unused(void)
{
    setenv("ASHLAR_CONF", "stats_print:true", 1);
    exit(0);
}

static void the_line_at_exit(void)
{
    struct unit_end end = unit_child(part_exit);
    REQUIRE_EQUAL(end.exit, 0);
    REQUIRE_CONTAINS(end.text, "ashlar: mallocs=1 frees=1 allocated=0 ");
    REQUIRE(!strstr(end.text, "stats."));
    REQUIRE_SAME(unit_child(part_exit_silently).text, "");
    REQUIRE_SAME(unit_child(part_exit_unused).text, ""); /* it was never started */
}

static void part_exit_with_a_report(void)
{
    setenv("ASHLAR_CONF", "stats_print:true,stats_print_opts:gmablh", 1);
    ashlar_free(ashlar_malloc(1));
    close(2);
    exit(0);
}

static void the_report_at_exit(void)
{
    struct unit_end end = unit_child(part_exit_with_a_report);
    REQUIRE_EQUAL(end.exit, 0);
    REQUIRE_CONTAINS(end.text, "ashlar: mallocs=1 frees=1 allocated=0 ");
    REQUIRE_CONTAINS(end.text, "\nstats.allocated: 0\n");
}

static char whole[1 << 20];
static unsigned pieces;

static void collect(void *opaque, const char *piece)
{
    REQUIRE(opaque == whole);
    REQUIRE(piece[0] && strlen(piece) < 500);
    REQUIRE(strlen(whole) + strlen(piece) < sizeof whole);
    strcat(whole, piece);
    pieces++;
}

/* Nothing is lost between two pieces: brackets match, and every line of text has its colon or is a
 * row of a table. */
static void pieces_join(void)
{
    int depth = 0, lists = 0;
    ashlar_malloc_stats_print(collect, whole, "J");
    REQUIRE(pieces > 100);
    for (const char *at = whole; *at; at++) {
        depth += (*at == '{') - (*at == '}');
        lists += (*at == '[') - (*at == ']');
        REQUIRE(depth >= 0 && lists >= 0 && (depth > 0 || *at == '}' || *at == '\n'));
    }
    REQUIRE(depth == 0 && lists == 0);
    REQUIRE(!strstr(whole, ",,") && !strstr(whole, ", }") && !strstr(whole, "{,"));
    whole[0] = '\0';
    ashlar_malloc_stats_print(collect, whole, NULL);
    for (char *line = strtok(whole, "\n"); line; line = strtok(NULL, "\n")) {
        REQUIRE(strchr(line, ':') || line[0] == ' ');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(the_line_at_exit),
        UNIT(the_report_at_exit),
        UNIT(pieces_join),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
