#include "lib/image/registry.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/image/call.h"
#include "lib/image/helper.h"
#include "lib/image/host.h"

enum { DEFAULT_RETRY_MS = 500 };

struct skf_registry *skf_registry_new(uv_loop_t *loop, struct skf_http *http,
                                      const struct skf_registry_options *options)
{
    struct skf_registry *r = skf_xcalloc(1, sizeof *r);
    r->loop = loop;
    r->http = http;
    if (options && options->insecure)
        skf_strv_addv(&r->insecure, options->insecure);
    r->docker_config = skf_xstrdup_null(options ? options->docker_config : NULL);
    r->certs_dir =
        skf_xstrdup(options && options->certs_dir ? options->certs_dir : "/etc/docker/certs.d");
    r->retry_ms = options && options->retry_ms ? options->retry_ms : DEFAULT_RETRY_MS;
    return r;
}

void skf_registry_free(struct skf_registry *r)
{
    if (!r)
        return;
    skf_map_release_with(&r->hosts, skf_host_free);
    skf_map_release_with(&r->helpers, skf_helper_free);
    skf_map_release(&r->known);
    skf_map_release_with(&r->tags, free);
    skf_login_unload(&r->logins);
    skf_strv_release(&r->insecure);
    free(r->docker_config);
    free(r->certs_dir);
    free(r);
}
