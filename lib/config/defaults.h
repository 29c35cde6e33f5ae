/* lib/config/defaults.h: values that Skaffold fills in, put into the tree after the profiles. */
#ifndef SKF_CONFIG_DEFAULTS_H
#define SKF_CONFIG_DEFAULTS_H
#include "lib/doc/doc.h"

struct skf_default_request {
    /* Also builders that only come through a kind of build that skiff refuses (a finding about
     * kaniko where nobody wrote it would puzzle). */
    bool unsupported;
    const char *kube_namespace; /* of the current context; NULL = "default" */
};

void skf_defaults_apply(struct skf_doc *d, struct skf_node *root,
                        const struct skf_default_request *req);
/* Renderer and deployer: only when the whole set is one module. */
void skf_defaults_only_module(struct skf_doc *d, struct skf_node *root);
#endif
