#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/session.h"
#include "lib/base/mem.h"
#include "lib/image/output.h"
#include "lib/io/file.h"

/* {"builds":[{"imageName":...,"tag":...}]}: what `skaffold deploy --build-artifacts` reads. */
static char *result_json(const struct skf_engine *e)
{
    json_t *builds = json_array();
    for (size_t i = 0; i < skf_engine_artifact_count(e); i++) {
        struct skf_built built = skf_engine_built(e, i);
        if (built.reference)
            json_array_append_new(
                builds, json_pack("{s:s, s:s}", "imageName", built.image, "tag", built.reference));
    }
    json_t *doc = json_pack("{s:O?}", "builds", json_array_size(builds) ? builds : NULL);
    json_decref(builds);
    char *text = json_dumps(doc, JSON_COMPACT);
    json_decref(doc);
    return text;
}

/* Only "{{json .}}", with any blanks inside. */
static bool is_json_template(const char *text)
{
    static const char want[] = "{{json.}}";
    size_t i = 0;
    for (; *text; text++)
        if (*text != ' ' && *text != '\t' && want[i++] != *text)
            return false;
    return want[i] == '\0';
}

static int write_result(struct session *s, const struct options *o)
{
    struct skf_err err = SKF_ERR_INIT;
    skf_autofree char *text = result_json(s->engine);
    if (o->quiet || o->output)
        fputs(text, stdout);
    if (o->file_output &&
        skf_file_write_atomic(o->file_output, 0644, text, strlen(text), &err) < 0) {
        console_error(&s->console, &err);
        return EXIT_CODE_FAILED;
    }
    return EXIT_CODE_OK;
}

/* --- images as files -------------------------------------------------------------------------- */

/* --output type=oci,dest=DIR or type=docker,dest=FILE, as docker buildx says it. */
struct image_output {
    enum skf_output_kind kind;
    const char *path; /* borrowed from the option; NULL = no such output is wanted */
};

static int parse_output(const struct options *o, struct image_output *out, struct skf_err *err)
{
    static const struct {
        const char *prefix;
        enum skf_output_kind kind;
    } types[] = { { "type=oci,dest=", SKF_OUTPUT_OCI_LAYOUT },
                  { "type=docker,dest=", SKF_OUTPUT_ARCHIVE } };
    *out = (struct image_output){ 0 };
    if (!o->output || is_json_template(o->output))
        return 0;
    for (size_t i = 0; i < SKF_ARRAY_LEN(types); i++) {
        size_t len = strlen(types[i].prefix);
        if (strncmp(o->output, types[i].prefix, len) == 0 && o->output[len]) {
            *out = (struct image_output){ types[i].kind, o->output + len };
            return 0;
        }
    }
    return skf_err_set(err, SKF_EUSAGE,
                       "--output of build takes '{{json .}}', type=oci,dest=DIR or "
                       "type=docker,dest=FILE, not '%s'",
                       o->output);
}

struct saving {
    struct skf_output op;
    struct session *session;
    struct skf_err err;
    bool done;
};

static void on_saved(struct skf_output *op, const struct skf_err *err)
{
    struct saving *v = SKF_CONTAINER_OF(op, struct saving, op);
    if (err)
        v->err = *err;
    v->done = true;
    uv_stop(&v->session->loop);
}

static int save_image(struct session *s, const struct image_output *to,
                      const struct skf_built *built)
{
    struct saving v = { .session = s };
    skf_autofree char *reference = skf_xstrndup(built->reference, strcspn(built->reference, "@"));
    v.op = (struct skf_output){ .loop = &s->loop,
                                .registry = s->registry,
                                .image = built->document,
                                .reference = reference,
                                .path = to->path,
                                .kind = to->kind,
                                .done = on_saved };
    if (!built->document) {
        skf_err_set(&v.err, SKF_EUNSUPPORTED,
                    "the image '%s' cannot be written to a file: only ko's can", built->image);
    } else {
        skf_output_start(&v.op);
        while (!v.done) {
            if (s->stop.signum)
                skf_output_cancel(&v.op);
            uv_run(&s->loop, UV_RUN_ONCE);
        }
    }
    if (s->stop.signum)
        return 128 + s->stop.signum;
    if (!v.err.code)
        return EXIT_CODE_OK;
    console_error(&s->console, &v.err);
    return EXIT_CODE_DELIVER;
}

static int save_images(struct session *s, const struct image_output *to)
{
    size_t n = skf_engine_artifact_count(s->engine);
    struct skf_err err = SKF_ERR_INIT;
    if (to->kind == SKF_OUTPUT_ARCHIVE && n > 1) {
        skf_err_set(&err, SKF_EUSAGE,
                    "an archive holds one image, and there are %zu: choose one with "
                    "--build-image, or use type=oci",
                    n);
        console_error(&s->console, &err);
        return EXIT_CODE_USAGE;
    }
    int code = EXIT_CODE_OK;
    for (size_t i = 0; i < n && code == EXIT_CODE_OK; i++) {
        struct skf_built built = skf_engine_built(s->engine, i);
        code = save_image(s, to, &built);
    }
    return code;
}

/* --- the command ------------------------------------------------------------------------------ */

int cmd_build(const struct options *o)
{
    struct session s;
    struct image_output to;
    struct skf_err err = SKF_ERR_INIT;
    if (parse_output(o, &to, &err) < 0) {
        fprintf(stderr, "skiff: %s\n", err.msg);
        return EXIT_CODE_USAGE;
    }
    int code = session_open(&s, o, "build", MAY_HAVE_CLUSTER, o->quiet || o->output);
    if (code == 0) {
        struct skf_engine_options options;
        session_engine_options(&s, &options);
        bool local = s.has_kube && skf_kube_is_local(&s.kube) && !to.path;
        options.kube = local ? &s.kube : NULL; /* for its registry; need not answer */
        options.plan.deploys = local;
        if (to.path && o->push == SKF_UNSET)
            options.plan.push = SKF_NO; /* a file was asked for, not a push */
        options.dry_run = o->dry_run;
        if (to.path) { /* the image itself is wanted, not its name */
            options.cache_artifacts = false;
            options.contents = true;
        }
        code = session_run_engine(&s, &options);
        if (code == EXIT_CODE_OK && to.path && !o->dry_run)
            code = save_images(&s, &to);
        int written = s.engine ? write_result(&s, o) : code;
        code = code ? code : written;
    }
    session_close(&s);
    return code;
}
