/* lib/config/model.c: from the file's shape to the model. */
#include "lib/config/build_model.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/doc/doc.h"

static void hooks_plain(struct skf_hooks *to, const struct skf_wire_hooks *from)
{
    to->before = from->before.v;
    to->n_before = from->before.n;
    to->after = from->after.v;
    to->n_after = from->after.n;
}

static void unwrap(struct skf_arena *arena, const struct skf_list *from, struct skf_hook **to,
                   size_t *n)
{
    const struct skf_wire_hook *v = from->v;
    *to = skf_arena_calloc(arena, from->n + 1, sizeof **to);
    for (size_t i = 0; i < from->n; i++) {
        const struct skf_hook *one = v[i].host ? v[i].host : v[i].container;
        if (!one)
            continue;
        (*to)[*n] = *one;
        (*to)[(*n)++].in_container = !v[i].host;
    }
}

void skf_model_hooks(struct skf_arena *arena, struct skf_hooks *to,
                     const struct skf_wire_hooks *from)
{
    unwrap(arena, &from->before, &to->before, &to->n_before);
    unwrap(arena, &from->after, &to->after, &to->n_after);
}

static void tagger(struct skf_arena *arena, struct skf_tagger *to, const struct skf_wire_tag *from)
{
    if (from->env) {
        to->policy = SKF_TAG_ENV_TEMPLATE;
        to->template_text = from->env->text;
    } else if (from->sha256) {
        to->policy = SKF_TAG_SHA256;
    } else if (from->git) {
        to->policy = SKF_TAG_GIT_COMMIT;
        to->git_variant = from->git->variant;
        to->git_prefix = from->git->prefix;
        to->git_ignore_changes = from->git->ignore_changes;
    } else if (from->date) {
        to->policy = SKF_TAG_DATE_TIME;
        to->date_format = from->date->format;
        to->date_timezone = from->date->timezone;
    } else if (from->input_digest) {
        to->policy = SKF_TAG_INPUT_DIGEST;
    } else if (from->custom) {
        const struct skf_list *list = &from->custom->components;
        const struct skf_wire_component *v = list->v;
        to->policy = SKF_TAG_CUSTOM_TEMPLATE;
        to->template_text = from->custom->text;
        to->components = skf_arena_calloc(arena, list->n + 1, sizeof *to->components);
        to->n_components = list->n;
        for (size_t i = 0; i < list->n; i++) {
            to->components[i].name = v[i].name;
            tagger(arena, &to->components[i].tagger, &v[i].tag);
        }
    }
}

static const struct skf_sync *sync_of(struct skf_arena *arena, const struct skf_wire_sync *from)
{
    if (!from || (!from->manual.n && !from->infer.n && from->auto_ != SKF_YES))
        return NULL;
    struct skf_sync *to = skf_arena_calloc(arena, 1, sizeof *to);
    to->manual = from->manual;
    to->infer = from->infer;
    to->auto_ = from->auto_ == SKF_YES;
    skf_model_hooks(arena, &to->hooks, &from->hooks);
    return to;
}

static void one_artifact(struct skf_decode *dec, const struct skf_artifact_schema *schema,
                         const struct skf_node *n, const char *path, struct skf_artifact *a)
{
    struct skf_wire_artifact *w = skf_arena_alloc(dec->arena, schema->size);
    skf_fields_decode(dec, schema->fields, n, w, path);
    a->image = w->image ? w->image : "";
    a->context = w->context && *w->context ? w->context : ".";
    a->platforms = w->platforms;
    a->requires = w->requires;
    a->at = n;
    hooks_plain(&a->hooks, &w->hooks);
    a->sync = sync_of(dec->arena, w->sync);
    for (size_t i = 0; i < schema->n_sections; i++) {
        const struct skf_section *s = &schema->sections[i];
        const struct skf_entry *e = skf_node_entry(n, s->name);
        if (e && skf_node_is_null(e->value))
            skf_diagnostic_add(dec->diags, true, e->key,
                               skf_arena_printf(dec->arena, "write '%s: {}' to choose it", s->name),
                               "'%s.%s' has no value, so it counts as not written", path, s->name);
        const struct skf_node *options = skf_schema_section(schema, w, i);
        if (!options)
            continue;
        a->builder = s->name;
        a->options = skf_arena_alloc(dec->arena, s->size ? s->size : 1);
        if (!s->fields)
            continue;
        bool before = dec->lenient;
        dec->lenient = before || s->lenient;
        skf_fields_decode(dec, s->fields, options, a->options,
                          skf_arena_printf(dec->arena, "%s.%s", path, s->name));
        dec->lenient = before;
    }
}

static void artifacts(struct skf_decode *dec, const struct skf_artifact_schema *schema,
                      const struct skf_node *list, struct skf_module *m)
{
    if (!list)
        return;
    if (list->kind != SKF_SEQUENCE) {
        skf_diagnostic_add(dec->diags, false, list, "write '- image: NAME'",
                           "expected a list of artifacts for 'build.artifacts', found %s",
                           skf_node_kind_words(list));
        return;
    }
    struct skf_artifact *v = skf_arena_calloc(dec->arena, list->n + 1, sizeof *v);
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++) {
        const char *path = skf_arena_printf(dec->arena, "build.artifacts[%zu]", i);
        if (list->items[i]->kind != SKF_MAPPING)
            skf_diagnostic_add(dec->diags, false, list->items[i], "write '- image: NAME'",
                               "expected a mapping for '%s', found %s", path,
                               skf_node_kind_words(list->items[i]));
        else
            one_artifact(dec, schema, list->items[i], path, &v[n++]);
    }
    m->artifacts = v;
    m->n_artifacts = n;
}

static void append_hooks(struct skf_arena *arena, struct skf_hook **to, size_t *n,
                         const struct skf_hook *more, size_t n_more)
{
    struct skf_hook *all = skf_arena_calloc(arena, *n + n_more + 1, sizeof *all);
    for (size_t i = 0; i < *n; i++)
        all[i] = (*to)[i];
    for (size_t i = 0; i < n_more; i++)
        all[*n + i] = more[i];
    *to = all;
    *n += n_more;
}

/* Helm goes first, so its hooks do: those of both deployers stand around the deploy of a module. */
static void helm_hooks(struct skf_arena *arena, struct skf_module *m,
                       const struct skf_wire_hooks *from)
{
    struct skf_hooks own = { 0 };
    skf_model_hooks(arena, &own, from);
    append_hooks(arena, &own.before, &own.n_before, m->deploy_hooks.before,
                 m->deploy_hooks.n_before);
    append_hooks(arena, &own.after, &own.n_after, m->deploy_hooks.after, m->deploy_hooks.n_after);
    m->deploy_hooks = own;
}

static const struct skf_helm *helm(struct skf_arena *arena, const struct skf_wire_helm *from,
                                   const struct skf_node *node)
{
    const struct skf_node *list = skf_node_get(node, "releases");
    struct skf_helm *to = skf_arena_calloc(arena, 1, sizeof *to);
    to->releases = from->releases.v;
    to->n_releases = from->releases.n;
    to->flags = from->flags;
    for (size_t i = 0, k = 0; i < to->n_releases; i++, k++) {
        while (skf_node_item(list, k) && skf_node_item(list, k)->kind != SKF_MAPPING)
            k++;
        to->releases[i].at = skf_node_item(list, k);
    }
    return to;
}

static void forwards(struct skf_arena *arena, const struct skf_node *root, struct skf_module *m,
                     const struct skf_list *list)
{
    const struct skf_wire_forward *v = list->v;
    const struct skf_node *nodes = skf_node_get(root, "portForward");
    m->port_forwards = skf_arena_calloc(arena, list->n + 1, sizeof *m->port_forwards);
    m->n_port_forwards = list->n;
    for (size_t i = 0, k = 0; i < list->n; i++, k++) {
        while (skf_node_item(nodes, k) && skf_node_item(nodes, k)->kind != SKF_MAPPING)
            k++;
        m->port_forwards[i] = (struct skf_port_forward){
            .resource_type = v[i].resource_type,
            .resource_name = v[i].resource_name,
            .namespace_ = v[i].namespace_,
            .port = v[i].port,
            .address = v[i].address ? v[i].address : "127.0.0.1",
            .local_port = v[i].local_port,
            .at = skf_node_item(nodes, k),
        };
    }
}

/* "ns:deployment/web" */
static void remote_manifests(struct skf_decode *dec, const struct skf_node *root,
                             struct skf_module *m, const struct skf_list *list)
{
    const struct skf_wire_remote *v = list->v;
    const struct skf_node *nodes = skf_node_find(root, "manifests", "remoteManifests", NULL);
    m->remote_manifests = skf_arena_calloc(dec->arena, list->n + 1, sizeof *m->remote_manifests);
    for (size_t i = 0; i < list->n; i++) {
        const char *colon = v[i].manifest ? strchr(v[i].manifest, ':') : NULL;
        const char *object = colon ? colon + 1 : v[i].manifest;
        if (!object || !strchr(object, '/') || object[0] == '-') {
            skf_diagnostic_add(dec->diags, false, skf_node_item(nodes, i),
                               "for example 'deployment/web' or 'team:deployment/web'",
                               "manifests.remoteManifests[%zu] needs a 'manifest' of the form "
                               "[NAMESPACE:]TYPE/NAME",
                               i);
            continue;
        }
        m->remote_manifests[m->n_remote_manifests++] = (struct skf_remote_manifest){
            .namespace_ = colon ? skf_arena_printf(dec->arena, "%.*s", (int)(colon - v[i].manifest),
                                                   v[i].manifest)
                                : NULL,
            .object = object,
            .kube_context = v[i].kube_context,
        };
    }
}

/* A test is an action with one container. */
static void verify(struct skf_arena *arena, struct skf_module *m, const struct skf_list *list)
{
    struct skf_wire_verify *v = list->v;
    m->verify = skf_arena_calloc(arena, list->n + 1, sizeof *m->verify);
    m->n_verify = list->n;
    for (size_t i = 0; i < list->n; i++)
        m->verify[i] = (struct skf_action){ .name = v[i].name,
                                            .timeout_s = v[i].timeout_s,
                                            .mode = v[i].mode,
                                            .containers = { &v[i].container, 1 } };
}

void skf_model_build(struct skf_decode *dec, const struct skf_artifact_schema *schema,
                     const struct skf_node *root, struct skf_module *m)
{
    struct skf_wire *w = skf_arena_alloc(dec->arena, sizeof *w);
    skf_fields_decode(dec, skf_schema_config, root, w, "");
    m->name = w->name && *w->name ? w->name : NULL;
    artifacts(dec, schema, w->artifacts, m);
    tagger(dec->arena, &m->tagger, &w->tag);
    m->platforms = w->platforms;
    m->insecure_registries = w->insecure_registries;
    m->local_concurrency = 1;
    if (w->local) {
        m->local_push = w->local->push;
        m->local_concurrency = w->local->concurrency;
        m->use_buildkit = w->local->use_buildkit;
        m->use_docker_cli = w->local->use_docker_cli;
        m->try_import_missing = w->local->try_import_missing;
    }
    hooks_plain(&m->build_hooks, &w->build_hooks);
    m->raw_yaml = w->raw_yaml;
    if (w->kustomize) {
        m->has_kustomize = true;
        m->kustomize_paths = w->kustomize->paths;
        if (!m->kustomize_paths.n) { /* Skaffold documents it and does nothing */
            static const char *here[] = { "." };
            static const struct skf_node *nowhere[] = { NULL };
            m->kustomize_paths = (struct skf_strings){ .v = here, .at = nowhere, .n = 1 };
        }
        m->kustomize_build_args = w->kustomize->build_args;
    }
    skf_model_hooks(dec->arena, &m->render_hooks, &w->render_hooks);
    if (w->kubectl) {
        m->has_kubectl = true;
        m->kubectl_flags = w->kubectl->flags;
        m->default_namespace = w->kubectl->default_namespace;
        skf_model_hooks(dec->arena, &m->deploy_hooks, &w->kubectl->hooks);
    }
    if (w->render_helm)
        m->render_helm =
            helm(dec->arena, w->render_helm, skf_node_find(root, "manifests", "helm", NULL));
    if (w->helm) {
        m->deploy_helm = helm(dec->arena, w->helm, skf_node_find(root, "deploy", "helm", NULL));
        helm_hooks(dec->arena, m, &w->helm->hooks);
    }
    if (w->docker) {
        m->has_docker_deploy = true;
        m->docker_deploy_images = w->docker->images;
    }
    m->status_check = w->status_check;
    m->status_deadline_s = w->status_deadline_s > 0 ? w->status_deadline_s : 600;
    m->tolerate_failures = w->tolerate_failures;
    m->kube_context = w->kube_context && *w->kube_context ? w->kube_context : NULL;
    m->log_prefix = w->log_prefix ? w->log_prefix : "container";
    m->log_json_fields = w->log_json_fields;
    forwards(dec->arena, root, m, &w->forwards);
    m->allowed = w->allowed;
    m->denied = w->denied;
    remote_manifests(dec, root, m, &w->remote_manifests);
    if (w->kubectl && w->kubectl->remote_manifests.n)
        skf_diagnostic_add(
            dec->diags, true, skf_node_find(root, "deploy", "kubectl", "remoteManifests", NULL),
            "name the objects under manifests.remoteManifests, as '- manifest: TYPE/NAME'",
            "'deploy.kubectl.remoteManifests' has no effect since v4beta1");
    verify(dec->arena, m, &w->verify);
    m->actions = w->actions.v;
    m->n_actions = w->actions.n;
    m->tests = w->tests.v;
    m->n_tests = w->tests.n;
}

/* Everything a document says that is not in effect: the base below profiles, and inactive profiles.
 */
void skf_model_check(struct skf_decode *dec, const struct skf_artifact_schema *schema,
                     const struct skf_node *root)
{
    struct skf_decode quiet = *dec;
    struct skf_module scratch = { 0 };
    quiet.allow_refused = true;
    skf_fields_decode(&quiet, skf_schema_config, root, NULL, "");
    const struct skf_node *list = skf_node_find(root, "build", "artifacts", NULL);
    artifacts(&quiet, schema, skf_node_is_null(list) ? NULL : list, &scratch);
    const struct skf_node *profiles = skf_node_get(root, "profiles");
    if (!skf_node_is_null(profiles) && profiles->kind != SKF_SEQUENCE)
        skf_diagnostic_add(dec->diags, false, profiles, "write '- name: NAME'",
                           "expected a list of profiles for 'profiles', found %s",
                           skf_node_kind_words(profiles));
    for (size_t i = 0; profiles && profiles->kind == SKF_SEQUENCE && i < profiles->n; i++) {
        const struct skf_node *p = profiles->items[i];
        const char *path = skf_arena_printf(dec->arena, "profiles[%zu]", i);
        const char *name = skf_node_get_str(p, "name");
        skf_fields_decode(&quiet, skf_schema_profile, p, NULL, path);
        list = skf_node_find(p, "build", "artifacts", NULL);
        artifacts(&quiet, schema, skf_node_is_null(list) ? NULL : list, &scratch);
        for (size_t k = 0; name && k < i; k++) {
            const char *other = skf_node_get_str(profiles->items[k], "name");
            if (other && strcmp(other, name) == 0)
                skf_diagnostic_add(dec->diags, dec->only_shape, skf_node_get(p, "name"), NULL,
                                   "two profiles are named '%s'", name);
        }
    }
}
