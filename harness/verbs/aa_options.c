/* aa_options.c: see aa_options.h. */
#include "verbs/aa_options.h"

#include "base/chance.h"
#include "base/place.h"
#include "verbs/aa_dose.h"
#include "verbs/cli.h"
#include "verbs/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERDICTS_DEFAULT 24
#define MANY_MAX 100000

/* Time and instructions at the sizes between which a budget of 5 % lies, leaks as far as they
 * matter. */
#define PLANTS_DEFAULT "instr:1,2,5,10 stall:1,2,5,10 miss:1,2,5,10 fault:1,2,5,10 leak:1,2,5"

enum {
    KEY_VERDICTS = 0x300,
    KEY_TRIALS,
    KEY_PLANTS,
    KEY_PLANTED,
    KEY_REBUILD,
    KEY_BUDGET,
    KEY_BUDGET_FILE,
    KEY_MAX_BLOCKS
};

static const struct argp_option options[] = {
    {"verdicts", KEY_VERDICTS, "N", 0,
     "whole gates of the library against itself, in all (default: 24)", -5},
    {"rebuild", KEY_REBUILD, "COMMAND", 0,
     "shell command that builds the library anew as $OUT, from a number $SEED; or `link` or `copy` "
     "(default: link where LIBRARY.link lies beside it, else copy)",
     -5},
    {"trials", KEY_TRIALS, "K", 0,
     "gates against each plant and size, in all (default: 0: days of work)", -4},
    {"plants", KEY_PLANTS, "TEXT", 0,
     "KIND:PERCENT,... ...; KIND is instr, stall, miss, fault or leak (default: "
     "\"" PLANTS_DEFAULT "\")",
     -4},
    {"planted", KEY_PLANTED, "FILE", 0,
     "the library with a plant before its doors (default: libashlar-planted.so, for ashlar)", -4},
    {"budget", KEY_BUDGET, "TEXT", 0, "as of `ashlar gate`; may be repeated", -3},
    {"budget-file", KEY_BUDGET_FILE, "FILE", 0, "as of `ashlar gate`", -3},
    {"max-blocks", KEY_MAX_BLOCKS, "N", 0, "the last look: 12, 24, 48 (default) or 72", -3},
    {0},
};

static error_t parse_count(struct aa_options *chosen, const char *option, const char *arg,
                           uint64_t *number)
{
    if (text_to_u64(arg, number) && *number <= MANY_MAX)
        return 0;
    fail(chosen->measure.why, EXIT_USAGE, "--%s %s: give a whole number up to %d", option, arg,
         MANY_MAX);
    return EINVAL;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct aa_options *chosen = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &chosen->measure;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            return ARGP_ERR_UNKNOWN;
        chosen->library = arg;
        return 0;
    case KEY_VERDICTS:
        return parse_count(chosen, "verdicts", arg, &chosen->verdicts);
    case KEY_TRIALS:
        return parse_count(chosen, "trials", arg, &chosen->trials);
    case KEY_PLANTS:
        chosen->plants = arg;
        return 0;
    case KEY_PLANTED:
        chosen->planted = arg;
        return 0;
    case KEY_REBUILD:
        chosen->rebuild = arg;
        return 0;
    case KEY_BUDGET:
        words_add(&chosen->budgets, arg);
        return 0;
    case KEY_BUDGET_FILE:
        chosen->budget_file = arg;
        return 0;
    case KEY_MAX_BLOCKS:
        chosen->max_blocks = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&measure_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .children = children,
    .args_doc = "[LIBRARY]",
    .doc =
        "Judges the harness itself on this machine: how often `ashlar gate` calls a regression "
        "where there is none, and how much of a planted slowdown or leak it finds. LIBRARY is an "
        "allocator's name or a path (default: ashlar).\v"
        "A verdict is a whole gate of LIBRARY against the same library built anew; a trial is one "
        "against a planted slowdown. Writes aa.jsonl, aa.json and aa.md to DIR/aa-STAMP, where "
        "every gate has its run. `--resume DIR/aa-STAMP --verdicts 72` goes on, or adds to what is "
        "done. Exit codes: 0 done, 1 a target is missed, 2 usage, 3 no target can be told yet, 4 a "
        "process crashed, timed out or ran out of memory, or an allocator is missing, 5 the one to "
        "resume belongs to another environment or build.",
};

/* ---- words for the gates ---- */

/* Later parts may begin in another directory. */
static void add_path(struct words *words, const char *option, const char *path)
{
    char *real = realpath(path, NULL);

    words_add(words, option);
    words_add(words, real != NULL ? real : path);
    free(real);
}

static bool is_path(const char *suite)
{
    size_t len = strlen(suite);

    return strchr(suite, '/') != NULL || (len > 4 && strcmp(suite + len - 4, ".ini") == 0);
}

static void fill_words(const struct aa_options *chosen, struct aa *aa)
{
    const struct measure_options *measure = &chosen->measure;
    const char *suite = measure->suite != NULL ? measure->suite : "gate";
    char timeout[32], limit[32];

    for (size_t i = 0; i < measure->workloads.count; i++) {
        words_add(&aa->run_words, "--workload");
        words_add(&aa->run_words, measure->workloads.at[i]);
    }
    if (measure->suite == NULL && measure->workloads.count > 0) {
        /* those cells are the suite */
    } else if (is_path(suite)) {
        add_path(&aa->run_words, "--suite", suite);
    } else {
        words_add(&aa->run_words, "--suite");
        words_add(&aa->run_words, suite);
    }
    if (measure->bench != NULL)
        add_path(&aa->run_words, "--bench", measure->bench);
    if (measure->micro != NULL)
        add_path(&aa->run_words, "--micro", measure->micro);
    if (measure->no_counts)
        words_add(&aa->run_words, "--no-counts");
    if (measure->timeout_s != 0) {
        snprintf(timeout, sizeof timeout, "%llu", (unsigned long long)measure->timeout_s);
        words_add(&aa->run_words, "--timeout");
        words_add(&aa->run_words, timeout);
    }
    if (measure->memory_limit_given) {
        snprintf(limit, sizeof limit, "%llu", (unsigned long long)measure->memory_limit_mib);
        words_add(&aa->run_words, "--memory-limit");
        words_add(&aa->run_words, limit);
    }
    for (size_t i = 0; i < chosen->budgets.count; i++) {
        words_add(&aa->gate_words, "--budget");
        words_add(&aa->gate_words, chosen->budgets.at[i]);
    }
    if (chosen->budget_file != NULL)
        add_path(&aa->gate_words, "--budget-file", chosen->budget_file);
    if (chosen->max_blocks != NULL) {
        words_add(&aa->gate_words, "--max-blocks");
        words_add(&aa->gate_words, chosen->max_blocks);
    }
}

/* What a gate of the library against itself would be. */
static bool rehearse(const struct aa_options *chosen, struct aa *aa, struct failure *why)
{
    const char *library = chosen->library != NULL ? chosen->library : "ashlar";
    char *a = text_format("a=%s", library), *b = text_format("b=%s", library);
    struct words words = {0};
    bool ok;

    words_add(&words, "gate");
    words_add_all(&words, aa->run_words.at);
    words_add_all(&words, aa->gate_words.at);
    if (chosen->measure.registry != NULL) {
        words_add(&words, "--registry");
        words_add(&words, chosen->measure.registry);
    }
    words_add(&words, a);
    words_add(&words, b);
    ok = strchr(library, '=') == NULL
             ? gate_rehearse((int)words.count, words.at, &aa->rehearsal, why)
             : fail(why, EXIT_USAGE, "'%s': name one allocator, or the path of one library",
                    library);
    words_free(&words);
    free(a);
    free(b);
    return ok;
}

/* "KIND:1,2,5 KIND:..." */
static json_t *parse_plants(const char *text, struct failure *why)
{
    struct words words = words_split(text, " \t");
    json_t *plants = json_array();
    bool ok = words.count > 0 || fail(why, EXIT_USAGE, "--plants is empty; write stall:5,10");

    for (size_t i = 0; ok && i < words.count; i++) {
        struct words parts = words_split(words.at[i], ":,");
        json_t *sizes = json_array();

        ok = parts.count >= 2 && strchr(words.at[i], ':') != NULL && aa_dose_knows(parts.at[0]);
        for (size_t p = 1; ok && p < parts.count; p++) {
            double size;

            ok = text_to_double(parts.at[p], &size) && size > 0 && size <= 100;
            json_array_append_new(sizes, json_real(ok ? size : 0));
        }
        if (!ok)
            fail(why, EXIT_USAGE,
                 "--plants: '%s' is no plant; write KIND:PERCENT,..., KIND instr, stall, miss, "
                 "fault or leak",
                 words.at[i]);
        else
            json_array_append_new(plants,
                                  json_pack("{s:s,s:O}", "kind", parts.at[0], "sizes", sizes));
        json_decref(sizes);
        words_free(&parts);
    }
    words_free(&words);
    if (ok)
        return plants;
    json_decref(plants);
    return NULL;
}

/* ---- what is there ---- */

/* Ours has a planted build beside it; any other's has to be told. NULL: there is none. */
static bool find_planted(const struct aa_options *chosen, struct aa *aa, struct failure *why)
{
    const char *library = aa->rehearsal.allocators[0].path;
    char *ours = place_of("libashlar.so"), *path = NULL;
    bool ok;

    if (chosen->planted != NULL)
        path = text_copy(chosen->planted);
    else if (strcmp(ours, library) == 0)
        path = place_of("libashlar-planted.so");
    free(ours);
    aa->planted = path != NULL ? realpath(path, NULL) : NULL;
    ok = path == NULL || aa->planted != NULL || (chosen->planted == NULL && chosen->trials == 0) ||
         fail(why, EXIT_FAILED, "no library at %s; run make, or correct --planted", path);
    free(path);
    return ok;
}

static bool check_planted(const struct aa_options *chosen, const struct aa *aa, struct failure *why)
{
    return chosen->trials == 0 || aa->planted != NULL ||
           fail(why, EXIT_USAGE,
                "there is no planted build of %s; name one with --planted (harness/plant tells "
                "how), or leave --trials out",
                aa->rehearsal.allocators[0].path);
}

static bool settle_second(struct aa *aa, const char *wish, struct failure *why)
{
    const char *tmp = getenv("TMPDIR");
    char *trial = text_format("%s/ashlar-relink-%d.so", tmp != NULL ? tmp : "/tmp", (int)getpid());
    bool ok = relink_settle(aa->rehearsal.allocators[0].path, wish, trial, &aa->second, why);

    free(trial);
    return ok;
}

static bool check_options(const struct aa_options *chosen, struct failure *why)
{
    const struct measure_options *measure = &chosen->measure;

    if (measure->allocators != NULL || measure->baseline != NULL)
        return fail(why, EXIT_USAGE,
                    "name the library as `ashlar aa LIBRARY`, without "
                    "--allocators and --baseline: its other side is itself");
    if (measure->blocks != 0)
        return fail(why, EXIT_USAGE,
                    "--blocks is not for a gate, which looks at 12, 24 and 48; use --max-blocks");
    if (measure->duet != DUET_OFF)
        return fail(why, EXIT_USAGE,
                    "--duet is not for an aa, which judges the ordinary gate; leave it out");
    if (measure->resume != NULL &&
        (chosen->library != NULL || chosen->rebuild != NULL || chosen->plants != NULL ||
         chosen->planted != NULL || chosen->budget_file != NULL || chosen->max_blocks != NULL ||
         chosen->budgets.count > 0 || measure->suite != NULL || measure->workloads.count > 0 ||
         measure->registry != NULL || measure->bench != NULL || measure->micro != NULL ||
         measure->timeout_s != 0 || measure->seed_given || measure->no_counts ||
         measure->memory_limit_given))
        return fail(why, EXIT_USAGE,
                    "what is resumed keeps the options that it was begun with; "
                    "beside --resume give --verdicts and --trials alone");
    return true;
}

/* ---- the doors ---- */

bool aa_options_parse(struct aa_options *chosen, int argc, char **argv, struct failure *why)
{
    *chosen = (struct aa_options){.measure = {.results = "results", .comparing = true, .why = why},
                                  .verdicts = VERDICTS_DEFAULT};
    return cli_parse(&argp, "aa", argc, argv, chosen, why) && check_options(chosen, why);
}

void aa_options_free(struct aa_options *chosen)
{
    words_free(&chosen->measure.workloads);
    words_free(&chosen->budgets);
}

static bool begin(const struct aa_options *chosen, struct aa *aa, struct failure *why)
{
    const char *results = chosen->measure.results;
    json_t *plants = parse_plants(chosen->plants != NULL ? chosen->plants : PLANTS_DEFAULT, why);
    bool ok;

    fill_words(chosen, aa);
    aa->seed = chosen->measure.seed_given ? chosen->measure.seed : chance_fresh_seed() >> 1;
    if (chosen->rebuild != NULL)
        aa->command = text_copy(chosen->rebuild);
    ok = plants != NULL && store_check(results, why) && rehearse(chosen, aa, why) &&
         find_planted(chosen, aa, why) && check_planted(chosen, aa, why) &&
         settle_second(aa, chosen->rebuild, why) && aa_book_begin(aa, results, plants, why);
    json_decref(plants);
    return ok;
}

/* The objects of a library that has not changed may have. */
static bool resume(const struct aa_options *chosen, struct aa *aa, struct failure *why)
{
    bool ok = aa_book_resume(aa, chosen->measure.resume, why) && check_planted(chosen, aa, why);

    if (ok && aa->second == SECOND_LINK && !settle_second(aa, "link", why)) {
        why->exit_code = EXIT_ENVIRONMENT;
        ok = false;
    }
    return ok;
}

bool aa_options_open(const struct aa_options *chosen, struct aa *aa, struct failure *why)
{
    *aa = (struct aa){.store = {.fd = -1}, .quiet = chosen->measure.quiet};
    return chosen->measure.resume != NULL ? resume(chosen, aa, why) : begin(chosen, aa, why);
}
