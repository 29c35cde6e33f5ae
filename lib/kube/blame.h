/* lib/kube/blame.h: what the API server or kubectl says of a manifest, taken apart: which object,
 * which field, what is wrong, what to do. Pure: texts in, structs out. A text that is not
 * understood comes out as it is. */
#ifndef SKF_KUBE_BLAME_H
#define SKF_KUBE_BLAME_H
#include <jansson.h>
#include <stdbool.h>

#include "lib/base/vec.h"

struct skf_blame {
    /* Which object, as far as the text says: all owned, NULL = not said. */
    char *kind, *name, *namespace_;
    char *field; /* "spec.template.spec.containers[0].image" or NULL; may have a leading dot */
    char *text;  /* what is wrong */
    char *hint;  /* what to do, or NULL */
    bool at_key; /* the field's name is what is wrong, not its value */
};
struct skf_blames {
    struct skf_blame *v;
    size_t n, cap;
};
void skf_blames_release(struct skf_blames *b);

/* The message of an answer about one object, or its `Status` with the causes in it. */
void skf_blame_message(const char *message, struct skf_blames *out);
void skf_blame_status(const json_t *status, struct skf_blames *out);
/* A kind that the cluster does not know. */
void skf_blame_kind(const char *kind, const char *api_version, struct skf_blames *out);
/* All that `kubectl apply -f -` or `delete` wrote to stderr, without its warnings. */
void skf_blame_kubectl(const char *errors, struct skf_blames *out);
#endif
