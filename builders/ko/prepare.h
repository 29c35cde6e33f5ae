/* builders/ko/prepare.h: the part that inputs and build share: settings, facts for templates, and
 * which package is meant. */
#ifndef SKF_BUILDERS_KO_PREPARE_H
#define SKF_BUILDERS_KO_PREPARE_H
#include "builders/ko/facts.h"
#include "builders/ko/golist.h"
#include "builders/ko/plan.h"
#include "builders/ko/session.h"
#include "lib/io/flow.h"
#include "lib/io/work.h"

struct skf_ko_prepare {
    /* --- set by the caller; borrowed until done ----------------------------------------------- */
    const struct skf_build_context *ctx;
    const char *reference;           /* may be NULL */
    const struct skf_target *target; /* may be NULL */
    /* A build wants the package, and fails without. Else code that Go cannot make sense of is no
     * failure: `graph` then says what to watch until it is mended. */
    bool want_package;
    void *data;
    void (*done)(struct skf_ko_prepare *p, const struct skf_err *err);
    /* --- results: valid until release, also after a failure as far as it came ----------------- */
    struct skf_ko_plan plan;
    struct skf_ko_facts facts;
    struct skf_ko_settings settings; /* for the first platform */
    struct skf_platform platform;    /* that one */
    struct skf_ko_session *session;
    struct skf_ko_graph *graph;
    struct skf_ko_seen seen; /* all that the build will read, as it was before */
    /* Nothing has changed since the build whose layers these are; or NULL. */
    struct skf_ko_kept *kept;
    bool raced; /* files changed while Go was asked: neither graph nor build may be remembered */
    char known_key[SKF_DIGEST_TEXT];
    /* --- private ------------------------------------------------------------------------------ */
    struct skf_flow flow;
    struct skf_ko_golist list;
    bool list_used;
    size_t entry; /* of `builds` that is asked next about an import path */
    char settings_digest[SKF_DIGEST_TEXT];
    struct skf_work work;
    const char *cache_dir;
    struct skf_ko_graph *old_graph; /* remembered, and perhaps not right any more */
    struct skf_ko_kept *old_kept;
    bool look_in_cache, files_same, graph_same;
    int64_t listed_us, newest_us;
};

/* done comes from the loop, never from inside start. */
void skf_ko_prepare_start(struct skf_ko_prepare *p,
                          void (*done)(struct skf_ko_prepare *p, const struct skf_err *err));
void skf_ko_prepare_cancel(struct skf_ko_prepare *p); /* only asks; done still comes */
void skf_ko_prepare_release(struct skf_ko_prepare *p);

/* Which of the packages was asked for; an error says why it cannot be built. NULL on failure. */
const struct skf_ko_package *skf_ko_main_package(const struct skf_ko_packages *list,
                                                 const struct skf_ko_plan *plan,
                                                 struct skf_err *err);
#endif
