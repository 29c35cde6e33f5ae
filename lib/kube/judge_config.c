/* A container that cannot be made of what it refers to. ConfigMaps and Secrets may be on their way
 * for a moment; who the container may not run as stays so. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/kube/jget.h"
#include "lib/kube/judge_internal.h"

enum { CONFIG_GRACE_MS = 5 * 1000 };

/* `configmap "settings" not found`, `couldn't find key level in ConfigMap team/settings` */
struct reference {
    bool secret;
    char *name, *key; /* owned; key NULL = the whole object is missing */
};

static bool read_reference(const char *message, struct reference *r)
{
    const char *key = strstr(message, "couldn't find key ");
    const char *in = key ? strstr(key, " in ") : NULL;
    const char *slash = in ? strchr(in, '/') : NULL;
    if (slash) {
        key += strlen("couldn't find key ");
        r->key = skf_xstrndup(key, (size_t)(in - key));
        r->name = skf_xstrndup(slash + 1, strcspn(slash + 1, " \""));
        r->secret = strncmp(in, " in Secret", 10) == 0;
        return true;
    }
    const char *quote = strchr(message, '"');
    if (!quote || !strstr(message, "not found"))
        return false;
    r->secret = strncmp(message, "secret", 6) == 0;
    r->name = skf_xstrndup(quote + 1, strcspn(quote + 1, "\""));
    return r->secret || strncmp(message, "configmap", 9) == 0;
}

/* Where the container's env or envFrom names it. */
static void reference_field(const struct judged *c, const struct reference *r, struct trouble *t)
{
    const char *one = r->secret ? "secretKeyRef" : "configMapKeyRef";
    const char *all = r->secret ? "secretRef" : "configMapRef";
    const json_t *env = skf_jget(c->spec, "env"), *from = skf_jget(c->spec, "envFrom");
    for (size_t i = 0; i < json_array_size(env); i++) {
        const json_t *source = skf_jget(json_array_get(env, i), "valueFrom");
        const json_t *ref = skf_jget(source, one);
        if (strcmp(skf_jtext(ref, "name"), r->name) != 0 ||
            (r->key && strcmp(skf_jtext(ref, "key"), r->key) != 0))
            continue;
        skf_autofree char *below =
            skf_xasprintf("env[%zu].valueFrom.%s.%s", i, one, r->key ? "key" : "name");
        skf_trouble_container_field(t, c, below);
        return;
    }
    for (size_t i = 0; i < json_array_size(from); i++) {
        if (strcmp(skf_jtext(skf_jget(json_array_get(from, i), all), "name"), r->name) != 0)
            continue;
        skf_autofree char *below = skf_xasprintf("envFrom[%zu].%s.name", i, all);
        skf_trouble_container_field(t, c, below);
        return;
    }
}

static void judge_user(const struct judged *c, const char *message, struct trouble *t)
{
    /* "...: the rest (pod: "web-5f66_team(uid)", container: web)" says nothing new. */
    skf_trouble_set(t, WEIGHT_FINAL, SKF_CAUSE_CONFIG, "cannot be set up: %.*s",
                    (int)(strstr(message, " (pod: ") ? strstr(message, " (pod: ") - message
                                                     : (long)strlen(message)),
                    message);
    if (strstr(message, "non-numeric"))
        skf_trouble_hint(t,
                         "give the image a user that is a number (USER 65532), or set runAsUser");
    else if (strstr(message, "breaks non-root"))
        skf_trouble_hint(t, "runAsUser: 0 is root, and runAsNonRoot forbids that");
    else
        skf_trouble_hint(t,
                         "give the image a user that is a number (USER 65532), or set runAsUser");
    skf_trouble_field(t, "securityContext.runAsNonRoot");
    if (skf_jget(c->spec, "securityContext.runAsNonRoot"))
        skf_trouble_container_field(t, c, "securityContext.runAsNonRoot");
}

void skf_judge_config(const struct judged *c, const char *message, struct trouble *t)
{
    struct reference r = { 0 };
    if (SKF_ANY_OF(message, "runAsNonRoot", "non-root policy")) {
        judge_user(c, message, t);
        return;
    }
    skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_CONFIG, "cannot be set up: %s", message);
    skf_trouble_container_field(t, c, "");
    if (read_reference(message, &r)) {
        if (r.key)
            skf_trouble_hint(t, "add key '%s' to %s '%s', or name one that it has", r.key,
                             r.secret ? "Secret" : "ConfigMap", r.name);
        else if (r.secret)
            skf_trouble_hint(t, "create the Secret '%s' in the pod's namespace", r.name);
        else
            skf_trouble_hint(t, "add the ConfigMap '%s' to the manifests, in the pod's namespace",
                             r.name);
        reference_field(c, &r, t);
    } else if (strstr(message, "subPath")) {
        skf_trouble_container_field(t, c, "volumeMounts");
    }
    free(r.name);
    free(r.key);
    skf_trouble_lasting(c->j, c->uid, "config", CONFIG_GRACE_MS, t);
}
