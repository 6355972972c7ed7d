/* audit.h: is this library really the allocator of a process that preloads it?
 *
 * Runs ashlar-probe under the preload and reads what it says. An allocator passes when the library
 * is in the process, itself resolves malloc, calloc, realloc and free, and the canary calls behave.
 * The other entry points are recorded: a workload that needs one which the library leaves to libc
 * is not run on it (libc's block would be freed into another heap).
 */
#ifndef ASHLAR_ALLOCATORS_AUDIT_H
#define ASHLAR_ALLOCATORS_AUDIT_H

#include "allocators/registry.h"

/* Fills allocator->audit and ->version. Failures carry EXIT_FAILED and name the remedy. */
bool audit_allocator(struct allocator *allocator, struct failure *why);

/* Whether the library itself resolves `entry_point`, by the audit. */
bool audit_serves(const struct allocator *allocator, const char *entry_point);

#endif
