/* gate_report.c: see gate_report.h. */
#include "verbs/gate_report.h"

#include "base/member.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What is lost first. */
static const char *const words[] = {"failed",       "regression", "unconfirmed", "waived",
                                    "inconclusive", "reported",   "within"};

#define WORDS (sizeof words / sizeof words[0])
#define FIGURE 32

static bool is_word(const json_t *test, const char *word)
{
    return strcmp(member_text(test, "word"), word) == 0;
}

static bool is_basis(const json_t *test, const char *basis)
{
    return strcmp(member_text(test, "basis"), basis) == 0;
}

size_t gate_report_count(const json_t *ruling, const char *word)
{
    size_t i, count = 0;
    json_t *test;

    json_array_foreach(json_object_get(ruling, "tests"), i, test) count += is_word(test, word);
    return count;
}

/* A ratio as what it is above one, a difference in KiB, calls or points as it is. */
static const char *figure(const json_t *test, const char *key, char buf[FIGURE])
{
    double value = member_number(test, key);

    if (isnan(value))
        return strcpy(buf, "-");
    if (is_basis(test, "difference"))
        snprintf(buf, FIGURE, "%+.0f KiB", value);
    else if (is_basis(test, "tally"))
        snprintf(buf, FIGURE, "%+.10g", value);
    else if (is_basis(test, "share"))
        snprintf(buf, FIGURE, "%+.2f pt", 100 * value);
    else
        snprintf(buf, FIGURE, "%+.2f %%", 100 * (value - 1));
    return buf;
}

static const char *bound(const json_t *test, char buf[FIGURE])
{
    if ((is_basis(test, "count") || is_basis(test, "tally") || is_basis(test, "share")) &&
        !isnan(member_number(test, "bound")))
        return strcpy(buf, json_is_true(json_object_get(test, "stored")) ? "stored" : "exact");
    return figure(test, "bound", buf);
}

static const char *budget(const json_t *test, char buf[FIGURE])
{
    if (!json_is_true(json_object_get(test, "gates")))
        return strcpy(buf, "-");
    if (is_basis(test, "difference"))
        return strcpy(buf, "+256 KiB");
    if (is_basis(test, "tally")) {
        snprintf(buf, FIGURE, "%+.10g", member_number(test, "allowed"));
        return buf;
    }
    snprintf(buf, FIGURE, is_basis(test, "share") ? "%+.2f pt" : "%+.2f %%",
             100 * member_number(test, "budget"));
    return buf;
}

static int looks(const json_t *test)
{
    return (int)json_integer_value(json_object_get(test, "looks"));
}

/* "at most +3.10 %", "exact", "stored"; "" where there is no bound. */
static const char *told_bound(const json_t *test, char buf[2 * FIGURE])
{
    char most[FIGURE];
    const char *text = bound(test, most);

    if (strcmp(text, "-") == 0)
        return strcpy(buf, "");
    snprintf(buf, 2 * FIGURE, " (%s%s)", text[0] == '+' || text[0] == '-' ? "at most " : "", text);
    return buf;
}

void gate_report_sentence(const json_t *test, FILE *out)
{
    char has[FIGURE], may[FIGURE], most[2 * FIGURE];

    fprintf(out, "%s %s is %s: %s%s against a budget of %s", member_text(test, "cell"),
            member_text(test, "metric"), member_text(test, "word"), figure(test, "estimate", has),
            told_bound(test, most), budget(test, may));
    if (member_text(test, "reason")[0] != '\0')
        fprintf(out, " (%s)", member_text(test, "reason"));
}

static void each(const json_t *ruling, void (*row)(const json_t *test, FILE *out), FILE *out)
{
    for (size_t w = 0; w < WORDS; w++) {
        json_t *test;
        size_t i;

        json_array_foreach(json_object_get(ruling, "tests"), i, test)
        {
            if (is_word(test, words[w]))
                row(test, out);
        }
    }
}

static void table_row(const json_t *test, FILE *out)
{
    char may[FIGURE], has[FIGURE], most[FIGURE];

    fprintf(out, "%-24s %-13s %10s %11s %11s %6d  %s\n", member_text(test, "cell"),
            member_text(test, "metric"), budget(test, may), figure(test, "estimate", has),
            bound(test, most), looks(test), member_text(test, "word"));
    if (member_text(test, "reason")[0] != '\0')
        fprintf(out, "    %s\n", member_text(test, "reason"));
}

static void print_notes(const json_t *ruling, const char *before, FILE *out)
{
    json_t *note;
    size_t i;

    json_array_foreach(json_object_get(ruling, "notes"), i, note)
        fprintf(out, "%s%s\n", before, json_string_value(note));
}

static void print_counts(const json_t *ruling, FILE *out)
{
    const char *comma = "";

    fprintf(out, "%s against %s, suite %s, %zu tests:", member_text(ruling, "contender"),
            member_text(ruling, "baseline"), member_text(ruling, "suite"),
            json_array_size(json_object_get(ruling, "tests")));
    for (size_t w = 0; w < WORDS; w++) {
        size_t count = gate_report_count(ruling, words[w]);

        if (count > 0) {
            fprintf(out, "%s %zu %s", comma, count, words[w]);
            comma = ",";
        }
    }
    fputc('\n', out);
}

void gate_report_table(const json_t *ruling, FILE *out)
{
    fprintf(out, "%-24s %-13s %10s %11s %11s %6s  %s\n", "cell", "metric", "budget", "estimate",
            "bound", "looks", "word");
    each(ruling, table_row, out);
    print_notes(ruling, "note: ", out);
    print_counts(ruling, out);
}

static void markdown_row(const json_t *test, FILE *out)
{
    char may[FIGURE], has[FIGURE], most[FIGURE];

    fprintf(out, "| %s | %s | %s | %s | %s | %d | %s | %s |\n", member_text(test, "cell"),
            member_text(test, "metric"), budget(test, may), figure(test, "estimate", has),
            bound(test, most), looks(test), member_text(test, "word"), member_text(test, "reason"));
}

void gate_report_markdown(const json_t *ruling, FILE *out)
{
    fputs("### ashlar gate\n\n", out);
    print_counts(ruling, out);
    fputs("\n| cell | metric | budget | estimate | bound | looks | word | |\n"
          "|---|---|--:|--:|--:|--:|---|---|\n",
          out);
    each(ruling, markdown_row, out);
    fputc('\n', out);
    print_notes(ruling, "- ", out);
}

/* The runner reads a command up to the end of the line; these are its escapes. */
static void command_row(const json_t *test, const char *command, FILE *out)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);

    if (memory == NULL)
        return;
    gate_report_sentence(test, memory);
    fclose(memory);
    fprintf(out, "::%s title=ashlar gate::", command);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '%')
            fputs("%25", out);
        else
            fputc(*c, out);
    }
    fputc('\n', out);
    free(text);
}

static void command_of(const json_t *test, FILE *out)
{
    if (is_word(test, "failed") || is_word(test, "regression"))
        command_row(test, "error", out);
    else if (is_word(test, "inconclusive") || is_word(test, "unconfirmed"))
        command_row(test, "warning", out);
}

void gate_report_commands(const json_t *ruling, FILE *out)
{
    each(ruling, command_of, out);
    print_notes(ruling, "::warning title=ashlar gate::", out);
}

static void xml(const char *text, FILE *out)
{
    for (const char *c = text; *c != '\0'; c++) {
        switch (*c) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc((unsigned char)*c < 0x20 ? ' ' : *c, out);
        }
    }
}

static void xml_sentence(const json_t *test, const char *element, FILE *out)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);

    if (memory == NULL)
        return;
    gate_report_sentence(test, memory);
    fclose(memory);
    fprintf(out, "<%s message=\"", element);
    xml(text, out);
    fputs("\"/>", out);
    free(text);
}

static void junit_case(const json_t *test, FILE *out)
{
    fputs("  <testcase classname=\"", out);
    xml(member_text(test, "cell"), out);
    fputs("\" name=\"", out);
    xml(member_text(test, "metric"), out);
    fputs("\">", out);
    if (is_word(test, "failed"))
        xml_sentence(test, "error", out);
    else if (is_word(test, "regression"))
        xml_sentence(test, "failure", out);
    else if (!is_word(test, "within"))
        xml_sentence(test, "skipped", out);
    fputs("</testcase>\n", out);
}

void gate_report_junit(const json_t *ruling, FILE *out)
{
    size_t tests = json_array_size(json_object_get(ruling, "tests"));
    size_t failures = gate_report_count(ruling, "regression");
    size_t errors = gate_report_count(ruling, "failed");

    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"ashlar gate ", out);
    xml(member_text(ruling, "suite"), out);
    fprintf(out, "\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\">\n", tests,
            failures, errors, tests - failures - errors - gate_report_count(ruling, "within"));
    each(ruling, junit_case, out);
    fputs("</testsuite>\n", out);
}
