/* Where a file of the context is in the image, by COPY and ADD. */
#include <string.h>

#include "lib/base/path.h"
#include "lib/docker/sources.h"
#include "lib/io/file.h"

static bool is_archive(const char *name)
{
    static const char *const ends[] = { ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".txz" };
    size_t n = strlen(name);
    for (size_t i = 0; i < SKF_ARRAY_LEN(ends); i++)
        if (n > strlen(ends[i]) && strcmp(name + n - strlen(ends[i]), ends[i]) == 0)
            return true;
    return false;
}

/* How much of the path the source names: "web/x" of "web/x/y"; NULL = none of it. Owned. */
static char *named_part(const struct skf_docker_copy *c, const char *path)
{
    size_t n = strlen(c->path);
    if (strcmp(c->path, ".") == 0)
        return skf_xstrdup("");
    if (!c->glob)
        return strncmp(path, c->path, n) == 0 && (path[n] == '/' || !path[n]) ? skf_xstrdup(c->path)
                                                                              : NULL;
    size_t end = 0;
    for (const char *p = c->path; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL) {
        end += end > 0; /* the slash before this element */
        if (!path[end])
            return NULL;
        end += strcspn(path + end, "/");
        if (strchr(p, '/') && !path[end])
            return NULL;
    }
    skf_autofree char *part = skf_xstrndup(path, end);
    return skf_docker_source_matches(c->path, part) ? skf_take(&part) : NULL;
}

/* A directory gives its content; a file goes into the destination when that is a directory. */
static char *place(const struct skf_docker_copy *c, const char *dir, const char *path,
                   const char *part)
{
    size_t n = strlen(part);
    const char *rest = path + n + (n && path[n] == '/');
    skf_autofree char *full = skf_path_join(dir, part);
    if (*rest || skf_file_is_dir(full))
        return skf_path_join(c->dest, rest);
    bool into = c->many || c->dest[strlen(c->dest) - 1] == '/';
    return into ? skf_path_join(c->dest, skf_path_base(path)) : skf_xstrdup(c->dest);
}

bool skf_docker_copies_place(const struct skf_docker_sources *s, const char *dir, const char *path,
                             struct skf_strv *to)
{
    bool known = false;
    for (size_t i = 0; i < s->copies.n; i++) {
        const struct skf_docker_copy *c = &s->copies.v[i];
        skf_autofree char *part = named_part(c, path);
        if (!part)
            continue;
        if (!c->dest || (c->unpacks && is_archive(path)))
            return false;
        known = true;
        skf_strv_take(to, place(c, dir, path, part));
    }
    return known;
}
