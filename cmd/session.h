/* cmd/session.h: what dev, run, build, render and delete have in common: the loop and its clients,
 * the configuration, and which cluster is meant. */
#ifndef SKF_CMD_SESSION_H
#define SKF_CMD_SESSION_H
#include "cmd/console.h"
#include "cmd/options.h"
#include "lib/config/global.h"
#include "lib/config/load.h"
#include "lib/engine/engine.h"
#include "lib/engine/render.h"
#include "lib/image/registry.h"
#include "lib/io/http.h"
#include "lib/io/loop.h"
#include "lib/io/stop.h"
#include "lib/kube/kubeconfig.h"

enum session_needs {
    NEEDS_ONLY_CONFIG, /* also one that names what skiff does not do */
    NEEDS_NO_CLUSTER,  /* never looks at one */
    MAY_HAVE_CLUSTER,  /* build, render: better with one */
    NEEDS_CLUSTER      /* changes one: if it is not local, it must have been named or allowed */
};

/* cmd/local.c */
struct local_target {
    struct skf_target target; /* NOWHERE: only a registry will do */
    char *docker_host, *docker_certs;
};

struct session {
    const struct options *options;
    struct console console;
    uv_loop_t loop;
    bool loop_open;
    struct skf_stop stop;
    struct skf_http *http;
    struct skf_registry *registry;
    struct skf_services services;
    char *cache_dir, *cwd, *current_context, *namespace_, *kubectl;
    struct skf_strv insecure;
    int build_concurrency;    /* < 0 = as the configuration says */
    struct skf_global global; /* ~/.skaffold/config */
    struct skf_config_request request;
    struct skf_config config; /* as read; handed on to the engine */
    struct skf_kube_context kube;
    bool has_kube;
    struct local_target local;
    /* The running engine, so that a signal reaches it. */
    struct skf_engine *engine;
    int exit_code;
    bool ended;
};

/* Reports what is wrong itself; returns the exit code, 0 when the session is open. */
int session_open(struct session *s, const struct options *o, const char *command,
                 enum session_needs needs, bool data_on_stdout);
/* For one that was opened without a cluster, and now turns out to change one: as NEEDS_CLUSTER. 0,
 * or the exit code of what was reported. */
int session_need_cluster(struct session *s, const char *command);
/* What is data goes to --output FILE or standard output; returns the exit code. */
int session_write(const struct session *s, const struct skf_buf *text);
/* Expands the templates of what is deployed; for commands that do so without a plan. 0, or the exit
 * code of what was reported. */
int session_expand(struct session *s);
/* The manifests of a plan; references as in render.h. removes: only what kubectl has deployed, and
 * without hooks. 0, or the exit code of what was reported. */
int session_hydrate(struct session *s, const struct skf_plan *plan, const char *const *references,
                    bool removes, struct skf_rendered *out);
/* Fills what all pipelines share. */
void session_engine_options(struct session *s, struct skf_engine_options *out);
/* Runs an engine to its end; returns the exit code. The engine lives until session_close. */
int session_run_engine(struct session *s, const struct skf_engine_options *options);
void session_close(struct session *s);
#endif
