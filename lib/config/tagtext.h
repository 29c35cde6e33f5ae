/* lib/config/tagtext.h: the texts of image tags; pure functions, the taggers themselves run git. */
#ifndef SKF_CONFIG_TAGTEXT_H
#define SKF_CONFIG_TAGTEXT_H
#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

/* A moment by a layout of Go's time package ("2006-01-02_15-04-05.999_MST"). zone: NULL, "" or
 * "Local" is the machine's, "UTC", or an IANA name ("Europe/Berlin"); an unknown one fails with
 * SKF_ENOTFOUND. */
int skf_go_time_format(const char *layout, long long unix_s, long ns, const char *zone,
                       struct skf_buf *out, struct skf_err *err);

/* Output of git as a tag: what is not [A-Za-z0-9-._] becomes '_', so does each leading '-' or '.',
 * cut to 128 characters; blanks at the ends are dropped before. *changed (may be NULL): "Using x
 * instead of y". */
void skf_tag_sanitise(const char *text, struct skf_buf *out, bool *changed);
/* Is it a valid tag of an image: [A-Za-z0-9_][A-Za-z0-9._-]{0,127} ? */
bool skf_tag_valid(const char *tag);
/* argv of the git call for a variant of gitCommit (NULL or "" = Tags; case ignored),
 * NULL-terminated, to be run in the artifact's context. NULL: unknown variant, or one of the tree
 * variants, which need the path of the context in the repository: see skf_tag_git_tree_spec. */
const char *const *skf_tag_git_args(const char *variant);
/* For TreeSha and AbbrevTreeSha: is it one, and does it take --short? */
bool skf_tag_git_is_tree(const char *variant, bool *abbreviated);
/* "HEAD:REL/" of a context and the top level of its repository, both absolute, symlinks resolved.
 * Owned. */
char *skf_tag_git_tree_spec(const char *top_level, const char *context);
#endif
