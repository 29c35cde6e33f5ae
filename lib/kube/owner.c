#include "lib/kube/owner.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/io/file.h"
#include "lib/kube/jget.h"

static const char project_label[] = "skiff.dev/project";
static const char session_annotation[] = "skiff.dev/session";

void skf_owner_release(struct skf_owner *o)
{
    free(o->project);
    free(o->session);
    o->project = o->session = NULL;
}

void skf_owner_read(const json_t *object, struct skf_owner *out)
{
    out->project = skf_xstrdup_null(skf_jkey(object, "metadata.labels", project_label));
    out->session = skf_xstrdup_null(skf_jkey(object, "metadata.annotations", session_annotation));
}

int skf_owner_mark(struct skf_object *object, const struct skf_owner *owner, struct skf_err *err)
{
    struct skf_objects one = { .v = object, .n = 1 };
    const char *const labels[] = { project_label, owner->project, NULL };
    const char *const annotations[] = { session_annotation, owner->session, NULL };
    int rc = owner->project ? skf_manifest_label(&one, NULL, labels, err) : 0;
    return rc == 0 && owner->session ? skf_manifest_annotate(&one, annotations, err) : rc;
}

/* --- sessions --------------------------------------------------------------------------------- */

/* Field 22 of /proc/PID/stat: when it began, in ticks since boot. 0 = no such process. */
static unsigned long long began(long pid)
{
    skf_autofree char *path = skf_xasprintf("/proc/%ld/stat", pid);
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    struct skf_err ignored = SKF_ERR_INIT;
    if (skf_file_read(path, 64 * 1024, &text, &ignored) < 0)
        return 0;
    const char *p = strrchr(text.data, ')'); /* the name before it may hold anything */
    unsigned long long ticks = 0;
    for (int field = 2; p && field < 22; field++)
        p = strchr(p + 1, ' ');
    return p && sscanf(p, " %llu", &ticks) == 1 ? ticks : 0;
}

/* Which numbering of processes we live in; 0 = cannot be told. */
static unsigned long long pid_namespace(void)
{
    char link[64] = "";
    unsigned long long id = 0;
    ssize_t n = readlink("/proc/self/ns/pid", link, sizeof link - 1);
    return n > 0 && sscanf(link, "pid:[%llu]", &id) == 1 ? id : 0;
}

/* Colons part the fields. */
static void add_field(struct skf_buf *out, const char *text)
{
    for (; *text; text++)
        skf_buf_addc(out,
                     *text == ':' || *text == '@' || (unsigned char)*text <= ' ' ? '_' : *text);
}

static void add_host(struct skf_buf *out)
{
    struct utsname names;
    add_field(out, uname(&names) == 0 ? names.nodename : "unknown");
}

char *skf_owner_session(const char *command)
{
    const struct passwd *user = getpwuid(geteuid());
    struct skf_buf out = SKF_BUF_INIT;
    skf_buf_addf(&out, "%s:", command);
    add_field(&out, user ? user->pw_name : "unknown");
    skf_buf_addc(&out, '@');
    add_host(&out);
    skf_buf_addf(&out, ":%ld:%llu:%llu", (long)getpid(), began(getpid()), pid_namespace());
    return skf_buf_take(&out);
}

/* The parts of a session's text; false: not one that this version writes. */
static bool parse(const char *session, struct skf_strv *parts)
{
    skf_strv_split(parts, session, ":");
    return parts->n == 5 && strchr(parts->v[1], '@');
}

enum skf_session_state skf_owner_session_state(const char *session)
{
    skf_autostrv struct skf_strv part = SKF_STRV_INIT;
    skf_autobuf struct skf_buf host = SKF_BUF_INIT;
    long pid;
    unsigned long long start, space;
    if (!parse(session, &part) || sscanf(part.v[2], "%ld", &pid) != 1 ||
        sscanf(part.v[3], "%llu", &start) != 1 || sscanf(part.v[4], "%llu", &space) != 1)
        return SKF_SESSION_FOREIGN;
    if (strcmp(part.v[0], "dev") != 0)
        return SKF_SESSION_DEAD; /* it ended when it had deployed */
    add_host(&host);
    if (strcmp(strchr(part.v[1], '@') + 1, host.data) != 0 || !space || space != pid_namespace())
        return SKF_SESSION_FOREIGN;
    if (!start || began(pid) != start)
        return SKF_SESSION_DEAD;
    return pid == getpid() ? SKF_SESSION_SELF : SKF_SESSION_ALIVE;
}

char *skf_owner_session_words(const char *session)
{
    skf_autostrv struct skf_strv part = SKF_STRV_INIT;
    if (!parse(session, &part))
        return skf_xasprintf("'%s'", session);
    return skf_xasprintf("'skiff %s' of %s (process %s)", part.v[0], part.v[1], part.v[2]);
}
