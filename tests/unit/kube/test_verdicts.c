/* What a real cluster said of broken apps (tests/fixtures/verdicts, one file each), through the
 * judge: the objects and events as they were, the log, the ports that were open from inside, and
 * the line that has to come out. Time passes by what the judge asks for; nothing waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/path.h"
#include "lib/io/file.h"
#include "lib/kube/jget.h"
#include "lib/kube/judge.h"

enum { LONGEST_MS = 120 * 1000, STEP_MS = 1000 };

static bool is_open(const json_t *c, unsigned port)
{
    const json_t *open = json_object_get(c, "open");
    for (size_t i = 0; i < json_array_size(open); i++) {
        if (json_integer_value(json_array_get(open, i)) == port)
            return true;
    }
    return false;
}

static int64_t newest_ms(const json_t *items)
{
    int64_t newest = 0;
    for (size_t i = 0; i < json_array_size(items); i++) {
        int64_t at = skf_jtime_ms(skf_jstr(json_array_get(items, i), "lastTimestamp"));
        newest = at > newest ? at : newest;
    }
    return newest;
}

static void feed_all(struct skf_judge *j, const json_t *items, int64_t wall_ms)
{
    for (size_t i = 0; i < json_array_size(items); i++) {
        json_t *o = json_array_get(items, i);
        const char *kind = skf_jtext(o, "kind");
        /* The cluster goes on saying that a probe is refused. */
        if (wall_ms && strcmp(skf_jtext(o, "reason"), "Unhealthy") == 0) {
            time_t seconds = (time_t)(wall_ms / 1000);
            struct tm tm;
            char stamp[32];
            gmtime_r(&seconds, &tm);
            strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &tm);
            json_object_set_new(o, "lastTimestamp", json_string(stamp));
        }
        skf_judge_feed(j, kind, SKF_KUBE_MODIFIED, o);
    }
}

/* The verdict's line (owned): the first that is final, else the last trouble. */
static char *line_of(json_t *c)
{
    struct skf_judge *j = skf_judge_new("team");
    struct skf_finding f = { 0 };
    struct skf_buf line = SKF_BUF_INIT;
    json_t *items = json_object_get(c, "items");
    const char *log = skf_jtext(c, "log");
    int64_t began = newest_ms(items);
    skf_judge_set_local(j, true);
    for (size_t i = 0; i < json_array_size(items); i++) {
        json_t *o = json_array_get(items, i);
        const char *kind = skf_jtext(o, "kind");
        bool owned = json_array_size(skf_jget(o, "metadata.ownerReferences")) > 0;
        if (!owned)
            skf_judge_add(j, kind, "team", skf_jtext(o, "metadata.name"));
    }
    enum skf_verdict v = SKF_VERDICT_PENDING;
    for (int64_t ms = 0; ms < LONGEST_MS && v != SKF_VERDICT_FAILED; ms += STEP_MS) {
        unsigned recheck;
        feed_all(j, items, ms ? began + ms : 0);
        skf_judge_set_clock(j, began + ms);
        v = skf_judge_decide(j, ms, &f, &recheck);
        if (v == SKF_VERDICT_ASK_LOG) {
            skf_judge_log(j, &f, log, strlen(log));
        } else if (v == SKF_VERDICT_ASK_PORTS) {
            bool open[SKF_FINDING_PORTS] = { false };
            for (size_t i = 0; i < f.n_ports; i++)
                open[i] = is_open(c, f.port[i]);
            skf_judge_ports(j, &f, open);
        }
    }
    skf_finding_line(&f, &line);
    skf_finding_release(&f);
    skf_judge_free(j);
    return skf_buf_take(&line);
}

static void test_recordings(void **state)
{
    (void)state;
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    struct skf_err err = SKF_ERR_INIT;
    unsigned failed = 0;
    if (skf_file_list(FIXTURES "/verdicts", &names, &err) < 0)
        fail_msg("%s", err.msg);
    assert_true(names.n > 50);
    for (size_t i = 0; i < names.n; i++) {
        skf_autofree char *path = skf_path_join(FIXTURES "/verdicts", names.v[i]);
        json_t *c = json_load_file(path, 0, NULL);
        assert_non_null(c);
        skf_autofree char *line = line_of(c);
        if (strcmp(line, skf_jtext(c, "expect")) != 0) {
            print_error("%s:\n  %s\n  %s\n", names.v[i], skf_jtext(c, "expect"), line);
            failed++;
        }
        json_decref(c);
    }
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_recordings) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
