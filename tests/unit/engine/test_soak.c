/* A seeded storm of saves of all kinds, renames, removals and git checkouts while builds run: what
 * is deployed in the end is the tree as it is, at every halt on the way too, and what changes no
 * content starts no build. SKF_SEED chooses another storm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/engine/inputs.h"
#include "tests/support/engine_world.h"

enum { STEPS = 2000, HALT_EVERY = 100, CHECKOUT_EVERY = 80, DIRS = 5, NAMES = 7 };

static uint64_t seed;

static unsigned pick(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed % n);
}

/* --- a builder that takes a while to read the tree: its image is the digest of what it read ------
 */

struct reading {
    struct skf_defer defer;
    struct skf_build *build;
    struct skf_strv files;
    size_t at;
    struct skf_sha256 sum;
    bool cancelled, begun;
};

static int builds_begun;

static void list_tree(const char *dir, struct skf_strv *out)
{
    struct skf_inputs in = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    skf_strv_add(&in.trees, dir);
    assert_int_equal(skf_inputs_list(&in, NULL, NULL, out, &err), 0);
    skf_inputs_release(&in);
}

static void add_file(struct skf_sha256 *sum, const char *path)
{
    struct skf_buf text = SKF_BUF_INIT;
    struct skf_err ignored = SKF_ERR_INIT;
    if (skf_file_read(path, 1 << 20, &text, &ignored) == 0) {
        skf_sha256_add(sum, path, strlen(path) + 1);
        skf_sha256_add(sum, text.data, text.len);
    }
    skf_buf_release(&text);
}

static void read_on(struct skf_defer *d)
{
    struct reading *r = SKF_CONTAINER_OF(d, struct reading, defer);
    struct skf_build *b = r->build;
    struct skf_err err = SKF_ERR_INIT;
    if (!r->begun)
        list_tree(b->ctx.dir, &r->files);
    r->begun = true;
    for (size_t i = 0; i < 8 && r->at < r->files.n; i++)
        add_file(&r->sum, r->files.v[r->at++]);
    if (r->at < r->files.n && !r->cancelled) {
        skf_defer_start(b->ctx.services->loop, &r->defer, 1 + pick(12), read_on);
        return;
    }
    char digest[SKF_DIGEST_TEXT];
    skf_sha256_end(&r->sum, digest);
    if (r->cancelled) {
        skf_err_set(&err, SKF_ECANCELED, "cancelled");
    } else {
        b->digest = skf_xstrdup(digest);
        b->deployed = skf_xasprintf("%s@%s", b->reference, digest);
    }
    skf_strv_release(&r->files);
    free(r);
    b->priv = NULL;
    b->done(b, err.code ? &err : NULL);
}

static void begin_reading(struct skf_build *b)
{
    struct reading *r = skf_xcalloc(1, sizeof *r);
    r->build = b;
    skf_sha256_init(&r->sum);
    b->priv = r;
    builds_begun++;
    skf_defer_start(b->ctx.services->loop, &r->defer, pick(4), read_on);
}

static void stop_reading(struct skf_build *b)
{
    if (b->priv)
        ((struct reading *)b->priv)->cancelled = true;
}

static void tree_inputs(struct skf_inputs_job *j)
{
    fake.tree = true;
    fake_inputs(j);
}

static const struct skf_builder_ops reader = { .name = "ko",
                                               .options = fake_fields,
                                               .options_size = sizeof(struct fake_options),
                                               .inputs = tree_inputs,
                                               .cancel_inputs = fake_cancel_inputs,
                                               .start = begin_reading,
                                               .cancel = stop_reading };
static const struct skf_builder_ops *const readers[] = { &reader, NULL };

/* --- the storm -------------------------------------------------------------------------------- */

static char *app;

static char *some_path(void)
{
    unsigned d = pick(DIRS), n = pick(NAMES);
    return d ? skf_xasprintf("%s/d%u/f%u", app, d, n) : skf_xasprintf("%s/f%u", app, n);
}

static void write_file(const char *path, const char *text, const char *how)
{
    FILE *f = fopen(path, how);
    if (!f)
        return; /* its directory is away */
    fputs(text, f);
    fclose(f);
}

static void git(const char *arguments)
{
    skf_autofree char *command =
        skf_xasprintf("cd %s && git -c user.name=n -c user.email=e@example.org %s >/dev/null 2>&1",
                      app, arguments);
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        execlp("sh", "sh", "-c", command, NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(status == 0 || WEXITSTATUS(status) == 1); /* 1: nothing to do */
}

static void one_step(unsigned step)
{
    skf_autofree char *path = some_path();
    skf_autofree char *other = some_path();
    skf_autofree char *dir = skf_path_dir(path);
    skf_autofree char *text = skf_xasprintf("step %u\n", step);
    struct skf_err ignored = SKF_ERR_INIT;
    switch (pick(10)) {
    case 0:
    case 1:
    case 2:
        write_file(path, text, "w");
        break;
    case 3:
        write_file(path, text, "a");
        break;
    case 4:
    case 5:
        mkdir(dir, 0700);
        skf_file_write_atomic(path, 0600, text, strlen(text), &ignored);
        break;
    case 6:
        rename(path, other);
        break;
    case 7:
        unlink(path);
        break;
    case 8:
        if (strcmp(dir, app) != 0 && pick(4) == 0)
            skf_file_remove_tree(dir, &ignored);
        break;
    default:
        mkdir(dir, 0700);
        write_file(path, "same\n", "w");
    }
}

/* Mostly none: writers in a hurry. Now and then a pause in which a build begins, and sometimes
 * ends. */
static void some_turns(struct world *w)
{
    if (pick(12) == 0)
        lf_quiet(&w->lf, 15 + pick(50));
    else if (pick(3) == 0)
        lf_quiet(&w->lf, 1);
}

static void tree_digest(char out[SKF_DIGEST_TEXT])
{
    skf_autostrv struct skf_strv files = SKF_STRV_INIT;
    struct skf_sha256 sum;
    list_tree(app, &files);
    skf_sha256_init(&sum);
    for (size_t i = 0; i < files.n; i++)
        add_file(&sum, files.v[i]);
    skf_sha256_end(&sum, out);
}

/* What is deployed is the tree, once all has been judged. */
static void halt(struct world *w, unsigned step)
{
    char now[SKF_DIGEST_TEXT];
    const char *deployed = "";
    tree_digest(now);
    for (int i = 0; i < 400; i++) {
        lf_quiet(&w->lf, 25);
        struct skf_built built = skf_engine_built(w->engine, 0);
        deployed = built.reference ? built.reference : "";
        if (strstr(deployed, now) && strstr(fake.last_applied.data, now))
            return;
    }
    fail_msg("after step %u the tree is %s and %s is deployed", step, now, deployed);
}

static int by_now(struct world *w)
{
    return builds_begun + w->counts[SKF_EV_CHANGED];
}

/* Touches, modes, the same bytes again: no content. */
static void changes_of_nothing(struct world *w)
{
    skf_autostrv struct skf_strv files = SKF_STRV_INIT;
    lf_quiet(&w->lf, 150); /* whatever was on its way */
    int before = by_now(w);
    list_tree(app, &files);
    for (size_t i = 0; i < files.n && i < 6; i++) {
        struct skf_buf text = SKF_BUF_INIT;
        struct skf_err err = SKF_ERR_INIT;
        assert_int_equal(skf_file_read(files.v[i], 1 << 20, &text, &err), 0);
        chmod(files.v[i], 0600 | (i % 2 ? 0040 : 0));
        write_file(files.v[i], "", "a");
        skf_file_write_atomic(files.v[i], 0600, text.data, text.len, &err);
        skf_buf_release(&text);
    }
    lf_quiet(&w->lf, 200);
    assert_int_equal(by_now(w), before);
}

static void what_is_deployed_is_the_tree(void **state)
{
    struct world *w = *state;
    const char *given = getenv("SKF_SEED");
    seed = given ? strtoull(given, NULL, 10) : 20260729;
    print_message("seed %llu\n", (unsigned long long)seed);
    app = skf_path_join(w->dir, "app");
    git("init -q -b one && git add -A && git -c user.name=n -c user.email=e@example.org commit -qm "
        "1");
    w->options.plan.builders = readers;
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    for (unsigned step = 1; step <= STEPS; step++) {
        one_step(step);
        some_turns(w);
        if (step == CHECKOUT_EVERY)
            git("add -A && git -c user.name=n -c user.email=e@example.org commit -qm 2 "
                "&& git branch two HEAD && git reset -q --hard HEAD~1");
        if (step > CHECKOUT_EVERY && step % CHECKOUT_EVERY == 0)
            git(step % (2 * CHECKOUT_EVERY) ? "checkout -qf one" : "checkout -qf two");
        if (step % HALT_EVERY == 0)
            halt(w, step);
        if (step % (4 * HALT_EVERY) == 0)
            changes_of_nothing(w);
    }
    print_message("%d changes, %d builds begun, %d of them canceled\n", w->counts[SKF_EV_CHANGED],
                  builds_begun, w->counts[SKF_EV_BUILD_CANCELED]);
    assert_true(builds_begun > 20);
    stop(w);
    free(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_deployed_is_the_tree, world_set_up,
                                        world_tear_down),
    };
    return cmocka_run_group_tests_name("soak", tests, NULL, NULL);
}
