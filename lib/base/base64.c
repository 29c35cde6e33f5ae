#include "lib/base/base64.h"

#include <ctype.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

char *skf_base64_encode(const void *data, size_t len)
{
    if (len > INT_MAX / 2)
        abort();
    unsigned char *out = skf_xmalloc((len + 2) / 3 * 4 + 1);
    EVP_EncodeBlock(out, data, (int)len);
    return (char *)out;
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

/* By hand: libcrypto's decoder knows neither missing padding nor the URL alphabet, and Kubernetes
 * and registries write both. */
char *skf_base64_decode(const char *text, size_t *len)
{
    char *out = skf_xmalloc(strlen(text) / 4 * 3 + 4), *w = out;
    unsigned v = 0;
    size_t n = 0, padding = 0;
    bool good = true;
    for (const char *p = text; *p && good; p++) {
        int bits = value_of(*p);
        if (isspace((unsigned char)*p))
            continue;
        if (*p == '=') {
            good = ++padding <= 2;
            continue;
        }
        good = bits >= 0 && !padding;
        v = v << 6 | ((unsigned)bits & 63);
        if (n % 4 == 1)
            *w++ = (char)(v >> 4);
        else if (n % 4 == 2)
            *w++ = (char)(v >> 2);
        else if (n % 4 == 3)
            *w++ = (char)v;
        n++;
    }
    if (!good || n % 4 == 1 || (padding && (n + padding) % 4 != 0)) {
        free(out);
        return NULL;
    }
    *w = '\0';
    *len = (size_t)(w - out);
    return out;
}
