/* progress.c: see progress.h. */
#include "run/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BAR_WIDTH 30
#define TERMINAL_EVERY_NS UINT64_C(100000000)
#define PLAIN_EVERY_NS UINT64_C(15000000000)

uint64_t progress_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

void progress_begin(struct progress *progress, const char *unit, uint64_t done, uint64_t total,
                    double later_s, bool quiet)
{
    const char *term = getenv("TERM");

    memset(progress, 0, sizeof *progress);
    progress->unit = unit;
    progress->done = done;
    progress->begun_at = done;
    progress->total = total;
    progress->later_s = later_s;
    progress->quiet = quiet;
    progress->terminal = isatty(2) && term != NULL && strcmp(term, "dumb") != 0;
    progress->start_ns = progress_now_ns();
    progress->said_ns = progress->start_ns;
}

/* Seconds left, at the mean pace of this session; negative before the first unit. */
static double seconds_left(const struct progress *progress)
{
    uint64_t mine = progress->done - progress->begun_at;
    double spent_s = (double)(progress_now_ns() - progress->start_ns) / 1e9;

    if (mine == 0)
        return -1;
    return spent_s / (double)mine * (double)(progress->total - progress->done) + progress->later_s;
}

static void print_left(double left_s)
{
    if (left_s < 0)
        return;
    if (left_s >= 60)
        fprintf(stderr, "  %d min %d s left", (int)left_s / 60, (int)left_s % 60);
    else
        fprintf(stderr, "  %d s left", (int)left_s);
}

static void print_bar(const struct progress *progress, const char *what)
{
    int full = progress->total > 0 ? (int)(BAR_WIDTH * progress->done / progress->total) : 0;

    fputs("\r\033[K[", stderr);
    for (int i = 0; i < BAR_WIDTH; i++)
        fputc(i < full ? '=' : ' ', stderr);
    fprintf(stderr, "] %" PRIu64 " of %" PRIu64 " %s", progress->done, progress->total,
            progress->unit);
    print_left(seconds_left(progress));
    fprintf(stderr, "  %.30s", what);
    fflush(stderr);
}

static void print_line(const struct progress *progress)
{
    fprintf(stderr, "ashlar: %" PRIu64 " of %" PRIu64 " %s", progress->done, progress->total,
            progress->unit);
    print_left(seconds_left(progress));
    fputc('\n', stderr);
}

void progress_step(struct progress *progress, const char *what)
{
    uint64_t now = progress_now_ns();
    bool last = ++progress->done >= progress->total;
    uint64_t every = progress->terminal ? TERMINAL_EVERY_NS : PLAIN_EVERY_NS;

    if (progress->quiet || (!last && now - progress->said_ns < every))
        return;
    progress->said_ns = now;
    if (progress->terminal)
        print_bar(progress, what);
    else
        print_line(progress);
}

void progress_clear(struct progress *progress)
{
    if (progress->terminal && !progress->quiet) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
}
