/* lib/kube/owner.h: whose an object is. What skiff creates carries two marks on its top level (pod
 * templates keep their text, so that marks restart nothing):
 *
 *   label      skiff.dev/project   which project made it: what `delete` may remove
 *   annotation skiff.dev/session   which command made it, where: what Ctrl-C may remove
 *
 * Objects that were there before get no marks. */
#ifndef SKF_KUBE_OWNER_H
#define SKF_KUBE_OWNER_H
#include <jansson.h>
#include <stdbool.h>

#include "lib/kube/manifest.h"

struct skf_owner {
    char *project, *session; /* owned; NULL = no mark */
};
void skf_owner_release(struct skf_owner *o);
/* The marks of an API object. */
void skf_owner_read(const json_t *object, struct skf_owner *out);
/* Puts the marks that are there into an object's text. */
int skf_owner_mark(struct skf_object *object, const struct skf_owner *owner, struct skf_err *err);

/* "dev:alice@laptop:4711:8723642:4026531836": command, user, host, process, its start, and the pid
 * namespace that the number counts in. Owned. */
char *skf_owner_session(const char *command);
enum skf_session_state {
    SKF_SESSION_DEAD,    /* a process of this machine that is gone, or no `dev` at all */
    SKF_SESSION_ALIVE,   /* ... that runs */
    SKF_SESSION_SELF,    /* this one */
    SKF_SESSION_FOREIGN, /* a `dev` of another machine, or of somebody unknown: cannot be told */
};
enum skf_session_state skf_owner_session_state(const char *session);
/* "skiff dev of alice@laptop (process 4711)"; owned. */
char *skf_owner_session_words(const char *session);
#endif
