/* lib/base/clock.h: time. Monotonic for durations, wall for what people and files see. */
#ifndef SKF_BASE_CLOCK_H
#define SKF_BASE_CLOCK_H
#include <stdint.h>

/* Microseconds since an arbitrary start; never goes back, does not count suspend. */
int64_t skf_clock_us(void);
static inline int64_t skf_clock_ms(void)
{
    return skf_clock_us() / 1000;
}
/* Milliseconds since 1970 of the wall clock. */
int64_t skf_clock_wall_ms(void);
/* A limit in seconds as milliseconds: 0 = none, also for less than 0; at most what an unsigned
 * holds. */
unsigned skf_seconds_ms(int seconds);
#endif
