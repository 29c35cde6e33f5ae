/* builders/ko/prepare.h: the part that inputs and build share: settings, facts for templates, and
 * which package is meant. */
#ifndef SKF_BUILDERS_KO_PREPARE_H
#define SKF_BUILDERS_KO_PREPARE_H
#include "builders/ko/facts.h"
#include "builders/ko/golist.h"
#include "builders/ko/plan.h"
#include "builders/ko/session.h"
#include "lib/io/flow.h"

struct skf_ko_prepare {
    /* --- set by the caller; borrowed until done
     * --------------------------------------------------- */
    const struct skf_build_context *ctx;
    const char *reference;           /* may be NULL */
    const struct skf_target *target; /* may be NULL */
    bool want_package;               /* else only plan and settings */
    void *data;
    void (*done)(struct skf_ko_prepare *p, const struct skf_err *err);
    /* --- results: valid until release, also after a failure as far as it came
     * ---------------------- */
    struct skf_ko_plan plan;
    struct skf_ko_facts facts;
    struct skf_ko_settings settings; /* for the first platform */
    char settings_digest[SKF_DIGEST_TEXT];
    struct skf_platform platform; /* that one */
    struct skf_ko_session *session;
    struct skf_ko_package package; /* with want_package */
    bool have_package, no_module;
    struct skf_strv files;
    /* --- private
     * ------------------------------------------------------------------------------------ */
    struct skf_flow flow;
    struct skf_ko_golist list;
    bool listing;
    size_t entry; /* of `builds` that is asked next about an import path */
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
