/* lib/engine/event.h: what the engine tells. cmd/ turns events into lines; tests count them. All
 * pointers are valid during the call only. */
#ifndef SKF_ENGINE_EVENT_H
#define SKF_ENGINE_EVENT_H
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/config/load.h"
#include "lib/engine/ledger.h"

/* Where an image that was built before has been found. */
enum skf_found { SKF_FOUND_NOT, SKF_FOUND_LOCALLY, SKF_FOUND_REMOTELY, SKF_FOUND_TAGGED };

enum skf_event_kind {
    SKF_EV_NOTE,            /* text: a calm remark */
    SKF_EV_WARNING,         /* text */
    SKF_EV_CONFIG_FINDINGS, /* diags: errors and warnings in skaffold.yaml */
    SKF_EV_CONFIG_BROKEN,   /* err: an edit of skaffold.yaml that cannot be used; the last good one
                               stays */
    SKF_EV_CONFIG_RELOADED, /* text: what it affects */
    SKF_EV_CHANGED,         /* subject: first changed file; number: how many; a loop begins */
    SKF_EV_TAGGED,          /* subject: artifact; text: name:tag */
    SKF_EV_HOOKS_STARTED,   /* text: "pre-build"; subject: artifact or NULL */
    SKF_EV_HOOKS_LINE,      /* text */
    SKF_EV_HOOKS_DONE,      /* as STARTED */
    SKF_EV_HOOKS_FAILED,    /* err */
    SKF_EV_CACHE_MISSED,    /* subject: artifact: nothing was built of these contents before */
    SKF_EV_CACHE_HIT,       /* subject, text: the reference to deploy; number: enum skf_found */
    SKF_EV_TEST_STARTED,
    SKF_EV_TEST_LINE, /* text; subject: artifact, or NULL: a line of the test */
    SKF_EV_TEST_DONE,
    SKF_EV_TEST_FAILED,    /* err */
    SKF_EV_BUILD_STARTED,  /* subject: artifact */
    SKF_EV_BUILD_LINE,     /* subject, text: a line of the toolchain */
    SKF_EV_BUILD_PROGRESS, /* subject, text: what it does right now; for a terminal only */
    SKF_EV_BUILD_DONE,   /* subject, text: the reference to deploy; number: bytes that travelled */
    SKF_EV_BUILD_FAILED, /* subject, err */
    SKF_EV_BUILD_CANCELED, /* subject */
    SKF_EV_SYNC_STARTED,   /* subject: artifact; text: its image; number: files */
    SKF_EV_SYNC_DONE,      /* subject, text; number: containers */
    SKF_EV_SYNC_FAILED,    /* subject, err: an image is built instead */
    SKF_EV_DEPLOY_STARTED, /* number: objects to apply */
    SKF_EV_DEPLOY_LINE,    /* text: a line of kubectl */
    SKF_EV_DEPLOY_NOTHING, /* nothing differs from what is applied */
    SKF_EV_DEPLOY_DONE,
    SKF_EV_DEPLOY_FAILED, /* err */
    SKF_EV_STATUS_STARTED,
    SKF_EV_STATUS_LINE,   /* text: "deployment/x: waiting for ..." */
    SKF_EV_STATUS_READY,  /* us: how long it took */
    SKF_EV_STATUS_FAILED, /* err: the verdict */
    SKF_EV_LOOP_DONE,     /* ledger */
    SKF_EV_WATCHING,      /* number: files */
    SKF_EV_HELD,          /* text: what waits for a trigger */
    SKF_EV_PAUSED,        /* changes are collected, and nothing is done about them */
    SKF_EV_RESUMED,
    SKF_EV_TRIGGERED, /* somebody asked for a loop; text: what is done */
    SKF_EV_LOG,       /* subject: "[container]" prefix; text: the line */
    SKF_EV_FORWARDED, /* text: "Port forwarding service/x in namespace ..." */
    SKF_EV_CLEANUP_STARTED,
    SKF_EV_CLEANUP_LINE,   /* text */
    SKF_EV_CLEANUP_FAILED, /* err */
};

struct skf_event {
    enum skf_event_kind kind;
    const char *subject, *text;
    long long number;
    int64_t us;
    const struct skf_err *err;
    const struct skf_diagnostics *diags;
    const struct skf_ledger *ledger;
};

typedef void skf_event_fn(void *data, const struct skf_event *event);
#endif
