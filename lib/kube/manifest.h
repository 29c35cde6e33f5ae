/* lib/kube/manifest.h: Kubernetes manifests as text. Edits change scalars in place: comments, order
 * and quoting of the rest survive. */
#ifndef SKF_KUBE_MANIFEST_H
#define SKF_KUBE_MANIFEST_H
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/vec.h"

struct skf_selector; /* lib/kube/selector.h */

/* One object. Strings owned. */
struct skf_object {
    char *api_version, *kind, *name, *namespace_; /* namespace NULL = not written */
    char *file;                                   /* where it stands, as the user wrote it */
    int line;                                     /* first line of the document there */
    char *text;    /* the document as it is now, without "---" lines, ends with a newline */
    char hash[72]; /* digest of text */
    size_t group;  /* the caller's: which part of the whole it belongs to */
};
struct skf_objects {
    struct skf_object *v;
    size_t n, cap;
};
void skf_objects_release(struct skf_objects *o);
/* Appends deep copies: what was read once is retagged anew in each loop. */
void skf_objects_copy(const struct skf_objects *from, struct skf_objects *to);

bool skf_objects_have_kind(const struct skf_objects *o, const char *kind);
/* Takes one out; the order of the rest stays. */
void skf_objects_take_out(struct skf_objects *o, size_t i);

/* Splits a file's text into documents with a real YAML reader (JSON too); empty ones are dropped,
 * items of kind List become objects of their own. Errors name file:line:col. */
int skf_manifest_parse(const char *file, const char *text, size_t len, struct skf_objects *out,
                       struct skf_err *err);

/* A replacement: images whose name equals `name` (sanitised, tag ignored) become `reference`.
 * Images with a digest stay. */
struct skf_retag {
    const char *name, *reference;
    unsigned used; /* counted up by skf_manifest_retag */
};
/* Images stand where Skaffold looks (skaffold-behaviour.md 9.4, 9.5) and where the selector says;
 * selector NULL = no rules of the project. */
int skf_manifest_retag(struct skf_objects *objects, const struct skf_selector *selector,
                       struct skf_retag *retags, size_t n, struct skf_err *err);
/* Adds metadata.labels to each object (top level only: pod templates keep their text, so that a new
 * session restarts nothing) that the selector (or NULL) leaves to us. labels: key, value, ...,
 * NULL. */
int skf_manifest_label(struct skf_objects *objects, const struct skf_selector *selector,
                       const char *const *labels, struct skf_err *err);
/* The same for metadata.annotations. */
int skf_manifest_annotate(struct skf_objects *objects, const char *const *annotations,
                          struct skf_err *err);
/* Objects as a server prints them lose what is the server's own: status, uid, versions, times.
 * Others keep their text. */
int skf_manifest_strip_live(struct skf_objects *objects, struct skf_err *err);
/* Sets metadata.namespace where none is written; a different one is kept and named in *note
 * (owned). */
int skf_manifest_namespace(struct skf_objects *objects, const char *namespace_, char **note,
                           struct skf_err *err);
/* All images named in the objects (as written). */
int skf_manifest_images(const struct skf_objects *objects, struct skf_strv *out,
                        struct skf_err *err);
/* The documents joined with "---" lines: what kubectl is fed. */
void skf_manifest_join(const struct skf_objects *objects, struct skf_buf *out);

/* Files for rawYaml entries: files, globs, directories (relative to dir), in order, sorted within a
 * pattern, no doubles; absolute. An entry that matches nothing fails with SKF_ENOTFOUND unless
 * `allow_none`. URLs are refused with SKF_EUNSUPPORTED. */
int skf_manifest_files(const char *dir, const char *const *patterns, size_t n, bool allow_none,
                       struct skf_strv *out, struct skf_err *err);
#endif
