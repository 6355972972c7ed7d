/* report.c: `ashlar report`, the reports of a stored run, made again. */
#include "base/text.h"
#include "judge/judge.h"
#include "verbs/cli.h"
#include "verbs/ruling.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct report_options {
    const char *dir;
    bool json;
};

static const struct argp_option options[] = {
    {"json", 'j', NULL, 0, "print the summary as JSON on stdout", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct report_options *chosen = state->input;

    switch (key) {
    case 'j':
        chosen->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            return ARGP_ERR_UNKNOWN;
        chosen->dir = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[DIR]",
    .doc = "Makes summary.json, report.md and report.html of a stored run again (default: "
           "results/latest).\v"
           "Exit codes: as of `ashlar compare`.",
};

/* Half of the end line is no end. */
static bool has_end(const char *text)
{
    const char *end = strstr(text, "\n{\"type\":\"end\"");

    return end != NULL && strchr(end + 1, '\n') != NULL;
}

/* A run that is not whole gets no report, which would look whole. */
static bool check_complete(const char *dir, struct failure *why)
{
    char *path = text_format("%s/samples.jsonl", dir);
    char *text = text_of_file(path);
    bool ok = true;

    if (text == NULL)
        ok =
            fail(why, EXIT_USAGE, "%s: no run there; give a directory that `ashlar run` made", dir);
    else if (!has_end(text))
        ok = fail(why, EXIT_USAGE,
                  "%s: the run is not complete; finish it with `ashlar run --resume "
                  "%s`",
                  dir, dir);
    free(text);
    free(path);
    return ok;
}

static void print_file(const char *dir, const char *name)
{
    char *path = text_format("%s/%s", dir, name);
    char *text = text_of_file(path);

    if (text != NULL)
        fputs(text, stdout);
    free(text);
    free(path);
}

int verb_report(int argc, char **argv, struct failure *why)
{
    struct report_options chosen = {.dir = "results/latest"};
    int exit_code = EXIT_OK;

    if (!cli_parse(&argp, "report", argc, argv, &chosen, why) || !check_complete(chosen.dir, why))
        return why->exit_code;
    if (!judge_run(chosen.dir, false, chosen.json ? NULL : stdout, why->text, sizeof why->text,
                   &exit_code)) {
        why->exit_code = EXIT_USAGE;
        return why->exit_code;
    }
    if (!ruling_exit_code(chosen.dir, &exit_code, why))
        return why->exit_code;
    if (chosen.json)
        print_file(chosen.dir, "summary.json");
    else
        printf("\n%s/report.html\n", chosen.dir);
    return exit_code;
}
