#include "lib/base/num.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/mem.h"

bool skf_num_parse(const char *text, long long min, long long max, long long *out)
{
    const char *digits = text[0] == '-' ? text + 1 : text;
    if (!digits[0] || digits[strspn(digits, "0123456789")])
        return false;
    errno = 0;
    long long n = strtoll(text, NULL, 10);
    if (errno || n < min || n > max)
        return false;
    *out = n;
    return true;
}

bool skf_num_parse_duration_ms(const char *text, long long *out_ms)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {
        { "ns", 1e-6 }, { "us", 1e-3 }, { "\xc2\xb5s", 1e-3 }, { "\xce\xbcs", 1e-3 },
        { "ms", 1 },    { "s", 1e3 },   { "m", 6e4 },          { "h", 36e5 },
    };
    if (strcmp(text, "0") == 0) {
        *out_ms = 0;
        return true;
    }
    double total = 0;
    if (!text[0])
        return false;
    while (text[0]) {
        size_t len = strspn(text, "0123456789.");
        if (!len || len > 20)
            return false;
        skf_autofree char *number = skf_xstrndup(text, len);
        char *end;
        double value = strtod(number, &end);
        if (*end)
            return false;
        text += len;
        size_t unit_len = strcspn(text, "0123456789.");
        size_t i = 0;
        while (i < SKF_ARRAY_LEN(units) &&
               (strlen(units[i].unit) != unit_len || strncmp(units[i].unit, text, unit_len) != 0))
            i++;
        if (i == SKF_ARRAY_LEN(units))
            return false;
        total += value * units[i].ms;
        text += unit_len;
    }
    if (total > 9.2e12) /* Go's own limit: nanoseconds in an int64 */
        return false;
    /* Through whole nanoseconds: 1.001 s is 1000.99999 ms as a double. */
    *out_ms = (long long)(total * 1e6 + 0.5) / 1000000;
    return true;
}

bool skf_num_parse_size(const char *text, long long *out_bytes)
{
    static const char units[] = "KMGT";
    size_t digits = strspn(text, "0123456789");
    const char *unit = text + digits;
    skf_autofree char *number = skf_xstrndup(text, digits);
    long long n;
    if (!skf_num_parse(number, 0, LLONG_MAX, &n))
        return false;
    const char *known = *unit ? strchr(units, toupper((unsigned char)*unit)) : NULL;
    for (const char *p = units; known && p <= known; p++)
        if (__builtin_mul_overflow(n, 1024, &n))
            return false;
    if (known)
        unit++;
    if (*unit && strcasecmp(unit, "b") != 0 && !(known && strcasecmp(unit, "ib") == 0))
        return false;
    *out_bytes = n;
    return true;
}

bool skf_num_parse_bool(const char *text, bool *out)
{
    static const char *const yes[] = { "true", "yes", "on", "1", "t", "y" };
    static const char *const no[] = { "false", "no", "off", "0", "f", "n" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(yes); i++) {
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            *out = strcasecmp(text, yes[i]) == 0;
            return true;
        }
    }
    return false;
}
