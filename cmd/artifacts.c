#include "cmd/artifacts.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "lib/image/ref.h"
#include "lib/io/file.h"

enum { MAX_FILE = 16 * 1024 * 1024 };

static void add(struct skf_strv *out, const char *name, const char *reference)
{
    if (artifacts_find(out, name))
        return;
    skf_strv_add(out, name);
    skf_strv_add(out, reference);
}

/* {"builds": [{"imageName": NAME, "tag": REFERENCE}]}, as `build --file-output` writes it. */
static int read_file(const char *file, struct skf_strv *out, struct skf_err *err)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    json_error_t where;
    size_t i;
    json_t *build;
    int rc = strcmp(file, "-") == 0 ? skf_file_read_fd(STDIN_FILENO, MAX_FILE, &text, err)
                                    : skf_file_read(file, MAX_FILE, &text, err);
    if (rc < 0)
        return rc;
    json_t *root = json_loadb(text.data, text.len, 0, &where);
    if (!root) {
        skf_err_set(err, SKF_ECONFIG, "this is not what 'skiff build --file-output' writes: %s",
                    where.text);
        return skf_err_at(err, file, where.line, where.column);
    }
    const json_t *builds = json_object_get(root, "builds");
    if (!json_is_array(builds))
        skf_err_set(err, SKF_ECONFIG, "'%s' has no list 'builds'", file);
    json_array_foreach(builds, i, build)
    {
        const char *name = json_string_value(json_object_get(build, "imageName"));
        const char *tag = json_string_value(json_object_get(build, "tag"));
        if (name && tag)
            add(out, name, tag);
        else if (!err->code)
            skf_err_set(err, SKF_ECONFIG, "entry %zu of 'builds' in '%s' lacks imageName or tag",
                        i + 1, file);
    }
    json_decref(root);
    return -(int)err->code;
}

/* NAME=REFERENCE, or REFERENCE alone. */
static int add_image(const char *text, struct skf_strv *out, struct skf_err *err)
{
    struct skf_ref ref = { 0 };
    const char *equals = strchr(text, '=');
    const char *reference = equals ? equals + 1 : text;
    if (skf_ref_parse(reference, &ref, err) < 0) {
        err->code = SKF_EUSAGE;
        return skf_err_wrap(err, "--images takes NAME=TAG or TAG, not '%s'", text);
    }
    skf_autofree char *name =
        equals ? skf_xstrndup(text, (size_t)(equals - text)) : skf_xstrdup(ref.name);
    add(out, name, reference);
    skf_ref_release(&ref);
    return 0;
}

int artifacts_read(const struct options *o, struct skf_strv *out, struct skf_err *err)
{
    int rc = o->build_artifacts ? read_file(o->build_artifacts, out, err) : 0;
    for (size_t i = 0; rc == 0 && i < o->images.n; i++)
        rc = add_image(o->images.v[i], out, err);
    return rc;
}

const char *artifacts_find(const struct skf_strv *artifacts, const char *name)
{
    for (size_t i = 0; i + 1 < artifacts->n; i += 2)
        if (strcmp(artifacts->v[i], name) == 0)
            return artifacts->v[i + 1];
    return NULL;
}
