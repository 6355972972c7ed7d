/* outcome.c: see outcome.h. */
#include "run/outcome.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Exit codes of ashlar-bench. */
enum { BENCH_INTEGRITY = 1, BENCH_USAGE = 2, BENCH_MEMORY = 4 };

static void end_badly(struct outcome *outcome, const char *status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void end_badly(struct outcome *outcome, const char *status, const char *format, ...)
{
    va_list args;

    outcome->status = status;
    va_start(args, format);
    vsnprintf(outcome->detail, sizeof outcome->detail, format, args);
    va_end(args);
    text_make_plain(outcome->detail);
}

bool outcome_ok(const struct outcome *outcome)
{
    return strcmp(outcome->status, "ok") == 0;
}

/* ld.so only warns when a preload is not there, and the program would run on glibc. */
static bool library_is_missing(struct child *child)
{
    const char *warning = strstr(child->text[CHILD_ERR], "ERROR: ld.so: object");

    return warning != NULL && strstr(warning, "cannot be preloaded") != NULL;
}

static void read_exit(struct outcome *outcome, struct child *child)
{
    const char *said = text_last_line(child->text[CHILD_ERR]);

    switch (child->exit) {
    case 0:
        outcome->status = "ok";
        break;
    case BENCH_INTEGRITY:
        end_badly(outcome, "integrity", "%.250s", said);
        break;
    case BENCH_MEMORY:
        end_badly(outcome, "oom", "%.250s", said);
        break;
    default:
        end_badly(outcome, "error", "exit %d: %.250s", child->exit, said);
    }
}

static void read_fate(struct outcome *outcome, struct child *child)
{
    switch (child->fate) {
    case FATE_SIGNALED:
        end_badly(outcome, "crash", "signal %d (%s): %.200s", child->signal,
                  strsignal(child->signal), text_last_line(child->text[CHILD_ERR]));
        break;
    case FATE_TIMEOUT:
        end_badly(outcome, "timeout", "killed after %.1f s", (double)child->wall_ns / 1e9);
        break;
    case FATE_OOM_KILL:
        end_badly(outcome, "oom", "killed by the kernel for want of memory");
        break;
    case FATE_NOT_RUN:
        end_badly(outcome, "error", "could not be run: %.200s", child->why);
        break;
    case FATE_STOPPED:
        end_badly(outcome, "error", "interrupted");
        break;
    case FATE_EXITED:
        read_exit(outcome, child);
        break;
    }
}

static void read_workload(struct outcome *outcome, bool null)
{
    json_int_t failures = json_integer_value(json_object_get(outcome->bench, "check_failures"));

    outcome->time_ns = json_integer_value(json_object_get(outcome->bench, "elapsed_ns"));
    outcome->vmhwm_kib = json_integer_value(json_object_get(outcome->bench, "vmhwm_kib"));
    if (failures > 0)
        end_badly(outcome, "integrity", "%lld blocks were damaged", (long long)failures);
    else if (outcome->vmhwm_kib <= 0 || (!null && outcome->time_ns <= 0))
        end_badly(outcome, "error", "the program's result has no time or no peak memory");
}

static double unit_ns(const char *unit)
{
    return unit == NULL || strcmp(unit, "ns") == 0 ? 1
           : strcmp(unit, "us") == 0               ? 1e3
           : strcmp(unit, "ms") == 0               ? 1e6
                                                   : 1e9;
}

static json_int_t micro_vmhwm(const struct child *child)
{
    const char *found = strstr(child->text[CHILD_ERR], "vmhwm_kib ");

    return found != NULL ? atoll(found + strlen("vmhwm_kib ")) : 0;
}

/* Google Benchmark prints one object for the program; the row is its only benchmark. */
static void read_micro(struct outcome *outcome)
{
    json_t *rows = json_object_get(outcome->bench, "benchmarks");
    json_t *row = json_incref(json_array_get(rows, 0));
    const char *unit = json_string_value(json_object_get(row, "time_unit"));
    double real = json_number_value(json_object_get(row, "real_time"));
    double iterations = json_number_value(json_object_get(row, "iterations"));

    json_decref(outcome->bench);
    outcome->bench = row;
    if (json_is_true(json_object_get(row, "error_occurred")))
        end_badly(outcome, "error", "%.250s",
                  json_string_value(json_object_get(row, "error_message")));
    else if (row == NULL || real * iterations <= 0)
        end_badly(outcome, "error", "the program's result has no time");
    else
        outcome->time_ns = llround(real * unit_ns(unit) * iterations);
}

static void read_child(struct outcome *outcome, const struct cell *cell, struct child *child,
                       bool null)
{
    memset(outcome, 0, sizeof *outcome);
    if (library_is_missing(child)) {
        end_badly(outcome, "missing", "%.250s", strstr(child->text[CHILD_ERR], "ERROR: ld.so"));
        return;
    }
    if (cell->micro != NULL)
        outcome->vmhwm_kib = micro_vmhwm(child);
    read_fate(outcome, child);
    if (!outcome_ok(outcome) || (null && cell->micro != NULL))
        return;
    outcome->bench = json_loads(child->text[CHILD_OUT], 0, NULL);
    if (outcome->bench == NULL)
        end_badly(outcome, "error", "the program printed no JSON: %.200s",
                  text_last_line(child->text[CHILD_OUT]));
    else if (cell->micro != NULL)
        read_micro(outcome);
    else
        read_workload(outcome, null);
}

void outcome_read(struct outcome *outcome, const struct cell *cell, struct child *child)
{
    read_child(outcome, cell, child, false);
}

void outcome_read_null(struct outcome *outcome, const struct cell *cell, struct child *child)
{
    read_child(outcome, cell, child, true);
}

void outcome_free(struct outcome *outcome)
{
    json_decref(outcome->bench);
    outcome->bench = NULL;
}
