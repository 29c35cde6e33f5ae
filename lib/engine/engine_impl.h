/* lib/engine/engine_impl.h: the engine's inside, shared by its own sources only.
 *
 *   engine.c        life: begin, what to do next (pump), stop, end
 *   engine_units.c  one artifact: tag, inputs, build
 *   engine_deploy.c render, and have all deployers apply what differs
 *   engine_claim.c  which cluster this is, and whose its objects are
 *   engine_rehearse.c  would the cluster take what is to be applied?
 *   engine_clean.c  remember what we created, and take it away again
 *   engine_hooks.c  commands around the phases
 *   engine_sync.c   changed files into running containers
 *   engine_given.c  images that were built elsewhere
 *   engine_tests.c  what is built is tested before it is deployed
 *   engine_serve.c  what comes after apply: rollout, logs, port-forwards
 *   engine_watch.c  which paths matter, what a change of each means, reading skaffold.yaml again
 *   engine_cache.c  was it built before?
 *   engine_prune.c  older images of this session
 *   engine_own.c    builds that write into their own sources
 *   engine_hold.c   changes that wait for a trigger
 *   engine_control.c  what the control socket is asked
 *
 * All decisions are made in pump: callbacks store their result and call it. */
#ifndef SKF_ENGINE_ENGINE_IMPL_H
#define SKF_ENGINE_ENGINE_IMPL_H
#include "lib/base/map.h"
#include "lib/engine/artifact_cache.h"
#include "lib/engine/artifact_check.h"
#include "lib/engine/control.h"
#include "lib/engine/engine.h"
#include "lib/engine/hooked.h"
#include "lib/engine/hydrate.h"
#include "lib/engine/state.h"
#include "lib/engine/tag.h"
#include "lib/io/flow.h"
#include "lib/io/loop.h"
#include "lib/io/watch.h"
#include "lib/io/work.h"
#include "lib/kube/api.h"
#include "lib/kube/changes.h"

struct skf_claim;    /* engine_claim.c */
struct skf_rehearse; /* engine_rehearse.c */
struct skf_serve;    /* engine_serve.c */

/* What an artifact's own builds have written into its sources. */
struct unit_own {
    bool foreign, seen; /* of the changes that are being judged */
    bool counted;       /* this build has written something */
    bool pending;       /* ... and it waits to be judged at its end */
    int rounds;
    char *path; /* the last one */
    struct skf_strv ignored;
};

/* What an artifact's search in the cache, and its remembering, need. */
struct unit_cache {
    bool on;    /* may be left out when it was built before */
    bool fresh; /* this build was asked for: not looked up */
    bool looking, waits_for_inputs;
    bool storing, store_due;
    char key[SKF_SHA256_HEX];
    char *required;
    struct skf_digest_memo *memo;
    struct skf_inputs known; /* borrowed from the unit for the pool's time */
    struct skf_work work;
    enum skf_artifact_answer answer;
    struct skf_artifact_result result;
    struct skf_artifact_check check;
    bool checking;
    /* to be remembered */
    struct skf_work store;
    char store_key[SKF_SHA256_HEX];
    char *deployed, *digest, *store_required;
    int64_t began_wall_ms;
};

/* One artifact of the plan and where it stands. */
struct unit {
    struct skf_engine *engine;
    const struct skf_planned *planned;
    bool dirty;    /* its inputs changed since the last build began */
    bool failed;   /* the last build failed, and nothing changed since */
    bool busy;     /* tag or build runs */
    bool test_due; /* built, or a file of its tests changed, since they passed */
    bool touched;  /* some input changed in this session: the tree is not what git knows */

    struct skf_tag tag;
    struct skf_tag_source *tag_sources; /* what it is asked about */
    bool tagging, has_tag;
    char *tag_text;
    char *reference;                    /* name:tag of the running build */
    struct skf_pair *required;          /* what it is given of other artifacts */
    struct skf_image **required_images; /* of theirs; owned references, NULL = none */
    size_t n_required;

    struct skf_build build;
    struct skf_hooked hooked;
    bool building;
    int64_t build_began_wall_ms, build_ended_wall_ms;
    struct unit_own own;

    struct skf_inputs inputs;
    bool has_inputs, ask_inputs, asking;
    bool caught_up; /* saves between the first build and the watch were asked for */
    struct skf_inputs_job job;

    char *deployed, *digest; /* of the last good build */
    bool brought;            /* ... which this session has put where it is */
    struct skf_strv past;    /* what was deployed before it, and brought; oldest first */
    struct skf_strv sync_changed, sync_gone; /* waiting to be synced */
    struct unit_sync *syncing;               /* engine_sync.c; NULL = nothing runs */
    struct skf_image *image;
    struct unit_cache cache;
};

struct skf_engine {
    struct skf_services services;
    struct skf_engine_options opts;
    skf_event_fn *on_event;
    void *data;
    void (*done)(struct skf_engine *e, const struct skf_err *err);

    struct skf_config first_config; /* between reading and planning */
    struct skf_plan plan;
    bool has_plan;
    struct unit *units;
    size_t n_units;

    /* --- what has to be done --- */
    bool config_dirty, manifests_dirty, watch_dirty;
    bool deploy_due;    /* a new image or manifest is waiting to be applied */
    bool deploy_failed; /* ... and applying it failed: until something changes */
    bool config_broken; /* the newest skaffold.yaml cannot be used */

    /* --- where we are --- */
    enum {
        ENGINE_NEW,
        ENGINE_BEGINNING,
        ENGINE_RUNNING,
        ENGINE_STOPPING,
        ENGINE_CLEANING,
        ENGINE_ENDED
    } phase;
    bool synced;  /* ... by file sync, in this loop */
    bool in_loop; /* between a change and its last consequence */
    bool pumping, pump_again;
    bool pass_ended;           /* `run`: its one pass */
    struct skf_defer patience; /* ... and for how long it waits for what is remembered of it */
    bool patient, out_of_patience;
    struct skf_err outcome;
    enum skf_stage failed_stage;
    struct skf_defer ending;

    /* --- the ledger of the running loop; microseconds --- */
    struct skf_ledger ledger;
    struct skf_ledger_history history;
    int64_t noticed_us, built_us, applied_us;
    int64_t layer_us, deliver_us;
    int64_t apply_began_wall_ms;

    /* --- cluster --- */
    struct skf_kube_api *api;
    struct skf_kube_req probe; /* is it there; its registry */
    bool probing, discovering;
    char *discovered_repo;

    /* --- deploy --- */
    struct skf_deploy *deploys; /* one for each of opts.deployers */
    size_t deployer;            /* the one that runs */
    struct skf_pair *images;    /* what it is given */
    struct skf_flow deploying_flow;
    bool deploying, removing;
    bool prepared, unpreparing; /* the one that is fed manifests waits for them, or is to stop */
    bool sources_changed;       /* manifests_dirty of the running deploy */
    bool applying;              /* something changes in the cluster */
    bool acted;                 /* ... or has */
    struct skf_hydrate hydrate;
    const char **references;      /* what it is given */
    struct skf_rendered rendered; /* what is being or was last applied */
    struct skf_objects changed;   /* the part of it that is fed to kubectl */
    struct skf_objects later;     /* the rest of it, of kinds that are made by the first part */
    bool kinds_sure;              /* no hook may have made kinds since we looked */
    struct skf_objects brought;   /* by deployers with sources of their own */
    struct skf_objects standing;  /* both together, when there are both */
    struct skf_applied applied;   /* in this session */
    struct skf_objects left;      /* applied before, and not in the manifests any more */
    struct skf_objects created;   /* by this session */
    void (*pruned)(struct skf_engine *e);
    size_t cleaning;       /* deployers that have still to remove what they created */
    struct skf_map warned; /* what is said once a session */
    struct skf_map noted;  /* what is said once a loop, however many images it is said of */

    /* --- what is asked from outside --- */
    bool paused;
    bool may_build, may_deploy; /* a trigger: for this loop */
    bool held_told;
    struct skf_state state; /* as the events told it */
    struct skf_control *control;
    SKF_VEC(char *) past; /* the last events, as JSON */

    struct skf_claim *claim;
    struct skf_rehearse *rehearse;
    struct skf_serve *serve;
    struct skf_phase_hooks *hooks;  /* engine_hooks.c */
    struct skf_engine_tests *tests; /* engine_tests.c */
    struct skf_watch *watch;
    /* Replaced lists of inputs, whose skip functions the watch may ask until its next commit, and
     * the cache until its pool work has ended. */
    SKF_VEC(struct skf_inputs) retired;
    size_t inputs_in_use; /* by pool work */
    struct skf_proc prune;
    bool pruning;
};

/* engine.c */
void engine_pump(struct skf_engine *e);
void engine_emit_event(struct skf_engine *e, const struct skf_event *ev);
void engine_emit(struct skf_engine *e, enum skf_event_kind kind, const char *subject,
                 const char *text);
void engine_emit_err(struct skf_engine *e, enum skf_event_kind kind, const char *subject,
                     const struct skf_err *err);
void engine_emit_number(struct skf_engine *e, enum skf_event_kind kind, const char *subject,
                        const char *text, long long number);
void engine_emit_findings(struct skf_engine *e, const struct skf_diagnostics *diags);
/* A change was seen at `wall_ms` (its save) and is known now: a loop begins, or begins anew. */
void engine_loop_begin(struct skf_engine *e, int64_t saved_wall_ms);
/* Its last consequence has come. */
void engine_loop_end(struct skf_engine *e, bool good);
/* Is something newer being built, or waits to be deployed? Then what ends now is of the past. */
bool engine_newer_comes(const struct skf_engine *e);
/* What a single pass ends with; the first failure counts. */
void engine_fail(struct skf_engine *e, enum skf_stage stage, const struct skf_err *err);

/* What objects without a namespace of their own mean. */
const char *engine_namespace(const struct skf_engine *e);

/* engine_units.c */
void units_make(struct skf_engine *e, struct unit **units, size_t *n, const struct skf_plan *plan);
void units_free(struct unit *units, size_t n);
void units_forget_state(struct skf_engine *e);
void units_drop_retired(struct skf_engine *e);
bool unit_can_start(const struct unit *u);
void unit_start(struct unit *u);
void unit_ask_inputs(struct unit *u);
void unit_cancel(struct unit *u);
/* Nobody waits any more for what it is at: it is to be given up, dirty again, for pump to decide.
 */
bool unit_is_overtaken(const struct unit *u);
bool unit_idle(const struct unit *u);

/* engine_deploy.c */
void deploy_init(struct skf_engine *e);
void deploy_free(struct skf_engine *e);
void deploy_prepare(struct skf_engine *e);
void deploy_start(struct skf_engine *e);
void deploy_unprepare(struct skf_engine *e);
/* Asks what runs to end, but for an apply of manifests: that is short, and nothing is half applied.
 */
void deploy_stop(struct skf_engine *e);
/* Something newer is ready to be deployed: the running deploy makes room. */
void deploy_pre_empt(struct skf_engine *e);
/* Is a deploy under way? One that is only prepared is none. */
bool deploy_busy(const struct skf_engine *e);
bool deploy_idle(const struct skf_engine *e);
/* All that stands in the cluster after the last deploy. */
const struct skf_objects *deploy_objects(const struct skf_engine *e);
/* Where pods of ours may be: the namespace of the session, and those that its objects name. */
void deploy_namespaces(const struct skf_engine *e, struct skf_strv *out);
/* The deployer that is fed manifests, or NULL; its place among opts.deployers in *at. */
const struct skf_deployer_ops *deploy_feeder(const struct skf_engine *e, size_t *at);
/* A deployer that is about to start something. */
struct skf_deploy *deploy_fill(struct skf_engine *e, size_t at);
int deploy_check_cluster(struct skf_engine *e, struct skf_err *err);

/* engine_claim.c: one question at a time; `done` comes from the loop. */
void claim_init(struct skf_engine *e);
void claim_free(struct skf_engine *e);
/* Is this still the cluster that it was the first time? dev waits for one that cannot be reached.
 * Needs e->api. */
void claim_identity(struct skf_engine *e,
                    void (*done)(struct skf_engine *e, const struct skf_err *));
/* May the rendered objects be applied, and as whose? false: known already. */
bool claim_objects(struct skf_engine *e,
                   void (*done)(struct skf_engine *e, const struct skf_err *));
/* Waits until the cluster knows the kinds of e->later. false: nothing to wait for. */
bool claim_new_kinds(struct skf_engine *e,
                     void (*done)(struct skf_engine *e, const struct skf_err *));
/* Puts the marks of their owners on the rendered objects. */
int claim_mark(struct skf_engine *e, struct skf_err *err);
/* Created by a session of this project that died before it could remove it. */
bool claim_inherited(const struct skf_engine *e, const struct skf_object *o);
void claim_forget(struct skf_engine *e, const struct skf_objects *gone);
/* Where an object is in the API (NULL: the cluster does not know its kind), and whether it is
 * there. Borrowed until the next question. */
void claim_place(const struct skf_engine *e, const struct skf_object *o, const char **path,
                 bool *present);
/* These have been applied. */
void claim_present(struct skf_engine *e, const struct skf_objects *applied);
/* Which of e->created are still this session's? false: nothing to ask. After done without an error:
 * claim_keep_ours takes the others out. */
bool claim_created(struct skf_engine *e,
                   void (*done)(struct skf_engine *e, const struct skf_err *));
void claim_keep_ours(struct skf_engine *e);
/* Only asks. */
void claim_cancel(struct skf_engine *e);

/* engine_hooks.c: the hooks of phases; those of an artifact are in hooked.h, those around rendering
 * in hydrate.h */
enum hooks_phase { HOOKS_PRE_BUILD, HOOKS_POST_BUILD, HOOKS_PRE_DEPLOY, HOOKS_POST_DEPLOY };
void hooks_init(struct skf_engine *e);
void hooks_free(struct skf_engine *e);
/* The plan is another one, or a build has failed: the phase begins anew. */
void hooks_reset(struct skf_engine *e);
/* What every hook is given, and what those are that have to do with a cluster. */
const struct skf_strv *hooks_env(struct skf_engine *e);
const struct skf_strv *hooks_cluster_env(struct skf_engine *e);
/* Runs the hooks of all modules for a phase; false when there are none. */
bool hooks_run(struct skf_engine *e, enum hooks_phase phase,
               void (*done)(struct skf_engine *e, const struct skf_err *err));
/* May builds begin? Else pre-build hooks run first, and pump is called when they have. */
bool hooks_open_build(struct skf_engine *e);
/* All is built: have the post-build hooks been run? */
bool hooks_close_build(struct skf_engine *e);
/* Some have failed: nothing is built until something changes. */
bool hooks_failed(const struct skf_engine *e);
/* Something has changed. */
void hooks_retry(struct skf_engine *e);
bool hooks_busy(const struct skf_engine *e);
/* Then they cannot be looked at before all is built. */
bool hooks_may_write_manifests(const struct skf_engine *e);
void hooks_stop(struct skf_engine *e);

/* engine_rehearse.c: false = nothing to ask. `done` comes from the loop; findings are told. */
bool rehearse_start(struct skf_engine *e, const struct skf_kubectl_flags *flags,
                    void (*done)(struct skf_engine *e, const struct skf_err *err));
void rehearse_cancel(struct skf_engine *e); /* only asks */
void rehearse_free(struct skf_engine *e);

/* engine_given.c: all artifacts are as opts.given says. */
int given_take(struct skf_engine *e, struct skf_err *err);

/* engine_tests.c */
void tests_init(struct skf_engine *e);
void tests_free(struct skf_engine *e);
/* The plan is another one. */
void tests_reset(struct skf_engine *e);
/* Tests what is due; false when there is nothing to test. */
bool tests_start(struct skf_engine *e);
bool tests_busy(const struct skf_engine *e);
/* Some have failed: nothing is deployed until something changes. */
bool tests_failed(const struct skf_engine *e);
void tests_retry(struct skf_engine *e);
void tests_stop(struct skf_engine *e);
/* Adds what tests depend on to the set of the watch that is being made. */
void tests_watch(struct skf_engine *e);
/* Is the owner of a watched path a test? */
bool tests_own(const struct skf_engine *e, const void *owner);
/* Something that it depends on has changed: it is due. */
void tests_touch(struct skf_engine *e, const void *owner);

/* engine_clean.c */
/* A line of the tool: what it says it has created is ours to remove. */
void clean_note_line(struct skf_engine *e, const char *line);
/* Objects that have left the manifests go, if this session made them: starts that, then `done` is
 * called; false when there is nothing to remove. */
bool clean_prune(struct skf_engine *e, void (*done)(struct skf_engine *e));
/* What was applied and comes from a session of ours that died is ours to remove as well. */
void clean_note_inherited(struct skf_engine *e);
/* Removes what this session created; false when there is nothing to remove. */
bool clean_start(struct skf_engine *e);

/* engine_sync.c */
/* A change of an input: true when it is one to sync, and noted as that. */
bool sync_takes(struct unit *u, const char *path, bool gone);
bool sync_pending(const struct unit *u);
/* The next image has it all. */
void sync_drop(struct unit *u);
/* Starts what waits; true while something runs: pump is called when it has ended. */
bool sync_step(struct skf_engine *e);
bool sync_idle(const struct skf_engine *e);
void sync_stop(struct skf_engine *e);

/* engine_serve.c */
void serve_init(struct skf_engine *e);
void serve_free(struct skf_engine *e);
/* The objects in e->rendered are applied: wait for them, follow their logs, forward ports. */
void serve_applied(struct skf_engine *e);
/* Forward the ports that the plan wants of these objects, and no others any more. */
void serve_ports(struct skf_engine *e);
/* Did the last wait end well, or was none asked for? */
bool serve_was_ready(const struct skf_engine *e);
/* A newer save makes waiting pointless. */
void serve_stop_waiting(struct skf_engine *e);
bool serve_waiting(const struct skf_engine *e);
void serve_stop(struct skf_engine *e);
bool serve_idle(const struct skf_engine *e);
bool serve_wants_to_stay(const struct skf_engine *e);

/* For engine_cache.c: the tag is known, and the cache has nothing; or it has this. */
void unit_build(struct unit *u);
bool unit_is_watched(const struct unit *u);
void unit_context(const struct unit *u, struct skf_build_context *ctx);
struct unit *unit_find(struct skf_engine *e, const char *image);
void unit_found(struct unit *u, char *owned_deployed, const char *digest, enum skf_found how);

/* engine_cache.c */
void cache_init(struct unit *u);
void cache_release(struct unit *u);
/* Begins with a look into the cache where that may help; ends in unit_build or unit_found. */
void cache_begin(struct unit *u);
void cache_cancel(struct unit *u);
/* The builder has listed what it reads, or could not (then ok is false). */
void cache_on_inputs(struct unit *u, bool ok);
/* A build has ended well. */
void cache_remember(struct unit *u);
bool cache_idle(const struct unit *u);

/* engine_prune.c */
/* This image of the unit is about to be replaced by a newer one. */
void prune_note(struct unit *u, const char *replaced);
void prune_start(struct skf_engine *e);
void prune_stop(struct skf_engine *e);

/* engine_own.c */
/* A path of this artifact has changed: tell all of them, then ask own_decide whether the artifact
 * must be built (it may have become dirty), or all of it was the build's own doing. */
void own_note(struct unit *u, const char *path);
bool own_decide(struct unit *u);
void own_build_begins(struct unit *u);
void own_build_ended(struct unit *u);
void own_release(struct unit *u);

/* engine_hold.c */
bool hold_builds(const struct skf_engine *e);
bool hold_deploys(const struct skf_engine *e);
/* Something is due and nobody has asked for it: says so once, and the loop ends here for now. */
void hold_loop(struct skf_engine *e, const char *what);

/* engine_control.c */
void control_start(struct skf_engine *e);
void control_event(struct skf_engine *e, const struct skf_event *ev);
void control_free(struct skf_engine *e);

/* engine_watch.c */
/* Reads the configuration; findings go out as an event. */
int watch_load_config(struct skf_engine *e, struct skf_config *out, struct skf_err *err);
void watch_start(struct skf_engine *e);
void watch_update(struct skf_engine *e);
/* Adds inputs to the set of the watch that is being made. */
void watch_inputs(struct skf_engine *e, const struct skf_inputs *in, void *owner);
void watch_reload(struct skf_engine *e);
void watch_free(struct skf_engine *e);
#endif
