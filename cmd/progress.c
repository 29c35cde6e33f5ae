#include "cmd/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "lib/base/clock.h"

enum { REDRAW_US = 100 * 1000 };

static bool drawn;

void progress_clear(void)
{
    if (drawn)
        fputs("\r\033[K", stderr);
    drawn = false;
}

void progress_show(const struct skf_transfer *t)
{
    static int64_t last_us;
    int64_t now = skf_clock_us();
    if (t->done >= t->size) {
        progress_clear();
        return;
    }
    if (now - last_us < REDRAW_US || !isatty(STDERR_FILENO))
        return;
    last_us = now;
    drawn = true;
    fprintf(stderr, "\r\033[K%s %.19s: %.1f of %.1f MB", t->doing, t->digest, (double)t->done / 1e6,
            (double)t->size / 1e6);
}
