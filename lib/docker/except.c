#include "lib/docker/except.h"

#include <string.h>

#include "lib/base/buf.h"

enum { GLOB_MAX = 3000 }; /* lib/base/glob.c takes 4096 */

struct writer {
    struct skf_strv *dirs;
    const char *dir;
    struct skf_buf glob; /* alternatives so far */
};

static void flush(struct writer *w)
{
    if (!w->glob.len)
        return;
    skf_strv_add(w->dirs, w->dir);
    skf_strv_addf(w->dirs, "{%s}", w->glob.data);
    skf_buf_clear(&w->glob);
}

static void escape(struct skf_buf *out, char c)
{
    if (strchr("*?[]{},\\!^-", c))
        skf_buf_addc(out, '\\');
    skf_buf_addc(out, c);
}

static void alternative(struct writer *w, const char *prefix, size_t len, const char *tail)
{
    if (w->glob.len > GLOB_MAX - 600)
        flush(w);
    if (w->glob.len)
        skf_buf_addc(&w->glob, ',');
    for (size_t i = 0; i < len; i++)
        escape(&w->glob, prefix[i]);
    skf_buf_adds(&w->glob, tail);
}

/* names[from..to) are sorted and share their first `len` bytes: what begins so and is none of them.
 */
static void diverge(struct writer *w, char *const *names, size_t from, size_t to, size_t len)
{
    const char *prefix = names[from];
    bool ends = !names[from][len]; /* sorted: the shortest comes first */
    skf_autobuf struct skf_buf others = SKF_BUF_INIT;
    if (!ends && len)
        alternative(w, prefix, len, "");
    from += ends;
    skf_buf_adds(&others, "[!");
    for (size_t i = from; i < to;) {
        size_t end = i;
        char c = names[i][len];
        while (end < to && names[end][len] == c)
            end++;
        escape(&others, c);
        diverge(w, names, i, end, len + 1);
        i = end;
    }
    skf_buf_adds(&others, "]*");
    alternative(w, prefix, len, from == to ? "?*" : others.data);
}

void skf_docker_add_except(struct skf_strv *dirs, const char *dir, const struct skf_strv *names)
{
    skf_autostrv struct skf_strv sorted = SKF_STRV_INIT;
    struct writer w = { .dirs = dirs, .dir = dir, .glob = SKF_BUF_INIT };
    if (!names->n || names->n > SKF_DOCKER_MAX_EXCEPT) {
        skf_strv_add(dirs, dir);
        skf_strv_add(dirs, "*");
        return;
    }
    skf_strv_addv(&sorted, names);
    skf_strv_sort(&sorted);
    skf_strv_uniq(&sorted);
    diverge(&w, sorted.v, 0, sorted.n, 0);
    flush(&w);
    skf_buf_release(&w.glob);
}
