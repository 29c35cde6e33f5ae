/* What the asynchronous tests of this room share: a loop, a client, two fake registries, an image.
 */
#ifndef IMAGE_WORLD_H
#define IMAGE_WORLD_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four that it needs */
#include <cmocka.h>

#include "fake_registry.h"
#include "lib/image/deliver.h"
#include "lib/image/image.h"
#include "lib/image/registry.h"
#include "lib/io/http.h"
#include "lib/io/loop.h"

struct world {
    uv_loop_t loop;
    struct skf_http *http;
    struct skf_registry *registry;
    struct fake_registry a, b; /* b: another host */
    char *dir;                 /* scratch: cache, docker config, HOST/hosts.toml, daemon.json */
    int64_t layer_cache_bytes; /* of clients that are made from now on */
    struct skf_err err;        /* of the operation that was run */
    bool over, stale;          /* stale: of the last pull */
    uv_timer_t cap;
};

int world_up(void **state);
int world_down(void **state);
/* Runs the loop until w->over; a test that waits longer than the cap fails. */
void world_run(struct world *w);
/* base (one layer, "base-N bytes") put into a registry under repo:tag, both families. */
struct skf_image *world_image(const char *layer_text, const char *entry);
void world_publish(struct fake_registry *f, const char *repo, const char *tag,
                   const struct skf_image *im);
/* Notes the end of what a test runs: the body of its done callback. */
void world_done(struct world *w, const struct skf_err *err);
int world_push(struct world *w, struct skf_image *im, const char *reference, struct skf_push *out);
int world_pull(struct world *w, const char *reference, const char *platform, bool pinned,
               struct skf_image **out);
char *world_reference(const struct fake_registry *f, const char *name); /* host/name, owned */
void world_write(const struct world *w, const char *name, mode_t mode, const char *text);
/* A fresh registry client: forgets hosts, tokens, what is known. */
void world_new_client(struct world *w);
#endif
