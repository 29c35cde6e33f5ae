/* lib/kube/manifest_debug.h: manifests for a session under a debugger, as Skaffold changes them. */
#ifndef SKF_KUBE_MANIFEST_DEBUG_H
#define SKF_KUBE_MANIFEST_DEBUG_H
#include "lib/kube/manifest.h"

/* An image whose entrypoint is the debugger. */
struct skf_debugged {
    const char *image;          /* as the manifests name it now */
    const char *artifact;       /* as skaffold.yaml names it */
    const char *const *command; /* the debugger with its flags; the program's own command follows */
    unsigned port;
};

/* For each container of such an image: one replica, probes that wait ten minutes, the port, the
 * annotation by which tools find it (debug.cloud.google.com/config), and the debugger in front of a
 * command of the container's own. Objects that are changed lose their comments. */
int skf_manifest_debug(struct skf_objects *objects, const struct skf_debugged *images, size_t n,
                       struct skf_err *err);
/* Does the object run this image? */
bool skf_object_runs(const struct skf_object *o, const char *image);
#endif
