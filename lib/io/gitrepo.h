/* lib/io/gitrepo.h: repositories that a skaffold.yaml requires, cloned by the user's own git (with
 * his credentials) into a cache that Skaffold shares. */
#ifndef SKF_IO_GITREPO_H
#define SKF_IO_GITREPO_H
#include <stdbool.h>

#include "lib/base/err.h"

/* When clones are brought up to date (--sync-remote-cache). */
enum skf_sync_remote { SKF_SYNC_ALWAYS, SKF_SYNC_MISSING, SKF_SYNC_NEVER };

struct skf_git_request {
    const char *repo;
    const char *ref;       /* branch, tag or commit; NULL or "" = master, else main */
    bool sync;             /* bring an old clone up to date: local edits in it are lost */
    const char *cache_dir; /* NULL = ~/.skaffold/remote-cache */
    enum skf_sync_remote policy;
};

/* The clone's directory; owned. Blocks while git talks to the repository; once a process for each
 * repository and ref, later calls answer from memory. Errors carry what git said. */
int skf_git_repo(const struct skf_git_request *req, char **dir, struct skf_err *err);
/* Name of the clone in the cache, as Skaffold computes it; owned. */
char *skf_git_cache_key(const char *repo, const char *ref);
#endif
