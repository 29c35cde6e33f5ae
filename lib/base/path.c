#include "lib/base/path.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/vec.h"

bool skf_path_is_abs(const char *path)
{
    return path[0] == '/';
}

char *skf_path_clean(const char *path)
{
    bool rooted = path[0] == '/';
    skf_autostrv struct skf_strv in = SKF_STRV_INIT;
    skf_autostrv struct skf_strv out = SKF_STRV_INIT;
    skf_strv_split(&in, path, "/");
    for (size_t i = 0; i < in.n; i++) {
        const char *part = in.v[i];
        if (strcmp(part, ".") == 0)
            continue;
        if (strcmp(part, "..") == 0) {
            if (out.n && strcmp(out.v[out.n - 1], "..") != 0)
                skf_strv_remove(&out, out.n - 1);
            else if (!rooted)
                skf_strv_add(&out, "..");
            continue;
        }
        skf_strv_add(&out, part);
    }
    skf_autofree char *body = skf_strv_join(&out, "/");
    if (rooted)
        return skf_xasprintf("/%s", body);
    return skf_xstrdup(body[0] ? body : ".");
}

char *skf_path_join(const char *a, const char *b)
{
    if (skf_path_is_abs(b) || !a[0])
        return skf_path_clean(b);
    skf_autofree char *both = skf_xasprintf("%s/%s", a, b);
    return skf_path_clean(both);
}

char *skf_path_abs(const char *base, const char *path)
{
    if (skf_path_is_abs(path))
        return skf_path_clean(path);
    if (base && skf_path_is_abs(base))
        return skf_path_join(base, path);
    skf_autofree char *cwd = getcwd(NULL, 0);
    const char *pwd = getenv("PWD"); /* what it was called, when it has been removed under us */
    const char *here = cwd ? cwd : pwd && skf_path_is_abs(pwd) ? pwd : "/";
    skf_autofree char *root = skf_path_join(here, base ? base : ".");
    return skf_path_join(root, path);
}

char *skf_path_dir(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return skf_xstrdup(".");
    if (slash == path)
        return skf_xstrdup("/");
    return skf_xstrndup(path, (size_t)(slash - path));
}

const char *skf_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool skf_path_within(const char *dir, const char *path)
{
    size_t len = strlen(dir);
    if (len == 1 && dir[0] == '/')
        return path[0] == '/';
    return strncmp(dir, path, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

bool skf_path_has(const char *path, const char *name)
{
    size_t len = strlen(name);
    for (const char *p = path; *p; p += strcspn(p, "/"), p += *p == '/')
        if (strcspn(p, "/") == len && strncmp(p, name, len) == 0)
            return true;
    return false;
}

char *skf_path_rel(const char *dir, const char *path)
{
    if (strcmp(dir, path) == 0)
        return skf_xstrdup(".");
    size_t common = 0, i = 0; /* `common`: length of the shared prefix, at an element's end */
    for (;; i++) {
        bool end_dir = dir[i] == '\0' || dir[i] == '/';
        bool end_path = path[i] == '\0' || path[i] == '/';
        if (end_dir && end_path)
            common = i;
        if (dir[i] == '\0' || dir[i] != path[i])
            break;
    }
    struct skf_buf out = SKF_BUF_INIT;
    const char *rest = dir + common;
    while (*rest) {
        rest += strspn(rest, "/");
        size_t len = strcspn(rest, "/");
        if (len)
            skf_buf_adds(&out, out.len ? "/.." : "..");
        rest += len;
    }
    const char *down = path + common;
    down += strspn(down, "/");
    if (*down) {
        if (out.len)
            skf_buf_addc(&out, '/');
        skf_buf_adds(&out, down);
    }
    return skf_buf_take(&out);
}

char *skf_path_show(const char *path)
{
    skf_autofree char *cwd = getcwd(NULL, 0);
    if (cwd && strcmp(cwd, "/") != 0 && skf_path_within(cwd, path))
        return skf_path_rel(cwd, path);
    const char *home = getenv("HOME");
    if (home && home[0] == '/' && home[1] && skf_path_within(home, path))
        return skf_xasprintf("~%s", path + strlen(home));
    return skf_xstrdup(path);
}

const char *skf_path_ext(const char *path)
{
    const char *base = skf_path_base(path);
    const char *dot = strrchr(base, '.');
    return dot && dot != base ? dot : base + strlen(base);
}
