#include "lib/kube/blame.h"

#include <ctype.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/suggest.h"
#include "lib/kube/jget.h"

static void release_one(struct skf_blame *b)
{
    char *owned[] = { b->kind, b->name, b->namespace_, b->field, b->text, b->hint };
    for (size_t i = 0; i < SKF_ARRAY_LEN(owned); i++)
        free(owned[i]);
}

void skf_blames_release(struct skf_blames *b)
{
    for (size_t i = 0; i < b->n; i++)
        release_one(&b->v[i]);
    skf_vec_release(b);
}

static struct skf_blame *add(struct skf_blames *out, char *field, char *text)
{
    struct skf_blame one = { .field = field, .text = text };
    skf_vec_push(out, one);
    return &out->v[out->n - 1];
}

/* Behind `mark`, or NULL. */
static const char *after(const char *text, const char *mark)
{
    const char *at = text ? strstr(text, mark) : NULL;
    return at ? at + strlen(mark) : NULL;
}

/* --- what to do ------------------------------------------------------------------------------- */

/* Names that stand in most manifests: enough to see a slip of the finger. */
static const char *const fields[] = {
    "accessModes",
    "activeDeadlineSeconds",
    "affinity",
    "allowPrivilegeEscalation",
    "annotations",
    "apiVersion",
    "args",
    "automountServiceAccountToken",
    "backoffLimit",
    "claimName",
    "clusterIP",
    "command",
    "completions",
    "concurrencyPolicy",
    "configMap",
    "configMapKeyRef",
    "configMapRef",
    "containerPort",
    "containers",
    "cpu",
    "data",
    "defaultMode",
    "dnsPolicy",
    "emptyDir",
    "env",
    "envFrom",
    "exec",
    "failureThreshold",
    "fieldRef",
    "fsGroup",
    "grpc",
    "hostNetwork",
    "hostPath",
    "hostPort",
    "httpGet",
    "httpHeaders",
    "image",
    "imagePullPolicy",
    "imagePullSecrets",
    "ingressClassName",
    "initContainers",
    "initialDelaySeconds",
    "items",
    "jobTemplate",
    "key",
    "kind",
    "labels",
    "lifecycle",
    "limits",
    "livenessProbe",
    "matchExpressions",
    "matchLabels",
    "maxSurge",
    "maxUnavailable",
    "memory",
    "metadata",
    "minReadySeconds",
    "mountPath",
    "name",
    "namespace",
    "nodePort",
    "nodeSelector",
    "operator",
    "optional",
    "parallelism",
    "path",
    "pathType",
    "periodSeconds",
    "persistentVolumeClaim",
    "podManagementPolicy",
    "port",
    "ports",
    "postStart",
    "preStop",
    "progressDeadlineSeconds",
    "protocol",
    "readOnly",
    "readOnlyRootFilesystem",
    "readinessProbe",
    "replicas",
    "requests",
    "resources",
    "restartPolicy",
    "revisionHistoryLimit",
    "rollingUpdate",
    "rules",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "schedule",
    "scheme",
    "secret",
    "secretKeyRef",
    "secretName",
    "secretRef",
    "securityContext",
    "selector",
    "service",
    "serviceAccountName",
    "serviceName",
    "spec",
    "startupProbe",
    "storage",
    "storageClassName",
    "strategy",
    "stringData",
    "subPath",
    "successThreshold",
    "suspend",
    "targetPort",
    "tcpSocket",
    "template",
    "terminationGracePeriodSeconds",
    "terminationMessagePath",
    "timeoutSeconds",
    "tls",
    "tolerations",
    "topologySpreadConstraints",
    "ttlSecondsAfterFinished",
    "type",
    "updateStrategy",
    "value",
    "valueFrom",
    "volumeClaimTemplates",
    "volumeMounts",
    "volumeName",
    "volumes",
    "workingDir",
};

static const char *last_name(const char *field)
{
    const char *dot = strrchr(field, '.');
    return dot ? dot + 1 : field;
}

static void blame_unknown(struct skf_blames *out, char *field)
{
    const char *name = last_name(field);
    struct skf_blame *b = add(out, field, skf_xasprintf("'%s' is no field of this object", name));
    const char *near = skf_suggest(name, fields, SKF_ARRAY_LEN(fields));
    b->at_key = true;
    if (near && strcmp(near, name) == 0)
        b->hint = skf_xasprintf("'%s' belongs somewhere else: look at its indentation", name);
    else if (near)
        b->hint = skf_xasprintf("did you mean '%s'?", near);
}

/* "User "x" cannot patch resource "deployments" in API group "apps" in the namespace "n"". */
static char *role_hint(const char *text)
{
    const char *resource = after(text, " resource \""),
               *where = after(text, " in the namespace \"");
    if (!resource || !strstr(text, " cannot "))
        return NULL;
    skf_autofree char *plural = skf_xstrndup(resource, strcspn(resource, "\""));
    if (!where)
        return skf_xasprintf("a cluster role with get, create and patch on '%s' is needed", plural);
    skf_autofree char *ns = skf_xstrndup(where, strcspn(where, "\""));
    return skf_xasprintf("a role with get, create and patch on '%s' in namespace '%s' is needed",
                         plural, ns);
}

static char *hint_of(const char *text)
{
    static const char *const fixed[] = { "field is immutable",
                                         "may not change once set",
                                         "may not change fields other than",
                                         "updates to statefulset spec for fields other than",
                                         "is immutable after creation",
                                         "cannot be changed" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(fixed); i++)
        if (strstr(text, fixed[i]))
            return skf_xstrdup("it cannot be changed in place: --force deletes the object and "
                               "creates it anew");
    const char *ns = after(text, "namespaces \"");
    if (ns && strstr(ns, "\" not found"))
        return skf_xasprintf("make it with 'kubectl create namespace %.*s', or put it among the "
                             "manifests",
                             (int)strcspn(ns, "\""), ns);
    if (strstr(text, "`selector` does not match template `labels`"))
        return skf_xstrdup("the labels of the template must contain all of the selector's");
    return role_hint(text);
}

/* --- one message ------------------------------------------------------------------------------ */

/* "spec.x[0].y: Required value" begins with a path of a field. */
static size_t path_len(const char *text)
{
    size_t i = 0;
    int depth = 0;
    for (; text[i]; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '[')
            depth++;
        else if (c == ']')
            depth--;
        else if (!depth && c == ':')
            return i && text[i + 1] == ' ' ? i : 0;
        else if (!depth && !isalnum(c) && !strchr("._-/", c))
            return 0;
    }
    return 0;
}

static void blame_cause(struct skf_blames *out, const char *field, const char *text)
{
    struct skf_blame *b = add(
        out, skf_xstrdup_null(field && *field ? field : NULL),
        skf_xasprintf("%s%s%s", field && *field ? field : "", field && *field ? ": " : "", text));
    b->hint = hint_of(text);
}

/* "path: Required value", or several as "[path: ..., path: ...]". */
static void blame_causes(struct skf_blames *out, const char *text)
{
    skf_autofree char *copy = skf_xstrdup(text);
    size_t len = strlen(copy);
    char *at = copy;
    if (len > 2 && copy[0] == '[' && copy[len - 1] == ']') {
        copy[len - 1] = '\0';
        at++;
    }
    while (at) {
        size_t n = path_len(at);
        char *next = at;
        while ((next = strstr(next, ", ")) && !path_len(next + 2))
            next++;
        if (next) {
            *next = '\0';
            next += 2;
        }
        if (n) {
            at[n] = '\0';
            blame_cause(out, at, at + n + 2);
        } else {
            blame_cause(out, NULL, at);
        }
        at = next;
    }
}

/* "unknown field "spec.a", unknown field "spec.b"" and "duplicate field ...". */
static bool blame_strict(struct skf_blames *out, const char *message)
{
    size_t before = out->n;
    for (const char *at = message; (at = strstr(at, " field \""));) {
        bool unknown = at - message >= 7 && strncmp(at - 7, "unknown", 7) == 0;
        const char *field = at + 8;
        at = field + strcspn(field, "\"");
        char *path = skf_xstrndup(field, (size_t)(at - field));
        if (unknown)
            blame_unknown(out, path);
        else
            add(out, path, skf_xasprintf("'%s' stands here twice", last_name(path)));
    }
    return out->n > before;
}

static const char *words_of_type(const char *type, size_t len)
{
    static const char *const words[][2] = {
        { "string", "text" },         { "number", "a number" }, { "bool", "true/false" },
        { "object", "a mapping" },    { "array", "a list" },    { "int32", "a whole number" },
        { "int64", "a whole number" }
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(words); i++)
        if (strlen(words[i][0]) == len && strncmp(words[i][0], type, len) == 0)
            return words[i][1];
    return NULL;
}

/* "json: cannot unmarshal number into Go struct field EnvVar.spec.x.value of type string" */
static bool blame_type(struct skf_blames *out, const char *message)
{
    const char *found = after(message, "cannot unmarshal ");
    const char *where = after(found, "Go struct field ");
    const char *type = after(where, " of type ");
    const char *dot = where ? strchr(where, '.') : NULL;
    if (!type || !dot || dot > type)
        return false;
    const char *is = words_of_type(found, strcspn(found, " "));
    const char *wanted = words_of_type(type, strcspn(type, " "));
    char *path = skf_xstrndup(dot + 1, (size_t)(type - strlen(" of type ") - dot - 1));
    struct skf_blame *b = add(
        out, path,
        is && wanted ? skf_xasprintf("'%s' is %s where %s is expected", last_name(path), is, wanted)
                     : skf_xasprintf("'%s' is of the wrong type: expected %.*s", last_name(path),
                                     (int)strcspn(type, " "), type));
    if (wanted && strcmp(wanted, "text") == 0)
        b->hint = skf_xstrdup("put it in quotes");
    return true;
}

/* "failed to create typed patch object (...): errors:\n  .spec.a: field not declared in schema" */
static bool blame_typed(struct skf_blames *out, const char *message)
{
    const char *at = after(after(message, "failed to create typed patch object"), "): ");
    if (!at)
        return false;
    skf_autostrv struct skf_strv lines = SKF_STRV_INIT;
    skf_strv_split(&lines, at, "\n");
    for (size_t i = 0; i < lines.n; i++) {
        char *line = lines.v[i] + strspn(lines.v[i], " ");
        char *colon = strstr(line, ": ");
        if (*line != '.' || !colon)
            continue;
        *colon = '\0';
        if (strcmp(colon + 2, "field not declared in schema") == 0) {
            blame_unknown(out, skf_xstrdup(line));
            continue;
        }
        char *got = strstr(colon + 2, ", got &"); /* a dump of Go's memory */
        if (got)
            *got = '\0';
        struct skf_blame *b =
            add(out, skf_xstrdup(line), skf_xasprintf("'%s': %s", last_name(line), colon + 2));
        if (strstr(colon + 2, "expected string"))
            b->hint = skf_xstrdup("put it in quotes");
    }
    return lines.n > 0;
}

/* "Deployment.apps "web" is invalid: ..." */
static bool blame_invalid(struct skf_blames *out, const char *message)
{
    const char *why = after(message, " is invalid: ");
    const char *quote = strchr(message, '"');
    if (!why || !quote || quote > why)
        return false;
    size_t before = out->n;
    if (strncmp(why, "\n* ", 3) == 0) {
        skf_autostrv struct skf_strv lines = SKF_STRV_INIT;
        skf_strv_split(&lines, why, "\n");
        for (size_t i = 0; i < lines.n; i++)
            if (strncmp(lines.v[i], "* ", 2) == 0)
                blame_causes(out, lines.v[i] + 2);
    } else {
        blame_causes(out, why);
    }
    const char *name = quote + 1;
    for (size_t i = before; i < out->n; i++) {
        out->v[i].kind = skf_xstrndup(message, strcspn(message, ". \""));
        out->v[i].name = skf_xstrndup(name, strcspn(name, "\""));
    }
    return out->n > before;
}

void skf_blame_message(const char *message, struct skf_blames *out)
{
    size_t before = out->n;
    if (blame_typed(out, message) || blame_strict(out, message) || blame_type(out, message)) {
        /* "Deployment in version "v1" cannot be handled as a Deployment: ..." */
        const char *kind = after(message, " cannot be handled as a ");
        for (size_t i = before; kind && i < out->n; i++)
            out->v[i].kind = skf_xstrndup(kind, strcspn(kind, ":"));
        return;
    }
    if (blame_invalid(out, message))
        return;
    struct skf_blame *b = add(out, NULL, skf_xstrdup(message));
    b->hint = hint_of(message);
    if (strstr(message, "namespaces \"") && strstr(message, "\" not found"))
        b->field = skf_xstrdup("metadata.namespace");
}

void skf_blame_status(const json_t *status, struct skf_blames *out)
{
    const json_t *causes = skf_jget(status, "details.causes");
    size_t i;
    json_t *cause;
    if (!json_array_size(causes) || skf_jint(status, "code", 0) != 422) {
        skf_blame_message(skf_jtext(status, "message"), out);
        return;
    }
    json_array_foreach(causes, i, cause)
        blame_cause(out, skf_jtext(cause, "field"), skf_jtext(cause, "message"));
}

/* --- kubectl ---------------------------------------------------------------------------------- */

/* Names what was meant where the message itself does not. */
static void name_object(struct skf_blames *out, size_t from, const char *block)
{
    const char *kind = after(block, ", Kind="), *name = after(block, "\nName: \"");
    const char *ns = after(block, "\", Namespace: \"");
    for (size_t i = from; i < out->n; i++) {
        struct skf_blame *b = &out->v[i];
        if (kind && !b->kind)
            b->kind = skf_xstrndup(kind, strcspn(kind, "\""));
        if (name && !b->name)
            b->name = skf_xstrndup(name, strcspn(name, "\""));
        if (ns && !b->namespace_)
            b->namespace_ = skf_xstrndup(ns, strcspn(ns, "\""));
    }
}

void skf_blame_kind(const char *kind, const char *api_version, struct skf_blames *out)
{
    struct skf_blame *b =
        add(out, skf_xstrdup("kind"),
            skf_xasprintf("the cluster knows no kind '%s' in '%s'", kind, api_version));
    b->hint = skf_xstrdup("look at its spelling and version ('kubectl api-resources'), or install "
                          "its CustomResourceDefinition first");
}

/* 'resource mapping not found for name: "a" namespace: "" from "STDIN": no matches for kind "X" in
 * version "Y"' */
static bool blame_mapping(struct skf_blames *out, const char *block)
{
    const char *name = after(block, "resource mapping not found for name: \"");
    const char *kind = after(name, "no matches for kind \""), *version = after(kind, "version \"");
    if (!version)
        return false;
    skf_autofree char *k = skf_xstrndup(kind, strcspn(kind, "\""));
    skf_autofree char *v = skf_xstrndup(version, strcspn(version, "\""));
    skf_blame_kind(k, v, out);
    struct skf_blame *b = &out->v[out->n - 1];
    b->name = skf_xstrndup(name, strcspn(name, "\""));
    b->kind = skf_xstrdup(k);
    return true;
}

static bool blame_namespace(struct skf_blames *out, const char *block)
{
    const char *theirs = after(block, "the namespace from the provided object \"");
    const char *ours = after(theirs, "does not match the namespace \"");
    if (!ours)
        return false;
    struct skf_blame *b =
        add(out, skf_xstrdup("metadata.namespace"),
            skf_xasprintf("the manifest names the namespace '%.*s', and '%.*s' was asked for",
                          (int)strcspn(theirs, "\""), theirs, (int)strcspn(ours, "\""), ours));
    b->namespace_ = skf_xstrndup(theirs, strcspn(theirs, "\""));
    b->hint = skf_xstrdup("name one namespace only: in the manifest, or by --namespace or "
                          "defaultNamespace");
    return true;
}

static void blame_block(struct skf_blames *out, const char *block)
{
    size_t before = out->n;
    if (blame_mapping(out, block) || blame_namespace(out, block))
        return;
    /* The message proper stands behind the last of these. */
    static const char *const marks[] = {
        "error when creating \"STDIN\": ", "error when patching \"STDIN\": ",
        "error when replacing \"STDIN\": ", "error when deleting \"STDIN\": ",
        "from server for: \"STDIN\": "
    };
    const char *message = NULL;
    for (size_t i = 0; !message && i < SKF_ARRAY_LEN(marks); i++)
        message = after(block, marks[i]);
    if (!message && strncmp(block, "The ", 4) == 0 && strstr(block, " is invalid: "))
        message = block + 4;
    if (!message)
        message = strncmp(block, "error: ", 7) == 0 ? block + 7 : block;
    skf_blame_message(message, out);
    name_object(out, before, block);
}

/* Lines with which the tale of another object begins. */
static bool begins_block(const char *line)
{
    static const char *const starts[] = { "Error from server", "error: ", "The ",
                                          "resource mapping not found", "Unable to connect" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(starts); i++)
        if (strncmp(line, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

void skf_blame_kubectl(const char *errors, struct skf_blames *out)
{
    skf_autobuf struct skf_buf block = SKF_BUF_INIT;
    for (const char *line = errors; *line;) {
        size_t len = strcspn(line, "\n");
        if (begins_block(line) && block.len) {
            skf_buf_trim(&block);
            blame_block(out, block.data);
            skf_buf_clear(&block);
        }
        /* kubectl's own tale of a pod's difference, and what it says to all */
        bool noise = strncmp(line, "ensure CRDs are installed first", 31) == 0 ||
                     strncmp(line, "Warning: ", 9) == 0;
        if (!noise)
            skf_buf_addf(&block, "%.*s\n", (int)len, line);
        line += len + (line[len] == '\n');
    }
    skf_buf_trim(&block);
    if (block.len)
        blame_block(out, block.data);
}
