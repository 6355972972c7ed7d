/* waiver.c: see waiver.h. */
#include "verbs/waiver.h"

#include "base/member.h"
#include "base/text.h"
#include "judge/gate_json.h"

#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct reading {
    json_t *waivers;
    const char *file;
    struct failure *why;
    bool failed; /* only the first mistake is kept */
};

static int refuse(struct reading *reading, const char *section, const char *what)
{
    if (!reading->failed)
        fail(reading->why, EXIT_USAGE, "%s: [%s] %s", reading->file, section, what);
    reading->failed = true;
    return 0;
}

/* The waiver of a section "cell metric"; made when it is new, NULL when it is no such name. */
static json_t *waiver_of(struct reading *reading, const char *section)
{
    const char *space = strrchr(section, ' ');
    json_t *waiver, *cell;
    size_t i;

    json_array_foreach(reading->waivers, i, waiver)
    {
        if (strcmp(member_text(waiver, "section"), section) == 0)
            return waiver;
    }
    if (space == NULL || space == section || !gate_knows_metric(space + 1))
        return NULL;
    cell = json_stringn(section, (size_t)(space - section));
    waiver = json_pack("{s:s,s:o,s:s}", "section", section, "cell", cell, "metric", space + 1);
    json_array_append_new(reading->waivers, waiver);
    return waiver;
}

/* YYYY-MM-DD, a day that there is. */
static bool is_date(const char *text)
{
    struct tm day = {0}, same;
    const char *end = strptime(text, "%Y-%m-%d", &day);
    char back[16];

    if (end == NULL || *end != '\0')
        return false;
    same = day;
    timegm(&same);
    return same.tm_mday == day.tm_mday && strftime(back, sizeof back, "%Y-%m-%d", &day) > 0 &&
           strcmp(back, text) == 0;
}

static int on_entry(void *user, const char *section, const char *key, const char *value)
{
    struct reading *reading = user;
    json_t *waiver = waiver_of(reading, section);

    if (waiver == NULL)
        return refuse(reading, section,
                      "is no cell and metric; write [CELL time], or peak_rss, instructions, "
                      "syscalls, minor_faults, false_sharing, page_waste, internal_waste");
    if (strcmp(key, "until") != 0 && strcmp(key, "reason") != 0)
        return refuse(reading, section, "has an unknown key; use until and reason");
    if (strcmp(key, "until") == 0 && !is_date(value))
        return refuse(reading, section, "until wants a day as YYYY-MM-DD");
    if (value[0] != '\0')
        json_object_set_new(waiver, key, json_string(value));
    return 1;
}

static bool all_whole(struct reading *reading)
{
    json_t *waiver;
    size_t i;

    json_array_foreach(reading->waivers, i, waiver)
    {
        if (member_text(waiver, "reason")[0] == '\0')
            return refuse(reading, member_text(waiver, "section"),
                          "has no reason; add reason = why it is borne") != 0;
        if (member_text(waiver, "until")[0] == '\0')
            return refuse(reading, member_text(waiver, "section"),
                          "has no end; add until = YYYY-MM-DD") != 0;
    }
    return true;
}

json_t *waivers_read(const char *file, struct failure *why)
{
    struct reading reading = {json_array(), file, why, false};
    int rc = ini_parse(file, on_entry, &reading);
    bool ok = !reading.failed;

    if (ok && rc < 0)
        ok = fail(why, EXIT_USAGE, "cannot read the waivers %s; give a readable file", file);
    else if (ok && rc > 0)
        ok = fail(why, EXIT_USAGE, "%s:%d: neither [cell metric] nor key = value", file, rc);
    if (ok && all_whole(&reading))
        return reading.waivers;
    json_decref(reading.waivers);
    return NULL;
}

static void note(json_t *ruling, char *text)
{
    json_array_append_new(json_object_get(ruling, "notes"), json_string(text));
    free(text);
}

/* The test that a waiver names, NULL: none. */
static json_t *test_of(const json_t *ruling, const json_t *waiver)
{
    json_t *test;
    size_t i;

    json_array_foreach(json_object_get(ruling, "tests"), i, test)
    {
        if (strcmp(member_text(test, "cell"), member_text(waiver, "cell")) == 0 &&
            strcmp(member_text(test, "metric"), member_text(waiver, "metric")) == 0)
            return test;
    }
    return NULL;
}

void waivers_apply(json_t *ruling, const json_t *waivers, const char *today)
{
    json_t *waiver;
    size_t i;

    json_array_foreach(waivers, i, waiver)
    {
        const char *until = member_text(waiver, "until");
        json_t *test = test_of(ruling, waiver);

        if (strcmp(until, today) < 0) {
            note(ruling,
                 text_format("the waiver [%s] expired on %s (%s) and waives nothing",
                             member_text(waiver, "section"), until, member_text(waiver, "reason")));
        } else if (test == NULL) {
            note(ruling, text_format("the waiver [%s] names nothing that this gate judges",
                                     member_text(waiver, "section")));
        } else if (strcmp(member_text(test, "word"), "regression") == 0) {
            char *reason = text_format("until %s: %s", until, member_text(waiver, "reason"));

            json_object_set_new(test, "word", json_string("waived"));
            json_object_set_new(test, "reason", json_string(reason));
            free(reason);
        }
    }
}
