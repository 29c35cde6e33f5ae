#include "cmd/progress.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"

enum { REDRAW_US = 100 * 1000 };

static bool drawn;

void progress_clear(void)
{
    if (drawn)
        fputs("\r\033[K", stderr);
    drawn = false;
}

static bool may_draw(void)
{
    static int64_t last_us;
    int64_t now = skf_clock_us();
    if (now - last_us < REDRAW_US || !isatty(STDERR_FILENO))
        return false;
    last_us = now;
    drawn = true;
    return true;
}

static int width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < 20)
        return 80;
    return size.ws_col;
}

/* A program's own control characters must not move the cursor. */
void progress_say(const char *subject, const char *text)
{
    if (!may_draw())
        return;
    skf_autobuf struct skf_buf line = SKF_BUF_INIT;
    skf_buf_addf(&line, "[%s] ", subject);
    for (; *text && line.len + 1 < (size_t)width(); text++)
        skf_buf_addc(&line, (unsigned char)*text < ' ' || *text == 127 ? ' ' : *text);
    fprintf(stderr, "\r\033[K%s", line.data);
}

void progress_show(const struct skf_transfer *t)
{
    if (t->done >= t->size) {
        progress_clear();
        return;
    }
    if (!may_draw())
        return;
    fprintf(stderr, "\r\033[K%s %.19s: %.1f of %.1f MB", t->doing, t->digest, (double)t->done / 1e6,
            (double)t->size / 1e6);
}
