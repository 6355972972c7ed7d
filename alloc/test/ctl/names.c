/* names.c: prints the table of ctl.c as a document (alloc/inspect/ctl_names.md), or, with --tsv, as
 * lines NAME LEVEL TYPE ACCESS to be compared with the promise in ctl_names.tsv. */
#include "../../inspect/ctl.h"

#include <stdio.h>
#include <string.h>

static const char *access_of(const struct ctl_name *n)
{
    static const char *const text[] = {"--", "r-", "-w", "rw"};
    return text[n->access];
}

static void print_tsv(void)
{
    static const char *const levels[] = {"core", "alias", "later"};
    const struct ctl_name *n;
    for (size_t row = 0; (n = ctl_row(row)); row++) {
        printf("%s\t%s\t%s\t%s\n", n->name, levels[n->level], ctl_type_name(n->type), access_of(n));
    }
}

/* Names that this build knows but cannot answer are told apart. */
static void print_rows(bool absent)
{
    const struct ctl_name *n;
    for (size_t row = 0; (n = ctl_row(row)); row++) {
        if ((n->source == CTL_ABSENT) == absent) {
            printf("| `%s` | %s | %s | %s%s |\n", n->name, ctl_type_name(n->type), access_of(n),
                   n->doc, n->level == CTL_ALIAS ? " (older name)" : "");
        }
    }
}

int main(int argc, char **argv)
{
    static const char head[] = "| name | type | access | meaning |\n|---|---|---|---|\n";
    if (argc == 2 && strcmp(argv[1], "--tsv") == 0) {
        print_tsv();
        return 0;
    }
    if (argc != 1) {
        fprintf(stderr, "usage: ctl-names [--tsv]\n");
        return 2;
    }
    printf("# The names of mallctl()\n\n"
           "Written by `make ctl-names` out of the table in [ctl.c](ctl.c); a test compares the "
           "two.\n\n"
           "`mallctl(name, oldp, oldlenp, newp, newlen)` reads the old value of a name, writes a "
           "new one, "
           "or both.\nAccess: `r-` can be read, `-w` written, `rw` both; `--` asking acts. `<i>` "
           "and `<j>` "
           "are numbers from 0:\nof an arena, or of a size class. The number of arenas "
           "(`arenas.narenas`), "
           "or %zu, stands for all arenas\nin `stats.arenas.<i>.*`, `arena.<i>.purge` and "
           "`arena.<i>.decay`.\n\n"
           "All of `stats.*` are as they were when `epoch` was written last. Blocks in caches of "
           "threads "
           "count as\nallocated in their arena, and are not in `stats.allocated`. Free "
           "chunks "
           "that arenas share are told\nwith arena 0.\n\n%s",
           CTL_ALL_ARENAS, head);
    print_rows(false);
    printf("\nKnown, but answered with ENOENT, as where there are no heap profiles:\n\n%s", head);
    print_rows(true);
    return 0;
}
