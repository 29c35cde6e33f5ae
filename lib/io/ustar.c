#include "lib/io/ustar.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"

enum { NAME_SIZE = 100, PREFIX_SIZE = 155, PREFIX_AT = 345, CAPS_SIZE = 20 };

static const int64_t max_octal12 = ((int64_t)1 << 33) - 1;

static bool is_ascii(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s >= 0x80)
            return false;
    return true;
}

/* Without the bytes that are not ASCII; owned. */
static char *to_ascii(const char *s)
{
    char *out = skf_xstrdup(s), *w = out;
    for (; *s; s++)
        if ((unsigned char)*s < 0x80)
            *w++ = *s;
    *w = '\0';
    return out;
}

/* Go cuts silently; a cut that ends in "/" would make old readers see a directory, so it goes. */
static void put_string(char *field, size_t size, const char *s)
{
    size_t len = strlen(s);
    memcpy(field, s, len < size ? len : size);
    if (len > size && field[size - 1] == '/') {
        size_t n = size - 1;
        while (n && field[n - 1] == '/')
            n--;
        field[n] = '\0';
    }
}

static void put_octal(char *field, size_t size, int64_t value)
{
    char text[32];
    if (value < 0 || (size < 22 && value >= (int64_t)1 << (3 * (size - 1))))
        value = 0; /* a PAX record has it */
    snprintf(text, sizeof text, "%0*llo", (int)size - 1, (unsigned long long)value);
    memcpy(field, text, size - 1);
    field[size - 1] = '\0';
}

static void seal(char *block)
{
    memcpy(block + 257,
           "ustar\0"
           "00",
           8);
    memset(block + 148, ' ', 8);
    unsigned sum = 0;
    for (int i = 0; i < SKF_USTAR_BLOCK; i++)
        sum += (unsigned char)block[i];
    put_octal(block + 148, 7, sum);
    block[155] = ' ';
}

static void put_numbers(char *block, char type, mode_t mode, unsigned uid, unsigned gid,
                        int64_t size, int64_t mtime)
{
    put_octal(block + 100, 8, mode & 07777);
    put_octal(block + 108, 8, uid);
    put_octal(block + 116, 8, gid);
    put_octal(block + 124, 12, size);
    put_octal(block + 136, 12, mtime);
    block[156] = type;
}

/* Where a name over 100 bytes is cut in prefix and name: the index of the slash, or 0. */
static size_t split_at(const char *name)
{
    size_t len = strlen(name), limit = len;
    if (len <= NAME_SIZE || !is_ascii(name))
        return 0;
    if (limit > PREFIX_SIZE + 1)
        limit = PREFIX_SIZE + 1;
    else if (name[limit - 1] == '/')
        limit--;
    const char *slash = memrchr(name, '/', limit);
    if (!slash || slash == name)
        return 0;
    size_t at = (size_t)(slash - name), rest = len - at - 1;
    return rest && rest <= NAME_SIZE && at <= PREFIX_SIZE ? at : 0;
}

/* "LEN KEY=VALUE\n", where LEN counts itself. */
static void add_record(struct skf_buf *b, const char *key, const void *value, size_t len)
{
    size_t body = strlen(key) + len + 3, total = body;
    for (int round = 0; round < 3; round++) {
        char digits[24];
        total = body + (size_t)snprintf(digits, sizeof digits, "%zu", total);
    }
    skf_buf_addf(b, "%zu %s=", total, key);
    skf_buf_add(b, value, len);
    skf_buf_addc(b, '\n');
}

static void add_padding(struct skf_buf *b, size_t len)
{
    static const char zero[SKF_USTAR_BLOCK];
    skf_buf_add(b, zero, len);
}

static void add_pax(struct skf_buf *out, const char *name, const struct skf_buf *records)
{
    char block[SKF_USTAR_BLOCK] = { 0 };
    skf_autofree char *dir = skf_xstrndup(name, (size_t)(skf_path_base(name) - name));
    skf_autofree char *folder = skf_path_join(*dir ? dir : ".", "PaxHeaders.0");
    skf_autofree char *full = skf_path_join(folder, skf_path_base(name));
    skf_autofree char *ascii = to_ascii(full);
    size_t len = strlen(ascii);
    if (len > NAME_SIZE)
        len = NAME_SIZE;
    while (len && ascii[len - 1] == '/')
        len--;
    memcpy(block, ascii, len);
    put_numbers(block, 'x', 0, 0, 0, (int64_t)records->len, 0);
    seal(block);
    skf_buf_add(out, block, sizeof block);
    skf_buf_add(out, records->data, records->len);
    add_padding(out, skf_ustar_padding((int64_t)records->len));
}

size_t skf_ustar_padding(int64_t size)
{
    return (size_t)(-size & (SKF_USTAR_BLOCK - 1));
}

void skf_ustar_header(struct skf_buf *out, const struct skf_ustar_entry *e)
{
    const char *link = e->link ? e->link : "";
    size_t split = split_at(e->name);
    bool odd_name = !is_ascii(e->name) || strlen(e->name) > NAME_SIZE;
    bool odd_link = !is_ascii(link) || strlen(link) > NAME_SIZE;
    bool odd_size = e->size > max_octal12;
    bool odd_time = e->mtime < 0 || e->mtime > max_octal12;
    bool pax = (odd_name && !split) || odd_link || odd_size || odd_time || e->caps;

    char block[SKF_USTAR_BLOCK] = { 0 };
    if (pax) {
        char number[24];
        skf_autobuf struct skf_buf records = SKF_BUF_INIT;
        /* Sorted by key: upper case stands before lower case. */
        if (e->caps)
            add_record(&records, "SCHILY.xattr.security.capability", e->caps, CAPS_SIZE);
        if (odd_link)
            add_record(&records, "linkpath", link, strlen(link));
        if (odd_time) {
            int n = snprintf(number, sizeof number, "%lld", (long long)e->mtime);
            add_record(&records, "mtime", number, (size_t)n);
        }
        if (odd_name)
            add_record(&records, "path", e->name, strlen(e->name));
        if (odd_size) {
            int n = snprintf(number, sizeof number, "%lld", (long long)e->size);
            add_record(&records, "size", number, (size_t)n);
        }
        add_pax(out, e->name, &records);
        skf_autofree char *ascii = to_ascii(e->name), *ascii_link = to_ascii(link);
        put_string(block, NAME_SIZE, ascii);
        put_string(block + 157, NAME_SIZE, ascii_link);
    } else {
        put_string(block, NAME_SIZE, split ? e->name + split + 1 : e->name);
        if (split)
            memcpy(block + PREFIX_AT, e->name, split);
        put_string(block + 157, NAME_SIZE, link);
    }
    put_numbers(block, e->type, e->mode, e->uid, e->gid, e->size, e->mtime);
    put_octal(block + 329, 8, 0); /* device numbers */
    put_octal(block + 337, 8, 0);
    seal(block);
    skf_buf_add(out, block, sizeof block);
}
