/* run.c: `ashlar run`, raw samples of a suite under several allocators. */
#include "verbs/cli.h"
#include "verbs/measure.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static const struct argp_option options[] = {
    {"calibrate", 'c', NULL, 0,
     "print how much work lets a process take 0.3 to 0.6 s under the baseline, and run nothing "
     "else",
     7},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct measure_options *chosen = state->input;

    (void)arg;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = chosen;
        return 0;
    case 'c':
        chosen->calibrate = true;
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
    .doc =
        "Runs every workload of a suite under every allocator, in randomised blocks, and keeps the "
        "raw samples.\v"
        "Writes DIR/STAMP/samples.jsonl and, when the run is complete, points DIR/latest at it. "
        "Exit codes: 0 done, 2 usage, 4 a process crashed, timed out or ran out of memory, or an "
        "allocator is missing, 5 the run to resume belongs to another environment.",
};

int verb_run(int argc, char **argv, struct failure *why)
{
    struct measure_options chosen = {.results = "results", .why = why};
    size_t failures;
    char *dir;

    if (!cli_parse(&argp, "run", argc, argv, &chosen, why) ||
        !measure(&chosen, &dir, &failures, why))
        return why->exit_code;
    words_free(&chosen.workloads);
    if (dir == NULL)
        return EXIT_OK; /* --calibrate keeps nothing */
    if (!measure_publish(dir, why)) {
        free(dir);
        return why->exit_code;
    }
    if (chosen.json) {
        json_t *answer = json_pack("{s:s,s:I}", "run", dir, "failures", (json_int_t)failures);

        json_dumpf(answer, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(answer);
    } else {
        printf("%s/samples.jsonl: complete, %zu processes ended badly\n", dir, failures);
    }
    free(dir);
    return failures > 0 ? EXIT_FAILED : EXIT_OK;
}
