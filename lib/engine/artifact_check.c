#include "lib/engine/artifact_check.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/digest.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/image/ref.h"

enum { CTR_LIMIT_MS = 10000 };

static struct skf_artifact_check *of(struct skf_flow *f)
{
    return SKF_CONTAINER_OF(f, struct skf_artifact_check, flow);
}

static void found(struct skf_artifact_check *c, enum skf_found how, char *owned_deployed)
{
    c->found = how;
    skf_replace(&c->now_deployed, owned_deployed);
}

static char *by_digest(const struct skf_artifact_check *c)
{
    return skf_xasprintf("%s@%s", c->reference, c->digest);
}

/* --- a registry ------------------------------------------------------------------------------- */

static void abort_pull(struct skf_flow *f)
{
    skf_pull_cancel(&of(f)->pull);
}

/* "Not there" is an answer, and so is every other trouble. */
static void on_pulled(struct skf_pull *p, const struct skf_err *err)
{
    struct skf_artifact_check *c = p->data;
    if (err)
        skf_log_debug("artifact cache: '%s': %s", p->reference, err->msg);
    skf_flow_resume(&c->flow, err && err->code == SKF_ECANCELED ? err : NULL);
}

static enum skf_next pull(struct skf_artifact_check *c, char *owned_reference)
{
    skf_image_unref(c->pull.image);
    skf_replace(&c->text, owned_reference);
    c->pull = (struct skf_pull){ .registry = c->services->registry,
                                 .reference = c->text,
                                 .cache_dir = NULL,
                                 .data = c,
                                 .done = on_pulled };
    c->flow.abort = abort_pull;
    skf_pull_start(&c->pull);
    return SKF_WAIT;
}

static enum skf_next ask_tag(struct skf_flow *f)
{
    return pull(of(f), skf_xstrdup(of(f)->reference));
}

static enum skf_next ask_digest(struct skf_flow *f)
{
    struct skf_artifact_check *c = of(f);
    if (c->pull.image && strcmp(c->pull.image->manifest->digest, c->digest) == 0) {
        found(c, SKF_FOUND_REMOTELY, by_digest(c));
        return SKF_NEXT;
    }
    return pull(c, skf_xasprintf("%s@%s", c->ref.name, c->digest));
}

static void on_pushed(struct skf_push *p, const struct skf_err *err)
{
    struct skf_artifact_check *c = p->data;
    if (err)
        skf_log_debug("artifact cache: '%s': %s", p->reference, err->msg);
    else
        found(c, SKF_FOUND_TAGGED, by_digest(c));
    skf_flow_resume(&c->flow, err && err->code == SKF_ECANCELED ? err : NULL);
}

static void abort_push(struct skf_flow *f)
{
    skf_push_cancel(&of(f)->push);
}

/* The repository has all of it: only the manifest travels. */
static enum skf_next tag(struct skf_flow *f)
{
    struct skf_artifact_check *c = of(f);
    if (c->found || !c->pull.image)
        return SKF_NEXT;
    c->push = (struct skf_push){ .registry = c->services->registry,
                                 .image = c->pull.image,
                                 .reference = c->reference,
                                 .data = c,
                                 .done = on_pushed };
    f->abort = abort_push;
    skf_push_start(&c->push);
    return SKF_WAIT;
}

static const struct skf_step in_registry[] = {
    { "tag", ask_tag }, { "digest", ask_digest }, { "retag", tag }, { 0 }
};

/* --- the containerd of nodes ------------------------------------------------------------------ */

static void ask_node(struct skf_artifact_check *c);

static void abort_ctr(struct skf_flow *f)
{
    skf_proc_stop(&of(f)->proc);
}

/* All nodes must have it. */
static void on_listed(struct skf_proc *p, const struct skf_err *err)
{
    struct skf_artifact_check *c = p->data;
    bool last = !c->nodes_used || c->node + 1 >= c->nodes.ids.n;
    skf_buf_trim(&p->out);
    bool has = !err && strcmp(p->out.data, c->text) == 0;
    if (err)
        skf_log_debug("artifact cache: ctr: %s", err->msg);
    if (has && !last && !c->flow.err.code) {
        c->node++;
        skf_proc_release(p);
        ask_node(c);
        return;
    }
    if (has)
        found(c, SKF_FOUND_LOCALLY, by_digest(c));
    skf_flow_resume(&c->flow, err && err->code == SKF_ECANCELED ? err : NULL);
}

static void ask_node(struct skf_artifact_check *c)
{
    const struct skf_target *t = &c->target;
    skf_proc_init(&c->proc);
    c->proc_used = true;
    if (c->nodes_used)
        skf_proc_args(&c->proc, c->nodes.program, "exec", "-i", c->nodes.ids.v[c->node], "ctr",
                      NULL);
    else
        skf_proc_args(&c->proc, "ctr", "--address", t->containerd_socket, "--connect-timeout", "3s",
                      NULL);
    skf_proc_args(&c->proc, "--namespace",
                  t->containerd_namespace ? t->containerd_namespace : "k8s.io", "images", "ls",
                  "-q", NULL);
    skf_strv_addf(&c->proc.argv, "name==%s", c->text);
    c->proc.limit_ms = CTR_LIMIT_MS;
    c->proc.data = c;
    c->flow.abort = abort_ctr;
    skf_proc_start(c->services->loop, &c->proc, on_listed);
}

static void on_nodes(struct skf_nodes *n, const struct skf_err *err)
{
    struct skf_artifact_check *c = n->data;
    if (err)
        skf_log_debug("artifact cache: %s", err->msg);
    skf_flow_resume(&c->flow, err && err->code == SKF_ECANCELED ? err : NULL);
}

static void abort_nodes(struct skf_flow *f)
{
    skf_nodes_cancel(&of(f)->nodes);
}

static enum skf_next find_nodes(struct skf_flow *f)
{
    struct skf_artifact_check *c = of(f);
    c->nodes = (struct skf_nodes){ .loop = c->services->loop,
                                   .maker = c->target.node_maker,
                                   .cluster = c->target.cluster,
                                   .data = c,
                                   .done = on_nodes };
    c->nodes_used = true;
    f->abort = abort_nodes;
    skf_nodes_start(&c->nodes);
    return SKF_WAIT;
}

static enum skf_next ask_nodes(struct skf_flow *f)
{
    struct skf_artifact_check *c = of(f);
    /* What the kubelet looks "name:tag@digest" up as. */
    skf_replace(&c->text, skf_xasprintf("%s/%s@%s", c->ref.domain, c->ref.path, c->digest));
    if (c->nodes_used && !c->nodes.ids.n)
        return SKF_NEXT;
    ask_node(c);
    return SKF_WAIT;
}

static const struct skf_step on_nodes_of[] = { { "nodes", find_nodes },
                                               { "node", ask_nodes },
                                               { 0 } };

/* --- Docker ----------------------------------------------------------------------------------- */

static void abort_op(struct skf_flow *f)
{
    skf_docker_op_cancel(&of(f)->op);
}

static void on_op(struct skf_docker_op *op, const struct skf_err *err)
{
    struct skf_artifact_check *c = op->data;
    if (err)
        skf_log_debug("artifact cache: docker: %s", err->msg);
    skf_flow_resume(&c->flow, err && err->code == SKF_ECANCELED ? err : NULL);
}

/* Images in Docker are called "name:ID" (place.h): the name says which image it must be. */
static enum skf_next ask_docker(struct skf_flow *f)
{
    struct skf_artifact_check *c = of(f);
    struct skf_err why = SKF_ERR_INIT;
    if (skf_docker_host_find(&c->target, &c->host, &why) < 0)
        return SKF_NEXT;
    c->op = (struct skf_docker_op){ .loop = c->services->loop,
                                    .http = c->services->http,
                                    .host = &c->host,
                                    .verb = SKF_DOCKER_INSPECT,
                                    .name = c->deployed,
                                    .data = c,
                                    .done = on_op,
                                    .fd = -1 };
    c->op_used = true;
    f->abort = abort_op;
    skf_docker_op_start(&c->op);
    return SKF_WAIT;
}

static enum skf_next compare_docker(struct skf_flow *f)
{
    struct skf_artifact_check *c = of(f);
    const char *colon = strrchr(c->deployed, ':');
    bool same = c->op.id && skf_digest_valid(c->op.id) && colon &&
                strcmp(skf_digest_hex(c->op.id), colon + 1) == 0;
    if (same)
        found(c, SKF_FOUND_LOCALLY, skf_xstrdup(c->deployed));
    return SKF_NEXT;
}

static const struct skf_step in_docker[] = { { "docker", ask_docker },
                                             { "compare", compare_docker },
                                             { 0 } };

/* --- nowhere, or somewhere that cannot be asked ----------------------------------------------- */

static enum skf_next believe(struct skf_flow *f)
{
    struct skf_artifact_check *c = of(f);
    if (c->target.kind == SKF_TARGET_NOWHERE)
        found(c, SKF_FOUND_LOCALLY, by_digest(c)); /* it need not be anywhere */
    return SKF_NEXT;
}

static const struct skf_step elsewhere[] = { { "nowhere", believe }, { 0 } };

/* --- the operation ---------------------------------------------------------------------------- */

static const struct skf_step *steps_for(const struct skf_artifact_check *c)
{
    bool named_by_id = !strchr(c->deployed, '@');
    if (c->target.kind == SKF_TARGET_REGISTRY)
        return in_registry;
    if (c->target.kind == SKF_TARGET_CONTAINERD)
        return &on_nodes_of[1];
    if (c->target.kind == SKF_TARGET_NODES)
        return on_nodes_of;
    if (c->target.kind == SKF_TARGET_DOCKER ||
        (c->target.kind == SKF_TARGET_NOWHERE && named_by_id))
        return in_docker;
    return elsewhere;
}

static void on_flow_done(struct skf_flow *f)
{
    struct skf_artifact_check *c = of(f);
    if (f->err.code) {
        c->found = SKF_FOUND_NOT;
        skf_log_debug("artifact cache: %s", f->err.msg);
    }
    c->done(c);
}

void skf_artifact_check_start(struct skf_artifact_check *c)
{
    struct skf_err why = SKF_ERR_INIT;
    bool named = skf_ref_parse(c->reference, &c->ref, &why) == 0;
    skf_flow_start(c->services->loop, &c->flow, named ? steps_for(c) : &elsewhere[1], on_flow_done);
}

void skf_artifact_check_cancel(struct skf_artifact_check *c)
{
    skf_flow_cancel(&c->flow);
}

void skf_artifact_check_release(struct skf_artifact_check *c)
{
    if (c->nodes_used)
        skf_nodes_release(&c->nodes);
    if (c->proc_used)
        skf_proc_release(&c->proc);
    if (c->op_used)
        skf_docker_op_release(&c->op);
    skf_image_unref(c->pull.image);
    skf_docker_host_release(&c->host);
    skf_ref_release(&c->ref);
    skf_replace(&c->text, NULL);
    skf_replace(&c->now_deployed, NULL);
}
