#include "lib/config/tagtext.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"

enum { MAX_TAG = 128 };

static bool tag_char(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '.' || c == '_';
}

void skf_tag_sanitise(const char *text, struct skf_buf *out, bool *changed)
{
    const char *start = text + strspn(text, " \t\r\n");
    size_t len = strlen(start), made = 0;
    while (len && strchr(" \t\r\n", start[len - 1]))
        len--;
    size_t from = out->len;
    bool leading = true;
    for (size_t i = 0; i < len && made < MAX_TAG; i++) {
        unsigned char c = (unsigned char)start[i];
        if ((c & 0xc0) == 0x80) /* one character of several bytes is one '_' */
            continue;
        leading = leading && (c == '-' || c == '.');
        skf_buf_addc(out, leading || !tag_char((char)c) ? '_' : (char)c);
        made++;
    }
    if (changed)
        *changed = out->len - from != len || memcmp(out->data + from, start, len) != 0;
}

bool skf_tag_valid(const char *tag)
{
    if (!tag_char(*tag) || *tag == '-' || *tag == '.')
        return false;
    size_t n = 0;
    for (; tag[n]; n++) {
        if (!tag_char(tag[n]))
            return false;
    }
    return n <= MAX_TAG;
}

const char *const *skf_tag_git_args(const char *variant)
{
    static const char *const tags[] = { "git", "describe", "--tags", "--always", NULL };
    static const char *const commit[] = { "git", "rev-list", "-1", "HEAD", NULL };
    static const char *const abbreviated[] = { "git",  "rev-list",        "-1",
                                               "HEAD", "--abbrev-commit", NULL };
    static const char *const branch[] = { "git", "branch", "--show-current", NULL };
    if (!variant || !*variant || strcasecmp(variant, "Tags") == 0)
        return tags;
    if (strcasecmp(variant, "CommitSha") == 0)
        return commit;
    if (strcasecmp(variant, "AbbrevCommitSha") == 0)
        return abbreviated;
    if (strcasecmp(variant, "Branches") == 0)
        return branch;
    return NULL;
}

bool skf_tag_git_is_tree(const char *variant, bool *abbreviated)
{
    *abbreviated = variant && strcasecmp(variant, "AbbrevTreeSha") == 0;
    return *abbreviated || (variant && strcasecmp(variant, "TreeSha") == 0);
}

char *skf_tag_git_tree_spec(const char *top_level, const char *context)
{
    skf_autofree char *rel = skf_path_rel(top_level, context);
    return strcmp(rel, ".") == 0 ? skf_xstrdup("HEAD:") : skf_xasprintf("HEAD:%s/", rel);
}
