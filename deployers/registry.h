/* deployers/registry.h: the deployers that are built in. One line each in registry.c. */
#ifndef SKF_DEPLOYERS_REGISTRY_H
#define SKF_DEPLOYERS_REGISTRY_H
#include "lib/engine/deployer.h"

extern const struct skf_deployer_ops *const skf_deployers[]; /* ends with NULL */
#endif
