/* lib/docker/context.h: the files of a build context. Blocking: pool work. */
#ifndef SKF_DOCKER_CONTEXT_H
#define SKF_DOCKER_CONTEXT_H
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/vec.h"
#include "lib/docker/ignore.h"
#include "lib/docker/sources.h"

/* Which files a build is described by; absolute paths, owned. */
struct skf_docker_files {
    char *dir;
    char *dockerfile;  /* may not exist */
    char *ignore_file; /* the one that counts, or the one that would */
};
/* DOCKERFILE below the context if it is there, else below `cwd` if it is there, else the first. */
void skf_docker_files_find(const char *dir, const char *dockerfile, const char *cwd,
                           struct skf_docker_files *out);
void skf_docker_files_release(struct skf_docker_files *f);
/* A missing ignore file gives empty rules. */
int skf_docker_files_ignore(const struct skf_docker_files *f, struct skf_docker_ignore *out,
                            struct skf_err *err);
int skf_docker_files_parse(const struct skf_docker_files *f, struct skf_dockerfile *out,
                           struct skf_err *err);

/* What COPY, ADD and bind mounts read, for watching. */
struct skf_docker_reads;
struct skf_docker_watch {
    struct skf_strv files;          /* named one by one; absolute; they may not exist yet */
    struct skf_docker_reads *reads; /* all that is read below the context; NULL: nothing is */
};
/* Reads Dockerfile and ignore file. Outputs are untouched on failure. */
int skf_docker_watch_find(const struct skf_docker_files *f, const struct skf_docker_question *q,
                          struct skf_docker_watch *out, struct skf_err *err);
void skf_docker_watch_release(struct skf_docker_watch *w);
/* A skf_watch_skip_fn for the tree of the context: true = a build does not read this. Any thread.
 */
bool skf_docker_reads_skip(void *reads, const char *path, bool is_dir);
void skf_docker_reads_free(void *reads);

/* The context as a tar stream for the Engine API: what the ignore rules leave, plus Dockerfile and
 * ignore file; owners are root, so that only content and mode count. Memory is bounded: names of
 * one directory at a time and a quarter MiB of content. */
struct skf_docker_tar;
struct skf_docker_tar *skf_docker_tar_new(const struct skf_docker_files *f, struct skf_err *err);
void skf_docker_tar_free(struct skf_docker_tar *t);
/* Appends the next bytes; 1: more to come, 0: that was the end, or -code. */
int skf_docker_tar_next(struct skf_docker_tar *t, struct skf_buf *out, struct skf_err *err);
/* What `dockerfile=` of the API must say: the name of the Dockerfile in the tar. Borrowed. */
const char *skf_docker_tar_dockerfile(const struct skf_docker_tar *t);
#endif
