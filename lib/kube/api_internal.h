/* lib/kube/api_internal.h: what ws.c needs of an API client beyond requests. */
#ifndef SKF_KUBE_API_INTERNAL_H
#define SKF_KUBE_API_INTERNAL_H
#include "lib/kube/api.h"
#include "lib/kube/auth.h"

/* A request fetches them when there are none (any more). */
bool skf_kube_api_has_credentials(const struct skf_kube_api *api);
/* A reference of the caller's own; only with has_credentials. */
struct skf_kube_credentials *skf_kube_api_credentials(struct skf_kube_api *api);
/* "https://host:port/prefix" */
const char *skf_kube_api_base(const struct skf_kube_api *api);
/* Adds the headers of a context that acts as somebody else. */
void skf_kube_api_impersonate(const struct skf_kube_context *context, struct skf_strv *headers);
#endif
