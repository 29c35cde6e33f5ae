/* lib/kube/judge.h: is what was applied running, and if not, why? Pure: fed with API objects and
 * the time, it does no I/O, so that recorded event streams test it.
 *
 * A workload is ready when `kubectl rollout status` would say so. It has failed when waiting longer
 * cannot help; what may still heal by itself (a registry that does not answer, a node without room,
 * an app that waits for its database) is given time: see judge_pod.c. */
#ifndef SKF_KUBE_JUDGE_H
#define SKF_KUBE_JUDGE_H
#include <jansson.h>
#include <stdint.h>

#include "lib/kube/finding.h"
#include "lib/kube/watch.h"

struct skf_workload {
    const char *kind, *namespace_, *name; /* owned by the judge */
    bool ready;
    char *progress; /* owned; in words: "1 of 3 new replicas are available" */
};

enum skf_verdict {
    SKF_VERDICT_PENDING,
    SKF_VERDICT_READY,
    SKF_VERDICT_FAILED,
    SKF_VERDICT_ASK_LOG,   /* fetch the log that the finding wants, then skf_judge_log */
    SKF_VERDICT_ASK_PORTS, /* look who listens on the finding's ports, then skf_judge_ports */
};

struct skf_judge;

/* `default_namespace` is not written in front of names. */
struct skf_judge *skf_judge_new(const char *default_namespace);
void skf_judge_free(struct skf_judge *j);
/* false: not a kind that is waited for. */
bool skf_judge_add(struct skf_judge *j, const char *kind, const char *namespace_, const char *name);
/* A local cluster gets no further node: a pod without room fails soon. */
void skf_judge_set_local(struct skf_judge *j, bool local);
/* A container without a readiness probe counts as ready when it has run so long; default 0. */
void skf_judge_set_settle(struct skf_judge *j, unsigned settle_ms);
/* The cluster's wall clock, for time stamps in objects. */
void skf_judge_set_clock(struct skf_judge *j, int64_t wall_ms);
/* All were ready: from now on a container that has ended since is a trouble, also when its workload
 * is ready again. */
void skf_judge_watch_on(struct skf_judge *j);
size_t skf_judge_count(const struct skf_judge *j);
const struct skf_workload *skf_judge_workload(const struct skf_judge *j, size_t i);

/* One event of a watch. Kinds: the workloads', ReplicaSet, Pod, Event. The object is kept. */
void skf_judge_feed(struct skf_judge *j, const char *kind, enum skf_kube_event event,
                    json_t *object);
/* The list of this kind is complete: a workload that was not in it is not there. */
void skf_judge_listed(struct skf_judge *j, const char *kind, const char *namespace_);

/* A pod of the newest revision of workload i that runs, or NULL. Borrowed. */
const json_t *skf_judge_running_pod(const struct skf_judge *j, size_t i);

/* The verdict now. FAILED and ASK_LOG fill *finding; PENDING fills it with the most telling
 * trouble, if any (cause NONE otherwise). *recheck_ms: ask again after so long even without an
 * event; 0 = no need. `finding` is released first. */
enum skf_verdict skf_judge_decide(struct skf_judge *j, int64_t now_ms, struct skf_finding *finding,
                                  unsigned *recheck_ms);
/* The answer to ASK_LOG ("" when it cannot be had). */
void skf_judge_log(struct skf_judge *j, const struct skf_finding *asked, const char *text,
                   size_t len);
/* The answer to ASK_PORTS: one flag a port. */
void skf_judge_ports(struct skf_judge *j, const struct skf_finding *asked, const bool *open);
#endif
