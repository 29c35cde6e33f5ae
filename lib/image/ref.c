#include "lib/image/ref.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/digest.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"

enum { MAX_NAME = 255, MAX_TAG = 128, MAX_REFERENCE = 1024 };

static bool is_lower(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
    return isalnum((unsigned char)c) && (unsigned char)c < 128;
}

/* Where the tag's colon is: after the last slash, so that "host:5000/x" has none. */
static const char *tag_colon(const char *text, size_t len)
{
    const char *slash = memrchr(text, '/', len);
    const char *from = slash ? slash + 1 : text;
    return memchr(from, ':', len - (size_t)(from - text));
}

bool skf_ref_valid_tag(const char *tag)
{
    size_t len = strlen(tag);
    if (!len || len > MAX_TAG || tag[0] == '.' || tag[0] == '-')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_alnum(tag[i]) && tag[i] != '_' && tag[i] != '.' && tag[i] != '-')
            return false;
    return true;
}

static bool valid_label(const char *s, size_t len)
{
    if (!len || s[0] == '-' || s[len - 1] == '-')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_alnum(s[i]) && s[i] != '-')
            return false;
    return true;
}

static bool valid_port(const char *s, size_t len)
{
    char text[8];
    long long port;
    if (!len || len >= sizeof text || s[0] == '-')
        return false;
    memcpy(text, s, len);
    text[len] = '\0';
    return skf_num_parse(text, 1, 65535, &port);
}

static bool valid_domain(const char *s, size_t len)
{
    if (len && s[0] == '[') {
        const char *close = memchr(s, ']', len);
        if (!close || close == s + 1)
            return false;
        for (const char *p = s + 1; p < close; p++)
            if (!isxdigit((unsigned char)*p) && *p != ':' && *p != '.')
                return false;
        size_t rest = len - (size_t)(close + 1 - s);
        return !rest || (close[1] == ':' && valid_port(close + 2, rest - 1));
    }
    const char *colon = memchr(s, ':', len);
    size_t host = colon ? (size_t)(colon - s) : len;
    if (colon && !valid_port(colon + 1, len - host - 1))
        return false;
    for (size_t at = 0;;) {
        const char *dot = memchr(s + at, '.', host - at);
        size_t end = dot ? (size_t)(dot - s) : host;
        if (!valid_label(s + at, end - at))
            return false;
        if (!dot)
            return true;
        at = end + 1;
    }
}

/* component = lower+ ( sep lower+ )*, sep = "." | "_" | "__" | "-"+ */
static bool valid_component(const char *s, size_t len)
{
    size_t i = 0;
    if (!len || !is_lower(s[0]))
        return false;
    while (i < len) {
        if (is_lower(s[i])) {
            i++;
            continue;
        }
        char sep = s[i];
        size_t run = 0;
        while (i < len && s[i] == sep) {
            run++;
            i++;
        }
        bool ok = (sep == '.' && run == 1) || (sep == '_' && run <= 2) || sep == '-';
        if (!ok || i == len || !is_lower(s[i]))
            return false;
    }
    return true;
}

static bool valid_path(const char *path)
{
    for (;;) {
        size_t len = strcspn(path, "/");
        if (!valid_component(path, len))
            return false;
        if (!path[len])
            return true;
        path += len + 1;
    }
}

static bool is_domain(const char *s, size_t len)
{
    if (len == 9 && memcmp(s, "localhost", 9) == 0)
        return true;
    for (size_t i = 0; i < len; i++)
        if (s[i] == '.' || s[i] == ':' || (s[i] >= 'A' && s[i] <= 'Z'))
            return true;
    return false;
}

static int bad(const char *text, const char *why, struct skf_err *err)
{
    return skf_err_set(err, SKF_EINVAL, "invalid image reference '%.200s': %s", text, why);
}

int skf_ref_parse(const char *text, struct skf_ref *out, struct skf_err *err)
{
    size_t len = strlen(text);
    if (!len)
        return bad(text, "it is empty", err);
    if (len > MAX_REFERENCE)
        return bad(text, "it is too long", err);
    if (strncmp(text, "ko://", 5) == 0)
        return bad(text, "a Go import path stands where an image name is wanted", err);

    const char *at = memchr(text, '@', len);
    size_t name_len = at ? (size_t)(at - text) : len;
    if (at && !skf_digest_valid(at + 1))
        return bad(text, "the digest must be 'sha256:' and 64 lower-case hex digits", err);
    const char *colon = tag_colon(text, name_len);
    skf_autofree char *tag = NULL;
    if (colon) {
        tag = skf_xstrndup(colon + 1, name_len - (size_t)(colon + 1 - text));
        name_len = (size_t)(colon - text);
        if (!skf_ref_valid_tag(tag))
            return bad(text, "the tag may have 1 to 128 letters, digits, '_', '.' and '-'", err);
    }
    skf_autofree char *name = skf_xstrndup(text, name_len);
    const char *slash = strchr(name, '/');
    size_t first = slash ? (size_t)(slash - name) : 0;
    skf_autofree char *domain = NULL;
    const char *path = name;
    if (slash && is_domain(name, first)) {
        if (first > MAX_NAME || !valid_domain(name, first))
            return bad(text, "the registry's host name is not valid", err);
        domain = skf_xstrndup(name, first);
        path = slash + 1;
    }
    for (const char *p = path; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            return bad(text, "the repository name must be lower-case", err);
    if (!valid_path(path))
        return bad(text,
                   "names are lower-case letters and digits, with '.', '_', '-' between and "
                   "'/' between parts",
                   err);
    if (!domain && strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64)
        return bad(text, "64 hex digits are an image ID, not a name", err);

    if (!domain || strcmp(domain, "index.docker.io") == 0)
        skf_replace(&domain, skf_xstrdup("docker.io"));
    bool official = strcmp(domain, "docker.io") == 0 && !strchr(path, '/');
    if (strlen(path) + (official ? strlen("library/") : 0) > MAX_NAME)
        return bad(text, "the name has more than 255 characters", err);
    out->path = official ? skf_xasprintf("library/%s", path) : skf_xstrdup(path);
    out->domain = skf_take(&domain);
    out->tag = skf_take(&tag);
    out->digest = at ? skf_xstrdup(at + 1) : NULL;
    out->name = skf_take(&name);
    return 0;
}

void skf_ref_release(struct skf_ref *ref)
{
    free(ref->domain);
    free(ref->path);
    free(ref->tag);
    free(ref->digest);
    free(ref->name);
    memset(ref, 0, sizeof *ref);
}

static char *spell(const char *domain, const struct skf_ref *ref)
{
    if (ref->digest)
        return skf_xasprintf("%s/%s@%s", domain, ref->path, ref->digest);
    return skf_xasprintf("%s/%s:%s", domain, ref->path, ref->tag ? ref->tag : "latest");
}

char *skf_ref_full(const struct skf_ref *ref)
{
    return spell(ref->domain, ref);
}

char *skf_ref_ggcr(const struct skf_ref *ref)
{
    bool hub = strcmp(ref->domain, "docker.io") == 0;
    return spell(hub ? "index.docker.io" : ref->domain, ref);
}

const char *skf_ref_api_host(const struct skf_ref *ref)
{
    return strcmp(ref->domain, "docker.io") == 0 ? "registry-1.docker.io" : ref->domain;
}

bool skf_ref_is_loopback(const struct skf_ref *ref)
{
    const char *host = ref->domain;
    if (strncmp(host, "[::1]", 5) == 0)
        return host[5] == '\0' || host[5] == ':';
    size_t len = strcspn(host, ":");
    static const char name[] = "localhost";
    size_t n = sizeof name - 1;
    if (len >= n && strncasecmp(host + len - n, name, n) == 0)
        return len == n || host[len - n - 1] == '.';
    /* 127.0.0.0/8: four numbers, the first 127; "127.evil.example" is a name. */
    if (strncmp(host, "127.", 4) != 0)
        return false;
    int dots = 0;
    for (size_t i = 0; i < len; i++) {
        dots += host[i] == '.';
        if (host[i] != '.' && !isdigit((unsigned char)host[i]))
            return false;
    }
    return dots == 3;
}

/* --- Skaffold's default repo ------------------------------------------------------------------ */

static void lower(char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        s[i] = (char)tolower((unsigned char)s[i]);
}

/* Length of the name part: what stands before the tag and the digest. */
static size_t name_length(const char *image)
{
    size_t len = strcspn(image, "@");
    const char *colon = tag_colon(image, len);
    return colon ? (size_t)(colon - image) : len;
}

char *skf_ref_sanitise(const char *image)
{
    char *s = skf_xstrdup(strncmp(image, "ko://", 5) == 0 ? image + 5 : image);
    lower(s, name_length(s));
    return s;
}

/* Length of "DOMAIN/PROJECT/" at the start, PROJECT as Google writes them: 6 to 30 characters. 0 =
 * none. */
static size_t project_prefix(const char *s)
{
    size_t domain = strcspn(s, "/");
    if (s[domain] != '/' || !valid_domain(s, domain))
        return 0;
    const char *p = s + domain + 1;
    if (*p < 'a' || *p > 'z')
        return 0;
    size_t best = 0;
    for (size_t n = 1; n <= 30; n++) {
        char c = p[n - 1];
        if (!is_lower(c) && c != '-')
            break;
        if (n >= 6 && c != '-')
            best = n;
    }
    if (!best)
        return 0;
    return domain + 1 + best + (p[best] == '/');
}

char *skf_ref_default_repo(const char *repo, bool multi_level, const char *image)
{
    if (!repo || !*repo)
        return skf_xstrdup(image);
    skf_autofree char *clean = skf_ref_sanitise(image);
    size_t base_len = name_length(clean);
    skf_autofree char *base = skf_xstrndup(clean, base_len);
    skf_autofree char *name = NULL;
    if (strncmp(base, repo, strlen(repo)) == 0) {
        name = skf_xstrdup(base);
    } else {
        size_t repo_prefix = project_prefix(repo), base_prefix = project_prefix(base);
        skf_autofree char *prefix = skf_xstrndup(repo, repo_prefix);
        bool levels = multi_level || strstr(prefix, "gcr.io") || strstr(prefix, "-docker.pkg.dev");
        bool same = repo_prefix == base_prefix && strncmp(prefix, base, base_prefix) == 0;
        if (levels && same) {
            name = skf_xasprintf("%s/%s", repo, base + base_prefix);
        } else {
            if (!levels)
                for (char *p = base; *p; p++)
                    if (strchr("/._:@", *p))
                        *p = '_';
            name = skf_xasprintf("%s/%s", repo, base);
            if (strlen(name) > MAX_NAME)
                name[MAX_NAME] = '\0';
        }
    }
    return skf_xasprintf("%s%s", name, clean + base_len);
}
