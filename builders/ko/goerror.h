/* builders/ko/goerror.h: what Go says, as one error: the first place in the code, and advice where
 * the text is one that people meet again and again (ko-behaviour.md section 21). */
#ifndef SKF_BUILDERS_KO_GOERROR_H
#define SKF_BUILDERS_KO_GOERROR_H
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

/* Collects the lines of one `go build` and keeps what the error needs. Zeroed = empty. */
struct skf_goerror {
    char file[256];
    int line, col;
    char first[700];    /* the first message with a place */
    char other[700];    /* the first line of any kind */
    const char *advice; /* static text */
    size_t places;      /* lines with a place */
};
/* One line of output. `dir`: what relative file names mean. */
void skf_goerror_line(struct skf_goerror *g, const char *text, const char *dir);
/* Sets `err` to SKF_EBUILD with all that was learnt. */
void skf_goerror_set(const struct skf_goerror *g, struct skf_err *err);
/* The three steps for a text that is there as a whole. */
void skf_goerror_from_text(const char *text, const char *dir, struct skf_err *err);
/* "file:line[:col]: rest": true and the parts; `rest` points into text. */
bool skf_goerror_split(const char *text, size_t *file_len, int *line, int *col, const char **rest);
#endif
