/* ctl.c: see ctl.h. The table first, then what its actions do, then the doors. */
#include "ctl.h"
#include "stats.h"
#include "../api/boot.h"
#include "../api/explicit.h"
#include "../os/base.h"
#include "../thread/tcaches.h"
#include "../util/conf.h"

#include <errno.h>
#include <string.h>
#include <sys/types.h>

#ifdef ASHLAR_DEBUG
#define CONFIG_DEBUG true
#else
#define CONFIG_DEBUG false
#endif
#define NLRUNS (RUN_CLASSES - SMALL_CLASSES)

/* What a name that is no plain figure stands for. Numbers, not pointers to functions: those would need
 * relocations in every process. */
enum act {
    ACT_VERSION,
    ACT_EMPTY_TEXT,
    ACT_DSS,
    ACT_EPOCH,
    ACT_APPROXIMATE_ACTIVE,
    ACT_CACTIVE,
    ACT_MUTEXES_RESET,
    ACT_THREAD_ARENA,
    ACT_THREAD_ALLOCATED,
    ACT_THREAD_ALLOCATEDP,
    ACT_THREAD_DEALLOCATED,
    ACT_THREAD_DEALLOCATEDP,
    ACT_THREAD_IDLE,
    ACT_THREAD_TCACHE_ENABLED,
    ACT_THREAD_TCACHE_FLUSH,
    ACT_TCACHE_CREATE,
    ACT_TCACHE_FLUSH,
    ACT_TCACHE_DESTROY,
    ACT_OPT_NARENAS,
    ACT_ARENA_INITIALIZED,
    ACT_ARENA_PURGE,
    ACT_ARENA_DECAY,
    ACT_ARENA_RESET,
    ACT_ARENA_DESTROY,
    ACT_ARENA_CHUNK_HOOKS,
    ACT_ARENA_DSS,
    ACT_ARENA_LG_DIRTY_MULT,
    ACT_ARENA_DECAY_TIME,
    ACT_ARENA_DECAY_MS,
    ACT_NARENAS,
    ACT_ARENAS_INITIALIZED,
    ACT_ARENAS_LOOKUP,
    ACT_ARENAS_EXTEND,
    ACT_ARENAS_CREATE,
    ACT_ARENAS_LG_DIRTY_MULT,
    ACT_ARENAS_DECAY_TIME,
    ACT_ARENAS_DECAY_MS,
    ACT_TCACHE_MAX,
    ACT_BIN_SIZE,
    ACT_BIN_NREGS,
    ACT_BIN_RUN_SIZE,
    ACT_LRUN_SIZE,
    ACT_HCHUNK_SIZE,
    ACT_STATS_DECAY_TIME
};

#define IN_HEAP(field) offsetof(struct stats_heap, field)
#define IN_ARENA(field) offsetof(struct stats_arena, field)
#define IN_BIN(field) offsetof(struct stats_bin, field)
#define IN_CLASS(field) offsetof(struct stats_class, field)

/* Names that begin with the same words stand together. */
static const struct ctl_name names[] = {
    {"version",
     "the version of the library",
     CTL_TEXT, CTL_R, CTL_CORE, CTL_ACT, ACT_VERSION},
    {"epoch",
     "how often the snapshot was renewed; writing anything renews it",
     CTL_UINT64, CTL_RW, CTL_CORE, CTL_ACT, ACT_EPOCH},
    {"approximate_stats.active",
     "bytes in active pages now, without a snapshot and without a lock",
     CTL_SIZE, CTL_R, CTL_LATER, CTL_ACT, ACT_APPROXIMATE_ACTIVE},
    {"thread.arena",
     "the arena of the calling thread",
     CTL_UNSIGNED, CTL_RW, CTL_CORE, CTL_ACT, ACT_THREAD_ARENA},
    {"thread.allocated",
     "bytes that the calling thread was ever given",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_ACT, ACT_THREAD_ALLOCATED},
    {"thread.allocatedp",
     "where that count is kept up to date from now on; the thread is slower for it",
     CTL_POINTER_U64, CTL_R, CTL_CORE, CTL_ACT, ACT_THREAD_ALLOCATEDP},
    {"thread.deallocated",
     "bytes that the calling thread ever freed",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_ACT, ACT_THREAD_DEALLOCATED},
    {"thread.deallocatedp",
     "where that count is kept up to date from now on; the thread is slower for it",
     CTL_POINTER_U64, CTL_R, CTL_CORE, CTL_ACT, ACT_THREAD_DEALLOCATEDP},
    {"thread.idle",
     "empties the calling thread's cache and gives back what is due in its arena",
     CTL_VOID, CTL_ACTS, CTL_LATER, CTL_ACT, ACT_THREAD_IDLE},
    {"thread.tcache.enabled",
     "whether the calling thread caches blocks; switched off, its cache is emptied",
     CTL_BOOL, CTL_RW, CTL_CORE, CTL_ACT, ACT_THREAD_TCACHE_ENABLED},
    {"thread.tcache.flush",
     "empties the calling thread's cache",
     CTL_VOID, CTL_ACTS, CTL_CORE, CTL_ACT, ACT_THREAD_TCACHE_FLUSH},
    {"thread.prof.name",
     "the calling thread's name in profiles",
     CTL_TEXT, CTL_RW, CTL_CORE, CTL_ABSENT, 0},
    {"thread.prof.active",
     "whether the calling thread's allocations are sampled",
     CTL_BOOL, CTL_RW, CTL_CORE, CTL_ABSENT, 0},
    {"tcache.create",
     "makes a cache and gives its identifier",
     CTL_UNSIGNED, CTL_R, CTL_CORE, CTL_MAKES, ACT_TCACHE_CREATE},
    {"tcache.flush",
     "empties the cache with this identifier",
     CTL_UNSIGNED, CTL_W, CTL_CORE, CTL_ACT, ACT_TCACHE_FLUSH},
    {"tcache.destroy",
     "empties it and ends it",
     CTL_UNSIGNED, CTL_W, CTL_CORE, CTL_ACT, ACT_TCACHE_DESTROY},
    {"config.cache_oblivious",
     "large blocks begin at scattered offsets in their first page",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_VALUE, false},
    {"config.debug",
     "assertions are compiled in",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_VALUE, CONFIG_DEBUG},
    {"config.dss",
     "sbrk(2) can be a source of chunks",
     CTL_BOOL, CTL_R, CTL_ALIAS, CTL_VALUE, false},
    {"config.fill",
     "the options junk and zero exist",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_VALUE, true},
    {"config.lazy_lock",
     "locks start to work when a second thread is made",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_VALUE, false},
    {"config.malloc_conf",
     "options compiled in",
     CTL_TEXT, CTL_R, CTL_CORE, CTL_ACT, ACT_EMPTY_TEXT},
    {"config.mremap",
     "mremap(2) moves huge blocks",
     CTL_BOOL, CTL_R, CTL_ALIAS, CTL_VALUE, false},
    {"config.munmap",
     "free chunks are unmapped unless told otherwise (option retain)",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_VALUE, false},
    {"config.opt_safety_checks",
     "free refuses what is not a live block",
     CTL_BOOL, CTL_R, CTL_LATER, CTL_VALUE, true},
    {"config.prof",
     "heap profiles can be written",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_VALUE, false},
    {"config.prof_libgcc",
     "backtraces through libgcc",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_VALUE, false},
    {"config.prof_libunwind",
     "backtraces through libunwind",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_VALUE, false},
    {"config.stats",
     "statistics are kept",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_VALUE, true},
    {"config.tcache",
     "threads cache blocks",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_VALUE, true},
    {"config.thp",
     "huge pages can be asked for",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_VALUE, true},
    {"config.tls",
     "thread-local variables are used",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_VALUE, true},
    {"config.utrace",
     "utrace(2) can be used",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_VALUE, false},
    {"config.valgrind",
     "valgrind is told about blocks",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_VALUE, false},
    {"config.xmalloc",
     "the option xmalloc exists",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_VALUE, true},
    {"opt.abort",
     "warnings are fatal",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_OPTION, 0},
    {"opt.abort_conf",
     "a bad option is fatal",
     CTL_BOOL, CTL_R, CTL_LATER, CTL_OPTION, 0},
    {"opt.confirm_conf",
     "options were printed at start",
     CTL_BOOL, CTL_R, CTL_LATER, CTL_OPTION, 0},
    {"opt.dss",
     "when sbrk(2) is a source of chunks",
     CTL_TEXT, CTL_R, CTL_CORE, CTL_ACT, ACT_DSS},
    {"opt.lg_chunk",
     "log2 of the size of a chunk",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_VALUE, LG_CHUNK},
    {"opt.narenas",
     "arenas that threads are spread over at most",
     CTL_UNSIGNED, CTL_R, CTL_CORE, CTL_ACT, ACT_OPT_NARENAS},
    {"opt.percpu_arena",
     "threads use the arena of their CPU",
     CTL_TEXT, CTL_R, CTL_LATER, CTL_OPTION, 0},
    {"opt.oversize_threshold",
     "blocks of so many bytes come from an arena apart; 0: none do",
     CTL_SIZE, CTL_R, CTL_LATER, CTL_OPTION, 0},
    {"opt.purge",
     "decay: free pages go back by age; ratio: by the ratio to what is in use",
     CTL_TEXT, CTL_R, CTL_CORE, CTL_OPTION, 0},
    {"opt.dirty_decay_ms",
     "free pages go back after this long unused; -1: never",
     CTL_SSIZE, CTL_R, CTL_LATER, CTL_OPTION, 0},
    {"opt.decay_time",
     "the same in seconds",
     CTL_SSIZE, CTL_R, CTL_CORE, CTL_OPTION, 0},
    {"opt.lg_dirty_mult",
     "purge:ratio keeps used >> this dirty at most; -1: all",
     CTL_SSIZE, CTL_R, CTL_CORE, CTL_OPTION, 0},
    {"opt.retain",
     "address space that is free stays ours",
     CTL_BOOL, CTL_R, CTL_LATER, CTL_OPTION, 0},
    {"opt.thp",
     "when huge pages are asked for",
     CTL_TEXT, CTL_R, CTL_CORE, CTL_OPTION, 0},
    {"opt.junk",
     "which blocks are filled with junk",
     CTL_TEXT, CTL_R, CTL_CORE, CTL_OPTION, 0},
    {"opt.zero",
     "every new block reads as zero",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_OPTION, 0},
    {"opt.quarantine",
     "bytes of freed blocks that are held back",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_VALUE, 0},
    {"opt.redzone",
     "guard bytes around blocks",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_VALUE, false},
    {"opt.utrace",
     "utrace(2) is used",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_VALUE, false},
    {"opt.xmalloc",
     "out of memory ends the program",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_OPTION, 0},
    {"opt.zero_realloc",
     "what realloc(p, 0) does",
     CTL_TEXT, CTL_R, CTL_LATER, CTL_OPTION, 0},
    {"opt.tcache",
     "threads cache blocks",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_OPTION, 0},
    {"opt.lg_tcache_max",
     "log2 of the largest block that they cache",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_OPTION, 0},
    {"opt.stats_print",
     "figures are printed at exit",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_OPTION, 0},
    {"opt.stats_print_opts",
     "letters of malloc_stats_print for that",
     CTL_TEXT, CTL_R, CTL_LATER, CTL_OPTION, 0},
    {"opt.prof",
     "of heap profiles",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_ABSENT, 0},
    {"opt.prof_prefix",
     "of heap profiles",
     CTL_TEXT, CTL_R, CTL_CORE, CTL_ABSENT, 0},
    {"opt.prof_active",
     "of heap profiles",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_ABSENT, 0},
    {"opt.prof_thread_active_init",
     "of heap profiles",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_ABSENT, 0},
    {"opt.lg_prof_sample",
     "of heap profiles",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_ABSENT, 0},
    {"opt.lg_prof_interval",
     "of heap profiles",
     CTL_SSIZE, CTL_R, CTL_CORE, CTL_ABSENT, 0},
    {"opt.prof_gdump",
     "of heap profiles",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_ABSENT, 0},
    {"opt.prof_final",
     "of heap profiles",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_ABSENT, 0},
    {"opt.prof_leak",
     "of heap profiles",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_ABSENT, 0},
    {"opt.prof_accum",
     "of heap profiles",
     CTL_BOOL, CTL_R, CTL_CORE, CTL_ABSENT, 0},
    {"arena.<i>.initialized",
     "there is such an arena",
     CTL_BOOL, CTL_R, CTL_LATER, CTL_ACT, ACT_ARENA_INITIALIZED},
    {"arena.<i>.purge",
     "gives all unused memory of the arena back now",
     CTL_VOID, CTL_ACTS, CTL_CORE, CTL_ACT, ACT_ARENA_PURGE},
    {"arena.<i>.decay",
     "gives back what is due",
     CTL_VOID, CTL_ACTS, CTL_CORE, CTL_ACT, ACT_ARENA_DECAY},
    {"arena.<i>.reset",
     "takes all blocks of an arena that the program made away",
     CTL_VOID, CTL_ACTS, CTL_CORE, CTL_ACT, ACT_ARENA_RESET},
    {"arena.<i>.destroy",
     "takes the arena away too, and its index may be given again",
     CTL_VOID, CTL_ACTS, CTL_LATER, CTL_ACT, ACT_ARENA_DESTROY},
    {"arena.<i>.chunk_hooks",
     "where the arena gets its chunks from",
     CTL_HOOKS, CTL_RW, CTL_CORE, CTL_ACT, ACT_ARENA_CHUNK_HOOKS},
    {"arena.<i>.dss",
     "when sbrk(2) is a source of its chunks; only disabled can be written",
     CTL_TEXT, CTL_RW, CTL_CORE, CTL_ACT, ACT_ARENA_DSS},
    {"arena.<i>.lg_dirty_mult",
     "opt.lg_dirty_mult for this arena",
     CTL_SSIZE, CTL_RW, CTL_CORE, CTL_ACT, ACT_ARENA_LG_DIRTY_MULT},
    {"arena.<i>.decay_time",
     "opt.decay_time for this arena, in seconds",
     CTL_SSIZE, CTL_RW, CTL_CORE, CTL_ACT, ACT_ARENA_DECAY_TIME},
    {"arena.<i>.dirty_decay_ms",
     "opt.dirty_decay_ms for this arena",
     CTL_SSIZE, CTL_RW, CTL_LATER, CTL_ACT, ACT_ARENA_DECAY_MS},
    {"arenas.narenas",
     "arenas: those that threads are spread over, made yet or not, and those behind",
     CTL_UNSIGNED, CTL_R, CTL_CORE, CTL_ACT, ACT_NARENAS},
    {"arenas.initialized",
     "for each of them, that it was made",
     CTL_BOOLS, CTL_R, CTL_CORE, CTL_ACT, ACT_ARENAS_INITIALIZED},
    {"arenas.lookup",
     "the arena of the block at the address that is written",
     CTL_LOOKUP, CTL_RW, CTL_LATER, CTL_ACT, ACT_ARENAS_LOOKUP},
    {"arenas.extend",
     "makes an arena and gives its index",
     CTL_UNSIGNED, CTL_R, CTL_CORE, CTL_MAKES, ACT_ARENAS_EXTEND},
    {"arenas.create",
     "the same; with hooks from its first chunk on where some are written",
     CTL_CREATE, CTL_RW, CTL_LATER, CTL_MAKES, ACT_ARENAS_CREATE},
    {"arenas.quantum",
     "every block is aligned to this",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_VALUE, QUANTUM},
    {"arenas.page",
     "the size of a page",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_VALUE, PAGE_SIZE},
    {"arenas.hugepage",
     "the size of a huge page",
     CTL_SIZE, CTL_R, CTL_LATER, CTL_VALUE, HUGEPAGE_SIZE},
    {"arenas.tcache_max",
     "the largest block that threads cache",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_ACT, ACT_TCACHE_MAX},
    {"arenas.lg_dirty_mult",
     "of arenas that have none of their own, and of whole free chunks",
     CTL_SSIZE, CTL_RW, CTL_CORE, CTL_ACT, ACT_ARENAS_LG_DIRTY_MULT},
    {"arenas.decay_time",
     "the same for the time, in seconds",
     CTL_SSIZE, CTL_RW, CTL_CORE, CTL_ACT, ACT_ARENAS_DECAY_TIME},
    {"arenas.dirty_decay_ms",
     "the same in milliseconds",
     CTL_SSIZE, CTL_RW, CTL_LATER, CTL_ACT, ACT_ARENAS_DECAY_MS},
    {"arenas.nbins",
     "small size classes",
     CTL_UNSIGNED, CTL_R, CTL_CORE, CTL_VALUE, SMALL_CLASSES},
    {"arenas.nhbins",
     "size classes that threads can cache",
     CTL_UNSIGNED, CTL_R, CTL_CORE, CTL_VALUE, CACHED_CLASSES},
    {"arenas.bin.<i>.size",
     "bytes of a block",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_ACT, ACT_BIN_SIZE},
    {"arenas.bin.<i>.nregs",
     "blocks in a run",
     CTL_UINT32, CTL_R, CTL_CORE, CTL_ACT, ACT_BIN_NREGS},
    {"arenas.bin.<i>.run_size",
     "bytes of a run",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_ACT, ACT_BIN_RUN_SIZE},
    {"arenas.nlruns",
     "large size classes",
     CTL_UNSIGNED, CTL_R, CTL_CORE, CTL_VALUE, NLRUNS},
    {"arenas.lrun.<i>.size",
     "bytes of a block",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_ACT, ACT_LRUN_SIZE},
    {"arenas.nhchunks",
     "classes that lengths of huge blocks are told in",
     CTL_UNSIGNED, CTL_R, CTL_CORE, CTL_VALUE, HUGE_CLASSES},
    {"arenas.hchunk.<i>.size",
     "bytes of the longest block of the class",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_ACT, ACT_HCHUNK_SIZE},
    {"prof.thread_active_init",
     "of heap profiles",
     CTL_BOOL, CTL_RW, CTL_CORE, CTL_ABSENT, 0},
    {"prof.active",
     "of heap profiles",
     CTL_BOOL, CTL_RW, CTL_CORE, CTL_ABSENT, 0},
    {"prof.dump",
     "of heap profiles",
     CTL_TEXT, CTL_W, CTL_CORE, CTL_ABSENT, 0},
    {"prof.gdump",
     "of heap profiles",
     CTL_BOOL, CTL_RW, CTL_CORE, CTL_ABSENT, 0},
    {"prof.reset",
     "of heap profiles",
     CTL_SIZE, CTL_W, CTL_CORE, CTL_ABSENT, 0},
    {"prof.interval",
     "of heap profiles",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_ABSENT, 0},
    {"prof.lg_sample",
     "of heap profiles",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_ABSENT, 0},
    {"stats.cactive",
     "where a count stands that is never below the bytes in active pages",
     CTL_POINTER_SIZE, CTL_R, CTL_CORE, CTL_ACT, ACT_CACTIVE},
    {"stats.allocated",
     "bytes in blocks that the program holds",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_HEAP, IN_HEAP(allocated)},
    {"stats.active",
     "bytes in pages of which some byte is in a block",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_HEAP, IN_HEAP(active)},
    {"stats.metadata",
     "bytes of chunk headers, arenas, caches and these figures",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_HEAP, IN_HEAP(metadata)},
    {"stats.resident",
     "active, dirty and metadata: what the system backs at most",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_HEAP, IN_HEAP(resident)},
    {"stats.mapped",
     "bytes of address space taken from the system",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_HEAP, IN_HEAP(mapped)},
    {"stats.retained",
     "of which free and not backed",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_HEAP, IN_HEAP(retained)},
    {"stats.zero_reallocs",
     "times that realloc(p, 0) was called",
     CTL_SIZE, CTL_R, CTL_LATER, CTL_HEAP, IN_HEAP(zero_reallocs)},
    {"stats.chunks.current",
     "chunks in use",
     CTL_SIZE, CTL_R, CTL_ALIAS, CTL_HEAP, IN_HEAP(chunks_current)},
    {"stats.chunks.total",
     "chunks ever taken into use",
     CTL_UINT64, CTL_R, CTL_ALIAS, CTL_HEAP, IN_HEAP(chunks_total)},
    {"stats.chunks.high",
     "the most chunks in use at once",
     CTL_SIZE, CTL_R, CTL_ALIAS, CTL_HEAP, IN_HEAP(chunks_high)},
    {"stats.huge.allocated",
     "bytes in huge blocks",
     CTL_SIZE, CTL_R, CTL_ALIAS, CTL_ARENA, IN_ARENA(huge.allocated)},
    {"stats.huge.nmalloc",
     "huge blocks ever made",
     CTL_UINT64, CTL_R, CTL_ALIAS, CTL_ARENA, IN_ARENA(huge.nmalloc)},
    {"stats.huge.ndalloc",
     "huge blocks ever freed",
     CTL_UINT64, CTL_R, CTL_ALIAS, CTL_ARENA, IN_ARENA(huge.ndalloc)},
    {"stats.mutexes.reset",
     "forgets what the locks of bins cost so far",
     CTL_VOID, CTL_ACTS, CTL_LATER, CTL_ACT, ACT_MUTEXES_RESET},
    {"stats.arenas.<i>.nthreads",
     "threads that belong to the arena",
     CTL_UNSIGNED, CTL_R, CTL_CORE, CTL_ARENA, IN_ARENA(nthreads)},
    {"stats.arenas.<i>.dss",
     "when sbrk(2) is a source of its chunks",
     CTL_TEXT, CTL_R, CTL_CORE, CTL_ACT, ACT_DSS},
    {"stats.arenas.<i>.lg_dirty_mult",
     "see arena.<i>.lg_dirty_mult",
     CTL_SSIZE, CTL_R, CTL_CORE, CTL_ARENA, IN_ARENA(lg_dirty_mult)},
    {"stats.arenas.<i>.decay_time",
     "see arena.<i>.decay_time",
     CTL_SSIZE, CTL_R, CTL_CORE, CTL_ACT, ACT_STATS_DECAY_TIME},
    {"stats.arenas.<i>.dirty_decay_ms",
     "see arena.<i>.dirty_decay_ms",
     CTL_SSIZE, CTL_R, CTL_LATER, CTL_ARENA, IN_ARENA(decay_ms)},
    {"stats.arenas.<i>.pactive",
     "pages of which some byte is in a block, cached blocks included",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_ARENA, IN_ARENA(pactive)},
    {"stats.arenas.<i>.pdirty",
     "free pages that the system still backs",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_ARENA, IN_ARENA(pdirty)},
    {"stats.arenas.<i>.mapped",
     "bytes of its chunks and huge blocks",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_ARENA, IN_ARENA(mapped)},
    {"stats.arenas.<i>.retained",
     "bytes of free chunks that are not backed",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_ARENA, IN_ARENA(retained)},
    {"stats.arenas.<i>.resident",
     "bytes active, dirty and in chunk headers",
     CTL_SIZE, CTL_R, CTL_LATER, CTL_ARENA, IN_ARENA(resident)},
    {"stats.arenas.<i>.base",
     "bytes of the arena's own description",
     CTL_SIZE, CTL_R, CTL_LATER, CTL_ARENA, IN_ARENA(metadata_allocated)},
    {"stats.arenas.<i>.tcache_bytes",
     "bytes that caches of its threads hold",
     CTL_SIZE, CTL_R, CTL_LATER, CTL_ARENA, IN_ARENA(tcache_bytes)},
    {"stats.arenas.<i>.npurge",
     "sweeps that gave dirty pages back",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_ARENA, IN_ARENA(npurge)},
    {"stats.arenas.<i>.nmadvise",
     "calls of madvise(2) for it",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_ARENA, IN_ARENA(nmadvise)},
    {"stats.arenas.<i>.purged",
     "pages given back",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_ARENA, IN_ARENA(purged)},
    {"stats.arenas.<i>.metadata.mapped",
     "bytes of chunk headers",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_ARENA, IN_ARENA(metadata_mapped)},
    {"stats.arenas.<i>.metadata.allocated",
     "bytes of the arena's own description",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_ARENA, IN_ARENA(metadata_allocated)},
    {"stats.arenas.<i>.small.allocated",
     "bytes in small blocks, cached ones included",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_ARENA, IN_ARENA(small.allocated)},
    {"stats.arenas.<i>.small.nmalloc",
     "blocks that the arena gave out",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_ARENA, IN_ARENA(small.nmalloc)},
    {"stats.arenas.<i>.small.ndalloc",
     "blocks that came back to it",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_ARENA, IN_ARENA(small.ndalloc)},
    {"stats.arenas.<i>.small.nrequests",
     "blocks that the program asked for, from caches or the arena",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_ARENA, IN_ARENA(small.nrequests)},
    {"stats.arenas.<i>.large.allocated",
     "bytes in large blocks, cached ones included",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_ARENA, IN_ARENA(large.allocated)},
    {"stats.arenas.<i>.large.nmalloc",
     "blocks that the arena gave out",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_ARENA, IN_ARENA(large.nmalloc)},
    {"stats.arenas.<i>.large.ndalloc",
     "blocks that came back to it",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_ARENA, IN_ARENA(large.ndalloc)},
    {"stats.arenas.<i>.large.nrequests",
     "blocks that the program asked for, from caches or the arena",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_ARENA, IN_ARENA(large.nrequests)},
    {"stats.arenas.<i>.huge.allocated",
     "bytes in huge blocks",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_ARENA, IN_ARENA(huge.allocated)},
    {"stats.arenas.<i>.huge.nmalloc",
     "blocks that the arena gave out",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_ARENA, IN_ARENA(huge.nmalloc)},
    {"stats.arenas.<i>.huge.ndalloc",
     "blocks that came back to it",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_ARENA, IN_ARENA(huge.ndalloc)},
    {"stats.arenas.<i>.huge.nrequests",
     "blocks that the program asked for, from caches or the arena",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_ARENA, IN_ARENA(huge.nrequests)},
    {"stats.arenas.<i>.bins.<j>.allocated",
     "bytes in blocks of this class, cached ones included",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_BIN, IN_BIN(allocated)},
    {"stats.arenas.<i>.bins.<j>.nmalloc",
     "blocks that the bin gave out",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_BIN, IN_BIN(nmalloc)},
    {"stats.arenas.<i>.bins.<j>.ndalloc",
     "blocks that came back to it",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_BIN, IN_BIN(ndalloc)},
    {"stats.arenas.<i>.bins.<j>.nrequests",
     "blocks that the program asked for, from caches or the bin",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_BIN, IN_BIN(nrequests)},
    {"stats.arenas.<i>.bins.<j>.curregs",
     "nmalloc - ndalloc",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_BIN, IN_BIN(curregs)},
    {"stats.arenas.<i>.bins.<j>.nfills",
     "batches that the bin gave out",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_BIN, IN_BIN(nfills)},
    {"stats.arenas.<i>.bins.<j>.nflushes",
     "batches that came back under its lock",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_BIN, IN_BIN(nflushes)},
    {"stats.arenas.<i>.bins.<j>.nruns",
     "runs ever made",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_BIN, IN_BIN(nruns)},
    {"stats.arenas.<i>.bins.<j>.nreruns",
     "times that a run was taken into use again",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_BIN, IN_BIN(nreruns)},
    {"stats.arenas.<i>.bins.<j>.curruns",
     "runs now",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_BIN, IN_BIN(curruns)},
    {"stats.arenas.<i>.bins.<j>.nonfull_slabs",
     "runs of which a part is free",
     CTL_SIZE, CTL_R, CTL_LATER, CTL_BIN, IN_BIN(nonfull_slabs)},
    {"stats.arenas.<i>.bins.<j>.mutex.num_ops",
     "times that the bin's lock was taken",
     CTL_UINT64, CTL_R, CTL_LATER, CTL_BIN, IN_BIN(lock.num_ops)},
    {"stats.arenas.<i>.bins.<j>.mutex.num_wait",
     "of which the thread slept",
     CTL_UINT64, CTL_R, CTL_LATER, CTL_BIN, IN_BIN(lock.num_wait)},
    {"stats.arenas.<i>.bins.<j>.mutex.num_spin_acq",
     "of which the thread waited awake",
     CTL_UINT64, CTL_R, CTL_LATER, CTL_BIN, IN_BIN(lock.num_spin_acq)},
    {"stats.arenas.<i>.bins.<j>.mutex.num_owner_switch",
     "of which another thread had it before",
     CTL_UINT64, CTL_R, CTL_LATER, CTL_BIN, IN_BIN(lock.num_owner_switch)},
    {"stats.arenas.<i>.bins.<j>.mutex.total_wait_time",
     "ns waited, all together",
     CTL_UINT64, CTL_R, CTL_LATER, CTL_BIN, IN_BIN(lock.total_wait_time)},
    {"stats.arenas.<i>.bins.<j>.mutex.max_wait_time",
     "ns of the longest wait",
     CTL_UINT64, CTL_R, CTL_LATER, CTL_BIN, IN_BIN(lock.max_wait_time)},
    {"stats.arenas.<i>.bins.<j>.mutex.max_num_thds",
     "the most threads that waited at once",
     CTL_UINT32, CTL_R, CTL_LATER, CTL_BIN, IN_BIN(lock.max_num_thds)},
    {"stats.arenas.<i>.lruns.<j>.nmalloc",
     "blocks given out",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_LRUN, IN_CLASS(nmalloc)},
    {"stats.arenas.<i>.lruns.<j>.ndalloc",
     "blocks that came back",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_LRUN, IN_CLASS(ndalloc)},
    {"stats.arenas.<i>.lruns.<j>.nrequests",
     "blocks that the program asked for",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_LRUN, IN_CLASS(nrequests)},
    {"stats.arenas.<i>.lruns.<j>.curruns",
     "nmalloc - ndalloc",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_LRUN, IN_CLASS(current)},
    {"stats.arenas.<i>.hchunks.<j>.nmalloc",
     "blocks given out",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_HCHUNK, IN_CLASS(nmalloc)},
    {"stats.arenas.<i>.hchunks.<j>.ndalloc",
     "blocks that came back",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_HCHUNK, IN_CLASS(ndalloc)},
    {"stats.arenas.<i>.hchunks.<j>.nrequests",
     "blocks that the program asked for",
     CTL_UINT64, CTL_R, CTL_CORE, CTL_HCHUNK, IN_CLASS(nrequests)},
    {"stats.arenas.<i>.hchunks.<j>.curhchunks",
     "nmalloc - ndalloc",
     CTL_SIZE, CTL_R, CTL_CORE, CTL_HCHUNK, IN_CLASS(current)},
};
#define NNAMES (sizeof names / sizeof names[0])

COLD const struct ctl_name *ctl_row(size_t row)
{
    return row < NNAMES ? &names[row] : NULL;
}

COLD const char *ctl_type_name(enum ctl_type type)
{
    static const char text[][28] = {
        [CTL_VOID] = "void",          [CTL_BOOL] = "bool",
        [CTL_UNSIGNED] = "unsigned",  [CTL_UINT32] = "uint32_t",
        [CTL_UINT64] = "uint64_t",    [CTL_SIZE] = "size_t",
        [CTL_SSIZE] = "ssize_t",      [CTL_TEXT] = "const char *",
        [CTL_BOOLS] = "bool *",       [CTL_POINTER_U64] = "uint64_t *",
        [CTL_POINTER_SIZE] = "size_t *", [CTL_LOOKUP] = "unsigned, void*",
        [CTL_CREATE] = "unsigned, chunk_hooks_t *", [CTL_HOOKS] = "chunk_hooks_t",
    };
    return text[type];
}

/* ---- the snapshot ------------------------------------------------------------------------------ */

static struct mutex lock;
/* Under the lock: */
static uint64_t epoch;                      /* how often it was renewed */
static bool whole;                          /* there is one */
static struct stats_heap heap;
static struct stats_arena *arenas[ARENA_INDICES];
static uint64_t read_in[ARENA_INDICES];     /* the epoch that an arena was read in last */
static struct stats_arena *sum;             /* of those of this epoch */

/* Arenas are counted as the indices that may be in use: those that threads are spread over, made yet or not,
 * and those behind. */
static unsigned arena_indices(void)
{
    unsigned made = arena_count(), most = arena_limit();
    return made > most ? made : most;
}

/* The arena with this index, or NULL: there is none, or not yet. */
static struct arena *arena_at(size_t index)
{
    return index < arena_count() ? arena_get((unsigned)index) : NULL;
}

/* False where the calling thread holds it already: a signal handler that came in the middle. In a hook
 * the lock is not waited for: who has it may wait for what the hook's caller holds. */
static bool enter(void)
{
    if (mutex_is_mine(&lock)) {
        return false;
    }
    if (hooks_running) {
        return mutex_try(&lock);
    }
    if (!mutex_lock(&lock)) {
        whole = false; /* a thread that a fork left behind was renewing it */
    }
    return true;
}

static bool have_memory(struct stats_arena **figures)
{
    if (!*figures) {
        *figures = base_alloc(sizeof **figures);
    }
    return *figures != NULL;
}

/* The lock is held. */
static int renew(void)
{
    unsigned n = arena_count();
    if (hooks_running) {
        return EAGAIN; /* this thread holds locks of an arena */
    }
    for (unsigned i = 0; i < n; i++) {
        if (arena_at(i) && !have_memory(&arenas[i])) {
            return EAGAIN;
        }
    }
    if (!have_memory(&sum)) {
        return EAGAIN;
    }
    epoch++;
    memset(sum, 0, sizeof *sum);
    for (unsigned i = 0; i < n; i++) {
        struct arena *arena = arena_at(i);
        if (arena && arenas[i]) {
            stats_arena_read(arena, arenas[i]);
            stats_arena_add(sum, arenas[i]);
            read_in[i] = epoch;
        }
    }
    stats_heap_read(sum, &heap);
    whole = true;
    return 0;
}

COLD int ctl_refresh(void)
{
    if (!enter()) {
        return EAGAIN;
    }
    int error = renew();
    mutex_unlock(&lock);
    return error;
}

static bool is_all(size_t index, unsigned count)
{
    return index == count || index == CTL_ALL_ARENAS;
}

/* What in the snapshot a name's figure is a field of, or NULL. */
static const void *structure(const struct ctl_name *n, const size_t index[2])
{
    if (n->source == CTL_HEAP) {
        return &heap;
    }
    bool one = strchr(n->name, '<') && !is_all(index[0], arena_indices());
    if (one && (index[0] >= ARENA_INDICES || read_in[index[0]] != epoch)) {
        return NULL;
    }
    const struct stats_arena *arena = one ? arenas[index[0]] : sum;
    switch (n->source) {
    case CTL_BIN:
        return &arena->bins[index[1]];
    case CTL_LRUN:
        return &arena->lruns[index[1]];
    case CTL_HCHUNK:
        return &arena->hchunks[index[1]];
    default:
        return arena;
    }
}

static int read_figure(const struct ctl_name *n, const size_t index[2], struct ctl_value *out)
{
    if (!enter()) {
        return EAGAIN;
    }
    int error = whole ? 0 : renew();
    const void *from = error ? NULL : structure(n, index);
    if (from) {
        memcpy(&out->number, (const char *)from + n->where, sizeof out->number);
    }
    mutex_unlock(&lock);
    return error ? error : from ? 0 : ENOENT;
}

/* ---- what names stand for ----------------------------------------------------------------------- */

/* One question: the name, the numbers in its place, and what the caller of mallctl gave. */
struct call {
    const struct ctl_name *name;
    size_t index[2];
    void *oldp;
    size_t *oldlenp;
    const void *newp; /* NULL: nothing is written */
    size_t newlen;
};

static bool new_bool(const struct call *c)
{
    return *(const unsigned char *)c->newp != 0;
}

static int64_t new_ssize(const struct call *c)
{
    ssize_t value;
    memcpy(&value, c->newp, sizeof value);
    return value;
}

static int act_epoch(const struct call *c, struct ctl_value *old)
{
    int error = c->newp ? ctl_refresh() : 0;
    if (!error && !enter()) {
        error = EAGAIN;
    }
    if (!error) {
        error = whole ? 0 : renew();
        old->number = epoch;
        mutex_unlock(&lock);
    }
    return error;
}

static size_t approximate_active(void)
{
    size_t bytes = stats_huge_bytes();
    for (unsigned i = 0; i < arena_count(); i++) {
        struct arena *arena = arena_at(i);
        bytes += arena ? count_read(&arena->pool.pages_used) << LG_PAGE : 0;
    }
    return bytes;
}

static void forget_waits(struct arena *arena)
{
    for (unsigned class = 0; class < SMALL_CLASSES; class++) {
        bin_forget_waits(&arena->bins[class], &arena->pool);
    }
}

static unsigned new_unsigned(const struct call *c)
{
    unsigned value;
    memcpy(&value, c->newp, sizeof value);
    return value;
}

static int act_thread_arena(const struct call *c, struct ctl_value *old)
{
    old->number = explicit_of_thread();
    return !c->newp || explicit_bind(new_unsigned(c)) ? 0 : EFAULT;
}

/* An index or identifier that was given, or `none`. */
static int made(struct ctl_value *old, unsigned id, unsigned none)
{
    old->number = id;
    return id != none ? 0 : EAGAIN;
}

static int act_arenas_create(const struct call *c, struct ctl_value *old)
{
    const chunk_hooks_t *hooks = NULL;
    if (c->newp) {
        memcpy(&hooks, c->newp, sizeof hooks);
    }
    struct arena *arena = arena_create(hooks);
    return made(old, arena ? arena->index : ARENA_NONE, ARENA_NONE);
}

static int act_thread_idle(void)
{
    (void)thread_cache_flush();
    arena_decay(thread_arena());
    return 0;
}

static int act_tcache_enabled(const struct call *c, struct ctl_value *old)
{
    old->number = thread_cache_enabled();
    if (c->newp) {
        thread_cache_enable(new_bool(c));
        return thread_cache_enabled() == new_bool(c) ? 0 : EFAULT;
    }
    return 0;
}

/* Calls `visit` for the arena with this index, or for all. */
static void each_arena(size_t index, void (*visit)(struct arena *))
{
    bool all = is_all(index, arena_indices());
    for (unsigned i = 0; i < arena_count(); i++) {
        struct arena *arena = all || i == index ? arena_at(i) : NULL;
        if (arena) {
            visit(arena);
        }
    }
}

static void purge_one(struct arena *arena)
{
    (void)arena_purge(arena);
}

/* Whole free chunks are of all arenas, and told with arena 0. */
static int act_arena_purge(const struct call *c)
{
    each_arena(c->index[0], purge_one);
    if (c->index[0] == 0 || is_all(c->index[0], arena_indices())) {
        (void)extent_purge(&extents_shared, 0, UINT64_MAX);
    }
    return 0;
}

static int act_arena_hooks(const struct call *c, struct ctl_value *old)
{
    struct arena *arena = arena_at(c->index[0]);
    chunk_hooks_t hooks;
    if (!arena) {
        return EFAULT;
    }
    old->hooks = arena_hooks(arena);
    if (c->newp) {
        memcpy(&hooks, c->newp, sizeof hooks);
        return arena_set_hooks(arena, &hooks) ? 0 : EAGAIN;
    }
    return 0;
}

static int act_dss(const struct call *c, struct ctl_value *old)
{
    const char *wanted;
    old->pointer = "disabled";
    if (c->newp) {
        memcpy(&wanted, c->newp, sizeof wanted);
        return wanted && strcmp(wanted, "disabled") == 0 ? 0 : EFAULT;
    }
    return 0;
}

/* The old value of a setting, and the new one through `change`. */
static int set_in_range(const struct call *c, struct ctl_value *old, int64_t value, int64_t most,
                        void (*change)(struct pool *, int64_t), struct pool *pool)
{
    old->number = (uint64_t)value;
    if (!c->newp) {
        return 0;
    }
    int64_t wanted = new_ssize(c);
    if (wanted < -1 || wanted > most) {
        return EFAULT;
    }
    change(pool, wanted);
    return 0;
}

static int64_t seconds(int64_t ms)
{
    return ms < 0 ? ms : ms / 1000;
}

static void set_decay_seconds(struct pool *pool, int64_t s)
{
    purge_set_decay(pool, s < 0 ? s : s * 1000);
}

static void set_default_ms(struct pool *pool, int64_t ms)
{
    (void)pool;
    setting_change(&setting_decay_ms, ms);
}

static void set_default_seconds(struct pool *pool, int64_t s)
{
    set_default_ms(pool, s < 0 ? s : s * 1000);
}

static void set_default_ratio(struct pool *pool, int64_t lg_dirty_mult)
{
    (void)pool;
    setting_change(&setting_lg_dirty_mult, lg_dirty_mult);
}

static int act_arena_setting(const struct call *c, struct ctl_value *old)
{
    struct arena *arena = arena_at(c->index[0]);
    if (!arena) {
        return EFAULT; /* not made yet; or all, which have no one setting: see arenas.* */
    }
    struct pool *pool = &arena->pool;
    int64_t ms = pool_decay_ms(pool);
    switch (c->name->where) {
    case ACT_ARENA_LG_DIRTY_MULT:
        return set_in_range(c, old, pool_lg_dirty_mult(pool), 63, purge_set_ratio, pool);
    case ACT_ARENA_DECAY_TIME:
        return set_in_range(c, old, seconds(ms), DECAY_MS_MAX / 1000, set_decay_seconds, pool);
    default:
        return set_in_range(c, old, ms, DECAY_MS_MAX, purge_set_decay, pool);
    }
}

static int act_arenas_lookup(const struct call *c, struct ctl_value *old)
{
    uintptr_t addr;
    if (!c->newp || !c->oldp) {
        return EINVAL;
    }
    memcpy(&addr, c->newp, sizeof addr);
    struct block b = block_find(addr);
    if (b.kind == BLOCK_FOREIGN || b.kind == BLOCK_NONE || b.kind == BLOCK_HUGE_FREED) {
        return EINVAL;
    }
    old->number = b.arena ? b.arena->index : 0;
    return 0;
}

static int act_stats_decay_time(const struct call *c, struct ctl_value *old)
{
    struct ctl_name of_ms = *c->name;
    of_ms.source = CTL_ARENA;
    of_ms.where = IN_ARENA(decay_ms);
    int error = read_figure(&of_ms, c->index, old);
    old->number = (uint64_t)seconds((int64_t)old->number);
    return error;
}

static int number(struct ctl_value *old, uint64_t value)
{
    old->number = value;
    return 0;
}

static int pointer(struct ctl_value *old, const void *value)
{
    old->pointer = value;
    return 0;
}

static int act(const struct call *c, struct ctl_value *old)
{
    size_t i = c->index[0];
    switch ((enum act)c->name->where) {
    case ACT_VERSION:
        return pointer(old, ASHLAR_VERSION);
    case ACT_EMPTY_TEXT:
        return pointer(old, "");
    case ACT_DSS:
    case ACT_ARENA_DSS:
        return act_dss(c, old);
    case ACT_EPOCH:
        return act_epoch(c, old);
    case ACT_APPROXIMATE_ACTIVE:
        return number(old, approximate_active());
    case ACT_CACTIVE:
        return pointer(old, extent_live_bytes());
    case ACT_MUTEXES_RESET:
        each_arena(CTL_ALL_ARENAS, forget_waits);
        return 0;
    case ACT_THREAD_ARENA:
        return act_thread_arena(c, old);
    case ACT_THREAD_ALLOCATED:
        return number(old, thread_bytes().allocated);
    case ACT_THREAD_ALLOCATEDP:
        return pointer(old, &thread_watch()->allocated);
    case ACT_THREAD_DEALLOCATED:
        return number(old, thread_bytes().deallocated);
    case ACT_THREAD_DEALLOCATEDP:
        return pointer(old, &thread_watch()->deallocated);
    case ACT_THREAD_IDLE:
        return act_thread_idle();
    case ACT_THREAD_TCACHE_ENABLED:
        return act_tcache_enabled(c, old);
    case ACT_THREAD_TCACHE_FLUSH:
        return thread_cache_flush() ? 0 : EFAULT;
    case ACT_TCACHE_CREATE:
        return made(old, tcaches_create(), TCACHES_NONE);
    case ACT_TCACHE_FLUSH:
        return c->newp && !tcaches_flush(new_unsigned(c)) ? EFAULT : 0;
    case ACT_TCACHE_DESTROY:
        return c->newp && !tcaches_destroy(new_unsigned(c)) ? EFAULT : 0;
    case ACT_OPT_NARENAS:
        return number(old, arena_limit());
    case ACT_ARENA_INITIALIZED:
        return number(old, arena_at(i) != NULL || is_all(i, arena_indices()));
    case ACT_ARENA_PURGE:
        return act_arena_purge(c);
    case ACT_ARENA_DECAY:
        each_arena(i, arena_decay_now);
        return 0;
    case ACT_ARENA_RESET:
        return explicit_reset((unsigned)i) ? 0 : EFAULT;
    case ACT_ARENA_DESTROY:
        return explicit_destroy((unsigned)i) ? 0 : EFAULT;
    case ACT_ARENA_CHUNK_HOOKS:
        return act_arena_hooks(c, old);
    case ACT_ARENA_LG_DIRTY_MULT:
    case ACT_ARENA_DECAY_TIME:
    case ACT_ARENA_DECAY_MS:
        return act_arena_setting(c, old);
    case ACT_NARENAS:
        return number(old, arena_indices());
    case ACT_ARENAS_INITIALIZED:
        return 0; /* see read_back */
    case ACT_ARENAS_LOOKUP:
        return act_arenas_lookup(c, old);
    case ACT_ARENAS_EXTEND:
    case ACT_ARENAS_CREATE:
        return act_arenas_create(c, old);
    case ACT_ARENAS_LG_DIRTY_MULT:
        return set_in_range(c, old, conf_lg_dirty_mult(), 63, set_default_ratio, NULL);
    case ACT_ARENAS_DECAY_TIME:
        return set_in_range(c, old, seconds(conf_decay_ms()), DECAY_MS_MAX / 1000,
                            set_default_seconds, NULL);
    case ACT_ARENAS_DECAY_MS:
        return set_in_range(c, old, conf_decay_ms(), DECAY_MS_MAX, set_default_ms, NULL);
    case ACT_TCACHE_MAX:
        return number(old, (uint64_t)1 << conf.lg_tcache_max);
    case ACT_BIN_SIZE:
        return number(old, size_classes[i].size_bytes);
    case ACT_BIN_NREGS:
        return number(old, size_classes[i].run_regions);
    case ACT_BIN_RUN_SIZE:
        return number(old, (uint64_t)size_classes[i].run_pages << LG_PAGE);
    case ACT_LRUN_SIZE:
        return number(old, size_class_bytes((unsigned)(SMALL_CLASSES + i)));
    case ACT_HCHUNK_SIZE:
        return number(old, huge_class_chunks((unsigned)i) * CHUNK_SIZE);
    case ACT_STATS_DECAY_TIME:
        return act_stats_decay_time(c, old);
    }
    return ENOENT;
}

static int option(const struct ctl_name *n, struct ctl_value *old)
{
    struct conf_value v;
    if (!conf_get(strchr(n->name, '.') + 1, &v)) {
        return ENOENT;
    }
    old->number = (uint64_t)v.number;
    old->pointer = v.text;
    return 0;
}

/* Finds the old value and writes the new one, where there is one. */
static int perform(const struct call *c, struct ctl_value *old)
{
    const struct ctl_name *n = c->name;
    switch ((enum ctl_source)n->source) {
    case CTL_ABSENT:
        return ENOENT;
    case CTL_VALUE:
        return number(old, n->where);
    case CTL_OPTION:
        return option(n, old);
    case CTL_HEAP:
    case CTL_ARENA:
    case CTL_BIN:
    case CTL_LRUN:
    case CTL_HCHUNK:
        return read_figure(n, c->index, old);
    case CTL_ACT:
    case CTL_MAKES:
        break;
    }
    return act(c, old);
}

/* ---- names and numbers -------------------------------------------------------------------------- */

COLD size_t ctl_limit(const struct ctl_name *n, size_t len)
{
    static const struct {
        char before[10]; /* the word before the number */
        uint16_t limit;
    } limits[] = {{".bin.", SMALL_CLASSES},     {".bins.", SMALL_CLASSES}, {".lrun.", NLRUNS},
                  {".lruns.", NLRUNS},          {".hchunk.", HUGE_CLASSES},
                  {".hchunks.", HUGE_CLASSES}};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        size_t before = strlen(limits[i].before);
        if (len > before && memcmp(n->name + len - before, limits[i].before, before) == 0) {
            return limits[i].limit;
        }
    }
    return arena_indices();
}

/* Are the numbers in their ranges? "All arenas" is in the range of an arena. */
static bool in_range(const struct ctl_name *n, const size_t index[2])
{
    unsigned k = 0;
    for (const char *at = n->name; (at = strchr(at, '<')); at++) {
        size_t limit = ctl_limit(n, (size_t)(at - n->name));
        bool of_arenas = strncmp(n->name, "arena.", 6) == 0 ||
                         (k == 0 && strncmp(n->name, "stats.arenas.", 13) == 0);
        if (index[k] >= limit && !(of_arenas && is_all(index[k], (unsigned)limit))) {
            return false;
        }
        k++;
    }
    return true;
}

/* Reads a number off *name; one too long for a size_t stays the largest, which is in no range. */
static bool parse_index(const char **name, size_t *out)
{
    const char *at = *name;
    size_t value = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        value = value > (SIZE_MAX - 9) / 10 ? SIZE_MAX : value * 10 + (size_t)(*at - '0');
    }
    bool any = at != *name;
    *name = at;
    *out = value;
    return any;
}

static bool match(const char *pattern, const char *name, size_t index[2])
{
    unsigned k = 0;
    while (*pattern) {
        if (*pattern == '<') {
            if (!parse_index(&name, &index[k++])) {
                return false;
            }
            pattern += 3; /* <i> */
        } else if (*pattern++ != *name++) {
            return false;
        }
    }
    return *name == '\0';
}

static const struct ctl_name *find(const char *name, size_t index[2])
{
    for (size_t row = 0; name && row < NNAMES; row++) {
        if (match(names[row].name, name, index)) {
            return &names[row];
        }
    }
    return NULL;
}

COLD size_t ctl_prefix(const char *name, size_t n)
{
    size_t len = 0;
    while (n--) {
        len += strcspn(name + len, ".");
        if (n && name[len++] == '\0') {
            return 0;
        }
    }
    return len;
}

COLD size_t ctl_components(const char *name)
{
    size_t n = 1;
    for (; (name = strchr(name, '.')); name++) {
        n++;
    }
    return n;
}

COLD bool ctl_same_prefix(const char *a, const char *b, size_t n)
{
    size_t len = ctl_prefix(a, n);
    return len && len == ctl_prefix(b, n) && memcmp(a, b, len) == 0;
}

COLD bool ctl_is_number(const char *name, size_t component)
{
    size_t len = ctl_prefix(name, component);
    return name[component ? len + 1 : 0] == '<';
}

/* The first row that begins with the same n components. */
static size_t first_row(const char *name, size_t n)
{
    size_t row = 0;
    while (!ctl_same_prefix(names[row].name, name, n)) {
        row++;
    }
    return row;
}

static const struct ctl_name *find_mib(const size_t *mib, size_t miblen, size_t index[2])
{
    if (!mib || miblen == 0 || mib[miblen - 1] >= NNAMES) {
        return NULL;
    }
    const struct ctl_name *n = &names[mib[miblen - 1]];
    if (ctl_components(n->name) != miblen) {
        return NULL;
    }
    unsigned numbers = 0;
    for (size_t k = 0; k < miblen; k++) {
        if (ctl_is_number(n->name, k)) {
            index[numbers++] = mib[k];
        } else if (mib[k] >= NNAMES || !ctl_same_prefix(names[mib[k]].name, n->name, k + 1)) {
            return NULL;
        }
    }
    return n;
}

/* ---- the doors ---------------------------------------------------------------------------------- */

/* The bytes of a value that is read, and of one that is written. */
static size_t old_bytes(enum ctl_type type)
{
    switch (type) {
    case CTL_VOID:
        return 0;
    case CTL_BOOL:
        return sizeof(bool);
    case CTL_UNSIGNED:
    case CTL_LOOKUP:
    case CTL_CREATE:
        return sizeof(unsigned);
    case CTL_UINT32:
        return sizeof(uint32_t);
    case CTL_BOOLS:
        return arena_indices() * sizeof(bool);
    case CTL_HOOKS:
        return sizeof(chunk_hooks_t);
    case CTL_UINT64:
    case CTL_SIZE:
    case CTL_SSIZE:
    case CTL_TEXT:
    case CTL_POINTER_U64:
    case CTL_POINTER_SIZE:
        break;
    }
    return 8;
}

static size_t new_bytes(enum ctl_type type)
{
    return type == CTL_LOOKUP || type == CTL_CREATE ? sizeof(void *) : old_bytes(type);
}

/* Copies the value, or as much of it as there is room for. */
static void read_back(const struct call *c, const struct ctl_value *v, size_t bytes)
{
    union {
        bool flag;
        unsigned u;
        uint32_t u32;
        uint64_t u64;
        const void *pointer;
        chunk_hooks_t hooks;
        bool flags[ARENA_INDICES];
    } value;
    switch ((enum ctl_type)c->name->type) {
    case CTL_BOOL:
        value.flag = v->number != 0;
        break;
    case CTL_UNSIGNED:
    case CTL_LOOKUP:
    case CTL_CREATE:
        value.u = (unsigned)v->number;
        break;
    case CTL_UINT32:
        value.u32 = (uint32_t)v->number;
        break;
    case CTL_UINT64:
    case CTL_SIZE:
    case CTL_SSIZE:
        value.u64 = v->number;
        break;
    case CTL_TEXT:
    case CTL_POINTER_U64:
    case CTL_POINTER_SIZE:
        value.pointer = v->pointer;
        break;
    case CTL_BOOLS:
        for (unsigned i = 0; i < ARENA_INDICES; i++) {
            value.flags[i] = arena_at(i) != NULL;
        }
        break;
    case CTL_HOOKS:
        value.hooks = v->hooks;
        break;
    case CTL_VOID:
        return;
    }
    bytes = bytes < *c->oldlenp ? bytes : *c->oldlenp;
    memcpy(c->oldp, &value, bytes);
    *c->oldlenp = bytes;
}

/* Has the access the caller wants? */
static bool permitted(const struct call *c)
{
    bool reads = c->oldp || c->oldlenp, writes = c->newp || c->newlen;
    return !(reads && !(c->name->access & CTL_R)) && !(writes && !(c->name->access & CTL_W));
}

static int answer(struct call *c)
{
    struct ctl_value old = {.number = 0};
    const struct ctl_name *n = c->name;
    if (n->source == CTL_ABSENT || !in_range(n, c->index)) {
        return ENOENT;
    }
    if (!permitted(c)) {
        return EPERM;
    }
    if (hooks_running && (n->source == CTL_ACT || n->source == CTL_MAKES)) {
        return EAGAIN;
    }
    size_t bytes = old_bytes((enum ctl_type)n->type);
    if (c->newp && c->newlen != new_bytes((enum ctl_type)n->type)) {
        return EINVAL;
    }
    bool reads = c->oldp && c->oldlenp, fits = !reads || *c->oldlenp == bytes;
    if (n->source == CTL_MAKES && !(reads && fits)) {
        return EINVAL;
    }
    if (!fits && n->type != CTL_LOOKUP) {
        c->newp = NULL; /* nothing is changed when what was is not told as a whole */
    }
    int error = perform(c, &old);
    if (!error && reads) {
        read_back(c, &old, bytes);
    }
    return error ? error : fits ? 0 : EINVAL;
}

COLD int ctl_read(const struct ctl_name *name, const size_t index[2], struct ctl_value *out)
{
    struct call c = {.name = name, .index = {index[0], index[1]}};
    *out = (struct ctl_value){.number = 0};
    return name->source == CTL_ABSENT || name->source == CTL_MAKES || !in_range(name, c.index) ? ENOENT : perform(&c, out);
}

/* Names are asked of a heap that has started, with an arena at least. */
static bool started(void)
{
    boot();
    (void)thread_cache();
    return thread_arena() != NULL;
}

COLD int DOOR(mallctl)(const char *name, void *oldp, size_t *oldlenp, void *newp, size_t newlen)
{
    struct call c = {.oldp = oldp, .oldlenp = oldlenp, .newp = newp, .newlen = newlen};
    if (!started()) {
        return EAGAIN;
    }
    c.name = find(name, c.index);
    return c.name ? answer(&c) : ENOENT;
}

COLD int DOOR(mallctlbymib)(const size_t *mib, size_t miblen, void *oldp, size_t *oldlenp,
                            void *newp, size_t newlen)
{
    struct call c = {.oldp = oldp, .oldlenp = oldlenp, .newp = newp, .newlen = newlen};
    if (!started()) {
        return EAGAIN;
    }
    c.name = find_mib(mib, miblen, c.index);
    return c.name ? answer(&c) : ENOENT;
}

COLD int DOOR(mallctlnametomib)(const char *name, size_t *mibp, size_t *miblenp)
{
    size_t index[2] = {0, 0};
    if (!started()) {
        return EAGAIN;
    }
    const struct ctl_name *n = find(name, index);
    if (!n || !in_range(n, index)) {
        return ENOENT;
    }
    if (!mibp || !miblenp) {
        return EINVAL;
    }
    size_t depth = ctl_components(n->name);
    depth = depth < *miblenp ? depth : *miblenp;
    for (size_t k = 0, numbers = 0; k < depth; k++) {
        mibp[k] = ctl_is_number(n->name, k) ? index[numbers++] : first_row(n->name, k + 1);
    }
    *miblenp = depth;
    return 0;
}
