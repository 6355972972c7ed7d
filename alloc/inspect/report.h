/* report.h: malloc_stats_print(): what mallctl() can tell of the heap, all of it, as text or as JSON.
 *
 *     text    stats.allocated: 71352              JSON   {"ashlar": {"stats": {"allocated": 71352,
 *             stats.arenas.0.bins:                          "arenas": {"merged": {...}, "0": {"bins": [
 *                  size   allocated ...                     {"allocated": 48, ...}, ...
 *                    48          48 ...
 *
 * It is one walk over the table of ctl.h, so a new name is in both forms at once. Letters in `opts` leave
 * parts out: g what never changes, m the sum over the arenas, a each arena, b small classes, l large, h
 * huge, x what locks cost; d stands for arenas that were destroyed, of which nothing is told anyway. J
 * chooses JSON. Other letters mean nothing.
 *
 * Lock         none is held while the program's function is called, which may allocate and ask mallctl.
 * Below        ctl stats boot
 */
#ifndef ASHLAR_INSPECT_REPORT_H
#define ASHLAR_INSPECT_REPORT_H

#include "../api/door.h"
#include "../include/ashlar/ashlar.h"

/* Renews the snapshot and writes the report in pieces. Without a function, malloc_message is taken, and
 * without that standard error. */
EXPORT void DOOR(malloc_stats_print)(void (*write)(void *opaque, const char *text), void *opaque,
                                     const char *opts);

#endif
