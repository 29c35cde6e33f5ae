/* Scripted API objects through the judge: no network, and a clock of the test's own. */
#include "lib/kube/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct skf_judge *judge;
    struct skf_finding finding;
    int64_t now;
    unsigned recheck;
    const char *volumes; /* of the pod; NULL = none */
};

static int setup(void **state)
{
    struct fixture *f = skf_xcalloc(1, sizeof *f);
    f->judge = skf_judge_new("default");
    skf_judge_set_local(f->judge, true);
    f->now = 1000;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    skf_finding_release(&f->finding);
    skf_judge_free(f->judge);
    free(f);
    return 0;
}

/* JSON with single quotes, for reading. */
static json_t *js(const char *text)
{
    char *copy = skf_xstrdup(text);
    for (char *p = copy; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    json_error_t at;
    json_t *o = json_loads(copy, 0, &at);
    if (!o)
        fail_msg("%s in %s", at.text, copy);
    free(copy);
    return o;
}

static void feed(struct fixture *f, const char *kind, const char *text)
{
    json_t *o = js(text);
    skf_judge_feed(f->judge, kind, SKF_KUBE_MODIFIED, o);
    json_decref(o);
}

static enum skf_verdict decide(struct fixture *f)
{
    return skf_judge_decide(f->judge, f->now, &f->finding, &f->recheck);
}

static void deployment(struct fixture *f, int generation, int observed, int replicas, int updated,
                       int all, int available)
{
    char *text = skf_xasprintf(
        "{'metadata':{'name':'web','namespace':'default','uid':'d1','generation':%d,'annotations':"
        "{'deployment.kubernetes.io/revision':'2'}},'spec':{'replicas':%d},'status':"
        "{'observedGeneration':%d,'updatedReplicas':%d,'replicas':%d,'availableReplicas':%d}}",
        generation, replicas, observed, updated, all, available);
    feed(f, "Deployment", text);
    free(text);
}

static void set(struct fixture *f)
{
    feed(f, "ReplicaSet",
         "{'metadata':{'name':'web-old','namespace':'default','uid':'r1','annotations':"
         "{'deployment.kubernetes.io/revision':'1'},'ownerReferences':[{'uid':'d1'}]}}");
    feed(f, "ReplicaSet",
         "{'metadata':{'name':'web-new','namespace':'default','uid':'r2','annotations':"
         "{'deployment.kubernetes.io/revision':'2'},'ownerReferences':[{'uid':'d1'}]}}");
}

/* One pod of ReplicaSet `owner` with the given status and container state. */
static void pod(struct fixture *f, const char *uid, const char *owner, const char *container_status,
                const char *conditions)
{
    char *text = skf_xasprintf(
        "{'metadata':{'name':'pod-%s','namespace':'default','uid':'%s','ownerReferences':"
        "[{'uid':'%s'}]},'spec':{'restartPolicy':'Always','containers':[{'name':'c','image':"
        "'reg/app:1'}],'volumes':[%s]},'status':{'phase':'Running','conditions':[%s],"
        "'containerStatuses':[{'name':'c',%s}]}}",
        uid, uid, owner, f->volumes ? f->volumes : "", conditions, container_status);
    feed(f, "Pod", text);
    free(text);
}

#define READY "{'type':'Ready','status':'True'}"
#define NOT_READY "{'type':'Ready','status':'False'}"

/* A container that has ended before, `restarts` times. */
static void after_crash(struct fixture *f, int restarts, int code, const char *state,
                        const char *conditions)
{
    char *status = skf_xasprintf(
        "'restartCount':%d,'state':{%s},'lastState':{'terminated':{'exitCode':%d,'reason':'Error',"
        "'containerID':'i%d','startedAt':'2026-11-23T12:00:00Z','finishedAt':"
        "'2026-11-23T12:00:01Z'}}",
        restarts, state, code, restarts);
    pod(f, "p2", "r2", status, conditions);
    free(status);
}

static void crash(struct fixture *f, int restarts, int code, const char *state)
{
    after_crash(f, restarts, code, state, NOT_READY);
}

#define BACK_OFF "'waiting':{'reason':'CrashLoopBackOff'}"
#define RUNNING "'running':{'startedAt':'2026-11-23T12:00:02Z'}"

static void rolling(struct fixture *f)
{
    assert_true(skf_judge_add(f->judge, "Deployment", "default", "web"));
    deployment(f, 2, 2, 1, 1, 2, 1);
    set(f);
}

static void test_deployment_ready(void **state)
{
    struct fixture *f = *state;
    assert_true(skf_judge_add(f->judge, "Deployment", "default", "web"));
    assert_false(skf_judge_add(f->judge, "ConfigMap", "default", "web"));
    assert_int_equal(decide(f), SKF_VERDICT_PENDING);
    deployment(f, 2, 1, 1, 1, 1, 1); /* of the generation before */
    assert_int_equal(decide(f), SKF_VERDICT_PENDING);
    deployment(f, 2, 2, 3, 1, 3, 3);
    assert_int_equal(decide(f), SKF_VERDICT_PENDING);
    assert_string_equal(skf_judge_workload(f->judge, 0)->progress, "1 of 3 new replicas are made");
    deployment(f, 2, 2, 3, 3, 4, 3);
    assert_int_equal(decide(f), SKF_VERDICT_PENDING);
    assert_string_equal(skf_judge_workload(f->judge, 0)->progress, "1 old replica is still there");
    deployment(f, 2, 2, 3, 3, 3, 2);
    assert_int_equal(decide(f), SKF_VERDICT_PENDING);
    deployment(f, 2, 2, 3, 3, 3, 3);
    assert_int_equal(decide(f), SKF_VERDICT_READY);
    assert_true(skf_judge_workload(f->judge, 0)->ready);
    deployment(f, 3, 3, 0, 0, 0, 0); /* scaled to nothing */
    assert_int_equal(decide(f), SKF_VERDICT_READY);
}

static void test_other_kinds_ready(void **state)
{
    struct fixture *f = *state;
    skf_judge_add(f->judge, "StatefulSet", "default", "s");
    feed(f, "StatefulSet",
         "{'metadata':{'name':'s','namespace':'default','uid':'s1','generation':1},'spec':"
         "{'replicas':2},'status':{'observedGeneration':1,'readyReplicas':2,'updatedReplicas':1,"
         "'updateRevision':'b','currentRevision':'a'}}");
    assert_int_equal(decide(f), SKF_VERDICT_PENDING);
    feed(f, "StatefulSet",
         "{'metadata':{'name':'s','namespace':'default','uid':'s1','generation':1},'spec':"
         "{'replicas':2},'status':{'observedGeneration':1,'readyReplicas':2,'updatedReplicas':2,"
         "'updateRevision':'b','currentRevision':'b'}}");
    assert_int_equal(decide(f), SKF_VERDICT_READY);
    skf_judge_add(f->judge, "DaemonSet", "default", "d");
    feed(f, "DaemonSet",
         "{'metadata':{'name':'d','namespace':'default','uid':'x','generation':1},'status':"
         "{'observedGeneration':1,'desiredNumberScheduled':2,'updatedNumberScheduled':2,"
         "'numberAvailable':1}}");
    assert_int_equal(decide(f), SKF_VERDICT_PENDING);
    feed(f, "DaemonSet",
         "{'metadata':{'name':'d','namespace':'default','uid':'x','generation':1},'status':"
         "{'observedGeneration':1,'desiredNumberScheduled':2,'updatedNumberScheduled':2,"
         "'numberAvailable':2}}");
    assert_int_equal(decide(f), SKF_VERDICT_READY);
    skf_judge_add(f->judge, "Pod", "default", "p");
    feed(f, "Pod",
         "{'metadata':{'name':'p','namespace':'default','uid':'pp'},'status':{'phase':"
         "'Pending'}}");
    assert_int_equal(decide(f), SKF_VERDICT_PENDING);
    feed(f, "Pod",
         "{'metadata':{'name':'p','namespace':'default','uid':'pp'},'status':{'phase':"
         "'Running','conditions':[{'type':'Ready','status':'True'}]}}");
    assert_int_equal(decide(f), SKF_VERDICT_READY);
}

static void test_job(void **state)
{
    struct fixture *f = *state;
    skf_judge_add(f->judge, "Job", "default", "j");
    feed(f, "Job",
         "{'metadata':{'name':'j','namespace':'default','uid':'j1'},'status':{'active':1,"
         "'ready':1}}");
    assert_int_equal(decide(f), SKF_VERDICT_PENDING);
    assert_int_equal(f->recheck, 10000);
    feed(f, "Job",
         "{'metadata':{'name':'j','namespace':'default','uid':'j1'},'status':{"
         "'conditions':[{'type':'Complete','status':'True'}]}}");
    assert_int_equal(decide(f), SKF_VERDICT_READY);
    feed(f, "Job",
         "{'metadata':{'name':'j','namespace':'default','uid':'j1'},'status':{"
         "'conditions':[{'type':'Failed','status':'True','message':'too often'}]}}");
    assert_int_equal(decide(f), SKF_VERDICT_FAILED);
    assert_string_equal(f->finding.text, "has failed: too often");
    /* Its pod says why. */
    feed(f, "Job",
         "{'metadata':{'name':'j','namespace':'default','uid':'j1','generation':1},"
         "'status':{'conditions':[{'type':'Failed','status':'True'}]}}");
    feed(f, "Pod",
         "{'metadata':{'name':'jp','namespace':'default','uid':'jp','ownerReferences':[{'uid':'j1'}"
         "]},'spec':{'restartPolicy':'Never'},'status':{'phase':'Failed','containerStatuses':"
         "[{'name':'c','restartCount':0,'state':{'terminated':{'exitCode':2,'containerID':'i'}}}]}"
         "}");
    assert_int_equal(decide(f), SKF_VERDICT_ASK_LOG);
    skf_judge_log(f->judge, &f->finding, "panic: x\n", 9);
    assert_int_equal(decide(f), SKF_VERDICT_FAILED);
    assert_int_equal(f->finding.cause, SKF_CAUSE_CRASH);
}

static void waiting(struct fixture *f, const char *reason, const char *message)
{
    char *status = skf_xasprintf("'restartCount':0,'state':{'waiting':{'reason':'%s','message':"
                                 "'%s'}}",
                                 reason, message);
    pod(f, "p2", "r2", status, "");
    free(status);
}

static void test_image_causes(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *reason, *message;
        enum skf_verdict verdict;
        const char *text;
    } cases[] = {
        { "ContainerCreating", "", SKF_VERDICT_PENDING, NULL },
        { "ErrImagePull", "failed to resolve reference reg/app:1: reg/app:1: not found",
          SKF_VERDICT_FAILED, "not found in its registry" },
        { "ImagePullBackOff", "Back-off pulling image: ErrImagePull: 401 Unauthorized",
          SKF_VERDICT_FAILED, "no credentials" },
        { "ErrImagePull", "no match for platform in manifest: not found", SKF_VERDICT_FAILED,
          "platform" },
        { "InvalidImageName", "x", SKF_VERDICT_FAILED, "not valid" },
        { "ErrImageNeverPull", "x", SKF_VERDICT_FAILED, "Never" },
        { "ErrImagePull", "dial tcp 1.2.3.4:443: i/o timeout", SKF_VERDICT_PENDING, "i/o timeout" },
    };
    rolling(f);
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        waiting(f, cases[i].reason, cases[i].message);
        if (decide(f) != cases[i].verdict)
            fail_msg("case %zu: %s", i, f->finding.text ? f->finding.text : "nothing");
        if (cases[i].text && !strstr(f->finding.text, cases[i].text))
            fail_msg("case %zu: %s", i, f->finding.text);
    }
    /* A registry that does not answer has half a minute. */
    assert_in_range(f->recheck, 1, 30000);
    f->now += 30000;
    assert_int_equal(decide(f), SKF_VERDICT_FAILED);
    assert_string_equal(f->finding.object, "deployment/web");
    assert_string_equal(f->finding.container, "c");
}

static void test_old_pods_do_not_count(void **state)
{
    struct fixture *f = *state;
    rolling(f);
    pod(f, "p1", "r1",
        "'restartCount':9,'state':{'waiting':{'reason':'ErrImagePull','message':"
        "'not found'}}",
        "");
    assert_int_equal(decide(f), SKF_VERDICT_PENDING);
    assert_int_equal(f->finding.cause, SKF_CAUSE_NONE);
}

static enum skf_verdict with_log(struct fixture *f, const char *log)
{
    assert_int_equal(decide(f), SKF_VERDICT_ASK_LOG);
    skf_judge_log(f->judge, &f->finding, log, strlen(log));
    return decide(f);
}

static void test_panic_fails_at_the_second_crash(void **state)
{
    struct fixture *f = *state;
    rolling(f);
    crash(f, 1, 2, RUNNING);
    assert_int_equal(with_log(f, "panic: boom\n\ngoroutine 1\n"), SKF_VERDICT_PENDING);
    crash(f, 1, 2, "'terminated':{'exitCode':2,'reason':'Error','containerID':'i9'}");
    assert_int_equal(with_log(f, "hello\npanic: boom\n"), SKF_VERDICT_FAILED);
    struct skf_buf line = SKF_BUF_INIT;
    skf_finding_line(&f->finding, &line);
    assert_string_equal(
        line.data, "deployment/web: container 'c' crashes (exit code 2, 2 times): panic: boom");
    skf_buf_release(&line);
}

static void test_patience_with_restarts(void **state)
{
    struct fixture *f = *state;
    rolling(f);
    crash(f, 1, 1, BACK_OFF);
    assert_int_equal(with_log(f, "error: config\n"), SKF_VERDICT_PENDING); /* two crashes */
    crash(f, 2, 1, RUNNING);
    assert_int_equal(with_log(f, "error: config\n"), SKF_VERDICT_PENDING);
    after_crash(f, 2, 1, RUNNING, READY);
    deployment(f, 2, 2, 1, 1, 1, 1); /* the API says ready: for how long? */
    assert_int_equal(decide(f), SKF_VERDICT_PENDING);
    assert_in_range(f->recheck, 1, 15000);
    f->now += 15000;
    assert_int_equal(decide(f), SKF_VERDICT_READY); /* healthy after restarts */
}

/* The Deployment's status lags behind the pod's: between two crashes it says "available" for a
 * moment, and still says so when the pod has ended again. */
static void test_a_pod_that_does_not_run_is_not_ready(void **state)
{
    struct fixture *f = *state;
    static const char *const ended[] = {
        "'terminated':{'exitCode':1,'reason':'Error','containerID':'i2'}",
        BACK_OFF,
    };
    rolling(f);
    for (size_t i = 0; i < SKF_ARRAY_LEN(ended); i++) {
        after_crash(f, 1, 1, RUNNING, READY); /* no readiness probe: what runs is ready */
        deployment(f, 2, 2, 1, 1, 1, 1);
        assert_int_equal(decide(f), SKF_VERDICT_PENDING);
        assert_string_equal(skf_judge_workload(f->judge, 0)->progress,
                            "running again after a crash");
        crash(f, 1, 1, ended[i]);
        if (i == 0)
            assert_int_equal(with_log(f, "the database is not there\n"), SKF_VERDICT_PENDING);
        assert_int_not_equal(decide(f), SKF_VERDICT_READY);
        assert_string_equal(skf_judge_workload(f->judge, 0)->progress, "pod 'pod-p2' is not ready");
    }
    f->now += 60000; /* however long it stays so */
    assert_int_not_equal(decide(f), SKF_VERDICT_READY);
    crash(f, 2, 1, "'terminated':{'exitCode':1,'reason':'Error','containerID':'i3'}");
    assert_int_equal(with_log(f, "the database is not there\n"), SKF_VERDICT_FAILED);
    assert_int_equal(f->finding.exit_code, 1);
}

/* The first crash, too: "available" comes from the moment in which it ran. */
static void test_a_first_crash_is_not_ready(void **state)
{
    struct fixture *f = *state;
    rolling(f);
    deployment(f, 2, 2, 1, 1, 1, 1);
    pod(f, "p2", "r2", "'restartCount':0,'state':{'terminated':{'exitCode':1}}", NOT_READY);
    assert_int_equal(with_log(f, "no\n"), SKF_VERDICT_PENDING);
}

/* An evicted pod stays in the list; its Deployment has made another one. */
static void test_a_failed_pod_beside_a_ready_one(void **state)
{
    struct fixture *f = *state;
    rolling(f);
    feed(f, "Pod",
         "{'metadata':{'name':'gone','namespace':'default','uid':'p8','ownerReferences':"
         "[{'uid':'r2'}]},'spec':{'restartPolicy':'Always'},'status':{'phase':'Failed','reason':"
         "'Evicted','containerStatuses':[{'name':'c','state':{'terminated':{'exitCode':137}}}]}}");
    pod(f, "p2", "r2", "'restartCount':0,'state':{" RUNNING "}", READY);
    deployment(f, 2, 2, 1, 1, 1, 1);
    assert_int_equal(decide(f), SKF_VERDICT_READY);
}

static void ends(struct fixture *f, int run, int code)
{
    char *state = skf_xasprintf(
        "'terminated':{'exitCode':%d,'reason':'Error','containerID':'run%d'}", code, run);
    crash(f, run, code, state);
    free(state);
}

static void start(struct fixture *f, const char *probe)
{
    char *text = skf_xasprintf(
        "{'metadata':{'name':'pod-p2','namespace':'default','uid':'p2','ownerReferences':[{'uid':"
        "'r2'}]},'spec':{'containers':[{'name':'c'%s}]},'status':{'phase':'Running','conditions':"
        "[" READY "],'containerStatuses':[{'name':'c','restartCount':0,'state':{" RUNNING "}}]}}",
        probe);
    feed(f, "Pod", text);
    free(text);
}

/* Without a probe, the API calls a program ready that has ended already. */
static void test_a_start_without_probe_has_to_settle(void **state)
{
    struct fixture *f = *state;
    rolling(f);
    skf_judge_set_settle(f->judge, 1500);
    skf_judge_set_clock(f->judge, 1795435202500); /* half a second after it started */
    start(f, "");
    deployment(f, 2, 2, 1, 1, 1, 1);
    assert_int_equal(decide(f), SKF_VERDICT_PENDING);
    assert_int_equal(f->recheck, 1500);
    f->now += 1500;
    assert_int_equal(decide(f), SKF_VERDICT_READY);
    start(f, ",'readinessProbe':{}");
    f->now = 1000;
    assert_int_equal(decide(f), SKF_VERDICT_READY);
}

static void test_what_ran_before_we_looked_has_settled(void **state)
{
    struct fixture *f = *state;
    rolling(f);
    skf_judge_set_settle(f->judge, 1500);
    skf_judge_set_clock(f->judge, 1795435210000);
    start(f, "");
    deployment(f, 2, 2, 1, 1, 1, 1);
    assert_int_equal(decide(f), SKF_VERDICT_READY);
}

static void test_the_same_end_twice(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *first, *second;
        int second_code;
        const char *volumes;
        enum skf_verdict verdict;
    } cases[] = {
        { "2026/11/23 14:09:02 no key", "2026/11/23 14:09:03 no key", 1, NULL, SKF_VERDICT_FAILED },
        { "{\"ts\":1763906943.17} no key", "{\"ts\":1763906944.9} no key", 1, NULL,
          SKF_VERDICT_FAILED },
        { "no key", "no key", 1, "{'name':'k','configMap':{}}", SKF_VERDICT_FAILED },
        { "no key", "no key", 1, "{'name':'d','emptyDir':{}}", SKF_VERDICT_PENDING },
        { "no key", "no key", 3, NULL, SKF_VERDICT_PENDING },
        { "try 1", "try 2", 1, NULL, SKF_VERDICT_PENDING },
        { "", "", 1, NULL, SKF_VERDICT_PENDING },
        { "waiting for db", "waiting for db", 1, NULL, SKF_VERDICT_PENDING },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        teardown(state);
        setup(state);
        f = *state;
        rolling(f);
        f->volumes = cases[i].volumes;
        ends(f, 0, 1);
        assert_int_equal(with_log(f, cases[i].first), SKF_VERDICT_PENDING);
        ends(f, 1, cases[i].second_code);
        if (with_log(f, cases[i].second) != cases[i].verdict)
            fail_msg("case %zu: %s", i, f->finding.text);
    }
}

/* Something else of the deploy was on its way at the first crash: the app may need it. */
static void test_the_same_end_beside_another_workload(void **state)
{
    struct fixture *f = *state;
    rolling(f);
    skf_judge_add(f->judge, "Pod", "default", "other");
    ends(f, 0, 1);
    assert_int_equal(with_log(f, "no key"), SKF_VERDICT_PENDING);
    feed(f, "Pod",
         "{'metadata':{'name':'other','namespace':'default','uid':'o'},'status':{'phase':'Running',"
         "'conditions':[" READY "]}}");
    ends(f, 1, 1);
    assert_int_equal(with_log(f, "no key"), SKF_VERDICT_PENDING);
    ends(f, 2, 1);
    assert_int_equal(with_log(f, "no key"), SKF_VERDICT_FAILED);
}

static void test_third_crash_is_final(void **state)
{
    struct fixture *f = *state;
    rolling(f);
    crash(f, 2, 1, BACK_OFF);
    assert_int_equal(with_log(f, "error: config\n"), SKF_VERDICT_FAILED);
}

static void test_waiting_for_a_database_has_longer(void **state)
{
    struct fixture *f = *state;
    rolling(f);
    crash(f, 3, 1, BACK_OFF);
    assert_int_equal(with_log(f, "dial tcp: connection refused\n"), SKF_VERDICT_PENDING);
    crash(f, 4, 1, BACK_OFF);
    assert_int_equal(with_log(f, "dial tcp: connection refused\n"), SKF_VERDICT_FAILED);
}

static void test_log_that_cannot_be_had(void **state)
{
    struct fixture *f = *state;
    rolling(f);
    crash(f, 2, 1, BACK_OFF);
    assert_int_equal(with_log(f, ""), SKF_VERDICT_FAILED);
    assert_string_equal(f->finding.last_words, "");
}

static void test_ends_and_starts(void **state)
{
    struct fixture *f = *state;
    rolling(f);
    pod(f, "p2", "r2",
        "'restartCount':1,'state':{'waiting':{'reason':'CrashLoopBackOff'}},"
        "'lastState':{'terminated':{'exitCode':137,'reason':'OOMKilled'}}",
        "");
    assert_int_equal(decide(f), SKF_VERDICT_FAILED);
    assert_int_equal(f->finding.cause, SKF_CAUSE_OOM);
    pod(f, "p2", "r2",
        "'restartCount':0,'state':{'waiting':{'reason':'RunContainerError',"
        "'message':'exec: \\'/nope\\': stat /nope: no such file or directory'}}",
        "");
    assert_int_equal(decide(f), SKF_VERDICT_FAILED);
    assert_int_equal(f->finding.cause, SKF_CAUSE_START);
    assert_non_null(strstr(f->finding.text, "'/nope'"));
    pod(f, "p2", "r2",
        "'restartCount':1,'state':{'waiting':{'reason':'CrashLoopBackOff'}},"
        "'lastState':{'terminated':{'exitCode':0,'reason':'Completed',"
        "'containerID':'z'}}",
        "");
    assert_int_equal(with_log(f, "bye\n"), SKF_VERDICT_FAILED);
    assert_int_equal(f->finding.cause, SKF_CAUSE_EXIT_0);
}

static void test_graces(void **state)
{
    struct fixture *f = *state;
    rolling(f);
    waiting(f, "CreateContainerConfigError", "configmap x not found");
    assert_int_equal(decide(f), SKF_VERDICT_PENDING);
    assert_int_equal(f->recheck, 5000);
    f->now += 5000;
    assert_int_equal(decide(f), SKF_VERDICT_FAILED);
    assert_int_equal(f->finding.cause, SKF_CAUSE_CONFIG);
    pod(f, "p2", "r2", "'state':{'waiting':{'reason':'Other'}}",
        "{'type':'PodScheduled','status':'False','reason':'Unschedulable','message':"
        "'0/1 nodes are available: 1 Insufficient cpu.'}");
    assert_int_equal(decide(f), SKF_VERDICT_PENDING);
    f->now += 10000;
    assert_int_equal(decide(f), SKF_VERDICT_FAILED);
    assert_int_equal(f->finding.cause, SKF_CAUSE_UNSCHEDULABLE);
}

static void test_slow_start_is_no_error(void **state)
{
    struct fixture *f = *state;
    rolling(f);
    pod(f, "p2", "r2", "'restartCount':0,'ready':false,'state':{" RUNNING "}", "");
    feed(f, "Event",
         "{'metadata':{'uid':'e1'},'type':'Warning','reason':'Unhealthy','message':"
         "'Readiness probe failed: connection refused','involvedObject':{'uid':'p2',"
         "'fieldPath':'spec.containers{c}'}}");
    for (int i = 0; i < 100; i++) {
        assert_int_equal(decide(f), SKF_VERDICT_PENDING);
        f->now += 5000;
    }
    assert_int_equal(f->finding.cause, SKF_CAUSE_PROBE);
}

/* A running pod that declares port 8080 and whose probe asks `port`. */
static void probed(struct fixture *f, int port, const char *message, int event_second)
{
    char *text = skf_xasprintf(
        "{'metadata':{'name':'pod-p2','namespace':'default','uid':'p2','ownerReferences':[{'uid':"
        "'r2'}]},'spec':{'containers':[{'name':'c','ports':[{'containerPort':8080}],"
        "'readinessProbe':{'httpGet':{'port':%d,'path':'/ok'}}}]},'status':{'phase':'Running',"
        "'containerStatuses':[{'name':'c','state':{" RUNNING "}}]}}",
        port);
    feed(f, "Pod", text);
    free(text);
    text = skf_xasprintf(
        "{'metadata':{'uid':'e1'},'type':'Warning','reason':'Unhealthy','message':"
        "'Readiness probe failed: %s','lastTimestamp':'2026-11-23T12:00:%02dZ','involvedObject':"
        "{'uid':'p2','fieldPath':'spec.containers{c}'}}",
        message, event_second);
    feed(f, "Event", text);
    free(text);
}

static void clock_at(struct fixture *f, int64_t ms)
{
    f->now = 1000 + ms;
    skf_judge_set_clock(f->judge, 1795435200000 + ms); /* 12:00:00 */
}

/* The log is looked at before the ports: it may name one. */
static enum skf_verdict decide_with_log(struct fixture *f, const char *log)
{
    enum skf_verdict v = decide(f);
    if (v != SKF_VERDICT_ASK_LOG)
        return v;
    skf_judge_log(f->judge, &f->finding, log, strlen(log));
    return decide(f);
}

static void test_probe_on_another_port(void **state)
{
    struct fixture *f = *state;
    rolling(f);
    clock_at(f, 0);
    probed(f, 9090, "connection refused", 0);
    assert_int_equal(decide(f), SKF_VERDICT_PENDING);
    clock_at(f, 4000);
    assert_int_equal(decide_with_log(f, "listening on :4000\n"), SKF_VERDICT_ASK_PORTS);
    assert_int_equal(f->finding.port[0], 9090);
    assert_int_equal(f->finding.port[1], 8080);
    assert_int_equal(f->finding.port[2], 4000);
    skf_judge_ports(f->judge, &f->finding, (const bool[SKF_FINDING_PORTS]){ false, true });
    assert_int_equal(decide(f), SKF_VERDICT_PENDING);
    assert_non_null(strstr(f->finding.text, "listens on port 8080"));
    clock_at(f, 8000);
    assert_int_equal(decide(f), SKF_VERDICT_PENDING);
    clock_at(f, 15000); /* the cluster still says so, and it is still so */
    probed(f, 9090, "connection refused", 14);
    assert_int_equal(decide(f), SKF_VERDICT_FAILED);
    assert_string_equal(f->finding.hint, "set the port of the readinessProbe to 8080");
}

static void test_probe_of_a_slow_start(void **state)
{
    struct fixture *f = *state;
    rolling(f);
    for (int second = 0; second < 50; second++) {
        clock_at(f, second * 1000);
        probed(f, 8080, "connection refused", second);
        enum skf_verdict v = decide_with_log(f, "");
        if (v == SKF_VERDICT_ASK_PORTS)
            skf_judge_ports(f->judge, &f->finding, (const bool[SKF_FINDING_PORTS]){ false });
        else
            assert_int_equal(v, SKF_VERDICT_PENDING);
    }
}

/* The program may end as it likes when the kubelet ends it: it is the probe that has to be named.
 */
static void test_killed_by_its_liveness_probe(void **state)
{
    struct fixture *f = *state;
    rolling(f);
    feed(
        f, "Event",
        "{'metadata':{'uid':'e1'},'type':'Normal','reason':'Killing','message':'Container c failed "
        "liveness probe, will be restarted','lastTimestamp':'2026-11-23T12:00:01Z',"
        "'involvedObject':{'uid':'p2','fieldPath':'spec.containers{c}'}}");
    feed(f, "Event",
         "{'metadata':{'uid':'e2'},'type':'Warning','reason':'Unhealthy','message':'Liveness probe "
         "failed: HTTP probe failed with statuscode: 404','lastTimestamp':'2026-11-23T12:00:01Z',"
         "'involvedObject':{'uid':'p2','fieldPath':'spec.containers{c}'}}");
    crash(f, 1, 0, BACK_OFF);
    assert_int_equal(decide(f), SKF_VERDICT_FAILED);
    assert_int_equal(f->finding.cause, SKF_CAUSE_PROBE);
    assert_non_null(strstr(f->finding.text, "(exit code 0, 2 times): it answers 404 to its "
                                            "livenessProbe"));
}

/* A kill of long ago is not why it ended now. */
static void test_killed_before_and_crashed_now(void **state)
{
    struct fixture *f = *state;
    rolling(f);
    feed(
        f, "Event",
        "{'metadata':{'uid':'e1'},'type':'Normal','reason':'Killing','message':'Container c failed "
        "liveness probe, will be restarted','lastTimestamp':'2026-11-23T11:00:01Z',"
        "'involvedObject':{'uid':'p2','fieldPath':'spec.containers{c}'}}");
    crash(f, 1, 1, BACK_OFF);
    assert_int_equal(decide(f), SKF_VERDICT_ASK_LOG);
    assert_int_equal(f->finding.cause, SKF_CAUSE_CRASH);
}

/* An app may open the port of its metrics long before the one that counts. */
static void test_another_port_first(void **state)
{
    struct fixture *f = *state;
    static const bool open[SKF_FINDING_PORTS] = { [7] = true };
    rolling(f);
    for (int second = 0; second < 50; second++) {
        clock_at(f, second * 1000);
        probed(f, 8080, "connection refused", second);
        enum skf_verdict v = decide_with_log(f, "metrics are there");
        if (v == SKF_VERDICT_ASK_PORTS)
            skf_judge_ports(f->judge, &f->finding, open);
        else
            assert_int_equal(v, SKF_VERDICT_PENDING);
    }
}

/* ... but a log that names the only port is to be believed. */
static void test_another_port_in_the_log(void **state)
{
    struct fixture *f = *state;
    static const char log[] = "2026/11/24 10:11:12 Listening on http://0.0.0.0:3000\n";
    enum skf_verdict v = SKF_VERDICT_PENDING;
    rolling(f);
    for (int second = 0; second < 30 && v != SKF_VERDICT_FAILED; second++) {
        clock_at(f, second * 1000);
        probed(f, 8080, "connection refused", second);
        v = decide_with_log(f, log);
        bool open[SKF_FINDING_PORTS] = { false };
        for (size_t i = 0; i < f->finding.n_ports; i++)
            open[i] = f->finding.port[i] == 3000;
        if (v == SKF_VERDICT_ASK_PORTS)
            skf_judge_ports(f->judge, &f->finding, open);
    }
    assert_int_equal(v, SKF_VERDICT_FAILED);
    assert_string_equal(f->finding.hint,
                        "let the app listen on 8080, or set containerPort and readinessProbe to "
                        "3000");
    assert_string_equal(f->finding.field, "spec.template.spec.containers[c].readinessProbe.httpGet."
                                          "port");
}

static void test_loopback_needs_two_looks(void **state)
{
    struct fixture *f = *state;
    rolling(f);
    clock_at(f, 0);
    probed(f, 8080, "connection refused", 0);
    decide(f);
    clock_at(f, 4000);
    probed(f, 8080, "connection refused", 3);
    assert_int_equal(decide_with_log(f, ""), SKF_VERDICT_ASK_PORTS);
    skf_judge_ports(f->judge, &f->finding, (const bool[SKF_FINDING_PORTS]){ true });
    clock_at(f, 12000);
    assert_int_equal(decide(f), SKF_VERDICT_PENDING); /* no newer refusal: it may just have begun */
    probed(f, 8080, "connection refused", 11);
    assert_int_equal(decide(f), SKF_VERDICT_ASK_PORTS);
    skf_judge_ports(f->judge, &f->finding, (const bool[SKF_FINDING_PORTS]){ true });
    assert_int_equal(decide(f), SKF_VERDICT_FAILED);
    assert_non_null(strstr(f->finding.text, "loopback only"));
}

static void test_probe_answers(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *message;
        enum skf_verdict verdict;
    } cases[] = {
        { "HTTP probe failed with statuscode: 503", SKF_VERDICT_PENDING }, /* warming up */
        { "HTTP probe failed with statuscode: 404", SKF_VERDICT_FAILED },
        { "http: server gave HTTP response to HTTPS client", SKF_VERDICT_FAILED },
        { "malformed HTTP response", SKF_VERDICT_FAILED },
        { "context deadline exceeded", SKF_VERDICT_PENDING },
    };
    rolling(f);
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        probed(f, 8080, cases[i].message, 1);
        decide(f);
        f->now += 60000;
        if (decide(f) != cases[i].verdict)
            fail_msg("%s: %s", cases[i].message, f->finding.text);
    }
}

static void test_quota_and_paused(void **state)
{
    struct fixture *f = *state;
    skf_judge_add(f->judge, "Deployment", "other", "web");
    feed(f, "Deployment",
         "{'metadata':{'name':'web','namespace':'other','uid':'d1'},'spec':{'replicas':1},'status':"
         "{'conditions':[{'type':'ReplicaFailure','status':'True','message':"
         "'pods is forbidden: exceeded quota: q'}]}}");
    assert_int_equal(decide(f), SKF_VERDICT_PENDING);
    f->now += 10000;
    assert_int_equal(decide(f), SKF_VERDICT_FAILED);
    assert_int_equal(f->finding.cause, SKF_CAUSE_CREATE);
    assert_string_equal(f->finding.object, "other:deployment/web");
    feed(f, "Deployment",
         "{'metadata':{'name':'web','namespace':'other','uid':'d1'},'spec':{'replicas':1,'paused':"
         "true}}");
    assert_int_equal(decide(f), SKF_VERDICT_FAILED);
    assert_int_equal(f->finding.cause, SKF_CAUSE_PAUSED);
}

static void test_deleted_meanwhile(void **state)
{
    struct fixture *f = *state;
    rolling(f);
    json_t *o = js("{'metadata':{'name':'web','namespace':'default','uid':'d1'}}");
    skf_judge_listed(f->judge, "Deployment", "default");
    skf_judge_feed(f->judge, "Deployment", SKF_KUBE_DELETED, o);
    json_decref(o);
    assert_int_equal(decide(f), SKF_VERDICT_PENDING);
    f->now += 5000;
    assert_int_equal(decide(f), SKF_VERDICT_FAILED);
    assert_int_equal(f->finding.cause, SKF_CAUSE_MISSING);
}

static void test_nonsense_objects(void **state)
{
    struct fixture *f = *state;
    rolling(f);
    static const char *const texts[] = {
        "{'metadata':{'uid':'e7'},'type':'Warning','involvedObject':{'uid':'p9'}}",
        "{}",
        "[]",
        "'x'",
        "{'metadata':1}",
        "{'metadata':{'uid':'p9','ownerReferences':7}}",
        "{'metadata':{'uid':'p9','name':'n','ownerReferences':[{'uid':'r2'}]},'status':"
        "{'containerStatuses':{'a':1},'conditions':'x'}}",
        "{'metadata':{'uid':'p9','name':'n','ownerReferences':[{'uid':'r2'}]},'status':"
        "{'containerStatuses':[7,{},{'state':{'waiting':{}}},{'state':{'terminated':{}}}]}}",
    };
    static const char *const kinds[] = { "Pod", "ReplicaSet", "Event", "Deployment" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(texts); i++) {
        for (size_t k = 0; k < SKF_ARRAY_LEN(kinds); k++) {
            char *copy = skf_xasprintf("[%s]", texts[i]);
            json_t *o = js(copy);
            skf_judge_feed(f->judge, kinds[k], SKF_KUBE_ADDED, json_array_get(o, 0));
            decide(f);
            json_decref(o);
            free(copy);
        }
    }
    assert_int_not_equal(decide(f), SKF_VERDICT_READY);
}

static void test_log_lines(void **state)
{
    (void)state;
    struct skf_finding f = { 0 };
    static const char log[] = "\x1b[31mred\x1b[0m\n\n\tindented\r\nexit status 2\n";
    skf_finding_set_log(&f, log, sizeof log - 1);
    assert_int_equal(f.log.n, 3);
    assert_string_equal(f.log.v[0], "red");
    assert_string_equal(f.log.v[1], "    indented");
    assert_string_equal(f.last_words, "red");
    skf_finding_release(&f);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_deployment_ready),
        T(test_other_kinds_ready),
        T(test_job),
        T(test_image_causes),
        T(test_old_pods_do_not_count),
        T(test_panic_fails_at_the_second_crash),
        T(test_patience_with_restarts),
        T(test_a_pod_that_does_not_run_is_not_ready),
        T(test_a_first_crash_is_not_ready),
        T(test_a_failed_pod_beside_a_ready_one),
        T(test_a_start_without_probe_has_to_settle),
        T(test_what_ran_before_we_looked_has_settled),
        T(test_the_same_end_twice),
        T(test_the_same_end_beside_another_workload),
        T(test_third_crash_is_final),
        T(test_waiting_for_a_database_has_longer),
        T(test_log_that_cannot_be_had),
        T(test_ends_and_starts),
        T(test_graces),
        T(test_slow_start_is_no_error),
        T(test_probe_on_another_port),
        T(test_probe_of_a_slow_start),
        T(test_killed_by_its_liveness_probe),
        T(test_killed_before_and_crashed_now),
        T(test_another_port_first),
        T(test_another_port_in_the_log),
        T(test_loopback_needs_two_looks),
        T(test_probe_answers),
        T(test_quota_and_paused),
        T(test_deleted_meanwhile),
        T(test_nonsense_objects),
        T(test_log_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
