/* cmd/exit.h: the exit codes, in one place. README has the same table. */
#ifndef SKF_CMD_EXIT_H
#define SKF_CMD_EXIT_H
#include "lib/base/err.h"
#include "lib/engine/engine.h"

enum {
    EXIT_CODE_OK = 0,
    EXIT_CODE_FAILED = 1,  /* anything without a code of its own */
    EXIT_CODE_USAGE = 2,   /* unknown command or option, bad value */
    EXIT_CODE_CONFIG = 3,  /* skaffold.yaml or what it names cannot be used */
    EXIT_CODE_BUILD = 4,   /* the code does not build, a base image cannot be had */
    EXIT_CODE_DELIVER = 5, /* an image cannot be pushed or loaded */
    EXIT_CODE_DEPLOY = 6,  /* manifests cannot be rendered or applied */
    EXIT_CODE_STATUS = 7,  /* deployed, and it does not become ready */
    EXIT_CODE_CLUSTER = 8, /* no cluster, cannot be reached, or not the one that was meant */
    EXIT_CODE_BUG = 70,    /* our own mistake */
    /* 128 + signal: a one-shot command was interrupted (130 for Ctrl-C) */
};

/* The same by the stage's name on the control socket ("build"). */
int exit_code_of_stage(const char *name);
int exit_code_of(enum skf_stage stage, const struct skf_err *err);
#endif
