/* demand.c (test): what is kept at first, after mistakes, and when the program stops asking. */
#include "../../heap/demand.h"
#include "unit.h"

#define PERIOD 1000

/* The decay times that are no times. */
static void nothing_or_everything(void)
{
    struct demand d = {.regret = 100, .peak = 1000};
    REQUIRE_EQUAL(demand_keep(&d, 50, 10, 0, 0), 0);
    REQUIRE_EQUAL(demand_keep(&d, 50, 10, -1, 0), SIZE_MAX);
}

static void at_first_the_least_or_a_quarter(void)
{
    struct demand d = {0};
    REQUIRE_EQUAL(demand_keep(&d, 0, 10, PERIOD, 1), 10);
    REQUIRE_EQUAL(demand_keep(&d, 40, 10, PERIOD, 2), 10);
    REQUIRE_EQUAL(demand_keep(&d, 48, 10, PERIOD, 3), 12);
}

/* 30 were purged and taken again: twice that is worth keeping, up to the peak and an eighth. */
static void a_mistake_is_learnt(void)
{
    struct demand d = {0};
    demand_taken(&d, 0, 100);
    demand_purged(&d, 30);
    REQUIRE_EQUAL(demand_keep(&d, 20, 10, PERIOD, 1), 10);
    demand_taken(&d, 30, 50);
    REQUIRE_EQUAL(demand_keep(&d, 20, 10, PERIOD, 2), 60);
    REQUIRE_EQUAL(demand_keep(&d, 60, 10, PERIOD, 2), 112 - 60); /* the peak was 100 */
    REQUIRE_EQUAL(demand_keep(&d, 100, 10, PERIOD, 2), 25);
    REQUIRE_EQUAL(demand_keep(&d, 150, 10, PERIOD, 2), 37); /* above the peak: a quarter */
}

/* Fresh memory, beyond what was purged, is no mistake. */
static void growth_is_no_mistake(void)
{
    struct demand d = {0};
    demand_taken(&d, 500, 500);
    REQUIRE_EQUAL(demand_keep(&d, 10, 5, PERIOD, 1), 5);
    demand_purged(&d, 7);
    demand_taken(&d, 500, 1000);
    REQUIRE_EQUAL(demand_keep(&d, 10, 5, PERIOD, 1), 14);
    demand_taken(&d, 500, 1000); /* all 7 are counted once */
    REQUIRE_EQUAL(demand_keep(&d, 10, 5, PERIOD, 1), 14);
}

static void it_is_forgotten(void)
{
    struct demand d = {0};
    demand_taken(&d, 0, 1000);
    demand_purged(&d, 100);
    demand_taken(&d, 100, 1000);
    REQUIRE_EQUAL(demand_keep(&d, 100, 1, PERIOD, PERIOD - 1), 200);
    REQUIRE_EQUAL(demand_keep(&d, 100, 1, PERIOD, PERIOD), 100);         /* halved */
    REQUIRE_EQUAL(demand_keep(&d, 100, 1, PERIOD, 2 * PERIOD - 1), 100); /* once a period */
    REQUIRE_EQUAL(demand_keep(&d, 100, 1, PERIOD, 2 * PERIOD), 25);      /* the peak is forgotten */
}

/* What comes back only after a whole period was rightly given away. */
static void late_return_is_no_mistake(void)
{
    struct demand d = {0};
    demand_taken(&d, 0, 1000);
    demand_purged(&d, 100);
    demand_keep(&d, 100, 1, PERIOD, PERIOD);
    demand_taken(&d, 100, 200);
    REQUIRE_EQUAL(demand_keep(&d, 100, 1, PERIOD, PERIOD + 1), 25);
}

/* Beside new memory only what keeps the total at the peak and a sixteenth. */
static void beside_new_memory(void)
{
    struct demand d = {0};
    REQUIRE_EQUAL(demand_beside(&d, 10), 0);
    demand_taken(&d, 100, 160);
    REQUIRE_EQUAL(demand_beside(&d, 160), 10);
    REQUIRE_EQUAL(demand_beside(&d, 120), 50);
    REQUIRE_EQUAL(demand_beside(&d, 320), 20); /* a new peak */
    demand_keep(&d, 10, 1, PERIOD, PERIOD); /* the peak is that of two periods */
    REQUIRE_EQUAL(demand_beside(&d, 120), 50);
    demand_keep(&d, 10, 1, PERIOD, 2 * PERIOD);
    REQUIRE_EQUAL(demand_beside(&d, 120), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(nothing_or_everything), UNIT(at_first_the_least_or_a_quarter),
        UNIT(a_mistake_is_learnt),   UNIT(growth_is_no_mistake),
        UNIT(it_is_forgotten),       UNIT(late_return_is_no_mistake),
        UNIT(beside_new_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
