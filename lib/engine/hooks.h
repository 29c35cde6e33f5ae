/* lib/engine/hooks.h: lifecycle hooks: commands before and after a phase, on this machine or in
 * running containers.
 *
 * happy path: the hooks of a list one after the other; a container hook in all matching containers
 *             at once; each line of output as it comes; done(NULL).
 * failures:   the first hook that fails ends the list: SKF_ECHILD with its command and exit status.
 * on cancel:  the running commands end with their whole process group; done(SKF_ECANCELED). */
#ifndef SKF_ENGINE_HOOKS_H
#define SKF_ENGINE_HOOKS_H
#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/vec.h"
#include "lib/config/model.h"
#include "lib/io/loop.h"
#include "lib/io/proc.h"
#include "lib/kube/api.h"

struct skf_hook_exec;

struct skf_hook_run {
    /* --- set by the caller; all borrowed until done ------------------------------------------- */
    const char *phase; /* "pre-build": for messages */
    const struct skf_hook *hooks;
    size_t n;
    const char *dir;            /* absolute: what a relative `dir` of a hook means; else our own */
    const struct skf_strv *env; /* made with skf_hook_env */
    /* Where containers are; api NULL: a container hook is an error. */
    struct skf_kube_api *api;
    const char *kubectl, *kubeconfig;
    const struct skf_strv *namespaces;
    const char *image; /* only containers of this image; NULL = all */
    /* Render hooks: fed to each; one with withChange puts its output in its place. NULL = none. */
    struct skf_buf *text;
    void *data;
    void (*on_line)(struct skf_hook_run *r, const char *line);
    void (*done)(struct skf_hook_run *r, const struct skf_err *err); /* never from inside start */

    /* --- private ------------------------------------------------------------------------------ */
    uv_loop_t *loop;
    size_t at;
    struct skf_defer first;
    struct skf_proc host;
    struct skf_kube_req list;
    size_t namespace_at;
    SKF_VEC(struct skf_hook_exec *) execs;
    size_t execs_running;
    struct skf_err failure;
    enum { SKF_HOOK_IDLE, SKF_HOOK_FIRST, SKF_HOOK_HOST, SKF_HOOK_LIST, SKF_HOOK_EXEC } state;
    bool cancelled;
};

void skf_hooks_start(uv_loop_t *loop, struct skf_hook_run *r);
void skf_hooks_cancel(struct skf_hook_run *r); /* only asks */

/* Adds "SKAFFOLD_NAME=value"; what the user's environment has already wins. */
void skf_hook_env(struct skf_strv *env, const char *name, const char *value);
/* Is the hook for this operating system? */
bool skf_hook_applies(const struct skf_hook *h);
#endif
