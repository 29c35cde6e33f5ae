/* lib/base/digest.h: SHA-256, incremental, and its text forms; MD5 where a format asks for it. */
#ifndef SKF_BASE_DIGEST_H
#define SKF_BASE_DIGEST_H
#include <stdbool.h>
#include <stddef.h>

enum {
    SKF_SHA256_SIZE = 32,
    SKF_SHA256_HEX = 65,
    SKF_DIGEST_TEXT = 72, /* "sha256:" + hex + NUL */
    SKF_MD5_HEX = 33
};

struct skf_sha256 {
    void *ctx; /* EVP_MD_CTX */
};

void skf_sha256_init(struct skf_sha256 *h);
void skf_sha256_release(struct skf_sha256 *h); /* also after end, and for a zeroed struct */
void skf_sha256_add(struct skf_sha256 *h, const void *data, size_t len);
/* Puts "sha256:HEX"; ends the computation. */
void skf_sha256_end(struct skf_sha256 *h, char out[SKF_DIGEST_TEXT]);
/* One go: "sha256:HEX" of the bytes. */
void skf_digest_of(const void *data, size_t len, char out[SKF_DIGEST_TEXT]);
/* The same for MD5, without a prefix: part of a format, no protection against anybody. */
struct skf_md5 {
    void *ctx;
};
void skf_md5_init(struct skf_md5 *h);
void skf_md5_release(struct skf_md5 *h);
void skf_md5_add(struct skf_md5 *h, const void *data, size_t len);
void skf_md5_end(struct skf_md5 *h, char out[SKF_MD5_HEX]);
/* Exactly "sha256:" and 64 lower-case hex digits? */
bool skf_digest_valid(const char *text);
/* The hex part of a valid digest; points into it. */
const char *skf_digest_hex(const char *digest);
#endif
