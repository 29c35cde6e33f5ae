#include "lib/kube/logs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fake_cluster.h"
#include "lib/kube/tail.h"

#define RUNS(id) "\"containerID\":\"" id "\",\"state\":{\"running\":{}}"
#define STAMP "2026-11-23T12:00:00.1Z "

struct fixture {
    struct fake_cluster k;
    struct skf_logs logs;
    struct skf_buf seen;
    struct fake_conn *log; /* the stream that was asked for last */
    int notices, done;
    long lines, bytes;
    int refuse; /* status of the answer to a request for a log; 0 = it comes */
};

static void on_stream(struct fake_cluster *k, struct fake_conn *c, const char *head)
{
    struct fixture *f = k->data;
    (void)head;
    if (f->refuse) {
        fake_answer(c, f->refuse, "{\"kind\":\"Status\",\"message\":\"no log for you\"}");
        return;
    }
    fake_stream(c);
    f->log = c;
}

static void on_line(struct skf_logs *l, const struct skf_log_line *line)
{
    struct fixture *f = l->data;
    skf_buf_addf(&f->seen, "%s/%s:%s|", line->pod, line->container, line->text);
}

static void on_notice(struct skf_logs *l, const char *text)
{
    struct fixture *f = l->data;
    f->notices++;
    skf_buf_addf(&f->seen, "(%s)", text);
}

static void on_done(struct skf_logs *l)
{
    struct fixture *f = l->data;
    f->done++;
}

static int setup(void **state)
{
    struct fixture *f = skf_xcalloc(1, sizeof *f);
    skf_buf_init(&f->seen);
    f->k.data = f;
    f->k.on_stream = on_stream;
    cluster_open(&f->k);
    skf_logs_init(&f->logs);
    f->logs.data = f;
    f->logs.on_line = on_line;
    f->logs.on_notice = on_notice;
    skf_logs_start(f->k.api, &f->logs, 1);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    skf_logs_stop(&f->logs, on_done);
    assert_int_equal(f->done, 0); /* never from inside stop */
    LF_UNTIL(&f->k.lf, f->done == 1);
    skf_logs_release(&f->logs);
    cluster_close(&f->k);
    assert_int_equal(f->done, 1);
    skf_buf_release(&f->seen);
    free(f);
    return 0;
}

static void next_log(struct fixture *f)
{
    f->log = NULL;
    LF_UNTIL(&f->k.lf, f->log);
}

static void test_follows_new_pods_of_a_workload(void **state)
{
    struct fixture *f = *state;
    skf_logs_follow_workload(&f->logs, "default", "Deployment", "web");
    cluster_pod(&f->k, "ADDED", "a", 1, true, RUNS("i1"));
    next_log(f);
    fake_send(f->log, STAMP "one\n");
    LF_UNTIL(&f->k.lf, strcmp(f->seen.data, "a/c:one|") == 0);
    cluster_pod(&f->k, "ADDED", "b", 2, true, RUNS("i2"));
    next_log(f);
    fake_send(f->log, STAMP "two\n");
    LF_UNTIL(&f->k.lf, strcmp(f->seen.data, "a/c:one|b/c:two|") == 0);
    assert_int_equal(skf_logs_streams(&f->logs), 2);
    assert_int_equal(f->notices, 0);
}

static void test_one_stream_however_often_the_pod_changes(void **state)
{
    struct fixture *f = *state;
    skf_logs_follow_image(&f->logs, "default", "reg/app:1");
    skf_logs_follow_image(&f->logs, "default", "reg/app:1");
    skf_logs_follow_workload(&f->logs, "default", "Deployment", "web");
    cluster_pod(&f->k, "ADDED", "a", 1, false, RUNS("i1"));
    next_log(f);
    for (int i = 0; i < 5; i++)
        cluster_pod(&f->k, "MODIFIED", "a", 1, true, RUNS("i1"));
    cluster_pod(&f->k, "ADDED", "b", 2, true, RUNS("i2")); /* behind them: they were all read */
    next_log(f);
    assert_int_equal(cluster_asked(&f->k, "/pods/a/log?"), 1);
    assert_int_equal(cluster_asked(&f->k, "/pods/b/log?"), 1);
    assert_int_equal(cluster_asked(&f->k, "/pods?limit="), 1);
}

static void test_what_was_not_chosen_is_not_read(void **state)
{
    struct fixture *f = *state;
    skf_logs_follow_workload(&f->logs, "default", "Deployment", "other");
    cluster_pod(&f->k, "ADDED", "a", 1, true, RUNS("i1"));
    skf_logs_follow_image(&f->logs, "default", "reg/other");
    cluster_pod(&f->k, "MODIFIED", "a", 1, true, RUNS("i1"));
    /* Chosen later, it is read although nothing changes about the pod any more. */
    skf_logs_follow_image(&f->logs, "default", "reg/app:1");
    next_log(f);
    assert_int_equal(cluster_asked(&f->k, "/log?"), 1);
}

static void test_a_log_that_is_refused_is_told_once(void **state)
{
    struct fixture *f = *state;
    f->refuse = 403;
    skf_logs_follow_workload(&f->logs, "default", "Deployment", "web");
    cluster_pod(&f->k, "ADDED", "a", 1, true, RUNS("i1"));
    LF_UNTIL(&f->k.lf, f->notices == 1);
    assert_string_equal(f->seen.data,
                        "(the log of container 'c' in pod 'a' cannot be read: no log for you)");
    cluster_pod(&f->k, "MODIFIED", "a", 1, true, RUNS("i2")); /* the next run is asked for again */
    LF_UNTIL(&f->k.lf, cluster_asked(&f->k, "/log?") == 2);
    lf_quiet(&f->k.lf, 20);
    assert_int_equal(f->notices, 1);
}

static void count_line(struct skf_logs *l, const struct skf_log_line *line)
{
    struct fixture *f = l->data;
    f->lines++;
    f->bytes += line->len;
}

/* However much is said, and in however odd pieces it comes: no line is lost, and what is kept of it
 * does not grow. */
static void test_a_million_lines_in_little_memory(void **state)
{
    enum { LINES = 1000 * 1000, EACH = sizeof STAMP - 1 + 8, PIECE = 16 * 1000 - 7 };
    struct fixture *f = *state;
    f->logs.on_line = count_line;
    skf_logs_follow_workload(&f->logs, "default", "Deployment", "web");
    cluster_pod(&f->k, "ADDED", "a", 1, true, RUNS("i1"));
    next_log(f);
    struct skf_tail *t = skf_map_first(&f->logs.tails).value;
    skf_autobuf struct skf_buf block = SKF_BUF_INIT;
    for (int i = 0; i < 1000; i++)
        skf_buf_adds(&block, STAMP "a line.\n");
    assert_int_equal(block.len, 1000 * EACH);
    size_t most = 0;
    for (int i = 0; i < LINES / 1000; i++) {
        for (size_t at = 0; at < block.len; at += PIECE) {
            size_t left = block.len - at;
            t->req.on_data(&t->req, block.data + at, left < PIECE ? left : PIECE);
            most = t->line.cap > most ? t->line.cap : most;
        }
    }
    assert_int_equal(f->lines, LINES);
    assert_int_equal(f->bytes, LINES * 7L);
    assert_true(most <= 64 * 1024);
    f->logs.on_line = on_line;
}

static void test_stop_in_the_middle(void **state)
{
    struct fixture *f = *state;
    skf_logs_follow_workload(&f->logs, "default", "Deployment", "web");
    cluster_pod(&f->k, "ADDED", "a", 1, true, RUNS("i1"));
    next_log(f);
    fake_send(f->log, STAMP "half a li"); /* teardown stops with the stream open */
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_follows_new_pods_of_a_workload),   T(test_one_stream_however_often_the_pod_changes),
        T(test_what_was_not_chosen_is_not_read),  T(test_a_log_that_is_refused_is_told_once),
        T(test_a_million_lines_in_little_memory), T(test_stop_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
