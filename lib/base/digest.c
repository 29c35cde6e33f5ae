#include "lib/base/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* --- either algorithm ------------------------------------------------------------------------- */

static void *begin(const EVP_MD *algorithm)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (!ctx || EVP_DigestInit_ex(ctx, algorithm, NULL) != 1)
        abort();
    return ctx;
}

static void add(void *ctx, const void *data, size_t len)
{
    if (EVP_DigestUpdate(ctx, data, len) != 1)
        abort();
}

/* Puts the hex form, and ends the computation. */
static void end(void **ctx, char *out)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned n;
    if (EVP_DigestFinal_ex(*ctx, sum, &n) != 1)
        abort();
    for (unsigned i = 0; i < n; i++) {
        out[2 * i] = hex[sum[i] >> 4];
        out[2 * i + 1] = hex[sum[i] & 15];
    }
    out[2 * n] = '\0';
    EVP_MD_CTX_free(*ctx);
    *ctx = NULL;
}

/* --- SHA-256 ---------------------------------------------------------------------------------- */

void skf_sha256_init(struct skf_sha256 *h)
{
    h->ctx = begin(EVP_sha256());
}

void skf_sha256_release(struct skf_sha256 *h)
{
    EVP_MD_CTX_free(h->ctx);
    h->ctx = NULL;
}

void skf_sha256_add(struct skf_sha256 *h, const void *data, size_t len)
{
    add(h->ctx, data, len);
}

void skf_sha256_end(struct skf_sha256 *h, char out[SKF_DIGEST_TEXT])
{
    memcpy(out, "sha256:", 7);
    end(&h->ctx, out + 7);
}

void skf_digest_of(const void *data, size_t len, char out[SKF_DIGEST_TEXT])
{
    struct skf_sha256 h;
    skf_sha256_init(&h);
    skf_sha256_add(&h, data, len);
    skf_sha256_end(&h, out);
}

bool skf_digest_valid(const char *text)
{
    return strncmp(text, "sha256:", 7) == 0 && strspn(text + 7, "0123456789abcdef") == 64 &&
           text[7 + 64] == '\0';
}

const char *skf_digest_hex(const char *digest)
{
    return digest + 7;
}

/* --- MD5 -------------------------------------------------------------------------------------- */

void skf_md5_init(struct skf_md5 *h)
{
    h->ctx = begin(EVP_md5());
}

void skf_md5_release(struct skf_md5 *h)
{
    EVP_MD_CTX_free(h->ctx);
    h->ctx = NULL;
}

void skf_md5_add(struct skf_md5 *h, const void *data, size_t len)
{
    add(h->ctx, data, len);
}

void skf_md5_end(struct skf_md5 *h, char out[SKF_MD5_HEX])
{
    end(&h->ctx, out);
}
