/* tests/bench/watch/watch.c: what the watcher costs on a tree: time to arm, memory, time from a
 * save to its report. Run through `run`, which builds it and makes the tree.
 *
 *     bench_watch DIR SAVES  ->  one line of JSON */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/base/path.h"
#include "lib/io/watch.h"

struct bench {
    uv_loop_t loop;
    struct skf_watch *w;
    const char *dir;
    long long saves, done, lost;
    int64_t saved_us, sum_us, max_us;
    uv_timer_t pause;
};

static long rss_kb(const char *field)
{
    FILE *f = fopen("/proc/self/status", "re");
    char line[256];
    long kb = -1;
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, field, strlen(field)) == 0)
            sscanf(line + strlen(field), "%ld", &kb);
    if (f)
        fclose(f);
    return kb;
}

static void save(uv_timer_t *t)
{
    struct bench *b = t->data;
    char path[4096], text[64];
    /* Spread over the tree that `run` makes: d0..d99/e0..e99/f0..f9. */
    long long k = b->done * 7919;
    snprintf(path, sizeof path, "%s/d%lld/e%lld/f%lld", b->dir, k % 100, k / 100 % 100, k % 10);
    int n = snprintf(text, sizeof text, "save %lld", b->done);
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    b->saved_us = skf_clock_us();
    if (fd < 0 || write(fd, text, (size_t)n) != n) {
        perror(path);
        exit(1);
    }
    close(fd);
}

static void on_change(void *data, const struct skf_watch_change *c, size_t n)
{
    struct bench *b = data;
    (void)c;
    int64_t took = skf_clock_us() - b->saved_us;
    b->sum_us += took;
    if (took > b->max_us)
        b->max_us = took;
    b->lost += n != 1;
    if (++b->done == b->saves)
        uv_stop(&b->loop);
    else
        uv_timer_start(&b->pause, save, 5, 0);
}

int main(int argc, char **argv)
{
    struct bench b = { 0 };
    if (argc != 3 || !skf_num_parse(argv[2], 1, 1000000, &b.saves)) {
        fprintf(stderr, "usage: bench_watch DIR SAVES\n");
        return 2;
    }
    char *dir = skf_path_abs(NULL, argv[1]);
    b.dir = dir;
    uv_loop_init(&b.loop);
    uv_timer_init(&b.loop, &b.pause);
    b.pause.data = &b;
    long before_kb = rss_kb("VmRSS:");
    int64_t start = skf_clock_us();
    b.w = skf_watch_new(&b.loop, on_change, &b);
    skf_watch_begin(b.w);
    skf_watch_add_tree(b.w, dir, NULL);
    struct skf_err err = SKF_ERR_INIT;
    if (skf_watch_commit(b.w, &err) != 0)
        fprintf(stderr, "%s\n", err.msg);
    int64_t armed = skf_clock_us() - start;
    uv_timer_start(&b.pause, save, 100, 0);
    uv_run(&b.loop, UV_RUN_DEFAULT);
    int64_t scan = skf_clock_us();
    skf_watch_begin(b.w);
    skf_watch_add_tree(b.w, dir, NULL);
    skf_watch_commit(b.w, &err);
    scan = skf_clock_us() - scan;
    printf("{\"dirs\":%zu,\"files\":%zu,\"arm_ms\":%.1f,\"commit_again_ms\":%.1f,\"rss_kb\":%ld,"
           "\"peak_kb\":%ld,\"start_kb\":%ld,\"saves\":%lld,\"notice_mean_ms\":%.2f,"
           "\"notice_max_ms\":%.2f,\"not_one_path\":%lld}\n",
           skf_watch_dir_count(b.w), skf_watch_file_count(b.w), (double)armed / 1e3,
           (double)scan / 1e3, rss_kb("VmRSS:"), rss_kb("VmHWM:"), before_kb, b.saves,
           (double)b.sum_us / 1e3 / (double)b.saves, (double)b.max_us / 1e3, b.lost);
    skf_watch_free(b.w);
    uv_close((uv_handle_t *)&b.pause, NULL);
    uv_run(&b.loop, UV_RUN_DEFAULT);
    free(dir);
    return uv_loop_close(&b.loop) != 0;
}
