/* journal.c: see journal.h. */
#include "run/journal.h"

#include <stdlib.h>
#include <string.h>

size_t journal_pair(const struct journal *journal, size_t cell, size_t allocator)
{
    return cell * journal->plan->n_allocators + allocator;
}

static size_t block_at(const struct journal *journal, size_t cell, uint64_t round)
{
    return cell * plan_rounds(journal->plan) + round;
}

bool *journal_growth_done(struct journal *journal, size_t series, size_t point, uint64_t round)
{
    return &journal->growth_done[(series * GROWTH_POINTS_MAX + point) * GROWTH_ROUNDS_MAX + round];
}

bool *journal_growth_out(struct journal *journal, size_t series, size_t allocator)
{
    return &journal->growth_out[series * journal->plan->n_allocators + allocator];
}

void journal_growth_failed(struct journal *journal, size_t series, size_t allocator)
{
    *journal_growth_out(journal, series, allocator) = true;
    journal->failures++;
}

static void open_growths(struct journal *journal, const struct plan *plan)
{
    size_t series = plan->suite.n_growths;

    journal->growth_done = text_alloc(series * GROWTH_POINTS_MAX * GROWTH_ROUNDS_MAX, sizeof(bool));
    journal->growth_out = text_alloc(series * plan->n_allocators, sizeof(bool));
    for (size_t g = 0; g < series; g++)
        for (size_t a = 0; a < plan->n_allocators; a++)
            *journal_growth_out(journal, g, a) =
                growth_skips(&plan->suite.growths[g], plan->allocators[a].name);
}

void journal_open(struct journal *journal, const struct plan *plan)
{
    size_t cells = plan->suite.count, pairs = cells * plan->n_allocators;

    memset(journal, 0, sizeof *journal);
    journal->plan = plan;
    journal->block_done = text_alloc(cells * plan_rounds(plan), sizeof *journal->block_done);
    journal->out = text_alloc(pairs, sizeof *journal->out);
    journal->counted = text_alloc(pairs, sizeof *journal->counted);
    journal->traced = text_alloc(pairs, sizeof *journal->traced);
    journal->watched = text_alloc(pairs * plan->suite.memory_blocks, sizeof *journal->watched);
    journal->null_rss_kib = text_alloc(pairs, sizeof *journal->null_rss_kib);
    journal->null_done = text_alloc(pairs, sizeof *journal->null_done);
    for (size_t c = 0; c < cells; c++)
        for (size_t a = 0; a < plan->n_allocators; a++)
            journal->out[journal_pair(journal, c, a)] = plan_skips(plan, c, a);
    open_growths(journal, plan);
}

void journal_close(struct journal *journal)
{
    free(journal->block_done);
    free(journal->out);
    free(journal->counted);
    free(journal->traced);
    free(journal->watched);
    free(journal->null_rss_kib);
    free(journal->null_done);
    free(journal->growth_done);
    free(journal->growth_out);
    memset(journal, 0, sizeof *journal);
}

bool journal_cell_alive(const struct journal *journal, size_t cell)
{
    size_t in = 0;

    for (size_t a = 0; a < journal->plan->n_allocators; a++)
        in += !journal->out[journal_pair(journal, cell, a)];
    if (journal->out[journal_pair(journal, cell, 0)])
        return false;
    return in >= 2 || journal->plan->n_allocators == 1;
}

bool journal_block_due(const struct journal *journal, size_t cell, uint64_t round)
{
    return !journal->block_done[block_at(journal, cell, round)] &&
           journal_cell_alive(journal, cell);
}

void journal_block_ran(struct journal *journal, size_t cell, uint64_t round)
{
    journal->block_done[block_at(journal, cell, round)] = true;
}

static size_t watch_at(const struct journal *journal, size_t cell, size_t allocator, uint64_t block)
{
    return journal_pair(journal, cell, allocator) * journal->plan->suite.memory_blocks + block;
}

bool journal_watch_due(const struct journal *journal, size_t cell, size_t allocator, uint64_t block)
{
    return journal->plan->suite.cells[cell].memory &&
           !journal->out[journal_pair(journal, cell, allocator)] &&
           !journal->watched[watch_at(journal, cell, allocator, block)];
}

void journal_watch_ran(struct journal *journal, size_t cell, size_t allocator, uint64_t block)
{
    journal->watched[watch_at(journal, cell, allocator, block)] = true;
}

uint64_t journal_blocks_due(const struct journal *journal, const bool *wanted, uint64_t from,
                            uint64_t to)
{
    uint64_t due = 0;

    for (size_t c = 0; c < journal->plan->suite.count; c++)
        for (uint64_t r = from; wanted[c] && r < to; r++)
            due += journal_block_due(journal, c, r);
    return due;
}

uint64_t journal_blocks_over(const struct journal *journal)
{
    uint64_t over = 0;

    for (size_t c = 0; c < journal->plan->suite.count; c++)
        for (uint64_t r = 0; r < plan_rounds(journal->plan); r++)
            over += !journal_block_due(journal, c, r);
    return over;
}

void journal_failed(struct journal *journal, size_t cell, size_t allocator)
{
    journal->out[journal_pair(journal, cell, allocator)] = true;
    journal->failures++;
}

/* ---- reading back ---- */

/* The block that is being read: its samples stand together, because they were one write. */
struct block {
    size_t cell, begin; /* index of its first line */
    uint64_t round;
    size_t wanted, seen; /* samples */
    bool open;
};

static bool find_pair(const struct journal *journal, const json_t *line, size_t *cell,
                      size_t *allocator)
{
    const char *name = json_string_value(json_object_get(line, "allocator"));

    *cell = (size_t)json_integer_value(json_object_get(line, "cell"));
    for (*allocator = 0; name != NULL && *allocator < journal->plan->n_allocators; ++*allocator)
        if (strcmp(journal->plan->allocators[*allocator].name, name) == 0)
            return *cell < journal->plan->suite.count;
    return false;
}

static void block_begin(struct journal *journal, struct block *block, size_t cell, uint64_t round,
                        size_t index)
{
    *block = (struct block){.cell = cell, .round = round, .begin = index, .open = true};
    for (size_t a = 0; a < journal->plan->n_allocators; a++)
        block->wanted += !journal->out[journal_pair(journal, cell, a)];
}

static bool take_sample(struct journal *journal, struct block *block, const json_t *line,
                        size_t index)
{
    const char *status = json_string_value(json_object_get(line, "status"));
    bool warmup = json_is_true(json_object_get(line, "warmup"));
    uint64_t round = warmup ? 0 : (uint64_t)json_integer_value(json_object_get(line, "block")) + 1;
    size_t cell, allocator;

    if (!find_pair(journal, line, &cell, &allocator) || round >= plan_rounds(journal->plan) ||
        status == NULL)
        return false;
    if (!block->open || block->cell != cell || block->round != round)
        block_begin(journal, block, cell, round, index);
    if (strcmp(status, "ok") != 0)
        journal_failed(journal, cell, allocator);
    if (++block->seen == block->wanted) {
        journal_block_ran(journal, cell, round);
        block->open = false;
    }
    return true;
}

/* One line is a whole point, so there is nothing to cut. */
static bool take_growth(struct journal *journal, const json_t *line)
{
    size_t series = (size_t)json_integer_value(json_object_get(line, "series"));
    size_t point = (size_t)json_integer_value(json_object_get(line, "point"));
    size_t round = (size_t)json_integer_value(json_object_get(line, "round"));
    const struct suite *suite = &journal->plan->suite;
    json_t *sample;
    size_t i;

    if (series >= suite->n_growths || point >= suite->growths[series].at.count ||
        round >= suite->growths[series].rounds)
        return false;
    *journal_growth_done(journal, series, point, round) = true;
    json_array_foreach(json_object_get(line, "samples"), i, sample)
    {
        const char *status = json_string_value(json_object_get(sample, "status"));
        const char *name = json_string_value(json_object_get(sample, "allocator"));
        size_t a = 0;

        while (name != NULL && a < journal->plan->n_allocators &&
               strcmp(journal->plan->allocators[a].name, name) != 0)
            a++;
        if (status == NULL || name == NULL || a == journal->plan->n_allocators)
            return false;
        if (strcmp(status, "ok") != 0)
            journal_growth_failed(journal, series, a);
    }
    return true;
}

static bool take_memory(struct journal *journal, const json_t *line, size_t cell, size_t allocator)
{
    const char *status = json_string_value(json_object_get(line, "status"));
    json_int_t block = json_integer_value(json_object_get(line, "block"));

    if (status == NULL || block < 0 || (uint64_t)block >= journal->plan->suite.memory_blocks)
        return false;
    if (strcmp(status, "ok") != 0)
        journal_failed(journal, cell, allocator);
    journal_watch_ran(journal, cell, allocator, (uint64_t)block);
    return true;
}

/* Instructions and system calls are counted apart, and each by the same kind of line. */
static void take_count(struct journal *journal, const json_t *line, size_t pair)
{
    const char *method = json_string_value(json_object_get(line, "method"));

    if (method != NULL && strcmp(method, "ptrace") == 0)
        journal->traced[pair] = true;
    else
        journal->counted[pair] = true;
}

static bool take_other(struct journal *journal, const char *type, const json_t *line)
{
    size_t cell, allocator, pair;

    if (strcmp(type, "end") == 0) {
        journal->ended = true;
        return true;
    }
    if (strcmp(type, "growth") == 0)
        return take_growth(journal, line);
    if (!find_pair(journal, line, &cell, &allocator))
        return false;
    pair = journal_pair(journal, cell, allocator);
    if (strcmp(type, "memory") == 0)
        return take_memory(journal, line, cell, allocator);
    if (strcmp(type, "count") == 0)
        take_count(journal, line, pair);
    if (strcmp(type, "null") == 0) {
        journal->null_rss_kib[pair] = json_integer_value(json_object_get(line, "null_rss_kib"));
        journal->null_done[pair] = true;
    }
    return true;
}

bool journal_read(struct journal *journal, const json_t *lines, size_t *kept, struct failure *why)
{
    struct block block = {0};
    json_t *line;
    size_t i;

    json_array_foreach(lines, i, line)
    {
        const char *type = json_string_value(json_object_get(line, "type"));
        bool sample = type != NULL && strcmp(type, "sample") == 0;

        if (i == 0)
            continue; /* the plan itself */
        if (type == NULL || (block.open && !sample) ||
            !(sample ? take_sample(journal, &block, line, i) : take_other(journal, type, line)))
            return fail(why, EXIT_USAGE,
                        "samples.jsonl:%zu does not belong to the plan of its first line; begin a "
                        "new run",
                        i + 1);
    }
    *kept = block.open ? block.begin : json_array_size(lines);
    return true;
}
