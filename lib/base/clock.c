#include "lib/base/clock.h"

#include <limits.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t skf_clock_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t skf_clock_wall_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

unsigned skf_seconds_ms(int seconds)
{
    unsigned most = UINT_MAX / 1000;
    if (seconds <= 0)
        return 0;
    return ((unsigned)seconds < most ? (unsigned)seconds : most) * 1000;
}
