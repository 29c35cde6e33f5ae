/* lib/docker/sources.h: what a Dockerfile takes from its context: ARG and ENV folded, stages
 * followed. */
#ifndef SKF_DOCKER_SOURCES_H
#define SKF_DOCKER_SOURCES_H
#include "lib/docker/dockerfile.h"

enum { SKF_DOCKER_MAX_STAGES = 1000 };

struct skf_docker_question {
    const struct skf_strv *build_args; /* "K=V"; "K" alone takes the value of the environment */
    const char *target;                /* stage by name or index; NULL = the last */
    const char *platform;              /* "linux/arm64/v8": what TARGETARCH and the like become */
    bool all_stages; /* the classic builder runs all stages up to the target; BuildKit what it needs
                      */
};

struct skf_docker_source {
    char *path; /* relative to the context, clean; "." = all of it */
    bool glob;  /* Go's path patterns: * ? [] within an element */
    int line;
};
/* One source of a COPY or ADD that ends up in the image that is built. */
struct skf_docker_copy {
    char *path;         /* as above */
    bool glob, unpacks; /* ADD takes archives apart */
    bool many;          /* there are several sources: dest is a directory */
    char *dest; /* absolute, or relative to the working directory of the base; NULL: nobody knows */
};
struct skf_docker_sources {
    SKF_VEC(struct skf_docker_source) list; /* in order, without duplicates */
    SKF_VEC(struct skf_docker_copy) copies; /* in order */
};

/* Fails when a variable cannot be expanded or the target is no stage; the error names `file` and
 * line. */
int skf_docker_sources_find(const struct skf_dockerfile *d, const char *file,
                            const struct skf_docker_question *q, struct skf_docker_sources *out,
                            struct skf_err *err);
void skf_docker_sources_release(struct skf_docker_sources *s);
/* Where in the image is this path of the context (relative, clean)? Adds each place to `to`:
 * absolute, or relative to the working directory. False: nowhere, or nobody knows without a build.
 * `dir`: the context; looks whether a source is a directory. */
bool skf_docker_copies_place(const struct skf_docker_sources *s, const char *dir, const char *path,
                             struct skf_strv *to);
/* Does a glob source match this path (as many elements as the pattern)? */
bool skf_docker_source_matches(const char *pattern, const char *path);
#endif
