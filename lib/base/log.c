#include "lib/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/base/clock.h"

static bool debug;

void skf_log_set_debug(bool on)
{
    debug = on;
}

bool skf_log_debug_on(void)
{
    return debug;
}

void skf_log_debug(const char *fmt, ...)
{
    if (!debug)
        return;
    int saved = errno; /* a line of debug text must not change what the caller reports */
    char line[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    fprintf(stderr, "debug %8.3f %s\n", (double)skf_clock_us() / 1e6, line);
    errno = saved;
}
