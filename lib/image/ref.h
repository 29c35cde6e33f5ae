/* lib/image/ref.h: image references, as Docker reads them. */
#ifndef SKF_IMAGE_REF_H
#define SKF_IMAGE_REF_H
#include <stdbool.h>

#include "lib/base/err.h"

struct skf_ref {
    char *domain; /* "docker.io" when none is written */
    char *path;   /* "library/nginx" */
    char *tag;    /* NULL when none is written */
    char *digest; /* "sha256:..." or NULL */
    char *name;   /* as written, without tag and digest: "nginx" */
};

/* Follows the grammar of oci-docker-protocols.md section 2. A "ko://" prefix is not accepted here.
 */
int skf_ref_parse(const char *text, struct skf_ref *out, struct skf_err *err);
void skf_ref_release(struct skf_ref *ref);
bool skf_ref_valid_tag(const char *tag);
/* "docker.io/library/nginx:latest", with "@digest" when there is one (and then no tag); owned. */
char *skf_ref_full(const struct skf_ref *ref);
/* ggcr's spelling, for annotations: "index.docker.io/library/nginx:latest"; owned. */
char *skf_ref_ggcr(const struct skf_ref *ref);
/* The host of the registry API: "registry-1.docker.io" for docker.io. Borrowed. */
const char *skf_ref_api_host(const struct skf_ref *ref);
/* localhost, 127.0.0.0/8, ::1, *.localhost: plain http is tried first, and nothing is compressed.
 */
bool skf_ref_is_loopback(const struct skf_ref *ref);

/* Skaffold's rewriting of a name (with or without tag) for a default repo
 * (skaffold-behaviour.md 4.2); owned. */
char *skf_ref_default_repo(const char *repo, bool multi_level, const char *image);
/* Strips "ko://" and lower-cases the name part: how artifact names and manifest images compare;
 * owned. */
char *skf_ref_sanitise(const char *image);
#endif
