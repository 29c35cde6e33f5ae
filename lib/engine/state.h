/* lib/engine/state.h: where a session stands, as its events tell it: each image's build, the
 * deployment, and, apart from them, the app that runs. A failed build leaves the app as it was. */
#ifndef SKF_ENGINE_STATE_H
#define SKF_ENGINE_STATE_H
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/vec.h"
#include "lib/engine/event.h"

enum skf_progress {
    SKF_NOT_STARTED,
    SKF_IN_PROGRESS,
    SKF_SUCCEEDED,
    SKF_FAILED,
    SKF_CANCELED,
};

struct skf_state_artifact {
    char *image, *reference; /* reference: of the last good build, or NULL */
    enum skf_progress build;
    struct skf_err err; /* of a failed build */
};

struct skf_state {
    SKF_VEC(struct skf_state_artifact) artifacts;
    enum skf_progress deploy, app; /* app: SUCCEEDED = what was applied last is ready */
    struct skf_err config_err, deploy_err, app_err;
    /* Of a phase's hooks and of tests, until something changes; code SKF_OK = none. */
    struct skf_err hooks_err, test_err;
    bool config_broken;
    bool working;             /* between a change and its last consequence */
    bool paused, held;        /* held: changes wait for a trigger */
    char *cause;              /* the file that began the last loop, or NULL */
    struct skf_ledger ledger; /* of the last good loop */
    size_t loops;             /* good ones */
};

void skf_state_init(struct skf_state *s);
void skf_state_release(struct skf_state *s);
/* Forgets the artifacts that are not among these. */
void skf_state_keep(struct skf_state *s, const struct skf_strv *images);
void skf_state_event(struct skf_state *s, const struct skf_event *event);
/* What went wrong last and still holds, the earliest step first; NULL: nothing. `stage`:
 * "config", "build", "deploy" or "status". */
const struct skf_err *skf_state_error(const struct skf_state *s, const char **stage);
/* One object, for `skiff state`. */
json_t *skf_state_json(const struct skf_state *s);

/* One event as a line for machines: {"time":"...","event":"build-failed","artifact":...}; owned. */
json_t *skf_event_json(const struct skf_event *event);
const char *skf_event_name(enum skf_event_kind kind);
json_t *skf_err_json(const struct skf_err *err);
/* What a program, a file name or a message that was cut says need not be UTF-8, and JSON must be:
 * what is not becomes U+FFFD. Never NULL. */
json_t *skf_text_json(const char *text, size_t len);
json_t *skf_ledger_json(const struct skf_ledger *l);
#endif
