/* lib/engine/services.h: what every builder and deployer is given. Borrowed; outlives all of them.
 */
#ifndef SKF_ENGINE_SERVICES_H
#define SKF_ENGINE_SERVICES_H
#include <stdbool.h>
#include <uv.h>

#include "lib/image/layer.h"

struct skf_http;
struct skf_registry;

struct skf_services {
    uv_loop_t *loop;
    struct skf_http *http;
    struct skf_registry *registry;
    const char *cache_dir;            /* skiff's own, absolute */
    const char *cwd;                  /* absolute: what relative paths of the root config mean */
    enum skf_compression compression; /* of layers that are made here */
    bool sbom;                        /* a pushed image gets a bill of materials */
};
#endif
