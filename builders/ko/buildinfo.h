/* builders/ko/buildinfo.h: what the Go linker writes into a program about the modules in it: what
 * `go version -m` prints. */
#ifndef SKF_BUILDERS_KO_BUILDINFO_H
#define SKF_BUILDERS_KO_BUILDINFO_H
#include "lib/base/vec.h"

struct skf_go_module {
    char *path, *version, *sum; /* "" where there is none */
};

struct skf_go_buildinfo {
    struct skf_go_module main;          /* path "" = not in a module */
    SKF_VEC(struct skf_go_module) deps; /* in the linker's order */
};

/* Lines "mod\tPATH\tVERSION\tSUM", "dep\t...": what a replacement is ("=>") does not count, as in
 * ko. */
void skf_go_buildinfo_parse(const char *text, struct skf_go_buildinfo *out);
/* Searches an open program of any format; false and *out empty when it has none (a Go before 1.18,
 * or a program that was stripped of it). Blocks: pool work. */
bool skf_go_buildinfo_read(int fd, struct skf_go_buildinfo *out);
void skf_go_buildinfo_release(struct skf_go_buildinfo *b);
#endif
