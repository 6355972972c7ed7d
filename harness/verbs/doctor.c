/* doctor.c: `ashlar doctor`, what would make figures doubtful here. */
#include "machine/doctor.h"

#include "machine/environment.h"
#include "verbs/cli.h"

#include <stdio.h>
#include <string.h>

struct doctor_options {
    bool json;
};

static const struct argp_option options[] = {
    {"json", 'j', NULL, 0, "print a JSON object", 0},
    {"root", 'r', "DIR", OPTION_HIDDEN, "read /proc and /sys below DIR (for tests)", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct doctor_options *chosen = state->input;

    switch (key) {
    case 'j':
        chosen->json = true;
        return 0;
    case 'r':
        environment_root = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .doc = "Tells what would make figures doubtful on this machine, each with its remedy.\v"
           "The same warnings are stored with every run. Exit code 0: doubts are no failure.",
};

static void print_text(const json_t *warnings, const json_t *environment)
{
    json_t *warning;
    size_t i;

    printf("%s, %lld cores, Linux %s, glibc %s\n\n",
           json_is_string(json_object_get(environment, "cpu_model"))
               ? json_string_value(json_object_get(environment, "cpu_model"))
               : "unknown processor",
           (long long)json_integer_value(json_object_get(environment, "cores")),
           json_string_value(json_object_get(environment, "kernel")),
           json_string_value(json_object_get(environment, "glibc")));
    json_array_foreach(warnings, i, warning)
        printf("%-10s %s\n%-10s   remedy: %s\n", json_string_value(json_object_get(warning, "id")),
               json_string_value(json_object_get(warning, "text")), "",
               json_string_value(json_object_get(warning, "remedy")));
    if (json_array_size(warnings) == 0)
        puts("nothing that would make figures doubtful");
}

int verb_doctor(int argc, char **argv, struct failure *why)
{
    struct doctor_options chosen = {false};
    json_t *warnings, *environment;

    if (!cli_parse(&argp, "doctor", argc, argv, &chosen, why))
        return why->exit_code;
    environment = environment_capture();
    warnings = doctor_warnings();
    if (chosen.json) {
        json_t *both = json_pack("{s:O,s:O}", "warnings", warnings, "environment", environment);

        json_dumpf(both, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(both);
    } else {
        print_text(warnings, environment);
    }
    json_decref(warnings);
    json_decref(environment);
    return EXIT_OK;
}
