/* builders/ko/facts.h: what templates may ask of git and of Go, collected only when one does. */
#ifndef SKF_BUILDERS_KO_FACTS_H
#define SKF_BUILDERS_KO_FACTS_H
#include <stdbool.h>

#include "lib/config/template.h"
#include "lib/io/proc.h"

/* One collection: a few children one after the other, only those that are needed.
 * A directory outside git, or no git at all, is no failure: the values are empty, and a note says
 * so. */
struct skf_ko_facts {
    /* --- set by the caller; borrowed until done
     * --------------------------------------------------- */
    const char *dir, *go;
    const struct skf_strv *roots; /* what the templates name */
    void *data;
    void (*done)(struct skf_ko_facts *f, const struct skf_err *err);
    /* --- results
     * ---------------------------------------------------------------------------------- */
    struct skf_strv go_env;                                        /* "K=V" */
    char *branch, *tag, *short_commit, *full_commit, *commit_date; /* owned; NULL = not asked */
    long long commit_s;
    bool dirty;
    struct skf_strv notes;
    /* --- private
     * ---------------------------------------------------------------------------------- */
    uv_loop_t *loop;
    size_t next;
    bool cancelled;
    struct skf_proc proc;
};

bool skf_ko_facts_needed(const struct skf_strv *roots);
void skf_ko_facts_start(uv_loop_t *loop, struct skf_ko_facts *f,
                        void (*done)(struct skf_ko_facts *f, const struct skf_err *err));
void skf_ko_facts_cancel(struct skf_ko_facts *f); /* only asks; done still comes */
void skf_ko_facts_release(struct skf_ko_facts *f);

/* RFC 3339 in UTC, as Go prints it; owned. */
char *skf_ko_date(long long seconds);
#endif
