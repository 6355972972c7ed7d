/* doctor.c: see doctor.h. */
#include "machine/doctor.h"

#include "machine/check.h"

#include <stdarg.h>
#include <stdio.h>

static const struct check *const lists[] = {checks_of_software, checks_of_memory,
                                            checks_of_processor};
static const char *const level_names[] = {"bias", "noise", "gap"};

#define LISTS (sizeof lists / sizeof lists[0])
#define LEVELS (sizeof level_names / sizeof level_names[0])

bool complain(struct complaint *complaint, const char *remedy, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(complaint->text, sizeof complaint->text, format, args);
    va_end(args);
    snprintf(complaint->remedy, sizeof complaint->remedy, "%s", remedy);
    return true;
}

void measured(struct complaint *complaint, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(complaint->amount, sizeof complaint->amount, format, args);
    va_end(args);
    complaint->source = "measured here";
}

void computed(struct complaint *complaint, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(complaint->amount, sizeof complaint->amount, format, args);
    va_end(args);
    complaint->source = "computed here";
}

static json_t *warning_of(const struct check *check, const struct complaint *complaint)
{
    bool own = complaint->amount[0] != '\0';

    return json_pack("{s:s,s:s,s:s,s:s,s:{s:s,s:s,s:s}}", "id", check->id, "level",
                     level_names[check->level], "text", complaint->text, "remedy",
                     complaint->remedy, "effect", "metric", check->metric, "amount",
                     own ? complaint->amount : check->known, "source",
                     own ? complaint->source : "known");
}

json_t *doctor_examine(const struct gauges *gauges)
{
    json_t *warnings = json_array();

    for (size_t level = 0; level < LEVELS; level++)
        for (size_t i = 0; i < LISTS; i++)
            for (const struct check *check = lists[i]; check->id != NULL; check++) {
                struct complaint complaint = {0};

                if (check->level == level && check->complains(&complaint, gauges))
                    json_array_append_new(warnings, warning_of(check, &complaint));
            }
    return warnings;
}

json_t *doctor_warnings(void)
{
    return doctor_examine(NULL);
}
