/* cmd/progress.h: one line on the terminal for transfers and builds that take a while; nothing
 * where standard error is no terminal. */
#ifndef SKF_CMD_PROGRESS_H
#define SKF_CMD_PROGRESS_H
#include "lib/image/registry.h"

/* Draws the line anew, a few times a second at most; at the end of the transfer it goes. */
void progress_show(const struct skf_transfer *t);
/* The same for what `subject` does right now; cut to the width of the terminal. */
void progress_say(const char *subject, const char *text);
/* Before anything else is printed. */
void progress_clear(void);
#endif
