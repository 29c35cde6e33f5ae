/* lib/config/gotime.c: layouts of Go's time package, and time zones by name (the C library only
 * knows the one of the process). */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/mem.h"
#include "lib/config/tagtext.h"
#include "lib/io/file.h"

static const char *const months[] = { "January",   "February", "March",    "April",
                                      "May",       "June",     "July",     "August",
                                      "September", "October",  "November", "December" };
static const char *const days[] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
                                    "Thursday", "Friday", "Saturday" };

/* --- zones ------------------------------------------------------------------------------------ */

struct zone {
    long offset; /* seconds east of UTC */
    char name[16];
};

static int64_t be64(const unsigned char *p)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return (int64_t)v;
}

static uint32_t be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

struct tzif {
    uint32_t isutc, isstd, leap, times, types, chars;
};

static bool tzif_header(const unsigned char *p, size_t left, struct tzif *h)
{
    if (left < 44 || memcmp(p, "TZif", 4) != 0)
        return false;
    *h = (struct tzif){ be32(p + 20), be32(p + 24), be32(p + 28),
                        be32(p + 32), be32(p + 36), be32(p + 40) };
    return h->times < 100000 && h->types > 0 && h->types < 256 && h->chars < 4096 &&
           h->leap < 10000 && h->isstd <= h->types && h->isutc <= h->types;
}

static size_t tzif_size(const struct tzif *h, size_t time_size)
{
    return h->times * (time_size + 1) + h->types * 6 + h->chars + h->leap * (time_size + 4) +
           h->isstd + h->isutc;
}

/* The 64-bit block of a TZif file. Behind its last change the last type holds: files of today list
 * the changes up to 2037. */
static bool tzif_find(const unsigned char *p, size_t len, long long when, struct zone *out)
{
    struct tzif h;
    if (!tzif_header(p, len, &h) || p[4] < '2')
        return false;
    size_t at = 44 + tzif_size(&h, 4);
    if (at > len || !tzif_header(p + at, len - at, &h) || len - at - 44 < tzif_size(&h, 8))
        return false;
    const unsigned char *times = p + at + 44, *index = times + h.times * 8u;
    const unsigned char *types = index + h.times, *chars = types + h.types * 6u;
    unsigned type = 0;
    for (uint32_t i = 0; i < h.times && be64(times + i * 8u) <= when; i++)
        type = index[i];
    if (type >= h.types)
        return false;
    unsigned name = types[type * 6u + 5];
    if (name >= h.chars)
        return false;
    out->offset = (int32_t)be32(types + type * 6u);
    snprintf(out->name, sizeof out->name, "%.*s",
             (int)strnlen((const char *)chars + name, h.chars - name), (const char *)chars + name);
    return true;
}

static bool zone_name_ok(const char *zone)
{
    return zone[0] != '/' && !strstr(zone, "..") && strlen(zone) < 100 &&
           strspn(zone, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-_/") ==
               strlen(zone);
}

static int find_zone(const char *zone, long long when, struct zone *out, struct skf_err *err)
{
    if (!zone || !*zone || strcmp(zone, "Local") == 0) {
        time_t t = (time_t)when;
        struct tm tm;
        if (!localtime_r(&t, &tm))
            return skf_err_set(err, SKF_EINVAL, "the time is out of range");
        out->offset = tm.tm_gmtoff;
        snprintf(out->name, sizeof out->name, "%s", tm.tm_zone ? tm.tm_zone : "UTC");
        return 0;
    }
    if (strcmp(zone, "UTC") == 0) {
        *out = (struct zone){ 0, "UTC" };
        return 0;
    }
    skf_autobuf struct skf_buf data = SKF_BUF_INIT;
    skf_autofree char *file = skf_xasprintf("/usr/share/zoneinfo/%s", zone);
    struct skf_err why = SKF_ERR_INIT;
    if (!zone_name_ok(zone) || skf_file_read(file, 1 << 20, &data, &why) ||
        !tzif_find((const unsigned char *)data.data, data.len, when, out))
        return skf_err_set(err, SKF_ENOTFOUND, "unknown time zone '%s'", zone);
    return 0;
}

/* --- layouts ---------------------------------------------------------------------------------- */

static void two(struct skf_buf *out, int n, char pad)
{
    if (n < 10 && pad)
        skf_buf_addc(out, pad);
    skf_buf_addf(out, "%d", n);
}

/* ".000" keeps zeros, ".999" drops them; the separator may be a comma. */
static size_t fraction(struct skf_buf *out, const char *p, long ns)
{
    size_t n = strspn(p + 1, p[1] == '0' ? "0" : "9");
    if (!n || n > 9 || (p[n + 1] >= '0' && p[n + 1] <= '9'))
        return 0;
    char digits[24];
    snprintf(digits, sizeof digits, "%09ld", ns);
    size_t keep = n;
    while (p[1] == '9' && keep && digits[keep - 1] == '0')
        keep--;
    if (keep) {
        skf_buf_addc(out, *p);
        skf_buf_add(out, digits, keep);
    }
    return n + 1;
}

static void offset_text(struct skf_buf *out, long offset, bool colon, int parts)
{
    char sign = offset < 0 ? '-' : '+';
    long o = offset < 0 ? -offset : offset;
    skf_buf_addf(out, "%c%02ld", sign, o / 3600);
    if (parts > 1)
        skf_buf_addf(out, "%s%02ld", colon ? ":" : "", o / 60 % 60);
    if (parts > 2)
        skf_buf_addf(out, "%s%02ld", colon ? ":" : "", o % 60);
}

static void zone_text(struct skf_buf *out, const struct zone *z)
{
    /* Zones without letters are named by their offset, as Go does. */
    if (z->name[0] == '+' || z->name[0] == '-' || !z->name[0])
        offset_text(out, z->offset, false, z->offset % 3600 ? 2 : 1);
    else
        skf_buf_adds(out, z->name);
}

static bool starts(const char *p, const char *word)
{
    return strncmp(p, word, strlen(word)) == 0;
}

/* One element of a layout at p: its length, or 0 when there is none. */
static size_t element(struct skf_buf *out, const char *p, const struct tm *t, long ns,
                      const struct zone *z)
{
    static const struct {
        const char *text;
        int parts;
        bool z, colon;
    } offsets[] = {
        { "Z07:00:00", 3, true, true }, { "Z070000", 3, true, false },
        { "Z07:00", 2, true, true },    { "Z0700", 2, true, false },
        { "Z07", 1, true, false },      { "-07:00:00", 3, false, true },
        { "-070000", 3, false, false }, { "-07:00", 2, false, true },
        { "-0700", 2, false, false },   { "-07", 1, false, false },
    };
    int hour12 = t->tm_hour % 12 ? t->tm_hour % 12 : 12;
    for (size_t i = 0; i < SKF_ARRAY_LEN(offsets); i++) {
        if (!starts(p, offsets[i].text))
            continue;
        if (offsets[i].z && z->offset == 0)
            skf_buf_addc(out, 'Z');
        else
            offset_text(out, z->offset, offsets[i].colon, offsets[i].parts);
        return strlen(offsets[i].text);
    }
    if ((*p == '.' || *p == ',') && (p[1] == '0' || p[1] == '9'))
        return fraction(out, p, ns);
    if (starts(p, "January")) {
        skf_buf_adds(out, months[t->tm_mon]);
        return 7;
    }
    if (starts(p, "Jan")) {
        skf_buf_add(out, months[t->tm_mon], 3);
        return 3;
    }
    if (starts(p, "Monday")) {
        skf_buf_adds(out, days[t->tm_wday]);
        return 6;
    }
    if (starts(p, "Mon")) {
        skf_buf_add(out, days[t->tm_wday], 3);
        return 3;
    }
    if (starts(p, "MST")) {
        zone_text(out, z);
        return 3;
    }
    if (starts(p, "2006")) {
        skf_buf_addf(out, "%04d", t->tm_year + 1900);
        return 4;
    }
    if (starts(p, "002")) {
        skf_buf_addf(out, "%03d", t->tm_yday + 1);
        return 3;
    }
    if (starts(p, "__2")) {
        skf_buf_addf(out, "%3d", t->tm_yday + 1);
        return 3;
    }
    if (starts(p, "_2006")) {
        skf_buf_addf(out, "_%04d", t->tm_year + 1900);
        return 5;
    }
    if (starts(p, "_2")) {
        two(out, t->tm_mday, ' ');
        return 2;
    }
    if (starts(p, "PM") || starts(p, "pm")) {
        bool upper = *p == 'P';
        skf_buf_adds(out, t->tm_hour < 12 ? (upper ? "AM" : "am") : (upper ? "PM" : "pm"));
        return 2;
    }
    if (*p == '0' && p[1] >= '1' && p[1] <= '6') {
        const int values[] = { t->tm_mon + 1, t->tm_mday, hour12,
                               t->tm_min,     t->tm_sec,  (t->tm_year + 1900) % 100 };
        two(out, values[p[1] - '1'], '0');
        return 2;
    }
    if (starts(p, "15")) {
        two(out, t->tm_hour, '0');
        return 2;
    }
    if (*p >= '1' && *p <= '5') {
        const int values[] = { t->tm_mon + 1, t->tm_mday, hour12, t->tm_min, t->tm_sec };
        two(out, values[*p - '1'], 0);
        return 1;
    }
    return 0;
}

int skf_go_time_format(const char *layout, long long unix_s, long ns, const char *zone,
                       struct skf_buf *out, struct skf_err *err)
{
    struct zone z = { 0, "UTC" };
    int rc = find_zone(zone, unix_s, &z, err);
    if (rc)
        return rc;
    time_t shifted = (time_t)(unix_s + z.offset);
    struct tm t;
    if (!gmtime_r(&shifted, &t))
        return skf_err_set(err, SKF_EINVAL, "the time is out of range");
    while (*layout) {
        size_t n = element(out, layout, &t, ns, &z);
        if (!n)
            skf_buf_addc(out, *layout);
        layout += n ? n : 1;
    }
    return 0;
}
