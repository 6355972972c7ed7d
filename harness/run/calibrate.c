/* calibrate.c: see calibrate.h. */
#include "run/calibrate.h"

#include "plan/bench.h"
#include "run/outcome.h"

#include <inttypes.h>
#include <stdlib.h>

#define TARGET_S 0.45
#define LOW_S 0.35
#define HIGH_S 0.55
#define TRIES_MAX 8
#define GROWTH_MAX 20.0 /* a very short try says little about the long one */

struct trial {
    double process_s; /* from exec to end: what a sample costs */
    double timed_s;   /* the part that grows with the work */
};

static bool try_ops(const struct plan *plan, const struct cell *cell, uint64_t ops,
                    struct trial *trial, struct failure *why)
{
    struct words argv = bench_argv(plan, cell, BENCH_TIMED, ops);
    struct child_order order = {.argv = argv.at,
                                .env = plan->allocators[0].env.at,
                                .preload = plan->allocators[0].path,
                                .preload_as = bench_preload_as(cell),
                                .timeout_ms = plan->suite.timeout_s * 1000,
                                .randomise = true};
    struct outcome outcome;
    struct child child;
    bool ok = child_run(&child, &order, why);

    words_free(&argv);
    if (!ok)
        return false;
    outcome_read(&outcome, cell, &child);
    trial->process_s = (double)child.wall_ns / 1e9;
    trial->timed_s = (double)outcome.time_ns / 1e9;
    if (child.fate == FATE_STOPPED)
        ok = fail(why, EXIT_INTERRUPTED, "interrupted; nothing was written");
    else if (!outcome_ok(&outcome))
        ok = fail(why, EXIT_FAILED, "%s under %s with --ops %" PRIu64 ": %s: %s", cell->label,
                  plan->allocators[0].name, ops, outcome.status, outcome.detail);
    outcome_free(&outcome);
    child_free(&child);
    return ok;
}

/* Two significant digits: more would pretend that the next run takes as long. */
static uint64_t rounded(double ops)
{
    uint64_t step = 1;

    while (ops / (double)step >= 100)
        step *= 10;
    return ops < 1 ? 1 : (uint64_t)(ops / (double)step + 0.5) * step;
}

static double factor_for(const struct trial *trial)
{
    double fixed_s = trial->process_s - trial->timed_s;
    double wanted_s = TARGET_S - fixed_s > 0.1 ? TARGET_S - fixed_s : 0.1;
    double factor = trial->timed_s > 0 ? wanted_s / trial->timed_s : GROWTH_MAX;

    return factor > GROWTH_MAX ? GROWTH_MAX : factor;
}

static bool calibrate_cell(const struct plan *plan, const struct cell *cell, FILE *out,
                           struct failure *why)
{
    uint64_t ops = cell->ops;
    struct trial trial = {0, 0};
    struct words args;

    for (int i = 0; i < TRIES_MAX; i++) {
        /* A driver makes its input the first time that it is asked for so much work. */
        if (cell->program != NULL && !try_ops(plan, cell, ops, &trial, why))
            return false;
        if (!try_ops(plan, cell, ops, &trial, why))
            return false;
        if (trial.process_s >= LOW_S && trial.process_s <= HIGH_S)
            break;
        ops = rounded((double)ops * factor_for(&trial));
    }
    args = cell_args_with_ops(cell, ops);
    fprintf(out, "[cell %s]\n%s = %s\nargs =", cell->label,
            cell->micro != NULL     ? "micro"
            : cell->program != NULL ? "program"
                                    : "workload",
            cell->micro != NULL     ? cell->micro
            : cell->program != NULL ? cell->program
                                    : cell->workload);
    for (size_t i = 0; i < args.count; i++)
        fprintf(out, " %s", args.at[i]);
    fprintf(out, "\n; %.2f s, of which %.2f s are timed; was --ops %" PRIu64 "\n\n",
            trial.process_s, trial.timed_s, cell->ops);
    fflush(out);
    words_free(&args);
    return true;
}

bool calibrate(const struct plan *plan, FILE *out, struct failure *why)
{
    for (size_t i = 0; i < plan->suite.count; i++) {
        const struct cell *cell = &plan->suite.cells[i];

        if (plan_skips(plan, i, 0))
            fprintf(out, "; [cell %s] is left out: %s lacks an entry point that it calls\n\n",
                    cell->label, plan->allocators[0].name);
        else if (!calibrate_cell(plan, cell, out, why))
            return false;
    }
    return true;
}
