/* A container that runs and whose probe fails. Most of this is what a slow start looks like too, so
 * proof is asked for before it is called an error: an answer of the wrong kind (404, TLS on a plain
 * port), or a look at the pod's ports from inside (through port-forward): the app listens
 * elsewhere, or on loopback only. */
#include <string.h>
#include <strings.h>

#include "lib/base/mem.h"
#include "lib/kube/jget.h"
#include "lib/kube/judge_internal.h"

enum {
    LOOK_AFTER_MS = 4000, /* of refused probes */
    LOOK_AGAIN_MS = 5000,
    OTHER_PORT_MS = 10 * 1000,
    ANSWER_GRACE_MS = 15 * 1000,
    SCHEME_GRACE_MS = 5000,
};

struct ports_seen {
    int64_t at_ms, wall_ms;
    unsigned loopback_times; /* in a row: the probe's port open from inside */
    size_t n;
    unsigned port[SKF_FINDING_PORTS];
    bool open[SKF_FINDING_PORTS];
};

static unsigned port_number(const json_t *container, const json_t *port)
{
    if (json_is_integer(port))
        return (unsigned)json_integer_value(port);
    const char *name = json_string_value(port);
    return name
               ? (unsigned)skf_jint(skf_jfind(container, "ports", "name", name), "containerPort", 0)
               : 0;
}

static unsigned probe_port(const json_t *container, const json_t *probe)
{
    static const char *const places[] = { "httpGet.port", "tcpSocket.port", "grpc.port" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(places); i++) {
        const json_t *port = skf_jget(probe, places[i]);
        if (port)
            return port_number(container, port);
    }
    return 0;
}

static const char *probe_key(const char *message)
{
    return strncmp(message, "Liveness", 8) == 0  ? "livenessProbe"
           : strncmp(message, "Startup", 7) == 0 ? "startupProbe"
                                                 : "readinessProbe";
}

static bool declared(const json_t *container, unsigned port)
{
    const json_t *ports = skf_jget(container, "ports");
    for (size_t i = 0; i < json_array_size(ports); i++) {
        if (skf_jint(json_array_get(ports, i), "containerPort", 0) == port)
            return true;
    }
    return false;
}

static void hint(struct trouble *t, char *owned)
{
    skf_replace(&t->finding.hint, owned);
}

static void after(struct skf_judge *j, const char *uid, const char *what, unsigned grace_ms,
                  struct trouble *t)
{
    int64_t so_far = skf_judge_lasting(j, uid, what);
    t->weight = so_far >= grace_ms ? WEIGHT_FINAL : WEIGHT_GRACE;
    t->grace_ms = so_far >= grace_ms ? 0 : (unsigned)(grace_ms - so_far);
}

/* An answer came, of the wrong kind. true: dealt with. */
static bool judge_answer(struct skf_judge *j, const char *uid, const char *key, const json_t *probe,
                         const char *message, struct trouble *t)
{
    const char *path = skf_jtext(probe, "httpGet.path");
    const char *code = strstr(message, "statuscode: ");
    int status = code ? (int)strtol(code + 12, NULL, 10) : 0;
    if (strstr(message, "server gave HTTP response to HTTPS client")) {
        skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_PROBE,
                        "speaks plain http, and its %s asks with scheme HTTPS", key);
        hint(t, skf_xasprintf("take 'scheme: HTTPS' out of the %s", key));
        after(j, uid, "probe-scheme", SCHEME_GRACE_MS, t);
    } else if (strstr(message, "malformed HTTP response") || status == 400) {
        skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_PROBE,
                        "does not understand its %s (%s): does it speak TLS there?", key,
                        status ? "answer 400" : "no http answer");
        hint(t, skf_xasprintf("set 'scheme: HTTPS' in the %s, or ask another port", key));
        after(j, uid, "probe-answer", ANSWER_GRACE_MS, t);
    } else if (status == 404 || status == 405 || status == 401 || status == 403) {
        skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_PROBE, "answers %d to its %s at '%s'", status,
                        key, *path ? path : "/");
        hint(t, status == 404 || status == 405
                    ? skf_xasprintf("is '%s' the path that the app serves?", *path ? path : "/")
                    : skf_xasprintf("let the app answer '%s' without credentials",
                                    *path ? path : "/"));
        after(j, uid, "probe-answer", ANSWER_GRACE_MS, t);
    } else {
        return false;
    }
    return true;
}

/* The probe's port first, then the others that the container declares. */
static void want_ports(const json_t *container, unsigned asked, struct skf_finding *f)
{
    f->wants_ports = true;
    f->n_ports = 0;
    f->port[f->n_ports++] = asked;
    const json_t *ports = skf_jget(container, "ports");
    for (size_t i = 0; i < json_array_size(ports) && f->n_ports < SKF_FINDING_PORTS; i++) {
        const json_t *port = json_array_get(ports, i);
        unsigned number = (unsigned)skf_jint(port, "containerPort", 0);
        const char *protocol = skf_jstr(port, "protocol");
        if (number && number != asked && (!protocol || strcmp(protocol, "TCP") == 0))
            f->port[f->n_ports++] = number;
    }
}

static void judge_seen(struct skf_judge *j, const char *uid, const char *key,
                       const json_t *container, unsigned asked, const struct ports_seen *seen,
                       struct trouble *t)
{
    if (seen->open[0] && seen->loopback_times >= 2) {
        skf_trouble_set(t, WEIGHT_FINAL, SKF_CAUSE_PROBE,
                        "listens on port %u of loopback only; its "
                        "%s, and everybody else, cannot reach it",
                        asked, key);
        hint(t, skf_xasprintf("let it listen on 0.0.0.0:%u (all addresses)", asked));
        return;
    }
    for (size_t i = 1; i < seen->n; i++) {
        if (seen->open[0] || !seen->open[i] || declared(container, asked))
            continue;
        skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_PROBE,
                        "listens on port %u, and its %s asks port %u, where nobody listens",
                        seen->port[i], key, asked);
        hint(t, skf_xasprintf("set the port of the %s to %u", key, seen->port[i]));
        after(j, uid, "probe-port", OTHER_PORT_MS, t);
        return;
    }
}

static void judge_refused(struct skf_judge *j, const json_t *pod, const json_t *event,
                          const char *key, const json_t *container, const json_t *probe,
                          struct trouble *t)
{
    const char *uid = skf_jtext(pod, "metadata.uid");
    unsigned asked = probe_port(container, probe);
    int64_t lasting = skf_judge_lasting(j, uid, "probe-refused");
    skf_autofree char *id = skf_xasprintf("%s/%s", uid, skf_jtext(container, "name"));
    const struct ports_seen *seen = skf_map_get(&j->ports, id);
    if (!asked)
        return;
    if (seen)
        judge_seen(j, uid, key, container, asked, seen, t);
    if (t->weight == WEIGHT_FINAL)
        return;
    /* Is the refusal newer than the last look? Only then does another look say anything. */
    int64_t refused_ms = skf_judge_event_ms(event);
    bool due = seen ? j->now_ms - seen->at_ms >= LOOK_AGAIN_MS && refused_ms >= seen->wall_ms
                    : lasting >= LOOK_AFTER_MS;
    if (due) {
        t->weight = WEIGHT_LOG;
        want_ports(container, asked, &t->finding);
        return;
    }
    unsigned again = seen ? LOOK_AGAIN_MS : (unsigned)(LOOK_AFTER_MS - lasting);
    if (t->weight != WEIGHT_GRACE || again < t->grace_ms)
        t->grace_ms = again;
    t->weight = WEIGHT_GRACE; /* only to be asked again: it becomes final by what is seen */
}

void skf_judge_probe(struct skf_judge *j, const json_t *pod, const char *name, const json_t *event,
                     struct trouble *t)
{
    const char *message = skf_jtext(event, "message");
    const char *key = probe_key(message);
    const json_t *container = skf_jfind(pod, "spec.containers", "name", name);
    const json_t *probe = skf_jget(container, key);
    skf_trouble_set(t, WEIGHT_NOTE, SKF_CAUSE_PROBE, "runs and is not ready: %s", message);
    if (judge_answer(j, skf_jtext(pod, "metadata.uid"), key, probe, message, t))
        return;
    if (strstr(message, "connection refused"))
        judge_refused(j, pod, event, key, container, probe, t);
}

void skf_judge_ports(struct skf_judge *j, const struct skf_finding *asked, const bool *open)
{
    for (struct skf_map_iter it = skf_map_first(&j->pods); it.key; skf_map_next(&it)) {
        if (strcmp(skf_jtext(it.value, "metadata.name"), asked->pod) != 0 ||
            strcmp(skf_jtext(it.value, "metadata.namespace"), asked->namespace_) != 0)
            continue;
        skf_autofree char *id = skf_xasprintf("%s/%s", it.key, asked->container);
        struct ports_seen *seen = skf_map_get(&j->ports, id);
        if (!seen) {
            seen = skf_xcalloc(1, sizeof *seen);
            skf_map_put(&j->ports, id, seen);
        }
        seen->at_ms = j->now_ms;
        /* Stamps of events have whole seconds: one of this very second says nothing yet. */
        seen->wall_ms = j->wall_ms / 1000 * 1000 + 1000;
        seen->n = asked->n_ports;
        for (size_t i = 0; i < asked->n_ports; i++) {
            seen->port[i] = asked->port[i];
            seen->open[i] = open[i];
        }
        seen->loopback_times = open[0] ? seen->loopback_times + 1 : 0;
        return;
    }
}
