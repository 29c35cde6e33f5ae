/* deployers/kubectl/kubectl.h: applies and deletes with the user's own kubectl, which knows every
 * way to log in and every rule of merging. */
#ifndef SKF_DEPLOYERS_KUBECTL_H
#define SKF_DEPLOYERS_KUBECTL_H
#include "lib/engine/deployer.h"

extern const struct skf_deployer_ops skf_deployer_kubectl;
#endif
