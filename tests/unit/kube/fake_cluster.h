/* A cluster with one Deployment 'web' and the pods that the test says, over fake_api.h: lists,
 * watches, logs and port-forwards. Header only. */
#ifndef SKF_TESTS_FAKE_CLUSTER_H
#define SKF_TESTS_FAKE_CLUSTER_H
#include "fake_api.h"
#include "lib/kube/api.h"
#include "tests/support/loop_fixture.h"

struct fake_cluster {
    struct lf lf;
    struct fake_api server;
    struct skf_http *http;
    struct skf_kube_context context;
    struct skf_kube_api *api;
    void *data;
    struct fake_conn *pods_watch;
    /* The request is for a log or a port-forward: the test answers. */
    void (*on_stream)(struct fake_cluster *k, struct fake_conn *c, const char *head);
};

static inline void cluster_answer(struct fake_api *s, struct fake_conn *c, const char *head)
{
    struct fake_cluster *k = s->data;
    bool pods = strstr(head, "/pods?") != NULL;
    if (strstr(head, "/log?") || strstr(head, "/portforward?")) {
        k->on_stream(k, c, head);
    } else if (strstr(head, "watch=1")) {
        if (pods)
            k->pods_watch = c;
        fake_stream(c);
    } else if (strstr(head, "/deployments?")) {
        fake_answer(c, 200,
                    "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{\"metadata\":{\"name\":"
                    "\"web\",\"namespace\":\"default\",\"uid\":\"d\"},\"spec\":{\"selector\":"
                    "{\"matchLabels\":{\"app\":\"web\"}}}}]}");
    } else {
        fake_answer(c, 200, "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]}");
    }
}

static inline void cluster_open(struct fake_cluster *k)
{
    lf_open(&k->lf);
    k->server.on_request = cluster_answer;
    k->server.data = k;
    fake_open(&k->server, &k->lf.loop);
    k->context.name = skf_xstrdup("test");
    k->context.server = skf_xasprintf("http://127.0.0.1:%u", k->server.port);
    k->http = skf_http_new(&k->lf.loop);
    k->api = skf_kube_api_new(&k->lf.loop, k->http, &k->context);
}

static inline void cluster_close(struct fake_cluster *k)
{
    skf_kube_api_free(k->api);
    fake_close(&k->server);
    skf_http_free(k->http);
    lf_close(&k->lf);
    fake_release(&k->server);
    skf_kube_context_release(&k->context);
}

/* A pod changes. status: members of the container's status; waits for the watch to be there. */
static inline void cluster_pod(struct fake_cluster *k, const char *type, const char *name,
                               unsigned second, bool ready, const char *status)
{
    LF_UNTIL(&k->lf, k->pods_watch);
    skf_autofree char *line = skf_xasprintf(
        "{\"type\":\"%s\",\"object\":{\"metadata\":{\"name\":\"%s\",\"namespace\":\"default\","
        "\"uid\":\"uid-%s\",\"creationTimestamp\":\"2026-11-23T12:00:%02uZ\",\"ownerReferences\":["
        "{\"kind\":\"ReplicaSet\",\"name\":\"web-5d8\"}]},\"spec\":{\"containers\":[{\"name\":"
        "\"c\","
        "\"image\":\"reg/app:1\"}]},\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":"
        "\"Ready\",\"status\":\"%s\"}],\"containerStatuses\":[{\"name\":\"c\",%s}]}}}\n",
        type, name, name, second, ready ? "True" : "False", status);
    fake_send(k->pods_watch, line);
}

/* How many requests there were with this in them. */
static inline size_t cluster_asked(const struct fake_cluster *k, const char *part)
{
    size_t n = 0;
    for (size_t i = 0; i < k->server.requests.n; i++)
        n += strstr(k->server.requests.v[i], part) != NULL;
    return n;
}
#endif
