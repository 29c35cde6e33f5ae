/* Documents in the order and the spelling of Go's structs: equal images need equal bytes. */
#include "lib/image/document.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

static const char *text_of(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s ? s : "";
}

static bool is_empty(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return json_object_size(v) == 0;
    case JSON_ARRAY:
        return json_array_size(v) == 0;
    case JSON_STRING:
        return json_string_length(v) == 0;
    case JSON_INTEGER:
        return json_integer_value(v) == 0;
    case JSON_FALSE:
    case JSON_NULL:
        return true;
    default:
        return false;
    }
}

static bool in_order(const char *const *order, const char *key)
{
    for (; *order; order++)
        if (strcmp(**order == '*' ? *order + 1 : *order, key) == 0)
            return true;
    return false;
}

json_t *skf_document_order(const json_t *object, const char *const *order)
{
    json_t *out = json_object();
    for (const char *const *o = order; *o; o++) {
        bool always = **o == '*';
        const char *key = *o + always;
        json_t *v = json_object_get(object, key);
        if (v && (always || !is_empty(v)))
            json_object_set(out, key, v);
    }
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)object, key, v)
    {
        if (!in_order(order, key))
            json_object_set(out, key, v);
    }
    return out;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

json_t *skf_document_sorted(const json_t *map)
{
    if (!json_is_object(map))
        return map ? json_incref((json_t *)(uintptr_t)map) : NULL;
    SKF_VEC(const char *) keys = { 0 };
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)map, key, v)
    {
        skf_vec_push(&keys, key);
    }
    if (keys.n > 1)
        qsort(keys.v, keys.n, sizeof *keys.v, compare_keys);
    json_t *out = json_object();
    for (size_t i = 0; i < keys.n; i++)
        json_object_set(out, keys.v[i], json_object_get(map, keys.v[i]));
    skf_vec_release(&keys);
    return out;
}

static void sort_member(json_t *object, const char *key)
{
    json_t *v = json_object_get(object, key);
    if (json_is_object(v))
        json_object_set_new(object, key, skf_document_sorted(v));
}

/* Does the text begin as the form says: '0' stands for any digit? */
static bool has_form(const char *s, const char *form)
{
    for (; *form; s++, form++)
        if (*form == '0' ? *s < '0' || *s > '9' : *s != *form)
            return false;
    return true;
}

/* Go prints RFC 3339 with a fraction of at most nine digits and no zeros at its end. What is no
 * time stays as it is. */
static void normalise_time(json_t *object, const char *key)
{
    static const char form[] = "0000-00-00T00:00:00";
    const char *s = text_of(object, key);
    if (!*s) {
        json_object_set_new(object, key, json_string(SKF_ZERO_TIME));
        return;
    }
    if (!has_form(s, form))
        return;
    const char *fraction = s + sizeof form - 1;
    if (*fraction == '.')
        fraction++;
    const char *zone = fraction;
    if (fraction[-1] == '.')
        zone += strspn(fraction, "0123456789");
    bool offset = has_form(zone, "+00:00") || has_form(zone, "-00:00");
    if (strcmp(zone, "Z") != 0 && !(offset && strlen(zone) == 6))
        return;
    size_t digits = (size_t)(zone - fraction);
    if (digits > 9)
        digits = 9;
    while (digits && fraction[digits - 1] == '0')
        digits--;
    skf_autofree char *fixed =
        skf_xasprintf("%.*s%s%.*s%s", (int)sizeof form - 1, s, digits ? "." : "", (int)digits,
                      fraction, strcmp(zone + 1, "00:00") == 0 ? "Z" : zone);
    json_object_set_new(object, key, json_string(fixed));
}

json_t *skf_document_order_descriptor(const json_t *descriptor)
{
    static const char *const order[] = { "*mediaType",  "*size",    "*digest",      "data", "urls",
                                         "annotations", "platform", "artifactType", NULL };
    static const char *const platform[] = {
        "*architecture", "*os", "os.version", "os.features", "variant", "features", NULL
    };
    json_t *out = skf_document_order(descriptor, order);
    const json_t *p = json_object_get(out, "platform");
    if (p)
        json_object_set_new(out, "platform", skf_document_order(p, platform));
    sort_member(out, "annotations");
    return out;
}

json_t *skf_document_order_manifest(const json_t *manifest)
{
    static const char *const order[] = { "*schemaVersion", "mediaType",   "*config", "*layers",
                                         "*manifests",     "annotations", "subject", NULL };
    json_t *out = skf_document_order(manifest, order);
    static const char *const lists[] = { "layers", "manifests" };
    for (size_t k = 0; k < SKF_ARRAY_LEN(lists); k++) {
        const json_t *list = json_object_get(out, lists[k]);
        if (!list)
            continue;
        json_t *ordered = json_array();
        for (size_t i = 0; i < json_array_size(list); i++)
            json_array_append_new(ordered, skf_document_order_descriptor(json_array_get(list, i)));
        json_object_set_new(out, lists[k], ordered);
    }
    const json_t *config = json_object_get(out, "config");
    if (config)
        json_object_set_new(out, "config", skf_document_order_descriptor(config));
    sort_member(out, "annotations");
    return out;
}

json_t *skf_document_order_config(const json_t *config)
{
    static const char *const order[] = {
        "*architecture", "author",  "container",  "*created", "docker_version", "history", "*os",
        "*rootfs",       "*config", "os.version", "variant",  "os.features",    NULL
    };
    static const char *const inner[] = { "AttachStderr",
                                         "AttachStdin",
                                         "AttachStdout",
                                         "Cmd",
                                         "Healthcheck",
                                         "Domainname",
                                         "Entrypoint",
                                         "Env",
                                         "Hostname",
                                         "Image",
                                         "Labels",
                                         "OnBuild",
                                         "OpenStdin",
                                         "StdinOnce",
                                         "Tty",
                                         "User",
                                         "Volumes",
                                         "WorkingDir",
                                         "ExposedPorts",
                                         "ArgsEscaped",
                                         "NetworkDisabled",
                                         "MacAddress",
                                         "StopSignal",
                                         "Shell",
                                         NULL };
    static const char *const health[] = { "Test",          "Interval", "Timeout", "StartPeriod",
                                          "StartInterval", "Retries",  NULL };
    static const char *const line[] = { "author",  "*created",    "created_by",
                                        "comment", "empty_layer", NULL };
    static const char *const rootfs[] = { "*type", "*diff_ids", NULL };
    /* What Go always prints has to be there before it is put in order. */
    json_t *full = json_copy((json_t *)(uintptr_t)config);
    static const char *const texts[] = { "architecture", "os" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(texts); i++)
        if (!json_is_string(json_object_get(full, texts[i])))
            json_object_set_new(full, texts[i], json_string(""));
    normalise_time(full, "created");
    if (!json_is_object(json_object_get(full, "config")))
        json_object_set_new(full, "config", json_object());

    json_t *out = skf_document_order(full, order);
    json_decref(full);
    json_t *c = skf_document_order(json_object_get(out, "config"), inner);
    sort_member(c, "Labels");
    sort_member(c, "Volumes");
    sort_member(c, "ExposedPorts");
    const json_t *check = json_object_get(c, "Healthcheck");
    if (json_is_object(check))
        json_object_set_new(c, "Healthcheck", skf_document_order(check, health));
    json_object_set_new(out, "config", c);
    json_object_set_new(out, "rootfs", skf_document_order(json_object_get(out, "rootfs"), rootfs));
    const json_t *history = json_object_get(out, "history");
    if (history) {
        json_t *list = json_array();
        for (size_t i = 0; i < json_array_size(history); i++) {
            json_t *given = json_array_get(history, i);
            json_t *entry = json_is_object(given) ? json_copy(given) : json_object();
            normalise_time(entry, "created");
            json_array_append_new(list, skf_document_order(entry, line));
            json_decref(entry);
        }
        json_object_set_new(out, "history", list);
    }
    return out;
}

json_t *skf_document_descriptor(const struct skf_blob *b)
{
    return json_pack("{s:s, s:I, s:s}", "mediaType", b->media_type, "size", (json_int_t)b->size,
                     "digest", b->digest);
}
