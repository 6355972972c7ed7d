/* measure.c: see measure.h. */
#include "verbs/measure.h"

#include "base/chance.h"
#include "base/place.h"
#include "machine/environment.h"
#include "plan/plan.h"
#include "process/child.h"
#include "run/calibrate.h"
#include "run/runner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_SUITE = 's',
    KEY_ALLOCATORS = 'a',
    KEY_RESULTS = 'o',
    KEY_JSON = 'j',
    KEY_QUIET = 'q',
    KEY_WORKLOAD = 'w',
    KEY_BASELINE = 0x100,
    KEY_REGISTRY,
    KEY_RESUME,
    KEY_BENCH,
    KEY_MICRO,
    KEY_BLOCKS,
    KEY_TIMEOUT,
    KEY_SEED,
    KEY_NO_COUNTS,
    KEY_MEMORY_LIMIT,
    KEY_DUET,
    KEY_ROOT,
};

static const struct argp_option options[] = {
    {"suite", KEY_SUITE, "NAME", 0, "a suite's name or FILE.ini (default: quick)", 1},
    {"workload", KEY_WORKLOAD, "\"NAME ARGS\"", 0,
     "instead of a suite, one cell of ashlar-bench; may be repeated", 1},
    {"allocators", KEY_ALLOCATORS, "LIST", 0,
     "names, name=/path/lib.so or name=othername (default: \"glibc ashlar\")", 2},
    {"baseline", KEY_BASELINE, "NAME", 0, "whom the others are compared with (default: glibc)", 2},
    {"registry", KEY_REGISTRY, "FILE", 0, "read more allocators from FILE (INI)", 2},
    {"blocks", KEY_BLOCKS, "N", 0, "judged blocks instead of the suite's", 3},
    {"timeout", KEY_TIMEOUT, "SECONDS", 0, "kill a process after that, instead of the suite's", 3},
    {"seed", KEY_SEED, "N", 0, "repeat the order of an earlier run", 3},
    {"memory-limit", KEY_MEMORY_LIMIT, "MIB", 0,
     "private memory of a process, 0: no bound (default: 90 % of what is free at the beginning)",
     3},
    {"duet", KEY_DUET, "both", OPTION_ARG_OPTIONAL,
     "run the two processes of a block at the same time, on two processors that they swap (cells "
     "of one thread); --duet=both runs as many blocks without, and tells what duets gain",
     3},
    {"no-counts", KEY_NO_COUNTS, NULL, 0, "do not count instructions", 3},
    {"results", KEY_RESULTS, "DIR", 0, "where runs are kept (default: results)", 4},
    {"resume", KEY_RESUME, "DIR", 0, "go on with the run in DIR", 4},
    {"bench", KEY_BENCH, "PROGRAM", 0, "instead of the ashlar-bench beside this command", 5},
    {"micro", KEY_MICRO, "PROGRAM", 0, "instead of the ashlar-micro beside this command", 5},
    {"root", KEY_ROOT, "DIR", OPTION_HIDDEN, "read /proc and /sys below DIR (for tests)", 5},
    {"quiet", KEY_QUIET, NULL, 0, "no progress", 6},
    {"json", KEY_JSON, NULL, 0, "print JSON on stdout", 6},
    {0},
};

static error_t parse_number(struct measure_options *chosen, const char *option, const char *arg,
                            uint64_t min, uint64_t max, uint64_t *number)
{
    if (text_to_u64(arg, number) && *number >= min && *number <= max)
        return 0;
    fail(chosen->why, EXIT_USAGE, "--%s %s: give a whole number from %llu to %llu", option, arg,
         (unsigned long long)min, (unsigned long long)max);
    return EINVAL;
}

static error_t parse_place(struct measure_options *chosen, int key, char *arg)
{
    switch (key) {
    case KEY_RESULTS:
        chosen->results = arg;
        return 0;
    case KEY_RESUME:
        chosen->resume = arg;
        return 0;
    case KEY_BENCH:
        chosen->bench = arg;
        return 0;
    case KEY_MICRO:
        chosen->micro = arg;
        return 0;
    case KEY_REGISTRY:
        chosen->registry = arg;
        return 0;
    case KEY_ROOT:
        environment_root = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_duet(struct measure_options *chosen, const char *arg)
{
    chosen->duet = arg == NULL ? DUET_ON : DUET_BOTH;
    if (arg == NULL || strcmp(arg, "both") == 0)
        return 0;
    fail(chosen->why, EXIT_USAGE, "--duet=%s is unknown; write --duet or --duet=both", arg);
    return EINVAL;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct measure_options *chosen = state->input;

    switch (key) {
    case KEY_SUITE:
        chosen->suite = arg;
        return 0;
    case KEY_WORKLOAD:
        words_add(&chosen->workloads, arg);
        return 0;
    case KEY_ALLOCATORS:
        chosen->allocators = arg;
        return 0;
    case KEY_BASELINE:
        chosen->baseline = arg;
        return 0;
    case KEY_BLOCKS:
        return parse_number(chosen, "blocks", arg, 1, 1000, &chosen->blocks);
    case KEY_TIMEOUT:
        return parse_number(chosen, "timeout", arg, 1, 86400, &chosen->timeout_s);
    case KEY_SEED:
        chosen->seed_given = true;
        return parse_number(chosen, "seed", arg, 0, INT64_MAX, &chosen->seed);
    case KEY_MEMORY_LIMIT:
        chosen->memory_limit_given = true;
        return parse_number(chosen, "memory-limit", arg, 0, UINT32_MAX, &chosen->memory_limit_mib);
    case KEY_DUET:
        return parse_duet(chosen, arg);
    case KEY_NO_COUNTS:
        chosen->no_counts = true;
        return 0;
    case KEY_JSON:
        chosen->json = true;
        return 0;
    case KEY_QUIET:
        chosen->quiet = true;
        return 0;
    default:
        return parse_place(chosen, key, arg);
    }
}

const struct argp measure_argp = {.options = options, .parser = parse};

/* ---- a new run ---- */

/* The words of --allocators with the baseline first. A word's name is what stands before '='. */
static bool order_words(const struct measure_options *chosen, struct words *ordered,
                        struct failure *why)
{
    struct words words =
        words_split(chosen->allocators != NULL ? chosen->allocators : "glibc ashlar", " ,\t");
    const char *baseline = chosen->baseline;
    size_t first = SIZE_MAX;

    if (words.count == 0)
        return fail(why, EXIT_USAGE, "--allocators is empty; name at least one");
    for (size_t i = 0; i < words.count && first == SIZE_MAX; i++) {
        const char *wanted = baseline != NULL ? baseline : "glibc";
        size_t len = strcspn(words.at[i], "=");

        if (strlen(wanted) == len && strncmp(words.at[i], wanted, len) == 0)
            first = i;
    }
    if (first != SIZE_MAX)
        words_add(ordered, words.at[first]);
    else if (baseline != NULL)
        words_add(ordered, baseline);
    for (size_t i = 0; i < words.count; i++)
        if (i != first)
            words_add(ordered, words.at[i]);
    words_free(&words);
    if (chosen->comparing && ordered->count < 2)
        return fail(why, EXIT_USAGE,
                    "only %s is named; name a second allocator with --allocators, glibc2=glibc "
                    "included",
                    ordered->at[0]);
    return true;
}

static bool resolve_allocators(const struct measure_options *chosen, struct plan *plan,
                               struct failure *why)
{
    struct registry registry;
    struct words words = {0};
    bool ok;

    if (!registry_open(&registry, chosen->registry, why))
        return false;
    ok = order_words(chosen, &words, why);
    plan->allocators = text_alloc(words.count, sizeof *plan->allocators);
    for (size_t i = 0; ok && i < words.count; i++) {
        plan->n_allocators++;
        ok = registry_resolve(&registry, words.at[i], &plan->allocators[i], why);
    }
    words_free(&words);
    registry_close(&registry);
    return ok;
}

static bool open_suite(const struct measure_options *chosen, struct suite *suite,
                       struct failure *why)
{
    if (chosen->suite != NULL && chosen->workloads.count > 0)
        return fail(why, EXIT_USAGE, "--suite and --workload exclude each other; drop one");
    if (chosen->workloads.count > 0)
        return suite_of_words(suite, &chosen->workloads, why);
    return suite_open(suite, chosen->suite != NULL ? chosen->suite : "quick", why);
}

bool measure_plan(const struct measure_options *chosen, struct plan *plan, struct failure *why)
{
    memset(plan, 0, sizeof *plan);
    if (!open_suite(chosen, &plan->suite, why) || !resolve_allocators(chosen, plan, why))
        return false;
    if (chosen->blocks != 0)
        plan->suite.blocks = chosen->blocks;
    if (chosen->timeout_s != 0)
        plan->suite.timeout_s = chosen->timeout_s;
    if (chosen->settle != NULL && !chosen->settle(plan, chosen->context, why))
        return false;
    plan->duet = chosen->duet;
    plan->suite.blocks *= chosen->duet == DUET_BOTH ? 2 : 1;
    plan->memory_limit_mib =
        chosen->memory_limit_given ? chosen->memory_limit_mib : PLAN_MEMORY_AUTO;
    plan->seed = chosen->seed_given ? chosen->seed : chance_fresh_seed();
    plan->counts = !chosen->no_counts;
    plan->bench = chosen->bench != NULL ? text_copy(chosen->bench) : place_of("ashlar-bench");
    plan->micro = chosen->micro != NULL ? text_copy(chosen->micro) : place_of("ashlar-micro");
    return plan_prepare(plan, why);
}

static bool begin(const struct measure_options *chosen, struct plan *plan, struct journal *journal,
                  struct store *store, struct failure *why)
{
    if (!store_check(chosen->results, why) || !measure_plan(chosen, plan, why) ||
        !store_create(store, chosen->results, why))
        return false;
    journal_open(journal, plan);
    return store_append_one(store, plan_to_json(plan), why);
}

/* ---- an interrupted run ---- */

static bool differs(const char *option, const char *dir, struct failure *why)
{
    return fail(why, EXIT_ENVIRONMENT,
                "--%s is not what the run in %s was begun with; leave it out, or begin a new run",
                option, dir);
}

/* Whatever is said beside --resume must agree with the plan. */
static bool check_agreement(const struct measure_options *chosen, const struct plan *plan,
                            struct failure *why)
{
    struct suite suite;
    struct words words = {0};
    bool same;

    if (chosen->duet != DUET_OFF && chosen->duet != plan->duet)
        return differs("duet", chosen->resume, why);
    if (chosen->blocks != 0 &&
        chosen->blocks * (plan->duet == DUET_BOTH ? 2 : 1) != plan->suite.blocks)
        return differs("blocks", chosen->resume, why);
    if (chosen->memory_limit_given && chosen->memory_limit_mib != plan->memory_limit_mib)
        return differs("memory-limit", chosen->resume, why);
    if (chosen->timeout_s != 0 && chosen->timeout_s != plan->suite.timeout_s)
        return differs("timeout", chosen->resume, why);
    if (chosen->seed_given && chosen->seed != plan->seed)
        return differs("seed", chosen->resume, why);
    if (chosen->suite != NULL || chosen->workloads.count > 0) {
        if (!open_suite(chosen, &suite, why))
            return false;
        same = suite_same_cells(&suite, &plan->suite);
        suite_close(&suite);
        if (!same)
            return differs(chosen->suite != NULL ? "suite" : "workload", chosen->resume, why);
    }
    if (chosen->baseline != NULL && strcmp(chosen->baseline, plan->allocators[0].name) != 0)
        return differs("baseline", chosen->resume, why);
    if (chosen->allocators == NULL)
        return true;
    if (!order_words(chosen, &words, why))
        return false;
    same = words.count == plan->n_allocators;
    for (size_t i = 0; same && i < words.count; i++)
        same = strncmp(words.at[i], plan->allocators[i].name, strcspn(words.at[i], "=")) == 0 &&
               strlen(plan->allocators[i].name) == strcspn(words.at[i], "=");
    words_free(&words);
    return same || differs("allocators", chosen->resume, why);
}

static bool resume(const struct measure_options *chosen, struct plan *plan, struct journal *journal,
                   struct store *store, struct failure *why)
{
    json_t *lines = NULL;
    long *offsets = NULL;
    size_t kept = 0;
    bool ok = store_reopen(store, chosen->resume, &lines, &offsets, why) &&
              plan_from_json(plan, json_array_get(lines, 0), store->path, why) &&
              check_agreement(chosen, plan, why);

    if (ok && (plan->gate != NULL) != (chosen->settle != NULL))
        ok = fail(why, EXIT_USAGE, "%s holds %s; go on with `ashlar %s --resume %s`",
                  chosen->resume, plan->gate != NULL ? "a gate" : "no gate",
                  plan->gate != NULL ? "gate" : "run", chosen->resume);
    if (ok) {
        journal_open(journal, plan);
        ok = journal_read(journal, lines, &kept, why) &&
             (journal->ended || plan_still_holds(plan, why)) &&
             store_cut(store, offsets[kept], why);
    }
    json_decref(lines);
    free(offsets);
    return ok;
}

/* ---- both ---- */

static bool only_calibrate(const struct measure_options *chosen, struct failure *why)
{
    struct plan plan;
    bool ok = measure_plan(chosen, &plan, why) && calibrate(&plan, stdout, why);

    plan_close(&plan);
    return ok;
}

bool measure_open(const struct measure_options *chosen, struct measurement *run,
                  struct failure *why)
{
    bool ok;

    memset(run, 0, sizeof *run);
    run->store.fd = -1;
    child_catch_interrupts();
    ok = chosen->resume != NULL ? resume(chosen, &run->plan, &run->journal, &run->store, why)
                                : begin(chosen, &run->plan, &run->journal, &run->store, why);
    if (ok && !chosen->quiet)
        fprintf(stderr, "ashlar: %zu cells, %zu allocators, %llu blocks, in %s\n",
                run->plan.suite.count, run->plan.n_allocators,
                (unsigned long long)run->plan.suite.blocks, run->store.dir);
    return ok;
}

void measure_close(struct measurement *run)
{
    journal_close(&run->journal);
    store_close(&run->store);
    plan_close(&run->plan);
}

bool measure(const struct measure_options *chosen, char **dir, size_t *failures,
             struct failure *why)
{
    struct measurement run;
    bool ok;

    *dir = NULL;
    *failures = 0;
    if (chosen->calibrate) {
        child_catch_interrupts();
        return only_calibrate(chosen, why);
    }
    ok = measure_open(chosen, &run, why) &&
         runner_run(&run.plan, &run.journal, &run.store, chosen->quiet, why);
    if (ok) {
        *dir = text_copy(run.store.dir);
        *failures = run.journal.failures;
    }
    measure_close(&run);
    return ok;
}

bool measure_publish(const char *dir, struct failure *why)
{
    struct store store = {.fd = -1};
    bool ok;

    store.dir = text_copy(dir);
    ok = store_publish(&store, why);
    store_close(&store);
    return ok;
}
