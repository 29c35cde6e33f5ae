/* lib/engine/project.h: which project this is, to tell its objects in a cluster from others'. */
#ifndef SKF_ENGINE_PROJECT_H
#define SKF_ENGINE_PROJECT_H
#include "lib/config/model.h"

/* "shop-3f1c9a0b2d", fit for a label; owned. The same in every clone of a git repository that has
 * an `origin`, else bound to the directory on this machine. Blocks (small local files). */
char *skf_project_id(const struct skf_config *config);
#endif
