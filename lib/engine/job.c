/* creating -> watching (tailing, once the container has begun) -> ending: everything is closed ->
 * the Job is removed -> done. Whatever goes wrong jumps to ending. */
#include "lib/engine/job.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/kube/jget.h"

enum { REMOVAL_MS = 30000 };

static void finish(struct skf_job *j)
{
    j->done(j, j->failure.code ? &j->failure : NULL);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void start_kubectl(struct skf_job *j, const char *command,
                          void (*done)(struct skf_proc *p, const struct skf_err *err))
{
    const struct skf_kube_context *kube = skf_kube_api_context(j->place->api);
    skf_proc_init(&j->proc);
    skf_proc_args(&j->proc, j->place->kubectl, NULL);
    if (kube->files.n) /* else we are in a pod of the cluster */
        skf_proc_args(&j->proc, "--context", kube->name, NULL);
    if (j->place->kubeconfig)
        skf_proc_args(&j->proc, "--kubeconfig", j->place->kubeconfig, NULL);
    skf_proc_args(&j->proc, command, "-f", "-", NULL);
    if (strcmp(command, "delete") == 0) {
        skf_proc_args(&j->proc, "--ignore-not-found=true", "--wait=false", NULL);
        j->proc.limit_ms = REMOVAL_MS;
    }
    j->proc.use_stdin = true;
    j->proc.data = j;
    skf_proc_start(j->loop, &j->proc, done);
    char *text = json_dumps(j->manifest, JSON_COMPACT);
    skf_proc_feed(&j->proc, text, strlen(text));
    skf_proc_feed_end(&j->proc);
    free(text);
}

/* What kubectl said is the better text. */
static void kubectl_error(struct skf_job *j, const struct skf_err *err, struct skf_err *out)
{
    *out = *err;
    skf_buf_trim(&j->proc.errout);
    if (err->code == SKF_ECHILD && j->proc.errout.len)
        skf_err_set(out, SKF_ECHILD, "kubectl: %s", j->proc.errout.data);
}

static void on_removed(struct skf_proc *p, const struct skf_err *err)
{
    struct skf_job *j = p->data;
    if (err) {
        struct skf_err why;
        kubectl_error(j, err, &why);
        skf_err_wrap(&why, "its Job '%s' cannot be deleted",
                     skf_jtext(j->manifest, "metadata.name"));
        if (j->failure.code)
            j->on_line(j, why.msg);
        else
            j->failure = why;
    }
    skf_proc_release(p);
    finish(j);
}

static void on_limit_closed(struct skf_defer *d);

/* Called whenever something has come to its end. */
static void settle(struct skf_job *j)
{
    if (!j->ending || j->creating || j->watching || j->tailing || j->closing)
        return;
    if (j->limited) {
        j->limited = false;
        j->closing = true;
        skf_defer_cancel(&j->limit, on_limit_closed);
        return;
    }
    j->closing = true;
    if (j->exists)
        start_kubectl(j, "delete", on_removed);
    else
        finish(j);
}

static void on_limit_closed(struct skf_defer *d)
{
    struct skf_job *j = SKF_CONTAINER_OF(d, struct skf_job, limit);
    j->closing = false;
    settle(j);
}

/* gently: what the log still has is read. */
static void end(struct skf_job *j, bool gently)
{
    if (j->ending)
        return;
    j->ending = true;
    if (j->creating)
        skf_proc_stop(&j->proc);
    if (j->watching)
        skf_kube_watch_cancel(&j->watch);
    if (j->tailing && gently)
        skf_tail_gone(&j->tail);
    else if (j->tailing)
        skf_tail_close(&j->tail);
    settle(j);
}

/* --- its log ---------------------------------------------------------------------------------- */

static void on_log_line(struct skf_tail *t, const char *text, size_t len, int64_t time_ns)
{
    struct skf_job *j = t->data;
    (void)len, (void)time_ns;
    j->on_line(j, text);
}

static void on_log_trouble(struct skf_tail *t, const struct skf_err *err)
{
    struct skf_job *j = t->data;
    skf_autofree char *text = skf_xasprintf("(its log cannot be read: %s)", err->msg);
    j->on_line(j, text);
}

static void on_log_closed(struct skf_tail *t)
{
    struct skf_job *j = t->data;
    j->tailing = false;
    skf_tail_release(t);
    settle(j);
}

static void follow_log(struct skf_job *j, const json_t *pod, const json_t *status)
{
    if (!*skf_jtext(status, "containerID"))
        return;
    if (!j->tailing) {
        struct skf_tail *t = &j->tail;
        skf_tail_init(t);
        t->api = j->place->api;
        t->data = j;
        t->namespace_ = skf_xstrdup(skf_jtext(pod, "metadata.namespace"));
        t->pod = skf_xstrdup(skf_jtext(pod, "metadata.name"));
        t->container = skf_xstrdup(j->container);
        t->on_line = on_log_line;
        t->on_trouble = on_log_trouble;
        t->closed = on_log_closed;
        j->tailing = true;
        skf_tail_open(t);
    }
    skf_tail_status(&j->tail, status);
}

/* --- its pod ---------------------------------------------------------------------------------- */

/* Waiting that does not end by itself. */
static bool is_stuck(const char *reason)
{
    static const char *const stuck[] = { "ImagePullBackOff",     "ErrImageNeverPull",
                                         "InvalidImageName",     "CreateContainerConfigError",
                                         "CreateContainerError", "RunContainerError" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(stuck); i++)
        if (strcmp(reason, stuck[i]) == 0)
            return true;
    return false;
}

/* A cluster may grow: no failure, but worth a word. */
static void tell_unscheduled(struct skf_job *j, const json_t *pod)
{
    const json_t *c = skf_jfind(pod, "status.conditions", "type", "PodScheduled");
    if (j->told_waiting || strcmp(skf_jtext(c, "reason"), "Unschedulable") != 0)
        return;
    j->told_waiting = true;
    skf_autofree char *text = skf_xasprintf("(waits for a node: %s)", skf_jtext(c, "message"));
    j->on_line(j, text);
}

static void take_status(struct skf_job *j, const json_t *ended)
{
    int code = (int)skf_jint(ended, "exitCode", 1);
    const char *reason = skf_jtext(ended, "reason");
    if (!code)
        return;
    if (!*reason || strcmp(reason, "Error") == 0)
        skf_err_set(&j->failure, SKF_ECHILD, "it ended with status %d", code);
    else
        skf_err_set(&j->failure, SKF_ECHILD, "it ended with status %d (%s)", code, reason);
    j->failure.sys = code;
}

static void judge(struct skf_job *j, const json_t *pod, const json_t *status)
{
    const json_t *ended = skf_jget(status, "state.terminated");
    const char *waits = skf_jtext(status, "state.waiting.reason");
    if (ended) {
        take_status(j, ended);
        end(j, true);
    } else if (is_stuck(waits)) {
        skf_err_set(&j->failure, SKF_ESTATUS, "it does not start: %s: %s", waits,
                    skf_jtext(status, "state.waiting.message"));
        end(j, false);
    } else if (strcmp(skf_jtext(pod, "status.phase"), "Failed") == 0 ||
               strcmp(skf_jtext(pod, "status.phase"), "Succeeded") == 0) {
        const char *reason = skf_jtext(pod, "status.reason");
        skf_err_set(&j->failure, SKF_ESTATUS, "its pod ended without it: %s %s",
                    *reason ? reason : skf_jtext(pod, "status.phase"),
                    skf_jtext(pod, "status.message"));
        end(j, true);
    } else {
        tell_unscheduled(j, pod);
    }
}

static void on_pod(struct skf_kube_watch *w, enum skf_kube_event event, json_t *pod)
{
    struct skf_job *j = w->data;
    const char *uid = skf_jtext(pod, "metadata.uid");
    if (j->ending || (j->pod_uid && strcmp(j->pod_uid, uid) != 0))
        return;
    if (!j->pod_uid)
        j->pod_uid = skf_xstrdup(uid);
    const json_t *status = skf_jfind(pod, "status.containerStatuses", "name", j->container);
    if (event == SKF_KUBE_DELETED && !skf_jget(status, "state.terminated")) {
        skf_err_set(&j->failure, SKF_ESTATUS, "its pod was deleted while it ran");
        end(j, true);
        return;
    }
    follow_log(j, pod, status);
    judge(j, pod, status);
}

static void on_watch_done(struct skf_kube_watch *w, const struct skf_err *err)
{
    struct skf_job *j = w->data;
    j->watching = false;
    skf_kube_watch_release(w);
    if (j->ending) {
        settle(j);
        return;
    }
    if (err)
        j->failure = *err;
    skf_err_wrap(&j->failure, "its pod cannot be watched");
    end(j, false);
}

/* --- the beginning ---------------------------------------------------------------------------- */

static void watch_pod(struct skf_job *j)
{
    skf_autofree char *name = skf_http_escape(skf_jtext(j->manifest, "metadata.name"));
    skf_kube_watch_init(&j->watch);
    j->watch.path = skf_kube_path("Pod", skf_jtext(j->manifest, "metadata.namespace"), NULL);
    j->watch.query = skf_xasprintf("labelSelector=job-name%%3D%s", name);
    j->watch.data = j;
    j->watch.on_event = on_pod;
    j->watching = true;
    skf_kube_watch_start(j->place->api, &j->watch, on_watch_done);
}

static void on_created(struct skf_proc *p, const struct skf_err *err)
{
    struct skf_job *j = p->data;
    j->creating = false;
    j->exists = !err || err->code != SKF_ECHILD; /* a kubectl that was ended may have created it */
    if (err && !j->failure.code)
        kubectl_error(j, err, &j->failure);
    skf_proc_release(p);
    if (j->ending)
        settle(j);
    else if (err)
        end(j, false);
    else
        watch_pod(j);
}

static void on_limit(struct skf_defer *d)
{
    struct skf_job *j = SKF_CONTAINER_OF(d, struct skf_job, limit);
    j->limited = false;
    if (j->ending)
        return;
    skf_err_set(&j->failure, SKF_ETIMEDOUT, "it took longer than %u s", j->limit_ms / 1000);
    end(j, false);
}

void skf_job_start(uv_loop_t *loop, struct skf_job *j)
{
    j->loop = loop;
    j->creating = true;
    if (j->limit_ms) {
        j->limited = true;
        skf_defer_start(loop, &j->limit, j->limit_ms, on_limit);
    }
    start_kubectl(j, "create", on_created);
}

void skf_job_stop(struct skf_job *j)
{
    if (j->ending)
        return;
    skf_err_set(&j->failure, SKF_ECANCELED, "it was ended");
    end(j, false);
}

void skf_job_release(struct skf_job *j)
{
    json_decref(j->manifest);
    free(j->pod_uid);
}
