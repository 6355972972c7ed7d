/* diag.c (test): formats, the cut, one write a line, errno kept, and the two ways to end a program. */
#include "../../util/diag.h"
#include "../../include/ashlar/ashlar.h"
#include "faults.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static size_t format(char *buf, size_t size, const char *how, ...)
{
    va_list args;
    va_start(args, how);
    size_t len = diag_format(buf, size, how, args);
    va_end(args);
    return len;
}

static void formats(void)
{
    char buf[256];
    size_t len = format(buf, sizeof buf, "[%s|%u|%d|%p|%%]", "word", UINT64_MAX, INT64_MIN,
                        (void *)0x7f31c2a04040);
    buf[len] = '\0';
    REQUIRE_SAME(buf, "[word|18446744073709551615|-9223372036854775808|0x7f31c2a04040|%]");
    len = format(buf, sizeof buf, "%s %u %d %d %p", (char *)NULL, UINT64_C(0), INT64_C(0),
                 INT64_C(-1), NULL);
    buf[len] = '\0';
    REQUIRE_SAME(buf, "(null) 0 0 -1 0x0");
}

static void cuts_the_end_off(void)
{
    char buf[16];
    for (size_t size = 0; size < sizeof buf; size++) {
        memset(buf, '#', sizeof buf);
        size_t len = format(buf, size, "%s%u", "abc", UINT64_C(123456789));
        REQUIRE_EQUAL(len, size < 12 ? size : 12);
        REQUIRE(memcmp(buf, "abc123456789", len) == 0);
        REQUIRE(buf[size] == '#'); /* nothing behind the end is written */
    }
}

static void line_has_prefix_and_newline(void)
{
    unit_capture();
    diag_line("%u of %s", UINT64_C(3), "them");
    REQUIRE_SAME(unit_captured(), "ashlar: 3 of them\n");
}

static void long_line_is_cut_and_ends(void)
{
    char word[2000];
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    unit_capture();
    diag_line("%s", word);
    const char *text = unit_captured();
    size_t len = strlen(text);
    REQUIRE(len > 400 && len <= 512);
    REQUIRE(text[len - 1] == '\n' && text[len - 2] == 'x');
}

static void line_is_one_write(void)
{
    faults_none();
    unit_capture();
    diag_line("%s %s %u", "several", "pieces", UINT64_C(1));
    unit_captured();
    REQUIRE_EQUAL(faults.writes, 1);
}

static void write_is_retried_and_continued(void)
{
    faults_none();
    faults.writes_interrupted = 2;
    faults.write_bytes_max = 5;
    unit_capture();
    diag_line("twelve bytes");
    REQUIRE_SAME(unit_captured(), "ashlar: twelve bytes\n");
    REQUIRE_EQUAL(faults.writes, 2 + 5);
}

static void print_goes_to_the_descriptor(void)
{
    char buf[32] = "";
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    diag_print(ends[1], "%d\n", INT64_C(-7));
    REQUIRE_EQUAL(read(ends[0], buf, sizeof buf), 3);
    REQUIRE_SAME(buf, "-7\n");
}

static void errno_is_kept(void)
{
    errno = EDOM;
    diag_print(-1, "nobody reads this");
    REQUIRE_EQUAL(errno, EDOM);
    unit_capture();
    errno = EDOM;
    faults.writes_interrupted = 1;
    diag_line("a line");
    REQUIRE_EQUAL(errno, EDOM);
    unit_captured();
}

static char told[64];

static void tell(void *opaque, const char *line)
{
    REQUIRE(!opaque);
    strncpy(told, line, sizeof told - 1);
    errno = ERANGE;
}

static void lines_go_where_the_program_wants(void)
{
    ashlar_malloc_message = tell;
    errno = EDOM;
    unit_capture();
    diag_line("for %s", "you");
    REQUIRE_SAME(unit_captured(), "");
    REQUIRE_SAME(told, "ashlar: for you\n");
    REQUIRE_EQUAL(errno, EDOM);
    ashlar_malloc_message = NULL;
    unit_capture();
    diag_line("again");
    REQUIRE_SAME(unit_captured(), "ashlar: again\n");
}

static void part_abort(void)
{
    diag_abort("the end, %u", UINT64_C(9));
}

static void part_assert(void)
{
    diag_assert("a == b", "file.c", 12);
}

static void ends_the_program(void)
{
    REQUIRE_ABORTS(part_abort, "ashlar: the end, 9\n");
    REQUIRE_ABORTS(part_assert, "ashlar: file.c:12: assertion failed: a == b\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(formats),
        UNIT(cuts_the_end_off),
        UNIT(line_has_prefix_and_newline),
        UNIT(long_line_is_cut_and_ends),
        UNIT(line_is_one_write),
        UNIT(write_is_retried_and_continued),
        UNIT(print_goes_to_the_descriptor),
        UNIT(errno_is_kept),
        UNIT(lines_go_where_the_program_wants),
        UNIT(ends_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
