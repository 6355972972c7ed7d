/* cli.c: see cli.h. */
#include "verbs/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_HELP 'h'

static const struct argp_option help_option[] = {
    {"help", KEY_HELP, NULL, 0, "print this", -1},
    {0},
};

struct wrapping {
    const struct argp *whole; /* the verb's argp with --help */
    const char *name;         /* "ashlar run" */
    void *input;              /* for the verb's parser */
    int bad;                  /* index of the word that argp could not take, 0: none */
};

static error_t parse_wrapped(int key, char *arg, struct argp_state *state)
{
    struct wrapping *wrapping = state->input;
    char name[64];

    (void)arg;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = wrapping->input;
        return 0;
    case ARGP_KEY_ERROR:
        wrapping->bad = state->next - 1;
        return 0;
    case KEY_HELP:
        snprintf(name, sizeof name, "%s", wrapping->name);
        argp_help(wrapping->whole, stdout, ARGP_HELP_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC, name);
        exit(EXIT_OK);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

bool cli_parse(const struct argp *argp, const char *verb, int argc, char **argv, void *input,
               struct failure *why)
{
    char name[64];
    struct argp_child children[] = {{argp, 0, NULL, 0}, {0}};
    struct argp whole = {.options = help_option,
                         .parser = parse_wrapped,
                         .args_doc = argp->args_doc,
                         .doc = argp->doc,
                         .children = children};
    struct argp inner = *argp;
    struct wrapping wrapping = {&whole, name, input, 0};
    int index = 0;
    error_t error;

    /* The wrapper prints these; printed by both they would stand there twice. */
    inner.doc = NULL;
    inner.args_doc = NULL;
    children[0].argp = &inner;
    snprintf(name, sizeof name, "ashlar %s", verb);
    why->exit_code = EXIT_OK;
    error = argp_parse(&whole, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP | ARGP_NO_EXIT, &index,
                       &wrapping);
    if (error != 0 && why->exit_code != EXIT_OK)
        return false;
    if (error != 0)
        return fail(why, EXIT_USAGE,
                    "option '%s' is unknown or lacks its value; `%s --help` lists the options",
                    wrapping.bad > 0 ? argv[wrapping.bad] : "", name);
    if (index < argc)
        return fail(why, EXIT_USAGE, "unexpected argument '%s'; `%s --help` shows the usage",
                    argv[index], name);
    return true;
}

void cli_print_json(const json_t *document)
{
    json_dumpf(document, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(10));
    putchar('\n');
}
