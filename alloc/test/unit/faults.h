/* faults.h: a system that refuses, waits, and tells a time of our choosing.
 *
 * The programs are linked with --wrap for the calls below (UNIT_WRAPS in module.mk), so the modules
 * under test call these instead of the C library. Nothing differs until a field is set.
 */
#ifndef ASHLAR_TEST_UNIT_FAULTS_H
#define ASHLAR_TEST_UNIT_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct faults {
    /* How many more calls succeed until all fail; below 0: all succeed. */
    long mmaps_left;
    long madvises_left;
    long munmaps_left;
    size_t mmap_bytes_max;     /* larger mappings fail; 0: no limit */
    uintptr_t mmap_gives;      /* this address, where not 0, and no memory */
    bool setspecific_fails;
    long sysconf_gives;        /* where not 0 */
    const char *link_text;     /* the target of any symbolic link; NULL: as it is */
    const char *file_text;     /* the contents of any file that is opened; NULL: as it is */
    /* The contents of the file with this path; NULL: there is none. Where not NULL itself, before that. */
    const char *(*file_at)(const char *path);
    size_t file_bytes;         /* of it, where it holds zeros; 0: up to the first one */
    int writes_interrupted;    /* so many writes fail by EINTR */
    size_t write_bytes_max;    /* a write takes no more; 0: no limit */
    uint64_t clock_ms;         /* the time; 0: as it is */
    void (*in_mmap)(void);     /* called first */

    /* What was called. */
    unsigned mmaps, munmaps, madvises, writes;
    unsigned hints;            /* madvise of huge pages */
    size_t hint_bytes;         /* of the last one */
};
extern struct faults faults;

/* All as it is again; the counts start at 0. */
void faults_none(void);

/* Makes in_mmap stop the calling thread for ever, and tells when one has stopped: so a test forks
 * while that thread holds the locks that it took on the way. */
void faults_stop_in_mmap(void);
void faults_wait_until_stopped(void);

/* Starts a thread that runs `body` into such a stop and returns when it stands there. */
void faults_strand(void *(*body)(void *), void *arg);

#endif
