/* calls.c: see calls.h. */
#include "run/calls.h"

#include "plan/bench.h"
#include "process/child.h"
#include "run/counts.h"
#include "run/progress.h"

#include <stdio.h>
#include <string.h>

#define TIMEOUT_MS 300000
#define PAIR_EXPECTED_S 0.5 /* four short processes, each call of which stops twice */

/* What came of one cell under one allocator. */
struct tally {
    size_t runs;                              /* how often each pass runs */
    json_int_t ops;                           /* more work less less work */
    json_int_t faults[CALLS_RUNS_OF_THREADS]; /* likewise, a run each */
    json_int_t total[CALLS_RUNS_OF_THREADS];
    json_t *by_name; /* {"madvise":[75,75],...} */
    bool failed;
    char detail[200]; /* of a failure */
};

static bool is_due(const struct plan *plan, const struct journal *journal, size_t cell,
                   size_t allocator)
{
    size_t pair = journal_pair(journal, cell, allocator);

    return plan->traces && plan->suite.cells[cell].trace_ops > 0 && !journal->out[pair] &&
           !journal->traced[pair];
}

static size_t pairs_due(const struct plan *plan, const struct journal *journal)
{
    size_t due = 0;

    for (size_t c = 0; c < plan->suite.count; c++)
        for (size_t a = 0; a < plan->n_allocators; a++)
            due += is_due(plan, journal, c, a);
    return due;
}

double calls_expected_s(const struct plan *plan, const struct journal *journal)
{
    return (double)pairs_due(plan, journal) * PAIR_EXPECTED_S;
}

static void fail_tally(struct tally *tally, const char *what, const char *said)
{
    tally->failed = true;
    snprintf(tally->detail, sizeof tally->detail, "%s: %.150s", what, said);
}

/* ---- one process ---- */

/* Adds `sign` times what a process called to a run's figures. */
static void add_calls(struct tally *tally, size_t run, const json_t *calls, int sign)
{
    const char *name;
    json_t *count;

    json_object_foreach((json_t *)calls, name, count)
    {
        json_t *runs = json_object_get(tally->by_name, name);
        json_int_t add = sign * json_integer_value(count);

        if (runs == NULL) {
            runs = json_array();
            for (size_t i = 0; i < tally->runs; i++)
                json_array_append_new(runs, json_integer(0));
            json_object_set_new(tally->by_name, name, runs);
        }
        json_array_set_new(runs, run,
                           json_integer(json_integer_value(json_array_get(runs, run)) + add));
        tally->total[run] += add;
    }
}

/* Takes what a process is known by into the tally; false with the reason in it. */
static bool add_process(struct tally *tally, size_t run, struct child *child, int sign)
{
    const json_t *calls = json_object_get(child->report, "syscalls");
    const char *error = json_string_value(json_object_get(child->report, "trace_error"));
    json_t *bench = json_loads(child->text[CHILD_OUT], 0, NULL);
    json_int_t ops = counts_ops_of(bench);

    json_decref(bench);
    if (error != NULL)
        fail_tally(tally, "cannot be traced", error);
    else if (child->fate != FATE_EXITED || child->exit != 0)
        fail_tally(tally, "ended badly", text_last_line(child->text[CHILD_ERR]));
    else if (ops <= 0 || !json_is_object(calls))
        fail_tally(tally, "gave no count", text_last_line(child->text[CHILD_ERR]));
    if (tally->failed)
        return false;
    add_calls(tally, run, calls, sign);
    tally->faults[run] += sign * json_integer_value(json_object_get(child->report, "minflt"));
    if (run == 0)
        tally->ops += sign * ops;
    return true;
}

/* False only when the process cannot be started, or somebody interrupts. */
static bool run_process(const struct plan *plan, size_t c, size_t allocator, size_t run, bool less,
                        struct tally *tally, struct failure *why)
{
    const struct cell *cell = &plan->suite.cells[c];
    const struct allocator *under = &plan->allocators[allocator];
    uint64_t ops = less ? counts_less(cell->trace_ops) : cell->trace_ops;
    struct words argv = bench_argv(plan, cell, BENCH_TIMED, ops), env = bench_env(cell, under);
    struct child_order order = {.argv = argv.at,
                                .env = env.at,
                                .preload = under->path,
                                .pad_bytes = counts_pad(under),
                                .timeout_ms = TIMEOUT_MS,
                                .memory_mib = plan_memory_mib(plan, allocator),
                                .trace = true};
    struct child child;
    bool ok = child_run(&child, &order, why);

    words_free(&argv);
    words_free(&env);
    if (!ok)
        return false;
    if (child.fate == FATE_STOPPED)
        ok = fail(why, EXIT_INTERRUPTED, "interrupted");
    else
        add_process(tally, run, &child, less ? -1 : 1);
    child_free(&child);
    return ok;
}

/* ---- one cell under one allocator ---- */

/* A name that the work never calls says nothing. */
static void drop_unused(const struct tally *tally)
{
    const char *name;
    void *next;
    json_t *runs;

    json_object_foreach_safe(tally->by_name, next, name, runs)
    {
        bool used = false;

        for (size_t i = 0; i < tally->runs; i++)
            used = used || json_integer_value(json_array_get(runs, i)) != 0;
        if (!used)
            json_object_del(tally->by_name, name);
    }
}

static json_t *runs_json(const struct tally *tally, const json_int_t *figures)
{
    json_t *runs = json_array();

    for (size_t i = 0; i < tally->runs; i++)
        json_array_append_new(runs, json_integer(figures[i]));
    return runs;
}

static json_t *line_of(const struct plan *plan, size_t cell, size_t allocator, struct tally *tally)
{
    json_t *line = json_pack("{s:s,s:i,s:s,s:s,s:s,s:s}", "type", "count", "cell", (int)cell,
                             "allocator", plan->allocators[allocator].name, "method", "ptrace",
                             "status", tally->failed ? "error" : "ok", "detail", tally->detail);

    if (tally->failed) {
        json_object_set_new(line, "syscalls", json_null());
        return line;
    }
    drop_unused(tally);
    json_object_set_new(line, "ops", json_integer(tally->ops));
    json_object_set_new(line, "syscalls", runs_json(tally, tally->total));
    json_object_set_new(line, "minor_faults", runs_json(tally, tally->faults));
    json_object_set(line, "by_name", tally->by_name);
    return line;
}

static bool run_pair(const struct plan *plan, struct journal *journal, struct store *store,
                     size_t cell, size_t allocator, struct failure *why)
{
    bool alone = plan->suite.cells[cell].threads == 1;
    struct tally tally = {.runs = alone ? CALLS_RUNS : CALLS_RUNS_OF_THREADS,
                          .by_name = json_object()};
    bool ok = true;

    for (size_t run = 0; ok && !tally.failed && run < tally.runs; run++)
        for (int less = 0; ok && !tally.failed && less < 2; less++)
            ok = run_process(plan, cell, allocator, run, less, &tally, why);
    if (ok && !tally.failed && tally.ops <= 0)
        fail_tally(&tally, "cannot be counted",
                   "less work gave as many operations; raise count_ops");
    if (ok && tally.failed)
        fprintf(stderr, "ashlar: the system calls of %s under %s are not counted: %s\n",
                plan->suite.cells[cell].label, plan->allocators[allocator].name, tally.detail);
    if (ok) {
        journal->traced[journal_pair(journal, cell, allocator)] = true;
        ok = store_append_one(store, line_of(plan, cell, allocator, &tally), why);
    }
    json_decref(tally.by_name);
    return ok;
}

bool calls_run(const struct plan *plan, struct journal *journal, struct store *store, bool quiet,
               struct failure *why)
{
    struct progress progress;
    size_t due = pairs_due(plan, journal);
    bool ok = true;

    if (due == 0)
        return true;
    progress_begin(&progress, "system calls", 0, due, 0, quiet);
    for (size_t c = 0; ok && c < plan->suite.count; c++)
        for (size_t a = 0; ok && a < plan->n_allocators; a++) {
            if (!is_due(plan, journal, c, a))
                continue;
            ok = run_pair(plan, journal, store, c, a, why);
            progress_step(&progress, plan->suite.cells[c].label);
        }
    progress_clear(&progress);
    return ok;
}
