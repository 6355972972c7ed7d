/* baseline.c: `ashlar baseline`, libraries kept for later gates (run/baseline.h).
 *
 *     save NAME ALLOCATOR    runs the suite under it, keeps it with those figures that repeat
 *     list                   what there is, and whether its figures count on this machine
 *     show NAME              the figures
 *     remove NAME
 */
#include "run/baseline.h"

#include "allocators/registry.h"
#include "base/disk.h"
#include "base/member.h"
#include "judge/stats.h"
#include "machine/environment.h"
#include "verbs/cli.h"
#include "verbs/measure.h"
#include "verbs/side.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct baseline_options {
    struct measure_options measure;
    struct revision_options revisions;
    const char *arg[3]; /* what to do, NAME, ALLOCATOR */
    bool force;
};

#define KEY_FORCE 0x500

static const struct argp_option options[] = {
    {"force", KEY_FORCE, NULL, 0, "save: replace a baseline of this name", -4},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct baseline_options *chosen = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &chosen->measure;
        state->child_inputs[1] = &chosen->revisions;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 2)
            return ARGP_ERR_UNKNOWN;
        chosen->arg[state->arg_num] = arg;
        return 0;
    case KEY_FORCE:
        chosen->force = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&measure_argp, 0, NULL, 0}, {&side_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .children = children,
    .args_doc = "save NAME ALLOCATOR\nlist\nshow NAME\nremove NAME",
    .doc =
        "Keeps a library, with those of its figures that repeat, as baseline:NAME for `ashlar "
        "gate`. ALLOCATOR is a name, a path, name=/path/lib.so or rev:REF.\v"
        "`save` runs the suite (default: gate) under the library in 12 blocks and keeps its "
        "instructions, its minor faults and, of cells with memory = yes, the layout of its blocks, "
        "with the library and the environment's fingerprint, in DIR/baselines/NAME; never a time "
        "or a peak. `list`, `show` and `remove` take --results and --json alone. Exit codes: 0 "
        "done, 2 usage, 4 a process ended badly or the library is missing, 5 the kept library was "
        "changed.",
};

/* ---- save ---- */

static bool check_place(const struct baseline_options *chosen, const char *folder,
                        struct failure *why)
{
    char *path = text_format("%s/baseline.json", folder);
    bool there = access(folder, F_OK) == 0, baseline = access(path, F_OK) == 0;

    free(path);
    if (there && !baseline)
        return fail(why, EXIT_USAGE, "%s is there and is no baseline; choose another name", folder);
    return !there || chosen->force ||
           fail(why, EXIT_USAGE,
                "baseline %s is there already; choose another name, or replace it with --force",
                chosen->arg[1]);
}

static bool check_save(const struct baseline_options *chosen, struct failure *why)
{
    const struct measure_options *measure = &chosen->measure;

    if (chosen->arg[2] == NULL)
        return fail(why, EXIT_USAGE, "name a library: ashlar baseline save NAME ALLOCATOR");
    if (measure->allocators != NULL || measure->baseline != NULL || measure->resume != NULL ||
        measure->blocks != 0)
        return fail(why, EXIT_USAGE,
                    "a baseline is of one library in %d blocks; leave --allocators, --baseline, "
                    "--blocks and --resume out",
                    BASELINE_BLOCKS);
    return true;
}

static bool run_suite(struct baseline_options *chosen, const struct side *side, char **run,
                      struct failure *why)
{
    struct measure_options *how = &chosen->measure;
    size_t failures;

    how->allocators = side->word;
    how->baseline = side->name;
    how->blocks = BASELINE_BLOCKS;
    if (how->suite == NULL && how->workloads.count == 0)
        how->suite = "gate";
    return measure(how, run, &failures, why) &&
           (failures == 0 ||
            fail(why, EXIT_FAILED,
                 "%zu processes ended badly under %s, so it is no baseline; %s/samples.jsonl says "
                 "how",
                 failures, side->name, *run));
}

static size_t counted(const json_t *baseline)
{
    size_t i, count = 0;
    json_t *figures;

    json_array_foreach(json_object_get(baseline, "cells"), i, figures) count +=
        json_is_object(json_object_get(figures, "count"));
    return count;
}

static void print_saved(const struct baseline_options *chosen, const char *folder,
                        const json_t *baseline)
{
    const json_t *library = json_object_get(baseline, "library");

    if (chosen->measure.json) {
        cli_print_json(baseline);
        return;
    }
    printf("%s: %s %s, build id %s; %zu cells, %zu of them counted\n", folder,
           member_text(library, "name"), member_text(library, "version"),
           member_text(library, "build_id"), json_array_size(json_object_get(baseline, "cells")),
           counted(baseline));
}

static bool save(struct baseline_options *chosen, const char *folder, struct failure *why)
{
    struct side side = {0};
    char *run = NULL;
    json_t *baseline = NULL;
    bool ok = check_save(chosen, why) && check_place(chosen, folder, why) &&
              side_parse(&side, chosen->arg[2], "base", chosen->measure.results, why);

    if (ok && side.baseline != NULL)
        ok = fail(why, EXIT_USAGE, "'%s' is a baseline already; name its library or a revision",
                  chosen->arg[2]);
    chosen->revisions.quiet = chosen->measure.quiet;
    ok = ok && side_resolve(&side, &chosen->revisions, why) && run_suite(chosen, &side, &run, why);
    if (ok)
        baseline = baseline_of_run(run, chosen->arg[1], side.source, why);
    ok = baseline != NULL && baseline_keep(baseline, folder, why);
    if (ok)
        print_saved(chosen, folder, baseline);
    json_decref(baseline);
    side_free(&side);
    free(run);
    return ok;
}

/* ---- list ---- */

/* Why a baseline is of no use here: "" when it is. On the heap. */
static char *problem_of(const json_t *baseline, const char *folder, const json_t *now)
{
    const json_t *then = json_object_get(baseline, "environment");
    const char *key = environment_difference(then, now);
    struct failure why = {0};

    if (!baseline_check(baseline, folder, &why))
        return text_copy(why.text);
    return key != NULL ? environment_change(key, then, now) : text_copy("");
}

static void print_row(const json_t *baseline, const char *problem)
{
    const json_t *library = json_object_get(baseline, "library");

    printf("%-20s %-21s %-16s %-14.12s %-12s %s\n", member_text(baseline, "name"),
           member_text(baseline, "saved"), member_text(library, "name"),
           member_text(library, "build_id"), member_text(baseline, "suite"),
           problem[0] == '\0' ? "figures count here" : problem);
}

static void list_one(const char *folder, const json_t *now, json_t *rows)
{
    struct failure ignored = {0}; /* whatever else lies there is no baseline */
    json_t *baseline = baseline_read(folder, &ignored);
    char *problem;

    if (baseline == NULL)
        return;
    problem = problem_of(baseline, folder, now);
    json_array_append_new(rows, json_pack("{s:O,s:s,s:s}", "baseline", baseline, "folder", folder,
                                          "problem", problem));
    free(problem);
    json_decref(baseline);
}

static int is_entry(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool list(const struct baseline_options *chosen, struct failure *why)
{
    char *above = baseline_folder(chosen->measure.results, "");
    json_t *now = environment_capture(), *rows = json_array(), *row;
    struct dirent **entries = NULL;
    int count = scandir(above, &entries, is_entry, alphasort);
    bool ok = count >= 0 || errno == ENOENT ||
              fail(why, EXIT_USAGE, "cannot read %s (%s); name the results with --results", above,
                   strerror(errno));
    size_t i;

    for (int e = 0; e < count; e++) {
        char *folder = baseline_folder(chosen->measure.results, entries[e]->d_name);

        list_one(folder, now, rows);
        free(folder);
        free(entries[e]);
    }
    free(entries);
    if (ok && chosen->measure.json) {
        cli_print_json(rows);
    } else if (ok && json_array_size(rows) == 0) {
        printf("no baseline in %s\n", above);
    } else if (ok) {
        json_array_foreach(rows, i, row)
            print_row(json_object_get(row, "baseline"), member_text(row, "problem"));
    }
    json_decref(rows);
    json_decref(now);
    free(above);
    return ok;
}

/* ---- show ---- */

static double median_of(const json_t *figures)
{
    size_t n = json_array_size(figures);
    double *x = text_alloc(n, sizeof *x), median;

    for (size_t i = 0; i < n; i++)
        x[i] = json_number_value(json_array_get(figures, i));
    median = stats_median(x, n);
    free(x);
    return median;
}

static void print_number(const char *format, double value)
{
    if (isnan(value))
        printf("%16s", "-");
    else
        printf(format, value);
}

static void print_figures(const json_t *figures)
{
    static const char *const layout[] = {"page_waste", "false_sharing", "internal_waste",
                                         "huge_coverage"};
    const json_t *count = json_object_get(figures, "count");

    printf("%-24s", member_text(json_object_get(figures, "cell"), "label"));
    print_number("%16.3f", member_number(count, "instructions") / member_number(count, "ops"));
    print_number("%16.0f", median_of(json_object_get(figures, "minor_faults")));
    for (size_t i = 0; i < sizeof layout / sizeof layout[0]; i++)
        print_number("%14.2f %%",
                     100 * member_number(json_object_get(figures, "layout"), layout[i]));
    putchar('\n');
}

static bool show(const struct baseline_options *chosen, const char *folder, struct failure *why)
{
    json_t *baseline = baseline_read(folder, why), *figures;
    const json_t *library = json_object_get(baseline, "library");
    bool ok = baseline != NULL && baseline_check(baseline, folder, why);
    size_t i;

    if (ok && chosen->measure.json) {
        cli_print_json(baseline);
    } else if (ok) {
        printf("%s, saved %s: %s %s, build id %s, suite %s\n\n%-24s%16s%16s%16s%16s%16s%16s\n",
               member_text(baseline, "name"), member_text(baseline, "saved"),
               member_text(library, "name"), member_text(library, "version"),
               member_text(library, "build_id"), member_text(baseline, "suite"), "cell",
               "instructions/op", "minor faults", "page waste", "false sharing", "internal waste",
               "huge pages");
        json_array_foreach(json_object_get(baseline, "cells"), i, figures) print_figures(figures);
    }
    json_decref(baseline);
    return ok;
}

/* ---- remove ---- */

/* Only what is a baseline, whatever its library is worth. */
static bool remove_one(const char *folder, struct failure *why)
{
    json_t *baseline = baseline_read(folder, why);
    bool ok = baseline != NULL && (disk_remove_folder(folder) ||
                                   fail(why, EXIT_USAGE, "cannot remove %s (%s); remove it by hand",
                                        folder, strerror(errno)));

    json_decref(baseline);
    return ok;
}

/* ---- all of it ---- */

static bool act(struct baseline_options *chosen, struct failure *why)
{
    const char *what = chosen->arg[0] != NULL ? chosen->arg[0] : "", *name = chosen->arg[1];
    char *folder;
    bool ok;

    if (strcmp(what, "list") == 0 && name == NULL)
        return list(chosen, why);
    if ((strcmp(what, "save") != 0 && strcmp(what, "show") != 0 && strcmp(what, "remove") != 0) ||
        name == NULL)
        return fail(why, EXIT_USAGE,
                    "write ashlar baseline save NAME ALLOCATOR, list, show NAME or remove NAME");
    if (!registry_name_is_plain(name) || name[0] == '.')
        return fail(
            why, EXIT_USAGE,
            "'%s' is no name of a baseline; use letters, digits and . _ + -, a letter first", name);
    folder = baseline_folder(chosen->measure.results, name);
    if (strcmp(what, "save") == 0)
        ok = save(chosen, folder, why);
    else if (chosen->arg[2] != NULL)
        ok = fail(why, EXIT_USAGE,
                  "unexpected argument '%s'; `ashlar baseline --help` shows the "
                  "usage",
                  chosen->arg[2]);
    else
        ok = strcmp(what, "show") == 0 ? show(chosen, folder, why) : remove_one(folder, why);
    free(folder);
    return ok;
}

int verb_baseline(int argc, char **argv, struct failure *why)
{
    struct baseline_options chosen = {.measure = {.results = "results", .why = why}};
    bool ok = cli_parse(&argp, "baseline", argc, argv, &chosen, why) && act(&chosen, why);

    words_free(&chosen.measure.workloads);
    return ok ? EXIT_OK : why->exit_code;
}
