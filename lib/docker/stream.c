#include "lib/docker/stream.h"

#include <string.h>

const char *skf_docker_message_error(const json_t *message)
{
    const json_t *detail = json_object_get(message, "errorDetail");
    const char *text = json_string_value(json_object_get(detail, "message"));
    if (!text)
        text = json_string_value(json_object_get(message, "error"));
    return text || (!detail && !json_object_get(message, "error")) ? text : "no reason given";
}

/* All objects of one line: the Engine ends each with a line end, but counts on nothing. */
static int read_line(const char *p, size_t len, void (*on)(void *, const json_t *), void *ctx,
                     struct skf_err *err)
{
    while (len) {
        json_error_t why;
        if (strchr(" \t\r\n", *p)) {
            p++, len--;
            continue;
        }
        json_t *doc = json_loadb(p, len, JSON_DISABLE_EOF_CHECK, &why);
        if (!doc)
            return skf_err_set(err, SKF_EPROTO, "Docker's answer is not JSON: %s", why.text);
        on(ctx, doc);
        json_decref(doc);
        p += why.position;
        len -= (size_t)why.position;
    }
    return 0;
}

int skf_docker_messages_feed(struct skf_docker_messages *m, const char *data, size_t len,
                             void (*on)(void *ctx, const json_t *message), void *ctx,
                             struct skf_err *err)
{
    if (!m->rest.data)
        skf_buf_init(&m->rest);
    skf_buf_add(&m->rest, data, len);
    const char *end = memrchr(m->rest.data, '\n', m->rest.len);
    if (!end) {
        if (m->rest.len > SKF_DOCKER_MAX_MESSAGE)
            return skf_err_set(err, SKF_ETOOBIG, "a message of Docker has more than %d bytes",
                               SKF_DOCKER_MAX_MESSAGE);
        return 0;
    }
    size_t whole = (size_t)(end - m->rest.data) + 1;
    for (size_t at = 0; at < whole;) {
        const char *line = m->rest.data + at;
        size_t n = (size_t)((const char *)memchr(line, '\n', whole - at) - line);
        int rc = read_line(line, n, on, ctx, err);
        if (rc < 0)
            return rc;
        at += n + 1;
    }
    skf_buf_drop(&m->rest, whole);
    return 0;
}

void skf_docker_messages_release(struct skf_docker_messages *m)
{
    if (m->rest.data)
        skf_buf_release(&m->rest);
}
