/* lib/docker/except.h: "new files in this directory count, but these names do not". A glob cannot
 * say "not", but a finite set of names can be written as globs: every way to differ from all of
 * them. */
#ifndef SKF_DOCKER_EXCEPT_H
#define SKF_DOCKER_EXCEPT_H
#include "lib/base/vec.h"

enum { SKF_DOCKER_MAX_EXCEPT = 64 };

/* Adds pairs (dir, glob) that together match all names but `names`, for skf_glob_match. Without
 * names, and for more than SKF_DOCKER_MAX_EXCEPT: the one glob "*". */
void skf_docker_add_except(struct skf_strv *dirs, const char *dir, const struct skf_strv *names);
#endif
