/* lib/engine/control_client.h: the other end of the control socket (control.h), for the program's
 * own commands. Blocks. */
#ifndef SKF_ENGINE_CONTROL_CLIENT_H
#define SKF_ENGINE_CONTROL_CLIENT_H
#include <jansson.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

struct skf_control_client {
    int fd;
    struct skf_buf in;
    int64_t until_ms; /* skf_clock_ms; 0 = no limit */
};

/* Connects to the session of this project directory, or to the one nearest above it. `pid` 0 =
 * there is only one. Names that nobody listens on any more are removed. SKF_ENOTFOUND: no session
 * runs; SKF_EINVAL: several do, and their numbers are named. */
int skf_control_connect(const char *project_dir, int pid, struct skf_control_client *out,
                        struct skf_err *err);
/* Sends one request; takes it over. */
int skf_control_request(struct skf_control_client *c, json_t *request, struct skf_err *err);
/* The next line of the answer into *out, owned. 1: there is one; 0: the end. SKF_ETIMEDOUT;
 * an error that the session answered comes as an error. */
int skf_control_next(struct skf_control_client *c, json_t **out, struct skf_err *err);
void skf_control_client_close(struct skf_control_client *c);
#endif
