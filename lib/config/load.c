/* lib/config/load.c: the way of a skaffold.yaml: read, upgrade, check, profiles, defaults, model,
 * rules. Findings are collected all the way; only what makes the next step senseless stops it. */
#include "lib/config/load.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/base/suggest.h"
#include "lib/config/build_model.h"
#include "lib/config/defaults.h"
#include "lib/config/loader.h"
#include "lib/config/profile.h"
#include "lib/config/version.h"
#include "lib/io/file.h"

void skf_config_release(struct skf_config *c)
{
    for (size_t i = 0; i < c->n_docs; i++)
        skf_doc_free(c->docs[i]);
    skf_arena_release(&c->arena);
    memset(c, 0, sizeof *c);
}

static void note(struct skf_loader *l, const struct skf_node *at, const char *text)
{
    struct skf_config_note *v = skf_arena_calloc(&l->c->arena, l->c->n_notes + 1, sizeof *v);
    if (l->c->n_notes)
        memcpy(v, l->c->notes, l->c->n_notes * sizeof *v);
    v[l->c->n_notes++] = (struct skf_config_note){
        .file = at->doc->file, .line = at->line, .col = at->col, .text = text
    };
    l->c->notes = v;
}

/* --- reading ---------------------------------------------------------------------------------- */

static void add_doc(struct skf_loader *l, const char *abs, struct skf_doc *d)
{
    struct skf_arena *a = &l->c->arena;
    size_t n = l->c->n_docs;
    struct skf_doc **docs = skf_arena_calloc(a, n + 1, sizeof *docs);
    const char **files = skf_arena_calloc(a, n + 1, sizeof *files);
    if (n) {
        memcpy(docs, l->c->docs, n * sizeof *docs);
        memcpy(files, l->c->files.v, n * sizeof *files);
    }
    docs[n] = d;
    files[n] = skf_arena_strdup(a, abs);
    l->c->docs = docs;
    l->c->files.v = files;
    l->c->n_docs = l->c->files.n = n + 1;
}

static struct skf_doc *doc_of(const struct skf_loader *l, const char *abs)
{
    for (size_t i = 0; i < l->c->n_docs; i++) {
        if (strcmp(l->c->files.v[i], abs) == 0)
            return l->c->docs[i];
    }
    return NULL;
}

static int read_text(const char *file, const char *abs, bool root, struct skf_buf *text,
                     struct skf_err *err)
{
    if (strcmp(file, "-") == 0)
        return skf_file_read_fd(STDIN_FILENO, SKF_DOC_MAX_BYTES, text, err);
    /* The root file by the name that was given, so that messages name it so. */
    return skf_file_read(root ? file : abs, SKF_DOC_MAX_BYTES, text, err);
}

/* The document of a file, read once. NULL: the reason is in the findings. */
static struct skf_doc *open_doc(struct skf_loader *l, const char *shown, const char *abs)
{
    struct skf_doc *d = doc_of(l, abs);
    if (d)
        return d;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    struct skf_err err = SKF_ERR_INIT;
    int rc = read_text(shown, abs, !l->n_modules, &text, &err);
    if (rc == 0)
        rc = skf_doc_parse(strcmp(shown, "-") == 0 ? "<stdin>" : shown, text.data, text.len, &d,
                           &err);
    if (rc == 0) {
        add_doc(l, abs, d);
        for (size_t i = 0; i < d->n_dups; i++)
            skf_diagnostic_add(l->diags, false, d->dups[i].second, NULL,
                               "the key '%s' stands here and in line %d", d->dups[i].second->text,
                               d->dups[i].first->line);
        return d;
    }
    const char *hint = NULL;
    if (rc == -SKF_ENOTFOUND && !l->n_modules) {
        l->code = SKF_ENOTFOUND;
        hint = "check the current directory, name the file with -f, or let 'skiff init' write one";
        skf_err_set(&err, SKF_ENOTFOUND, "skaffold config file '%s' not found", shown);
    } else if (err.file[0]) {
        /* A syntax error: shown with its line, from a copy that only lives for that. */
        struct skf_doc *quote = skf_doc_new(shown);
        free(quote->text);
        quote->len = text.len;
        quote->text = skf_buf_take(&text);
        skf_diagnostic_add_err(l->diags, quote, &err, NULL);
        skf_doc_free(quote);
        return NULL;
    }
    skf_diagnostic_add_err(l->diags, NULL, &err, hint);
    return NULL;
}

/* --- one document ----------------------------------------------------------------------------- */

/* Keys must be text before anything else looks at them. Depth is capped by the reader. */
static bool keys_are_text(struct skf_loader *l, const struct skf_node *n)
{
    bool good = true;
    for (size_t i = 0; n->kind != SKF_SCALAR && i < n->n; i++) {
        const struct skf_node *v = n->kind == SKF_MAPPING ? n->entries[i].value : n->items[i];
        if (n->kind == SKF_MAPPING && n->entries[i].key->kind != SKF_SCALAR) {
            skf_diagnostic_add(
                l->diags, false, n->entries[i].key, "a value like '{{.X}}' needs quotes",
                "expected a field name, found %s", skf_node_kind_words(n->entries[i].key));
            good = false;
        }
        good = keys_are_text(l, v) && good;
    }
    return good;
}

/* Keys at the top that start with a dot hold anchors and nothing else. */
static void drop_dot_keys(struct skf_node *root)
{
    size_t n = 0;
    for (size_t i = 0; i < root->n; i++) {
        if (root->entries[i].key->text[0] != '.')
            root->entries[n++] = root->entries[i];
    }
    root->n = n;
}

static bool upgrade(struct skf_loader *l, struct skf_decode *dec, struct skf_doc *d,
                    struct skf_node *root)
{
    struct skf_entry *e = skf_node_entry(root, "apiVersion");
    const char *text = e ? skf_node_str(e->value) : NULL;
    if (!text || !*text) {
        skf_diagnostic_add(l->diags, false, e ? e->key : root,
                           "write 'apiVersion: " SKF_VERSION_NEWEST "' as the first line",
                           "'apiVersion' is missing");
        return false;
    }
    bool odd;
    int version = skf_version_find(text, &odd);
    if (version < 0) {
        char known[SKF_VERSION_COUNT][32];
        const char *names[SKF_VERSION_COUNT];
        for (int i = 0; i < SKF_VERSION_COUNT; i++) { /* of two that are as near, the newer */
            snprintf(known[i], sizeof known[i], "skaffold/%s",
                     skf_version_name(SKF_VERSION_COUNT - 1 - i));
            names[i] = known[i];
        }
        const char *near = skf_suggest(text, names, SKF_VERSION_COUNT);
        const char *hint = skf_arena_printf(
            &l->c->arena, near ? "did you mean '%s'?" : "the newest version is '%s'",
            near ? near : SKF_VERSION_NEWEST);
        skf_diagnostic_add(l->diags, false, e->value, hint,
                           "unknown skaffold config API version '%s'", text);
        return false;
    }
    if (odd)
        note(l, e->value,
             skf_arena_printf(&l->c->arena, "apiVersion '%s' read as 'skaffold/%s'", text,
                              skf_version_name(version)));
    skf_version_check_fields(dec, &l->schema, root, version);
    skf_version_upgrade(d, root, version, SKF_VERSION_COUNT - 1, l->diags);
    return true;
}

/* The effective tree of a document: all steps up to the defaults. */
static struct skf_node *prepare(struct skf_loader *l, struct skf_doc *d,
                                const struct skf_part *part, const struct skf_strv *named,
                                struct skf_strv *active)
{
    struct skf_node *root = part->root;
    if (root->kind != SKF_MAPPING) {
        skf_diagnostic_add(l->diags, false, root, "a skaffold.yaml starts with 'apiVersion:'",
                           "expected a mapping at the top of the file, found %s",
                           skf_node_kind_words(root));
        return NULL;
    }
    if (!keys_are_text(l, root))
        return NULL;
    root = skf_node_clone(d, root);
    drop_dot_keys(root);
    struct skf_decode dec = { .arena = &l->c->arena,
                              .diags = l->diags,
                              .only_shape = l->req->accept_unsupported,
                              .moved = skf_schema_moved };
    if (!upgrade(l, &dec, d, root))
        return NULL;
    skf_model_check(&dec, &l->schema, root);
    struct skf_profile_request pr = {
        .named = named,
        .command = l->req->command,
        .kube_context = l->req->kube_context,
        .context_given = l->req->kube_context_given,
        .automatic = !l->req->no_profile_activation,
    };
    const struct skf_node *profiles = skf_node_get(root, "profiles");
    for (size_t i = 0; profiles && profiles->kind == SKF_SEQUENCE && i < profiles->n; i++) {
        const char *name = skf_node_get_str(profiles->items[i], "name");
        if (name && !skf_strv_has(&l->profile_names, name))
            skf_strv_add(&l->profile_names, name);
    }
    struct skf_node *kept = skf_node_new_map(d, root); /* applying takes them out */
    if (profiles)
        skf_node_set(d, kept, "profiles", skf_node_get(root, "profiles"));
    skf_profiles_active(root, &pr, active, l->diags);
    skf_profiles_apply(d, root, active, l->diags);
    skf_profiles_check_context(kept, root, &pr, active, l->diags);
    const struct skf_default_request defaults = { .unsupported = l->req->accept_unsupported,
                                                  .kube_namespace = l->req->kube_namespace };
    skf_defaults_apply(d, root, &defaults);
    return root;
}

static struct skf_loaded *find_loaded(struct skf_loader *l, const char *abs, size_t index)
{
    for (size_t i = 0; i < l->n_modules; i++) {
        if (l->modules[i]->index == index && strcmp(l->modules[i]->abs, abs) == 0)
            return l->modules[i];
    }
    return NULL;
}

static void check_same_profiles(struct skf_loader *l, const struct skf_loaded *m,
                                const struct skf_strv *active, const struct skf_node *at)
{
    skf_autostrv struct skf_strv a = SKF_STRV_INIT, b = SKF_STRV_INIT;
    skf_strv_addv(&a, &m->active);
    skf_strv_addv(&b, active);
    skf_strv_sort(&a);
    skf_strv_sort(&b);
    if (!skf_strv_equal(&a, &b))
        skf_diagnostic_add(l->diags, false, at, "activate the same profiles in both places",
                           "the module '%s' is required twice, with different active profiles",
                           m->name ? m->name : m->abs);
}

static void check_name(struct skf_loader *l, const struct skf_loaded *m)
{
    for (size_t i = 0; m->name && i < l->n_modules; i++) {
        const struct skf_loaded *other = l->modules[i];
        if (other == m || !other->name || strcmp(other->name, m->name) != 0)
            continue;
        const struct skf_node *at = skf_node_find(m->root, "metadata", "name", NULL);
        const struct skf_node *first = skf_node_find(other->root, "metadata", "name", NULL);
        if (strcmp(other->abs, m->abs) == 0)
            skf_diagnostic_add(l->diags, false, at, NULL,
                               "two modules of this file are named '%s': also in line %d", m->name,
                               first ? first->line : 0);
        else
            skf_diagnostic_add(l->diags, false, at, NULL,
                               "two modules are named '%s': also in '%s'", m->name, other->abs);
        return;
    }
}

/* Registers the module before its requirements are followed, so that circles end; its place in the
 * order comes behind them. */
static struct skf_loaded *new_loaded(struct skf_loader *l, const char *abs, size_t index)
{
    struct skf_loaded *m = skf_xcalloc(1, sizeof *m);
    m->abs = skf_xstrdup(abs);
    m->index = index;
    m->order = -1;
    l->modules = skf_xreallocarray(l->modules, l->n_modules + 1, sizeof(struct skf_loaded *));
    l->modules[l->n_modules++] = m;
    return m;
}

static const char *name_of(const struct skf_loaded *m)
{
    return m->name ? m->name : m->shown;
}

/* `first` is required by what it requires itself. Skaffold ends quietly there, and so do we. */
static void tell_circle(struct skf_loader *l, const struct skf_loaded *first,
                        const struct skf_source *src)
{
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    for (size_t i = 0; i < l->n_modules; i++)
        if (l->modules[i]->order < 0 && (names.n || l->modules[i] == first))
            skf_strv_add(&names, name_of(l->modules[i]));
    skf_strv_add(&names, name_of(first));
    skf_autofree char *words = skf_strv_join(&names, " -> ");
    skf_diagnostic_add(l->diags, true, src->at, NULL,
                       "configurations require each other in a circle: %s", words);
}

bool skf_loader_file(struct skf_loader *l, const struct skf_source *src)
{
    struct skf_doc *d = open_doc(l, src->shown, src->abs);
    if (!d)
        return false;
    bool any = false;
    size_t found = 0;
    for (size_t i = 0; i < d->n_parts; i++) {
        const struct skf_part *part = &d->parts[i];
        if (!part->root)
            continue;
        any = true;
        const char *name = skf_node_str(skf_node_find(part->root, "metadata", "name", NULL));
        if (src->names && src->names->n && (!name || !skf_strv_has(src->names, name)))
            continue;
        found++;
        struct skf_loaded *m = find_loaded(l, src->abs, i);
        skf_autostrv struct skf_strv active = SKF_STRV_INIT;
        if (m) {
            if (m->root) {
                struct skf_profile_request pr = { .named = src->profiles,
                                                  .command = l->req->command,
                                                  .kube_context = l->req->kube_context,
                                                  .automatic = !l->req->no_profile_activation };
                struct skf_diagnostics again = SKF_DIAGNOSTICS_INIT;
                skf_profiles_active(part->root, &pr, &active, &again);
                skf_diagnostics_release(&again);
                check_same_profiles(l, m, &active, src->at);
            }
            if (m->order < 0 && m != src->user)
                tell_circle(l, m, src);
            if (src->user)
                skf_loader_edge(src->user, m);
            continue;
        }
        m = new_loaded(l, src->abs, i);
        if (src->user)
            skf_loader_edge(src->user, m);
        else
            m->top = true;
        m->shown = skf_xstrdup(src->shown);
        m->dir = skf_xstrdup(src->dir);
        m->remote = src->remote;
        struct skf_node *root = prepare(l, d, part, src->profiles, &active);
        if (!root)
            continue;
        skf_strv_swap(&m->active, &active);
        m->doc = d;
        m->root = root;
        m->name = skf_node_str(skf_node_find(root, "metadata", "name", NULL));
        if (m->name && !*m->name)
            m->name = NULL;
        check_name(l, m);
        skf_loader_requires(l, src, m);
        m->order = l->next_order++;
    }
    if (!any) {
        struct skf_err err = SKF_ERR_INIT;
        skf_err_set(&err, SKF_ECONFIG, "the file is empty: it has no skaffold configuration");
        skf_err_at(&err, src->shown, 0, 0);
        skf_diagnostic_add_err(l->diags, NULL, &err,
                               "a skaffold.yaml starts with 'apiVersion: " SKF_VERSION_NEWEST "'");
        return false;
    }
    if (!found && src->names && src->names->n) {
        skf_autofree char *names = skf_strv_join(src->names, ", ");
        skf_diagnostic_add(l->diags, false, src->at, NULL, "'%s' has no module named %s",
                           src->shown, names);
    }
    return true;
}

/* --- all together ----------------------------------------------------------------------------- */

static int by_order(const void *a, const void *b)
{
    long x = (*(struct skf_loaded *const *)a)->order, y = (*(struct skf_loaded *const *)b)->order;
    return x < y ? -1 : x > y;
}

static void keep(struct skf_loaded *m)
{
    if (m->kept)
        return;
    m->kept = true;
    for (size_t i = 0; i < m->n_needs; i++)
        keep(m->needs[i]);
}

/* Which modules take part: all that the root file brings, or those named with -m and what they
 * need. */
static void select_modules(struct skf_loader *l)
{
    const struct skf_strv *wanted = l->req->modules;
    for (size_t i = 0; i < l->n_modules; i++) {
        struct skf_loaded *m = l->modules[i];
        if (wanted && wanted->n ? m->name && skf_strv_has(wanted, m->name) : m->top)
            keep(m);
    }
    for (size_t k = 0; wanted && k < wanted->n; k++) {
        bool found = false;
        skf_autostrv struct skf_strv names = SKF_STRV_INIT;
        for (size_t i = 0; i < l->n_modules; i++) {
            if (!l->modules[i]->name)
                continue;
            found = found || strcmp(l->modules[i]->name, wanted->v[k]) == 0;
            skf_strv_add(&names, l->modules[i]->name);
        }
        if (found)
            continue;
        skf_autofree char *all = skf_strv_join(&names, ", ");
        skf_autofree char *hint = names.n ? skf_xasprintf("modules are: %s", all)
                                          : skf_xstrdup("no module has a 'metadata.name'");
        skf_diagnostic_add(l->diags, false, NULL, hint, "no module is named '%s'", wanted->v[k]);
    }
}

static void check_named_profiles(struct skf_loader *l)
{
    const struct skf_strv *named = l->req->profiles;
    for (size_t i = 0; named && i < named->n; i++) {
        const char *name = named->v[i][0] == '-' ? named->v[i] + 1 : named->v[i];
        if (skf_strv_has(&l->profile_names, name) || named->v[i][0] == '-')
            continue;
        const char *near =
            skf_suggest(name, (const char *const *)l->profile_names.v, l->profile_names.n);
        skf_autofree char *all = skf_strv_join(&l->profile_names, ", ");
        skf_autofree char *hint = near                 ? skf_xasprintf("did you mean '%s'?", near)
                                  : l->profile_names.n ? skf_xasprintf("profiles are: %s", all)
                                                       : skf_xstrdup("the file has no profiles");
        skf_diagnostic_add(
            l->diags, false, NULL, hint,
            "profile selection '%s' did not match those defined in any configuration", name);
    }
}

static void build_models(struct skf_loader *l)
{
    struct skf_config *c = l->c;
    c->modules = skf_arena_calloc(&c->arena, l->n_modules + 1, sizeof *c->modules);
    c->roots = skf_arena_calloc(&c->arena, l->n_modules + 1, sizeof(struct skf_node *));
    struct skf_loaded *only = NULL;
    size_t kept = 0;
    for (size_t i = 0; i < l->n_modules; i++) {
        if (l->modules[i]->kept && l->modules[i]->root) {
            only = l->modules[i];
            kept++;
        }
    }
    if (kept == 1)
        skf_defaults_only_module(only->doc, only->root);
    struct skf_decode dec = {
        .arena = &c->arena,
        .diags = l->diags,
        .allow_refused = l->req->accept_unsupported,
        .only_shape = l->req->accept_unsupported,
        .moved = skf_schema_moved,
        /* What the file says was checked before: an unknown key here comes from a patch, which
         * Skaffold drops. */
        .lenient = true,
    };
    for (size_t i = 0; i < l->n_modules; i++) {
        struct skf_loaded *m = l->modules[i];
        if (!m->kept || !m->root)
            continue;
        struct skf_module *out = &c->modules[c->n_modules];
        c->roots[c->n_modules++] = m->root;
        out->file = skf_arena_strdup(&c->arena, m->shown);
        out->dir = skf_arena_strdup(&c->arena, m->dir);
        out->active_profiles.v =
            skf_arena_calloc(&c->arena, m->active.n + 1, sizeof *out->active_profiles.v);
        for (size_t k = 0; k < m->active.n; k++)
            out->active_profiles.v[out->active_profiles.n++] =
                skf_arena_strdup(&c->arena, m->active.v[k]);
        skf_model_build(&dec, &l->schema, m->root, out);
    }
}

static void loader_release(struct skf_loader *l)
{
    for (size_t i = 0; i < l->n_modules; i++) {
        struct skf_loaded *m = l->modules[i];
        skf_strv_release(&m->active);
        free(m->needs);
        free(m->abs);
        free(m->shown);
        free(m->dir);
        free(m);
    }
    free(l->modules);
    skf_strv_release(&l->profile_names);
}

/* "skaffold.yaml", or "skaffold.yml" when only that is there. Owned. */
static char *choose_file(const char *file)
{
    const char *name = file ? file : "skaffold.yaml";
    if (strcmp(skf_path_base(name), "skaffold.yaml") == 0 && !skf_file_exists(name)) {
        char *other = skf_xasprintf("%.*s.yml", (int)(strlen(name) - strlen(".yaml")), name);
        if (skf_file_exists(other))
            return other;
        free(other);
    }
    return skf_xstrdup(name);
}

/* A configuration that is only printed may break rules; it is told and printed all the same. */
static void validate(struct skf_loader *l)
{
    l->diags->soften = l->req->accept_unsupported;
    skf_validate(l->c, l->c->roots, l->diags);
    l->diags->soften = false;
}

static void load(struct skf_loader *l)
{
    skf_autofree char *file = choose_file(l->req->file);
    skf_autofree char *cwd = skf_path_abs(NULL, ".");
    bool is_stdin = strcmp(file, "-") == 0;
    skf_autofree char *abs = is_stdin ? skf_xstrdup("-") : skf_path_abs(NULL, file);
    if (strncmp(file, "http://", 7) == 0 || strncmp(file, "https://", 8) == 0) {
        skf_diagnostic_add(
            l->diags, false, NULL, "download it first, and name the local file with -f",
            "cannot read '%s': skiff does not load its configuration from the network", file);
        return;
    }
    skf_autofree char *file_dir = is_stdin ? skf_xstrdup(cwd) : skf_path_dir(abs);
    struct skf_source src = {
        .shown = file,
        .abs = abs,
        .dir = cwd, /* as Skaffold: paths in the root file are relative to where we were started */
        .requires_dir = file_dir,
        .profiles = l->req->profiles,
    };
    if (!skf_loader_file(l, &src))
        return;
    select_modules(l);
    check_named_profiles(l);
    qsort(l->modules, l->n_modules, sizeof(struct skf_loaded *), by_order);
    build_models(l);
    if (!l->req->accept_unsupported || !skf_diagnostics_failed(l->diags))
        validate(l);
}

int skf_config_load(const struct skf_config_request *req, struct skf_config *out,
                    struct skf_diagnostics *diags)
{
    struct skf_config c = { .arena = SKF_ARENA_INIT };
    struct skf_loader l = { .req = req, .c = &c, .diags = diags, .code = SKF_ECONFIG };
    skf_schema_artifact_init(&l.schema, req->builders, &c.arena);
    load(&l);
    loader_release(&l);
    if (skf_diagnostics_failed(diags)) {
        skf_config_release(&c);
        return -(int)l.code;
    }
    *out = c;
    return 0;
}
