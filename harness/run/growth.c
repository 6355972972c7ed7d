/* growth.c: see growth.h. */
#include "run/growth.h"

#include "plan/bench.h"
#include "process/child.h"
#include "run/outcome.h"
#include "run/progress.h"

#include <stdio.h>
#include <stdlib.h>

struct growing {
    const struct plan *plan;
    struct journal *journal;
    struct store *store;
    struct progress progress;
};

/* One process of a series: which, and where it stands. */
struct spot {
    size_t series, point, allocator;
    uint64_t round;
};

static json_t *sample_of(const struct allocator *under, const struct outcome *outcome,
                         const struct child *child)
{
    bool ok = outcome_ok(outcome);
    json_t *sample =
        json_pack("{s:s,s:s,s:s,s:I}", "allocator", under->name, "status", outcome->status,
                  "detail", outcome->detail, "wall_ns", (json_int_t)child->wall_ns);

    json_object_set_new(sample, "time_ns", ok ? json_integer(outcome->time_ns) : json_null());
    if (outcome->bench != NULL)
        json_object_set(sample, "bench", outcome->bench);
    return sample;
}

/* A point whose work is not told cannot be divided by it. */
static void want_ops(struct outcome *outcome)
{
    if (outcome_ok(outcome) && json_integer_value(json_object_get(outcome->bench, "ops")) <= 0) {
        outcome->status = "error";
        snprintf(outcome->detail, sizeof outcome->detail, "the program's result has no ops");
    }
}

static void fail_spot(struct growing *growing, const struct spot *spot, struct outcome *outcome)
{
    const struct growth *series = &growing->plan->suite.growths[spot->series];

    progress_clear(&growing->progress);
    fprintf(stderr, "ashlar: growth %s at %s %s under %s: %s: %s\n", series->label, series->over,
            series->at.at[spot->point], growing->plan->allocators[spot->allocator].name,
            outcome->status, outcome->detail);
    journal_growth_failed(growing->journal, spot->series, spot->allocator);
}

static bool run_spot(struct growing *growing, const struct spot *spot, const struct cell *cell,
                     json_t *samples, struct failure *why)
{
    const struct allocator *under = &growing->plan->allocators[spot->allocator];
    struct words argv = bench_argv(growing->plan, cell, BENCH_TIMED, 0);
    struct child_order order = {
        .argv = argv.at,
        .env = under->env.at,
        .preload = under->path,
        .pad_bytes =
            plan_growth_pad(growing->plan, spot->series, spot->point, spot->round, spot->allocator),
        .timeout_ms = growing->plan->suite.timeout_s * 1000,
        .memory_mib = plan_memory_mib(growing->plan, spot->allocator),
        .randomise = true};
    struct outcome outcome;
    struct child child;
    bool ok = child_run(&child, &order, why);

    words_free(&argv);
    if (!ok)
        return false;
    if (child.fate == FATE_STOPPED) {
        child_free(&child);
        return fail(why, EXIT_INTERRUPTED, "interrupted");
    }
    outcome_read(&outcome, cell, &child);
    want_ops(&outcome);
    if (!outcome_ok(&outcome))
        fail_spot(growing, spot, &outcome);
    json_array_append_new(samples, sample_of(under, &outcome, &child));
    outcome_free(&outcome);
    child_free(&child);
    return true;
}

static bool store_point(struct growing *growing, const struct spot *spot, json_t *samples,
                        struct failure *why)
{
    const struct growth *series = &growing->plan->suite.growths[spot->series];

    if (!store_append_one(growing->store,
                          json_pack("{s:s,s:i,s:i,s:I,s:I,s:O}", "type", "growth", "series",
                                    (int)spot->series, "point", (int)spot->point, "size",
                                    (json_int_t)growth_size(series, spot->point), "round",
                                    (json_int_t)spot->round, "samples", samples),
                          why))
        return false;
    *journal_growth_done(growing->journal, spot->series, spot->point, spot->round) = true;
    return true;
}

/* Every allocator once at one point, back to back. */
static bool run_point(struct growing *growing, struct spot spot, struct failure *why)
{
    size_t *order = text_alloc(growing->plan->n_allocators, sizeof *order);
    json_t *samples = json_array();
    struct cell cell;
    bool ok = true;

    growth_cell(&growing->plan->suite.growths[spot.series], spot.point, &cell);
    plan_growth_allocators(growing->plan, spot.series, spot.point, spot.round, order);
    for (size_t i = 0; ok && i < growing->plan->n_allocators; i++) {
        spot.allocator = order[i];
        if (!*journal_growth_out(growing->journal, spot.series, spot.allocator))
            ok = run_spot(growing, &spot, &cell, samples, why);
    }
    ok = ok && store_point(growing, &spot, samples, why);
    growth_cell_free(&cell);
    json_decref(samples);
    free(order);
    return ok;
}

static bool run_series(struct growing *growing, size_t series, uint64_t round, struct failure *why)
{
    const struct growth *growth = &growing->plan->suite.growths[series];
    size_t order[GROWTH_POINTS_MAX];
    bool ok = true;

    plan_growth_points(growing->plan, series, round, order);
    for (size_t i = 0; ok && i < growth->at.count; i++) {
        struct spot spot = {.series = series, .point = order[i], .round = round};

        if (*journal_growth_done(growing->journal, series, order[i], round))
            continue;
        ok = run_point(growing, spot, why);
        progress_step(&growing->progress, growth->label);
    }
    return ok;
}

static uint64_t points_due(const struct plan *plan, struct journal *journal)
{
    uint64_t due = 0;

    for (size_t g = 0; g < plan->suite.n_growths; g++)
        for (size_t p = 0; p < plan->suite.growths[g].at.count; p++)
            for (uint64_t r = 0; r < plan->suite.growths[g].rounds; r++)
                due += !*journal_growth_done(journal, g, p, r);
    return due;
}

bool growth_run(const struct plan *plan, struct journal *journal, struct store *store, bool quiet,
                struct failure *why)
{
    struct growing growing = {.plan = plan, .journal = journal, .store = store};
    uint64_t due = points_due(plan, journal);
    bool ok = true;

    if (due == 0)
        return true;
    progress_begin(&growing.progress, "points of growth", 0, due, 0, quiet);
    for (uint64_t round = 0; ok && round < GROWTH_ROUNDS_MAX; round++)
        for (size_t g = 0; ok && g < plan->suite.n_growths; g++)
            if (round < plan->suite.growths[g].rounds)
                ok = run_series(&growing, g, round, why);
    progress_clear(&growing.progress);
    return ok;
}
