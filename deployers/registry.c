#include "deployers/registry.h"

#include "deployers/helm/helm.h"
#include "deployers/kubectl/kubectl.h"

const struct skf_deployer_ops *const skf_deployers[] = {
    &skf_deployer_helm,
    &skf_deployer_kubectl,
    NULL,
};
