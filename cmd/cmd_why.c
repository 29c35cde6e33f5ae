/* Which image a file belongs to. A running dev knows; else the builders are asked here. */
#include <stdio.h>
#include <string.h>

#include "builders/registry.h"
#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/session.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/engine/control_client.h"
#include "lib/engine/sources.h"

/* --- from a running dev ----------------------------------------------------------------------- */

/* NULL: none runs, or it cannot say. */
static json_t *ask_session(const char *path)
{
    struct skf_control_client c = { .fd = -1 };
    struct skf_err ignored = SKF_ERR_INIT;
    json_t *got = NULL;
    if (skf_control_connect(".", 0, &c, &ignored) == 0 &&
        skf_control_request(&c, json_pack("{s:s,s:s}", "command", "why", "path", path), &ignored) ==
            0)
        skf_control_next(&c, &got, &ignored);
    skf_control_client_close(&c);
    return got;
}

/* --- by ourselves ----------------------------------------------------------------------------- */

struct asked {
    struct skf_inputs_job job;
    bool known, done;
    struct session *session;
    char *problem;
};

static void on_inputs(struct skf_inputs_job *j, const struct skf_err *err)
{
    struct asked *a = j->data;
    a->done = true;
    a->known = !err;
    if (err)
        a->problem = skf_xstrdup(err->msg);
    uv_stop(&a->session->loop);
}

/* One after the other: each may start a process. */
static void ask_builder(struct session *s, const struct skf_planned *p, struct asked *a)
{
    a->session = s;
    a->job.ctx = (struct skf_build_context){ .services = &s->services,
                                             .module = p->module,
                                             .artifact = p->artifact,
                                             .dir = p->dir,
                                             .platforms = &p->platforms };
    a->job.data = a;
    a->job.done = on_inputs;
    p->builder->inputs(&a->job);
    bool cancelled = false;
    while (!a->done) {
        uv_run(&s->loop, UV_RUN_ONCE);
        if (s->stop.signum && !cancelled && !a->done)
            p->builder->cancel_inputs(&a->job);
        cancelled = s->stop.signum != 0;
    }
}

static json_t *ask_builders(struct session *s, const struct skf_plan *plan, const char *path)
{
    struct asked *asked = skf_xcalloc(plan->n_artifacts + 1, sizeof *asked);
    const struct skf_inputs **inputs = skf_xcalloc(plan->n_artifacts + 1, sizeof *inputs);
    for (size_t i = 0; i < plan->n_artifacts && !s->stop.signum; i++) {
        const struct skf_planned *p = &plan->artifacts[i];
        ask_builder(s, p, &asked[i]);
        if (asked[i].known)
            inputs[i] = &asked[i].job.inputs;
        else
            fprintf(stderr, "skiff: what '%s' reads is not known: %s\n", p->artifact->image,
                    asked[i].problem ? asked[i].problem : "not asked");
    }
    json_t *why = skf_sources_why(plan, inputs, path);
    for (size_t i = 0; i < plan->n_artifacts; i++) {
        skf_inputs_release(&asked[i].job.inputs);
        free(asked[i].problem);
    }
    free(asked);
    free(inputs);
    return why;
}

static int find_out(const struct options *o, const char *path, json_t **out)
{
    struct session s;
    struct skf_plan plan;
    struct skf_err err = SKF_ERR_INIT;
    int code = session_open(&s, o, "dev", NEEDS_NO_CLUSTER, true);
    if (code == 0) {
        struct skf_plan_request request = { .builders = skf_builders, .push = SKF_NO };
        if (skf_plan_make(&request, &s.config, &plan, &err) < 0) {
            console_error(&s.console, &err);
            code = EXIT_CODE_CONFIG;
        } else {
            *out = ask_builders(&s, &plan, path);
            skf_plan_release(&plan);
        }
    }
    if (code == 0 && s.stop.signum)
        code = 128 + s.stop.signum;
    session_close(&s);
    return code;
}

/* --- the answer ------------------------------------------------------------------------------- */

static void print_reasons(const json_t *list, const char *path, const char *verb)
{
    size_t i;
    json_t *r;
    json_array_foreach(list, i, r)
    {
        const char *artifact = json_string_value(json_object_get(r, "artifact"));
        const char *what = json_string_value(json_object_get(r, "what"));
        printf("%s %s %s%s: %s\n", path, verb, artifact ? "image " : "the ",
               artifact ? artifact : what, json_string_value(json_object_get(r, "rule")));
    }
}

static void print_why(const json_t *why, const char *shown)
{
    const json_t *reasons = json_object_get(why, "reasons"),
                 *ignored = json_object_get(why, "ignored");
    print_reasons(reasons, shown, "is read for");
    print_reasons(ignored, shown, "is left out of");
    if (!json_array_size(reasons) && !json_array_size(ignored))
        printf("%s is read for no image, no manifest and no configuration: a change of it starts "
               "nothing\n",
               shown);
}

int cmd_why(const struct options *o)
{
    if (o->arguments.n != 1) {
        fprintf(stderr, "skiff: why takes one path\n");
        return EXIT_CODE_USAGE;
    }
    const char *shown = o->arguments.v[0];
    skf_autofree char *path = skf_path_abs(NULL, shown);
    int code = EXIT_CODE_OK;
    json_t *why = ask_session(path);
    if (!why)
        code = find_out(o, path, &why);
    if (why && o->json) {
        char *text = json_dumps(why, JSON_COMPACT);
        puts(text);
        free(text);
    } else if (why) {
        print_why(why, shown);
    }
    json_decref(why);
    return code;
}
