#include "lib/docker/place.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/map.h"
#include "lib/docker/auth.h"
#include "lib/docker/saved.h"
#include "lib/image/login.h"

/* What was brought where, for the life of the process: "kind reference ID" -> struct memory. */
struct memory {
    char *deployed, *digest;
};
static struct skf_map placed = SKF_MAP_INIT;

static struct skf_docker_place *of(struct skf_flow *f)
{
    return SKF_CONTAINER_OF(f, struct skf_docker_place, flow);
}

static void memory_free(void *value)
{
    struct memory *m = value;
    free(m->deployed);
    free(m->digest);
    free(m);
}

void skf_docker_forget_all(void)
{
    skf_map_release_with(&placed, memory_free);
    skf_docker_engine_forget();
}

static char *memory_key(const struct skf_docker_place *p)
{
    return skf_xasprintf("%d %s %s", (int)p->target.kind, p->reference, p->id);
}

static const char *tag_of(const struct skf_docker_place *p)
{
    return p->ref.tag ? p->ref.tag : "latest";
}

/* --- one operation of the Engine -------------------------------------------------------------- */

static void on_op(struct skf_docker_op *op, const struct skf_err *err)
{
    struct skf_docker_place *p = op->data;
    skf_flow_resume(&p->flow, err);
}

static void abort_op(struct skf_flow *f)
{
    skf_docker_op_cancel(&of(f)->op);
}

static enum skf_next run_op(struct skf_docker_place *p, enum skf_docker_verb verb, const char *name)
{
    p->op.loop = p->loop;
    p->op.http = p->http;
    p->op.host = p->host;
    p->op.verb = verb;
    p->op.name = name;
    p->op.data = p;
    p->op.done = on_op;
    p->op_used = true;
    p->flow.abort = abort_op;
    skf_docker_op_start(&p->op);
    return SKF_WAIT;
}

static void fresh_op(struct skf_docker_place *p)
{
    if (p->op_used)
        skf_docker_op_release(&p->op);
    p->op = (struct skf_docker_op){ .fd = -1 };
}

static enum skf_next inspect(struct skf_flow *f)
{
    struct skf_docker_place *p = of(f);
    if (skf_ref_parse(p->reference, &p->ref, &f->err) < 0)
        return SKF_NEXT;
    fresh_op(p);
    return run_op(p, SKF_DOCKER_INSPECT, p->reference);
}

/* --- already there? --------------------------------------------------------------------------- */

static enum skf_next recall(struct skf_flow *f)
{
    struct skf_docker_place *p = of(f);
    p->id = skf_take(&p->op.id);
    skf_autofree char *key = memory_key(p);
    const struct memory *m = skf_map_get(&placed, key);
    if (m && p->expected_digest && strcmp(m->digest, p->expected_digest) == 0) {
        p->deployed = skf_xstrdup(m->deployed);
        p->digest = skf_xstrdup(m->digest);
        p->known = true;
    }
    return SKF_NEXT;
}

static enum skf_next remember(struct skf_flow *f)
{
    struct skf_docker_place *p = of(f);
    if (p->known)
        return SKF_NEXT;
    skf_autofree char *key = memory_key(p);
    struct memory *m = skf_xcalloc(1, sizeof *m);
    m->deployed = skf_xstrdup(p->deployed);
    m->digest = skf_xstrdup(p->digest);
    struct memory *old = skf_map_put(&placed, key, m);
    if (old)
        memory_free(old);
    return SKF_NEXT;
}

/* --- registry --------------------------------------------------------------------------------- */

static void on_push_line(struct skf_docker_op *op, const char *line)
{
    struct skf_docker_place *p = op->data;
    if (p->on_line)
        p->on_line(p, line);
}

static enum skf_next push(struct skf_flow *f)
{
    struct skf_docker_place *p = of(f);
    if (p->known || p->target.kind != SKF_TARGET_REGISTRY)
        return SKF_NEXT;
    fresh_op(p);
    if (!p->host->cli) { /* else the docker program finds the user's credentials */
        skf_autofree char *repository = skf_xasprintf("%s/%s", p->ref.domain, p->ref.path);
        if (skf_docker_auth(repository, &p->auth, &f->err) < 0)
            return SKF_NEXT;
    }
    p->op.auth = p->auth;
    p->op.repo = p->ref.name;
    p->op.tag = tag_of(p);
    p->op.on_line = on_push_line;
    return run_op(p, SKF_DOCKER_PUSH, p->reference);
}

/* --- Docker itself ---------------------------------------------------------------------------- */

static bool stays(const struct skf_docker_place *p)
{
    return p->target.kind == SKF_TARGET_DOCKER || p->target.kind == SKF_TARGET_NOWHERE;
}

static enum skf_next tag(struct skf_flow *f)
{
    struct skf_docker_place *p = of(f);
    if (p->known || !stays(p))
        return SKF_NEXT;
    fresh_op(p);
    p->op.repo = p->ref.name;
    p->op.tag = skf_digest_hex(p->id);
    return run_op(p, SKF_DOCKER_TAG, p->reference);
}

/* --- a node ----------------------------------------------------------------------------------- */

static bool to_node(const struct skf_docker_place *p)
{
    return !p->known &&
           (p->target.kind == SKF_TARGET_CONTAINERD || p->target.kind == SKF_TARGET_NODES);
}

static enum skf_next save(struct skf_flow *f)
{
    struct skf_docker_place *p = of(f);
    if (!to_node(p))
        return SKF_NEXT;
    fresh_op(p);
    return run_op(p, SKF_DOCKER_SAVE, p->reference);
}

static void read_saved(struct skf_work *w)
{
    struct skf_docker_place *p = SKF_CONTAINER_OF(w, struct skf_docker_place, work);
    skf_docker_saved_read(p->op.fd, &p->image, &w->err);
}

static void on_saved_read(struct skf_work *w)
{
    struct skf_docker_place *p = SKF_CONTAINER_OF(w, struct skf_docker_place, work);
    skf_flow_resume(&p->flow, w->err.code ? &w->err : NULL);
}

static void abort_work(struct skf_flow *f)
{
    skf_work_cancel(&of(f)->work);
}

static enum skf_next convert(struct skf_flow *f)
{
    struct skf_docker_place *p = of(f);
    if (!to_node(p))
        return SKF_NEXT;
    f->abort = abort_work;
    skf_work_start(p->loop, &p->work, read_saved, on_saved_read);
    return SKF_WAIT;
}

static void on_delivered(struct skf_deliver *d, const struct skf_err *err)
{
    struct skf_docker_place *p = d->data;
    skf_flow_resume(&p->flow, err);
}

static void abort_deliver(struct skf_flow *f)
{
    skf_deliver_cancel(&of(f)->deliver);
}

static enum skf_next deliver(struct skf_flow *f)
{
    struct skf_docker_place *p = of(f);
    if (!to_node(p))
        return SKF_NEXT;
    p->deliver = (struct skf_deliver){ .loop = p->loop,
                                       .http = p->http,
                                       .registry = p->registry,
                                       .target = p->target,
                                       .image = p->image,
                                       .reference = p->reference,
                                       .data = p,
                                       .done = on_delivered };
    p->deliver_used = true;
    f->abort = abort_deliver;
    skf_deliver_start(&p->deliver);
    return SKF_WAIT;
}

/* --- result ----------------------------------------------------------------------------------- */

static enum skf_next conclude(struct skf_flow *f)
{
    struct skf_docker_place *p = of(f);
    if (p->known)
        return SKF_NEXT;
    if (p->deliver_used) {
        p->deployed = skf_take(&p->deliver.deployed);
        p->bytes_sent = p->deliver.bytes_sent;
        p->digest = skf_xstrdup(p->image->manifest->digest);
    } else if (stays(p)) {
        p->deployed = skf_xasprintf("%s:%s", p->ref.name, skf_digest_hex(p->id));
        p->digest = skf_xstrdup(p->id);
    } else {
        p->digest = skf_take(&p->op.digest);
        p->deployed = skf_xasprintf("%s:%s@%s", p->ref.name, tag_of(p), p->digest);
    }
    return SKF_NEXT;
}

static const struct skf_step steps[] = {
    { "inspect", inspect },   { "recall", recall },
    { "push", push },         { "tag", tag },
    { "save", save },         { "convert", convert },
    { "deliver", deliver },   { "conclude", conclude },
    { "remember", remember }, { 0 },
};

static void on_flow_done(struct skf_flow *f)
{
    struct skf_docker_place *p = of(f);
    struct skf_err err = f->err;
    p->done(p, err.code ? &err : NULL);
}

void skf_docker_place_start(struct skf_docker_place *p)
{
    skf_flow_start(p->loop, &p->flow, steps, on_flow_done);
}

void skf_docker_place_cancel(struct skf_docker_place *p)
{
    skf_flow_cancel(&p->flow);
}

void skf_docker_place_release(struct skf_docker_place *p)
{
    if (p->op_used)
        skf_docker_op_release(&p->op);
    if (p->deliver_used)
        skf_deliver_release(&p->deliver);
    skf_image_unref(p->image);
    skf_ref_release(&p->ref);
    free(p->id);
    skf_secret_free(p->auth);
    free(p->deployed);
    free(p->digest);
    memset(p, 0, sizeof *p);
}
