/* The commands that speak with a running dev through its control socket. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/engine/control_client.h"
#include "lib/engine/state.h"

enum { TRY_AGAIN_US = 50 * 1000, START_MS = 2000 };

static int complain(const struct skf_err *err)
{
    fprintf(stderr, "skiff: %s\n", err->msg);
    return err->code == SKF_EUSAGE ? EXIT_CODE_USAGE : EXIT_CODE_FAILED;
}

static int ask(const struct options *o, json_t *request, struct skf_control_client *c,
               struct skf_err *err)
{
    long long pid = 0;
    int rc = 0;
    if (o->session && !skf_num_parse(o->session, 1, INT32_MAX, &pid))
        rc = skf_err_set(err, SKF_EUSAGE, "--session takes the number of a process, not '%s'",
                         o->session);
    if (rc == 0)
        rc = skf_control_connect(".", (int)pid, c, err);
    if (rc < 0) {
        json_decref(request);
        return rc;
    }
    return skf_control_request(c, request, err);
}

/* One line; the end without one is an error too. */
static int answer(struct skf_control_client *c, json_t **out, struct skf_err *err)
{
    int rc = skf_control_next(c, out, err);
    if (rc == 0)
        rc = skf_err_set(err, SKF_ECANCELED, "the session has ended");
    return rc;
}

static void print_json(const json_t *o)
{
    char *text = json_dumps(o, JSON_COMPACT);
    puts(text);
    free(text);
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "";
}

/* "main.go:16:14: syntax error", as it is printed everywhere; "" without one. Owned. */
static char *error_text(const json_t *err)
{
    struct skf_buf text = SKF_BUF_INIT;
    json_int_t line = json_integer_value(json_object_get(err, "line")),
               col = json_integer_value(json_object_get(err, "column"));
    const char *file = text_of(err, "file");
    if (file[0])
        skf_buf_addf(&text, "%s:", file);
    if (file[0] && line)
        skf_buf_addf(&text, "%lld:", (long long)line);
    if (file[0] && line && col)
        skf_buf_addf(&text, "%lld:", (long long)col);
    skf_buf_addf(&text, "%s%s", text.len ? " " : "", text_of(err, "message"));
    return skf_buf_take(&text);
}

/* --- events ----------------------------------------------------------------------------------- */

int cmd_events(const struct options *o)
{
    struct skf_control_client c = { .fd = -1 };
    struct skf_err err = SKF_ERR_INIT;
    json_t *line = NULL;
    int rc = ask(o, json_pack("{s:s}", "command", "events"), &c, &err);
    while (rc == 0 && (rc = skf_control_next(&c, &line, &err)) == 1) {
        print_json(line);
        json_decref(line);
        rc = fflush(stdout) == 0 ? 0 : 2; /* 2: nobody reads */
        if (rc)
            break;
        rc = 0;
        continue;
    }
    skf_control_client_close(&c);
    return rc < 0 ? complain(&err) : EXIT_CODE_OK;
}

/* --- state ------------------------------------------------------------------------------------ */

static void print_step(const char *name, const json_t *step)
{
    skf_autofree char *err = error_text(json_object_get(step, "error"));
    printf("%-8s %s%s%s\n", name, text_of(step, "status"), err[0] ? ": " : "", err);
}

static void print_state(const json_t *s)
{
    const char *image;
    json_t *build;
    printf("phase    %s%s%s\n", text_of(s, "phase"), json_object_get(s, "cause") ? ", after " : "",
           text_of(s, "cause"));
    print_step("config", json_object_get(s, "config"));
    json_object_foreach(json_object_get(s, "build"), image, build)
    {
        skf_autofree char *err = error_text(json_object_get(build, "error"));
        printf("build    %s: %s %s\n", image, text_of(build, "status"),
               err[0] ? err : text_of(build, "reference"));
    }
    print_step("deploy", json_object_get(s, "deploy"));
    print_step("app", json_object_get(s, "app"));
}

int cmd_state(const struct options *o)
{
    struct skf_control_client c = { .fd = -1 };
    struct skf_err err = SKF_ERR_INIT;
    json_t *state = NULL;
    int rc = ask(o, json_pack("{s:s}", "command", "state"), &c, &err);
    if (rc == 0)
        rc = answer(&c, &state, &err);
    skf_control_client_close(&c);
    if (rc < 0)
        return complain(&err);
    if (o->json)
        print_json(state);
    else
        print_state(state);
    json_decref(state);
    return EXIT_CODE_OK;
}

/* --- trigger ---------------------------------------------------------------------------------- */

int cmd_trigger(const struct options *o)
{
    struct skf_control_client c = { .fd = -1 };
    struct skf_err err = SKF_ERR_INIT;
    json_t *ok = NULL;
    int rc = ask(o, json_pack("{s:s}", "command", "trigger"), &c, &err);
    if (rc == 0)
        rc = answer(&c, &ok, &err);
    json_decref(ok);
    skf_control_client_close(&c);
    return rc < 0 ? complain(&err) : EXIT_CODE_OK;
}

/* --- wait ------------------------------------------------------------------------------------- */

/* 0 = no limit. */
static int read_limit(const struct options *o, int64_t *until_ms, struct skf_err *err)
{
    long long ms = 0;
    *until_ms = 0;
    if (!o->timeout)
        return 0;
    bool ok = skf_num_parse_duration_ms(o->timeout, &ms);
    if (!ok && skf_num_parse(o->timeout, 0, 1000 * 1000, &ms)) { /* bare seconds */
        ms *= 1000;
        ok = true;
    }
    if (!ok || ms <= 0)
        return skf_err_set(err, SKF_EUSAGE, "--timeout takes a time as 90s or 2m, not '%s'",
                           o->timeout);
    *until_ms = skf_clock_ms() + ms;
    return 0;
}

/* A dev that is just being started ('skiff dev & skiff wait') counts, while there is time left. */
static int ask_to_wait(const struct options *o, const char *what, int64_t until_ms,
                       struct skf_control_client *c, struct skf_err *err)
{
    if (!until_ms)
        until_ms = skf_clock_ms() + START_MS;
    for (;;) {
        int rc = ask(o, json_pack("{s:s,s:s}", "command", "wait", "for", what), c, err);
        if (rc == 0 || err->code != SKF_ENOTFOUND || skf_clock_ms() >= until_ms)
            return rc;
        skf_err_clear(err);
        usleep(TRY_AGAIN_US);
    }
}

static int judge(const struct options *o, const json_t *got, const char *what)
{
    const char *result = text_of(got, "result");
    skf_autofree char *err = error_text(json_object_get(got, "error"));
    if (o->json)
        print_json(got);
    if (strcmp(result, what) == 0) {
        if (!o->json)
            puts(strcmp(what, "error") == 0 ? err : "ready");
        return EXIT_CODE_OK;
    }
    if (strcmp(result, "held") == 0) {
        fprintf(stderr, "skiff: changes wait for a trigger: 'skiff trigger' builds them\n");
        return EXIT_CODE_FAILED;
    }
    fprintf(stderr, "skiff: %s: %s\n", text_of(got, "stage"), err);
    return exit_code_of_stage(text_of(got, "stage"));
}

static int no_answer(const struct options *o, const struct skf_err *err)
{
    if (o->json) {
        json_t *said =
            json_pack("{s:s,s:{s:o}}", "result", err->code == SKF_ETIMEDOUT ? "timeout" : "ended",
                      "error", "message", skf_text_json(err->msg, strlen(err->msg)));
        print_json(said);
        json_decref(said);
    }
    return complain(err);
}

int cmd_wait(const struct options *o)
{
    struct skf_control_client c = { .fd = -1 };
    struct skf_err err = SKF_ERR_INIT;
    const char *what = o->wait_for ? o->wait_for : "ready";
    json_t *got = NULL;
    int64_t until_ms;
    int rc = 0;
    if (strcmp(what, "ready") != 0 && strcmp(what, "error") != 0)
        rc = skf_err_set(&err, SKF_EUSAGE, "--for takes ready or error, not '%s'", what);
    if (rc == 0)
        rc = read_limit(o, &until_ms, &err);
    if (rc == 0)
        rc = ask_to_wait(o, what, until_ms, &c, &err);
    c.until_ms = rc == 0 ? until_ms : 0;
    if (rc == 0)
        rc = answer(&c, &got, &err);
    skf_control_client_close(&c);
    if (rc < 0)
        return no_answer(o, &err);
    int code = judge(o, got, what);
    json_decref(got);
    return code;
}
