/* A container that runs and whose probe fails. Most of this is what a slow start looks like too, so
 * proof is asked for before it is called an error: an answer of the wrong kind (404, TLS on a plain
 * port), or a look at the pod's ports from inside (through port-forward): the app listens
 * elsewhere, or on loopback only. */
#include <string.h>
#include <strings.h>

#include "lib/base/mem.h"
#include "lib/kube/jget.h"
#include "lib/kube/judge_internal.h"
#include "lib/kube/lastwords.h"

enum {
    LOOK_AFTER_MS = 4000, /* of refused probes */
    LOOK_AGAIN_MS = 5000,
    OTHER_PORT_MS = 10 * 1000,
    ANSWER_GRACE_MS = 15 * 1000,
    SCHEME_GRACE_MS = 5000,
    NAME_GRACE_MS = 3000,
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

/* Kubernetes folds events of one kind, and says so in front. */
static const char *unfolded(const char *message)
{
    static const char folded[] = "(combined from similar events): ";
    return strncmp(message, folded, sizeof folded - 1) == 0 ? message + sizeof folded - 1 : message;
}

static const char *probe_key(const char *message)
{
    static const char killing[] = "failed liveness probe";
    return strncmp(message, "Liveness", 8) == 0 || strstr(message, killing) ? "livenessProbe"
           : strncmp(message, "Startup", 7) == 0 || strstr(message, "failed startup probe")
               ? "startupProbe"
               : "readinessProbe";
}

/* Behind "Readiness probe failed: " */
static const char *probe_said(const char *message)
{
    const char *colon = strstr(message, ": ");
    return colon ? colon + 2 : message;
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

/* --- what a failed probe says ----------------------------------------------------------------- */

struct probed {
    const struct judged *c;
    const json_t *probe; /* of the container's spec */
    const char *key;     /* "readinessProbe" */
    const char *message; /* of the event, unfolded */
    const char *path;
    unsigned port;
};

static struct probed read_probe(const struct judged *c, const json_t *event)
{
    struct probed p = { .c = c };
    p.message = unfolded(skf_jtext(event, "message"));
    p.key = probe_key(p.message);
    p.probe = skf_jget(c->spec, p.key);
    p.path = skf_jtext(p.probe, "httpGet.path");
    p.path = *p.path ? p.path : "/";
    p.port = probe_port(c->spec, p.probe);
    return p;
}

static void probe_field(const struct probed *p, const char *below, struct trouble *t)
{
    skf_autofree char *field = skf_xasprintf("%s%s%s", p->key, *below ? "." : "", below);
    skf_trouble_container_field(t, p->c, field);
}

static const char *handler(const struct probed *p)
{
    return skf_jget(p->probe, "tcpSocket") ? "tcpSocket"
           : skf_jget(p->probe, "grpc")    ? "grpc"
           : skf_jget(p->probe, "exec")    ? "exec"
                                           : "httpGet";
}

static void port_field(const struct probed *p, struct trouble *t)
{
    skf_autofree char *below = skf_xasprintf("%s.port", handler(p));
    probe_field(p, below, t);
}

/* An answer of a kind that no start looks like. `grace_ms`: how long it has to be so. */
static bool certain_words(const struct probed *p, struct trouble *t, unsigned *grace_ms)
{
    const char *m = p->message;
    const char *code = strstr(m, "statuscode: ");
    int status = code ? (int)strtol(code + 12, NULL, 10) : 0;
    *grace_ms = ANSWER_GRACE_MS;
    if (strstr(m, "server gave HTTP response to HTTPS client") ||
        strstr(m, "first record does not look like a TLS handshake")) {
        *grace_ms = SCHEME_GRACE_MS;
        skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_PROBE,
                        "speaks plain http, and its %s asks with scheme HTTPS", p->key);
        skf_trouble_hint(t, "take 'scheme: HTTPS' out of the %s", p->key);
        probe_field(p, "httpGet.scheme", t);
    } else if (strstr(m, "malformed HTTP response") || status == 400) {
        skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_PROBE,
                        "does not understand its %s (%s): does it speak TLS there?", p->key,
                        status ? "answer 400" : "no http answer");
        skf_trouble_hint(t, "set 'scheme: HTTPS' in the %s, or ask another port", p->key);
        probe_field(p, "httpGet", t);
    } else if (status == 404 || status == 405) {
        skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_PROBE, "answers %d to its %s at '%s'", status,
                        p->key, p->path);
        skf_trouble_hint(t, "is '%s' the path that the app serves?", p->path);
        probe_field(p, "httpGet.path", t);
    } else if (status == 401 || status == 403) {
        skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_PROBE, "answers %d to its %s at '%s'", status,
                        p->key, p->path);
        skf_trouble_hint(t, "let the app answer '%s' without credentials", p->path);
        probe_field(p, "httpGet.path", t);
    } else if (strstr(m, "exec: \"") && SKF_ANY_OF(m, "not found", "no such file", "denied")) {
        const char *program = strstr(m, "exec: \"") + strlen("exec: \"");
        *grace_ms = NAME_GRACE_MS;
        skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_PROBE,
                        "has no program '%.*s', which its %s runs", (int)strcspn(program, "\""),
                        program, p->key);
        skf_trouble_hint(t, "put it into the image, or ask with httpGet, tcpSocket or grpc");
        probe_field(p, "exec.command", t);
    } else if (strstr(m, "strconv.Atoi: parsing") || strstr(m, "couldn't find port")) {
        const char *name = strchr(m, '"');
        *grace_ms = NAME_GRACE_MS;
        skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_PROBE,
                        "has no port named '%.*s', which its %s asks",
                        name ? (int)strcspn(name + 1, "\"") : 0, name ? name + 1 : "", p->key);
        skf_trouble_hint(t, "name one of its ports so, or write the number");
        port_field(p, t);
    } else if (strstr(m, "does not implement the grpc health protocol") ||
               strstr(m, "unknown service grpc.health.v1.Health")) {
        *grace_ms = SCHEME_GRACE_MS;
        skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_PROBE,
                        "speaks gRPC without the health service, which its %s asks", p->key);
        skf_trouble_hint(t, "register grpc.health.v1.Health in the app, or probe with tcpSocket");
        probe_field(p, "grpc", t);
    } else {
        return false;
    }
    return true;
}

/* A probe that was refused, or for gRPC without an answer: nobody listens there (yet). */
static bool is_refused(const struct probed *p)
{
    return strstr(p->message, "connection refused") ||
           (strstr(p->message, "failed to connect service") && skf_jget(p->probe, "grpc"));
}

static void vague_words(const struct probed *p, struct trouble *t)
{
    const char *said = probe_said(p->message);
    const char *code = strstr(said, "statuscode: ");
    probe_field(p, "", t);
    if (is_refused(p)) {
        skf_trouble_set(t, WEIGHT_NOTE, SKF_CAUSE_PROBE,
                        "does not listen on port %u, which its %s asks", p->port, p->key);
        port_field(p, t);
    } else if (SKF_ANY_OF(said, "Client.Timeout exceeded", "context deadline exceeded",
                          "command timed out", "i/o timeout")) {
        skf_trouble_set(t, WEIGHT_NOTE, SKF_CAUSE_PROBE,
                        "does not answer its %s within %lld s (timeoutSeconds)", p->key,
                        skf_jint(p->probe, "timeoutSeconds", 1));
        skf_trouble_hint(t, "raise timeoutSeconds, or ask something that answers faster");
        probe_field(p, skf_jget(p->probe, "timeoutSeconds") ? "timeoutSeconds" : "", t);
    } else if (code) {
        skf_trouble_set(t, WEIGHT_NOTE, SKF_CAUSE_PROBE, "answers %ld to its %s at '%s'",
                        strtol(code + 12, NULL, 10), p->key, p->path);
        probe_field(p, "httpGet.path", t);
    } else {
        size_t len = strcspn(said, "\n");
        skf_trouble_set(t, WEIGHT_NOTE, SKF_CAUSE_PROBE, "fails its %s: %.*s", p->key, (int)len,
                        said);
    }
}

bool skf_judge_probe_words(const struct judged *c, const json_t *event, struct trouble *t)
{
    unsigned grace_ms;
    struct probed p = read_probe(c, event);
    if (certain_words(&p, t, &grace_ms))
        return true;
    vague_words(&p, t);
    return false;
}

/* --- who listens ------------------------------------------------------------------------------ */

/* Ports that another container of the pod declares are its, although they are seen from here. */
static bool of_another(const struct judged *c, unsigned port)
{
    static const char *const lists[] = { "spec.containers", "spec.initContainers" };
    for (size_t k = 0; k < SKF_ARRAY_LEN(lists); k++) {
        const json_t *list = skf_jget(c->pod, lists[k]);
        for (size_t i = 0; i < json_array_size(list); i++) {
            const json_t *other = json_array_get(list, i);
            if (strcmp(skf_jtext(other, "name"), c->name) != 0 && declared(other, port))
                return true;
        }
    }
    return false;
}

static void want_port(const struct judged *c, struct skf_finding *f, unsigned port)
{
    for (size_t i = 0; i < f->n_ports; i++) {
        if (f->port[i] == port)
            return;
    }
    if (port && f->n_ports < SKF_FINDING_PORTS && !of_another(c, port))
        f->port[f->n_ports++] = port;
}

static char *look_key(const struct judged *c)
{
    return skf_xasprintf("%s/%s/%s", c->uid, c->name, "while it runs");
}

/* The probe's port first, then what the container declares, what its log speaks of, and what
 * programs listen on when nobody tells them. */
static void want_ports(const struct probed *p, const char *log, struct skf_finding *f)
{
    static const unsigned usual[] = { 8080, 80, 3000, 5000, 8000, 8443, 9090, 50051 };
    const json_t *ports = skf_jget(p->c->spec, "ports");
    unsigned said[4];
    size_t n = skf_last_words_ports(log, strlen(log), said, SKF_ARRAY_LEN(said));
    f->wants_ports = true;
    f->n_ports = 0;
    f->port[f->n_ports++] = p->port;
    for (size_t i = 0; i < json_array_size(ports); i++) {
        const char *protocol = skf_jstr(json_array_get(ports, i), "protocol");
        if (!protocol || strcmp(protocol, "TCP") == 0)
            want_port(p->c, f, (unsigned)skf_jint(json_array_get(ports, i), "containerPort", 0));
    }
    for (size_t i = 0; i < n; i++)
        want_port(p->c, f, said[i]);
    for (size_t i = 0; i < SKF_ARRAY_LEN(usual); i++)
        want_port(p->c, f, usual[i]);
}

/* How sure an open port is: one that the log names, while the asked one is declared nowhere, is the
 * one that was meant. An app may open a port for its metrics long before the one that counts. */
static unsigned other_port_grace(const struct probed *p, const char *log, unsigned open)
{
    unsigned said[4];
    size_t n = skf_last_words_ports(log, strlen(log), said, SKF_ARRAY_LEN(said));
    bool named = false, asked_named = false;
    for (size_t i = 0; i < n; i++) {
        named = named || said[i] == open;
        asked_named = asked_named || said[i] == p->port;
    }
    if (!declared(p->c->spec, p->port) && (named || declared(p->c->spec, open)))
        return OTHER_PORT_MS;
    return named && !asked_named ? OTHER_PORT_MS : 0;
}

static void judge_seen(const struct probed *p, const char *log, const struct ports_seen *seen,
                       struct trouble *t)
{
    if (seen->open[0] && seen->loopback_times >= 2) {
        if (strcmp(handler(p), "grpc") == 0) {
            skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_PROBE,
                            "listens on port %u, and does not answer its %s there: does it speak "
                            "gRPC, and on all addresses?",
                            p->port, p->key);
            skf_trouble_hint(t, "for http use httpGet");
            probe_field(p, "grpc", t);
            skf_trouble_lasting(p->c->j, p->c->uid, "probe-grpc", ANSWER_GRACE_MS, t);
            return;
        }
        skf_trouble_set(t, WEIGHT_FINAL, SKF_CAUSE_PROBE,
                        "listens on port %u of loopback only; its %s, and everybody else, cannot "
                        "reach it",
                        p->port, p->key);
        skf_trouble_hint(t, "let it listen on 0.0.0.0:%u (all addresses)", p->port);
        return;
    }
    for (size_t i = 1; i < seen->n && !seen->open[0]; i++) {
        if (!seen->open[i])
            continue;
        unsigned grace_ms = other_port_grace(p, log, seen->port[i]);
        skf_trouble_set(t, WEIGHT_NOTE, SKF_CAUSE_PROBE,
                        "listens on port %u, and its %s asks port %u, where nobody listens",
                        seen->port[i], p->key, p->port);
        skf_trouble_hint(t, "set the port of the %s to %u", p->key, seen->port[i]);
        if (declared(p->c->spec, p->port))
            skf_trouble_hint(t, "let the app listen on %u, or set containerPort and %s to %u",
                             p->port, p->key, seen->port[i]);
        if (grace_ms)
            skf_trouble_lasting(p->c->j, p->c->uid, "probe-port", grace_ms, t);
        return;
    }
}

static void ask_again_after(unsigned ms, struct trouble *t)
{
    if (t->weight != WEIGHT_GRACE || ms < t->grace_ms)
        t->grace_ms = ms;
    t->weight = WEIGHT_GRACE; /* only to be asked again: it becomes final by what is seen */
}

static void judge_refused(const struct probed *p, const json_t *event, struct trouble *t)
{
    struct skf_judge *j = p->c->j;
    int64_t lasting = skf_judge_lasting(j, p->c->uid, "probe-refused");
    skf_autofree char *id = skf_xasprintf("%s/%s", p->c->uid, p->c->name);
    skf_autofree char *key = look_key(p->c);
    const struct ports_seen *seen = skf_map_get(&j->ports, id);
    const char *log = skf_map_get(&j->logs, key);
    if (!p->port)
        return;
    if (seen)
        judge_seen(p, log ? log : "", seen, t);
    if (t->weight == WEIGHT_FINAL)
        return;
    /* Is the refusal newer than the last look? Only then does another look say anything. */
    int64_t refused_ms = skf_judge_event_ms(event);
    bool due = seen ? j->now_ms - seen->at_ms >= LOOK_AGAIN_MS && refused_ms >= seen->wall_ms
                    : lasting >= LOOK_AFTER_MS;
    if (!due) {
        ask_again_after(seen ? LOOK_AGAIN_MS : (unsigned)(LOOK_AFTER_MS - lasting), t);
        return;
    }
    t->weight = WEIGHT_LOG;
    if (log) {
        want_ports(p, log, &t->finding);
        return;
    }
    skf_replace(&t->finding.instance, skf_xstrdup("while it runs"));
    t->finding.wants_log = true;
}

void skf_judge_probe(const struct judged *c, const json_t *event, struct trouble *t)
{
    unsigned grace_ms;
    struct probed p = read_probe(c, event);
    if (certain_words(&p, t, &grace_ms)) {
        skf_trouble_lasting(c->j, c->uid, "probe-answer", grace_ms, t);
        return;
    }
    vague_words(&p, t);
    if (is_refused(&p))
        judge_refused(&p, event, t);
    else if (!strstr(p.message, "Liveness")) /* its own words, when the time is up */
        t->finding.wants_log = true;
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
