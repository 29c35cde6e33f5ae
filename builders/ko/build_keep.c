/* What a build leaves for the next one, and what it takes from the last: when nothing has changed
 * that a build reads, the layers are known by their digests and Go is not started at all.
 *
 * happy path: before Go starts all inputs are looked at (prepare.h), and again when it is through;
 *             what is the same both times is what Go has read, and is kept with the layers.
 * failures:   none: what cannot be kept is built again next time.
 * on cancel:  children and pool work end first; what is written is written beside and renamed. */
#include <string.h>

#include "builders/ko/around.h"
#include "builders/ko/build_parts.h"
#include "builders/ko/elf.h"

/* --- before the build ------------------------------------------------------------------------- */

static void on_vcs_before(struct skf_ko_vcs *v, const struct skf_err *err)
{
    struct skf_ko_build *kb = v->data;
    kb->vcs_running = false;
    skf_ko_build_ended(kb, err);
}

/* Git is asked beside the build, but before when its answer decides whether there is one. */
enum skf_next skf_ko_build_repository(struct skf_flow *f)
{
    struct skf_ko_build *kb = skf_ko_build_of(f);
    struct skf_ko_prepare *p = &kb->prepare;
    kb->vcs_before.settings = &p->settings;
    kb->vcs_before.dir = p->graph->package.dir;
    kb->vcs_before.data = kb;
    kb->vcs_running = !skf_ko_vcs_start(kb->b->ctx.services->loop, &kb->vcs_before, on_vcs_before);
    kb->pending += kb->vcs_running;
    return p->kept ? skf_ko_build_wait(f) : SKF_NEXT;
}

bool skf_ko_build_may_use_kept(const struct skf_ko_build *kb)
{
    const struct skf_ko_kept *k = kb->prepare.kept;
    return k && !kb->anew && !kb->b->ctx.anew && kb->vcs_before.text &&
           strcmp(kb->vcs_before.text, k->vcs) == 0;
}

/* The content of the layer, if this process made it; else its digest alone, which is enough where
 * the target has it. */
static struct skf_blob *blob_of(const struct skf_ko_build *kb, const struct skf_ko_kept_layer *l)
{
    const struct skf_ko_made_layer *made = skf_ko_session_layer(kb->prepare.session, l->key);
    if (made && strcmp(made->blob->digest, l->digest) == 0 && skf_blob_is_local(made->blob))
        return skf_blob_ref(made->blob);
    return kb->b->ctx.contents
               ? NULL
               : skf_blob_new_remote(l->digest, l->size, l->media_type, NULL, false);
}

bool skf_ko_build_take_kept(struct skf_ko_build *kb, struct skf_ko_layer_job *j)
{
    const struct skf_ko_kept_layer *l = skf_ko_kept_find(kb->prepare.kept, j->key, j->made.recipe);
    struct skf_blob *blob = l ? blob_of(kb, l) : NULL;
    if (!blob)
        return false;
    j->made.key = j->key;
    j->made.blob = blob;
    j->reused = true;
    memcpy(j->made.diff_id, l->diff_id, sizeof j->made.diff_id);
    return true;
}

/* --- behind it -------------------------------------------------------------------------------- */

static bool may_be_kept(const struct skf_ko_build *kb)
{
    const struct skf_ko_prepare *p = &kb->prepare;
    if (p->raced || !p->seen.whole || !kb->vcs_before.text || kb->use_kept)
        return false;
    for (size_t i = 0; i < kb->units.n; i++)
        if (!skf_ko_around_is_all(&kb->units.v[i]->settings) ||
            skf_elf_is_dynamic(kb->units.v[i]->go.fd))
            return false;
    return true;
}

static void add_layers(struct skf_ko_build *kb, struct skf_ko_kept *k)
{
    const struct skf_ko_kept *old = skf_ko_build_may_use_kept(kb) ? kb->prepare.kept : NULL;
    for (size_t i = 0; i < kb->n_jobs; i++) {
        const struct skf_ko_made_layer *m = &kb->jobs[i].made;
        struct skf_ko_kept_layer l = { .key = kb->jobs[i].key, .size = m->blob->size };
        memcpy(l.recipe, m->recipe, sizeof l.recipe);
        memcpy(l.diff_id, m->diff_id, sizeof l.diff_id);
        memcpy(l.digest, m->blob->digest, sizeof l.digest);
        memcpy(l.media_type, m->blob->media_type, sizeof l.media_type);
        skf_ko_kept_add(k, &l);
    }
    /* Of the same sources with other settings. */
    for (size_t i = 0; old && i < old->layers.n && k->layers.n < SKF_KO_MAX_KEPT; i++)
        skf_ko_kept_add(k, &old->layers.v[i]);
}

static bool stopped(void *work)
{
    return skf_work_cancelled(work);
}

static void look_again(struct skf_work *w)
{
    struct skf_ko_build *kb = SKF_CONTAINER_OF(w, struct skf_ko_build, keep);
    const struct skf_ko_prepare *p = &kb->prepare;
    struct skf_ko_kept *k = kb->to_keep;
    skf_autostrv struct skf_strv around = SKF_STRV_INIT;
    skf_ko_around_files(&p->plan, &p->graph->inputs, p->graph->goroot, &around);
    skf_ko_seen_take(&p->graph->inputs, &around, stopped, w, &k->seen);
    kb->stable = skf_ko_seen_stable(&p->seen, &k->seen) && !skf_work_cancelled(w);
    if (!kb->stable)
        return;
    skf_ko_seen_read(&k->seen, p->old_kept ? &p->old_kept->seen : &p->seen);
    skf_ko_known_save(kb->b->ctx.services->cache_dir, p->known_key, p->graph, k);
}

static void on_looked_again(struct skf_work *w)
{
    struct skf_ko_build *kb = SKF_CONTAINER_OF(w, struct skf_ko_build, keep);
    kb->keep_running = false;
    if (kb->stable)
        skf_ko_session_learn(kb->prepare.session, kb->prepare.known_key, kb->prepare.graph,
                             kb->to_keep);
    skf_ko_build_ended(kb, NULL);
}

static void keep(struct skf_ko_build *kb)
{
    if (!kb->vcs_after.text || strcmp(kb->vcs_after.text, kb->vcs_before.text) != 0)
        return;
    kb->to_keep = skf_ko_kept_new();
    kb->to_keep->vcs = skf_xstrdup(kb->vcs_after.text);
    add_layers(kb, kb->to_keep);
    kb->keep_running = true;
    kb->pending++;
    skf_work_start(kb->b->ctx.services->loop, &kb->keep, look_again, on_looked_again);
}

static void on_vcs_after(struct skf_ko_vcs *v, const struct skf_err *err)
{
    struct skf_ko_build *kb = v->data;
    kb->vcs_running = false;
    if (!err)
        keep(kb);
    skf_ko_build_ended(kb, err);
}

enum skf_next skf_ko_build_keep(struct skf_flow *f)
{
    struct skf_ko_build *kb = skf_ko_build_of(f);
    if (!may_be_kept(kb))
        return SKF_NEXT;
    kb->vcs_after.settings = &kb->prepare.settings;
    kb->vcs_after.dir = kb->prepare.graph->package.dir;
    kb->vcs_after.data = kb;
    kb->vcs_running = !skf_ko_vcs_start(kb->b->ctx.services->loop, &kb->vcs_after, on_vcs_after);
    kb->pending += kb->vcs_running;
    if (!kb->vcs_running)
        keep(kb);
    return SKF_NEXT;
}

void skf_ko_build_keep_cancel(struct skf_ko_build *kb)
{
    if (kb->vcs_running) {
        skf_ko_vcs_cancel(&kb->vcs_before);
        skf_ko_vcs_cancel(&kb->vcs_after);
    }
    if (kb->keep_running)
        skf_work_cancel(&kb->keep);
}

void skf_ko_build_keep_release(struct skf_ko_build *kb)
{
    skf_ko_vcs_release(&kb->vcs_before);
    skf_ko_vcs_release(&kb->vcs_after);
    skf_ko_kept_unref(kb->to_keep);
}
