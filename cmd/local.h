/* cmd/local.h: where images go when none is pushed: what the cluster at hand shares with us. */
#ifndef SKF_CMD_LOCAL_H
#define SKF_CMD_LOCAL_H
#include "cmd/session.h"

/* Skaffold's table (7.1, 7.3): does this cluster get images without a registry, as long as nobody
 * says otherwise? */
bool local_is_default(const struct session *s);
/* Fills s->local, when the cluster at hand can be reached without a registry and the configuration
 * may want that. May ask minikube. Returns the exit code of what it reported, 0 else. */
int local_find(struct session *s);
void local_release(struct local_target *l);
#endif
