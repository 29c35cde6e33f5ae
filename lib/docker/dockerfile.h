/* lib/docker/dockerfile.h: a Dockerfile as a list of instructions: enough to know what a build
 * reads. It is lenient: what only a builder can judge (unknown instructions, flags) passes. */
#ifndef SKF_DOCKER_DOCKERFILE_H
#define SKF_DOCKER_DOCKERFILE_H
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/vec.h"

enum {
    SKF_DOCKERFILE_MAX = 4 * 1024 * 1024,
    SKF_DOCKERFILE_MAX_LINE = 65535,
    SKF_DOCKERFILE_MAX_INSTRUCTIONS = 20000,
};

struct skf_docker_instruction {
    int line;              /* where it begins */
    char *name;            /* upper case */
    char *rest;            /* behind the flags, continuations joined */
    struct skf_strv flags; /* "from=build", without the dashes */
    struct skf_strv words; /* of rest: split at blanks, or the elements of a JSON list */
    bool json;
};

struct skf_dockerfile {
    SKF_VEC(struct skf_docker_instruction) list;
    char escape;       /* '\\' or '`' */
    bool other_syntax; /* "# syntax=": the grammar is that of another image */
};

/* Fails for what makes the rest unreadable: a line too long, a heredoc without its end, no FROM.
 * The error carries `file` and the line. Outputs are untouched on failure. */
int skf_dockerfile_parse(const char *text, size_t len, const char *file, struct skf_dockerfile *out,
                         struct skf_err *err);
void skf_dockerfile_release(struct skf_dockerfile *d);
/* One logical line ("COPY a b"); for the text behind ONBUILD. */
void skf_docker_instruction_read(const char *text, int line, char escape,
                                 struct skf_docker_instruction *out);
void skf_docker_instruction_release(struct skf_docker_instruction *in);
/* `[fd]<<[-]NAME`: inline content, not a file. */
bool skf_docker_is_heredoc(const char *word);
/* Is there an "ARG name"? Skaffold passes some arguments only then. */
bool skf_dockerfile_declares(const struct skf_dockerfile *d, const char *name);
/* The value of a flag, or NULL; "" for a flag without a value. */
const char *skf_docker_flag(const struct skf_docker_instruction *in, const char *name);

/* --- variables (lib/docker/expand.c) ---------------------------------------------------------- */

/* The value of a variable or NULL when it is not set. */
typedef const char *skf_docker_lookup(const void *ctx, const char *name);
/* Docker's word expansion: $x ${x} ${x:-w} ${x-w} ${x:+w} ${x+w} ${x:?w} ${x#p} ${x%p} ${x/p/r},
 * quotes and escapes removed. Appends to `out`; on failure `out` may hold a part. */
int skf_docker_expand(const char *text, char escape, skf_docker_lookup *lookup, const void *ctx,
                      struct skf_buf *out, struct skf_err *err);
#endif
