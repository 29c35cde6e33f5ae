/* lib/docker/ignore.h: .dockerignore, by the rules of Docker's own matcher, quirks included (a `**`
 * at the front is a suffix test, `^` is not escaped ...): what Docker sends and what we watch must
 * agree. Evaluation is linear in the path for each pattern; no pattern makes it slow. */
#ifndef SKF_DOCKER_IGNORE_H
#define SKF_DOCKER_IGNORE_H
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

enum { SKF_DOCKER_IGNORE_MAX = 1024 * 1024, SKF_DOCKER_IGNORE_MAX_PATTERNS = 4096 };

struct skf_docker_pattern;
struct skf_docker_ignore {
    struct skf_docker_pattern *patterns;
    size_t n;
    bool exceptions; /* some pattern begins with "!" */
};

/* Outputs are untouched on failure; the error carries `file` and the line. */
int skf_docker_ignore_parse(const char *text, size_t len, const char *file,
                            struct skf_docker_ignore *out, struct skf_err *err);
void skf_docker_ignore_release(struct skf_docker_ignore *ig);

/* Is this path (relative to the context, clean, slashes) left out? Parents count: "foo" leaves out
 * all below foo. Not for the Dockerfile and the ignore file, which always travel. */
bool skf_docker_ignored(const struct skf_docker_ignore *ig, const char *path);

/* The same in a walk: `parent` are the hits of the directory that holds the path (NULL at the top),
 * `hits` becomes those of the path; both have ig->n elements. */
bool skf_docker_ignored_below(const struct skf_docker_ignore *ig, const char *path,
                              const bool *parent, bool *hits);

/* May the content of a directory that is left out be skipped, or can an exception bring something
 * below it back? BuildKit and the classic builder differ: `classic` follows exceptions without
 * wildcards only. */
bool skf_docker_ignore_prunes(const struct skf_docker_ignore *ig, const char *dir, bool classic);
#endif
