/* lib/kube/judge_internal.h: shared by judge*.c only. */
#ifndef SKF_KUBE_JUDGE_INTERNAL_H
#define SKF_KUBE_JUDGE_INTERNAL_H
#include "lib/base/map.h"
#include "lib/kube/judge.h"

struct target {
    struct skf_workload view;
    json_t *object; /* newest; NULL = not seen */
    bool listed;    /* its kind was listed in its namespace */
};

struct skf_judge {
    char *default_namespace;
    SKF_VEC(struct target *) targets;
    struct skf_map pods, sets, events; /* by uid: json_t, owned */
    struct skf_map since;              /* "uid/what": int64_t *, first seen */
    struct skf_map logs;     /* "uid/container/instance": char *, the log that was fetched */
    struct skf_map ports;    /* "uid/container": struct ports_seen * of judge_probe.c */
    struct skf_map ends;     /* "uid/container/run": char *, how that run ended */
    struct skf_map restarts; /* "uid/container": long long *, when all were ready */
    bool after_ready;
    size_t unready;          /* targets */
    int64_t now_ms, wall_ms; /* wall_ms: the cluster's clock; 0 = unknown */
    unsigned settle_ms;
    bool local;
};

/* How a trouble is to be taken. */
enum weight {
    WEIGHT_NONE,
    WEIGHT_QUIET, /* what a healthy start looks like too: said only when the deadline has passed */
    WEIGHT_NOTE,  /* worth saying, heals by itself as a rule */
    WEIGHT_GRACE, /* final when it lasts `grace_ms` */
    WEIGHT_LOG,   /* depends on the container's log */
    WEIGHT_FINAL,
};

struct trouble {
    enum weight weight;
    unsigned grace_ms;
    struct skf_finding finding;
};

/* One container of a pod while it is judged. All borrowed from the pod. */
struct judged {
    struct skf_judge *j;
    const json_t *pod, *status;
    const json_t *spec; /* its part of pod.spec; NULL = not there */
    const char *uid, *name;
    bool init;          /* among the initContainers */
    bool will_restart;  /* when it ends with an error */
    bool keeps_running; /* as it is meant to: not an init container, or a sidecar */
};

/* By the workload's own status; puts its progress in words. *recheck_ms: as skf_judge_decide. */
bool skf_target_says_ready(struct skf_judge *j, struct target *t, unsigned *recheck_ms);
/* Sets the progress; returns false. */
bool skf_target_words(struct target *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Is the status about the newest spec? */
bool skf_judge_observed(const json_t *object);
bool skf_judge_condition(const json_t *object, const char *type);
/* The worst trouble of one pod. */
void skf_judge_pod(struct skf_judge *j, const json_t *pod, struct trouble *out);
/* A pod that is ready, one of whose containers has been restarted since skf_judge_note_restarts. */
void skf_judge_restarted(struct skf_judge *j, const json_t *pod, struct trouble *out);
void skf_judge_note_restarts(struct skf_judge *j, const json_t *pod);
/* A container that has ended: of the state, or of the last state. */
void skf_judge_end(const struct judged *c, struct trouble *t);
/* A postStart hook that fails ends its container: false when it is not that. */
bool skf_judge_hook(const struct judged *c, bool final, struct trouble *t);
/* The runtime's sentence about a program that cannot be run, in fewer words. false: another one. */
bool skf_judge_start_words(const struct judged *c, const char *message, struct trouble *t,
                           enum weight weight);
/* An image that does not come. */
void skf_judge_image(const struct judged *c, struct trouble *t);
/* A container that cannot be made of what it refers to: ConfigMap, Secret, key, user. */
void skf_judge_config(const struct judged *c, const char *message, struct trouble *t);
/* Before any container runs: a node, volumes, the network of the pod. */
void skf_judge_scheduling(struct skf_judge *j, const json_t *pod, struct trouble *t);
void skf_judge_setup(struct skf_judge *j, const json_t *pod, struct trouble *t);
/* The controller may not make pods: `message` says why. */
void skf_judge_create_words(const char *message, struct trouble *t);
/* Do all of its containers run and call themselves ready? Also true of one that has done its part:
 * on its way out, or ended for good. */
bool skf_judge_runs(const json_t *pod);
/* Ms until a pod that has just started counts as running; 0 = it does. *crashed: it had ended
 * before. */
unsigned skf_judge_unsettled(struct skf_judge *j, const json_t *pod, bool *crashed);
/* Ms since a time stamp of the cluster; -1 = unknown. */
int64_t skf_judge_age(const struct skf_judge *j, const char *stamp);
/* A running container that its probe finds not well, by the newest event about it. */
void skf_judge_probe(const struct judged *c, const json_t *event, struct trouble *t);
/* What the probe's event says, as "answers 404 to its livenessProbe at '/x'", with hint and field.
 * true: no start, however slow, looks like that. */
bool skf_judge_probe_words(const struct judged *c, const json_t *event, struct trouble *t);
int64_t skf_judge_event_ms(const json_t *event);
/* Newest Warning event about this uid with one of the reasons (space separated; NULL = any). */
const json_t *skf_judge_event(const struct skf_judge *j, const char *uid, const char *reasons);
/* Newest event about this container, Warning or not, that has the word. */
const json_t *skf_judge_container_event(const struct judged *c, const char *reasons,
                                        const char *word);
/* Newest event about the object of this kind and name. */
const json_t *skf_judge_named_event(const struct skf_judge *j, const char *kind,
                                    const char *namespace_, const char *name, const char *reasons);
/* How long "uid/what" has been so, in ms; the first question starts the clock. */
int64_t skf_judge_lasting(struct skf_judge *j, const char *uid, const char *what);
void skf_trouble_set(struct trouble *t, enum weight weight, enum skf_cause cause, const char *fmt,
                     ...) __attribute__((format(printf, 4, 5)));
void skf_trouble_hint(struct trouble *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The field, of the pod's spec. */
void skf_trouble_field(struct trouble *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* ... of the container; "" = the container itself. */
void skf_trouble_container_field(struct trouble *t, const struct judged *c, const char *below);
/* Becomes final when it has lasted so long. */
void skf_trouble_lasting(struct skf_judge *j, const char *uid, const char *what, unsigned grace_ms,
                         struct trouble *t);
bool skf_any_of(const char *text, const char *const *words, size_t n);
/* Is one of the words in the text? In any case of letters. */
#define SKF_ANY_OF(text, ...)                                                                      \
    skf_any_of(text, (const char *const[]){ __VA_ARGS__ },                                         \
               SKF_ARRAY_LEN(((const char *const[]){ __VA_ARGS__ })))
#endif
