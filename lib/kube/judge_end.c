/* A container that has ended, by itself or by a signal: will the next start help?
 *
 * A single end is never final. The second is when starting again cannot change anything: a panic, a
 * signal, an end without an error; or the same last words twice, from a pod that keeps nothing
 * between its starts, while nothing else of this deploy is on its way. Otherwise the third is (some
 * 12 s: the kubelet's first back-off). An app whose log speaks of another that is not there yet
 * gets two more. */
#include <ctype.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/kube/jget.h"
#include "lib/kube/judge_internal.h"
#include "lib/kube/lastwords.h"

enum {
    TRIAL_MIN_MS = 3 * 1000,
    TRIAL_MAX_MS = 15 * 1000,
    CRASHES = 2,         /* restarts after which a crash is final */
    CRASHES_WAITING = 4, /* ... of an app that seems to wait for another */
    STAMP_MS = 1000,     /* time stamps have whole seconds */
    KILL_MS = 5000,      /* from the end of the grace period to the end of the container */
    EPOCH_DIGITS = 10,
};

static const char *signal_words(long long exit_code)
{
    switch (exit_code) {
    case 132:
        return "illegal instruction";
    case 134:
        return "aborted";
    case 135:
        return "bus error";
    case 136:
        return "arithmetic error";
    case 137:
        return "killed";
    case 139:
        return "segmentation fault";
    case 143:
        return "terminated";
    default:
        return NULL;
    }
}

static void not_in_image(const struct judged *c, const char *program, struct trouble *t,
                         enum weight weight)
{
    const json_t *command = skf_jget(c->spec, "command");
    skf_trouble_set(t, weight, SKF_CAUSE_START, "cannot start: '%s' is not in the image", program);
    if (json_array_size(command) == 1 && strchr(program, ' '))
        skf_trouble_hint(t, "check command: each word is an item of its own, this is one");
    else if (strcmp(program, "sh") == 0 || strcmp(program, "/bin/sh") == 0 ||
             strcmp(program, "bash") == 0 || strcmp(program, "/bin/bash") == 0)
        skf_trouble_hint(t, "the image has no shell: check command and args, and name the program "
                            "itself");
    else
        skf_trouble_hint(t, "check command and args in the manifest, or the image's entrypoint");
    skf_trouble_container_field(t, c, command ? "command" : "image");
}

/* "...: error during container init: WHY: unknown" */
static char *runtime_why(const char *message)
{
    static const char *const layers[] = { "container init: ", "start container process: " };
    for (size_t i = 0; i < SKF_ARRAY_LEN(layers); i++) {
        const char *at = strstr(message, layers[i]);
        message = at ? at + strlen(layers[i]) : message;
    }
    size_t len = strlen(message), tail = strlen(": unknown");
    if (len > tail && strcmp(message + len - tail, ": unknown") == 0)
        len -= tail;
    return skf_xstrndup(message, len);
}

/* runc's sentence about a program that cannot be run, in fewer words. */
bool skf_judge_start_words(const struct judged *c, const char *message, struct trouble *t,
                           enum weight weight)
{
    const char *exec = strstr(message, "exec: \"");
    const char *mount = strstr(message, "to rootfs at \"");
    const char *cwd = strstr(message, "chdir to cwd (\"");
    skf_autofree char *program =
        exec ? skf_xstrndup(exec + 7, strcspn(exec + 7, "\"")) : skf_xstrdup("its command");
    if (cwd) {
        cwd += strlen("chdir to cwd (\"");
        skf_trouble_set(t, weight, SKF_CAUSE_START, "cannot start: its working directory '%.*s' %s",
                        (int)strcspn(cwd, "\""), cwd,
                        strstr(cwd, "denied") ? "is closed to its user" : "is not in the image");
        skf_trouble_hint(t, "check workingDir, or the image's WORKDIR and user");
        skf_trouble_container_field(t, c, skf_jget(c->spec, "workingDir") ? "workingDir" : "image");
    } else if (mount) {
        skf_autofree char *why = runtime_why(message);
        mount += strlen("to rootfs at \"");
        int len = (int)strcspn(mount, "\"");
        bool kinds_differ = SKF_ANY_OF(message, "not a directory", "is a directory");
        if (kinds_differ)
            skf_trouble_set(t, weight, SKF_CAUSE_START,
                            "cannot start: no volume fits at '%.*s': one of the two is a file, the "
                            "other a directory",
                            len, mount);
        else
            skf_trouble_set(t, weight, SKF_CAUSE_START, "cannot start: %s", why);
        if (kinds_differ)
            skf_trouble_hint(t, "mount a single file with subPath, or choose another mountPath");
        skf_trouble_container_field(t, c, "volumeMounts");
    } else if (exec &&
               SKF_ANY_OF(message, "executable file not found", "no such file or directory")) {
        not_in_image(c, program, t, weight);
    } else if (exec && SKF_ANY_OF(message, "permission denied")) {
        skf_trouble_set(t, weight, SKF_CAUSE_START, "cannot start: '%s' is not executable",
                        program);
        skf_trouble_hint(t, "set its x bit in the image; is it a directory?");
        skf_trouble_container_field(t, c, skf_jget(c->spec, "command") ? "command" : "image");
    } else if (SKF_ANY_OF(message, "exec format error")) {
        skf_trouble_set(t, weight, SKF_CAUSE_START,
                        "cannot start: '%s' is not a program for the node's platform", program);
        skf_trouble_hint(
            t, "build for the node's platform (--platform), or mend the script's first line");
        skf_trouble_container_field(t, c, skf_jget(c->spec, "command") ? "command" : "image");
    } else {
        return false;
    }
    return true;
}

/* Was it the kubelet that ended the container, because of a probe? It says so just before. The
 * program may end as it likes then, also with 0. Returns what the probe found. */
static const json_t *killed_by_probe(const struct judged *c, const json_t *end)
{
    const json_t *killing = skf_judge_container_event(c, "Killing", "");
    if (!killing ||
        !SKF_ANY_OF(skf_jtext(killing, "message"), "failed liveness probe", "failed startup probe"))
        return NULL;
    int64_t killed = skf_judge_event_ms(killing);
    int64_t ended = skf_jtime_ms(skf_jstr(end, "finishedAt"));
    int64_t grace = skf_jint(c->pod, "spec.terminationGracePeriodSeconds", 30) * 1000;
    if (killed > 0 && ended >= 0 && (ended + STAMP_MS < killed || ended > killed + grace + KILL_MS))
        return NULL;
    bool live = strstr(skf_jtext(killing, "message"), "liveness") != NULL;
    const json_t *unhealthy =
        skf_judge_container_event(c, "Unhealthy", live ? "Liveness probe" : "Startup probe");
    return unhealthy ? unhealthy : killing;
}

static void judge_killed(const struct judged *c, const json_t *probe, bool between,
                         struct trouble *t)
{
    bool certain = skf_judge_probe_words(c, probe, t);
    skf_autofree char *words = skf_take(&t->finding.text);
    int restarts = t->finding.restarts;
    skf_trouble_set(t, between && restarts >= (certain ? 1 : CRASHES) ? WEIGHT_FINAL : WEIGHT_NOTE,
                    SKF_CAUSE_PROBE, "is killed again and again (exit code %d, %d time%s): it %s",
                    t->finding.exit_code, restarts + 1, restarts ? "s" : "", words);
    if (!t->finding.hint)
        skf_trouble_hint(t, "if it only needs more time: a startupProbe, or a larger "
                            "failureThreshold");
}

static char *log_key(const char *uid, const char *container, const char *instance)
{
    return skf_xasprintf("%s/%s/%s", uid, container, instance);
}

/* --- the same end again ----------------------------------------------------------------------- */

/* A line without the times in it: what changes from run to run of the same failure. */
static char *timeless(const char *line)
{
    struct skf_buf out = SKF_BUF_INIT;
    skf_buf_adds(&out, "");
    while (*line) {
        size_t len = isdigit((unsigned char)*line) ? strspn(line, "0123456789:/-.,+TZ") : 0;
        unsigned separators = 0;
        for (size_t i = 0; i < len; i++)
            separators += strchr(":/-", line[i]) != NULL;
        if (len && (separators >= 2 || strspn(line, "0123456789") >= EPOCH_DIGITS)) {
            line += len; /* 2026/11/23, 14:09:02.17, 2026-11-23T14:09:02Z, 1763906943.17 */
            continue;
        }
        skf_buf_add(&out, line, len ? len : 1);
        line += len ? len : 1;
    }
    return skf_buf_take(&out);
}

/* Does the pod keep anything from one start of a container to the next? Then the next start may go
 * another way. */
static bool keeps_state(const json_t *pod)
{
    static const char *const constant[] = { "configMap", "secret", "projected", "downwardAPI" };
    const json_t *volumes = skf_jget(pod, "spec.volumes");
    for (size_t i = 0; i < json_array_size(volumes); i++) {
        bool known = false;
        for (size_t k = 0; k < SKF_ARRAY_LEN(constant); k++)
            known = known || json_object_get(json_array_get(volumes, i), constant[k]);
        if (!known)
            return true;
    }
    return false;
}

/* Remembers how run number `run` ended, and compares with the run before. Silence is no end that
 * one could know again. */
static bool same_again(struct skf_judge *j, const char *uid, const char *container, long long run,
                       long long code, const char *last_words)
{
    if (!*last_words)
        return false;
    skf_autofree char *own_key = skf_xasprintf("%s/%s/%lld", uid, container, run);
    skf_autofree char *key_before = skf_xasprintf("%s/%s/%lld", uid, container, run - 1);
    skf_autofree char *words = timeless(last_words);
    char *own = skf_xasprintf("%lld %s", code, words);
    const char *before = skf_map_get(&j->ends, key_before);
    bool same = before && strcmp(before, own) == 0;
    free(skf_map_put(&j->ends, own_key, own));
    return same;
}

/* Since the pod's first end: was something else of the deploy not ready? It may be what the app
 * needs, whatever its log says. */
static bool had_company(struct skf_judge *j, const char *uid)
{
    skf_autofree char *key = skf_xasprintf("%s/company", uid);
    if (j->unready > 1)
        skf_judge_lasting(j, uid, "company");
    return skf_map_has(&j->since, key);
}

/* --- one end ---------------------------------------------------------------------------------- */

static bool is_signal_of_a_fault(long long code)
{
    return code > 128 && code != 137 && code != 143;
}

/* Restarts after which an end is final. */
static long long patience(struct skf_judge *j, const json_t *pod, const char *container,
                          long long run, long long code, const struct skf_finding *f)
{
    const char *uid = skf_jtext(pod, "metadata.uid");
    const char *last_words = f->last_words ? f->last_words : "";
    bool same = same_again(j, uid, container, run, code, last_words);
    bool company = had_company(j, uid);
    if (skf_finding_waits_for_other(f))
        return CRASHES_WAITING;
    if (code == 0 || code == 126 || code == 127 || is_signal_of_a_fault(code) ||
        strncmp(last_words, "panic: ", 7) == 0)
        return 1;
    return same && !company && !keeps_state(pod) ? 1 : CRASHES;
}

/* Its container was started, and the hook beside it has failed: the kubelet ends it then. */
bool skf_judge_hook(const struct judged *c, bool final, struct trouble *t)
{
    const json_t *event = skf_judge_container_event(c, "FailedPostStartHook", "");
    if (!event)
        return false;
    const char *command =
        json_string_value(json_array_get(skf_jget(c->spec, "lifecycle.postStart.exec.command"), 0));
    skf_trouble_set(t, final ? WEIGHT_FINAL : WEIGHT_NOTE, SKF_CAUSE_START,
                    "is ended again and again, because its postStart hook fails%s%s%s",
                    command ? " ('" : "", command ? command : "", command ? "')" : "");
    skf_trouble_hint(t, "is that program in the image, and does it end with 0?");
    skf_trouble_container_field(t, c, "lifecycle.postStart");
    return true;
}

static void judge_out_of_memory(const struct judged *c, bool between, struct trouble *t)
{
    const char *limit = skf_jstr(c->spec, "resources.limits.memory");
    int restarts = t->finding.restarts;
    skf_trouble_set(t, between ? WEIGHT_FINAL : WEIGHT_NOTE, SKF_CAUSE_OOM,
                    "is killed: out of memory (%s%s, exit code %d, %d time%s)",
                    limit ? "limit " : "no limit of its own", limit ? limit : "",
                    t->finding.exit_code, restarts + 1, restarts ? "s" : "");
    skf_trouble_hint(t, limit ? "raise resources.limits.memory, or make it use less"
                              : "the node itself has run out: make it use less");
    skf_trouble_container_field(t, c, limit ? "resources.limits.memory" : "resources");
}

/* What follows from the log, once it is there. */
static void judge_words(const struct judged *c, const char *log, struct trouble *t)
{
    skf_finding_set_log(&t->finding, log, strlen(log));
    const struct skf_words_hint *known = skf_last_words_hint(t->finding.last_words);
    if (!known)
        return;
    if (known->start)
        skf_trouble_set(t, t->weight, SKF_CAUSE_START, "cannot start (exit code %d)",
                        t->finding.exit_code);
    else if (t->finding.cause == SKF_CAUSE_EXIT_0)
        return;
    skf_trouble_hint(t, "%s", known->hint);
    if (known->field)
        skf_trouble_container_field(t, c, known->field);
    else
        skf_trouble_field(t, "serviceAccountName");
}

static void exit_0_words(const struct judged *c, struct trouble *t)
{
    int restarts = t->finding.restarts;
    bool bare = json_array_size(skf_jget(c->pod, "metadata.ownerReferences")) == 0;
    skf_trouble_set(t, WEIGHT_LOG, SKF_CAUSE_EXIT_0,
                    "ends by itself without an error (exit code 0, %d time%s)", restarts + 1,
                    restarts ? "s" : "");
    skf_trouble_container_field(t, c,
                                skf_jget(c->spec, "command") ? "command"
                                : skf_jget(c->spec, "args")  ? "args"
                                                             : "");
    if (bare)
        skf_trouble_hint(t, "its program has to keep running, or set restartPolicy: Never");
    else
        skf_trouble_hint(t, "its program has to keep running; for one run use a Job");
}

void skf_judge_end(const struct judged *c, struct trouble *t)
{
    const json_t *end = skf_jget(c->status, "state.terminated");
    bool running = skf_jget(c->status, "state.running") != NULL;
    if (!end)
        end = skf_jget(c->status, "lastState.terminated");
    long long code = skf_jint(end, "exitCode", -1);
    long long restarts = skf_jint(c->status, "restartCount", 0);
    const char *reason = skf_jtext(end, "reason");
    const char *message = skf_jtext(end, "message");
    /* The first restart comes at once, every later one after a pause. A running one may be the
     * start that works. */
    bool between = !running && (restarts >= 1 || !c->will_restart);
    t->finding.exit_code = (int)code;
    t->finding.restarts = (int)restarts;
    t->finding.previous = running;
    skf_replace(&t->finding.instance, skf_xstrdup(skf_jtext(end, "containerID")));

    const json_t *probe = killed_by_probe(c, end);
    if (probe) {
        judge_killed(c, probe, between, t);
        return;
    }
    if (skf_judge_hook(c, between, t) ||
        skf_judge_start_words(c, message, t, running ? WEIGHT_NOTE : WEIGHT_FINAL))
        return;
    if (strcmp(reason, "OOMKilled") == 0) {
        judge_out_of_memory(c, between, t);
        return;
    }
    const char *how = signal_words(code);
    if (code == 0) {
        exit_0_words(c, t);
    } else {
        skf_trouble_set(t, WEIGHT_LOG, SKF_CAUSE_CRASH, "crashes (exit code %lld%s%s, %lld time%s)",
                        code, how ? ": " : "", how ? how : "", restarts + 1, restarts ? "s" : "");
        skf_trouble_container_field(t, c, "");
    }
    t->finding.wants_log = true;
    skf_autofree char *key = log_key(c->uid, c->name, t->finding.instance);
    const char *log = skf_map_get(&c->j->logs, key);
    if (!log)
        return; /* asked for first, once a run: it says what happened already at the first crash */
    judge_words(c, *log ? log : message, t);
    long long run = running ? restarts - 1 : restarts;
    bool enough = t->finding.cause == SKF_CAUSE_START ||
                  restarts >= patience(c->j, c->pod, c->name, run, code, &t->finding) ||
                  !c->will_restart;
    t->weight = enough && between ? WEIGHT_FINAL : WEIGHT_NOTE;
}

/* How long a container that has crashed before must run until it counts as ready: longer than its
 * last run, so that the moment between two crashes is not taken for success. */
static int64_t trial_ms(const json_t *status)
{
    int64_t from = skf_jtime_ms(skf_jstr(status, "lastState.terminated.startedAt"));
    int64_t to = skf_jtime_ms(skf_jstr(status, "lastState.terminated.finishedAt"));
    int64_t last = from >= 0 && to >= from ? to - from + 1000 : 0;
    return last < TRIAL_MIN_MS ? TRIAL_MIN_MS : last > TRIAL_MAX_MS ? TRIAL_MAX_MS : last;
}

static bool has_probe(const json_t *pod, const char *container)
{
    const json_t *spec = skf_jfind(pod, "spec.containers", "name", container);
    return skf_jget(spec, "readinessProbe") || skf_jget(spec, "startupProbe");
}

unsigned skf_judge_unsettled(struct skf_judge *j, const json_t *pod, bool *crashed)
{
    const json_t *list = skf_jget(pod, "status.containerStatuses");
    int64_t longest = 0;
    if (skf_jget(pod, "metadata.deletionTimestamp"))
        return 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *status = json_array_get(list, i);
        const char *name = skf_jtext(status, "name");
        long long restarts = skf_jint(status, "restartCount", 0);
        if (!skf_jget(status, "state.running") || (restarts == 0 && has_probe(pod, name)))
            continue;
        int64_t trial = restarts ? trial_ms(status) : j->settle_ms;
        skf_autofree char *what = skf_xasprintf("run/%s/%lld", name, restarts);
        int64_t left = trial - skf_judge_lasting(j, skf_jtext(pod, "metadata.uid"), what);
        int64_t age = skf_judge_age(j, skf_jstr(status, "state.running.startedAt"));
        if (age >= trial + STAMP_MS)
            left = 0; /* it was running long before we looked */
        if (left > longest) {
            longest = left;
            *crashed = restarts > 0;
        }
    }
    return (unsigned)longest;
}

void skf_judge_log(struct skf_judge *j, const struct skf_finding *asked, const char *text,
                   size_t len)
{
    for (struct skf_map_iter it = skf_map_first(&j->pods); it.key; skf_map_next(&it)) {
        if (strcmp(skf_jtext(it.value, "metadata.name"), asked->pod) != 0 ||
            strcmp(skf_jtext(it.value, "metadata.namespace"), asked->namespace_) != 0)
            continue;
        skf_autofree char *key = log_key(it.key, asked->container, asked->instance);
        free(skf_map_put(&j->logs, key, skf_xstrndup(text, len)));
        return;
    }
}
