/* lib/engine/engine.h: the loop. Builds what changed, deploys what differs, waits until it serves;
 * in `dev` again and again, a newer save pre-empting what runs. The engine knows builders and
 * deployers only by their seams, and talks through events only. */
#ifndef SKF_ENGINE_ENGINE_H
#define SKF_ENGINE_ENGINE_H
#include <stdbool.h>

#include "lib/config/load.h"
#include "lib/engine/builder.h"
#include "lib/engine/deployer.h"
#include "lib/engine/event.h"
#include "lib/engine/plan.h"
#include "lib/engine/render.h"

/* Borrowed until done. */
struct skf_engine_options {
    bool dev;      /* watch and loop; else one pass */
    bool debug;    /* what is built starts in a debugger; with dev */
    bool deploys;  /* else only build */
    bool tests;    /* test what was built, before it is deployed */
    bool dry_run;  /* only choose tags */
    bool contents; /* skf_built.document is going to be written to a file */
    struct skf_config_request config;
    struct skf_plan_request plan;                    /* discovered_repo is found by the engine */
    const struct skf_deployer_ops *const *deployers; /* ends with NULL; one is fed manifests */
    const struct skf_kube_context *kube;             /* NULL when the command needs no cluster */
    const char *kubeconfig, *kubectl, *namespace_;
    const char *tag; /* --tag for every artifact, or NULL */
    /* Built elsewhere: name, reference, name, reference ... Then nothing is built, and an artifact
     * without one of its own is an error, unless there is a tag. NULL: build. */
    const struct skf_strv *given;
    enum skf_tristate status_check, tolerate_failures;
    bool tail, force, cleanup;
    unsigned wait_deletions_ms; /* how long to wait for objects that are being deleted; 0 = not */
    bool keep_images;           /* older ones of this session stay on the node, or in Docker */
    bool cache_artifacts;       /* what was built of the same contents before is not built again */
    const struct skf_strv *port_forward; /* modes: off, user, services, pods */
    int build_concurrency; /* builds at once: --build-concurrency; 0 = all, < 0 = as written */
    /* In dev: changes are collected, and built or applied when somebody triggers it. */
    bool hold_builds, hold_deploys;
    const struct skf_strv *watch_images; /* substrings: only these images; NULL or empty = all */
    unsigned poll_ms;                    /* poll all directories so often; 0 = the kernel tells */
    const char *control_dir; /* the project that the control socket is found by; NULL = none */
};

/* Which step a failure belongs to: decides the exit code. */
enum skf_stage {
    SKF_STAGE_NONE,
    SKF_STAGE_CONFIG,
    SKF_STAGE_CLUSTER, /* not there, or not for us */
    SKF_STAGE_BUILD,
    SKF_STAGE_DELIVER,
    SKF_STAGE_TEST,
    SKF_STAGE_DEPLOY,
    SKF_STAGE_STATUS,
};

/* One built image. Borrowed until the engine is freed or builds again. */
struct skf_built {
    const char *image;          /* artifact name as written */
    const char *reference;      /* what manifests refer to */
    struct skf_image *document; /* or NULL */
};

struct skf_engine;

/* Copies options and services; what they point at is borrowed. */
struct skf_engine *skf_engine_new(const struct skf_services *services,
                                  const struct skf_engine_options *options, skf_event_fn *on_event,
                                  void *data);
/* `config` is what the first plan is made of; it is taken over. done comes exactly once, from the
 * loop: after one pass, after stop, or when nothing can begin. err is NULL for success (also for a
 * `dev` that was stopped). */
void skf_engine_start(struct skf_engine *e, struct skf_config *config,
                      void (*done)(struct skf_engine *e, const struct skf_err *err));
/* Only asks: cancels what runs; `dev` then removes what it created. */
void skf_engine_stop(struct skf_engine *e);
/* In dev: what changes have asked for is done now, also while paused; when nothing waits, all
 * images are built again. */
void skf_engine_trigger(struct skf_engine *e);
/* In dev: changes are collected only, until it is resumed. What runs goes on. */
void skf_engine_pause(struct skf_engine *e, bool paused);
bool skf_engine_is_paused(const struct skf_engine *e);
void skf_engine_free(struct skf_engine *e); /* from done on */
void *skf_engine_data(struct skf_engine *e);
size_t skf_engine_artifact_count(const struct skf_engine *e);
/* The i-th artifact of the plan; reference is NULL when it was not built. */
struct skf_built skf_engine_built(const struct skf_engine *e, size_t i);
const struct skf_plan *skf_engine_plan(const struct skf_engine *e); /* borrowed */
enum skf_stage skf_engine_failed_stage(const struct skf_engine *e);
const struct skf_ledger_history *skf_engine_history(const struct skf_engine *e);
#endif
