/* plan_order.c: in which order a plan runs, from its seed alone. See plan.h. */
#include "plan/plan.h"

#include "base/chance.h"

#include <string.h>

/* Streams of chance: what a number is drawn for. */
enum {
    STREAM_CELLS = 1,
    STREAM_BLOCK = 1000,
    STREAM_PAD = 1000000,
    STREAM_GROWTH = 1000000000, /* its points, then a stream a point */
    STREAM_DUET = 2000000000,
};

uint64_t plan_rounds(const struct plan *plan)
{
    return plan->suite.blocks > 0 ? plan->suite.blocks + 1 : 0;
}

void plan_cell_order(const struct plan *plan, uint64_t round, size_t *order)
{
    struct chance chance = chance_for(plan->seed, STREAM_CELLS, round);

    chance_permutation(&chance, order, plan->suite.count);
}

void plan_block_order(const struct plan *plan, uint64_t round, size_t cell, size_t *order)
{
    struct chance chance = chance_for(plan->seed, STREAM_BLOCK + cell, round);

    chance_permutation(&chance, order, plan->n_allocators);
}

unsigned plan_pad(const struct plan *plan, uint64_t round, size_t cell, size_t allocator)
{
    struct chance chance =
        chance_for(plan->seed, STREAM_PAD + cell * plan->n_allocators + allocator, round);

    return (unsigned)chance_below(&chance, 4096);
}

static uint64_t coin(const struct plan *plan, size_t cell, uint64_t toss)
{
    struct chance chance = chance_for(plan->seed, STREAM_DUET + cell, toss);

    return chance_below(&chance, 2);
}

bool plan_is_duet(const struct plan *plan, uint64_t round, size_t cell)
{
    const struct cell *what = &plan->suite.cells[cell];

    if (plan->duet == DUET_OFF || what->threads != 1 || what->program != NULL)
        return false;
    if (plan->duet == DUET_ON)
        return true;
    return round > 0 && (round - 1) % 2 == coin(plan, cell, 1 + (round - 1) / 2);
}

int plan_duet_cpu(const struct plan *plan, uint64_t round, size_t cell, size_t allocator)
{
    uint64_t duet = plan->duet == DUET_BOTH ? (round - 1) / 2 : round;

    return plan->duet_cpu[(duet + coin(plan, cell, 0) + allocator) % 2];
}

bool plan_skips(const struct plan *plan, size_t cell, size_t allocator)
{
    size_t i;
    json_t *skip;

    json_array_foreach(plan->skipped, i, skip)
    {
        const char *name = json_string_value(json_object_get(skip, "allocator"));

        if ((size_t)json_integer_value(json_object_get(skip, "cell")) == cell && name != NULL &&
            strcmp(name, plan->allocators[allocator].name) == 0)
            return true;
    }
    return false;
}

static struct chance growth_chance(const struct plan *plan, size_t series, size_t stream,
                                   uint64_t round)
{
    return chance_for(plan->seed, STREAM_GROWTH + series * 1000 + stream, round);
}

void plan_growth_points(const struct plan *plan, size_t series, uint64_t round, size_t *order)
{
    struct chance chance = growth_chance(plan, series, 0, round);

    chance_permutation(&chance, order, plan->suite.growths[series].at.count);
}

void plan_growth_allocators(const struct plan *plan, size_t series, size_t point, uint64_t round,
                            size_t *order)
{
    struct chance chance = growth_chance(plan, series, 1 + point, round);

    chance_permutation(&chance, order, plan->n_allocators);
}

unsigned plan_growth_pad(const struct plan *plan, size_t series, size_t point, uint64_t round,
                         size_t allocator)
{
    struct chance chance = growth_chance(plan, series, 1 + GROWTH_POINTS_MAX + point,
                                         round * plan->n_allocators + allocator);

    return (unsigned)chance_below(&chance, 4096);
}
