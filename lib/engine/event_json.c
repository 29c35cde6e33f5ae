/* Events for machines. The names and keys are an interface: they are added to, not changed. */
#include <string.h>
#include <time.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/doc/emit.h"
#include "lib/engine/control.h"
#include "lib/engine/state.h"

static const struct shape {
    const char *name, *subject, *text, *number; /* keys; NULL = not told */
} shapes[] = {
    [SKF_EV_NOTE] = { "note", "artifact", "text", NULL },
    [SKF_EV_WARNING] = { "warning", "artifact", "text", NULL },
    [SKF_EV_CONFIG_FINDINGS] = { "config-findings", NULL, NULL, NULL },
    [SKF_EV_CONFIG_BROKEN] = { "config-broken", NULL, NULL, NULL },
    [SKF_EV_CONFIG_RELOADED] = { "config-reloaded", NULL, "text", NULL },
    [SKF_EV_CHANGED] = { "changed", "file", NULL, "files" },
    [SKF_EV_TAGGED] = { "tagged", "artifact", "reference", NULL },
    [SKF_EV_HOOKS_STARTED] = { "hooks-started", "artifact", "phase", NULL },
    [SKF_EV_HOOKS_LINE] = { "hooks-line", "artifact", "text", NULL },
    [SKF_EV_HOOKS_DONE] = { "hooks-succeeded", "artifact", "phase", NULL },
    [SKF_EV_HOOKS_FAILED] = { "hooks-failed", NULL, NULL, NULL },
    [SKF_EV_CACHE_MISSED] = { "cache-missed", "artifact", NULL, NULL },
    [SKF_EV_CACHE_HIT] = { "cache-hit", "artifact", "reference", NULL },
    [SKF_EV_TEST_STARTED] = { "test-started", NULL, NULL, NULL },
    [SKF_EV_TEST_LINE] = { "test-line", "artifact", "text", NULL },
    [SKF_EV_TEST_DONE] = { "test-succeeded", NULL, NULL, NULL },
    [SKF_EV_TEST_FAILED] = { "test-failed", NULL, NULL, NULL },
    [SKF_EV_BUILD_STARTED] = { "build-started", "artifact", NULL, NULL },
    [SKF_EV_BUILD_PROGRESS] = { "build-progress", "artifact", "text", NULL },
    [SKF_EV_BUILD_LINE] = { "build-line", "artifact", "text", NULL },
    [SKF_EV_BUILD_DONE] = { "build-succeeded", "artifact", "reference", "bytesSent" },
    [SKF_EV_BUILD_FAILED] = { "build-failed", "artifact", NULL, NULL },
    [SKF_EV_BUILD_CANCELED] = { "build-canceled", "artifact", NULL, NULL },
    [SKF_EV_SYNC_STARTED] = { "sync-started", "artifact", "reference", "files" },
    [SKF_EV_SYNC_DONE] = { "sync-succeeded", "artifact", "reference", "containers" },
    [SKF_EV_SYNC_FAILED] = { "sync-failed", "artifact", NULL, NULL },
    [SKF_EV_DEPLOY_STARTED] = { "deploy-started", NULL, NULL, "objects" },
    [SKF_EV_DEPLOY_LINE] = { "deploy-line", NULL, "text", NULL },
    [SKF_EV_DEPLOY_NOTHING] = { "deploy-unchanged", NULL, NULL, NULL },
    [SKF_EV_DEPLOY_DONE] = { "deploy-succeeded", NULL, NULL, NULL },
    [SKF_EV_DEPLOY_FAILED] = { "deploy-failed", NULL, NULL, NULL },
    [SKF_EV_STATUS_STARTED] = { "status-started", NULL, NULL, NULL },
    [SKF_EV_STATUS_LINE] = { "status-line", NULL, "text", NULL },
    [SKF_EV_STATUS_READY] = { "ready", NULL, NULL, NULL },
    [SKF_EV_STATUS_FAILED] = { "status-failed", NULL, NULL, NULL },
    [SKF_EV_LOOP_DONE] = { "loop-done", NULL, NULL, NULL },
    [SKF_EV_WATCHING] = { "watching", NULL, NULL, "files" },
    [SKF_EV_HELD] = { "held", NULL, "text", NULL },
    [SKF_EV_PAUSED] = { "paused", NULL, NULL, NULL },
    [SKF_EV_RESUMED] = { "resumed", NULL, NULL, NULL },
    [SKF_EV_TRIGGERED] = { "triggered", NULL, "text", NULL },
    [SKF_EV_LOG] = { "log", "prefix", "text", NULL },
    [SKF_EV_FORWARDED] = { "port-forwarded", NULL, "text", NULL },
    [SKF_EV_CLEANUP_STARTED] = { "cleanup-started", NULL, NULL, NULL },
    [SKF_EV_CLEANUP_LINE] = { "cleanup-line", NULL, "text", NULL },
    [SKF_EV_CLEANUP_FAILED] = { "cleanup-failed", NULL, NULL, NULL },
};

const char *skf_event_name(enum skf_event_kind kind)
{
    const char *name = (size_t)kind < SKF_ARRAY_LEN(shapes) ? shapes[kind].name : NULL;
    return name ? name : "other";
}

json_t *skf_text_json(const char *text, size_t len)
{
    json_t *plain = json_stringn(text, len);
    if (plain)
        return plain;
    skf_autobuf struct skf_buf quoted = SKF_BUF_INIT;
    skf_emit_json_string(text, len, &quoted);
    return json_loadb(quoted.data, quoted.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

static json_t *text_json(const char *text)
{
    return skf_text_json(text, strlen(text));
}

json_t *skf_err_json(const struct skf_err *err)
{
    json_t *o = json_object();
    json_object_set_new(o, "code", json_string(skf_control_code_name(err->code)));
    json_object_set_new(o, "message", text_json(err->msg));
    if (err->file[0])
        json_object_set_new(o, "file", text_json(err->file));
    if (err->line)
        json_object_set_new(o, "line", json_integer(err->line));
    if (err->col)
        json_object_set_new(o, "column", json_integer(err->col));
    return o;
}

json_t *skf_ledger_json(const struct skf_ledger *l)
{
    static const char *const names[SKF_LEDGER_COUNT] = { "noticeMs", "syncMs",    "buildMs",
                                                         "layerMs",  "deliverMs", "applyMs",
                                                         "readyMs" };
    json_t *o = json_object();
    for (int i = 0; i < SKF_LEDGER_COUNT; i++)
        if (l->us[i] >= 0)
            json_object_set_new(o, names[i], json_integer(l->us[i] / 1000));
    json_object_set_new(o, "totalMs", json_integer(l->total_us / 1000));
    return o;
}

static json_t *findings_json(const struct skf_diagnostics *diags)
{
    json_t *list = json_array();
    for (size_t i = 0; i < diags->n; i++) {
        const struct skf_diagnostic *d = &diags->v[i];
        json_array_append_new(list,
                              json_pack("{s:o,s:s?,s:i,s:i}", "message", text_json(d->message),
                                        "file", d->file, "line", d->line, "column", d->col));
    }
    return list;
}

static json_t *now_json(void)
{
    int64_t ms = skf_clock_wall_ms();
    time_t s = (time_t)(ms / 1000);
    struct tm utc;
    char text[40];
    gmtime_r(&s, &utc);
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + len, sizeof text - len, ".%03dZ", (int)(ms % 1000));
    return json_string(text);
}

json_t *skf_event_json(const struct skf_event *ev)
{
    static const struct shape none = { 0 };
    const struct shape *s = (size_t)ev->kind < SKF_ARRAY_LEN(shapes) ? &shapes[ev->kind] : &none;
    json_t *o = json_object();
    json_object_set_new(o, "time", now_json());
    json_object_set_new(o, "event", json_string(skf_event_name(ev->kind)));
    if (s->subject && ev->subject)
        json_object_set_new(o, s->subject, text_json(ev->subject));
    if (s->text && ev->text)
        json_object_set_new(o, s->text, text_json(ev->text));
    if (s->number)
        json_object_set_new(o, s->number, json_integer(ev->number));
    if (ev->us)
        json_object_set_new(o, "tookMs", json_integer(ev->us / 1000));
    if (ev->err)
        json_object_set_new(o, "error", skf_err_json(ev->err));
    if (ev->diags)
        json_object_set_new(o, "findings", findings_json(ev->diags));
    if (ev->ledger)
        json_object_set_new(o, "ledger", skf_ledger_json(ev->ledger));
    return o;
}
