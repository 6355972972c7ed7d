/* memory.c: see memory.h. */
#include "run/memory.h"

#include "plan/bench.h"
#include "run/outcome.h"
#include "run/progress.h"
#include "run/sampler.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORK_EXPECTED_S 3.0 /* of a process, beside its idling */

struct pass {
    const struct plan *plan;
    struct journal *journal;
    struct store *store;
    struct progress progress;
};

/* One process of the pass. */
struct turn {
    size_t cell, allocator;
    uint64_t block;
};

static size_t turns_due(const struct plan *plan, const struct journal *journal)
{
    size_t due = 0;

    for (size_t c = 0; c < plan->suite.count; c++)
        for (size_t a = 0; a < plan->n_allocators; a++)
            for (uint64_t b = 0; b < plan->suite.memory_blocks; b++)
                due += journal_watch_due(journal, c, a, b);
    return due;
}

double memory_expected_s(const struct plan *plan, const struct journal *journal)
{
    return (double)turns_due(plan, journal) *
           (WORK_EXPECTED_S + (double)plan->suite.memory_idle_ms / 1e3);
}

/* ---- a process ---- */

enum manner {
    MANNER_WATCHED, /* read by the sampler, and idle for a while at its end */
    MANNER_ALONE,   /* the same without a reading */
    MANNER_LAYOUT,  /* keeps a book of where its blocks lie; slow, and its memory is its book's too
                     */
};

static bool watch(const struct pass *pass, const struct turn *turn, enum manner manner,
                  struct watched *watched, struct outcome *outcome, struct failure *why)
{
    bool reading = manner == MANNER_WATCHED;
    const struct plan *plan = pass->plan;
    const struct cell *cell = &plan->suite.cells[turn->cell];
    const struct allocator *under = &plan->allocators[turn->allocator];
    struct words argv = bench_argv(plan, cell, BENCH_TIMED, 0);
    uint64_t idle_ms = reading ? plan->suite.memory_idle_ms : 0;
    char *idle = text_format("%llu", (unsigned long long)idle_ms);
    struct child_order order = {
        .env = under->env.at,
        .preload = under->path,
        .pad_bytes = plan_pad(plan, PLAN_MEMORY_ROUND + turn->block, turn->cell, turn->allocator),
        .timeout_ms = plan->suite.timeout_s * 1000 + idle_ms,
        .memory_mib = plan_memory_mib(plan, turn->allocator),
        .randomise = true};
    bool ok;

    words_add(&argv, "--idle-ms");
    words_add(&argv, idle);
    if (manner == MANNER_LAYOUT)
        words_add(&argv, "--layout");
    order.argv = argv.at;
    ok = sampler_watch(watched, &order, reading, why);
    words_free(&argv);
    free(idle);
    if (!ok)
        return false;
    if (watched->child.fate == FATE_STOPPED) {
        watched_free(watched);
        return fail(why, EXIT_INTERRUPTED, "interrupted");
    }
    outcome_read(outcome, cell, &watched->child);
    if (outcome_ok(outcome) && watched->trouble[0] != '\0') {
        outcome->status = "error";
        snprintf(outcome->detail, sizeof outcome->detail, "%s", watched->trouble);
    }
    return true;
}

/* ---- the line ---- */

static json_t *number(double value)
{
    return isnan(value) ? json_null() : json_real(round(value * 1e4) / 1e4);
}

static json_t *figures_json(const struct figures *f)
{
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:i}", "f1", number(f->f1), "f2", number(f->f2),
                     "f3", number(f->f3), "f4", number(f->f4), "peak_kib", number(f->peak_kib),
                     "live_kib", number(f->live_kib), "readings", (int)f->readings);
}

static json_t *drained_json(const struct curve *curve)
{
    json_t *drained = json_object();

    for (size_t i = 0; i < curve->count; i++)
        if (curve->at[i].drained != NULL)
            json_object_set_new(drained, curve->at[i].drained,
                                json_integer(curve_resident_kib(&curve->at[i])));
    return drained;
}

static json_t *peak_json(const struct curve *curve)
{
    const struct reading_point *p = curve_peak(curve);

    return json_pack("{s:i,s:i,s:i,s:i,s:i}", "rss_kib", (int)p->rss_kib, "pss_kib",
                     (int)p->pss_kib, "private_dirty_kib", (int)p->dirty_kib, "lazyfree_kib",
                     (int)p->lazyfree_kib, "huge_kib", (int)p->huge_kib);
}

static json_t *memory_line(const struct pass *pass, const struct turn *turn,
                           const struct outcome *outcome, const struct watched *watched)
{
    json_int_t base_kib =
        pass->journal->null_rss_kib[journal_pair(pass->journal, turn->cell, turn->allocator)];
    json_t *line =
        json_pack("{s:s,s:i,s:s,s:I,s:s,s:s,s:i,s:i,s:I,s:I}", "type", "memory", "cell",
                  (int)turn->cell, "allocator", pass->plan->allocators[turn->allocator].name,
                  "block", (json_int_t)turn->block, "status", outcome->status, "detail",
                  outcome->detail, "exit", watched->child.exit, "signal", watched->child.signal,
                  "base_kib", base_kib, "idle_ms", (json_int_t)pass->plan->suite.memory_idle_ms);

    if (!outcome_ok(outcome)) {
        json_object_set_new(line, "curve", json_null());
        return line;
    }
    struct figures figures =
        curve_figures(&watched->curve, (double)base_kib, watched->live_peak_kib);

    json_object_set_new(line, "curve", curve_to_json(&watched->curve));
    json_object_set_new(line, "drained", drained_json(&watched->curve));
    json_object_set_new(line, "figures", figures_json(&figures));
    json_object_set_new(line, "peak", peak_json(&watched->curve));
    json_object_set_new(line, "live_peak_kib", number(watched->live_peak_kib));
    json_object_set_new(line, "vmhwm_kib", json_integer(outcome->vmhwm_kib));
    json_object_set_new(line, "time_ns", json_integer(outcome->time_ns));
    json_object_set_new(
        line, "read_share",
        number(watched->span_ns > 0 ? (double)watched->read_ns / (double)watched->span_ns : NAN));
    return line;
}

/* What the readings cost: the same process, left alone. Its own failure is told by no figure. */
static bool add_disturbance(const struct pass *pass, const struct turn *turn, json_t *line,
                            struct failure *why)
{
    struct watched alone;
    struct outcome outcome;

    if (turn->block != 0 || json_is_null(json_object_get(line, "curve")))
        return true;
    if (!watch(pass, turn, MANNER_ALONE, &alone, &outcome, why))
        return false;
    if (outcome_ok(&outcome))
        json_object_set_new(line, "disturbance",
                            json_pack("{s:O,s:I}", "watched_ns", json_object_get(line, "time_ns"),
                                      "alone_ns", outcome.time_ns));
    outcome_free(&outcome);
    watched_free(&alone);
    return true;
}

/* Where the blocks lie at the peak, as the bench itself says. */
static bool add_layout(const struct pass *pass, const struct turn *turn, json_t *line,
                       struct failure *why)
{
    struct watched booked;
    struct outcome outcome;
    json_t *layout;

    if (turn->block != 0 || json_is_null(json_object_get(line, "curve")))
        return true;
    if (!watch(pass, turn, MANNER_LAYOUT, &booked, &outcome, why))
        return false;
    layout = outcome_ok(&outcome) ? json_object_get(outcome.bench, "layout") : NULL;
    if (layout != NULL)
        json_object_set(line, "layout", layout);
    outcome_free(&outcome);
    watched_free(&booked);
    return true;
}

static bool take_turn(struct pass *pass, const struct turn *turn, struct failure *why)
{
    const char *label = pass->plan->suite.cells[turn->cell].label;
    struct watched watched;
    struct outcome outcome;
    json_t *line;

    if (!watch(pass, turn, MANNER_WATCHED, &watched, &outcome, why))
        return false;
    line = memory_line(pass, turn, &outcome, &watched);
    if (!outcome_ok(&outcome)) {
        progress_clear(&pass->progress);
        fprintf(stderr, "ashlar: %s under %s: %s: %s\n", label,
                pass->plan->allocators[turn->allocator].name, outcome.status, outcome.detail);
        journal_failed(pass->journal, turn->cell, turn->allocator);
    }
    outcome_free(&outcome);
    watched_free(&watched);
    if (!add_disturbance(pass, turn, line, why) || !add_layout(pass, turn, line, why)) {
        json_decref(line);
        return false;
    }
    journal_watch_ran(pass->journal, turn->cell, turn->allocator, turn->block);
    progress_step(&pass->progress, label);
    return store_append_one(pass->store, line, why);
}

/* ---- the pass ---- */

static bool run_cell(struct pass *pass, size_t cell, uint64_t block, struct failure *why)
{
    const struct plan *plan = pass->plan;
    size_t *order = text_alloc(plan->n_allocators, sizeof *order);
    bool ok = true;

    plan_block_order(plan, PLAN_MEMORY_ROUND + block, cell, order);
    for (size_t i = 0; ok && i < plan->n_allocators; i++) {
        struct turn turn = {cell, order[i], block};

        if (journal_watch_due(pass->journal, cell, order[i], block))
            ok = take_turn(pass, &turn, why);
    }
    free(order);
    return ok;
}

static bool run_block(struct pass *pass, uint64_t block, struct failure *why)
{
    size_t *order = text_alloc(pass->plan->suite.count, sizeof *order);
    bool ok = true;

    plan_cell_order(pass->plan, PLAN_MEMORY_ROUND + block, order);
    for (size_t i = 0; ok && i < pass->plan->suite.count; i++)
        ok = run_cell(pass, order[i], block, why);
    free(order);
    return ok;
}

bool memory_run(const struct plan *plan, struct journal *journal, struct store *store, bool quiet,
                struct failure *why)
{
    struct pass pass = {.plan = plan, .journal = journal, .store = store};
    size_t due = turns_due(plan, journal);
    bool ok = true;

    if (due == 0)
        return true;
    progress_begin(&pass.progress, "memory curves", 0, due, 0, quiet);
    for (uint64_t block = 0; ok && block < plan->suite.memory_blocks; block++)
        ok = run_block(&pass, block, why);
    progress_clear(&pass.progress);
    return ok;
}
