#include "lib/docker/minikube.h"

#include <stdlib.h>
#include <string.h>

/* minikube's own exit statuses: the machine cannot be used as it is, the machine runs another
 * container runtime, the driver has no machine. */
enum { NOT_RUNNING = 51, OTHER_RUNTIME = 64, NO_MACHINE = 89, LIMIT_MS = 60 * 1000 };

/* Lines of K=V (`--shell none`); values may be quoted. */
static void read_lines(struct skf_minikube *m, const char *text)
{
    skf_autostrv struct skf_strv lines = SKF_STRV_INIT;
    bool tls = false;
    skf_strv_split(&lines, text, "\r\n");
    for (size_t i = 0; i < lines.n; i++) {
        char *value = strchr(lines.v[i], '=');
        if (!value)
            continue;
        *value++ = '\0';
        size_t len = strlen(value);
        if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
            value[len - 1] = '\0';
            value++;
        }
        if (strcmp(lines.v[i], "DOCKER_HOST") == 0)
            skf_replace(&m->docker_host, skf_xstrdup(value));
        else if (strcmp(lines.v[i], "DOCKER_CERT_PATH") == 0)
            skf_replace(&m->docker_certs, skf_xstrdup(value));
        else if (strcmp(lines.v[i], "DOCKER_TLS_VERIFY") == 0)
            tls = value[0] != '\0';
    }
    if (!tls)
        skf_replace(&m->docker_certs, NULL);
}

static void explain(struct skf_minikube *m, const struct skf_err *err, struct skf_err *out)
{
    bool no_docker = err->sys == OTHER_RUNTIME || err->sys == NO_MACHINE;
    skf_buf_trim(&m->proc.errout);
    skf_buf_trim(&m->proc.out);
    const char *said = m->proc.errout.len ? m->proc.errout.data : m->proc.out.data;
    *out = *err;
    if (err->code == SKF_ENOTFOUND)
        skf_err_set(out, SKF_ENOTFOUND,
                    "the program 'minikube' is not in PATH: it tells how to reach the Docker of "
                    "the cluster '%s'; install it, or push to a registry (--push)",
                    m->profile);
    else if (err->code == SKF_ECHILD)
        skf_err_set(out, no_docker ? SKF_EUNSUPPORTED : SKF_ECHILD,
                    "minikube gives no Docker for '%s'%s: %.500s", m->profile,
                    err->sys == NOT_RUNNING ? " (is it running? 'minikube start')" : "",
                    said && said[0] ? said : err->msg);
}

static void on_said(struct skf_proc *p, const struct skf_err *err)
{
    struct skf_minikube *m = p->data;
    struct skf_err why = SKF_ERR_INIT;
    if (err)
        explain(m, err, &why);
    else
        read_lines(m, p->out.data);
    if (!err && !m->docker_host)
        skf_err_set(&why, SKF_EPROTO, "'minikube docker-env' of '%s' names no DOCKER_HOST",
                    m->profile);
    m->done(m, why.code ? &why : NULL);
}

void skf_minikube_start(uv_loop_t *loop, struct skf_minikube *m)
{
    skf_proc_init(&m->proc);
    skf_proc_args(&m->proc, "minikube", "docker-env", "--shell", "none", "-p", m->profile,
                  "--user=skaffold", NULL);
    m->proc.limit_ms = LIMIT_MS;
    m->proc.data = m;
    skf_proc_start(loop, &m->proc, on_said);
}

void skf_minikube_cancel(struct skf_minikube *m)
{
    skf_proc_stop(&m->proc);
}

void skf_minikube_release(struct skf_minikube *m)
{
    skf_proc_release(&m->proc);
    free(m->docker_host);
    free(m->docker_certs);
    memset(m, 0, sizeof *m);
}
