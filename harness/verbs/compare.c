/* compare.c: `ashlar compare`, a run, its verdicts and its report. */
#include "base/text.h"
#include "judge/judge.h"
#include "verbs/cli.h"
#include "verbs/measure.h"
#include "verbs/ruling.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static error_t parse(int key, char *arg, struct argp_state *state)
{
    (void)arg;
    if (key != ARGP_KEY_INIT)
        return ARGP_ERR_UNKNOWN;
    state->child_inputs[0] = state->input;
    return 0;
}

static const struct argp_child children[] = {{&measure_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
    .parser = parse,
    .children = children,
    .doc =
        "Runs a suite like `ashlar run`, prints the verdict table and writes the report.\v"
        "Writes samples.jsonl, summary.json, report.md and report.html to DIR/STAMP and points "
        "DIR/latest at it. Exit codes: 0 nobody is worse, 1 somebody is, 2 usage, 3 inconclusive, "
        "4 a process crashed, timed out or ran out of memory, or an allocator is missing, 5 the "
        "run to resume belongs to another environment.",
};

static bool wants_color(void)
{
    const char *term = getenv("TERM");

    return isatty(1) && getenv("NO_COLOR") == NULL && term != NULL && strcmp(term, "dumb") != 0;
}

static bool print_summary(const char *dir, struct failure *why)
{
    char *path = text_format("%s/summary.json", dir);
    char *text = text_of_file(path);
    bool ok = text != NULL || fail(why, EXIT_USAGE, "cannot read %s; make it readable", path);

    if (ok)
        fputs(text, stdout);
    free(text);
    free(path);
    return ok;
}

int verb_compare(int argc, char **argv, struct failure *why)
{
    struct measure_options chosen = {.results = "results", .comparing = true, .why = why};
    int exit_code = EXIT_OK;
    size_t failures;
    char *dir;
    bool ok;

    if (!cli_parse(&argp, "compare", argc, argv, &chosen, why) ||
        !measure(&chosen, &dir, &failures, why))
        return why->exit_code;
    words_free(&chosen.workloads);
    ok = judge_run(dir, wants_color(), chosen.json ? NULL : stdout, why->text, sizeof why->text,
                   &exit_code);
    if (!ok)
        why->exit_code = EXIT_USAGE;
    ok = ok && ruling_exit_code(dir, &exit_code, why) && measure_publish(dir, why) &&
         (!chosen.json || print_summary(dir, why));
    if (ok && !chosen.json)
        printf("\n%s/report.html\n", dir);
    free(dir);
    return ok ? exit_code : why->exit_code;
}
