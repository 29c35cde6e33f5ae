/* deployers/helm/helm.h: releases of deploy.helm, installed and upgraded with the user's own helm.
 * The images that were built are put into the chart's manifests by `skiff filter`, which helm runs
 * as its post-renderer. */
#ifndef SKF_DEPLOYERS_HELM_H
#define SKF_DEPLOYERS_HELM_H
#include "lib/engine/deployer.h"

extern const struct skf_deployer_ops skf_deployer_helm;
#endif
