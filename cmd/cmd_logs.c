/* skiff logs: the workloads of the project by their label, then the logs of their pods.
 *
 * happy path: one list a kind of workload -> their pods are followed -> lines; what is not followed
 * is kept until all of it is there and told in the order of time, up to MAX_KEPT bytes.
 * on Ctrl-C:  the streams close; 0 after --follow, else 128 + the signal. */
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/session.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/engine/project.h"
#include "lib/engine/state.h"
#include "lib/kube/jget.h"
#include "lib/kube/logs.h"

static const char *const kinds[] = { "Deployment", "StatefulSet", "DaemonSet", "Job",
                                     "CronJob",    "ReplicaSet",  "Pod" };
enum { KINDS = SKF_ARRAY_LEN(kinds), MAX_KEPT = 64 * 1024 * 1024 };

struct kept {
    int64_t time_ns;
    size_t order;
    char *source, *text; /* owned; with its prefix, or as JSON */
};

struct reader {
    struct session *session;
    const struct options *options;
    struct skf_kube_api *api;
    char *project;
    const char *namespace_; /* NULL: all that may be read */
    struct skf_kube_req lists[KINDS];
    size_t open_lists, workloads;
    struct skf_logs logs;
    bool logs_run, logs_done, has_grep, denied;
    regex_t grep;
    int64_t since_ms;
    SKF_VEC(struct kept) kept;
    size_t kept_bytes;
    struct skf_err err;
};

/* --- lines ------------------------------------------------------------------------------------ */

static void stamp_of(int64_t ns, char *out, size_t size)
{
    time_t seconds = (time_t)(ns / 1000000000);
    struct tm tm;
    char head[32];
    gmtime_r(&seconds, &tm);
    strftime(head, sizeof head, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, size, "%s.%09lldZ", head, (long long)(ns % 1000000000));
}

static char *as_json(const struct skf_log_line *line)
{
    char stamp[64];
    stamp_of(line->time_ns, stamp, sizeof stamp);
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:s, s:o}", "time", stamp, "namespace", line->namespace_, "pod",
                  line->pod, "container", line->container, "text", skf_text_json(line->text, line->len));
    char *text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    return text;
}

static void print(struct reader *r, const char *source, const char *text)
{
    if (r->options->json)
        printf("%s\n", text);
    else
        console_log(&r->session->console, source, source, text);
}

static int by_time(const void *a, const void *b)
{
    const struct kept *x = a, *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns < y->time_ns ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

static void print_kept(struct reader *r)
{
    if (r->kept.n)
        qsort(r->kept.v, r->kept.n, sizeof *r->kept.v, by_time);
    for (size_t i = 0; i < r->kept.n; i++) {
        print(r, r->kept.v[i].source, r->kept.v[i].text);
        free(r->kept.v[i].source);
        free(r->kept.v[i].text);
    }
    skf_vec_release(&r->kept);
    r->kept_bytes = 0;
}

static void on_line(struct skf_logs *l, const struct skf_log_line *line)
{
    struct reader *r = l->data;
    const struct skf_config *config = &r->session->config;
    if (r->has_grep && regexec(&r->grep, line->text, 0, NULL, 0) != 0)
        return;
    char *source = skf_log_prefix(config->n_modules ? config->modules[0].log_prefix : NULL, line);
    char *text = r->options->json ? as_json(line) : skf_xstrndup(line->text, line->len);
    if (r->options->follow) {
        print(r, source, text);
        fflush(stdout);
        free(source);
        free(text);
        return;
    }
    struct kept kept = { line->time_ns, r->kept.n, source, text };
    skf_vec_push(&r->kept, kept);
    r->kept_bytes += sizeof kept + strlen(source) + strlen(text);
    if (r->kept_bytes > MAX_KEPT)
        print_kept(r); /* so much is told in pieces: memory stays bounded */
}

static void on_notice(struct skf_logs *l, const char *text)
{
    struct reader *r = l->data;
    fprintf(stderr, "skiff: %s\n", text);
    r->denied = true;
}

static void on_logs_done(struct skf_logs *l)
{
    struct reader *r = l->data;
    r->logs_done = true;
    uv_stop(&r->session->loop);
}

/* --- which workloads -------------------------------------------------------------------------- */

/* "web" or "deployment/web"; no names: all. */
static bool is_wanted(const struct options *o, const char *kind, const char *name)
{
    for (size_t i = 0; i < o->arguments.n; i++) {
        const char *wanted = o->arguments.v[i], *slash = strchr(wanted, '/');
        if (strcmp(slash ? slash + 1 : wanted, name) == 0 &&
            (!slash || (strlen(kind) == (size_t)(slash - wanted) &&
                        strncasecmp(kind, wanted, strlen(kind)) == 0)))
            return true;
    }
    return o->arguments.n == 0;
}

static void follow(struct reader *r, const char *kind, const json_t *list)
{
    const json_t *items = json_object_get(list, "items");
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *o = json_array_get(items, i);
        const char *name = skf_jtext(o, "metadata.name");
        if (!is_wanted(r->options, kind, name))
            continue;
        r->workloads++;
        skf_logs_follow_workload(&r->logs, skf_jtext(o, "metadata.namespace"), kind, name);
    }
}

static void ask(struct reader *r, size_t i, const char *namespace_);

static void on_list(struct skf_kube_req *q, const struct skf_err *err)
{
    struct reader *r = q->data;
    size_t i = (size_t)(q - r->lists);
    bool denied = err && q->status == 403 && !r->namespace_;
    json_t *json = err ? NULL : json_incref(q->json);
    skf_kube_req_release(q);
    r->open_lists--;
    if (denied && !r->session->stop.signum) { /* not everywhere: then where this project is */
        ask(r, i,
            skf_project_namespace(&r->session->config, r->options->namespace_, &r->session->kube));
    } else if (err && err->code != SKF_ECANCELED && !r->err.code && q->status != 404) {
        r->err = *err;
    }
    if (json)
        follow(r, kinds[i], json);
    json_decref(json);
    if (r->open_lists == 0)
        uv_stop(&r->session->loop);
}

static void ask(struct reader *r, size_t i, const char *namespace_)
{
    skf_autofree char *path = skf_kube_path(kinds[i], namespace_, NULL);
    skf_autofree char *project = skf_http_escape(r->project);
    skf_kube_req_init(&r->lists[i]);
    r->lists[i].data = r;
    r->open_lists++;
    skf_kube_get(r->api, &r->lists[i],
                 skf_xasprintf("%s?labelSelector=skiff.dev%%2Fproject%%3D%s", path, project),
                 on_list);
}

/* --- the command ------------------------------------------------------------------------------ */

static int read_filters(struct reader *r, struct skf_err *err)
{
    const struct options *o = r->options;
    long long ms = 0;
    if (o->since && (!skf_num_parse_duration_ms(o->since, &ms) || ms <= 0))
        return skf_err_set(err, SKF_EUSAGE, "--since takes a time as 90s, 10m or 2h, not '%s'",
                           o->since);
    r->since_ms = o->since ? skf_clock_wall_ms() - ms : SKF_LOGS_ALL;
    if (!o->grep)
        return 0;
    int rc = regcomp(&r->grep, o->grep, REG_EXTENDED | REG_NOSUB);
    if (rc) {
        char why[128];
        regerror(rc, &r->grep, why, sizeof why);
        return skf_err_set(err, SKF_EUSAGE, "--grep '%s': %s", o->grep, why);
    }
    r->has_grep = true;
    return 0;
}

static void run(struct reader *r)
{
    struct session *s = r->session;
    r->logs.once = !r->options->follow;
    r->logs.data = r;
    r->logs.on_line = on_line;
    r->logs.on_notice = on_notice;
    r->logs.done = on_logs_done;
    skf_logs_start(r->api, &r->logs, r->since_ms);
    for (size_t i = 0; i < KINDS; i++)
        ask(r, i, r->namespace_);
    while (r->open_lists) {
        for (size_t i = 0; s->stop.signum && i < KINDS; i++)
            skf_kube_req_cancel(&r->lists[i]);
        uv_run(&s->loop, UV_RUN_ONCE);
    }
    /* Without a workload nothing ends by itself, nor after a failure should it go on. */
    if (!r->workloads || r->err.code)
        skf_logs_stop(&r->logs, on_logs_done);
    while (!r->logs_done) {
        if (s->stop.signum)
            skf_logs_stop(&r->logs, on_logs_done);
        uv_run(&s->loop, UV_RUN_ONCE);
    }
    print_kept(r);
    skf_logs_release(&r->logs);
}

static int outcome(struct reader *r)
{
    struct session *s = r->session;
    if (s->stop.signum)
        return r->options->follow ? EXIT_CODE_OK : 128 + s->stop.signum;
    if (r->err.code) {
        skf_err_wrap(&r->err, "cannot look for the workloads of this project");
        console_error(&s->console, &r->err);
        return EXIT_CODE_CLUSTER;
    }
    if (!r->workloads) {
        skf_err_set(&r->err, SKF_ENOTFOUND,
                    "the cluster of context '%s' has no workload of this project%s: 'skiff run' "
                    "or 'skiff dev' make them",
                    s->kube.name, r->options->arguments.n ? " of that name" : "");
        console_error(&s->console, &r->err);
        return EXIT_CODE_FAILED;
    }
    return r->denied ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}

int cmd_logs(const struct options *o)
{
    struct session s;
    struct reader r = { .session = &s, .options = o, .namespace_ = o->namespace_ };
    struct skf_err err = SKF_ERR_INIT;
    int code = session_open(&s, o, "logs", MAY_HAVE_CLUSTER, false);
    if (code == EXIT_CODE_OK && read_filters(&r, &err) < 0) {
        console_error(&s.console, &err);
        code = EXIT_CODE_USAGE;
    } else if (code == EXIT_CODE_OK && !s.has_kube) {
        skf_err_set(&err, SKF_ENOTFOUND, "no cluster: the kubeconfig has no current context");
        console_error(&s.console, &err);
        code = EXIT_CODE_CLUSTER;
    }
    if (code == EXIT_CODE_OK) {
        r.project = skf_project_id(&s.config);
        r.api = skf_kube_api_new(&s.loop, s.http, &s.kube);
        skf_logs_init(&r.logs);
        run(&r);
        code = outcome(&r);
        skf_kube_api_free(r.api);
        free(r.project);
    }
    if (r.has_grep)
        regfree(&r.grep);
    session_close(&s);
    return code;
}
