#include "lib/base/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

void skf_sha256_init(struct skf_sha256 *h)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (!ctx || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
        abort();
    h->ctx = ctx;
}

void skf_sha256_release(struct skf_sha256 *h)
{
    EVP_MD_CTX_free(h->ctx);
    h->ctx = NULL;
}

void skf_sha256_add(struct skf_sha256 *h, const void *data, size_t len)
{
    if (EVP_DigestUpdate(h->ctx, data, len) != 1)
        abort();
}

void skf_sha256_end(struct skf_sha256 *h, char out[SKF_DIGEST_TEXT])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char sum[EVP_MAX_MD_SIZE];
    if (EVP_DigestFinal_ex(h->ctx, sum, NULL) != 1)
        abort();
    memcpy(out, "sha256:", 7);
    for (size_t i = 0; i < SKF_SHA256_SIZE; i++) {
        out[7 + 2 * i] = hex[sum[i] >> 4];
        out[8 + 2 * i] = hex[sum[i] & 15];
    }
    out[7 + 2 * SKF_SHA256_SIZE] = '\0';
    skf_sha256_release(h);
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
