/* runner.c: see runner.h. */
#include "run/runner.h"

#include "plan/bench.h"
#include "process/child.h"
#include "run/agree.h"
#include "run/calls.h"
#include "run/counts.h"
#include "run/growth.h"
#include "run/memory.h"
#include "run/outcome.h"
#include "run/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The kernel counts resident pages in batches, so one peak differs from the next by some 100 KiB;
 * the middle one of three is taken. */
#define NULL_RUNS 3
#define NULL_LESS_WORK 10

struct runner {
    const struct plan *plan;
    struct journal *journal;
    struct store *store;
    struct progress progress;
    const bool *wanted; /* cells; NULL: all */
    bool pmu;           /* counters are opened with every sample */
};

static bool interrupted(struct failure *why)
{
    return fail(why, EXIT_INTERRUPTED, "interrupted");
}

/* One process: whose, in which place of its block, and on which processor. */
struct seat {
    size_t cell, allocator, place;
    uint64_t round;
    bool duet;
    int cpu; /* of a duet */
};

/* `ops` replaces the cell's own when it is not 0. */
static bool start_child(struct runner *runner, const struct seat *seat, enum bench_mode mode,
                        uint64_t ops, unsigned pad_bytes, struct child *child, struct failure *why)
{
    const struct plan *plan = runner->plan;
    const struct allocator *under = &plan->allocators[seat->allocator];
    const struct cell *what = &plan->suite.cells[seat->cell];
    struct words argv = bench_argv(plan, what, mode, ops);
    struct words env = bench_env(what, under);
    struct child_order order = {.argv = argv.at,
                                .env = env.at,
                                .preload = under->path,
                                .preload_as = bench_preload_as(what),
                                .pad_bytes = pad_bytes,
                                .timeout_ms = plan->suite.timeout_s * 1000,
                                .memory_mib = plan_memory_mib(plan, seat->allocator),
                                .cpu = seat->duet ? &seat->cpu : NULL,
                                .randomise = true,
                                .count = runner->pmu && what->program == NULL};
    bool ok = child_start(child, &order, why);

    words_free(&argv);
    words_free(&env);
    return ok;
}

/* Waits for the one that runs alone. */
static bool end_child(struct child *child, struct failure *why)
{
    struct child *one = child;

    child_wait_any(&one, 1);
    if (child->fate != FATE_STOPPED)
        return true;
    child_free(child);
    return interrupted(why);
}

static void tell_failure(struct runner *runner, size_t cell, size_t allocator,
                         const struct outcome *outcome)
{
    progress_clear(&runner->progress);
    fprintf(stderr, "ashlar: %s under %s: %s: %s\n", runner->plan->suite.cells[cell].label,
            runner->plan->allocators[allocator].name, outcome->status, outcome->detail);
}

/* ---- the price of the loop ---- */

/* One of the bare runs. Their peak does not depend on the work, so the later ones do little. */
static bool run_null_once(struct runner *runner, size_t cell, size_t allocator, int i,
                          struct outcome *outcome, struct failure *why)
{
    const struct cell *what = &runner->plan->suite.cells[cell];
    uint64_t ops = i == 0 ? 0 : what->ops / NULL_LESS_WORK + 1;
    struct seat seat = {.cell = cell, .allocator = allocator};
    struct child child;

    if (!start_child(runner, &seat, BENCH_NULL, ops, 0, &child, why) || !end_child(&child, why))
        return false;
    outcome_read_null(outcome, what, &child);
    outcome_free(outcome);
    child_free(&child);
    return true;
}

static json_int_t median_of_three(const json_int_t *x)
{
    json_int_t low = x[0] < x[1] ? x[0] : x[1], high = x[0] < x[1] ? x[1] : x[0];

    return x[2] < low ? low : x[2] > high ? high : x[2];
}

static bool run_null(struct runner *runner, size_t cell, size_t allocator, struct failure *why)
{
    size_t pair = journal_pair(runner->journal, cell, allocator);
    json_int_t rss_kib[NULL_RUNS], time_ns = 0;
    struct outcome outcome = {.status = "ok"};
    bool ok = true;
    json_t *line;

    for (int i = 0; ok && i < NULL_RUNS; i++) {
        if (!run_null_once(runner, cell, allocator, i, &outcome, why))
            return false;
        ok = outcome_ok(&outcome);
        rss_kib[i] = outcome.vmhwm_kib;
        time_ns = i == 0 ? outcome.time_ns : time_ns;
    }
    runner->journal->null_rss_kib[pair] = ok ? median_of_three(rss_kib) : 0;
    runner->journal->null_done[pair] = true;
    line = json_pack("{s:s,s:i,s:s,s:s,s:s,s:I,s:I}", "type", "null", "cell", (int)cell,
                     "allocator", runner->plan->allocators[allocator].name, "status",
                     outcome.status, "detail", outcome.detail, "null_rss_kib",
                     runner->journal->null_rss_kib[pair], "time_ns", time_ns);
    return store_append_one(runner->store, line, why);
}

/* A real program has no bare loop. */
static bool null_due(const struct journal *journal, size_t pair)
{
    const struct plan *plan = journal->plan;

    return !journal->null_done[pair] && !journal->out[pair] &&
           plan->suite.cells[pair / plan->n_allocators].program == NULL;
}

static bool run_nulls(struct runner *runner, bool quiet, struct failure *why)
{
    const struct plan *plan = runner->plan;
    size_t pairs = plan->suite.count * plan->n_allocators, due = 0;
    bool ok = true;

    for (size_t pair = 0; pair < pairs; pair++)
        due += null_due(runner->journal, pair);
    progress_begin(&runner->progress, "bare loops", 0, due, 0, quiet);
    for (size_t pair = 0; ok && pair < pairs; pair++) {
        size_t cell = pair / plan->n_allocators;

        if (!null_due(runner->journal, pair))
            continue;
        ok = run_null(runner, cell, pair % plan->n_allocators, why);
        progress_step(&runner->progress, plan->suite.cells[cell].label);
    }
    progress_clear(&runner->progress);
    return ok;
}

static bool is_wanted(const struct runner *runner, size_t cell)
{
    return runner->wanted == NULL || runner->wanted[cell];
}

/* ---- blocks ---- */

static json_t *sample_line(struct runner *runner, const struct seat *seat,
                           const struct outcome *outcome, const struct child *child)
{
    json_t *counters = json_object_get(child->report, "counters");
    json_t *instructions = json_object_get(counters, "instructions");
    json_int_t null_rss_kib =
        runner->journal->null_rss_kib[journal_pair(runner->journal, seat->cell, seat->allocator)];
    uint64_t round = seat->round;
    bool ok = outcome_ok(outcome);
    json_t *line = json_pack(
        "{s:s,s:i,s:I,s:i,s:b,s:s,s:s,s:i,s:i,s:s,s:I}", "type", "sample", "cell", (int)seat->cell,
        "block", (json_int_t)(round > 0 ? round - 1 : 0), "order", (int)seat->place, "warmup",
        round == 0, "allocator", runner->plan->allocators[seat->allocator].name, "status",
        outcome->status, "exit", child->exit, "signal", child->signal, "detail", outcome->detail,
        "wall_ns", (json_int_t)child->wall_ns);
    static const char *const usage[] = {"user_us", "sys_us",       "minflt",
                                        "majflt",  "ctx_switches", "maxrss_kib"};

    if (seat->duet)
        json_object_update_new(line, json_pack("{s:b,s:i}", "duet", true, "cpu", seat->cpu));
    json_object_set_new(line, "time_ns", ok ? json_integer(outcome->time_ns) : json_null());
    json_object_set_new(line, "peak_rss_kib",
                        ok && outcome->vmhwm_kib > 0 ? json_integer(outcome->vmhwm_kib)
                                                     : json_null());
    if (null_rss_kib > 0)
        json_object_set_new(line, "null_rss_kib", json_integer(null_rss_kib));
    for (size_t i = 0; i < sizeof usage / sizeof usage[0]; i++)
        if (json_object_get(child->report, usage[i]) != NULL)
            json_object_set(line, usage[i], json_object_get(child->report, usage[i]));
    json_object_set_new(line, "instructions",
                        instructions != NULL ? json_incref(instructions) : json_null());
    json_object_set_new(line, "counters", counters != NULL ? json_incref(counters) : json_object());
    if (outcome->bench != NULL)
        json_object_set(line, "bench", outcome->bench);
    return line;
}

/* Takes what a process of a block came to, and frees it. */
static void keep_sample(struct runner *runner, const struct seat *seat, struct child *child,
                        json_t *lines)
{
    struct outcome outcome;

    outcome_read(&outcome, &runner->plan->suite.cells[seat->cell], child);
    if (!outcome_ok(&outcome)) {
        tell_failure(runner, seat->cell, seat->allocator, &outcome);
        journal_failed(runner->journal, seat->cell, seat->allocator);
    }
    json_array_append_new(lines, sample_line(runner, seat, &outcome, child));
    outcome_free(&outcome);
    child_free(child);
}

static bool start_sample(struct runner *runner, const struct seat *seat, struct child *child,
                         struct failure *why)
{
    unsigned pad_bytes = plan_pad(runner->plan, seat->round, seat->cell, seat->allocator);

    return start_child(runner, seat, BENCH_TIMED, 0, pad_bytes, child, why);
}

static bool run_sample(struct runner *runner, const struct seat *seat, json_t *lines,
                       struct failure *why)
{
    struct child child;

    if (!start_sample(runner, seat, &child, why) || !end_child(&child, why))
        return false;
    keep_sample(runner, seat, &child, lines);
    return true;
}

/* Both at the same time. Who is faster leaves the other alone for the rest. */
static bool run_duet(struct runner *runner, const struct seat seats[2], json_t *lines,
                     struct failure *why)
{
    struct child child[2], *running[2] = {&child[0], &child[1]};
    bool whole;

    if (!start_sample(runner, &seats[0], &child[0], why))
        return false;
    if (!start_sample(runner, &seats[1], &child[1], why)) {
        child_stop(&child[0]);
        return false;
    }
    if (child_wait_any(running, 2) == 0)
        running[0] = running[1];
    child_wait_any(running, 1);
    whole = child[0].fate != FATE_STOPPED && child[1].fate != FATE_STOPPED;
    for (size_t i = 0; i < 2; i++) {
        if (whole)
            keep_sample(runner, &seats[i], &child[i], lines);
        else
            child_free(&child[i]);
    }
    return whole || interrupted(why);
}

/* Outputs are compared once the whole block has run, whatever its order. */
static void judge_outputs(struct runner *runner, size_t cell, json_t *lines)
{
    const struct plan *plan = runner->plan;
    json_t *damaged = agree_judge(lines, plan->allocators[0].name);
    json_t *line;
    size_t i;

    json_array_foreach(damaged, i, line)
    {
        const char *name = json_string_value(json_object_get(line, "allocator"));
        size_t allocator = 0;

        while (strcmp(plan->allocators[allocator].name, name) != 0)
            allocator++;
        progress_clear(&runner->progress);
        fprintf(stderr, "ashlar: %s under %s: integrity: %s\n", plan->suite.cells[cell].label, name,
                json_string_value(json_object_get(line, "detail")));
        journal_failed(runner->journal, cell, allocator);
    }
    json_decref(damaged);
}

/* Who takes part in a block, in random order; returns how many. */
static size_t seat_block(const struct runner *runner, size_t cell, uint64_t round,
                         struct seat *seats)
{
    const struct plan *plan = runner->plan;
    size_t *order = text_alloc(plan->n_allocators, sizeof *order), n = 0;

    plan_block_order(plan, round, cell, order);
    for (size_t i = 0; i < plan->n_allocators; i++) {
        if (runner->journal->out[journal_pair(runner->journal, cell, order[i])])
            continue;
        seats[n] = (struct seat){.cell = cell, .allocator = order[i], .place = i, .round = round};
        seats[n].duet = plan_is_duet(plan, round, cell);
        if (seats[n].duet)
            seats[n].cpu = plan_duet_cpu(plan, round, cell, order[i]);
        n++;
    }
    free(order);
    return n;
}

/* Every allocator once, back to back or as a duet; stored in one write. */
static bool run_block(struct runner *runner, size_t cell, uint64_t round, struct failure *why)
{
    struct seat *seats = text_alloc(runner->plan->n_allocators, sizeof *seats);
    size_t n = seat_block(runner, cell, round, seats);
    json_t *lines = json_array();
    bool ok = true;

    if (n == 2 && seats[0].duet)
        ok = run_duet(runner, seats, lines, why);
    else
        for (size_t i = 0; ok && i < n; i++)
            ok = run_sample(runner, &seats[i], lines, why);
    if (ok) {
        judge_outputs(runner, cell, lines);
        ok = store_append(runner->store, lines, why);
    }
    if (ok)
        journal_block_ran(runner->journal, cell, round);
    json_decref(lines);
    free(seats);
    return ok;
}

static bool run_round(struct runner *runner, uint64_t round, struct failure *why)
{
    size_t *order = text_alloc(runner->plan->suite.count, sizeof *order);
    bool ok = true;

    plan_cell_order(runner->plan, round, order);
    for (size_t i = 0; ok && i < runner->plan->suite.count; i++) {
        if (!journal_block_due(runner->journal, order[i], round) || !is_wanted(runner, order[i]))
            continue;
        ok = run_block(runner, order[i], round, why);
        /* A cell that has just died takes its later blocks with it. */
        if (runner->wanted == NULL)
            runner->progress.done = journal_blocks_over(runner->journal) - 1;
        progress_step(&runner->progress, runner->plan->suite.cells[order[i]].label);
    }
    free(order);
    return ok;
}

/* ---- all of it ---- */

static bool run_end(struct runner *runner, uint64_t begin_ns, bool quiet, struct failure *why)
{
    return memory_run(runner->plan, runner->journal, runner->store, quiet, why) &&
           counts_run(runner->plan, runner->journal, runner->store, quiet, why) &&
           calls_run(runner->plan, runner->journal, runner->store, quiet, why) &&
           growth_run(runner->plan, runner->journal, runner->store, quiet, why) &&
           store_append_one(runner->store,
                            json_pack("{s:s,s:f}", "type", "end", "elapsed_s",
                                      (double)(progress_now_ns() - begin_ns) / 1e9),
                            why);
}

static bool run_phases(struct runner *runner, bool quiet, struct failure *why)
{
    const struct plan *plan = runner->plan;
    uint64_t begin_ns = progress_now_ns();
    bool ok = run_nulls(runner, quiet, why);

    progress_begin(&runner->progress, "blocks", journal_blocks_over(runner->journal),
                   plan->suite.count * plan_rounds(plan),
                   counts_expected_s(plan, runner->journal) +
                       calls_expected_s(plan, runner->journal) +
                       memory_expected_s(plan, runner->journal),
                   quiet);
    for (uint64_t round = 0; ok && round < plan_rounds(plan); round++)
        ok = run_round(runner, round, why);
    progress_clear(&runner->progress);
    return ok && run_end(runner, begin_ns, quiet, why);
}

/* What a machine cannot count is left out of the launcher's report, one by one, so the counters are
 * always asked for. */
static struct runner runner_of(const struct plan *plan, struct journal *journal,
                               struct store *store)
{
    return (struct runner){.plan = plan, .journal = journal, .store = store, .pmu = true};
}

static bool tell_how_to_go_on(bool ok, const struct store *store, struct failure *why)
{
    if (!ok && why->exit_code == EXIT_INTERRUPTED)
        fail(why, EXIT_INTERRUPTED, "interrupted; what is done is kept, continue with --resume %s",
             store->dir);
    return ok;
}

bool runner_run(const struct plan *plan, struct journal *journal, struct store *store, bool quiet,
                struct failure *why)
{
    struct runner runner = runner_of(plan, journal, store);

    return journal->ended || tell_how_to_go_on(run_phases(&runner, quiet, why), store, why);
}

bool runner_rounds(const struct plan *plan, struct journal *journal, struct store *store,
                   const bool *wanted, uint64_t from, uint64_t to, bool quiet, struct failure *why)
{
    struct runner runner = runner_of(plan, journal, store);
    bool ok = run_nulls(&runner, quiet, why);

    runner.wanted = wanted;
    progress_begin(&runner.progress, "blocks", 0, journal_blocks_due(journal, wanted, from, to), 0,
                   quiet);
    for (uint64_t round = from; ok && round < to; round++)
        ok = run_round(&runner, round, why);
    progress_clear(&runner.progress);
    return tell_how_to_go_on(ok, store, why);
}

bool runner_finish(const struct plan *plan, struct journal *journal, struct store *store,
                   bool quiet, struct failure *why)
{
    struct runner runner = runner_of(plan, journal, store);

    return journal->ended ||
           tell_how_to_go_on(run_end(&runner, progress_now_ns(), quiet, why), store, why);
}
