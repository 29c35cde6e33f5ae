/* happy path: [ls-remote, when no ref is named] -> clone | fetch -> reset.
 * failures:   what git said on its standard error.
 * git runs on a loop of its own, so that the loader can be called from anywhere; it never asks for
 * a password (no terminal), and has a time limit. */
#include "lib/io/gitrepo.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/digest.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/io/file.h"
#include "lib/io/loop.h"
#include "lib/io/proc.h"

enum { LIMIT_MS = 5 * 60 * 1000 };

/* "repo ref" of what was synced in this process. */
static struct skf_strv synced;

/* --- one git ---------------------------------------------------------------------------------- */

struct git {
    struct skf_proc proc;
    uv_signal_t interrupt;
    struct skf_err err;
    bool done;
};

static void on_done(struct skf_proc *p, const struct skf_err *err)
{
    struct git *g = SKF_CONTAINER_OF(p, struct git, proc);
    if (err)
        g->err = *err;
    g->done = true;
    uv_close((uv_handle_t *)&g->interrupt, NULL);
}

static void on_interrupt(uv_signal_t *s, int signum)
{
    (void)signum;
    skf_proc_stop(&SKF_CONTAINER_OF(s, struct git, interrupt)->proc);
}

/* The line that says why ("fatal: ..."), without the word; else the first one. */
static void reason(struct skf_buf *said)
{
    const char *at = strstr(said->data, "fatal: ");
    at = at ? at + strlen("fatal: ") : said->data;
    skf_autofree char *line = skf_xstrndup(at, strcspn(at, "\n"));
    skf_buf_clear(said);
    skf_buf_adds(said, line);
}

/* Runs git with the arguments; `said` gets its output, or what it says of its failure. */
static int run(const char *cwd, struct skf_buf *said, struct skf_err *err, const char *const *args)
{
    uv_loop_t loop;
    struct git g = { 0 };
    if (skf_loop_init(&loop, err) < 0)
        return -(int)err->code;
    uv_signal_init(&loop, &g.interrupt);
    uv_signal_start(&g.interrupt, on_interrupt, SIGINT);
    skf_proc_init(&g.proc);
    skf_strv_add(&g.proc.argv, "git");
    for (; *args; args++)
        skf_strv_add(&g.proc.argv, *args);
    skf_strv_add(&g.proc.env, "GIT_TERMINAL_PROMPT=0");
    skf_replace(&g.proc.cwd, skf_xstrdup(cwd));
    g.proc.limit_ms = LIMIT_MS;
    skf_proc_start(&loop, &g.proc, on_done);
    while (!g.done)
        uv_run(&loop, UV_RUN_ONCE);
    const struct skf_buf *text = g.err.code ? &g.proc.errout : &g.proc.out;
    skf_buf_clear(said);
    skf_buf_add(said, text->data, text->len);
    skf_buf_trim(said);
    skf_proc_release(&g.proc);
    skf_loop_close(&loop);
    if (!g.err.code)
        return 0;
    if (said->len)
        reason(said);
    return skf_err_set(err, g.err.code, "%s", said->len ? said->data : g.err.msg);
}
#define GIT(cwd, said, err, ...) run(cwd, said, err, (const char *const[]){ __VA_ARGS__, NULL })

/* --- names ------------------------------------------------------------------------------------ */

/* As Go's encoder writes a text. */
static void json_text(struct skf_buf *out, const char *text)
{
    skf_buf_addc(out, '"');
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c < 0x20 || strchr("<>&", *c))
            skf_buf_addf(out, "\\u%04x", *c);
        else
            skf_buf_addf(out, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
    }
    skf_buf_addc(out, '"');
}

char *skf_git_cache_key(const char *repo, const char *ref)
{
    skf_autobuf struct skf_buf json = SKF_BUF_INIT;
    char digest[SKF_DIGEST_TEXT];
    unsigned char raw[SKF_SHA256_SIZE];
    skf_buf_addc(&json, '[');
    json_text(&json, repo);
    skf_buf_addc(&json, ',');
    json_text(&json, ref ? ref : "");
    skf_buf_adds(&json, "]\n");
    skf_digest_of(json.data, json.len, digest);
    for (size_t i = 0; i < sizeof raw; i++) {
        const char pair[] = { skf_digest_hex(digest)[2 * i], skf_digest_hex(digest)[2 * i + 1], 0 };
        raw[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    char *key = skf_base64_encode(raw, sizeof raw);
    for (char *c = key; *c; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    key[32] = '\0';
    return key;
}

static char *default_cache(struct skf_err *err)
{
    const char *home = getenv("HOME");
    if (home && *home)
        return skf_path_join(home, ".skaffold/remote-cache");
    skf_err_set(err, SKF_ENOTFOUND, "HOME is not set: name a directory with --remote-cache-dir");
    return NULL;
}

/* master, when there is one; else main. */
static int default_ref(const struct skf_git_request *req, const char *cwd, const char **ref,
                       struct skf_err *err)
{
    static const char *const names[] = { "master", "main" };
    skf_autobuf struct skf_buf said = SKF_BUF_INIT;
    for (size_t i = 0; i < SKF_ARRAY_LEN(names); i++) {
        if (GIT(cwd, &said, err, "ls-remote", "--heads", "--", req->repo, names[i]) < 0)
            return -(int)err->code;
        *ref = names[i];
        if (said.len)
            return 0;
    }
    return skf_err_set(err, SKF_ENOTFOUND, "it has no branch 'master' or 'main': name a 'ref'");
}

/* --- clone and update ------------------------------------------------------------------------- */

/* A commit or a full ref, which a shallow clone does not bring. */
static int check_out(const char *dir, const char *ref, struct skf_buf *said, struct skf_err *err)
{
    struct skf_err ignored = SKF_ERR_INIT;
    if (GIT(dir, said, &ignored, "checkout", "--quiet", ref, "--") == 0)
        return 0;
    if (GIT(dir, said, err, "fetch", "--depth", "1", "origin", ref) < 0)
        return -(int)err->code;
    return GIT(dir, said, err, "checkout", "--quiet", "FETCH_HEAD", "--");
}

static int clone_new(const struct skf_git_request *req, const char *cache, const char *key,
                     const char *ref, const char *dir, struct skf_err *err)
{
    skf_autobuf struct skf_buf said = SKF_BUF_INIT;
    struct skf_err first = SKF_ERR_INIT, ignored = SKF_ERR_INIT;
    if (GIT(cache, &said, &first, "clone", "--quiet", "--branch", ref, "--depth", "1", "--",
            req->repo, key) == 0)
        return 0;
    bool no_branch = strstr(first.msg, "Remote branch") || strstr(first.msg, "remote branch");
    if (!no_branch) {
        *err = first;
        return -(int)err->code;
    }
    int rc = GIT(cache, &said, err, "clone", "--quiet", "--depth", "1", "--", req->repo, key);
    if (rc == 0)
        rc = check_out(dir, ref, &said, err);
    if (rc < 0) /* half a clone would be taken for a whole one */
        skf_file_remove_tree(dir, &ignored);
    return rc;
}

static int update(const char *dir, const char *ref, struct skf_err *err)
{
    skf_autobuf struct skf_buf said = SKF_BUF_INIT;
    if (GIT(dir, &said, err, "remote", "-v") < 0)
        return -(int)err->code;
    if (!said.len)
        return skf_err_set(err, SKF_ENOTFOUND, "its clone '%s' has no remote: remove it", dir);
    if (GIT(dir, &said, err, "fetch", "--quiet", "--depth", "1", "origin", ref) < 0)
        return -(int)err->code;
    return GIT(dir, &said, err, "reset", "--quiet", "--hard", "FETCH_HEAD");
}

static int sync_repo(const struct skf_git_request *req, const char *cache, const char *key,
                     const char *dir, struct skf_err *err)
{
    const char *ref = req->ref;
    bool there = skf_file_is_dir(dir);
    if (there && (!req->sync || req->policy != SKF_SYNC_ALWAYS))
        return 0;
    if (!there && req->policy == SKF_SYNC_NEVER)
        return skf_err_set(err, SKF_ENOTFOUND,
                           "it is not in the cache, and --sync-remote-cache=never forbids to "
                           "clone it");
    if ((!ref || !*ref) && default_ref(req, cache, &ref, err) < 0)
        return -(int)err->code;
    return there ? update(dir, ref, err) : clone_new(req, cache, key, ref, dir, err);
}

int skf_git_repo(const struct skf_git_request *req, char **dir, struct skf_err *err)
{
    skf_autofree char *id = skf_xasprintf("%s %s", req->repo, req->ref ? req->ref : "");
    skf_autofree char *cache =
        req->cache_dir ? skf_path_abs(NULL, req->cache_dir) : default_cache(err);
    if (!cache || skf_file_mkdirs(cache, 0700, err) < 0)
        return -(int)err->code;
    skf_autofree char *key = skf_git_cache_key(req->repo, req->ref);
    skf_autofree char *found = skf_path_join(cache, key);
    if (req->repo[0] == '-' || (req->ref && req->ref[0] == '-'))
        return skf_err_set(err, SKF_EINVAL, "'%s' is no repository and ref of git", id);
    if (!skf_strv_has(&synced, id) || !skf_file_is_dir(found)) {
        skf_autofree char *lock_file = skf_xasprintf("%s.lock", found);
        int lock = skf_lock_take(lock_file, err);
        if (lock < 0)
            return lock;
        int rc = sync_repo(req, cache, key, found, err);
        skf_lock_release(lock);
        if (rc < 0) {
            skf_err_wrap(err, "repository '%s'", req->repo);
            return rc;
        }
        skf_strv_add(&synced, id);
    }
    *dir = skf_take(&found);
    return 0;
}
