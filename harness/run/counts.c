/* counts.c: see counts.h. */
#include "run/counts.h"

#include "machine/environment.h"
#include "plan/bench.h"
#include "process/child.h"
#include "run/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PARALLEL_MAX 8
#define TIMEOUT_MS 300000
#define JOB_EXPECTED_S 4.0 /* two callgrind processes of a cell */

/* One cell under one allocator. */
struct job {
    size_t cell, allocator;
    int pass; /* 0 or 1: which of the two is running */
    struct child child;
    char *out_file;    /* callgrind's */
    json_int_t ops[2]; /* as the bench says it did them */
    json_int_t instructions[2];
    bool running, failed;
    char detail[200]; /* of a failure */
};

struct counting {
    const struct plan *plan;
    struct journal *journal;
    struct store *store;
    const char *method; /* "perf" or "callgrind" */
    char *temp_dir;
};

static int passes(const struct counting *counting)
{
    return strcmp(counting->method, "perf") == 0 ? 1 : 2;
}

static bool is_due(const struct plan *plan, const struct journal *journal, size_t cell,
                   size_t allocator)
{
    size_t pair = journal_pair(journal, cell, allocator);

    return plan->suite.cells[cell].count_ops > 0 && !journal->out[pair] && !journal->counted[pair];
}

static size_t jobs_due(const struct plan *plan, const struct journal *journal)
{
    size_t due = 0;

    if (!plan->counts)
        return 0;
    for (size_t c = 0; c < plan->suite.count; c++)
        for (size_t a = 0; a < plan->n_allocators; a++)
            due += is_due(plan, journal, c, a);
    return due;
}

static size_t parallel(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return cores < 1 ? 1 : cores > PARALLEL_MAX ? PARALLEL_MAX : (size_t)cores;
}

double counts_expected_s(const struct plan *plan, const struct journal *journal)
{
    return (double)jobs_due(plan, journal) * JOB_EXPECTED_S / (double)parallel();
}

/* ---- one process ---- */

uint64_t counts_less(uint64_t ops)
{
    return ops / COUNTS_LESS > 0 ? ops / COUNTS_LESS : 1;
}

unsigned counts_pad(const struct allocator *under)
{
    return (unsigned)(COUNTS_ENVIRONMENT_BYTES - strlen(under->path));
}

static uint64_t pass_ops(const struct counting *counting, const struct job *job)
{
    const struct cell *cell = &counting->plan->suite.cells[job->cell];

    if (passes(counting) == 1)
        return cell->ops;
    return job->pass == 0 ? cell->count_ops : counts_less(cell->count_ops);
}

static bool start_pass(struct counting *counting, struct job *job, struct failure *why)
{
    const struct allocator *under = &counting->plan->allocators[job->allocator];
    const struct cell *cell = &counting->plan->suite.cells[job->cell];
    struct words bench = bench_argv(counting->plan, cell, BENCH_TIMED, pass_ops(counting, job));
    struct words argv = {0}, env = bench_env(cell, under);
    struct child_order order = {.env = env.at,
                                .preload = under->path,
                                .pad_bytes = counts_pad(under),
                                .timeout_ms = TIMEOUT_MS,
                                .count = passes(counting) == 1};

    if (passes(counting) == 2) {
        char *option;

        free(job->out_file);
        job->out_file =
            text_format("%s/%zu-%zu-%d", counting->temp_dir, job->cell, job->allocator, job->pass);
        option = text_format("--callgrind-out-file=%s", job->out_file);
        words_add(&argv, counting->plan->valgrind);
        words_add(&argv, "--tool=callgrind");
        words_add(&argv, option);
        free(option);
    }
    words_add_all(&argv, bench.at);
    order.argv = argv.at;
    job->running = child_start(&job->child, &order, why);
    words_free(&bench);
    words_free(&argv);
    words_free(&env);
    return job->running;
}

/* "totals: 12345" of a callgrind file; 0 when it has none. */
static json_int_t totals_of(const char *path)
{
    char *text = text_of_file(path);
    const char *found = text != NULL ? strstr(text, "\ntotals:") : NULL;
    json_int_t totals = found != NULL ? atoll(found + strlen("\ntotals:")) : 0;

    free(text);
    return totals;
}

static void fail_job(struct job *job, const char *what, const char *said)
{
    job->failed = true;
    snprintf(job->detail, sizeof job->detail, "%s: %.150s", what, said);
    text_make_plain(job->detail);
}

json_int_t counts_ops_of(const json_t *bench)
{
    json_t *row = json_array_get(json_object_get(bench, "benchmarks"), 0);

    return row != NULL ? json_integer_value(json_object_get(row, "iterations"))
                       : json_integer_value(json_object_get(bench, "ops"));
}

static void read_pass(struct counting *counting, struct job *job)
{
    struct child *child = &job->child;
    json_t *bench = json_loads(child->text[CHILD_OUT], 0, NULL);
    json_t *counters = json_object_get(child->report, "counters");

    job->ops[job->pass] = counts_ops_of(bench);
    job->instructions[job->pass] =
        passes(counting) == 1
            ? (json_int_t)json_number_value(json_object_get(counters, "instructions"))
            : totals_of(job->out_file);
    if (child->fate != FATE_EXITED || child->exit != 0)
        fail_job(job, "ended badly", text_last_line(child->text[CHILD_ERR]));
    else if (job->ops[job->pass] <= 0 || job->instructions[job->pass] <= 0)
        fail_job(job, "gave no count", text_last_line(child->text[CHILD_ERR]));
    json_decref(bench);
    if (job->out_file != NULL)
        unlink(job->out_file);
}

/* ---- jobs ---- */

static json_t *count_line(const struct counting *counting, const struct job *job)
{
    bool both = passes(counting) == 2;
    json_t *line =
        json_pack("{s:s,s:i,s:s,s:s,s:s,s:s}", "type", "count", "cell", (int)job->cell, "allocator",
                  counting->plan->allocators[job->allocator].name, "method", counting->method,
                  "status", job->failed ? "error" : "ok", "detail", job->detail);

    if (job->failed) {
        json_object_set_new(line, "instructions", json_null());
        return line;
    }
    json_object_set_new(line, "instructions",
                        json_integer(job->instructions[0] - job->instructions[1]));
    json_object_set_new(line, "ops", json_integer(job->ops[0] - job->ops[1]));
    if (both)
        json_object_set_new(line, "passes",
                            json_pack("[{s:I,s:I},{s:I,s:I}]", "ops", job->ops[0], "instructions",
                                      job->instructions[0], "ops", job->ops[1], "instructions",
                                      job->instructions[1]));
    return line;
}

static bool finish_job(struct counting *counting, struct job *job, struct failure *why)
{
    const struct plan *plan = counting->plan;

    if (!job->failed && passes(counting) == 2 && job->ops[0] <= job->ops[1])
        fail_job(job, "cannot be counted", "less work gave as many operations; raise count_ops");
    if (job->failed)
        fprintf(stderr, "ashlar: %s under %s is not counted: %s\n",
                plan->suite.cells[job->cell].label, plan->allocators[job->allocator].name,
                job->detail);
    counting->journal->counted[journal_pair(counting->journal, job->cell, job->allocator)] = true;
    return store_append_one(counting->store, count_line(counting, job), why);
}

/* The next pair that wants a count, from `*next` on in the order cell by cell. */
static bool take_job(struct counting *counting, size_t *next, struct job *job)
{
    const struct plan *plan = counting->plan;

    for (; *next < plan->suite.count * plan->n_allocators; ++*next) {
        size_t cell = *next / plan->n_allocators, allocator = *next % plan->n_allocators;

        if (!is_due(plan, counting->journal, cell, allocator))
            continue;
        memset(job, 0, sizeof *job);
        job->cell = cell;
        job->allocator = allocator;
        ++*next;
        return true;
    }
    return false;
}

/* A process of the job has ended: its next pass, or its end. */
static bool advance_job(struct counting *counting, struct job *job, struct failure *why)
{
    job->running = false;
    if (job->child.fate == FATE_STOPPED) {
        child_free(&job->child);
        return fail(why, EXIT_INTERRUPTED, "interrupted");
    }
    read_pass(counting, job);
    child_free(&job->child);
    if (!job->failed && ++job->pass < passes(counting))
        return start_pass(counting, job, why);
    return finish_job(counting, job, why);
}

static void stop_jobs(struct job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (jobs[i].running)
            child_stop(&jobs[i].child);
        if (jobs[i].out_file != NULL)
            unlink(jobs[i].out_file);
        free(jobs[i].out_file);
    }
}

static bool run_jobs(struct counting *counting, struct progress *progress, struct failure *why)
{
    struct job jobs[PARALLEL_MAX] = {0};
    size_t slots = parallel(), next = 0;
    bool ok = true;

    while (ok) {
        struct child *running[PARALLEL_MAX];
        size_t at[PARALLEL_MAX], count = 0, ended;

        for (size_t i = 0; ok && i < slots; i++) {
            if (!jobs[i].running) {
                free(jobs[i].out_file);
                jobs[i].out_file = NULL;
                if (take_job(counting, &next, &jobs[i]))
                    ok = start_pass(counting, &jobs[i], why);
            }
            if (jobs[i].running) {
                running[count] = &jobs[i].child;
                at[count++] = i;
            }
        }
        if (!ok || count == 0)
            break;
        ended = at[child_wait_any(running, count)];
        ok = advance_job(counting, &jobs[ended], why);
        if (ok && !jobs[ended].running)
            progress_step(progress, counting->plan->suite.cells[jobs[ended].cell].label);
    }
    stop_jobs(jobs, slots);
    return ok;
}

bool counts_run(const struct plan *plan, struct journal *journal, struct store *store, bool quiet,
                struct failure *why)
{
    const char *tmp = getenv("TMPDIR");
    struct counting counting = {.plan = plan, .journal = journal, .store = store};
    struct progress progress;
    size_t due = jobs_due(plan, journal);
    bool ok;

    if (due == 0)
        return true;
    counting.method = environment_pmu_problem() == NULL ? "perf" : "callgrind";
    if (passes(&counting) == 2 && plan->valgrind == NULL)
        return true;
    counting.temp_dir = text_format("%s/ashlar-count-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(counting.temp_dir) == NULL) {
        free(counting.temp_dir);
        return fail(why, EXIT_USAGE, "cannot make a temporary directory; set TMPDIR to one");
    }
    progress_begin(&progress, "instruction counts", 0, due, 0, quiet);
    ok = run_jobs(&counting, &progress, why);
    progress_clear(&progress);
    rmdir(counting.temp_dir);
    free(counting.temp_dir);
    return ok;
}
