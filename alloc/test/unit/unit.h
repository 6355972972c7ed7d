/* unit.h: what the unit tests stand on.
 *
 *     program   UNIT(body) -> fork -> body()     every body starts from the state of a fresh process
 *                                |                and may crash, run threads, fork again
 *                                +-- unit_child(part) -> fork -> part()      its status and its lines
 *
 * The modules under test keep static state, so a body runs in a child of its own. cmocka's assertions
 * jump back into cmocka, which must not happen there: REQUIRE writes the failure to a file that the
 * program shares with its children, and ends the child.
 */
#ifndef ASHLAR_TEST_UNIT_UNIT_H
#define ASHLAR_TEST_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct unit_body {
    void (*run)(void);
};
void unit_run(void **state);

/* An entry of the table that is given to cmocka_run_group_tests. */
#define UNIT(body) {#body, unit_run, NULL, NULL, &(struct unit_body){body}}

_Noreturn void unit_fail(const char *file, int line, const char *what);
void unit_equal(uintmax_t have, uintmax_t want, const char *file, int line, const char *what);
void unit_contains(const char *text, const char *part, const char *file, int line);
void unit_same(const char *have, const char *want, const char *file, int line);

#define REQUIRE(x) ((x) ? (void)0 : unit_fail(__FILE__, __LINE__, #x))
#define REQUIRE_EQUAL(have, want) \
    unit_equal((uintmax_t)(have), (uintmax_t)(want), __FILE__, __LINE__, #have " == " #want)
#define REQUIRE_CONTAINS(text, part) unit_contains(text, part, __FILE__, __LINE__)
#define REQUIRE_SAME(have, want) unit_same(have, want, __FILE__, __LINE__)

/* Between the two, what is written to standard error is kept. The text lasts until the next capture. */
void unit_capture(void);
const char *unit_captured(void);

/* A check must be false, and its lines must contain `part` ("" where it writes none). */
#define REQUIRE_REPORTS(check, part)                 \
    do {                                             \
        unit_capture();                              \
        bool holds = (check);                        \
        const char *lines = unit_captured();         \
        REQUIRE(!holds && "the control of " #check); \
        REQUIRE_CONTAINS(lines, part);               \
    } while (0)

/* How a part that ran in a child ended. */
struct unit_end {
    int exit;        /* its exit status: 0 where it returned; -1: it died */
    int signal;      /* that it died by, or 0 */
    char text[8192]; /* what it wrote to standard error */
};
struct unit_end unit_child(void (*part)(void));

/* The part must end by abort(), with exactly this text on standard error. */
void unit_aborts(void (*part)(void), const char *text, const char *file, int line);
#define REQUIRE_ABORTS(part, text) unit_aborts(part, text, __FILE__, __LINE__)

/* Two children that do the same must write the same; the second one's address space differs. */
void unit_deterministic(void (*part)(void));

#endif
