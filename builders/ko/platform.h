/* builders/ko/platform.h: which platforms are built, and what Go calls them
 * (ko-behaviour.md 6.2, 8.4). */
#ifndef SKF_BUILDERS_KO_PLATFORM_H
#define SKF_BUILDERS_KO_PLATFORM_H
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/vec.h"
#include "lib/image/deliver.h"
#include "lib/image/image.h"

struct skf_ko_platforms {
    bool all; /* whatever the base offers */
    struct skf_platform *v;
    size_t n;
};

/* What was asked for, in this order: `wanted` (the engine's, may be empty), `configured` (ko's
 * flags or .ko.yaml), GOOS and GOARCH of the environment, else linux with `default_arch`.
 * "windows/..." is refused; a GOOS/GOARCH in our environment or in `env` ("K=V") that contradicts
 * is refused too. */
int skf_ko_platforms_choose(const struct skf_strv *wanted, const struct skf_strv *configured,
                            const char *default_arch, struct skf_ko_platforms *out,
                            struct skf_err *err);
void skf_ko_platforms_release(struct skf_ko_platforms *p);
/* Does it name one Go target on its own, so that Go can start before the base image is known?
 * "linux/arm" is v6 or v7, which the base decides. */
bool skf_ko_platform_is_concrete(const struct skf_platform *p);
/* This machine in Go's words: "amd64". */
const char *skf_ko_host_arch(void);
/* The architecture when nobody says one: a local node runs what this machine runs; for others ko's
 * constant. */
const char *skf_ko_default_arch(const struct skf_target *target, const char *reference);

/* "K=V" that Go needs for this platform: CGO_ENABLED=0 GOOS GOARCH [GOARM] [GOAMD64]. */
int skf_ko_platform_env(const struct skf_platform *p, struct skf_strv *out, struct skf_err *err);
/* Refuses GOOS/GOARCH in our own environment or in `env` that would build for something else. */
int skf_ko_platform_check_env(const struct skf_platform *p, const struct skf_strv *env,
                              struct skf_err *err);
#endif
