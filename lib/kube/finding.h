/* lib/kube/finding.h: one cause why something does not become ready, in words. */
#ifndef SKF_KUBE_FINDING_H
#define SKF_KUBE_FINDING_H
#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/base/vec.h"

enum skf_cause {
    SKF_CAUSE_NONE,
    SKF_CAUSE_PENDING, /* nothing wrong seen: still on its way */
    SKF_CAUSE_IMAGE,   /* cannot be pulled */
    SKF_CAUSE_CRASH,   /* ends with an error, again and again */
    SKF_CAUSE_EXIT_0,  /* ends without an error, and should keep running */
    SKF_CAUSE_OOM,
    SKF_CAUSE_START,  /* the command cannot be started */
    SKF_CAUSE_CONFIG, /* ConfigMap, Secret or key missing, security context */
    SKF_CAUSE_UNSCHEDULABLE,
    SKF_CAUSE_VOLUME,
    SKF_CAUSE_PROBE,
    SKF_CAUSE_CREATE,   /* the controller may not create pods: quota, service account */
    SKF_CAUSE_DEADLINE, /* Kubernetes' or our own */
    SKF_CAUSE_MISSING,  /* the object is not there */
    SKF_CAUSE_PAUSED,
    SKF_CAUSE_JOB,
};

enum { SKF_FINDING_PORTS = 12 };

struct skf_finding {
    enum skf_cause cause;
    char *object;     /* "deployment/web", "team:deployment/web" outside the default namespace */
    char *namespace_; /* of the pod */
    char *pod, *container; /* NULL when it is about none */
    char *text; /* "image 'x' cannot be pulled: not found"; never NULL in a filled finding */
    char *hint; /* what to do, or NULL */
    /* Where it is written, for skf_place: of `about` ("Deployment/web"; not always the workload).
     */
    char *field, *about, *about_namespace;
    char *where;   /* "k8s/web.yaml:21:13", when the manifests are at hand; or NULL */
    int exit_code; /* of the last end; -1 = none */
    int restarts;
    char *instance;   /* which run of the container ended */
    bool wants_log;   /* the last lines of the container's log explain more */
    bool previous;    /* ... of the instance before the running one */
    bool wants_ports; /* which of these does somebody listen on? The first is the probe's */
    unsigned port[SKF_FINDING_PORTS];
    size_t n_ports;
    struct skf_strv log; /* last lines, when they were fetched */
    char *last_words;    /* what they say in one line; NULL = no log */
};

void skf_finding_release(struct skf_finding *f);
/* The last lines of a container's log, from its raw text. */
void skf_finding_set_log(struct skf_finding *f, const char *text, size_t len);
/* Appends "deployment/web: container 'web' crashes (exit code 2, 3 times): panic: boom; HINT
 * (k8s/web.yaml:12:9)". */
void skf_finding_line(const struct skf_finding *f, struct skf_buf *out);
/* Does the log speak of something else that is not there yet (a database)? A restart may help then.
 */
bool skf_finding_waits_for_other(const struct skf_finding *f);
#endif
