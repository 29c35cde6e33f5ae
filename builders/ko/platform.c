#include "builders/ko/platform.h"

#include <string.h>
#include <sys/utsname.h>

#include "lib/base/num.h"
#include "lib/image/ref.h"

enum { MAX_PLATFORMS = 64 };

void skf_ko_platforms_release(struct skf_ko_platforms *p)
{
    free(p->v);
    *p = (struct skf_ko_platforms){ 0 };
}

const char *skf_ko_host_arch(void)
{
    static const struct {
        const char *machine, *arch;
    } names[] = {
        { "x86_64", "amd64" }, { "aarch64", "arm64" },   { "armv7l", "arm" },
        { "armv6l", "arm" },   { "i686", "386" },        { "ppc64le", "ppc64le" },
        { "s390x", "s390x" },  { "riscv64", "riscv64" }, { "loongarch64", "loong64" },
    };
    struct utsname u;
    if (uname(&u) == 0)
        for (size_t i = 0; i < SKF_ARRAY_LEN(names); i++)
            if (strcmp(u.machine, names[i].machine) == 0)
                return names[i].arch;
    return "amd64";
}

const char *skf_ko_default_arch(const struct skf_target *target, const char *reference)
{
    if (skf_target_is_local(target))
        return skf_ko_host_arch();
    struct skf_ref ref = { 0 };
    struct skf_err ignored = SKF_ERR_INIT;
    bool loopback = skf_ref_parse(reference, &ref, &ignored) == 0 && skf_ref_is_loopback(&ref);
    skf_ref_release(&ref);
    return loopback ? skf_ko_host_arch() : "amd64";
}

static int add(struct skf_ko_platforms *out, const char *text, struct skf_err *err)
{
    struct skf_platform p = { 0 };
    int rc = skf_platform_parse(text, &p, err);
    if (rc < 0)
        return rc;
    if (strcmp(p.os, "windows") == 0)
        return skf_err_set(err, SKF_EUNSUPPORTED,
                           "platform '%s' is not done by skiff: it builds images for linux", text);
    if (out->n >= MAX_PLATFORMS)
        return skf_err_set(err, SKF_ETOOBIG, "more than %d platforms", MAX_PLATFORMS);
    out->v[out->n++] = p;
    return 0;
}

/* GOOS/GOARCH[/vGOARM] of our environment when both are set; owned, or NULL. */
static char *from_environment(void)
{
    const char *os = getenv("GOOS"), *arch = getenv("GOARCH"), *arm = getenv("GOARM");
    if (!os || !os[0] || !arch || !arch[0])
        return NULL;
    if (strcmp(arch, "arm") == 0 && arm && arm[0])
        return skf_xasprintf("%s/%s/v%.1s", os, arch, arm);
    return skf_xasprintf("%s/%s", os, arch);
}

/* As ko does: with both it is not clear which one is meant. */
static int refuse_both(const char *wanted, struct skf_err *err)
{
    static const char *const names[] = { "GOOS", "GOARCH", "GOARM" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(names); i++) {
        const char *value = getenv(names[i]);
        if (value && value[0])
            return skf_err_set(
                err, SKF_ECONFIG,
                "%s=%s in the environment and the platform '%s' asked for by --platform, "
                "defaultPlatforms or KO_DEFAULTPLATFORMS: take one of them out",
                names[i], value, wanted);
    }
    return 0;
}

int skf_ko_platforms_choose(const struct skf_strv *wanted, const struct skf_strv *configured,
                            const char *default_arch, struct skf_ko_platforms *out,
                            struct skf_err *err)
{
    skf_autostrv struct skf_strv list = SKF_STRV_INIT;
    const struct skf_strv *from = wanted && wanted->n ? wanted : configured;
    if (configured && configured->n && refuse_both(configured->v[0], err) < 0)
        return -(int)err->code;
    for (size_t i = 0; from && i < from->n; i++)
        skf_strv_split(&list, from->v[i], ", ");
    if (list.n == 0) {
        char *env = from_environment();
        skf_strv_take(&list, env ? env : skf_xasprintf("linux/%s", default_arch));
    }
    struct skf_ko_platforms p = { .v = skf_xcalloc(MAX_PLATFORMS, sizeof *p.v) };
    int rc = 0;
    for (size_t i = 0; i < list.n && rc == 0; i++) {
        if (strcmp(list.v[i], "all") != 0)
            rc = add(&p, list.v[i], err);
        else if (list.n > 1)
            rc = skf_err_set(err, SKF_ECONFIG,
                             "'all' stands beside other platforms: say 'all' or name them");
        else
            p.all = true;
    }
    if (rc < 0)
        skf_ko_platforms_release(&p);
    else
        *out = p;
    return rc;
}

bool skf_ko_platform_is_concrete(const struct skf_platform *p)
{
    return p->os[0] && p->arch[0] && (strcmp(p->arch, "arm") != 0 || p->variant[0]);
}

int skf_ko_platform_env(const struct skf_platform *p, struct skf_strv *out, struct skf_err *err)
{
    bool arm = strcmp(p->arch, "arm") == 0 && p->variant[0];
    long long n = 0;
    if (arm && (p->variant[0] != 'v' || !skf_num_parse(p->variant + 1, 0, 99, &n)))
        return skf_err_set(err, SKF_EINVAL, "strange arm variant '%s': expected v5, v6 or v7",
                           p->variant);
    skf_strv_add(out, "CGO_ENABLED=0");
    skf_strv_addf(out, "GOOS=%s", p->os);
    skf_strv_addf(out, "GOARCH=%s", p->arch);
    if (arm && n >= 5)
        skf_strv_addf(out, "GOARM=%lld", n > 7 ? 7 : n);
    if (strcmp(p->arch, "amd64") == 0 && p->variant[0])
        skf_strv_addf(out, "GOAMD64=%s", p->variant);
    return 0;
}

static const char *last_of(const struct skf_strv *env, const char *key)
{
    size_t len = strlen(key);
    for (size_t i = env ? env->n : 0; i-- > 0;)
        if (strncmp(env->v[i], key, len) == 0 && env->v[i][len] == '=')
            return env->v[i] + len + 1;
    return NULL;
}

static int check_one(const char *key, const char *expected, const struct skf_platform *p,
                     const struct skf_strv *env, struct skf_err *err)
{
    const char *own = last_of(env, key);
    const char *value = own ? own : getenv(key);
    if (!value || !value[0] || strcmp(value, expected) == 0)
        return 0;
    char shown[128];
    skf_platform_format(p, shown, sizeof shown);
    return skf_err_set(err, SKF_ECONFIG, "%s=%s in %s contradicts the platform '%s': take it out",
                       key, value, own ? "'env'" : "the environment", shown);
}

int skf_ko_platform_check_env(const struct skf_platform *p, const struct skf_strv *env,
                              struct skf_err *err)
{
    int rc = check_one("GOOS", p->os, p, env, err);
    return rc < 0 ? rc : check_one("GOARCH", p->arch, p, env, err);
}
