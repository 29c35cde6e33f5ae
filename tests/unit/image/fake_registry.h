/* A registry in memory on the test's own loop, on 127.0.0.1, that fails on demand. Just enough
 * HTTP/1.1. */
#ifndef FAKE_REGISTRY_H
#define FAKE_REGISTRY_H
#include <stdbool.h>
#include <uv.h>

#include "lib/base/buf.h"
#include "lib/base/map.h"
#include "lib/base/vec.h"

enum fault_kind {
    FAULT_STATUS,     /* answer with `status`, `header`, `body` */
    FAULT_RESET,      /* close when the request's head is there */
    FAULT_RESET_BODY, /* close after `at` bytes of the request's body */
    FAULT_CUT,        /* send `at` bytes of the answer's body, then close */
    FAULT_GARBLE,     /* right length, wrong bytes */
    FAULT_EXTRA,      /* more bytes than there are */
    FAULT_HANG,       /* no answer at all */
    FAULT_EXPIRE,     /* the valid token is not valid any more, then as usual */
};

struct fault {
    const char *method, *path; /* part of the path; NULL = any */
    enum fault_kind kind;
    int skip, times; /* requests that match and are spared; how often then; 0 times = once */
    int status;
    const char *header, *body;
    size_t at;
    int hits;
};

enum fake_auth { FAKE_OPEN, FAKE_BASIC, FAKE_BEARER };

struct fake_registry {
    uv_loop_t *loop;
    uv_tcp_t server;
    int port;
    char host[32]; /* "127.0.0.1:PORT" */
    enum fake_auth auth;
    const char
        *user_password; /* base64 of "user:password" that is right; NULL = anonymous is enough */
    const char *token_scope_error; /* when set, tokens are never good enough */
    int token;                     /* number of the valid one */
    struct skf_map blobs;          /* "repo@digest" -> struct skf_buf */
    struct skf_map parts;          /* "/v2/.../uploads/up-N" -> struct skf_buf that came so far */
    struct skf_map manifests;      /* "repo@reference" -> struct skf_buf, type first, then NUL */
    struct skf_strv log;           /* "METHOD path" */
    struct skf_strv seen_auth;     /* Authorization of each request, "" = none */
    struct fault faults[8];
    int n_faults, uploads;
    bool absolute_location;    /* http://host/... in Location */
    const char *location_host; /* another host for Locations */
    bool no_mount;
    bool keeps_parts; /* what came of a body before the connection was cut is kept */
    size_t max_body;  /* 413 for more; 0 = none is too large */
    struct fake_conn *conns;
};

void fake_start(struct fake_registry *f, uv_loop_t *loop);
void fake_stop(struct fake_registry *f); /* closes all; run the loop after */
void fake_release(struct fake_registry *f);
void fake_fault(struct fake_registry *f, struct fault fault);
void fake_put_blob(struct fake_registry *f, const char *repo, const char *digest, const void *data,
                   size_t len);
bool fake_has_blob(struct fake_registry *f, const char *repo, const char *digest);
void fake_drop_blobs(struct fake_registry *f);
void fake_put_manifest(struct fake_registry *f, const char *repo, const char *reference,
                       const char *type, const void *data, size_t len);
const struct skf_buf *fake_manifest(struct fake_registry *f, const char *repo,
                                    const char *reference);
/* How many requests began with this text. */
int fake_count(const struct fake_registry *f, const char *start);
#endif
