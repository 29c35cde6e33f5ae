/* lib/config/requires.c: modules in other files. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/config/loader.h"
#include "lib/config/schema_table.h"
#include "lib/io/file.h"

enum { MAX_DEPTH = 50 };

struct wire_git {
    const char *repo, *path, *ref;
    enum skf_tristate sync;
};
struct wire_requires {
    struct skf_strings configs;
    const char *path;
    struct wire_git *git;
    struct skf_list profiles;
};
struct wire_active {
    const char *name;
    struct skf_strings by;
};

static const struct skf_field active_fields[] = {
    F("name", STRING, wire_active, name, .required = true),
    F("activatedBy", STRINGS, wire_active, by),
    END,
};
static const struct skf_field git_fields[] = {
    F("repo", STRING, wire_git, repo, .required = true),
    F("path", STRING, wire_git, path),
    F("ref", STRING, wire_git, ref),
    F("sync", TRISTATE, wire_git, sync),
    END,
};
static const struct skf_field storage_fields[] = {
    N("source", STRING),
    N("path", STRING),
    N("sync", TRISTATE),
    END,
};
static const struct skf_field repo_v2_fields[] = {
    N("projectID", STRING, .required = true),
    N("region", STRING, .required = true),
    N("connection", STRING, .required = true),
    N("repo", STRING, .required = true),
    N("path", STRING),
    N("ref", STRING),
    N("sync", TRISTATE),
    END,
};
#define SOURCE "source of a requirement"
const struct skf_field skf_schema_requires[] = {
    F("configs", STRINGS, wire_requires, configs, .help = "modules by name; none: all of the file"),
    F("path", STRING, wire_requires, path, .path = true, .oneof = SOURCE,
      .help = "a file, or a directory with a skaffold.yaml"),
    F("git", STRUCT_PTR, wire_requires, git, .sub = git_fields, .size = sizeof(struct wire_git),
      .oneof = SOURCE, .since = "v2beta12"),
    NOT("googleCloudStorage", STRUCT_PTR, "copy it here and name it with 'path'",
        .sub = storage_fields, .oneof = SOURCE, .since = "v4beta7"),
    NOT("googleCloudBuildRepoV2", STRUCT_PTR, "clone it and name it with 'path', or with 'git'",
        .sub = repo_v2_fields, .oneof = SOURCE, .since = "v4beta10"),
    F("activeProfiles", LIST, wire_requires, profiles, .sub = active_fields,
      .size = sizeof(struct wire_active)),
    END,
};

void skf_loader_edge(struct skf_loaded *user, struct skf_loaded *needed)
{
    for (size_t i = 0; i < user->n_needs; i++) {
        if (user->needs[i] == needed)
            return;
    }
    user->needs = skf_xreallocarray(user->needs, user->n_needs + 1, sizeof(struct skf_loaded *));
    user->needs[user->n_needs++] = needed;
}

/* -p of the command line, and what `activeProfiles` adds. */
static void profiles_for(const struct skf_loader *l, const struct wire_requires *w,
                         const struct skf_loaded *m, struct skf_strv *out)
{
    if (l->req->profiles && !l->req->no_profile_propagation)
        skf_strv_addv(out, l->req->profiles);
    const struct wire_active *v = w->profiles.v;
    for (size_t i = 0; i < w->profiles.n; i++) {
        bool on = v[i].by.n == 0;
        for (size_t k = 0; k < v[i].by.n; k++)
            on = on || skf_strv_has(&m->active, v[i].by.v[k]);
        if (on && v[i].name && !skf_strv_has(out, v[i].name))
            skf_strv_add(out, v[i].name);
    }
}

/* The file that a path names: itself, or the skaffold.yaml (.yml) of a directory. Owned. */
static char *config_file(char *abs)
{
    if (!skf_file_is_dir(abs))
        return abs;
    skf_autofree char *dir = abs;
    char *yaml = skf_path_join(dir, "skaffold.yaml"), *yml = skf_path_join(dir, "skaffold.yml");
    bool short_name = !skf_file_exists(yaml) && skf_file_exists(yml);
    free(short_name ? yaml : yml);
    return short_name ? yml : yaml;
}

/* The required file below the clone of a repository; owned. NULL, and a finding: there is none. */
static char *from_git(struct skf_loader *l, const struct wire_git *g, const struct skf_node *at)
{
    const struct skf_git_request req = { .repo = g->repo,
                                         .ref = g->ref,
                                         .sync = g->sync != SKF_NO,
                                         .cache_dir = l->req->remote_cache_dir,
                                         .policy = l->req->sync_remote_cache };
    struct skf_err err = SKF_ERR_INIT;
    skf_autofree char *dir = NULL;
    if (!g->repo || !*g->repo)
        return NULL; /* told by the table */
    if (!l->req->git_repo) {
        skf_diagnostic_add(l->diags, false, skf_node_get(at, "git"), NULL,
                           "repositories are not fetched here");
        return NULL;
    }
    if (l->req->git_repo(&req, &dir, &err) < 0) {
        skf_diagnostic_add(l->diags, false, skf_node_get(at, "git"), NULL, "%s", err.msg);
        return NULL;
    }
    return config_file(skf_path_join(dir, g->path ? g->path : "."));
}

static void follow(struct skf_loader *l, const struct skf_source *src, struct skf_loaded *m,
                   const struct wire_requires *w, const struct skf_node *at)
{
    skf_autostrv struct skf_strv names = SKF_STRV_INIT, profiles = SKF_STRV_INIT;
    for (size_t i = 0; i < w->configs.n; i++)
        skf_strv_add(&names, w->configs.v[i]);
    profiles_for(l, w, m, &profiles);
    struct skf_source next = *src;
    next.names = &names;
    next.profiles = &profiles;
    next.user = m;
    next.at = at;
    next.depth = src->depth + 1;
    if (!w->git && (!w->path || !*w->path)) {
        skf_loader_file(l, &next); /* other modules of the same file */
        return;
    }
    skf_autofree char *abs =
        w->git ? from_git(l, w->git, at) : config_file(skf_path_abs(src->requires_dir, w->path));
    const struct skf_node *where = skf_node_get(at, w->git ? "git" : "path");
    if (!abs)
        return;
    if (!skf_file_exists(abs)) {
        skf_autofree char *shown = skf_path_show(abs);
        skf_diagnostic_add(l->diags, false, where, NULL,
                           "cannot find the required configuration '%s'", shown);
        return;
    }
    skf_autofree char *dir = skf_path_dir(abs), *shown = skf_path_show(abs);
    const char *tidy = strncmp(shown, "./", 2) == 0 ? shown + 2 : shown;
    next.shown = tidy;
    next.abs = abs;
    next.dir = dir;
    next.requires_dir = dir;
    next.at = where;
    next.remote = src->remote || w->git;
    skf_loader_file(l, &next);
}

void skf_loader_requires(struct skf_loader *l, const struct skf_source *src, struct skf_loaded *m)
{
    const struct skf_node *list = skf_node_get(m->root, "requires");
    if (skf_node_is_null(list))
        return;
    if (src->depth > MAX_DEPTH) {
        skf_diagnostic_add(l->diags, false, list, NULL, "more than %d levels of 'requires'",
                           MAX_DEPTH);
        return;
    }
    static const struct skf_field wrapper[] = {
        { .name = "requires",
          .type = SKF_T_LIST,
          .sub = skf_schema_requires,
          .size = sizeof(struct wire_requires) },
        { 0 },
    };
    struct skf_decode dec = {
        .arena = &l->c->arena,
        .diags = l->diags,
        .only_shape = l->req->accept_unsupported,
    };
    struct skf_entry e = { .key = skf_node_entry(m->root, "requires")->key,
                           .value = skf_node_get(m->root, "requires") };
    struct skf_node map = { .kind = SKF_MAPPING, .entries = &e, .n = 1, .doc = list->doc };
    struct skf_list got = { 0 };
    skf_fields_decode(&dec, wrapper, &map, &got, "");
    const struct wire_requires *v = got.v;
    for (size_t i = 0, k = 0; i < got.n; i++, k++) {
        while (skf_node_item(list, k) && skf_node_item(list, k)->kind != SKF_MAPPING)
            k++;
        follow(l, src, m, &v[i], skf_node_item(list, k));
    }
}
