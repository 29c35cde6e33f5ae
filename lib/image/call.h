/* lib/image/call.h: one request to a registry with all that belongs to it: finding the scheme,
 * logging in, a fresh token after a 401, waiting and trying again. Used by pull, push and fetch.
 *
 * happy path: [ping] -> [credentials] -> [token] -> the request -> done(NULL); http.status.
 * failures:   cannot reach, credentials refused: done(err). Any other HTTP status is the caller's
 *             to judge (skf_call_fail makes an error of it), after tries where it is transient.
 * on cancel:  whatever runs is cancelled; done comes with SKF_ECANCELED. */
#ifndef SKF_IMAGE_CALL_H
#define SKF_IMAGE_CALL_H
#include "lib/base/map.h"
#include "lib/image/blob.h"
#include "lib/image/challenge.h"
#include "lib/image/login.h"
#include "lib/image/registry.h"
#include "lib/io/http.h"
#include "lib/io/loop.h"
#include "lib/io/proc.h"

enum { SKF_CALL_TRIES = 5 };

/* An API host: what was learnt about it in this process. */
struct skf_host {
    char *name; /* "registry-1.docker.io", "127.0.0.1:5000" */
    bool loopback, insecure, local_name;
    const char *scheme; /* NULL = not asked yet */
    struct skf_challenge challenge;
    int64_t chunk_bytes;                     /* larger bodies are refused; 0 = not known to be */
    struct skf_map tokens;                   /* scopes -> struct token */
    char *ca_pem, *client_cert, *client_key; /* from certs.d, or NULL */
};

struct skf_registry {
    uv_loop_t *loop;
    struct skf_http *http;
    struct skf_strv insecure;
    char *docker_config, *certs_dir, *hosts_dir, *daemon_json;
    char *layer_cache; /* NULL = none */
    int64_t layer_cache_bytes;
    void (*on_progress)(void *data, const struct skf_transfer *t);
    void (*on_note)(void *data, const char *text);
    void *data;
    unsigned retry_ms;
    struct skf_map hosts;        /* name -> struct skf_host */
    struct skf_map helpers;      /* "program server" -> struct helper */
    struct skf_map known;        /* "domain/path@digest": the repository has this blob */
    struct skf_map tags;         /* "domain/path:tag" -> digest text that we put there */
    struct skf_map mirrors;      /* domain -> list of mirror.c */
    struct skf_map homes;        /* "domain@digest" -> path of a repository that has the layer */
    struct skf_map homes_loaded; /* domains whose memo has been read */
    struct skf_login_file logins;
    bool logins_loaded;
};

struct skf_call {
    /* --- set by the caller after init
     * ------------------------------------------------------------- */
    const char *method;
    char *path; /* owned: "manifests/latest"; "/v2/REPOSITORY/" stands in front */
    char *url;  /* owned; wins over path: an upload Location */
    const char *accept, *content_type;
    bool push;              /* scope pull,push instead of pull */
    const char *mount_from; /* one more repository to be read; borrowed */
    struct skf_blob *body;  /* borrowed */
    /* Only this part of it; body_size 0 = all. A part goes with a Content-Range. */
    int64_t body_from, body_size;
    bool single;    /* no tries after a lost connection or a 5xx: the caller starts over */
    bool impatient; /* there is another way: two tries, and seconds to connect */
    size_t max_body;
    bool (*on_body)(struct skf_call *c, const char *data, size_t len); /* for 2xx answers only */
    void (*on_sent)(struct skf_call *c); /* body_at has grown; start and cancel nothing in it */
    int64_t range_from;                  /* > 0: Range: bytes=N- */
    void *data;
    void (*done)(struct skf_call *c, const struct skf_err *err);
    /* --- results
     * ---------------------------------------------------------------------------------- */
    struct skf_http_req http; /* status, headers, body */
    unsigned requests;        /* HTTP requests made, also for login */
    int64_t body_at;          /* bytes of the body, or of its part, handed to the transport */
    /* --- private
     * ---------------------------------------------------------------------------------- */
    struct skf_registry *registry;
    struct skf_host *host;
    char *repository; /* "library/alpine" */
    char *full_name;  /* "docker.io/library/alpine" */
    struct skf_strv scopes;
    struct skf_login login;
    struct skf_proc proc;
    struct skf_defer defer;
    struct helper *helper;
    void (*login_done)(struct skf_call *c, const struct skf_err *err);
    struct skf_call *next_waiter;
    char *used_token; /* what the request went out with */
    struct skf_err err;
    struct skf_err untrusted; /* of the ping: TLS with a certificate that nobody knows */
    unsigned tries, ping_at;
    int state, ping_status;
    bool have_login, reauthorised, http_used, token_posted;
};

/* Tells the user of a large transfer; of why nothing seems to happen. */
void skf_registry_progress(const struct skf_registry *r, const struct skf_blob *b,
                           const char *doing, int64_t done);
void skf_registry_note(const struct skf_registry *r, const char *text);

/* ref: domain and path of the repository. `insecure` is added to what the registry's options say.
 */
void skf_call_init(struct skf_call *c, struct skf_registry *r, const struct skf_ref *ref,
                   bool insecure);
void skf_call_start(struct skf_call *c,
                    void (*done)(struct skf_call *c, const struct skf_err *err));
void skf_call_cancel(struct skf_call *c);
void skf_call_release(struct skf_call *c); /* before start or from done on */
/* Makes ready for another request to the same repository; keeps tokens and counts. */
void skf_call_again(struct skf_call *c, const char *method);

/* An error from an answer of 300 and more: code and text of the registry. `doing`: "pushing 'x'".
 */
int skf_call_fail(const struct skf_call *c, const char *doing, struct skf_err *err);
/* Does the registry's answer carry this error code ("MANIFEST_BLOB_UNKNOWN")? */
bool skf_call_has_code(const struct skf_call *c, const char *code);
/* Worth another try: lost connection or a status that says "later". err may be NULL. */
bool skf_call_transient(const struct skf_call *c, const struct skf_err *err);
/* How long to wait before try number `tries` (from 1). -1: the registry asks for more than we wait.
 */
long skf_call_delay(const struct skf_call *c, unsigned tries);
/* Tells the user of a wait that the registry asked for; of our own ones nothing. */
void skf_call_tell_wait(const struct skf_call *c, long ms);
/* A status that says "later". */
bool skf_call_later(int status);
/* Seconds that Retry-After asks for: a number or a date. -1 = not given. */
long skf_call_asked_wait_s(const struct skf_call *c);
/* An upload Location, made absolute; owned. Our own host keeps its scheme. NULL when there is none.
 */
char *skf_call_location(const struct skf_call *c);
#endif
