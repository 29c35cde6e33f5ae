/* cmd/keys.h: what the keys do while `dev` runs in a terminal. */
#ifndef SKF_CMD_KEYS_H
#define SKF_CMD_KEYS_H
#include "cmd/session.h"
#include "lib/io/keys.h"

/* Reads keys when standard input and output are a terminal; the console says which there are. */
void keys_open(struct session *s, struct skf_keys *k);
#endif
