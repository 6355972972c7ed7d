/* doctor.c: `ashlar doctor`, what would make figures doubtful here. */
#include "machine/doctor.h"

#include "base/text.h"
#include "machine/environment.h"
#include "verbs/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct doctor_options {
    bool json;
    bool fast;          /* measure nothing */
    const char *gauges; /* a file with what was measured elsewhere, NULL: measure */
};

static const struct argp_option options[] = {
    {"json", 'j', NULL, 0, "print a JSON object", 0},
    {"fast", 'f', NULL, 0, "only look, measure nothing (else 3 seconds of both processors)", 0},
    {"root", 'r', "DIR", OPTION_HIDDEN, "read /proc and /sys below DIR (for tests)", 0},
    {"gauges", 'g', "FILE", OPTION_HIDDEN, "take the measurements from FILE (for tests)", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct doctor_options *chosen = state->input;

    switch (key) {
    case 'j':
        chosen->json = true;
        return 0;
    case 'f':
        chosen->fast = true;
        return 0;
    case 'r':
        environment_root = arg;
        return 0;
    case 'g':
        chosen->gauges = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .doc = "Tells what would make figures doubtful on this machine, each with what it does to "
           "them and its remedy.\v"
           "The same warnings, without what is measured, are stored with every run. Exit code 0: "
           "doubts are no failure.",
};

static const char *string_of(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value != NULL ? value : "unknown";
}

/* What a level means, above the first warning of it. */
static void print_level(const char *level)
{
    static const struct {
        const char *name, *about;
    } levels[] = {
        {"bias", "More blocks do not help against these: they favour one side"},
        {"noise", "These widen the intervals, for all alike"},
        {"gap", "These leave something unmeasured"},
    };

    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (strcmp(levels[i].name, level) == 0)
            printf("\n%s\n", levels[i].about);
}

#define INDENT 21
#define WIDTH_MIN 60 /* narrower, and every word would stand alone */

/* The terminal's width; 0 where the output is no terminal, and lines stay whole for grep. */
static size_t terminal_width(void)
{
    struct winsize size;

    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return 0;
    return size.ws_col >= WIDTH_MIN ? size.ws_col : 0;
}

/* Prints `text` behind `used` columns, and takes it with it, broken between words. */
static void print_wrapped(char *text, size_t used)
{
    size_t width = terminal_width();
    struct words words = words_split(text, " ");

    for (size_t i = 0; i < words.count; i++) {
        size_t len = strlen(words.at[i]);

        if (width > 0 && i > 0 && used + 1 + len > width) {
            printf("\n%*s", INDENT, "");
            used = INDENT;
        } else if (i > 0) {
            putchar(' ');
            used++;
        }
        fputs(words.at[i], stdout);
        used += len;
    }
    putchar('\n');
    words_free(&words);
    free(text);
}

static void print_warnings(const json_t *warnings)
{
    const char *level = "";
    json_t *warning;
    size_t i;

    json_array_foreach(warnings, i, warning)
    {
        const json_t *effect = json_object_get(warning, "effect");

        if (strcmp(level, string_of(warning, "level")) != 0)
            print_level(level = string_of(warning, "level"));
        printf("  %-14s ", string_of(warning, "id"));
        print_wrapped(text_copy(string_of(warning, "text")), INDENT - 4);
        printf("%*s", INDENT - 2, "");
        print_wrapped(text_format("effect: %s: %s (%s)", string_of(effect, "metric"),
                                  string_of(effect, "amount"), string_of(effect, "source")),
                      INDENT - 2);
        printf("%*s", INDENT - 2, "");
        print_wrapped(text_format("remedy: %s", string_of(warning, "remedy")), INDENT - 2);
    }
    if (json_array_size(warnings) == 0)
        puts("\nnothing that would make figures doubtful");
}

static void print_gauges(const struct gauges *gauges)
{
    puts("\nMeasured just now");
    printf("  %-26s %.1f ms, %.0f times, spread %.2f %%, slowest +%.2f %%\n", "equal work",
           gauges->loop_ms, gauges->loop_count, 100 * gauges->loop_spread,
           100 * gauges->loop_worst);
    printf("  %-26s %.2f %%\n", "stolen meanwhile", 100 * gauges->steal_share);
    printf("  %-26s %.2f x (%.2f to %.2f)\n", "two threads' work to one's", gauges->two_threads,
           gauges->two_threads_min, gauges->two_threads_max);
    printf("  %-26s %.0f ns, in steps of %.0f ns\n", "a reading of the clock",
           gauges->timer_cost_ns, gauges->timer_step_ns);
    printf("  %-26s %.2f us fresh, %.2f us again\n", "first touch of 4 KiB",
           gauges->page_fresh_ns / 1000, gauges->page_again_ns / 1000);
    if (gauges->huge_fresh_ns > 0)
        printf("  %-26s %.0f us fresh, %.0f us again\n", "first touch of a huge page",
               gauges->huge_fresh_ns / 1000, gauges->huge_again_ns / 1000);
    else
        printf("  %-26s none to be had\n", "first touch of a huge page");
}

static void print_text(const json_t *warnings, const json_t *environment,
                       const struct gauges *gauges)
{
    printf("%s, %lld cores, Linux %s, glibc %s\n", string_of(environment, "cpu_model"),
           (long long)json_integer_value(json_object_get(environment, "cores")),
           string_of(environment, "kernel"), string_of(environment, "glibc"));
    print_warnings(warnings);
    if (gauges != NULL)
        print_gauges(gauges);
}

static void print_json(json_t *warnings, json_t *environment, const struct gauges *gauges)
{
    json_t *all = json_pack("{s:O,s:o,s:O}", "warnings", warnings, "gauges",
                            gauges != NULL ? gauges_to_json(gauges) : json_null(), "environment",
                            environment);

    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
}

static bool gauges_from_file(const char *path, struct gauges *gauges, struct failure *why)
{
    json_error_t error;
    json_t *object = json_load_file(path, 0, &error);
    bool ok = object != NULL && gauges_from_json(object, gauges);

    json_decref(object);
    return ok || fail(why, EXIT_USAGE, "--gauges %s: %s", path,
                      object == NULL ? error.text : "a figure is missing");
}

int verb_doctor(int argc, char **argv, struct failure *why)
{
    struct doctor_options chosen = {0};
    struct gauges measured_here, *gauges = NULL;
    json_t *warnings, *environment;

    if (!cli_parse(&argp, "doctor", argc, argv, &chosen, why))
        return why->exit_code;
    if (chosen.gauges != NULL) {
        gauges = &measured_here;
        if (!gauges_from_file(chosen.gauges, gauges, why))
            return why->exit_code;
    } else if (!chosen.fast && environment_root[0] == '\0') {
        gauges = &measured_here;
        *gauges = gauges_measure();
    }
    environment = environment_capture();
    warnings = doctor_examine(gauges);
    if (chosen.json)
        print_json(warnings, environment, gauges);
    else
        print_text(warnings, environment, gauges);
    json_decref(warnings);
    json_decref(environment);
    return EXIT_OK;
}
