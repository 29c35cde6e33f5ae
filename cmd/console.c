#include "cmd/console.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/progress.h"
#include "lib/base/mem.h"

enum { MAX_LOG_SOURCES = 1000 };
enum color { PLAIN = 0, RED = 31, GREEN = 32, YELLOW = 33, BLUE = 34, GREY = 90 };

static bool wants_color(FILE *to, const char *when)
{
    const char *term = getenv("TERM");
    if (when && strcmp(when, "always") == 0)
        return true;
    if ((when && strcmp(when, "never") == 0) || getenv("NO_COLOR"))
        return false;
    return isatty(fileno(to)) && term && strcmp(term, "dumb") != 0;
}

int console_init(struct console *c, const struct options *o, bool data_on_stdout,
                 struct skf_err *err)
{
    static const char *const when[] = { "auto", "always", "never" };
    bool known = !o->color;
    for (size_t i = 0; i < SKF_ARRAY_LEN(when) && !known; i++)
        known = strcmp(o->color, when[i]) == 0;
    if (!known)
        return skf_err_set(err, SKF_EUSAGE, "--color takes auto, always or never, not '%s'",
                           o->color);
    bool json = o->format && strcmp(o->format, "json") == 0;
    if (o->format && !json && strcmp(o->format, "text") != 0)
        return skf_err_set(err, SKF_EUSAGE, "--format takes text or json, not '%s'", o->format);
    memset(c, 0, sizeof *c);
    c->json = json;
    c->out = data_on_stdout ? stderr : stdout;
    c->color_out = wants_color(c->out, o->color);
    c->color_err = wants_color(stderr, o->color);
    c->quiet = o->quiet;
    c->timestamps = o->timestamps;
    return 0;
}

/* `skiff dev | head`: end in good order. Asked once: a second request would be an impatient one. */
static void nobody_reads(void)
{
    static bool asked;
    if (!asked)
        raise(SIGTERM);
    asked = true;
}

static void print(const struct console *c, FILE *to, enum color color, const char *fmt, va_list ap)
{
    progress_clear();
    bool colored = color && (to == stderr ? c->color_err : c->color_out);
    if (c->timestamps) {
        struct timespec now;
        struct tm local;
        char text[16];
        clock_gettime(CLOCK_REALTIME, &now);
        localtime_r(&now.tv_sec, &local);
        strftime(text, sizeof text, "%H:%M:%S", &local);
        fprintf(to, "%s.%03ld ", text, now.tv_nsec / 1000000);
    }
    if (colored)
        fprintf(to, "\033[%dm", color);
    vfprintf(to, fmt, ap);
    fputs(colored ? "\033[0m\n" : "\n", to);
    if (fflush(to) != 0 && errno == EPIPE && to == stdout)
        nobody_reads();
}

static void say(const struct console *c, enum color color, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void say(const struct console *c, enum color color, const char *fmt, ...)
{
    va_list ap;
    if (c->quiet)
        return;
    va_start(ap, fmt);
    print(c, c->out, color, fmt, ap);
    va_end(ap);
}

static void complain(const struct console *c, enum color color, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void complain(const struct console *c, enum color color, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    print(c, stderr, color, fmt, ap);
    va_end(ap);
}

void console_error(const struct console *c, const struct skf_err *err)
{
    char text[2048];
    skf_err_format(err, text, sizeof text);
    complain(c, RED, "skiff: %s", text);
}

void console_note(const struct console *c, const char *text)
{
    say(c, GREY, "note: %s", text);
}

void console_findings(const struct console *c, const struct skf_diagnostics *diags)
{
    if (c->json) {
        skf_autobuf struct skf_buf all = SKF_BUF_INIT;
        skf_diagnostics_json(diags, &all);
        fwrite(all.data, 1, all.len, stderr);
        return;
    }
    for (size_t i = 0; i < diags->n; i++) {
        skf_autobuf struct skf_buf text = SKF_BUF_INIT;
        skf_diagnostic_format(&diags->v[i], c->color_err, &text);
        skf_buf_trim(&text);
        complain(c, PLAIN, "%s", text.data);
    }
}

static void say_failed(const struct console *c, const char *what, const struct skf_err *err)
{
    char text[2048];
    skf_err_format(err, text, sizeof text);
    complain(c, RED, "%s: %s", what, text);
}

static void say_build_failed(const struct console *c, const struct skf_event *ev)
{
    skf_autofree char *what = skf_xasprintf("Build [%s] failed", ev->subject);
    say_failed(c, what, ev->err);
}

static void say_changed(struct console *c, const struct skf_event *ev)
{
    c->tagging = c->caching = false;
    if (ev->number > 1)
        say(c, BLUE, "%s and %lld more changed", ev->subject, ev->number - 1);
    else
        say(c, BLUE, "%s changed", ev->subject);
}

static void say_tag(struct console *c, const struct skf_event *ev)
{
    if (!c->tagging)
        say(c, BLUE, "Generating tags...");
    c->tagging = true;
    say(c, PLAIN, " - %s -> %s", ev->subject, ev->text);
}

static void say_found(struct console *c, const struct skf_event *ev)
{
    static const char *const words[] = { [SKF_FOUND_NOT] = "Not found. Building",
                                         [SKF_FOUND_LOCALLY] = "Found Locally",
                                         [SKF_FOUND_REMOTELY] = "Found Remotely",
                                         [SKF_FOUND_TAGGED] = "Found. Tagging" };
    if (ev->kind == SKF_EV_CACHE_MISSED && c->said_exit)
        return; /* a save is there to be built */
    if (!c->caching)
        say(c, BLUE, "Checking cache...");
    c->caching = true;
    say(c, PLAIN, " - %s: %s", ev->subject,
        words[ev->kind == SKF_EV_CACHE_HIT ? ev->number : SKF_FOUND_NOT]);
}

static void say_ready(const struct console *c, const struct skf_event *ev)
{
    say(c, GREEN, "Deployments stabilized in %.3f seconds", (double)ev->us / 1e6);
}

static void say_loop(struct console *c, const struct skf_event *ev)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_ledger_format(ev->ledger, &text);
    c->tagging = false;
    say(c, GREY, "%s", text.data);
}

#define KEYS "; r rebuild, l logs on/off, p pause, q quit"

void console_keys(const struct console *c)
{
    say(c, YELLOW, "Keys%s", KEYS);
}

void console_gap(const struct console *c)
{
    say(c, PLAIN, "%s", "");
}

void console_toggle_logs(struct console *c)
{
    c->logs_off = !c->logs_off;
    say(c, YELLOW, "Logs are %s (l)", c->logs_off ? "off" : "on");
}

static void say_watching(struct console *c)
{
    if (!c->said_exit)
        say(c, YELLOW, "Press Ctrl+C to exit%s", c->keys ? KEYS : "");
    c->said_exit = true;
    say(c, PLAIN, "Watching for changes...");
    malloc_trim(0); /* what a loop needed is not kept while nothing happens */
}

void console_release(struct console *c)
{
    skf_strv_release(&c->log_sources);
}

/* Skaffold's colours, one after the other. */
static int log_color(struct console *c, const char *source)
{
    static const int colors[] = { 91, 92, 93, 94, 95, 31, 32, 33, 34, 35, 36 };
    size_t i = 0;
    while (i < c->log_sources.n && strcmp(c->log_sources.v[i], source) != 0)
        i++;
    if (i == c->log_sources.n && i < MAX_LOG_SOURCES)
        skf_strv_add(&c->log_sources, source);
    return colors[i % SKF_ARRAY_LEN(colors)];
}

void console_log(struct console *c, const char *source, const char *prefix, const char *text)
{
    if (*prefix && c->color_out)
        say(c, PLAIN, "\033[%dm%s\033[0m %s", log_color(c, source), prefix, text);
    else
        say(c, PLAIN, "%s%s%s", prefix, *prefix ? " " : "", text);
}

void console_event(void *data, const struct skf_event *ev)
{
    struct console *c = data;
    switch (ev->kind) {
    case SKF_EV_NOTE:
        console_note(c, ev->text);
        break;
    case SKF_EV_WARNING:
        complain(c, YELLOW, "warning: %s", ev->text);
        break;
    case SKF_EV_CONFIG_FINDINGS:
        console_findings(c, ev->diags);
        break;
    case SKF_EV_CONFIG_BROKEN:
        if (ev->err->code != SKF_ECONFIG || ev->err->file[0])
            console_error(c, ev->err);
        complain(c, YELLOW, "The last good configuration stays in force.");
        break;
    case SKF_EV_CONFIG_RELOADED:
        say(c, BLUE, "Configuration reloaded: %s", ev->text);
        break;
    case SKF_EV_CHANGED:
        say_changed(c, ev);
        break;
    case SKF_EV_TAGGED:
        say_tag(c, ev);
        break;
    case SKF_EV_HOOKS_STARTED:
        say(c, BLUE, "Starting %s hooks...", ev->text);
        break;
    case SKF_EV_HOOKS_LINE:
        say(c, PLAIN, "%s", ev->text);
        break;
    case SKF_EV_HOOKS_DONE:
        say(c, BLUE, "Completed %s hooks", ev->text);
        break;
    case SKF_EV_HOOKS_FAILED:
        say_failed(c, "Failed", ev->err);
        break;
    case SKF_EV_CACHE_MISSED:
    case SKF_EV_CACHE_HIT:
        say_found(c, ev);
        break;
    case SKF_EV_TEST_STARTED:
        say(c, BLUE, "Starting test...");
        break;
    case SKF_EV_TEST_LINE:
        say(c, PLAIN, "%s", ev->text);
        break;
    case SKF_EV_TEST_DONE:
        break;
    case SKF_EV_TEST_FAILED:
        say_failed(c, "Test failed", ev->err);
        break;
    case SKF_EV_BUILD_STARTED:
        say(c, BLUE, "Building [%s]...", ev->subject);
        break;
    case SKF_EV_BUILD_PROGRESS:
        if (!c->quiet)
            progress_say(ev->subject, ev->text);
        break;
    case SKF_EV_BUILD_LINE:
        say(c, PLAIN, "%s", ev->text);
        break;
    case SKF_EV_BUILD_DONE:
        say(c, GREEN, "Build [%s] succeeded", ev->subject);
        break;
    case SKF_EV_BUILD_FAILED:
        say_build_failed(c, ev);
        break;
    case SKF_EV_BUILD_CANCELED:
        say(c, YELLOW, "Build [%s] was canceled", ev->subject);
        break;
    case SKF_EV_SYNC_STARTED:
        say(c, BLUE, "Syncing %lld file%s for %s", ev->number, ev->number == 1 ? "" : "s",
            ev->text);
        break;
    case SKF_EV_SYNC_DONE:
        say(c, BLUE, "Synced into %lld container%s", ev->number, ev->number == 1 ? "" : "s");
        break;
    case SKF_EV_SYNC_FAILED:
        complain(c, YELLOW, "warning: cannot sync for [%s]: %s: building an image instead",
                 ev->subject, ev->err->msg);
        break;
    case SKF_EV_DEPLOY_STARTED:
        say(c, BLUE, "Starting deploy...");
        break;
    case SKF_EV_DEPLOY_LINE:
    case SKF_EV_CLEANUP_LINE:
        say(c, PLAIN, " - %s", ev->text);
        break;
    case SKF_EV_DEPLOY_NOTHING:
        say(c, PLAIN, "Nothing to deploy: images and manifests are as they were");
        break;
    case SKF_EV_DEPLOY_DONE:
        break;
    case SKF_EV_DEPLOY_FAILED:
        say_failed(c, "Deploy failed", ev->err);
        break;
    case SKF_EV_STATUS_STARTED:
        say(c, BLUE, "Waiting for deployments to stabilize...");
        break;
    case SKF_EV_STATUS_LINE:
        say(c, PLAIN, " - %s", ev->text);
        break;
    case SKF_EV_STATUS_READY:
        say_ready(c, ev);
        break;
    case SKF_EV_STATUS_FAILED:
        say_failed(c, "Not ready", ev->err);
        break;
    case SKF_EV_LOOP_DONE:
        say_loop(c, ev);
        break;
    case SKF_EV_WATCHING:
        say_watching(c);
        break;
    case SKF_EV_HELD:
        say(c, YELLOW, "On hold: %s (r or 'skiff trigger')", ev->text);
        break;
    case SKF_EV_PAUSED:
        say(c, YELLOW, "Paused: changes are collected (p goes on, r builds them now)");
        break;
    case SKF_EV_RESUMED:
        say(c, YELLOW, "Going on");
        break;
    case SKF_EV_TRIGGERED:
        c->tagging = false;
        say(c, BLUE, "Triggered: %s", ev->text);
        break;
    case SKF_EV_LOG:
        if (c->logs_off)
            break;
        console_log(c, ev->subject, ev->subject, ev->text);
        break;
    case SKF_EV_FORWARDED:
        say(c, GREEN, "%s", ev->text);
        break;
    case SKF_EV_CLEANUP_STARTED:
        say(c, BLUE, "Cleaning up...");
        break;
    case SKF_EV_CLEANUP_FAILED:
        say_failed(c, "Cleaning up failed", ev->err);
        break;
    }
}

void console_summary(struct console *c, const struct skf_ledger_history *h)
{
    if (h->totals_us.n < 2)
        return;
    say(c, GREY, "%zu loops · p50 %lld ms · p95 %lld ms", h->totals_us.n,
        (long long)skf_ledger_percentile_us(h, 50) / 1000,
        (long long)skf_ledger_percentile_us(h, 95) / 1000);
}
