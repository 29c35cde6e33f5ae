/* lib/config/requires.c: modules in other files. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/config/loader.h"
#include "lib/io/file.h"

enum { MAX_DEPTH = 50 };

struct wire_requires {
    struct skf_strings configs;
    const char *path;
    const struct skf_node *git;
    struct skf_list profiles;
};
struct wire_active {
    const char *name;
    struct skf_strings by;
};

static const struct skf_field active_fields[] = {
    { .name = "name",
      .type = SKF_T_STRING,
      .offset = offsetof(struct wire_active, name),
      .required = true },
    { .name = "activatedBy", .type = SKF_T_STRINGS, .offset = offsetof(struct wire_active, by) },
    { 0 },
};
static const struct skf_field requires_fields[] = {
    { .name = "configs", .type = SKF_T_STRINGS, .offset = offsetof(struct wire_requires, configs) },
    { .name = "path",
      .type = SKF_T_STRING,
      .offset = offsetof(struct wire_requires, path),
      .path = true },
    { .name = "git",
      .type = SKF_T_REFUSED,
      .oneof = "source",
      .help = "clone it (or add it as a git submodule) and name it with 'path'" },
    { .name = "googleCloudStorage",
      .type = SKF_T_REFUSED,
      .oneof = "source",
      .help = "copy it here and name it with 'path'" },
    { .name = "googleCloudBuildRepoV2",
      .type = SKF_T_REFUSED,
      .oneof = "source",
      .help = "clone it and name it with 'path'" },
    { .name = "activeProfiles",
      .type = SKF_T_LIST,
      .offset = offsetof(struct wire_requires, profiles),
      .sub = active_fields,
      .size = sizeof(struct wire_active) },
    { 0 },
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
    if (l->req->profiles)
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
    if (!w->path || !*w->path) {
        skf_loader_file(l, &next); /* other modules of the same file */
        return;
    }
    skf_autofree char *abs = skf_path_abs(src->requires_dir, w->path);
    if (skf_file_is_dir(abs)) {
        char *yaml = skf_path_join(abs, "skaffold.yaml"), *yml = skf_path_join(abs, "skaffold.yml");
        bool short_name = !skf_file_exists(yaml) && skf_file_exists(yml);
        skf_replace(&abs, short_name ? skf_take(&yml) : skf_take(&yaml));
        free(yaml);
        free(yml);
    }
    const struct skf_node *where = skf_node_get(at, "path");
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
          .sub = requires_fields,
          .size = sizeof(struct wire_requires) },
        { 0 },
    };
    struct skf_decode dec = {
        .arena = &l->c->arena,
        .diags = l->diags,
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
