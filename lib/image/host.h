/* lib/image/host.h: the table of hosts in a registry client. */
#ifndef SKF_IMAGE_HOST_H
#define SKF_IMAGE_HOST_H
#include "lib/image/call.h"

struct token {
    char *value;
    int64_t renew_us; /* when four fifths of its life are over */
};

/* The host of a reference; made on first use. Blocks for certs.d (small files). */
struct skf_host *skf_host_get(struct skf_registry *r, const struct skf_ref *ref, bool insecure);
void skf_host_free(void *host);
const char *skf_host_token(const struct skf_host *h, const char *scopes);
/* Takes the value over. */
void skf_host_put_token(struct skf_host *h, const char *scopes, char *value, int64_t life_s);
void skf_host_drop_token(struct skf_host *h, const char *scopes, const char *value);
void skf_host_transport(const struct skf_host *h, struct skf_http_transport *t);
/* Fills up to two schemes in the order to try. */
unsigned skf_host_schemes(const struct skf_host *h, const char *out[2]);
/* May credentials travel over the scheme that was found? */
bool skf_host_trusted(const struct skf_host *h);
#endif
