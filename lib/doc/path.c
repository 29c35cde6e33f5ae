/* lib/doc/path.c: nodes by dotted path and by JSON pointer. */
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/num.h"
#include "lib/doc/doc.h"

static const struct skf_node *step(const struct skf_node *n, const char *key)
{
    long long i;
    if (n && n->kind == SKF_SEQUENCE)
        return skf_num_parse(key, 0, 1 << 30, &i) ? skf_node_item(n, (size_t)i) : NULL;
    return skf_node_get(n, key);
}

/* One element of "a.b[0]["c.d"]": into `key`; returns what follows, or NULL when malformed. */
static const char *next_element(const char *p, struct skf_buf *key)
{
    skf_buf_clear(key);
    if (*p != '[') {
        size_t len = strcspn(p, ".[");
        skf_buf_add(key, p, len);
        p += len;
        return len && (*p != '.' || p[1]) ? p + (*p == '.') : NULL;
    }
    p++;
    if (*p == '"') {
        for (p++; *p && *p != '"'; p++) {
            if (*p == '\\' && p[1])
                p++;
            skf_buf_addc(key, *p);
        }
        if (*p++ != '"')
            return NULL;
    } else {
        size_t len = strcspn(p, "]");
        skf_buf_add(key, p, len);
        p += len;
    }
    if (*p != ']')
        return NULL;
    p++;
    return *p == '.' ? p + 1 : p;
}

struct skf_node *skf_node_path(const struct skf_node *root, const char *path)
{
    skf_autobuf struct skf_buf key = SKF_BUF_INIT;
    const struct skf_node *n = root;
    while (n && *path) {
        path = next_element(path, &key);
        if (!path)
            return NULL;
        n = step(n, key.data);
    }
    return (struct skf_node *)(uintptr_t)n;
}

struct skf_node *skf_node_pointer(const struct skf_node *root, const char *pointer)
{
    skf_autobuf struct skf_buf key = SKF_BUF_INIT;
    const struct skf_node *n = root;
    const char *p = pointer;
    while (n && *p) {
        if (*p++ != '/')
            return NULL;
        skf_buf_clear(&key);
        for (; *p && *p != '/'; p++) {
            bool escape = *p == '~' && (p[1] == '0' || p[1] == '1');
            skf_buf_addc(&key, !escape ? *p : p[1] == '0' ? '~' : '/');
            p += escape;
        }
        n = step(n, key.data);
    }
    return (struct skf_node *)(uintptr_t)n;
}
