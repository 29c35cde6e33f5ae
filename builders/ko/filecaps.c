#include "builders/ko/filecaps.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "lib/base/num.h"
#include "lib/base/suggest.h"

/* In the kernel's order (capabilities(7)). */
static const char *const names[] = {
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
};

enum { REVISION_2 = 0x02000000, EFFECTIVE = 1 };

static int name_to_mask(const char *name, uint64_t *mask, struct skf_err *err)
{
    long long n;
    if (skf_num_parse(name, 0, 63, &n)) {
        *mask |= 1ULL << n;
        return 0;
    }
    if (strcasecmp(name, "all") == 0) {
        *mask |= (1ULL << SKF_ARRAY_LEN(names)) - 1;
        return 0;
    }
    const char *plain = strncasecmp(name, "CAP_", 4) == 0 ? name + 4 : name;
    for (size_t i = 0; i < SKF_ARRAY_LEN(names); i++)
        if (strcasecmp(plain, names[i]) == 0) {
            *mask |= 1ULL << i;
            return 0;
        }
    const char *near = skf_suggest(plain, names, SKF_ARRAY_LEN(names));
    return skf_err_set(err, SKF_ECONFIG, "'%s' is no capability of Linux%s%s%s", name,
                       near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
}

struct sets {
    uint64_t permitted, inheritable, effective;
};

static int set_named(struct sets *s, char flag, uint64_t **out, const char *term,
                     struct skf_err *err)
{
    *out = flag == 'p'   ? &s->permitted
           : flag == 'i' ? &s->inheritable
           : flag == 'e' ? &s->effective
                         : NULL;
    return *out ? 0
                : skf_err_set(err, SKF_ECONFIG, "'%s': unknown flag '%c' (e, i and p are known)",
                              term, flag);
}

/* "cap1,cap2" and "=ep-i". */
static int apply_clause(struct sets *s, const char *term, size_t len, struct skf_err *err)
{
    skf_autofree char *list = skf_xstrndup(term, len);
    skf_autostrv struct skf_strv caps = SKF_STRV_INIT;
    uint64_t mask = 0;
    char action = term[len];
    skf_strv_split(&caps, !len && action == '=' ? "all" : list, ",");
    if (!caps.n)
        return skf_err_set(err, SKF_ECONFIG, "'%s' names no capability", term);
    for (size_t i = 0; i < caps.n; i++)
        if (name_to_mask(caps.v[i], &mask, err) < 0)
            return -(int)err->code;
    for (const char *p = term + len; *p; p++) {
        uint64_t *set;
        if (strchr("+-=", *p)) {
            action = *p;
            if (action == '=') {
                s->permitted &= ~mask;
                s->inheritable &= ~mask;
                s->effective &= ~mask;
            }
            continue;
        }
        if (set_named(s, *p, &set, term, err) < 0)
            return -(int)err->code;
        *set = action == '-' ? *set & ~mask : *set | mask;
    }
    return 0;
}

static void put_u32(unsigned char *to, uint64_t n)
{
    for (int i = 0; i < 4; i++)
        to[i] = (unsigned char)(n >> (8 * i));
}

int skf_ko_filecaps_parse(const struct skf_strv *terms, struct skf_ko_filecaps *out,
                          struct skf_err *err)
{
    struct sets s = { 0 };
    for (size_t i = 0; i < terms->n; i++) {
        const char *term = terms->v[i];
        size_t len = strcspn(term, "+-=");
        int rc =
            term[len] ? apply_clause(&s, term, len, err) : name_to_mask(term, &s.permitted, err);
        if (rc < 0)
            return rc;
    }
    *out = (struct skf_ko_filecaps){ .any = s.permitted || s.inheritable };
    put_u32(out->bytes, REVISION_2 | (s.effective ? EFFECTIVE : 0));
    put_u32(out->bytes + 4, s.permitted);
    put_u32(out->bytes + 8, s.inheritable);
    put_u32(out->bytes + 12, s.permitted >> 32);
    put_u32(out->bytes + 16, s.inheritable >> 32);
    return 0;
}
