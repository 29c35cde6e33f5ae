#include "lib/kube/jget.h"

#include <string.h>
#include <time.h>

json_t *skf_jget(const json_t *object, const char *path)
{
    char key[128];
    while (object && *path) {
        size_t len = strcspn(path, ".");
        if (len >= sizeof key)
            return NULL;
        memcpy(key, path, len);
        key[len] = '\0';
        object = json_object_get(object, key); /* NULL for anything but an object */
        path += len;
        if (*path == '.')
            path++;
    }
    /* jansson counts references through non-const pointers; reading stays reading. */
    return (json_t *)(uintptr_t)object;
}

const char *skf_jstr(const json_t *object, const char *path)
{
    return json_string_value(skf_jget(object, path));
}

const char *skf_jtext(const json_t *object, const char *path)
{
    const char *text = skf_jstr(object, path);
    return text ? text : "";
}

long long skf_jint(const json_t *object, const char *path, long long otherwise)
{
    const json_t *value = skf_jget(object, path);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool skf_jbool(const json_t *object, const char *path)
{
    return json_is_true(skf_jget(object, path));
}

const char *skf_jkey(const json_t *object, const char *path, const char *key)
{
    return json_string_value(json_object_get(skf_jget(object, path), key));
}

json_t *skf_jfind(const json_t *object, const char *path, const char *key, const char *value)
{
    const json_t *list = skf_jget(object, path);
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *element = json_array_get(list, i);
        const char *text = json_string_value(json_object_get(element, key));
        if (text && strcmp(text, value) == 0)
            return element;
    }
    return NULL;
}

int64_t skf_jtime_ms(const char *text)
{
    if (!text)
        return -1;
    int y, mo, d, h, mi, s, used = 0;
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &y, &mo, &d, &h, &mi, &s, &used) != 6)
        return -1;
    if (y < 1970 || mo < 1 || mo > 12 || d < 1 || d > 31 || h < 0 || h > 23 || mi < 0 || mi > 59 ||
        s < 0 || s > 60)
        return -1;
    struct tm tm = {
        .tm_year = y - 1900, .tm_mon = mo - 1, .tm_mday = d, .tm_hour = h, .tm_min = mi, .tm_sec = s
    };
    int64_t ms = (int64_t)timegm(&tm) * 1000;
    const char *p = text + used;
    if (*p == '.') {
        int weight = 100;
        for (p++; *p >= '0' && *p <= '9'; p++) {
            ms += (*p - '0') * weight;
            weight /= 10;
        }
    }
    if (*p == '+' || *p == '-') {
        int oh, om;
        if (sscanf(p + 1, "%2d:%2d", &oh, &om) != 2)
            return -1;
        int64_t offset = ((int64_t)oh * 60 + om) * 60000;
        ms += *p == '+' ? -offset : offset;
    } else if (*p != 'Z') {
        return -1;
    }
    return ms;
}
