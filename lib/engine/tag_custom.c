/* customTemplate: [a tag for each component that the template names] -> [expand] -> text. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/config/template.h"
#include "lib/engine/tag_impl.h"

struct skf_tag_parts {
    struct skf_tag *whole;
    struct skf_strv names;
    struct skf_tag *tags; /* one a name */
    bool *asked;          /* its answer is still to come */
    size_t waiting;
};

void skf_tag_parts_free(struct skf_tag_parts *p)
{
    for (size_t i = 0; p && i < p->names.n; i++)
        skf_tag_release(&p->tags[i]);
    if (p) {
        skf_strv_release(&p->names);
        free(p->tags);
        free(p->asked);
    }
    free(p);
}

/* A component of the file, or one that needs no line there. */
static const struct skf_tagger *find_component(const struct skf_tagger *t, const char *name)
{
    static const struct {
        const char *name;
        struct skf_tagger tagger;
    } own[] = { { "GIT", { .policy = SKF_TAG_GIT_COMMIT } },
                { "DATE", { .policy = SKF_TAG_DATE_TIME } },
                { "SHA", { .policy = SKF_TAG_SHA256 } },
                { "INPUT_DIGEST", { .policy = SKF_TAG_INPUT_DIGEST } } };
    for (size_t i = 0; i < t->n_components; i++)
        if (t->components[i].name && strcmp(t->components[i].name, name) == 0)
            return &t->components[i].tagger;
    for (size_t i = 0; i < SKF_ARRAY_LEN(own); i++)
        if (strcmp(own[i].name, name) == 0)
            return &own[i].tagger;
    return NULL;
}

static void abort_parts(struct skf_flow *f)
{
    struct skf_tag_parts *p = SKF_CONTAINER_OF(f, struct skf_tag, flow)->parts;
    for (size_t i = 0; i < p->names.n; i++)
        if (p->asked[i])
            skf_tag_cancel(&p->tags[i]);
}

static void on_part(struct skf_tag *part)
{
    struct skf_tag_parts *p = part->data;
    p->asked[part - p->tags] = false;
    if (--p->waiting == 0)
        skf_flow_resume(&p->whole->flow, NULL);
}

static enum skf_next ask_parts(struct skf_flow *f)
{
    struct skf_tag *t = SKF_CONTAINER_OF(f, struct skf_tag, flow);
    struct skf_tag_parts *p = skf_xcalloc(1, sizeof *p);
    t->parts = p;
    p->whole = t;
    skf_autostrv struct skf_strv roots = SKF_STRV_INIT;
    if (skf_template_roots(t->tagger->template_text, &roots, &f->err) < 0)
        return SKF_NEXT;
    for (size_t i = 0; i < roots.n; i++) {
        if (!find_component(t->tagger, roots.v[i])) {
            skf_err_set(&f->err, SKF_ECONFIG, "customTemplate names '%s', which is no component",
                        roots.v[i]);
            return SKF_NEXT;
        }
        skf_strv_add(&p->names, roots.v[i]);
    }
    p->tags = skf_xcalloc(p->names.n + 1, sizeof *p->tags);
    p->asked = skf_xcalloc(p->names.n + 1, sizeof *p->asked);
    p->waiting = p->names.n;
    if (!p->waiting)
        return SKF_NEXT;
    f->abort = abort_parts;
    for (size_t i = 0; i < p->names.n; i++) {
        p->tags[i] = (struct skf_tag){ .tagger = find_component(t->tagger, p->names.v[i]),
                                       .image = t->image,
                                       .dir = t->dir,
                                       .sources = t->sources,
                                       .n_sources = t->n_sources,
                                       .data = p,
                                       .done = on_part };
        p->asked[i] = true;
        skf_tag_start(f->timer.loop, &p->tags[i]);
    }
    return SKF_WAIT;
}

static enum skf_next expand(struct skf_flow *f)
{
    struct skf_tag *t = SKF_CONTAINER_OF(f, struct skf_tag, flow);
    struct skf_tag_parts *p = t->parts;
    skf_autofree struct skf_tpair *pairs = skf_xcalloc(p->names.n + 1, sizeof *pairs);
    for (size_t i = 0; i < p->names.n; i++) {
        if (p->tags[i].warning) {
            skf_err_set(&f->err, SKF_ECONFIG, "component '%s': %s", p->names.v[i],
                        p->tags[i].warning);
            return SKF_NEXT;
        }
        t->dirty = t->dirty || p->tags[i].dirty;
        pairs[i] = (struct skf_tpair){ .key = p->names.v[i],
                                       .value = { .kind = SKF_TV_STRING, .str = p->tags[i].text } };
    }
    struct skf_tmap map = skf_tmap_pairs_template;
    map.data = pairs;
    const struct skf_template_env env = { .root = &map,
                                          .fail_missing = true,
                                          .name = "customTemplate" };
    skf_template_expand(t->tagger->template_text, &env, &t->text, &f->err);
    return SKF_NEXT;
}

const struct skf_step skf_tag_custom[] = { { "components", ask_parts },
                                           { "template", expand },
                                           { 0 } };
