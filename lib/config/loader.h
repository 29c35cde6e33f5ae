/* lib/config/loader.h: one run of the loader; shared by load.c and requires.c. */
#ifndef SKF_CONFIG_LOADER_H
#define SKF_CONFIG_LOADER_H
#include "lib/config/load.h"
#include "lib/config/schema.h"
#include "lib/doc/doc.h"

/* One document of one file. Owned. */
struct skf_loaded {
    char *abs, *shown, *dir;
    size_t index;     /* of the document in its file */
    const char *name; /* in the tree */
    struct skf_doc *doc;
    struct skf_node *root; /* effective tree; NULL = it could not be made */
    struct skf_strv active;
    struct skf_loaded **needs; /* what it requires */
    size_t n_needs;
    long order; /* behind what it needs; -1 = not finished */
    bool top, kept, remote;
};

struct skf_loader {
    const struct skf_config_request *req;
    struct skf_config *c;
    struct skf_diagnostics *diags;
    struct skf_artifact_schema schema;
    struct skf_loaded **modules;
    size_t n_modules;
    long next_order;
    struct skf_strv profile_names; /* of all documents */
    enum skf_code code;            /* of a failure */
};

/* A file to load, and who asks. */
struct skf_source {
    const char *shown, *abs;
    const char *dir;                 /* what relative paths in it mean */
    const char *requires_dir;        /* what relative `requires` mean */
    const struct skf_strv *names;    /* modules wanted; NULL or empty = all */
    const struct skf_strv *profiles; /* to activate, when they exist there */
    struct skf_loaded *user;         /* NULL = the root file */
    const struct skf_node *at;       /* where it is asked for */
    bool remote;
    unsigned depth;
};

/* Loads the documents of a file, what they require first. false: the file could not be read. */
bool skf_loader_file(struct skf_loader *l, const struct skf_source *src);
/* requires.c: follows `requires` of a module that came from src. */
void skf_loader_requires(struct skf_loader *l, const struct skf_source *src, struct skf_loaded *m);
void skf_loader_edge(struct skf_loaded *user, struct skf_loaded *needed);
#endif
