/* lib/base/log.h: debug lines. lib/, builders/ and deployers/ log at debug level only; what a user
 * must know is an error value or an event, and cmd/ prints it. Never log a credential. */
#ifndef SKF_BASE_LOG_H
#define SKF_BASE_LOG_H
#include <stdbool.h>

void skf_log_set_debug(bool on); /* off at start; lines go to stderr */
bool skf_log_debug_on(void);
void skf_log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#endif
