/* lib/io/http.h: HTTP requests on the loop, over libcurl. One client a loop: it holds connections,
 * so that a second request to a host costs no handshake.
 *
 * happy path: start; on_headers once; body through on_body or into `body`; done(req, NULL).
 * failures:   done with SKF_ENET (cannot reach, reset, TLS), SKF_ETIMEDOUT, SKF_ETOOBIG. An HTTP
 * status of 400 and more is *not* an error here: look at `status`. cancel:     done with
 * SKF_ECANCELED, from the loop. done is never called from inside start. */
#ifndef SKF_IO_HTTP_H
#define SKF_IO_HTTP_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/vec.h"

struct skf_http; /* the client */

struct skf_http *skf_http_new(uv_loop_t *loop);
/* No request may run any more. Its handles close on the loop: run the loop before closing it. */
void skf_http_free(struct skf_http *client);

/* TLS and transport settings; strings are borrowed until the request is done. */
struct skf_http_transport {
    const char *unix_socket;                      /* path; NULL = TCP */
    const char *ca_file;                          /* PEM file; NULL = the system's */
    const char *ca_pem;                           /* PEM text; wins over ca_file */
    const char *client_cert_pem, *client_key_pem; /* both or none; PEM texts */
    const char *tls_server_name;                  /* expected name when it is not the URL's host */
    bool insecure;     /* no certificate check: only when the user said so */
    const char *proxy; /* NULL = environment; "" = none */
};

struct skf_http_req {
    /* --- set by the caller; skf_http_req_init zeroes them --------------------------------------
     */
    const char *method;      /* borrowed literal: "GET", "HEAD", "PUT" ... */
    char *url;               /* owned */
    struct skf_strv headers; /* "Name: value"; owned */
    struct skf_http_transport transport;
    /* The request body: either `send` (owned bytes) or read_body with send_size. */
    struct skf_buf send;
    bool has_body;     /* send a body even when it is empty */
    int64_t send_size; /* with read_body */
    /* Fills up to len bytes; returns the count, 0 at the end, -1 to fail. seek(0) may come first.
     */
    ssize_t (*read_body)(struct skf_http_req *r, char *to, size_t len);
    bool (*rewind_body)(struct skf_http_req *r);
    int max_redirects;   /* default 0: a 3xx is an answer. Credentials never cross hosts */
    size_t max_body;     /* cap for `body`; default 8 MiB */
    bool trickles;       /* one of many that say little for long: it gets little memory */
    unsigned connect_ms; /* default 30 000 */
    unsigned idle_ms;    /* no byte for so long: SKF_ETIMEDOUT; 0 = never (watches) */
    unsigned limit_ms;   /* whole request; 0 = none */
    void *data;
    /* Status and answer headers are there; once, not for redirects that are followed. */
    void (*on_headers)(struct skf_http_req *r);
    /* Instead of collecting in `body`. Return false to end the request with SKF_ECANCELED. In it
     * and in on_headers cancel is allowed; do not start or free anything: note, and act from the
     * loop (a skf_defer). */
    bool (*on_body)(struct skf_http_req *r, const char *data, size_t len);
    void (*done)(struct skf_http_req *r, const struct skf_err *err);

    /* --- results --------------------------------------------------------------------------------
     */
    int status;
    struct skf_strv
        answer_headers; /* "name: value", names in lower case, in order; of the last hop */
    struct skf_buf body;
    char *final_url; /* after redirects */
    int64_t sent_bytes, received_bytes;

    /* --- private --------------------------------------------------------------------------------
     */
    struct skf_http *client;
    void *easy, *header_list, *connect_to;
    size_t sent;
    struct skf_err failure;
    bool active, told_headers;
    char curl_error[256];
    struct skf_http_req *prev, *next;
};

void skf_http_req_init(struct skf_http_req *r);
void skf_http_start(struct skf_http *client, struct skf_http_req *r,
                    void (*done)(struct skf_http_req *r, const struct skf_err *err));
/* Only asks; allowed at any time, also twice and inside every callback. */
void skf_http_cancel(struct skf_http_req *r);
/* Frees what the struct owns; only before start or from done on. */
void skf_http_req_release(struct skf_http_req *r);
/* First value of an answer header (name in lower case), or NULL. */
const char *skf_http_header(const struct skf_http_req *r, const char *name);
/* Hosts that no proxy is used for: those of the environment, and loopback always; owned. */
char *skf_http_no_proxy(void);
/* Percent-encodes for a query value or path element; owned. */
char *skf_http_escape(const char *text);
#endif
