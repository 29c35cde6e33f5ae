/* JSON of any shape as the answer of an API server: one object a line goes through the judge as
 * each kind. clang -fsanitize=fuzzer,address,undefined -I. ... tests/fuzz/kube_objects.c; corpus:
 * kube_corpus/objects. */
#include <stdint.h>
#include <string.h>

#include "lib/kube/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const kinds[] = { "Deployment", "StatefulSet", "DaemonSet", "Job",
                                         "Pod",        "ReplicaSet",  "Event" };
    struct skf_judge *j = skf_judge_new("default");
    struct skf_finding finding = { 0 };
    int64_t now = 1;
    unsigned recheck;
    for (size_t i = 0; i < 5; i++)
        skf_judge_add(j, kinds[i], "n", "x");
    const char *p = (const char *)data, *end = p + size;
    while (p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        size_t len = eol ? (size_t)(eol - p) : (size_t)(end - p);
        json_t *o = json_loadb(p, len, 0, NULL);
        for (size_t i = 0; o && i < SKF_ARRAY_LEN(kinds); i++) {
            skf_judge_feed(j, kinds[i], SKF_KUBE_MODIFIED, o);
            enum skf_verdict v = skf_judge_decide(j, now += 3000, &finding, &recheck);
            bool open[SKF_FINDING_PORTS] = { true };
            if (v == SKF_VERDICT_ASK_LOG)
                skf_judge_log(j, &finding, "panic: x\n", 9);
            else if (v == SKF_VERDICT_ASK_PORTS)
                skf_judge_ports(j, &finding, open);
            struct skf_buf line = SKF_BUF_INIT;
            skf_finding_line(&finding, &line);
            skf_buf_release(&line);
        }
        json_decref(o);
        p += len + (eol ? 1 : 0);
    }
    skf_finding_release(&finding);
    skf_judge_free(j);
    return 0;
}
