/* aa_report.c: see aa_report.h. A table is a list of columns, written once for the terminal and
 * for markdown. */
#include "verbs/aa_report.h"

#include "base/member.h"

#include <stdbool.h>
#include <string.h>

#define FIELD 96

struct column {
    const char *title;
    int width; /* on the terminal; below 0: to the left */
    void (*write)(const json_t *row, char field[FIELD]);
};

/* ---- fields ---- */

static int whole(const json_t *row, const char *key)
{
    return (int)json_integer_value(json_object_get(row, key));
}

static double per_cent(const json_t *row, const char *key)
{
    return 100 * member_number(row, key);
}

static void write_of(const json_t *row, const char *key, char field[FIELD])
{
    snprintf(field, FIELD, "%d of %d", whole(row, key), whole(row, "n"));
}

static void write_alarms(const json_t *row, char field[FIELD])
{
    write_of(row, "alarms", field);
}

static void write_found(const json_t *row, char field[FIELD])
{
    write_of(row, "found", field);
}

static void write_share(const json_t *row, char field[FIELD])
{
    if (whole(row, "n") == 0)
        snprintf(field, FIELD, "-");
    else
        snprintf(field, FIELD, "%.1f %%", per_cent(row, "rate"));
}

static void write_interval(const json_t *row, char field[FIELD])
{
    snprintf(field, FIELD, "%.1f .. %.1f %%", per_cent(row, "low"), per_cent(row, "high"));
}

static void write_upper(const json_t *row, char field[FIELD])
{
    snprintf(field, FIELD, "%.1f %%", per_cent(row, "upper"));
}

static void write_metric(const json_t *row, char field[FIELD])
{
    snprintf(field, FIELD, "%s", member_text(row, "metric"));
}

static void write_cell(const json_t *row, char field[FIELD])
{
    snprintf(field, FIELD, "%.60s", member_text(row, "cell"));
}

static void write_budget(const json_t *row, char field[FIELD])
{
    snprintf(field, FIELD, "%+.2f %%", per_cent(row, "budget"));
}

/* "22 within, 2 inconclusive" */
static void write_words(const json_t *row, char field[FIELD])
{
    json_t *words = json_object_get(row, "words"), *count;
    const char *word;
    int len = 0;

    field[0] = '\0';
    json_object_foreach(words, word, count)
    {
        if (len < FIELD)
            len += snprintf(field + len, (size_t)(FIELD - len), "%s%d %s", len > 0 ? ", " : "",
                            (int)json_integer_value(count), word);
    }
}

static void write_kind(const json_t *row, char field[FIELD])
{
    snprintf(field, FIELD, "%s", member_text(row, "kind"));
}

static void write_size(const json_t *row, char field[FIELD])
{
    bool nominal = json_is_true(json_object_get(row, "nominal"));

    snprintf(field, FIELD, nominal ? "%g %%" : "(%g %%)", member_number(row, "size"));
}

static void write_achieved(const json_t *row, char field[FIELD])
{
    double achieved = member_number(row, "achieved");

    if (isnan(achieved))
        snprintf(field, FIELD, "-");
    else
        snprintf(field, FIELD, "%+.2f %%", 100 * achieved);
}

static void write_reason(const json_t *row, char field[FIELD])
{
    snprintf(field, FIELD, "%.60s", member_text(row, "reason"));
}

static void write_target(const json_t *row, char field[FIELD])
{
    snprintf(field, FIELD, "%.90s", member_text(row, "text"));
}

static void write_tried(const json_t *row, char field[FIELD])
{
    write_of(row, json_object_get(row, "alarms") != NULL ? "alarms" : "found", field);
}

static void write_word(const json_t *row, char field[FIELD])
{
    snprintf(field, FIELD, "%s", member_text(row, "word"));
}

static const struct column metric_columns[] = {
    {"metric", -14, write_metric},       {"false alarms", 13, write_alarms},
    {"share", 9, write_share},           {"95 % interval", 17, write_interval},
    {"at most (95 %)", 15, write_upper}, {0}};

static const struct column cell_columns[] = {{"cell", -24, write_cell},
                                             {"metric", -14, write_metric},
                                             {"budget", 9, write_budget},
                                             {"false alarms", 13, write_alarms},
                                             {"at most (95 %)", 15, write_upper},
                                             {"words", -40, write_words},
                                             {0}};

static const struct column plant_columns[] = {{"plant", -6, write_kind},
                                              {"size", 7, write_size},
                                              {"cell", -24, write_cell},
                                              {"metric", -13, write_metric},
                                              {"achieved", 10, write_achieved},
                                              {"found", 10, write_found},
                                              {"share", 9, write_share},
                                              {"95 % interval", 17, write_interval},
                                              {0}};

static const struct column unplanted_columns[] = {{"plant", -6, write_kind},
                                                  {"cell", -24, write_cell},
                                                  {"not planted, because", -60, write_reason},
                                                  {0}};

static const struct column target_columns[] = {
    {"target", -64, write_target}, {"counted", 12, write_tried}, {"word", -18, write_word}, {0}};

/* ---- tables ---- */

static void table_line(const struct column *columns, const json_t *row, FILE *out)
{
    char line[1024], field[FIELD];
    size_t len = 0;

    for (size_t c = 0; columns[c].title != NULL && len < sizeof line; c++) {
        if (row == NULL)
            snprintf(field, sizeof field, "%s", columns[c].title);
        else
            columns[c].write(row, field);
        len += (size_t)snprintf(line + len, sizeof line - len, "%s%*s", c > 0 ? "  " : "",
                                columns[c].width, field);
    }
    len = len < sizeof line ? len : sizeof line - 1;
    while (len > 0 && line[len - 1] == ' ')
        len--;
    fprintf(out, "%.*s\n", (int)len, line);
}

static void table(const char *title, const struct column *columns, const json_t *rows, FILE *out)
{
    json_t *row;
    size_t i;

    (void)title;
    if (json_array_size(rows) == 0)
        return;
    fputc('\n', out);
    table_line(columns, NULL, out);
    json_array_foreach(rows, i, row) table_line(columns, row, out);
}

static void markdown(const char *title, const struct column *columns, const json_t *rows, FILE *out)
{
    char field[FIELD];
    json_t *row;
    size_t i;

    if (json_array_size(rows) == 0)
        return;
    fprintf(out, "\n## %s\n\n|", title);
    for (size_t c = 0; columns[c].title != NULL; c++)
        fprintf(out, " %s |", columns[c].title);
    fputs("\n|", out);
    for (size_t c = 0; columns[c].title != NULL; c++)
        fputs(columns[c].width > 0 ? "---:|" : "---|", out);
    fputc('\n', out);
    json_array_foreach(rows, i, row)
    {
        fputc('|', out);
        for (size_t c = 0; columns[c].title != NULL; c++) {
            columns[c].write(row, field);
            fprintf(out, " %s |", field);
        }
        fputc('\n', out);
    }
}

/* ---- sentences ---- */

static void print_alarms(const json_t *total, FILE *out)
{
    fprintf(out,
            "False alarms: %d of %d whole verdicts, %.1f %% (95 %% interval %.1f to %.1f %%; %.1f "
            "%% at most, one-sided)\n",
            whole(total, "alarms"), whole(total, "n"), per_cent(total, "rate"),
            per_cent(total, "low"), per_cent(total, "high"), per_cent(total, "upper"));
}

static void print_minutes(const char *what, const json_t *minutes, FILE *out)
{
    if (json_is_object(minutes))
        fprintf(out, "A %s took %.1f minutes (median of %d; %.1f to %.1f)\n", what,
                member_number(minutes, "median"), whole(minutes, "n"),
                member_number(minutes, "least"), member_number(minutes, "most"));
}

static void print_sentences(const json_t *finding, FILE *out)
{
    const json_t *total = json_object_get(finding, "verdicts");

    fprintf(out, "Library: %s\nSecond library: %s\n",
            member_text(json_object_get(finding, "library"), "path"),
            member_text(json_object_get(finding, "second"), "how"));
    if (whole(total, "n") > 0)
        print_alarms(total, out);
    if (whole(total, "unconfirmed") + whole(total, "inconclusive") > 0)
        fprintf(out,
                "Verdicts with an alarm that fresh blocks did not show again: %d; with a test that "
                "stayed inconclusive: %d\n",
                whole(total, "unconfirmed"), whole(total, "inconclusive"));
    if (whole(total, "failed") > 0)
        fprintf(out, "Verdicts in which a process ended badly, not counted: %d\n",
                whole(total, "failed"));
    print_minutes("verdict", json_object_get(total, "minutes"), out);
    print_minutes("trial", json_object_get(finding, "trial_minutes"), out);
}

static void all(const json_t *finding, FILE *out,
                void (*write)(const char *title, const struct column *columns, const json_t *rows,
                              FILE *out))
{
    write("False alarms by metric", metric_columns, json_object_get(finding, "metrics"), out);
    write("False alarms by cell", cell_columns, json_object_get(finding, "cells"), out);
    write("What was planted and found", plant_columns, json_object_get(finding, "plants"), out);
    write("What could not be planted", unplanted_columns, json_object_get(finding, "unplanted"),
          out);
    write("Targets", target_columns, json_object_get(finding, "targets"), out);
}

void aa_report_table(const json_t *finding, FILE *out)
{
    print_sentences(finding, out);
    all(finding, out, table);
}

void aa_report_markdown(const json_t *finding, FILE *out)
{
    fputs("# What the harness is worth: ashlar aa\n\n```\n", out);
    print_sentences(finding, out);
    fputs("```\n", out);
    all(finding, out, markdown);
    fputs("\nA size in brackets was dosed by instructions: it says nothing of the time, whose own "
          "slowdown stands beside it. Found means `regression` at the budgets of the gate. "
          "Intervals are Clopper and Pearson's.\n",
          out);
}
