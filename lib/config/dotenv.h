/* lib/config/dotenv.h: skaffold.env. */
#ifndef SKF_CONFIG_DOTENV_H
#define SKF_CONFIG_DOTENV_H
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/vec.h"

/* Appends "KEY=VALUE" for each setting of the text: `export` in front, 'quotes' (taken literally,
 * may span lines), "quotes" (with escapes and variables), bare values up to " #", comments, $NAME
 * and ${NAME} of settings above. Errors carry the line. */
int skf_dotenv_parse(const char *text, size_t len, struct skf_strv *out, struct skf_err *err);
/* Reads `file` and puts its settings into the environment of this process where they are not set
 * already. A missing file is fine. Call it before threads start. */
int skf_dotenv_load(const char *file, struct skf_err *err);
#endif
