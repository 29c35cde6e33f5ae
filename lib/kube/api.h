/* lib/kube/api.h: requests to the Kubernetes API on the loop, with the credentials of a kubeconfig
 * context: client certificate, token, token file, basic, exec plugin (kept until it expires). What
 * skiff cannot do itself goes through one `kubectl proxy` on a private socket.
 *
 * happy path: start; credentials are fetched when there are none; done(r, NULL) with `json`.
 * failures:   an answer of 400 and more is an error here, with the server's own message:
 *             SKF_EDENIED (401, 403), SKF_ENOTFOUND (404), SKF_EEXIST (409), SKF_EINVAL (400, 422),
 *             SKF_ENET (429, 5xx, cannot reach); `status` tells them apart.
 * cancel:     done with SKF_ECANCELED, from the loop. All callbacks come from the loop and may
 * start and cancel requests of this API. */
#ifndef SKF_KUBE_API_H
#define SKF_KUBE_API_H
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "lib/io/http.h"
#include "lib/kube/kubeconfig.h"

struct skf_kube_api;

/* `http` and `context` outlive the API. */
struct skf_kube_api *skf_kube_api_new(uv_loop_t *loop, struct skf_http *http,
                                      const struct skf_kube_context *context);
/* No request may run any more. Children are stopped, handles close on the loop. NULL is fine. */
void skf_kube_api_free(struct skf_kube_api *api);
uv_loop_t *skf_kube_api_loop(const struct skf_kube_api *api);
const struct skf_kube_context *skf_kube_api_context(const struct skf_kube_api *api);
/* The server's clock minus ours, in ms, from its Date headers; 0 while unknown or below 2 s. */
int64_t skf_kube_api_skew_ms(const struct skf_kube_api *api);
/* How we talk, when that is not the plain way ("through kubectl proxy, as ..."), or NULL. */
const char *skf_kube_api_note(const struct skf_kube_api *api);

/* What a credential program says on stderr is meant for the user ("open this page to log in"): each
 * line, at once. */
void skf_kube_api_on_said(struct skf_kube_api *api, void (*fn)(void *data, const char *line),
                          void *data);

struct skf_kube_req {
    /* --- set by the caller; skf_kube_req_init gives defaults ---------------------------------- */
    const char *method;       /* borrowed literal; "GET" */
    char *path;               /* owned: "/api/v1/namespaces/default/pods?limit=500" */
    const char *content_type; /* borrowed; of `send` */
    const char *accept;       /* borrowed; NULL = application/json */
    struct skf_buf send;      /* owned */
    bool has_body;
    size_t max_body;   /* default 64 MiB: lists of large clusters */
    unsigned limit_ms; /* whole request; default 30 000; 0 = none. Unused for streams */
    void *data;
    /* A stream: no JSON, no limits; bytes as they come. */
    void (*on_data)(struct skf_kube_req *r, const char *data, size_t len);
    void (*done)(struct skf_kube_req *r, const struct skf_err *err);

    /* --- results ------------------------------------------------------------------------------ */
    int status;   /* 0 = no answer */
    json_t *json; /* owned; the parsed answer, also of errors when it was JSON */

    /* --- private ------------------------------------------------------------------------------ */
    struct skf_http_req http;
    struct skf_kube_api *api;
    struct skf_kube_credentials *credentials;
    struct skf_buf arrived;
    struct skf_err failure;
    struct skf_kube_req *prev, *next;
    enum { SKF_REQ_IDLE, SKF_REQ_WAITING, SKF_REQ_RUNNING, SKF_REQ_ENDED } state;
    bool queued, cancelled, retried;
};

void skf_kube_req_init(struct skf_kube_req *r);
void skf_kube_req_start(struct skf_kube_api *api, struct skf_kube_req *r,
                        void (*done)(struct skf_kube_req *r, const struct skf_err *err));
/* Only asks; twice and after the end is fine while the struct lives. */
void skf_kube_req_cancel(struct skf_kube_req *r);
void skf_kube_req_release(struct skf_kube_req *r);
/* A GET of an owned path. */
void skf_kube_get(struct skf_kube_api *api, struct skf_kube_req *r, char *path,
                  void (*done)(struct skf_kube_req *r, const struct skf_err *err));

/* Path of an object, or of its collection (name NULL); owned. Kinds of the core, apps, batch, ...
 * groups that skiff itself looks at: NULL for others. */
char *skf_kube_path(const char *kind, const char *namespace_, const char *name);
/* The same for an object of a manifest, by its apiVersion too; NULL when we have no table for it.
 */
char *skf_kube_object_path(const char *api_version, const char *kind, const char *namespace_,
                           const char *name);
#endif
