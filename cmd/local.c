#include "cmd/local.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/exit.h"
#include "lib/docker/host.h"
#include "lib/docker/minikube.h"

bool local_is_default(const struct session *s)
{
    if (!s->has_kube)
        return false;
    switch (s->global.local_cluster) {
    case SKF_YES:
        return true;
    case SKF_NO:
        return false;
    case SKF_UNSET:
        break;
    }
    if (s->kube.kind == SKF_CLUSTER_KIND)
        return s->global.kind_disable_load != SKF_YES;
    if (s->kube.kind == SKF_CLUSTER_K3D)
        return s->global.k3d_disable_load != SKF_YES;
    return s->kube.kind != SKF_CLUSTER_REMOTE;
}

/* Is there an artifact that is not pushed? --push, then build.local.push, then the cluster. */
static bool is_wanted(const struct session *s)
{
    for (size_t i = 0; i < s->config.n_modules; i++) {
        const struct skf_module *m = &s->config.modules[i];
        enum skf_tristate push = s->options->push != SKF_UNSET ? s->options->push : m->local_push;
        if (m->n_artifacts && (push == SKF_NO || (push == SKF_UNSET && local_is_default(s))))
            return true;
    }
    return false;
}

/* The user's own Docker, which the cluster shares. */
static int find_docker(struct session *s, struct skf_err *err)
{
    struct skf_docker_host host;
    if (skf_docker_host_find(NULL, &host, err) < 0)
        return -(int)err->code;
    s->local.docker_host = skf_take(&host.address);
    s->local.docker_certs = skf_take(&host.certs);
    skf_docker_host_release(&host);
    s->local.target = (struct skf_target){ .kind = SKF_TARGET_DOCKER,
                                           .docker_host = s->local.docker_host,
                                           .docker_certs = s->local.docker_certs };
    return 0;
}

static void use_nodes(struct session *s, enum skf_node_maker maker)
{
    s->local.target = (struct skf_target){ .kind = SKF_TARGET_NODES,
                                           .node_maker = maker,
                                           .cluster = s->kube.tool_cluster };
}

/* --- minikube --------------------------------------------------------------------------------- */

struct question {
    struct skf_minikube op;
    struct session *session;
    struct skf_err err;
    bool done;
};

static void on_answered(struct skf_minikube *op, const struct skf_err *err)
{
    struct question *q = SKF_CONTAINER_OF(op, struct question, op);
    if (err)
        q->err = *err;
    q->done = true;
    uv_stop(&q->session->loop);
}

/* Its Docker; or, where it runs containerd in a container, that. */
static int ask_minikube(struct session *s, struct skf_err *err)
{
    struct question q = { .op = { .profile = s->kube.tool_cluster, .done = on_answered },
                          .session = s };
    skf_minikube_start(&s->loop, &q.op);
    while (!q.done) {
        if (s->stop.signum)
            skf_minikube_cancel(&q.op);
        uv_run(&s->loop, UV_RUN_ONCE);
    }
    if (q.err.code == SKF_EUNSUPPORTED) {
        use_nodes(s, SKF_NODES_OF_MINIKUBE);
        skf_err_clear(&q.err);
    } else if (!q.err.code) {
        s->local.docker_host = skf_take(&q.op.docker_host);
        s->local.docker_certs = skf_take(&q.op.docker_certs);
        s->local.target = (struct skf_target){ .kind = SKF_TARGET_DOCKER,
                                               .docker_host = s->local.docker_host,
                                               .docker_certs = s->local.docker_certs };
    }
    skf_minikube_release(&q.op);
    *err = q.err;
    return -(int)err->code;
}

/* ---------------------------------------------------------------------------------------------- */

/* A cluster that nobody knows, and that is said to be local, shares the user's Docker; as do those
 * that are known to. */
static int find_target(struct session *s, struct skf_err *err)
{
    switch (s->kube.kind) {
    case SKF_CLUSTER_SKIFF:
        s->local.target =
            (struct skf_target){ .kind = SKF_TARGET_CONTAINERD,
                                 .containerd_socket = s->kube.containerd_socket,
                                 .containerd_namespace = s->kube.containerd_namespace };
        return 0;
    case SKF_CLUSTER_KIND:
        use_nodes(s, SKF_NODES_OF_KIND);
        return 0;
    case SKF_CLUSTER_K3D:
        use_nodes(s, SKF_NODES_OF_K3D);
        return 0;
    case SKF_CLUSTER_MINIKUBE:
        return ask_minikube(s, err);
    case SKF_CLUSTER_DOCKER_DESKTOP:
        return find_docker(s, err);
    case SKF_CLUSTER_REMOTE:
        break;
    }
    if (s->global.local_cluster == SKF_YES || skf_kube_shares_docker(&s->kube))
        return find_docker(s, err);
    return 0;
}

int local_find(struct session *s)
{
    struct skf_err err = SKF_ERR_INIT;
    if (!s->has_kube || !is_wanted(s) || find_target(s, &err) == 0)
        return EXIT_CODE_OK;
    if (s->stop.signum)
        return 128 + s->stop.signum;
    console_error(&s->console, &err);
    return EXIT_CODE_DELIVER;
}

void local_release(struct local_target *l)
{
    free(l->docker_host);
    free(l->docker_certs);
}
