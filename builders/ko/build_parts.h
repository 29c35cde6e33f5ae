/* builders/ko/build_parts.h: inside of a build: what runs side by side. build.c puts it in order.
 */
#ifndef SKF_BUILDERS_KO_BUILD_PARTS_H
#define SKF_BUILDERS_KO_BUILD_PARTS_H
#include "builders/ko/assemble.h"
#include "builders/ko/gobuild.h"
#include "builders/ko/prepare.h"
#include "lib/image/deliver.h"

struct skf_ko_build;

/* One `go build`: what several platforms of the base have in common when Go makes no difference. */
struct skf_ko_unit {
    struct skf_ko_build *kb;
    struct skf_ko_settings settings;
    struct skf_ko_gobuild go;
    bool running;
};

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
    struct skf_image *image;
    struct skf_deliver deliver;
    bool deliver_used;
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
/* The base image, and `go build` for platforms that the base cannot change. */
enum skf_next skf_ko_build_begin(struct skf_flow *f);
/* The base says which platforms there really are; what Go has not built for is built now. */
enum skf_next skf_ko_build_match(struct skf_flow *f);
/* kodata and program, for each platform. */
enum skf_next skf_ko_build_layers(struct skf_flow *f);

/* Microseconds since the last lap. */
int64_t skf_ko_build_lap(struct skf_ko_build *kb);
#endif
