#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/session.h"
#include "lib/base/mem.h"
#include "lib/io/file.h"

/* {"builds":[{"imageName":...,"tag":...}]}: what `skaffold deploy --build-artifacts` reads; owned.
 */
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

int cmd_build(const struct options *o)
{
    struct session s;
    if (o->output && !is_json_template(o->output)) {
        fprintf(stderr, "skiff: --output of build takes '{{json .}}' only, not '%s'\n", o->output);
        return EXIT_CODE_USAGE;
    }
    int code = session_open(&s, o, "build", MAY_HAVE_CLUSTER, o->quiet || o->output);
    if (code == 0) {
        struct skf_engine_options options;
        session_engine_options(&s, &options);
        bool local = s.has_kube && skf_kube_is_local(&s.kube);
        options.kube = local ? &s.kube : NULL; /* for its registry; need not answer */
        options.plan.deploys = local;
        options.dry_run = o->dry_run;
        code = session_run_engine(&s, &options);
        int written = write_result(&s, o);
        code = code ? code : written;
    }
    session_close(&s);
    return code;
}
