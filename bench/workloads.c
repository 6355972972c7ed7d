/* workloads.c: the list of all workloads. A new one is a file under workload/ and two lines here.
 */
#include "core/workload.h"

extern const struct workload workload_fastpath;
extern const struct workload workload_stack;
extern const struct workload workload_larson;
extern const struct workload workload_xmalloc_test;
extern const struct workload workload_malloc_large;
extern const struct workload workload_frag;
extern const struct workload workload_threadtest;
extern const struct workload workload_linux_scalability;
extern const struct workload workload_glibc_thread;
extern const struct workload workload_alloc_test;
extern const struct workload workload_cache_thrash;
extern const struct workload workload_cache_scratch;
extern const struct workload workload_churn;
extern const struct workload workload_blowup;
extern const struct workload workload_msgpass;
extern const struct workload workload_contention;
extern const struct workload workload_batch_remote;
extern const struct workload workload_sh8_like;
extern const struct workload workload_mstress;
extern const struct workload workload_rptest;
extern const struct workload workload_fastpath_dep;
extern const struct workload workload_glibc_simple;
extern const struct workload workload_calloc_zero;
extern const struct workload workload_realloc_grow;
extern const struct workload workload_aligned_mix;
extern const struct workload workload_trees;

const struct workload *const workloads[] = {
    &workload_fastpath,
    &workload_stack,
    &workload_larson,
    &workload_xmalloc_test,
    &workload_malloc_large,
    &workload_frag,
    &workload_threadtest,
    &workload_linux_scalability,
    &workload_glibc_thread,
    &workload_alloc_test,
    &workload_cache_thrash,
    &workload_cache_scratch,
    &workload_churn,
    &workload_blowup,
    &workload_msgpass,
    &workload_contention,
    &workload_batch_remote,
    &workload_sh8_like,
    &workload_mstress,
    &workload_rptest,
    &workload_fastpath_dep,
    &workload_glibc_simple,
    &workload_calloc_zero,
    &workload_realloc_grow,
    &workload_aligned_mix,
    &workload_trees,
    NULL,
};
