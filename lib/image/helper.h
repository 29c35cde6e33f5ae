/* lib/image/helper.h: finds the credentials of a call: files at once, a credential helper as a
 * child process. A helper runs once for a server; calls that want the same wait for it. */
#ifndef SKF_IMAGE_HELPER_H
#define SKF_IMAGE_HELPER_H
#include "lib/image/call.h"

/* Fills c->login and calls done, from the loop. */
void skf_helper_login(struct skf_call *c,
                      void (*done)(struct skf_call *c, const struct skf_err *err));
/* Only asks; done still comes. */
void skf_helper_cancel(struct skf_call *c);
void skf_helper_free(void *helper);
#endif
