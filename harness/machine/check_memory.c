/* check_memory.c: doubts about memory: its pages, its limits, and who takes it back.
 *
 * Above         doctor.c
 */
#include "base/text.h"
#include "machine/check.h"
#include "machine/environment.h"

#include <stdlib.h>
#include <string.h>

#define THP "/sys/kernel/mm/transparent_hugepage/"
#define MEMORY_MIN_KIB (1024 * 1024) /* four times the 256 MiB that a workload may hold */
#define DISK_MIN_MIB 1024            /* a long suite writes some MiB; a trace, hundreds */
#define TOUCH_MAX_FACTOR 2           /* fresh against again: both clear the page */
#define PAGES_PER_HUGE 512
#define VIRTIO_DEVICES 32
#define VIRTIO_BALLOON "0x0005"
#define VIRTIO_BALLOON_REPORTING 5 /* the feature bit of free page reporting */

static bool check_thp(struct complaint *complaint, const struct gauges *gauges)
{
    char *state = environment_choice(THP "enabled");
    bool bad = state != NULL && strcmp(state, "never") != 0;

    if (bad && gauges != NULL && gauges->huge_fresh_ns > 0)
        measured(complaint,
                 "2 MiB cost %.0f us at first touch in pages of 4 KiB, %.0f us as one "
                 "huge page: who gets one has that for nothing, or pays it",
                 gauges->page_fresh_ns * PAGES_PER_HUGE / 1000, gauges->huge_fresh_ns / 1000);
    if (bad)
        complain(complaint,
                 "read the result as one for this state; compare with echo never > " THP "enabled",
                 "transparent huge pages are '%s'%s", state,
                 strcmp(state, "madvise") == 0 ? ": they favour the allocator that asks for them"
                                               : ": peak memory comes in steps of 2 MiB");
    free(state);
    return bad;
}

static bool check_defrag(struct complaint *complaint, const struct gauges *gauges)
{
    char *enabled = environment_choice(THP "enabled");
    char *defrag = environment_choice(THP "defrag");
    bool wanted = enabled != NULL && strcmp(enabled, "never") != 0;
    /* The others leave the work to a thread of the kernel, or do none. */
    bool bad = wanted && defrag != NULL &&
               (strcmp(defrag, "always") == 0 || strcmp(defrag, "madvise") == 0 ||
                strcmp(defrag, "defer+madvise") == 0);

    (void)gauges;
    if (bad)
        complain(complaint, "echo defer > " THP "defrag",
                 "the kernel compacts memory within a page fault (defrag is '%s')%s", defrag,
                 strcmp(defrag, "always") == 0 ? "" : ", for whoever asks for huge pages");
    free(enabled);
    free(defrag);
    return bad;
}

/* Whether one of the devices of the virtio bus is a balloon, and whether it reports free pages. */
static bool virtio_balloon(bool *reports)
{
    bool found = false;

    *reports = false;
    for (int i = 0; i < VIRTIO_DEVICES && !found; i++) {
        char *device = text_format("/sys/bus/virtio/devices/virtio%d/device", i);
        char *features = text_format("/sys/bus/virtio/devices/virtio%d/features", i);
        char *kind = environment_read(device), *bits = environment_read(features);

        found = kind != NULL && strcmp(kind, VIRTIO_BALLOON) == 0;
        *reports = found && bits != NULL && strlen(bits) > VIRTIO_BALLOON_REPORTING &&
                   bits[VIRTIO_BALLOON_REPORTING] == '1';
        free(device);
        free(features);
        free(kind);
        free(bits);
    }
    return found;
}

static bool check_balloon(struct complaint *complaint, const struct gauges *gauges)
{
    bool reports, found = virtio_balloon(&reports);

    found = found || environment_has("/sys/devices/system/xen_memory") ||
            environment_has("/sys/module/vmw_balloon") || environment_has("/sys/module/hv_balloon");
    if (!found)
        return false;
    if (gauges != NULL)
        measured(complaint,
                 "first touch: 4 KiB %.2f us fresh, %.2f us again; 2 MiB huge page %.0f "
                 "us fresh, %.0f us again",
                 gauges->page_fresh_ns / 1000, gauges->page_again_ns / 1000,
                 gauges->huge_fresh_ns / 1000, gauges->huge_again_ns / 1000);
    return complain(complaint, "a machine without a balloon, or fault the memory in before the run",
                    reports
                        ? "the kernel reports free pages to the hypervisor, which takes them: "
                          "first touch waits for it"
                        : "a balloon lets the hypervisor take memory: first touch may wait for it");
}

static bool check_touch(struct complaint *complaint, const struct gauges *gauges)
{
    bool page, huge;

    if (gauges == NULL)
        return environment_is_virtual() &&
               complain(complaint, "compare such rows only within one interleaved run",
                        "first touch of memory goes through the hypervisor's page tables too");
    page = gauges->page_fresh_ns > TOUCH_MAX_FACTOR * gauges->page_again_ns;
    huge = gauges->huge_fresh_ns > TOUCH_MAX_FACTOR * gauges->huge_again_ns;
    if (!page && !huge)
        return false;
    if (huge)
        measured(complaint, "a 2 MiB huge page costs %.0f us fresh, %.0f us again after DONTNEED",
                 gauges->huge_fresh_ns / 1000, gauges->huge_again_ns / 1000);
    else
        measured(complaint, "a 4 KiB page costs %.2f us fresh, %.2f us again after DONTNEED",
                 gauges->page_fresh_ns / 1000, gauges->page_again_ns / 1000);
    return complain(complaint, "compare such rows only within one interleaved run",
                    "memory that the machine has not touched lately is dear: times depend on what "
                    "ran before");
}

static bool check_swap(struct complaint *complaint, const struct gauges *gauges)
{
    long total_kib = environment_kib("SwapTotal");
    long used_kib = total_kib - environment_kib("SwapFree");

    (void)gauges;
    if (total_kib == 0)
        return false;
    computed(complaint, "%ld MiB are swapped out now%s", used_kib / 1024,
             used_kib > 0
                 ? ": pages out there are in nobody's resident memory, and come back slowly"
                 : "; a page that goes there leaves resident memory and comes back slowly");
    return complain(complaint, "swapoff -a", "swap is on (%ld MiB)", total_kib / 1024);
}

static bool check_memory(struct complaint *complaint, const struct gauges *gauges)
{
    char *text = environment_field("/proc/meminfo", "MemAvailable");
    long kib = text != NULL ? atol(text) : MEMORY_MIN_KIB;

    (void)gauges;
    free(text);
    return kib < MEMORY_MIN_KIB &&
           complain(complaint, "free some memory, or use a machine with 2 GiB or more",
                    "only %ld MiB of memory are available", kib / 1024);
}

static bool check_limit(struct complaint *complaint, const struct gauges *gauges)
{
    double limit, used;

    (void)gauges;
    if (!environment_group_memory(&limit, &used) || limit - used >= (double)MEMORY_MIN_KIB * 1024)
        return false;
    return complain(complaint,
                    "raise the limit (memory.max of the control group, --memory of the container)",
                    "the control group may have %.0f MiB of memory and uses %.0f",
                    limit / (1 << 20), used / (1 << 20));
}

static bool check_disk(struct complaint *complaint, const struct gauges *gauges)
{
    double mib = environment_disk_free_mib();

    (void)gauges;
    return mib >= 0 && mib < DISK_MIN_MIB &&
           complain(complaint, "make room, or --results DIR on another disk",
                    "only %.0f MiB are free for results", mib);
}

static bool check_aslr(struct complaint *complaint, const struct gauges *gauges)
{
    char *state = environment_read("/proc/sys/kernel/randomize_va_space");
    bool bad = state != NULL && strcmp(state, "2") != 0;

    (void)gauges;
    if (bad)
        complain(complaint, "sysctl kernel.randomize_va_space=2",
                 "address randomisation is %s: one layout may be lucky for all samples", state);
    free(state);
    return bad;
}

const struct check checks_of_memory[] = {
    {"swap", LEVEL_BIAS, "peak memory, time", "", check_swap},
    {"memory", LEVEL_BIAS, "time, peak memory",
     "near the end the kernel takes pages back from whoever holds most, or kills it", check_memory},
    {"limit", LEVEL_BIAS, "time, peak memory",
     "at the limit the kernel takes pages back within page faults, or kills the process (status "
     "oom)",
     check_limit},
    {"thp", LEVEL_BIAS, "time, peak memory",
     "1 page fault instead of 512 and up to 2 MiB a heap, for the allocator that gets huge pages",
     check_thp},
    {"balloon", LEVEL_BIAS, "time of first touch, of huge pages above all",
     "punishes the allocator that touches the most fresh memory", check_balloon},
    {"aslr", LEVEL_BIAS, "time",
     "some percent to one side, the same in every sample, so that no interval shows it",
     check_aslr},
    {"touch", LEVEL_NOISE, "time of rows that touch fresh memory",
     "they drift over an hour on virtual machines", check_touch},
    {"defrag", LEVEL_NOISE, "latency, time of first touch",
     "a huge page may wait for compaction: a maximum of milliseconds where memory is scattered",
     check_defrag},
    {"disk", LEVEL_GAP, "the samples themselves", "a run that cannot be stored ends", check_disk},
    {0},
};
