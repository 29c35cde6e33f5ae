#include <string.h>

#include "lib/image/image.h"

static int copy_part(char *to, size_t size, const char *from, size_t len, const char *text,
                     struct skf_err *err)
{
    if (len >= size)
        return skf_err_set(err, SKF_EINVAL, "platform '%.80s' has a part that is too long", text);
    memcpy(to, from, len);
    to[len] = '\0';
    return 0;
}

int skf_platform_parse(const char *text, struct skf_platform *out, struct skf_err *err)
{
    struct skf_platform p = { 0 };
    const char *colon = strchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : strlen(text);
    if (colon &&
        copy_part(p.os_version, sizeof p.os_version, colon + 1, strlen(colon + 1), text, err))
        return -(int)err->code;
    char *const field[] = { p.os, p.arch, p.variant };
    size_t at = 0;
    for (int part = 0;; part++) {
        if (part == 3)
            return skf_err_set(err, SKF_EINVAL,
                               "platform '%.80s' has too many slashes; write os/arch/variant",
                               text);
        const char *slash = memchr(text + at, '/', len - at);
        size_t n = slash ? (size_t)(slash - text) - at : len - at;
        if (copy_part(field[part], sizeof p.os, text + at, n, text, err))
            return -(int)err->code;
        if (!slash)
            break;
        at += n + 1;
    }
    if (!p.os[0])
        return skf_err_set(err, SKF_EINVAL, "platform '%.80s' names no operating system", text);
    *out = p;
    return 0;
}

void skf_platform_format(const struct skf_platform *p, char *out, size_t size)
{
    snprintf(out, size, "%s%s%s%s%s%s%s", p->os, p->arch[0] ? "/" : "", p->arch,
             p->variant[0] ? "/" : "", p->variant, p->os_version[0] ? ":" : "", p->os_version);
}

static bool part_matches(const char *want, const char *have)
{
    return !*want || strcmp(want, have) == 0;
}

/* Windows only: "X.Y.Z" takes "X.Y.Z.N". */
static bool version_matches(const struct skf_platform *want, const char *have)
{
    size_t len = strlen(want->os_version);
    if (part_matches(want->os_version, have))
        return true;
    int dots = 0;
    for (const char *p = want->os_version; *p; p++)
        dots += *p == '.';
    return strcmp(want->os, "windows") == 0 && dots == 2 &&
           strncmp(have, want->os_version, len) == 0 && have[len] == '.';
}

bool skf_platform_matches(const struct skf_platform *want, const struct skf_platform *have)
{
    if (strcmp(have->os, "unknown") == 0 || strcmp(have->arch, "unknown") == 0)
        return false; /* attestations of BuildKit */
    return part_matches(want->os, have->os) && part_matches(want->arch, have->arch) &&
           part_matches(want->variant, have->variant) && version_matches(want, have->os_version);
}
