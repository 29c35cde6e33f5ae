/* happy path: status with a container id -> stream (follow, with time stamps) -> lines -> its end.
 * restarts:   a new container id while nothing is read opens the next stream; while a stream is
 * open, the end of that stream does. A run that ended before we looked is read with previous=true.
 * failures:   the stream breaks, or ends though the container still runs: again after a pause, from
 * the second of the last line; lines with older or equal stamps are known already. on close: stream
 * cancelled, timer closed, then `closed`. */
#include "lib/kube/tail.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#include "lib/base/mem.h"
#include "lib/kube/jget.h"

enum {
    MAX_LINE = 64 * 1024, /* longer ones come in pieces */
    SETTLE_MS = 300,      /* the pod's status follows the end of its log */
    MAX_PAUSE_MS = 5000,
    GONE_MS = 3000,
};

void skf_tail_init(struct skf_tail *t)
{
    memset(t, 0, sizeof *t);
    skf_kube_req_init(&t->req);
    skf_buf_init(&t->line);
}

void skf_tail_release(struct skf_tail *t)
{
    char *owned[] = { t->namespace_, t->pod, t->container, t->instance, t->read_instance };
    for (size_t i = 0; i < SKF_ARRAY_LEN(owned); i++)
        free(owned[i]);
    skf_kube_req_release(&t->req);
    skf_buf_release(&t->line);
}

int64_t skf_tail_stamp(const char *line, size_t len, size_t *text)
{
    const char *blank = memchr(line, ' ', len < 64 ? len : 64);
    size_t n = blank ? (size_t)(blank - line) : len;
    char stamp[64];
    if (n >= sizeof stamp || n < 20)
        return -1;
    memcpy(stamp, line, n);
    stamp[n] = '\0';
    int64_t ms = skf_jtime_ms(stamp);
    if (ms < 0)
        return -1;
    int64_t ns = ms / 1000 * 1000000000;
    const char *dot = strchr(stamp, '.');
    int64_t weight = 100000000;
    for (const char *p = dot ? dot + 1 : ""; *p >= '0' && *p <= '9' && weight; p++) {
        ns += (*p - '0') * weight;
        weight /= 10;
    }
    *text = blank ? n + 1 : len;
    return ns;
}

/* --- lines ------------------------------------------------------------------------------------ */

/* Was this line told before a reconnect? */
static bool known(struct skf_tail *t, int64_t ns)
{
    if (ns < t->from_ns || ns < t->last_ns)
        return true;
    if (ns == t->last_ns && t->skip) {
        t->skip--;
        return true;
    }
    return false;
}

static void on_line(struct skf_tail *t, char *line, size_t len)
{
    size_t text = 0;
    int64_t ns = skf_tail_stamp(line, len, &text);
    if (ns < 0) {
        /* The kubelet's own words ("unable to retrieve container logs for ..."). */
        return;
    }
    if (known(t, ns))
        return;
    t->last_count = ns == t->last_ns ? t->last_count + 1 : 1;
    t->last_ns = ns;
    t->skip = 0;
    if (len > text && line[len - 1] == '\r')
        len--;
    for (char *nul; (nul = memchr(line + text, '\0', len - text));)
        *nul = ' '; /* a line is handed on as text, which would end there */
    char keep = line[len];
    line[len] = '\0';
    t->on_line(t, line + text, len - text, ns);
    line[len] = keep;
}

static void on_data(struct skf_kube_req *r, const char *data, size_t len)
{
    struct skf_tail *t = r->data;
    t->tries = 0;
    t->told_trouble = false;
    skf_buf_add(&t->line, data, len);
    size_t done = 0;
    while (!t->closing) {
        char *at = t->line.data + done;
        size_t left = t->line.len - done;
        char *eol = memchr(at, '\n', left);
        if (eol) {
            on_line(t, at, (size_t)(eol - at));
            done += (size_t)(eol - at) + 1;
        } else if (left > MAX_LINE) {
            size_t text, part = MAX_LINE;
            on_line(t, at, part);
            /* What is left has the same stamp: put it in front again. */
            if (skf_tail_stamp(at, part, &text) >= 0 && text < part) {
                memmove(at + part - text, at, text);
                part -= text;
            }
            done += part;
        } else {
            break;
        }
    }
    skf_buf_drop(&t->line, done < t->line.len ? done : t->line.len);
}

/* A last line without its end: told when nothing more can come. After a break it comes again,
 * whole. */
static void flush(struct skf_tail *t)
{
    size_t len = t->line.len;
    if (len) {
        skf_buf_addc(&t->line, '\0'); /* room for the end that on_line writes */
        on_line(t, t->line.data, len);
    }
    skf_buf_clear(&t->line);
}

/* --- streams ---------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

static void on_stream_done(struct skf_kube_req *r, const struct skf_err *err);

static void read_log(struct skf_tail *t, bool previous)
{
    skf_autobuf struct skf_buf path = SKF_BUF_INIT;
    skf_autofree char *pod = skf_kube_path("Pod", t->namespace_, t->pod);
    skf_autofree char *container = skf_http_escape(t->container);
    skf_buf_addf(&path, "%s/log?container=%s&timestamps=true%s", pod, container,
                 previous  ? "&previous=true"
                 : t->once ? ""
                           : "&follow=true");
    int64_t from = t->last_ns > t->from_ns ? t->last_ns : t->from_ns;
    if (from > 0) {
        char stamp[32];
        time_t seconds = (time_t)(from / 1000000000);
        struct tm tm;
        gmtime_r(&seconds, &tm);
        strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &tm);
        skf_buf_addf(&path, "&sinceTime=%s", stamp);
    }
    if (t->read_instance && strcmp(t->read_instance, t->instance) != 0)
        flush(t);
    skf_buf_clear(&t->line);
    t->skip = t->last_count;
    t->reading = true;
    t->previous = previous;
    if (!previous) {
        skf_replace(&t->read_instance, skf_xstrdup(t->instance));
        t->run_ended = false;
    }
    t->req.data = t;
    t->req.on_data = on_data;
    skf_kube_get(t->api, &t->req, skf_buf_take(&path), on_stream_done);
}

/* What there is to read now, if anything. */
static void next(struct skf_tail *t)
{
    if (t->reading || t->closing || !t->instance)
        return;
    if (t->want_previous) {
        t->want_previous = false;
        read_log(t, true);
    } else if (!t->read_instance || strcmp(t->read_instance, t->instance) != 0) {
        read_log(t, false);
    } else if (!t->run_ended && !uv_is_active((uv_handle_t *)&t->timer)) {
        read_log(t, false); /* the stream broke */
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct skf_tail *t = timer->data;
    if (t->gone && t->reading)
        skf_kube_req_cancel(&t->req);
    else if (t->gone)
        skf_tail_close(t);
    else
        next(t);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct skf_tail *t = handle->data;
    t->closed(t);
}

static void on_stream_done(struct skf_kube_req *r, const struct skf_err *err)
{
    struct skf_tail *t = r->data;
    t->reading = false;
    if (!t->closing && (t->run_ended || t->previous || t->gone))
        flush(t);
    if (t->closing) {
        uv_close((uv_handle_t *)&t->timer, on_handle_closed);
        return;
    }
    if (t->gone || (t->once && !t->previous)) {
        if (t->once)
            flush(t);
        if (err && t->on_trouble && t->once)
            t->on_trouble(t, err);
        skf_tail_close(t);
        return;
    }
    if (t->previous) {
        next(t);
        return;
    }
    bool denied = err && r->status >= 400 && r->status < 500;
    if (err && !t->told_trouble && t->on_trouble && r->status == 403)
        t->on_trouble(t, err);
    t->told_trouble |= err != NULL;
    if (denied) {
        t->run_ended = true; /* not there any more, or not ours to read */
        if (strcmp(t->read_instance, t->instance) != 0)
            next(t);
        return;
    }
    unsigned pause = SETTLE_MS << (t->tries < 5 ? t->tries : 5);
    t->tries++;
    uv_timer_start(&t->timer, on_timer, pause < MAX_PAUSE_MS ? pause : MAX_PAUSE_MS, 0);
}

/* --- the owner -------------------------------------------------------------------------------- */

void skf_tail_open(struct skf_tail *t)
{
    uv_timer_init(skf_kube_api_loop(t->api), &t->timer);
    t->timer.data = t;
}

void skf_tail_status(struct skf_tail *t, const json_t *status)
{
    const char *id = skf_jtext(status, "containerID");
    bool running = skf_jget(status, "state.running") != NULL;
    if (!*id)
        return;
    if (!t->instance) {
        /* Runs that ended since: their words are why it was restarted. */
        int64_t ended = skf_jtime_ms(skf_jstr(status, "lastState.terminated.finishedAt"));
        t->want_previous = running && ended >= 0 && ended * 1000000 >= t->from_ns;
    }
    bool new_run = !t->instance || strcmp(t->instance, id) != 0;
    if (new_run)
        skf_replace(&t->instance, skf_xstrdup(id));
    if (!running && t->read_instance && strcmp(t->read_instance, id) == 0)
        t->run_ended = true;
    if (t->run_ended && !t->reading)
        flush(t);
    if (new_run) {
        uv_timer_stop(&t->timer);
        next(t);
    }
}

void skf_tail_gone(struct skf_tail *t)
{
    if (t->gone || t->closing)
        return;
    t->gone = true;
    if (!t->reading)
        flush(t);
    uv_timer_start(&t->timer, on_timer, t->reading ? GONE_MS : 0, 0);
}

void skf_tail_close(struct skf_tail *t)
{
    if (t->closing)
        return;
    t->closing = true;
    if (t->reading)
        skf_kube_req_cancel(&t->req);
    else
        uv_close((uv_handle_t *)&t->timer, on_handle_closed);
}
