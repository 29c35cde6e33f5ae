#include "lib/image/docker_stream.h"

#include <jansson.h>
#include <string.h>

static int error_in(const json_t *doc, struct skf_err *err)
{
    const char *text =
        json_string_value(json_object_get(json_object_get(doc, "errorDetail"), "message"));
    if (!text)
        text = json_string_value(json_object_get(doc, "error"));
    if (!text && (json_object_get(doc, "errorDetail") || json_object_get(doc, "error")))
        text = "no reason given";
    return text ? skf_err_set(err, SKF_EPROTO, "%.400s", text) : 0;
}

int skf_docker_stream(const char *data, size_t len, const char *marker, struct skf_err *err)
{
    bool found = false;
    while (len) {
        json_error_t why;
        size_t blank = strspn(data, " \t\r\n");
        if (blank >= len)
            break;
        data += blank;
        len -= blank;
        json_t *doc = json_loadb(data, len, JSON_DISABLE_EOF_CHECK, &why);
        if (!doc)
            return skf_err_set(err, SKF_EPROTO, "Docker's answer is not JSON: %s", why.text);
        const char *text = json_string_value(json_object_get(doc, "stream"));
        found = found || (text && strncmp(text, marker, strlen(marker)) == 0);
        int rc = error_in(doc, err);
        json_decref(doc);
        if (rc)
            return rc;
        data += why.position;
        len -= (size_t)why.position;
    }
    if (!found)
        return skf_err_set(err, SKF_EPROTO, "Docker's answer ended without '%s'", marker);
    return 0;
}

int skf_docker_error(const struct skf_http_req *r, const char *doing, struct skf_err *err)
{
    json_t *doc = json_loadb(r->body.data, r->body.len, 0, NULL);
    const char *text = json_string_value(json_object_get(doc, "message"));
    if (!text)
        text = r->body.data;
    enum skf_code code = r->status == 404 ? SKF_ENOTFOUND : SKF_EPROTO;
    skf_err_set(err, code, "%s: Docker says %d: %.*s", doing, r->status, (int)strcspn(text, "\r\n"),
                text);
    json_decref(doc);
    return -(int)code;
}
