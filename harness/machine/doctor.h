/* doctor.h: what would make figures doubtful on this machine, each with its remedy.
 *
 *     check_processor.c  check_memory.c  check_software.c     a list of checks each
 *     gauge.c                                                 what a quick measurement shows
 *     doctor.c                                                what they say together, sorted
 *
 * Sorted by what matters most: what pairing does not take out, then what widens the intervals, then
 * what is not measured at all.
 */
#ifndef ASHLAR_MACHINE_DOCTOR_H
#define ASHLAR_MACHINE_DOCTOR_H

#include "machine/gauge.h"

#include <jansson.h>

/* An array of {"id", "level", "text", "remedy", "effect": {"metric", "amount", "source"}}, empty on
 * a machine beyond doubt. Measures nothing, but looks at the processor's stolen time for a moment
 * (0.2 s). */
json_t *doctor_warnings(void);

/* The same with what was measured; NULL: nothing was. */
json_t *doctor_examine(const struct gauges *gauges);

#endif
