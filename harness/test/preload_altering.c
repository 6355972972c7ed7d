/* preload_altering.c: an allocator under which programs say something else than they should: it
 * adds a line to the output of every program but the harness's own. */
#include "preload_four.c"

#include <errno.h>
#include <string.h>
#include <unistd.h>

__attribute__((destructor)) static void alter(void)
{
    if (strncmp(program_invocation_short_name, "ashlar-", 7) != 0 &&
        write(STDOUT_FILENO, "altered\n", 8) != 8)
        _exit(99);
}
