/* builders/ko/build_parts.h: inside of a build: what runs side by side. build.c puts it in order.
 */
#ifndef SKF_BUILDERS_KO_BUILD_PARTS_H
#define SKF_BUILDERS_KO_BUILD_PARTS_H
#include "builders/ko/assemble.h"
#include "builders/ko/attach.h"
#include "builders/ko/gobuild.h"
#include "builders/ko/prepare.h"
#include "builders/ko/vcs.h"
#include "lib/image/deliver.h"

struct skf_ko_build;
struct skf_ko_helper;

/* One `go build`: what several platforms of the base have in common when Go makes no difference. */
struct skf_ko_unit {
    struct skf_ko_build *kb;
    struct skf_ko_settings settings;
    char recipe[33]; /* of settings, platform and toolchain */
    struct skf_ko_gobuild go;
    bool started, running;
};

enum { SKF_KO_MAX_KEPT = 64 };

struct skf_ko_build {
    struct skf_flow flow;
    struct skf_build *b;
    int64_t started_us, phase_us;
    struct skf_ko_prepare prepare;
    struct skf_ko_base base;
    bool base_running;
    SKF_VEC(struct skf_ko_unit *) units;
    struct skf_ko_base_child *children;
    size_t n_children;
    size_t *unit_of;               /* child -> unit */
    struct skf_ko_layer_job *jobs; /* for each child: kodata, program; shared ones stand once */
    size_t n_jobs;
    size_t *kodata_of, *app_of; /* child -> job */
    struct skf_strv labels;
    struct skf_ko_helper *helper; /* build_helper.c; NULL = none runs */
    struct skf_image *image;
    struct skf_deliver deliver;
    bool deliver_used, delivering;
    /* what is taken from the last build, and left for the next (build_keep.c) */
    bool anew; /* the last build's layers do not do: their content is wanted */
    bool use_kept;
    struct skf_ko_vcs vcs_before, vcs_after;
    bool vcs_running, keep_running, stable;
    struct skf_ko_kept *to_keep;
    struct skf_work keep;
    enum skf_compression how;
    struct skf_ko_attach attach; /* bills of materials */
    int *programs;               /* child -> its open binary, for attach */
    struct skf_work clean; /* old binaries in the cache: once a process, beside the first build */
    /* operations that run side by side; a step waits until there are none */
    size_t pending;
    bool waiting;
    struct skf_err failed;
    const char *program;
};

static inline struct skf_ko_build *skf_ko_build_of(struct skf_flow *f)
{
    return SKF_CONTAINER_OF(f, struct skf_ko_build, flow);
}

/* Steps. Those that start something return at once; skf_ko_build_wait ends when all of it has, with
 * the first failure, which also stops the rest. */
enum skf_next skf_ko_build_wait(struct skf_flow *f);
/* An operation that was counted in `pending` has ended. */
void skf_ko_build_ended(struct skf_ko_build *kb, const struct skf_err *err);
/* The state of the repository; waited for when it decides whether Go is needed. */
enum skf_next skf_ko_build_repository(struct skf_flow *f);
/* The base image, and `go build` for platforms that the base cannot change. */
enum skf_next skf_ko_build_begin(struct skf_flow *f);
/* The base says which platforms there really are; what Go has not built for is built now. */
enum skf_next skf_ko_build_match(struct skf_flow *f);
/* kodata and program, for each platform. */
enum skf_next skf_ko_build_layers(struct skf_flow *f);

/* Starts to keep what was built, beside the delivery. */
enum skf_next skf_ko_build_keep(struct skf_flow *f);

/* Nothing has changed since the build whose layers are known. */
bool skf_ko_build_may_use_kept(const struct skf_ko_build *kb);
/* Fills the job with the layer of the last build; false when there is none. */
bool skf_ko_build_take_kept(struct skf_ko_build *kb, struct skf_ko_layer_job *j);
void skf_ko_build_keep_cancel(struct skf_ko_build *kb);
void skf_ko_build_keep_release(struct skf_ko_build *kb);

/* build_helper.c: the debugger, or the receiver of synced files, when this build wants one. */
enum skf_next skf_ko_build_helper(struct skf_flow *f);
/* The base of a child, with the helper in it. Owned; NULL = failed. */
struct skf_image *skf_ko_build_base(struct skf_ko_build *kb, size_t child, struct skf_err *err);
void skf_ko_build_helper_release(struct skf_ko_build *kb);
enum skf_compression skf_ko_build_compression(const struct skf_build *b);

/* Microseconds since the last lap. */
int64_t skf_ko_build_lap(struct skf_ko_build *kb);
#endif
