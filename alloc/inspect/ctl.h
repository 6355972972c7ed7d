/* ctl.h: the names of mallctl(): what can be asked and set by name while the program runs.
 *
 *     "stats.arenas.0.bins.3.nmalloc"          mallctl
 *        |  a name is a row of the table and the numbers in its place
 *     "stats.arenas.<i>.bins.<j>.nmalloc"      { 147, 148, 0, 152, 3, 154 }    the same as a MIB
 *        |  row: type, access, where the value is, what it means
 *     a constant | an option | a figure of the snapshot | an action
 *
 * A component of a MIB is the number where there is one, and else the first row that begins with the same
 * words; so a MIB may be cut short, and any of its components exchanged.
 *
 * All stats.* come from one snapshot, which writing to `epoch` renews (the first question makes one).
 *
 * A chunk hook, which is called with locks of its arena held, may ask for constants, options and the
 * figures of the last snapshot; all else is EAGAIN there.
 *
 * Lock         one for the snapshot, the highest rank of all. Not held while anything is changed or any
 *              function of the program is called.
 * Below        stats conf thread arena          Above   report
 */
#ifndef ASHLAR_INSPECT_CTL_H
#define ASHLAR_INSPECT_CTL_H

#include "../api/door.h"
#include "../include/ashlar/ashlar.h"
#include "../util/common.h"

enum ctl_type {
    CTL_VOID,
    CTL_BOOL,
    CTL_UNSIGNED,
    CTL_UINT32,
    CTL_UINT64,
    CTL_SIZE,
    CTL_SSIZE,
    CTL_TEXT,         /* const char * */
    CTL_BOOLS,        /* bool *: as many as there are arenas */
    CTL_POINTER_U64,  /* uint64_t * */
    CTL_POINTER_SIZE, /* size_t * */
    CTL_LOOKUP,       /* reads an unsigned, given a void * */
    CTL_CREATE,       /* reads an unsigned, given a chunk_hooks_t * or nothing */
    CTL_HOOKS         /* chunk_hooks_t */
};

enum ctl_access { CTL_ACTS = 0, CTL_R = 1, CTL_W = 2, CTL_RW = CTL_R | CTL_W };
enum ctl_level { CTL_CORE, CTL_ALIAS, CTL_LATER };

/* Where the value of a name comes from. */
enum ctl_source {
    CTL_ABSENT,   /* known, but this build does not have it: ENOENT */
    CTL_VALUE,    /* the number `where` */
    CTL_OPTION,   /* the option of the name's last word */
    CTL_HEAP,     /* struct stats_heap at offset `where` */
    CTL_ARENA,    /* struct stats_arena */
    CTL_BIN,      /* struct stats_bin */
    CTL_LRUN,     /* struct stats_class of a large class */
    CTL_HCHUNK,   /* and of a huge one */
    CTL_ACT,      /* enum act `where` (ctl.c) */
    CTL_MAKES     /* likewise; being read makes something, so it must be read, and as a whole */
};

struct ctl_name {
    char name[52]; /* arrays, not pointers: the table needs no relocation */
    char doc[92];
    uint8_t type, access, level, source;
    uint32_t where;
};

#define CTL_ALL_ARENAS ((size_t)4096) /* beside the number of arenas itself */

/* Row number `row`, or NULL behind the last. */
const struct ctl_name *ctl_row(size_t row);

/* The name of a type in C. */
const char *ctl_type_name(enum ctl_type type);

/* A value as it is read: a number, a pointer, or hooks. */
struct ctl_value {
    uint64_t number;
    const void *pointer;
    chunk_hooks_t hooks;
};

/* Reads a name without any effect; 0 or the error that mallctl gives. */
int ctl_read(const struct ctl_name *name, const size_t index[2], struct ctl_value *out);

/* Names are components between dots. The length of the first `n`, or 0 where there are fewer. */
size_t ctl_prefix(const char *name, size_t n);
size_t ctl_components(const char *name);

/* Have both the same first n components? Is component number k a number's place? */
bool ctl_same_prefix(const char *a, const char *b, size_t n);
bool ctl_is_number(const char *name, size_t k);

/* How far the number that stands after the first `len` characters of the name counts. */
size_t ctl_limit(const struct ctl_name *name, size_t len);

/* Renews the snapshot; 0 or EAGAIN. */
int ctl_refresh(void);

EXPORT int DOOR(mallctl)(const char *name, void *oldp, size_t *oldlenp, void *newp, size_t newlen);
EXPORT int DOOR(mallctlnametomib)(const char *name, size_t *mibp, size_t *miblenp);
EXPORT int DOOR(mallctlbymib)(const size_t *mib, size_t miblen, void *oldp, size_t *oldlenp,
                              void *newp, size_t newlen);

#endif
