#include "lib/image/registry.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/image/call.h"
#include "lib/image/helper.h"
#include "lib/image/host.h"
#include "lib/image/mirror.h"

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
    r->hosts_dir =
        skf_xstrdup(options && options->hosts_dir ? options->hosts_dir : "/etc/containerd/certs.d");
    if (options) {
        r->daemon_json = skf_xstrdup_null(options->daemon_json);
        r->layer_cache_bytes = options->layer_cache_bytes;
        if (options->layer_cache_bytes > 0)
            r->layer_cache = skf_xstrdup_null(options->layer_cache);
        r->on_progress = options->on_progress;
        r->on_note = options->on_note;
        r->data = options->data;
    }
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
    skf_map_release_with(&r->mirrors, skf_mirror_list_free);
    skf_map_release_with(&r->homes, free);
    skf_map_release(&r->homes_loaded);
    skf_login_unload(&r->logins);
    skf_strv_release(&r->insecure);
    free(r->docker_config);
    free(r->certs_dir);
    free(r->hosts_dir);
    free(r->daemon_json);
    free(r->layer_cache);
    free(r);
}

void skf_registry_progress(const struct skf_registry *r, const struct skf_blob *b,
                           const char *doing, int64_t done)
{
    const struct skf_transfer t = { doing, b->digest, done, b->size };
    if (r->on_progress && b->size >= SKF_TRANSFER_SHOWN)
        r->on_progress(r->data, &t);
}

void skf_registry_note(const struct skf_registry *r, const char *text)
{
    skf_log_debug("registry: %s", text);
    if (r->on_note)
        r->on_note(r->data, text);
}
