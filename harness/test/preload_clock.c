/* preload_clock.c: a wall clock that is set while somebody reads it. The monotonic one goes on.
 *
 *     CLOCK=jumps        every second reading is ten years before the true time, the others after
 *     CLOCK=frozen:SEC   stands at SEC
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define TEN_YEARS_S 315576000

static time_t falsified(time_t true_s)
{
    static atomic_int readings;
    const char *clock = getenv("CLOCK");

    if (clock == NULL)
        return true_s;
    if (strncmp(clock, "frozen:", 7) == 0)
        return atol(clock + 7);
    return atomic_fetch_add(&readings, 1) % 2 == 0 ? true_s - TEN_YEARS_S : true_s + TEN_YEARS_S;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, id, now);

    if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        now->tv_sec = falsified(now->tv_sec);
    return result;
}

time_t time(time_t *at)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (at != NULL)
        *at = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}
