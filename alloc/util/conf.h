/* conf.h: the options: what can be set, within which range, and from where.
 *
 *     const options[] --+--> conf_apply    key:value -> struct conf, or a line that names the bad pair
 *                       +--> conf_get      key -> value, for mallctl("opt.KEY")
 *                       +--> confirm_conf  all of them, printed
 *
 * A string is `key:value,key:value`. Later sources win: the defaults, the symbol `malloc_conf` of the
 * program, the target of the symbolic link /etc/ashlar.conf, the environment variable MALLOC_CONF
 * (shared with other allocators, so keys that only they know are silent there), ASHLAR_CONF. The
 * environment is ignored in set-uid programs. A bad pair is named in one line and ignored;
 * `abort_conf:true` aborts instead.
 *
 * Written once by conf_load before the first block is handed out, read-only afterwards: no lock.
 */
#ifndef ASHLAR_UTIL_CONF_H
#define ASHLAR_UTIL_CONF_H

#include "common.h"

enum zero_realloc { ZERO_REALLOC_FREE, ZERO_REALLOC_ALLOC, ZERO_REALLOC_ABORT };
enum thp_policy { THP_DEFAULT, THP_ALWAYS, THP_NEVER };
enum purge_mode { PURGE_DECAY, PURGE_RATIO };
enum percpu_mode { PERCPU_DISABLED, PERCPU_CPU, PERCPU_PHYCPU };
enum junk { JUNK_NONE, JUNK_BOTH, JUNK_ALLOC, JUNK_FREE };

#define CONF_TEXT_BYTES 128u           /* of a value that is text, its closing zero included */
#define DECAY_MS_MAX (INT64_C(1) << 40) /* 34 years */

struct conf {
    uint64_t narenas;         /* 0: four for each CPU that may be used; one on one CPU */
    int64_t dirty_decay_ms;   /* free pages are given back after this long; -1: never, 0: at once */
    uint64_t purge;           /* enum purge_mode: by age, or by the ratio to what is in use */
    int64_t lg_dirty_mult;    /* ratio: at most used >> this stays dirty; -1: never purged */
    uint64_t lg_prof_sample;  /* log2 of the mean bytes between two samples */
    uint64_t lg_tcache_max;   /* log2 of the largest block that a thread cache holds */
    uint64_t zero_realloc;    /* enum zero_realloc: what realloc(p, 0) does */
    uint64_t thp;             /* enum thp_policy */
    uint64_t percpu_arena;    /* enum percpu_mode: threads use the arena of their CPU */
    uint64_t oversize_threshold; /* blocks of so many bytes come from an arena apart; 0: none do */
    uint64_t junk;            /* enum junk: 0xa5 into new blocks, 0x5a into freed ones */
    bool zero;                /* every new block reads as zero */
    bool retain;              /* address space that is free stays ours */
    bool abort;               /* warnings are fatal */
    bool abort_conf;          /* a bad option aborts */
    bool confirm_conf;        /* every option is printed at start */
    bool tcache;              /* threads cache blocks */
    bool stats_print;         /* figures at exit: a line, and the report of stats_print_opts */
    bool prof;                /* sample allocations */
    bool xmalloc;             /* out of memory aborts */
    char stats_print_opts[CONF_TEXT_BYTES]; /* letters of malloc_stats_print; empty: the line only */
    char stats_print_file[CONF_TEXT_BYTES]; /* appended to; empty: standard error */
};
extern HIDDEN struct conf conf;

/* A setting that mallctl changes while the program runs. Zeroed memory means "as the option says". */
struct setting {
    _Atomic int64_t changed; /* 0, or the value + 2, which is 1 at least */
};

INLINE int64_t setting_or(const struct setting *s, int64_t otherwise)
{
    int64_t changed = atomic_load_explicit(&s->changed, memory_order_relaxed);
    return changed ? changed - 2 : otherwise;
}

/* value >= -1. */
INLINE void setting_change(struct setting *s, int64_t value)
{
    atomic_store_explicit(&s->changed, value + 2, memory_order_relaxed);
}

/* What holds for arenas that have no setting of their own, and for whole free chunks. */
extern HIDDEN struct setting setting_decay_ms, setting_lg_dirty_mult;

INLINE int64_t conf_decay_ms(void)
{
    return setting_or(&setting_decay_ms, conf.dirty_decay_ms);
}

INLINE int64_t conf_lg_dirty_mult(void)
{
    return setting_or(&setting_lg_dirty_mult, conf.lg_dirty_mult);
}

/* Reads all sources. Call once. */
void conf_load(void);

enum conf_kind { CONF_BOOL, CONF_UNSIGNED, CONF_SIGNED, CONF_CHOICE, CONF_TEXT };

/* The value of an option: a number (of a bool 0 or 1), or, of a choice or a text, a word that stays. */
struct conf_value {
    enum conf_kind kind;
    int64_t number;
    const char *text;
};

/* False where there is no such option. */
bool conf_get(const char *key, struct conf_value *out);

/* Applies one string as if it came from `source` (shown in warnings). Returns the bad pairs. */
unsigned conf_apply(const char *string, const char *source, bool foreign_keys_are_silent);

#endif
