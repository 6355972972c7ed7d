/* gate.c: `ashlar gate`, may this build replace that one? Runs look by look and rules.
 *
 *     plan with budgets --> look 1: all cells --> ruling --> undecided cells on --> ...
 *                                                        --> failing cells again, to confirm
 *                       --> counts --> ruling --> waivers --> table, gate.json, exit code
 *
 * The rule is judge/gate.h's, asked after each step with what is on disk. So a gate that was cut
 * off goes on where it stood, and one that has ended says the same again.
 */
#include "verbs/gate.h"

#include "base/member.h"
#include "base/text.h"
#include "judge/gate_json.h"
#include "judge/publish.h"
#include "machine/environment.h"
#include "plan/budget.h"
#include "process/trace.h"
#include "run/baseline.h"
#include "run/runner.h"
#include "verbs/cli.h"
#include "verbs/gate_report.h"
#include "verbs/measure.h"
#include "verbs/side.h"
#include "verbs/waiver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_BLOCKS_DEFAULT 48

/* For the minutes that are told beforehand: suites are calibrated to 0.3 to 0.6 s a process, a bare
 * loop takes a part of that, a count under valgrind some seconds. */
#define PROCESS_S 0.5
#define NULLS_S 0.5
#define COUNT_S 3.0

struct gate_options {
    struct measure_options measure;
    struct revision_options revisions;
    const char *arg[2];      /* A and B as they were written; NULL: not said */
    struct side side[2];     /* what they mean */
    char *cell;              /* of --cell: the only one, owned; NULL: all */
    const char *metric;      /* of --cell: the only one; NULL: all */
    struct budgets budgets;  /* file and command line */
    const char *budget_file; /* read first, whatever the order of the options */
    struct words budget_texts;
    const char *waivers_file, *junit;
    uint64_t max_blocks;
    bool strict;
};

enum {
    KEY_BUDGET = 0x200,
    KEY_BUDGET_FILE,
    KEY_MAX_BLOCKS,
    KEY_STRICT,
    KEY_WAIVERS,
    KEY_JUNIT,
    KEY_CELL
};

static const struct argp_option options[] = {
    {"budget", KEY_BUDGET, "TEXT", 0,
     "\"NAME:METRIC=3%,...;...\", NAME a cell, a workload or default, METRIC time, peak_rss, "
     "instructions, syscalls, minor_faults, false_sharing, page_waste or internal_waste; may be "
     "repeated (default: "
     "default:time=5%,peak_rss=5%,instructions=0.5%,syscalls=0.5%,false_sharing=1%)",
     -4},
    {"budget-file", KEY_BUDGET_FILE, "FILE", 0, "the same from an INI file, [NAME] METRIC = 3%",
     -4},
    {"cell", KEY_CELL, "NAME[:METRIC]", 0,
     "judge this cell of the suite alone, or one metric of it", -4},
    {"max-blocks", KEY_MAX_BLOCKS, "N", 0, "the last look: 12, 24, 48 (default) or 72", -4},
    {"waivers", KEY_WAIVERS, "FILE", 0,
     "regressions that are borne: [CELL METRIC] until = YYYY-MM-DD, reason = TEXT", -3},
    {"strict", KEY_STRICT, NULL, 0, "exit 3 when a test stays inconclusive, not a warning and 0",
     -3},
    {"junit", KEY_JUNIT, "FILE", 0, "write a JUnit report there", -3},
    {0},
};

/* "larson-2:time"; a cell's own name may hold a colon. */
static void take_cell(struct gate_options *chosen, const char *arg)
{
    const char *colon = strrchr(arg, ':');

    free(chosen->cell);
    chosen->metric = colon != NULL && gate_knows_metric(colon + 1) ? colon + 1 : NULL;
    chosen->cell =
        chosen->metric != NULL ? text_format("%.*s", (int)(colon - arg), arg) : text_copy(arg);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct gate_options *chosen = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &chosen->measure;
        state->child_inputs[1] = &chosen->revisions;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 1)
            return ARGP_ERR_UNKNOWN;
        chosen->arg[state->arg_num] = arg;
        return 0;
    case KEY_BUDGET:
        words_add(&chosen->budget_texts, arg);
        return 0;
    case KEY_BUDGET_FILE:
        chosen->budget_file = arg;
        return 0;
    case KEY_MAX_BLOCKS:
        if (!text_to_u64(arg, &chosen->max_blocks))
            chosen->max_blocks = 1; /* no look, so it is refused with the others */
        return 0;
    case KEY_CELL:
        take_cell(chosen, arg);
        return 0;
    case KEY_STRICT:
        chosen->strict = true;
        return 0;
    case KEY_WAIVERS:
        chosen->waivers_file = arg;
        return 0;
    case KEY_JUNIT:
        chosen->junit = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&measure_argp, 0, NULL, 0}, {&side_argp, 0, NULL, 0}, {0}};

const struct argp gate_argp = {
    .options = options,
    .parser = parse,
    .children = children,
    .args_doc = "A B",
    .doc =
        "Tells whether B is worse than A by more than its budgets allow. A and B are allocators as "
        "--allocators of `ashlar run` takes them, paths of libraries, or rev:REF, a commit of the "
        "repository in --repo, built once and kept; A may be baseline:NAME, see `ashlar baseline`. "
        "Of a working tree rev: sees what is committed, nothing else.\v"
        "Runs the suite (default: gate) in paired blocks and looks at 12, 24 and 48; only cells "
        "that are undecided go on, and a regression has to show again in 12 fresh blocks. The time "
        "of cells with remote frees is told and never gates. Writes samples.jsonl and gate.json to "
        "DIR/STAMP. Under GITHUB_ACTIONS it prints ::error lines; GITHUB_STEP_SUMMARY gets a "
        "table. Exit codes: 0 within the budgets (or inconclusive, with a warning), 1 regression, "
        "2 usage, 3 inconclusive with --strict, 4 a process crashed, timed out or ran out of "
        "memory, or an allocator is missing or does not build, 5 the run to resume belongs to "
        "another environment, or a baseline's library was changed.",
};

/* ---- the plan ---- */

/* Instructions repeat with one thread; with several that share nothing, as counters at native speed
 * show them. */
static bool countable(const struct cell *cell)
{
    if (cell->threads == 1)
        return cell->count_ops > 0;
    return cell->micro == NULL && !cell->remote && environment_pmu_problem() == NULL;
}

/* What follows from addresses comes with the memory pass. */
static bool is_layout(const char *metric)
{
    return strcmp(metric, "page_waste") == 0 || strcmp(metric, "internal_waste") == 0;
}

/* Whether a cell can have a budget for a metric. System calls repeat in threads that share nothing,
 * however many. What is there for its false-sharing index says nothing else, and nothing else says
 * that. */
static bool measurable(const struct gate_options *chosen, const struct cell *cell,
                       const char *metric)
{
    bool counts = !chosen->measure.no_counts;

    if (cell->index != (strcmp(metric, "false_sharing") == 0))
        return false;
    if (is_layout(metric))
        return cell->memory;
    if (strcmp(metric, "instructions") == 0)
        return counts && countable(cell);
    if (strcmp(metric, "syscalls") == 0)
        return counts && cell->trace_ops > 0 && !cell->remote && trace_problem() == NULL;
    return true;
}

static void add_tests(const struct gate_options *chosen, const struct cell *cell, json_t *tests)
{
    static const char *const metrics[] = {"time",       "peak_rss",      "instructions",
                                          "syscalls",   "minor_faults",  "false_sharing",
                                          "page_waste", "internal_waste"};

    for (size_t m = 0; m < sizeof metrics / sizeof metrics[0]; m++) {
        bool gates = strcmp(metrics[m], "time") != 0 || !cell->remote;
        double limit;

        if ((chosen->metric != NULL && strcmp(chosen->metric, metrics[m]) != 0) ||
            !budgets_find(&chosen->budgets, cell, metrics[m], &limit) ||
            !measurable(chosen, cell, metrics[m]))
            continue;
        json_array_append_new(tests, json_pack("{s:i,s:s,s:f,s:b}", "cell", cell->id, "metric",
                                               metrics[m], "budget", limit, "gates", gates));
    }
}

/* Where the libraries come from, and how a baseline's ran. */
static void describe_sides(const struct gate_options *chosen, struct plan *plan)
{
    for (size_t i = 0; i < 2; i++) {
        plan->allocators[i].source = json_incref(chosen->side[i].source);
        words_add_all(&plan->allocators[i].env, chosen->side[i].env.at);
    }
}

static bool keep_cell(const struct gate_options *chosen, struct plan *plan, struct failure *why)
{
    size_t cell;

    if (chosen->cell == NULL)
        return true;
    cell = suite_find(&plan->suite, chosen->cell);
    if (cell == SIZE_MAX)
        return fail(why, EXIT_USAGE,
                    "--cell names '%s', which is no cell of suite %s, nor one with a metric behind "
                    "a colon; correct it, or choose the suite with --suite",
                    chosen->cell, plan->suite.name);
    suite_keep(&plan->suite, cell);
    if (chosen->metric != NULL && !is_layout(chosen->metric))
        plan->suite.cells[0].memory = false; /* nobody would look at it */
    return true;
}

static bool settle(struct plan *plan, void *context, struct failure *why)
{
    const struct gate_options *chosen = context;
    json_t *tests = json_array();

    describe_sides(chosen, plan);
    if (!budgets_fit(&chosen->budgets, &plan->suite, why) || !keep_cell(chosen, plan, why)) {
        json_decref(tests);
        return false;
    }
    for (size_t c = 0; c < plan->suite.count; c++)
        add_tests(chosen, &plan->suite.cells[c], tests);
    if (json_array_size(tests) == 0) {
        json_decref(tests);
        return fail(why, EXIT_USAGE,
                    "the budgets leave nothing to judge; take a `none` away, or give a metric one "
                    "with --budget");
    }
    plan->gate = gate_plan((size_t)chosen->max_blocks, tests);
    if (plan->gate == NULL)
        return fail(why, EXIT_USAGE, "--max-blocks: the last look is at 12, 24, 48 or 72 blocks");
    plan->suite.blocks = gate_plan_blocks((size_t)chosen->max_blocks);
    return true;
}

static bool read_budgets(struct gate_options *chosen, struct failure *why)
{
    bool ok =
        chosen->budget_file == NULL || budgets_add_file(&chosen->budgets, chosen->budget_file, why);

    for (size_t i = 0; ok && i < chosen->budget_texts.count; i++)
        ok = budgets_add_text(&chosen->budgets, chosen->budget_texts.at[i], why);
    return ok;
}

/* Takes both sides apart, and finds their libraries unless a run is resumed, whose plan has them.
 * Builds may take minutes, so all that can be refused before is. */
static bool take_sides(struct gate_options *chosen, char **allocators, struct failure *why)
{
    static const char *const bare[2] = {"base", "head"};
    struct side *side = chosen->side;
    bool resuming = chosen->measure.resume != NULL;

    for (size_t i = 0; i < 2; i++)
        if (!side_parse(&side[i], chosen->arg[i], bare[i], chosen->measure.results, why))
            return false;
    if (strcmp(side[0].name, side[1].name) == 0)
        return fail(why, EXIT_USAGE, "both sides are called %s; give one a name, as in %s2=%s",
                    side[0].name, side[1].name, chosen->arg[1]);
    if (side[1].baseline != NULL)
        return fail(why, EXIT_USAGE,
                    "'%s' is the second side, and a baseline is what the other is judged against; "
                    "name it first",
                    chosen->arg[1]);
    chosen->revisions.quiet = chosen->measure.quiet;
    for (size_t i = 0; !resuming && i < 2; i++)
        if (!side_check(&side[i], &chosen->revisions, why))
            return false;
    for (size_t i = 0; !resuming && i < 2; i++)
        if (!side_resolve(&side[i], &chosen->revisions, why))
            return false;
    *allocators = text_format("%s %s", side[0].word != NULL ? side[0].word : side[0].name,
                              side[1].word != NULL ? side[1].word : side[1].name);
    chosen->measure.allocators = *allocators;
    chosen->measure.baseline = side[0].name;
    return true;
}

/* Whether the timed or watched processes themselves bring this figure. Minor faults they do bring, but
 * worse ones than those that are traced. */
static bool comes_without_counts(const char *metric)
{
    return strcmp(metric, "time") == 0 || strcmp(metric, "peak_rss") == 0 ||
           strcmp(metric, "false_sharing") == 0 || is_layout(metric);
}

/* What the options of other verbs come to here. */
static bool check_options(struct gate_options *chosen, struct failure *why)
{
    struct measure_options *measure = &chosen->measure;

    if (measure->allocators != NULL || measure->baseline != NULL)
        return fail(why, EXIT_USAGE,
                    "a gate is of two: write `ashlar gate A B`, A the baseline, "
                    "instead of --allocators and --baseline");
    if (measure->blocks != 0)
        return fail(why, EXIT_USAGE,
                    "--blocks is not for a gate, which looks at 12, 24 and 48; use --max-blocks");
    if (measure->duet == DUET_BOTH)
        return fail(why, EXIT_USAGE, "--duet=both is for `ashlar compare`; a gate takes --duet");
    if (measure->resume != NULL && (chosen->budget_file != NULL || chosen->max_blocks != 0 ||
                                    chosen->cell != NULL || chosen->budget_texts.count > 0))
        return fail(why, EXIT_USAGE,
                    "a run that is resumed keeps the budgets and looks that it "
                    "was begun with; leave --budget, --cell and --max-blocks out");
    if ((chosen->arg[0] != NULL && chosen->arg[1] == NULL) ||
        (measure->resume == NULL && chosen->arg[0] == NULL))
        return fail(why, EXIT_USAGE, "name two allocators, the baseline first: ashlar gate A B");
    if (chosen->max_blocks == 0)
        chosen->max_blocks = MAX_BLOCKS_DEFAULT;
    if (measure->suite == NULL && measure->workloads.count == 0 && measure->resume == NULL)
        measure->suite = "gate";
    if (chosen->metric != NULL && comes_without_counts(chosen->metric))
        measure->no_counts = true; /* nobody would look at them */
    return read_budgets(chosen, why);
}

/* ---- a stored baseline ---- */

/* Enters the figures of a baseline into a run that begins, when they were made in its environment;
 * `note` tells what is left out, on the heap. A run that goes on has them already. */
static bool take_stored(const struct gate_options *chosen, struct measurement *run, char **note,
                        struct failure *why)
{
    const json_t *source = run->plan.allocators[0].source;
    bool beginning = chosen->measure.resume == NULL, ok = true;
    struct failure gone = {0}; /* a run that goes on does without */
    json_t *baseline;
    char *misfit;

    *note = NULL;
    if (strcmp(member_text(source, "kind"), "baseline") != 0)
        return true;
    baseline = baseline_read(member_text(source, "folder"), beginning ? why : &gone);
    if (baseline == NULL)
        return !beginning;
    misfit = baseline_misfit(baseline, &run->plan);
    if (misfit != NULL)
        *note = text_format("the figures of baseline %s are left out and measured again: %s",
                            member_text(baseline, "name"), misfit);
    else if (beginning)
        ok = baseline_enter(baseline, &run->plan, &run->journal, &run->store, why);
    free(misfit);
    json_decref(baseline);
    return ok;
}

/* ---- the run ---- */

void gate_minutes(const struct plan *plan, double *least, double *most)
{
    const json_t *looks = json_object_get(plan->gate, "looks");
    const json_t *first = json_array_get(looks, 0);
    double cells = (double)plan->suite.count, counts = 0;
    double first_blocks = (double)json_integer_value(json_object_get(first, "blocks"));

    for (size_t c = 0; c < plan->suite.count; c++)
        counts += plan->counts && plan->suite.cells[c].count_ops > 0;
    double rest = cells * 2 * NULLS_S + counts * 2 * COUNT_S;
    *least = (rest + cells * 2 * (first_blocks + 1) * PROCESS_S) / 60;
    *most = (rest + cells * 2 * (double)plan_rounds(plan) * PROCESS_S) / 60;
}

static void tell_minutes(const struct plan *plan)
{
    double least, most;

    gate_minutes(plan, &least, &most);
    fprintf(stderr,
            "ashlar: a gate of %zu cells and %zu tests: %.1f minutes at least, %.0f at most, where "
            "a process takes %.1f s\n",
            plan->suite.count, json_array_size(json_object_get(plan->gate, "tests")), least, most,
            PROCESS_S);
}

static json_t *ruling_of(const char *dir, struct failure *why)
{
    json_t *ruling = gate_ruling_of(dir, why->text, sizeof why->text);

    if (ruling == NULL)
        why->exit_code = EXIT_USAGE;
    return ruling;
}

/* Runs what a ruling lacks. The warm-up goes before the first look. */
static bool run_lacking(struct measurement *run, const json_t *ruling, bool quiet,
                        struct failure *why)
{
    const json_t *wanted = json_object_get(ruling, "wanted");
    uint64_t from = (uint64_t)json_integer_value(json_object_get(ruling, "from"));
    uint64_t to = (uint64_t)json_integer_value(json_object_get(ruling, "to")) + 1;
    bool *cells = text_alloc(run->plan.suite.count, sizeof *cells);
    bool ok;

    for (size_t i = 0; i < json_array_size(wanted); i++)
        cells[json_integer_value(json_array_get(wanted, i))] = true;
    from = from > 0 ? from + 1 : 0;
    if (!quiet)
        fprintf(stderr, "ashlar: %s %llu blocks, %zu cells\n",
                json_is_true(json_object_get(ruling, "confirming")) ? "to confirm," : "up to block",
                (unsigned long long)(json_is_true(json_object_get(ruling, "confirming")) ? to - from
                                                                                         : to - 1),
                json_array_size(wanted));
    if (journal_blocks_due(&run->journal, cells, from, to) == 0)
        ok = fail(why, EXIT_USAGE,
                  "%s: blocks are lacking that the run takes for done; begin a "
                  "new run",
                  run->store.path);
    else
        ok = runner_rounds(&run->plan, &run->journal, &run->store, cells, from, to, quiet, why);
    free(cells);
    return ok;
}

/* Until nothing is lacking; the last ruling, or NULL. */
static json_t *run_gate(struct measurement *run, bool quiet, struct failure *why)
{
    json_t *ruling;
    bool ok;

    while ((ruling = ruling_of(run->store.dir, why)) != NULL) {
        if (json_is_true(json_object_get(ruling, "complete")))
            break;
        ok = run_lacking(run, ruling, quiet, why);
        json_decref(ruling);
        if (!ok)
            return NULL;
    }
    json_decref(ruling);
    if (ruling == NULL || !runner_finish(&run->plan, &run->journal, &run->store, quiet, why))
        return NULL;
    return ruling_of(run->store.dir, why); /* with the counts */
}

/* ---- what comes of it ---- */

static bool write_ruling(FILE *out, void *context)
{
    bool ok = json_dumpf(context, out, JSON_INDENT(1) | JSON_REAL_PRECISION(10)) == 0;

    fputc('\n', out);
    return ok;
}

static bool write_to(const char *path, const char *mode, const json_t *ruling,
                     void (*write)(const json_t *ruling, FILE *out), struct failure *why)
{
    FILE *out = fopen(path, mode);
    bool ok = out != NULL;

    if (ok) {
        write(ruling, out);
        ok = !ferror(out);
        ok = fclose(out) == 0 && ok;
    }
    return ok ||
           fail(why, EXIT_USAGE, "cannot write %s (%s); give another place", path, strerror(errno));
}

static bool publish_ruling(const char *dir, json_t *ruling, struct failure *why)
{
    static const struct publication files[] = {{"gate.json", write_ruling}};
    bool ok = publish_all(dir, files, 1, ruling, why->text, sizeof why->text);

    if (!ok)
        why->exit_code = EXIT_USAGE;
    return ok;
}

static bool publish(const struct gate_options *chosen, const char *dir, json_t *ruling,
                    struct failure *why)
{
    const char *summary = getenv("GITHUB_STEP_SUMMARY");

    if (!publish_ruling(dir, ruling, why))
        return false;
    if (chosen->junit != NULL && !write_to(chosen->junit, "we", ruling, gate_report_junit, why))
        return false;
    if (summary != NULL && summary[0] != '\0' &&
        !write_to(summary, "ae", ruling, gate_report_markdown, why))
        return false;
    return measure_publish(dir, why);
}

static void print(const struct gate_options *chosen, const char *dir, json_t *ruling)
{
    bool github = getenv("GITHUB_ACTIONS") != NULL;

    if (chosen->measure.json) {
        write_ruling(stdout, ruling);
    } else {
        gate_report_table(ruling, stdout);
        printf("\n%s/gate.json\n", dir);
    }
    if (github)
        gate_report_commands(ruling, chosen->measure.json ? stderr : stdout);
}

/* A gate that cannot tell is no reason to stop a change, unless one asks for it. */
static int exit_code_of(const json_t *ruling, bool strict)
{
    size_t unsure =
        gate_report_count(ruling, "inconclusive") + gate_report_count(ruling, "unconfirmed");

    if (gate_report_count(ruling, "failed") > 0)
        return EXIT_FAILED;
    if (gate_report_count(ruling, "regression") > 0)
        return EXIT_REGRESSION;
    if (unsure > 0)
        fprintf(stderr, "ashlar: warning: %zu tests are inconclusive; %s\n", unsure,
                strict ? "run on a quieter machine, or with --max-blocks 72"
                       : "they do not stop the gate without --strict");
    return unsure > 0 && strict ? EXIT_INCONCLUSIVE : EXIT_OK;
}

static void note_skipped(json_t *ruling, const struct plan *plan)
{
    json_t *skip;
    size_t i;

    json_array_foreach(plan->skipped, i, skip)
    {
        size_t cell = (size_t)json_integer_value(json_object_get(skip, "cell"));
        char *text = text_format("%s is left out: %s", plan->suite.cells[cell].label,
                                 json_string_value(json_object_get(skip, "reason")));

        json_array_append_new(json_object_get(ruling, "notes"), json_string(text));
        free(text);
    }
}

/* A metric that is left out is told where its budget would have been. */
static void note_untraced(const struct gate_options *chosen, json_t *ruling,
                          const struct plan *plan)
{
    bool wanted = false;
    char *text;

    for (size_t c = 0; c < plan->suite.count; c++)
        wanted = wanted || plan->suite.cells[c].trace_ops > 0;
    if (!wanted || chosen->measure.no_counts || plan->traces || trace_problem() == NULL)
        return;
    text = text_format("system calls are not counted, nor judged: %s", trace_problem());
    json_array_append_new(json_object_get(ruling, "notes"), json_string(text));
    free(text);
}

static int conclude(const struct gate_options *chosen, const struct measurement *run,
                    json_t *ruling, const char *note, const json_t *waivers, struct failure *why)
{
    char today[16];
    time_t now = time(NULL);
    struct tm utc;
    int code;

    gmtime_r(&now, &utc);
    strftime(today, sizeof today, "%Y-%m-%d", &utc);
    json_object_set_new(ruling, "notes", json_array());
    note_skipped(ruling, &run->plan);
    note_untraced(chosen, ruling, &run->plan);
    if (note != NULL)
        json_array_append_new(json_object_get(ruling, "notes"), json_string(note));
    waivers_apply(ruling, waivers, today);
    code = exit_code_of(ruling, chosen->strict);
    json_object_set_new(ruling, "exit_code", json_integer(code));
    if (!publish(chosen, run->store.dir, ruling, why))
        return why->exit_code;
    print(chosen, run->store.dir, ruling);
    return code;
}

static int gate(struct gate_options *chosen, const json_t *waivers, void *context,
                struct failure *why)
{
    struct measurement run;
    json_t *ruling = NULL;
    char *note = NULL;
    int code;

    (void)context;
    if (measure_open(&chosen->measure, &run, why) && take_stored(chosen, &run, &note, why)) {
        tell_minutes(&run.plan);
        ruling = run_gate(&run, chosen->measure.quiet, why);
    }
    code = ruling != NULL ? conclude(chosen, &run, ruling, note, waivers, why) : why->exit_code;
    json_decref(ruling);
    free(note);
    measure_close(&run);
    return code;
}

/* Reads the words of a command line, and does with them. */
static int with_words(int argc, char **argv,
                      int (*then)(struct gate_options *chosen, const json_t *waivers, void *context,
                                  struct failure *why),
                      void *context, struct failure *why)
{
    struct gate_options chosen = {
        .measure = {.results = "results", .comparing = true, .settle = settle, .why = why}};
    char *allocators = NULL;
    json_t *waivers = NULL;
    bool ok;
    int code;

    chosen.measure.context = &chosen;
    ok = cli_parse(&gate_argp, "gate", argc, argv, &chosen, why) && check_options(&chosen, why);
    if (ok && chosen.waivers_file != NULL) {
        waivers = waivers_read(chosen.waivers_file, why);
        ok = waivers != NULL;
    }
    if (ok && chosen.arg[0] != NULL)
        ok = take_sides(&chosen, &allocators, why);
    code = ok ? then(&chosen, waivers, context, why) : why->exit_code;
    json_decref(waivers);
    budgets_free(&chosen.budgets);
    words_free(&chosen.budget_texts);
    words_free(&chosen.measure.workloads);
    side_free(&chosen.side[0]);
    side_free(&chosen.side[1]);
    free(chosen.cell);
    free(allocators);
    return code;
}

int verb_gate(int argc, char **argv, struct failure *why)
{
    return with_words(argc, argv, gate, NULL, why);
}

/* ---- for another verb ---- */

static int rehearse(struct gate_options *chosen, const json_t *waivers, void *context,
                    struct failure *why)
{
    (void)waivers;
    return measure_plan(&chosen->measure, context, why) ? EXIT_OK : why->exit_code;
}

static int perform(struct gate_options *chosen, const json_t *waivers, void *context,
                   struct failure *why)
{
    struct gate_result *result = context;
    struct measurement run;
    bool ok = measure_open(&chosen->measure, &run, why);

    (void)waivers;
    if (ok) {
        result->ruling = run_gate(&run, chosen->measure.quiet, why);
        result->dir = text_copy(run.store.dir);
        ok = result->ruling != NULL && publish_ruling(result->dir, result->ruling, why);
    }
    measure_close(&run);
    return ok ? EXIT_OK : why->exit_code;
}

bool gate_rehearse(int argc, char **argv, struct plan *plan, struct failure *why)
{
    memset(plan, 0, sizeof *plan);
    return with_words(argc, argv, rehearse, plan, why) == EXIT_OK;
}

bool gate_perform(int argc, char **argv, struct gate_result *result, struct failure *why)
{
    *result = (struct gate_result){0};
    return with_words(argc, argv, perform, result, why) == EXIT_OK;
}

void gate_result_free(struct gate_result *result)
{
    json_decref(result->ruling);
    free(result->dir);
    *result = (struct gate_result){0};
}
